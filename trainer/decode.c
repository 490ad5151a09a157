/* 8 bits of gray or RGB, which nearly every file has, go straight from the decoder to memory, JPEG shrunk by the
 * decoder itself. Everything else takes the way by float that command/picture.c knows.
 *
 * libvips keeps one text of errors for all threads. So that a sentence names the right cause, a file that failed is
 * read again while no other one is. */
#include "decode.h"

#include <pthread.h>
#include <stdbool.h>

#include "picture.h"

#define BANDS       3
#define PIXELS_MAX  (1 << 28)
#define ASPECT_MAX  256
#define ROOM_TO_FIT 2 /* what is left to the good filter that follows */
#define JPEG_SHRINK 8 /* the most that a JPEG decoder does */

static pthread_rwlock_t error_text_lock = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

/* How many times smaller a picture can be made on the way. */
static int32_t
shrink_factor (int32_t width, int32_t height, int32_t side_max)
{
  const int32_t shorter = width < height ? width : height;
  const int32_t enough = side_max > INT32_MAX / ROOM_TO_FIT ? INT32_MAX : side_max * ROOM_TO_FIT;

  return shorter / enough > 1 ? shorter / enough : 1;
}

/* By the header alone, so that it does not matter at which size a picture is wanted. */
static WctStatus
check_size (const WctPictureFile *file, const char *path, WctError *err)
{
  const double width = file->width, height = file->height;

  if (width * height > PIXELS_MAX)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED, "%s: %d×%d is too large to train on; make it smaller", path,
                          file->width, file->height);
  if (width > ASPECT_MAX * height || height > ASPECT_MAX * width)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED, "%s: %d×%d is too narrow to train on; leave it out", path,
                          file->width, file->height);
  return WCT_OK;
}

/* ---- 8 bits: each step puts its result in the place of *image, or is false with libvips' error ------------------ */

static bool
is_simple (const WctPictureFile *file)
{
  if (file->depth != WCT_DEPTH_8 || file->color_bands > BANDS || file->bottom_up)
    return false;
  return (file->source == WCT_SOURCE_ENCODED && file->white == UINT8_MAX) || file->source == WCT_SOURCE_PROFILE;
}

static bool
is_jpeg (VipsImage *image)
{
  const char *loader;

  return vips_image_get_typeof (image, VIPS_META_LOADER) != 0
         && vips_image_get_string (image, VIPS_META_LOADER, &loader) == 0 && g_str_has_prefix (loader, "jpegload");
}

static bool
replace (VipsImage **image, VipsImage *result)
{
  g_object_unref (*image);
  *image = result;
  return true;
}

static bool
shrink_on_load (const char *path, int32_t side_max, VipsImage **image)
{
  const int32_t factor = shrink_factor ((*image)->Xsize, (*image)->Ysize, side_max);
  VipsImage    *smaller = NULL;
  int           shrink = 1;

  while (shrink * 2 <= factor && shrink < JPEG_SHRINK)
    shrink *= 2;
  if (shrink == 1 || !is_jpeg (*image))
    return true;
  if (vips_jpegload (path, &smaller, "shrink", shrink, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR,
                     NULL)
      != 0)
    return false;
  return replace (image, smaller);
}

/* By the average of whole squares of pixels. */
static bool
shrink_while_reading (int32_t side_max, VipsImage **image)
{
  const int32_t factor = shrink_factor ((*image)->Xsize, (*image)->Ysize, side_max);
  VipsImage    *smaller = NULL;

  if (factor == 1)
    return true;
  return vips_shrink (*image, &smaller, factor, factor, NULL) == 0 && replace (image, smaller);
}

static bool
drop_alpha (const WctPictureFile *file, VipsImage **image)
{
  VipsImage *color = NULL;

  if (!file->alpha)
    return true;
  return vips_extract_band (*image, &color, 0, "n", file->color_bands, NULL) == 0 && replace (image, color);
}

/* A profile that cannot be used (damaged, or of another kind of picture) is as good as none. */
static bool
apply_profile (const WctPictureFile *file, VipsImage **image)
{
  VipsImage *converted = NULL;

  if (file->source != WCT_SOURCE_PROFILE)
    return true;
  if (vips_icc_transform (*image, &converted, "srgb", "embedded", TRUE, "depth", 8, "intent", VIPS_INTENT_RELATIVE,
                          "black_point_compensation", TRUE, NULL)
      != 0)
    {
      vips_error_clear ();
      return true;
    }
  return replace (image, converted);
}

static bool
turn_upright (const WctPictureFile *file, VipsImage **image)
{
  VipsImage *stored, *upright = NULL;

  if (file->orientation <= 1)
    return true;
  stored = vips_image_copy_memory (*image); /* files are read from the top only */
  if (stored == NULL)
    return false;
  return replace (image, stored) && vips_autorot (*image, &upright, NULL) == 0 && replace (image, upright);
}

static WctStatus
vips_failed (const char *path, WctError *err)
{
  char reason[256];

  wct_vips_reason (reason, sizeof reason);
  return wct_error_set (err, WCT_ERR_FORMAT, "%s: is damaged or cut short: %s", path, reason);
}

/* @bytes: (width, height, bands) */
static void
spread_to_rgb (const uint8_t *bytes, int bands, WctPixels *out)
{
  const size_t count = (size_t)out->width * (size_t)out->height;

  for (size_t i = 0; i < count; i++)
    for (size_t c = 0; c < BANDS; c++)
      out->data[BANDS * i + c] = bytes[(size_t)bands * i + (bands == BANDS ? c : 0)];
}

/* Takes the file's image over. */
static WctStatus
decode_simple (const char *path, WctPictureFile *file, int32_t side_max, WctPixels *out, WctError *err)
{
  uint8_t  *bytes = NULL;
  size_t    size;
  WctStatus status;

  if (!shrink_on_load (path, side_max, &file->image) || !shrink_while_reading (side_max, &file->image)
      || !drop_alpha (file, &file->image) || !apply_profile (file, &file->image) || !turn_upright (file, &file->image))
    return vips_failed (path, err);
  bytes = vips_image_write_to_memory (file->image, &size);
  if (bytes == NULL)
    return vips_failed (path, err);
  WCT_TRY (wct_pixels_new (file->image->Xsize, file->image->Ysize, path, out, err));
  spread_to_rgb (bytes, file->image->Bands, out);

out:
  g_free (bytes);
  return status;
}

/* ---- everything else ---------------------------------------------------------------------------------------- */

/* The size that the picture is read at is known when it is opened. */
static WctStatus
reopen_smaller (const char *path, int32_t side_max, WctPictureFile *file, WctError *err)
{
  const int32_t factor = shrink_factor (file->width, file->height, side_max);
  const int32_t longer = file->width > file->height ? file->width : file->height;

  if (factor == 1)
    return WCT_OK;
  wct_picture_close (file);
  return wct_picture_open (path, longer / factor, file, err);
}

static void
round_to_bytes (const WctImage *image, WctPixels *out)
{
  const size_t count = (size_t)image->width * (size_t)image->height * BANDS;

  for (size_t i = 0; i < count; i++)
    out->data[i] = (uint8_t)(image->pixels[i] * UINT8_MAX + 0.5f);
}

static WctStatus
decode_by_float (const char *path, WctPictureFile *file, int32_t side_max, WctPixels *out, WctError *err)
{
  WctPicture picture = { 0 };
  WctStatus  status;

  WCT_TRY (reopen_smaller (path, side_max, file, err));
  WCT_TRY (wct_picture_read (file, &picture, err));
  WCT_TRY (wct_pixels_new (picture.image.width, picture.image.height, path, out, err));
  round_to_bytes (&picture.image, out);

out:
  wct_picture_clear (&picture);
  return status;
}

/* ---- any file ----------------------------------------------------------------------------------------------- */

static WctStatus
decode (const char *path, int32_t side_max, WctPixels *out, WctError *err)
{
  WctPictureFile file = { 0 };
  WctStatus      status;

  WCT_TRY (wct_picture_open (path, 0, &file, err));
  WCT_TRY (check_size (&file, path, err));
  if (is_simple (&file))
    WCT_TRY (decode_simple (path, &file, side_max, out, err));
  else
    WCT_TRY (decode_by_float (path, &file, side_max, out, err));

out:
  wct_picture_close (&file);
  return status;
}

WctStatus
wct_decode (const char *path, int32_t side_max, WctPixels *out, WctError *err)
{
  WctStatus status;

  pthread_rwlock_rdlock (&error_text_lock);
  status = decode (path, side_max, out, err);
  pthread_rwlock_unlock (&error_text_lock);
  if (status != WCT_OK && status != WCT_ERR_NO_MEMORY && status != WCT_CANCELED)
    {
      pthread_rwlock_wrlock (&error_text_lock);
      vips_error_clear ();
      status = decode (path, side_max, out, err);
      pthread_rwlock_unlock (&error_text_lock);
    }
  vips_thread_shutdown (); /* what libvips keeps for a thread would leak at its end */
  return status;
}
