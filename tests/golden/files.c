/* Numpy arrays by hand: their header is one line of Python. */
#include "files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

WctImage
new_picture (int32_t width, int32_t height, int32_t channels)
{
  const size_t count = (size_t)width * (size_t)height * (size_t)channels;
  float       *pixels = calloc (count, sizeof (float));

  if (pixels == NULL)
    abort ();
  return (WctImage){ pixels, width, height, channels, (size_t)width * (size_t)channels * sizeof (float) };
}

void
convert_bytes (const uint8_t *bytes, int bands, const WctImage *out)
{
  const size_t positions = (size_t)out->width * (size_t)out->height;

  for (size_t p = 0; p < positions; p++)
    for (int c = 0; c < out->channels; c++)
      out->pixels[p * (size_t)out->channels + (size_t)c] =
        (float)bytes[p * (size_t)bands + (size_t)(c < bands ? c : 0)] / 255.f;
}

/* Reads magic, version and header of a version 1 file. */
static bool
read_header (FILE *file, int32_t *height, int32_t *width)
{
  unsigned char start[10];
  char          header[1024];
  int           end = 0;

  if (fread (start, 1, sizeof start, file) != sizeof start || memcmp (start, "\x93NUMPY\x01\x00", 8) != 0)
    return false;

  const size_t length = start[8] + 256u * start[9];
  if (length >= sizeof header || fread (header, 1, length, file) != length)
    return false;
  header[length] = '\0';
  return sscanf (header, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, %d, %d)%n", height, width, &end) == 2
         && end > 0 && *height > 0 && *width > 0;
}

static bool
read_planes (FILE *file, const WctImage *out)
{
  const size_t positions = (size_t)out->width * (size_t)out->height;
  float        value;

  for (size_t c = 0; c < 3; c++)
    for (size_t p = 0; p < positions; p++)
      {
        if (fread (&value, sizeof value, 1, file) != 1)
          return false;
        out->pixels[p * 3 + c] = value;
      }
  return true;
}

bool
read_expected (const char *path, WctImage *out)
{
  FILE   *file = fopen (path, "rb");
  int32_t height, width;
  bool    good = false;

  if (file != NULL && read_header (file, &height, &width))
    {
      *out = new_picture (width, height, 3);
      good = read_planes (file, out);
      if (!good)
        free (out->pixels);
    }
  if (!good)
    printf ("%s: no numpy file of 3 planes of float32\n", path);
  if (file != NULL)
    fclose (file);
  return good;
}
