#include "thumbnail.h"

#include <string.h>

#include <vips/vips.h>

#include "picture.h"

/* The image as libvips sees it, scaled; @scope owns what is made on the way. */
static int
scale (VipsObject *scope, const WctImage *image, int32_t longer_side, VipsImage **out)
{
  VipsImage   **made = (VipsImage **)vips_object_local_array (scope, 3);
  const int32_t longer = image->width > image->height ? image->width : image->height;
  const size_t  bytes = image->row_stride_bytes * (size_t)image->height;
  const double  factor = longer > longer_side ? (double)longer_side / longer : 1;

  made[0] = vips_image_new_from_memory (image->pixels, bytes, image->width, image->height, 3, VIPS_FORMAT_FLOAT);
  if (made[0] == NULL || vips_resize (made[0], &made[1], factor, NULL) != 0
      || vips_linear1 (made[1], &made[2], 255, 0.5, NULL) != 0) /* a cast cuts */
    return -1;
  return vips_cast_uchar (made[2], out, NULL);
}

static WctStatus
refuse (WctError *err)
{
  char reason[200];

  wct_vips_reason (reason, sizeof reason);
  return wct_error_set (err, WCT_ERR_NO_MEMORY, "the thumbnail of a style cannot be made: %s", reason);
}

WctStatus
wct_thumbnail_make (const WctImage *image, int32_t longer_side, WctThumbnail *out, WctError *err)
{
  VipsImage *scope = vips_image_new (), *small = NULL;
  size_t     size;
  WctStatus  status = WCT_OK;

  if (scale (VIPS_OBJECT (scope), image, longer_side, &small) != 0
      || (out->pixels = vips_image_write_to_memory (small, &size)) == NULL)
    status = refuse (err);
  else
    {
      out->width = small->Xsize;
      out->height = small->Ysize;
    }
  if (small != NULL)
    g_object_unref (small);
  g_object_unref (scope);
  return status;
}

void
wct_thumbnail_clear (WctThumbnail *thumbnail)
{
  g_free (thumbnail->pixels);
  *thumbnail = (WctThumbnail){ .pixels = NULL };
}
