/* Pictures where there is no libvips, as on a borrowed machine with a graphics card: scripts/gpu-check --pack leaves a
 * binary .ppm or .pgm beside each .png. */
#include "files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
open_pictures (const char *program)
{
  (void)program;
  return true;
}

void
close_pictures (void)
{
}

/* The name with the other ending. */
static FILE *
open_beside (const char *path, const char *ending)
{
  char        other[8192];
  const char *dot = strrchr (path, '.');

  snprintf (other, sizeof other, "%.*s%s", (int)(dot == NULL ? strlen (path) : (size_t)(dot - path)), path, ending);
  return fopen (other, "rb");
}

/* "P6 width height 255", one blank, bytes. No comments: we wrote it. */
static bool
read_plain (FILE *file, int bands, int channels, WctImage *out)
{
  int width = 0, height = 0, most = 0;

  if (fscanf (file, bands == 3 ? "P6 %d %d %d" : "P5 %d %d %d", &width, &height, &most) != 3 || most != 255 || width < 1
      || height < 1 || width > 65535 || height > 65535 || fgetc (file) == EOF)
    return false;

  const size_t size = (size_t)width * (size_t)height * (size_t)bands;
  uint8_t     *bytes = malloc (size);
  const bool   good = bytes != NULL && fread (bytes, 1, size, file) == size;

  if (good)
    {
      *out = new_picture (width, height, channels);
      convert_bytes (bytes, bands, out);
    }
  free (bytes);
  return good;
}

bool
read_picture (const char *path, int channels, WctImage *out)
{
  static const char *const endings[] = { ".ppm", ".pgm" };
  bool                     good = false;

  for (int i = 0; i < 2 && !good; i++)
    {
      FILE *file = open_beside (path, endings[i]);

      if (file == NULL)
        continue;
      good = read_plain (file, i == 0 ? 3 : 1, channels, out);
      fclose (file);
    }
  if (!good)
    printf ("%s: there is no .ppm or .pgm of it that can be read\n", path);
  return good;
}
