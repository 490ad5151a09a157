/* Pictures by libvips. */
#include "files.h"

#include <stdio.h>

#include <vips/vips.h>

bool
open_pictures (const char *program)
{
  return VIPS_INIT (program) == 0;
}

void
close_pictures (void)
{
  vips_shutdown ();
}

bool
read_picture (const char *path, int channels, WctImage *out)
{
  VipsImage *image = vips_image_new_from_file (path, NULL);
  uint8_t   *bytes = NULL;
  size_t     size;

  if (image == NULL)
    {
      printf ("%s: %s\n", path, vips_error_buffer ());
      return false;
    }

  const int  bands = vips_image_get_bands (image);
  const bool usable = vips_image_get_format (image) == VIPS_FORMAT_UCHAR && (bands == 3 || bands == 1);
  if (usable)
    bytes = vips_image_write_to_memory (image, &size);
  if (bytes != NULL)
    {
      *out = new_picture (vips_image_get_width (image), vips_image_get_height (image), channels);
      convert_bytes (bytes, bands, out);
    }
  else
    printf ("%s: %s\n", path, usable ? vips_error_buffer () : "cases have 8 bit pictures, gray or RGB");
  g_free (bytes);
  g_object_unref (image);
  return bytes != NULL;
}
