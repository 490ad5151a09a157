/* Pictures: sizes that fit, what stands in for nothing, files of many kinds and files that are broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <string.h>

#include <cmocka.h>
#include <gdk-pixbuf/gdk-pixbuf.h>

#include "picture.h"
#include "same.h"
#include "scratch.h"

/* ---- Sizes -------------------------------------------------------------------------------------------------- */

static void
the_longer_side_is_made_what_was_asked_for (void **state)
{
  static const struct
  {
    gint longer, width, height, expected_width, expected_height;
  } cases[] = {
    { 512, 1024, 768, 512, 384 }, { 512, 768, 1024, 384, 512 }, { 512, 100, 50, 512, 256 }, { 0, 123, 45, 123, 45 },
    { 512, 512, 512, 512, 512 },  { 100, 100000, 3, 100, 1 },   { 1, 5000, 4000, 1, 1 },    { 10, 1, 100000, 1, 10 },
  };

  (void)state;
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      gint width = cases[i].width, height = cases[i].height;

      wct_size_fit (cases[i].longer, &width, &height);
      if (width != cases[i].expected_width || height != cases[i].expected_height)
        fail_msg ("%dx%d to %d: expected %dx%d, got %dx%d", cases[i].width, cases[i].height, cases[i].longer,
                  cases[i].expected_width, cases[i].expected_height, width, height);
    }
}

/* ---- Counting ----------------------------------------------------------------------------------------------- */

static void
no_two_pictures_have_the_same_key (void **state)
{
  WctPicture *one = NULL, *two = NULL;

  (void)state;
  assert_int_equal (wct_picture_new (3, 2, &one, NULL), WCT_OK);
  assert_int_equal (wct_picture_new (3, 2, &two, NULL), WCT_OK);
  assert_true (one->key != 0 && two->key != 0 && one->key != two->key);
  assert_int_equal (one->image.width, 3);
  assert_int_equal (one->image.height, 2);
  assert_int_equal (one->image.channels, 3);
  assert_int_equal (wct_image_check (&one->image, 3, "picture", NULL), WCT_OK);
  wct_picture_unref (&one);
  wct_picture_unref (&two);
}

static void
a_picture_lives_until_its_last_reference_goes (void **state)
{
  WctPicture *picture = NULL, *other;

  (void)state;
  assert_int_equal (wct_picture_new (2, 2, &picture, NULL), WCT_OK);
  picture->image.pixels[0] = 0.5f;
  other = wct_picture_ref (picture);
  wct_picture_unref (&picture);
  assert_null (picture);
  assert_true (other->image.pixels[0] == 0.5f);
  wct_picture_unref (&other);
  wct_picture_unref (&other); /* NULL by now */
}

static void
a_picture_beyond_all_memory_is_refused_in_one_sentence (void **state)
{
  WctPicture *picture = NULL;
  WctError    err = { WCT_OK, "" };

  (void)state;
  assert_int_equal (wct_picture_new (G_MAXINT, G_MAXINT, &picture, &err), WCT_ERR_NO_MEMORY);
  assert_sentence (err.message);
  assert_null (picture);
}

/* ---- Nothing has no color ----------------------------------------------------------------------------------- */

static void
expect_filled (const float *rgba, gsize count, const float *expected)
{
  float rgb[12];

  assert_true (count <= 4);
  wct_picture_fill_transparent (rgba, count, rgb);
  for (gsize i = 0; i < 3 * count; i++)
    if (!(fabsf (rgb[i] - expected[i]) <= 1e-6f)) /* two roundings of float */
      fail_msg ("pixel %zu, channel %zu: expected %g, got %g, allowed 1e-6", i / 3, i % 3, (double)expected[i],
                (double)rgb[i]);
}

static void
what_is_opaque_stays (void **state)
{
  (void)state;
  expect_filled ((const float[]){ 0.1f, 0.2f, 0.3f, 1, 0.9f, 1.5f, -0.25f, 1 }, 2,
                 (const float[]){ 0.1f, 0.2f, 0.3f, 0.9f, 1.5f, -0.25f });
}

static void
where_nothing_shows_the_mean_of_what_shows_stands_in (void **state)
{
  (void)state;
  expect_filled ((const float[]){ 0.2f, 0.4f, 0.6f, 1, 0.4f, 0.8f, 1, 1, 1, 0, 1, 0 }, 3,
                 (const float[]){ 0.2f, 0.4f, 0.6f, 0.4f, 0.8f, 1, 0.3f, 0.6f, 0.8f });
}

static void
what_half_shows_weighs_half_and_is_half_filled (void **state)
{
  /* The mean: (1 * 1 + 0.5 * 0.4) / 1.5 = 0.8; the second: 0.5 * 0.4 + 0.5 * 0.8 = 0.6. */
  (void)state;
  expect_filled ((const float[]){ 1, 1, 1, 1, 0.4f, 0.4f, 0.4f, 0.5f }, 2,
                 (const float[]){ 1, 1, 1, 0.6f, 0.6f, 0.6f });
}

static void
where_nothing_shows_at_all_it_is_black (void **state)
{
  (void)state;
  expect_filled ((const float[]){ 1, 0.5f, 1, 0, 0.3f, 1, 1, 0 }, 2, (const float[]){ 0, 0, 0, 0, 0, 0 });
}

/* ---- Files -------------------------------------------------------------------------------------------------- */

/* Red goes to the right, green goes down; blue is 128, alpha as given. */
static GdkPixbuf *
make_pixbuf (gint width, gint height, gboolean has_alpha, guchar alpha)
{
  GdkPixbuf *pixbuf = gdk_pixbuf_new (GDK_COLORSPACE_RGB, has_alpha, 8, width, height);
  guchar    *bytes = gdk_pixbuf_get_pixels (pixbuf);
  const gint channels = has_alpha ? 4 : 3, stride = gdk_pixbuf_get_rowstride (pixbuf);

  for (gint y = 0; y < height; y++)
    for (gint x = 0; x < width; x++)
      {
        guchar *pixel = bytes + y * stride + x * channels;

        pixel[0] = (guchar)(255 * x / MAX (width - 1, 1));
        pixel[1] = (guchar)(255 * y / MAX (height - 1, 1));
        pixel[2] = 128;
        if (has_alpha)
          pixel[3] = alpha;
      }
  return pixbuf;
}

static char *
save_pixbuf (GdkPixbuf *pixbuf, const char *name, const char *type)
{
  char *path = scratch_path (name);

  assert_true (gdk_pixbuf_save (pixbuf, path, type, NULL, NULL));
  g_object_unref (pixbuf);
  return path;
}

static WctPicture *
load (const char *path, gint longer_side)
{
  WctPicture *picture = NULL;
  WctError    err;

  if (wct_picture_load (path, longer_side, &picture, &err) != WCT_OK)
    fail_msg ("%s was not read: %s", path, err.message);
  return picture;
}

static void
a_file_is_read_pixel_by_pixel (void **state)
{
  char       *path = save_pixbuf (make_pixbuf (7, 5, FALSE, 0), "plain.png", "png");
  WctPicture *picture = load (path, 0);
  gint        width = 0, height = 0;

  (void)state;
  assert_int_equal (picture->image.width, 7);
  assert_int_equal (picture->image.height, 5);
  for (gint y = 0; y < 5; y++)
    for (gint x = 0; x < 7; x++)
      {
        const float *pixel = picture->image.pixels + (y * 7 + x) * 3;

        assert_true (pixel[0] == (float)(255 * x / 6) / 255);
        assert_true (pixel[1] == (float)(255 * y / 4) / 255);
        assert_true (pixel[2] == (float)128 / 255);
      }
  assert_true (wct_picture_file_size (path, &width, &height));
  assert_int_equal (width, 7);
  assert_int_equal (height, 5);
  wct_picture_unref (&picture);
  g_free (path);
}

static void
a_file_is_scaled_to_the_longer_side (void **state)
{
  char       *path = sample_path ("lake.jpg");
  WctPicture *small = load (path, 96), *whole = load (path, 0);

  (void)state;
  assert_int_equal (small->image.width, 96);
  assert_int_equal (small->image.height, 64);
  assert_int_equal (whole->image.width, 960);
  assert_int_equal (whole->image.height, 640);
  wct_picture_unref (&small);
  wct_picture_unref (&whole);
  g_free (path);
}

static void
a_transparent_file_is_filled (void **state)
{
  char       *path = save_pixbuf (make_pixbuf (4, 4, TRUE, 0), "transparent.png", "png");
  WctPicture *picture = load (path, 0);

  (void)state;
  for (gint i = 0; i < 4 * 4 * 3; i++)
    assert_true (picture->image.pixels[i] == 0);
  wct_picture_unref (&picture);
  g_free (path);
}

/* A JPEG whose EXIF data says: turn it by 90 degrees, clockwise. */
static char *
save_turned (gint width, gint height)
{
  static const guchar exif[] = { 0xff, 0xe1, 0,    34,   'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8,
                                 0,    1,    0x01, 0x12, 0,   3,   0,   0,   0, 1, 0,   6,   0, 0,  0, 0, 0, 0 };
  GdkPixbuf          *pixbuf = make_pixbuf (width, height, FALSE, 0);
  char               *bytes, *path;
  gsize               count;
  GByteArray         *whole = g_byte_array_new ();

  assert_true (gdk_pixbuf_save_to_buffer (pixbuf, &bytes, &count, "jpeg", NULL, "quality", "100", NULL));
  g_object_unref (pixbuf);
  g_byte_array_append (whole, (const guchar *)bytes, 2);
  g_byte_array_append (whole, exif, sizeof exif);
  g_byte_array_append (whole, (const guchar *)bytes + 2, (guint)count - 2);
  path = scratch_write ("turned.jpg", whole->data, whole->len);
  g_byte_array_unref (whole);
  g_free (bytes);
  return path;
}

static void
a_photo_is_turned_as_its_camera_says (void **state)
{
  char        *path = save_turned (32, 16);
  WctPicture  *picture = load (path, 0);
  const float *top_left = picture->image.pixels, *top_right = picture->image.pixels + 15 * 3;

  (void)state;
  assert_int_equal (picture->image.width, 16);
  assert_int_equal (picture->image.height, 32);
  /* What was at the lower left, green, is at the upper left now; what was there is at the upper right. */
  assert_true (top_left[0] < 0.2f && top_left[1] > 0.8f);
  assert_true (top_right[0] < 0.2f && top_right[1] < 0.2f);
  wct_picture_unref (&picture);
  g_free (path);
}

/* Broken in one sentence, and nothing comes back. */
static void
expect_refused (char *path)
{
  WctPicture *picture = NULL;
  WctError    err = { WCT_OK, "" };

  if (wct_picture_load (path, 0, &picture, &err) == WCT_OK)
    fail_msg ("%s: expected to be refused, got a picture", path);
  assert_sentence (err.message);
  assert_null (picture);
  g_free (path);
}

static void
a_file_that_is_missing_is_refused (void **state)
{
  gint  width, height;
  char *path = scratch_path ("no-such-file.png");

  (void)state;
  assert_false (wct_picture_file_size (path, &width, &height));
  expect_refused (path);
}

static void
a_folder_is_no_picture (void **state)
{
  (void)state;
  expect_refused (scratch_path ("."));
}

static void
an_empty_file_is_no_picture (void **state)
{
  (void)state;
  expect_refused (scratch_write ("empty.png", "", 0));
}

static void
text_is_no_picture (void **state)
{
  (void)state;
  expect_refused (scratch_write ("text.jpg", "this is text\n", 13));
}

/* Cut within its header, and within its pixels. */
static void
a_file_that_ends_early_is_refused (void **state)
{
  char  *path = save_pixbuf (make_pixbuf (64, 64, FALSE, 0), "whole.png", "png"), *bytes;
  size_t count;

  (void)state;
  bytes = scratch_read ("whole.png", &count);
  assert_non_null (bytes);
  expect_refused (scratch_write ("cut-header.png", bytes, 20));
  expect_refused (scratch_write ("cut-pixels.png", bytes, count / 2));
  g_free (bytes);
  g_free (path);
}

static void
a_jpeg_without_a_picture_in_it_is_refused (void **state)
{
  (void)state;
  expect_refused (scratch_write ("start.jpg", "\xff\xd8\xff\xe0\0\x10JFIF\0", 11));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (the_longer_side_is_made_what_was_asked_for),
    cmocka_unit_test (no_two_pictures_have_the_same_key),
    cmocka_unit_test (a_picture_lives_until_its_last_reference_goes),
    cmocka_unit_test (a_picture_beyond_all_memory_is_refused_in_one_sentence),
    cmocka_unit_test (what_is_opaque_stays),
    cmocka_unit_test (where_nothing_shows_the_mean_of_what_shows_stands_in),
    cmocka_unit_test (what_half_shows_weighs_half_and_is_half_filled),
    cmocka_unit_test (where_nothing_shows_at_all_it_is_black),
    cmocka_unit_test (a_file_is_read_pixel_by_pixel),
    cmocka_unit_test (a_file_is_scaled_to_the_longer_side),
    cmocka_unit_test (a_transparent_file_is_filled),
    cmocka_unit_test (a_photo_is_turned_as_its_camera_says),
    cmocka_unit_test (a_file_that_is_missing_is_refused),
    cmocka_unit_test (a_folder_is_no_picture),
    cmocka_unit_test (an_empty_file_is_no_picture),
    cmocka_unit_test (text_is_no_picture),
    cmocka_unit_test (a_file_that_ends_early_is_refused),
    cmocka_unit_test (a_jpeg_without_a_picture_in_it_is_refused),
  };

  return cmocka_run_group_tests (tests, scratch_open, scratch_close);
}
