/* Folders of small pictures for tests of the trainer's data, made when they are needed. */
#ifndef WCT_TEST_PICTURE_FILES_H
#define WCT_TEST_PICTURE_FILES_H

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "picture.h"
#include "pictures.h"
#include "random.h"

static char picture_folder[64]; /* new for each test */

static inline int
start_libvips (void **state)
{
  WctError err;

  (void)state;
  return wct_pictures_start ("test", &err) == WCT_OK ? 0 : -1;
}

static inline int
make_folder (void **state)
{
  (void)state;
  strcpy (picture_folder, "/tmp/wct-pictures-XXXXXX");
  return mkdtemp (picture_folder) == NULL ? -1 : 0;
}

static inline int
remove_one (const char *path, const struct stat *about, int kind, struct FTW *where)
{
  (void)about;
  (void)kind;
  (void)where;
  return remove (path);
}

static inline int
remove_folder (void **state)
{
  (void)state;
  return nftw (picture_folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* One of a few buffers, so that two paths may be had at once. */
static inline const char *
path_of (const char *name)
{
  static char paths[4][512];
  static int  next;
  char       *path = paths[next++ % 4];

  snprintf (path, sizeof paths[0], "%s%s%s", picture_folder, name[0] == '\0' ? "" : "/", name);
  return path;
}

static inline void
make_subfolder (const char *name)
{
  assert_int_equal (mkdir (path_of (name), 0777), 0);
}

static inline void
write_bytes (const char *name, const void *bytes, size_t size)
{
  FILE *stream = fopen (path_of (name), "wb");

  if (stream == NULL)
    fail_msg ("%s: %s", name, strerror (errno));
  assert_int_equal (fwrite (bytes, 1, size, stream), size);
  assert_int_equal (fclose (stream), 0);
}

static inline unsigned char *
read_bytes (const char *name, size_t *size)
{
  FILE          *stream = fopen (path_of (name), "rb");
  unsigned char *bytes;

  assert_non_null (stream);
  assert_int_equal (fseek (stream, 0, SEEK_END), 0);
  *size = (size_t)ftell (stream);
  bytes = malloc (*size + 1);
  assert_non_null (bytes);
  rewind (stream);
  assert_int_equal (fread (bytes, 1, *size, stream), *size);
  fclose (stream);
  return bytes;
}

/* What a picture of this seed has at a place: noise. */
static inline uint8_t
noise_at (uint64_t seed, int32_t width, int32_t x, int32_t y, int c)
{
  return (uint8_t)(wct_random_hash (seed, ((uint64_t)y * (uint64_t)width + (uint64_t)x) * 3 + (uint64_t)c) >> 56);
}

static inline WctPixels
noise_pixels (int32_t width, int32_t height, uint64_t seed)
{
  WctPixels pixels;
  WctError  err;

  if (wct_pixels_new (width, height, "noise", &pixels, &err) != WCT_OK)
    fail_msg ("%s", err.message);
  for (int32_t y = 0; y < height; y++)
    for (int32_t x = 0; x < width; x++)
      for (int c = 0; c < 3; c++)
        pixels.data[((size_t)y * (size_t)width + (size_t)x) * 3 + (size_t)c] = noise_at (seed, width, x, y, c);
  return pixels;
}

static inline WctPixels
flat_pixels (int32_t width, int32_t height, uint8_t value)
{
  WctPixels pixels = noise_pixels (width, height, 0);

  memset (pixels.data, value, wct_pixels_bytes (&pixels));
  return pixels;
}

/* As a binary PPM, whatever it is called: readers look at the content. */
static inline void
write_pixels (const char *name, WctPixels pixels)
{
  FILE *stream = fopen (path_of (name), "wb");

  if (stream == NULL)
    fail_msg ("%s: %s", name, strerror (errno));
  fprintf (stream, "P6\n%d %d\n255\n", pixels.width, pixels.height);
  assert_int_equal (fwrite (pixels.data, 1, wct_pixels_bytes (&pixels), stream), wct_pixels_bytes (&pixels));
  assert_int_equal (fclose (stream), 0);
  wct_pixels_free (&pixels);
}

static inline void
write_noise (const char *name, int32_t width, int32_t height, uint64_t seed)
{
  write_pixels (name, noise_pixels (width, height, seed));
}

/* 0.ppm, 1.ppm, …; number i is flat, of value i. */
static inline void
write_flat_pictures (int count, int32_t width, int32_t height)
{
  for (int i = 0; i < count; i++)
    {
      char name[32];

      snprintf (name, sizeof name, "%03d.ppm", i);
      write_pixels (name, flat_pixels (width, height, (uint8_t)i));
    }
}

static inline void
must (WctStatus status, const WctError *err)
{
  if (status != WCT_OK)
    fail_msg ("expected success, got: %s", err->message);
}

static inline WctPictureSet *
open_set (const char *name)
{
  WctPictureSet *set = NULL;
  WctError       err;

  must (wct_picture_set_open (path_of (name), &set, &err), &err);
  return set;
}

static inline void
assert_message_has (const WctError *err, const char *part)
{
  if (strstr (err->message, part) == NULL)
    fail_msg ("expected a sentence with \"%s\", got \"%s\"", part, err->message);
  if (strchr (err->message, '\n') != NULL)
    fail_msg ("expected one line, got \"%s\"", err->message);
}

static inline void
assert_set_refused (const char *name, WctStatus status, const char *part)
{
  WctPictureSet  *set = NULL;
  WctError        err;
  const WctStatus got = wct_picture_set_open (path_of (name), &set, &err);

  if (got != status)
    fail_msg ("expected %s, got %s (%s)", wct_status_name (status), wct_status_name (got),
              got == WCT_OK ? "" : err.message);
  assert_message_has (&err, part);
  assert_null (set);
}

#endif
