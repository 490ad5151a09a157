/* Sets of pictures: what a folder tree holds, what files of every kind become, what cannot be read, who is held out. */
#include "pictures.h"

#include <math.h>

#include "mem.h"
#include "picture-files.h"
#include "stills.h"

/* ---- Listing ------------------------------------------------------------------------------------------------ */

static void
assert_names (WctPictureSet *set, const char *const *names, size_t count)
{
  for (size_t i = 0; i < count && i < (size_t)wct_picture_set_count (set); i++)
    assert_string_equal (wct_picture_set_name (set, (int32_t)i), names[i]);
  assert_int_equal (wct_picture_set_count (set), count);
}

static void
a_tree_is_listed_in_the_order_of_whole_paths (void **state)
{
  static const char *const names[] = { "B.PNG", "a-b/x.ppm", "a.jpg", "a/x.ppm", "a/x/deep/er.tiff", "b.webp" };
  WctPictureSet           *set;

  (void)state;
  make_subfolder ("a");
  make_subfolder ("a/x");
  make_subfolder ("a/x/deep");
  make_subfolder ("a-b");
  make_subfolder ("nothing in it");
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    write_noise (names[i], 4, 4, i);
  set = open_set ("");
  assert_names (set, names, sizeof names / sizeof names[0]);
  assert_string_equal (wct_picture_set_path (set), picture_folder);
  wct_picture_set_free (&set);
}

static void
hidden_files_and_other_files_are_left_out (void **state)
{
  static const char *const names[] = { "picture.jpg" };
  WctPictureSet           *set;

  (void)state;
  make_subfolder (".hidden");
  make_subfolder ("folder.jpg");
  write_noise (".hidden/x.png", 4, 4, 1);
  write_noise (".x.png", 4, 4, 1);
  write_noise (names[0], 4, 4, 1);
  write_noise ("captions.json", 4, 4, 1);
  write_noise ("jpg", 4, 4, 1);
  write_noise ("table.csv", 4, 4, 1);
  assert_int_equal (mkfifo (path_of ("pipe.png"), 0666), 0);
  set = open_set ("");
  assert_names (set, names, 1);
  wct_picture_set_free (&set);
}

static void
odd_names_are_found_and_read (void **state)
{
  static const char *const names[] = {
    " .png", "a\nb.png", "b [50].png", "c[Q=3]", "d[1].jpg", "%s%n.png", "\xc3\xa4 \xe2\x82\xac.png", "\xff\xfe.png"
  };
  const int32_t  count = 7; /* "c[Q=3]" is not called like a picture */
  WctPictureSet *set;
  WctPixels      pixels;
  WctError       err;

  (void)state;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    write_noise (names[i], 5, 4, i);
  set = open_set ("");
  assert_int_equal (wct_picture_set_count (set), count);
  for (int32_t i = 0; i < count; i++)
    {
      must (wct_picture_set_decode (set, i, 1, INT32_MAX, &pixels, &err), &err);
      assert_int_equal (pixels.width, 5);
      wct_pixels_free (&pixels);
    }
  wct_picture_set_free (&set);
}

static void
links_are_followed_and_loops_end (void **state)
{
  static const char *const names[] = { "a/1.ppm", "a/link.ppm", "a/lost.ppm" };
  WctPictureSet           *set;

  (void)state;
  make_subfolder ("a");
  write_noise ("a/1.ppm", 4, 4, 1);
  assert_int_equal (symlink ("1.ppm", path_of ("a/link.ppm")), 0);
  assert_int_equal (symlink ("nowhere", path_of ("a/lost.ppm")), 0);
  assert_int_equal (symlink ("..", path_of ("a/up")), 0);
  assert_int_equal (symlink (".", path_of ("a/here")), 0);
  assert_int_equal (symlink ("a", path_of ("b")), 0); /* the same folder once more */
  set = open_set ("");
  assert_names (set, names, sizeof names / sizeof names[0]);
  wct_picture_set_free (&set);
}

static void
a_link_to_a_folder_may_be_the_set (void **state)
{
  WctPictureSet *set;

  (void)state;
  make_subfolder ("real");
  write_noise ("real/x.ppm", 4, 4, 1);
  assert_int_equal (symlink ("real", path_of ("link")), 0);
  set = open_set ("link/");
  assert_string_equal (wct_picture_set_name (set, 0), "x.ppm");
  wct_picture_set_free (&set);
}

/* Root may read everything: then somebody else tries. */
static void
a_folder_that_is_closed_is_named_and_the_rest_is_taken (void **state)
{
  const uid_t    user = geteuid ();
  WctPictureSet *set;
  WctError       complaint;

  (void)state;
  make_subfolder ("closed");
  write_noise ("x.ppm", 4, 4, 1);
  assert_int_equal (chmod (path_of ("closed"), 0), 0);
  assert_int_equal (chmod (path_of (""), 0755), 0);
  if (user == 0)
    assert_int_equal (seteuid (65534), 0);
  set = open_set ("");
  assert_int_equal (seteuid (user), 0);
  assert_int_equal (wct_picture_set_count (set), 1);
  assert_int_equal (wct_picture_set_unreadable_count (set), 0);
  assert_true (wct_picture_set_next_complaint (set, &complaint));
  assert_message_has (&complaint, "closed: the folder cannot be read: Permission denied");
  assert_false (wct_picture_set_next_complaint (set, &complaint));
  assert_int_equal (chmod (path_of ("closed"), 0700), 0);
  wct_picture_set_free (&set);
}

static void
what_is_no_set_gets_its_own_sentence (void **state)
{
  (void)state;
  assert_set_refused ("none", WCT_ERR_IO, "none: cannot be opened: No such file or directory");
  assert_set_refused ("", WCT_ERR_ARGUMENT, "there are no pictures in this folder or below");
  make_subfolder ("a");
  write_bytes ("a/notes.txt", "x", 1);
  assert_set_refused ("", WCT_ERR_ARGUMENT, "there are no pictures in this folder or below");
  write_noise ("x.ppm", 4, 4, 1);
  assert_set_refused ("x.ppm", WCT_ERR_FORMAT, "x.ppm: is neither a folder nor a shard");
  assert_set_refused ("x.ppm/y", WCT_ERR_IO, "cannot be opened: Not a directory");
  assert_int_equal (mkfifo (path_of ("pipe"), 0666), 0);
  assert_set_refused ("pipe", WCT_ERR_IO, "pipe: is not a regular file");
}

/* ---- Decoding ----------------------------------------------------------------------------------------------- */

static WctPixels
decode (WctPictureSet *set, int32_t index, int32_t side_min, int32_t side_max)
{
  WctPixels pixels;
  WctError  err;

  must (wct_picture_set_decode (set, index, side_min, side_max, &pixels, &err), &err);
  return pixels;
}

static VipsImage *
vips_gray_ramp (int width, int height, VipsBandFormat format, double scale)
{
  VipsImage *ramp = NULL, *one = NULL, *scaled = NULL, *out = NULL;

  assert_int_equal (vips_xyz (&ramp, width, height, NULL), 0);
  assert_int_equal (vips_extract_band (ramp, &one, 0, NULL), 0);
  assert_int_equal (vips_linear1 (one, &scaled, scale, 0, NULL), 0);
  assert_int_equal (vips_cast (scaled, &out, format, NULL), 0);
  g_object_unref (ramp);
  g_object_unref (one);
  g_object_unref (scaled);
  return out;
}

/* Repeats the ramp in @bands bands, and writes it. */
static void
write_ramp (const char *name, int bands, VipsBandFormat format, double scale, VipsInterpretation meaning)
{
  VipsImage *ramp = vips_gray_ramp (16, 16, format, scale), *joined = NULL, *image = NULL;
  VipsImage *copies[4] = { ramp, ramp, ramp, ramp };

  assert_int_equal (vips_bandjoin (copies, &joined, bands, NULL), 0);
  assert_int_equal (vips_copy (joined, &image, "interpretation", meaning, NULL), 0);
  if (vips_image_write_to_file (image, path_of (name), NULL) != 0)
    fail_msg ("%s: %s", name, vips_error_buffer ());
  g_object_unref (image);
  g_object_unref (joined);
  g_object_unref (ramp);
}

/* Whatever the file has, the picture is a ramp of gray from 0 in steps of 16. */
static void
gray_alpha_and_16_bits_become_8_bit_rgb (void **state)
{
  static const char *const names[] = { "1.png", "2.png", "3.png", "4.png", "5.png", "6.png", "7.tif" };
  WctPictureSet           *set;

  (void)state;
  write_ramp (names[0], 1, VIPS_FORMAT_UCHAR, 16, VIPS_INTERPRETATION_B_W);
  write_ramp (names[1], 2, VIPS_FORMAT_UCHAR, 16, VIPS_INTERPRETATION_B_W);
  write_ramp (names[2], 3, VIPS_FORMAT_UCHAR, 16, VIPS_INTERPRETATION_sRGB);
  write_ramp (names[3], 4, VIPS_FORMAT_UCHAR, 16, VIPS_INTERPRETATION_sRGB);
  write_ramp (names[4], 1, VIPS_FORMAT_USHORT, 16 * 257, VIPS_INTERPRETATION_GREY16);
  write_ramp (names[5], 4, VIPS_FORMAT_USHORT, 16 * 257, VIPS_INTERPRETATION_RGB16);
  write_ramp (names[6], 1, VIPS_FORMAT_FLOAT, 16.0 / 255, VIPS_INTERPRETATION_B_W);
  set = open_set ("");
  for (int32_t i = 0; i < wct_picture_set_count (set); i++)
    {
      WctPixels pixels = decode (set, i, 1, INT32_MAX);

      assert_int_equal (wct_pixels_bytes (&pixels), 16 * 16 * 3);
      for (size_t k = 0; k < 16 * 16 * 3; k++)
        if (pixels.data[k] != k / 3 % 16 * 16)
          fail_msg ("%s, byte %zu: expected %zu, got %d", wct_picture_set_name (set, i), k, k / 3 % 16 * 16,
                    pixels.data[k]);
      wct_pixels_free (&pixels);
    }
  wct_picture_set_free (&set);
}

/* No ink is white, all black ink is dark: by whatever profile. */
static void
inks_become_colors (void **state)
{
  static const uint8_t inks[2][4] = { { 0, 0, 0, 0 }, { 0, 0, 0, 255 } };
  WctPictureSet       *set;

  (void)state;
  for (int i = 0; i < 2; i++)
    {
      uint8_t    bytes[32 * 32 * 4];
      VipsImage *view, *image = NULL;

      for (size_t k = 0; k < sizeof bytes; k++)
        bytes[k] = inks[i][k % 4];
      view = vips_image_new_from_memory (bytes, sizeof bytes, 32, 32, 4, VIPS_FORMAT_UCHAR);
      assert_int_equal (vips_copy (view, &image, "interpretation", VIPS_INTERPRETATION_CMYK, NULL), 0);
      assert_int_equal (vips_jpegsave (image, path_of (i == 0 ? "0.jpg" : "1.jpg"), NULL), 0);
      g_object_unref (image);
      g_object_unref (view);
    }
  set = open_set ("");
  for (int32_t i = 0; i < 2; i++)
    {
      WctPixels pixels = decode (set, i, 1, INT32_MAX);

      for (size_t k = 0; k < wct_pixels_bytes (&pixels); k++)
        if (i == 0 ? pixels.data[k] < 240 : pixels.data[k] > 80)
          fail_msg ("%s paper: got %d", i == 0 ? "white" : "black", pixels.data[k]);
      wct_pixels_free (&pixels);
    }
  wct_picture_set_free (&set);
}

/* Left dark, right light, on the sensor; turned by 90° clockwise that is dark above, light below. */
static void
pictures_are_turned_upright (void **state)
{
  VipsImage     *ramp = vips_gray_ramp (320, 160, VIPS_FORMAT_UCHAR, 0.75), *image = NULL;
  WctPictureSet *set;

  (void)state;
  assert_int_equal (vips_copy (ramp, &image, "interpretation", VIPS_INTERPRETATION_B_W, NULL), 0);
  vips_image_set_int (image, VIPS_META_ORIENTATION, 6);
  assert_int_equal (vips_jpegsave (image, path_of ("turned.jpg"), "Q", 95, NULL), 0);
  g_object_unref (image);
  g_object_unref (ramp);
  set = open_set ("");
  for (int32_t side_max = 40; side_max <= 160; side_max *= 4) /* with and without the decoder's shrinking */
    {
      WctPixels pixels = decode (set, 0, 1, side_max);

      assert_int_equal (pixels.width, side_max);
      assert_int_equal (pixels.height, 2 * side_max);
      for (int32_t y = 0; y < pixels.height; y++)
        {
          const int got = pixels.data[(size_t)y * (size_t)side_max * 3 + 30], expected = 240 * y / pixels.height;

          if (abs (got - expected) > 6) /* JPEG */
            fail_msg ("row %d of %d: expected %d, got %d, allowed 6", y, pixels.height, expected, got);
        }
      wct_pixels_free (&pixels);
    }
  wct_picture_set_free (&set);
}

/* A profile is followed: the same numbers mean stronger colors in Display P3. */
static void
an_embedded_profile_is_followed (void **state)
{
  WctPictureSet *set;
  WctPixels      plain, with_profile;
  uint8_t        bytes[32 * 32 * 3];
  VipsImage     *image;
  VipsBlob      *p3 = NULL;
  const void    *profile;
  size_t         size;

  (void)state;
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = i % 3 == 0 ? 180 : 100;
  assert_int_equal (vips_profile_load ("p3", &p3, NULL), 0);
  image = vips_image_new_from_memory_copy (bytes, sizeof bytes, 32, 32, 3, VIPS_FORMAT_UCHAR);
  assert_int_equal (vips_pngsave (image, path_of ("a.png"), NULL), 0);
  profile = vips_blob_get (p3, &size);
  vips_image_set_blob_copy (image, VIPS_META_ICC_NAME, profile, size);
  assert_int_equal (vips_pngsave (image, path_of ("b.png"), NULL), 0);
  vips_image_set_blob_copy (image, VIPS_META_ICC_NAME, "no profile at all", 17);
  assert_int_equal (vips_tiffsave (image, path_of ("c.tif"), NULL), 0);
  vips_area_unref (VIPS_AREA (p3));
  g_object_unref (image);

  set = open_set ("");
  plain = decode (set, 0, 1, INT32_MAX);
  with_profile = decode (set, 1, 1, INT32_MAX);
  assert_memory_equal (plain.data, bytes, sizeof bytes);
  assert_true (with_profile.data[0] > 185 && with_profile.data[1] < 99);
  wct_pixels_free (&with_profile);
  with_profile = decode (set, 2, 1, INT32_MAX); /* one that cannot be used is as good as none */
  assert_memory_equal (with_profile.data, bytes, sizeof bytes);
  wct_pixels_free (&with_profile);
  wct_pixels_free (&plain);
  wct_picture_set_free (&set);
}

/* Smooth, so that any way to shrink it gives nearly the same. */
static WctPixels
smooth_pixels (int32_t width, int32_t height)
{
  WctPixels pixels = flat_pixels (width, height, 0);

  for (int32_t y = 0; y < height; y++)
    for (int32_t x = 0; x < width; x++)
      for (int c = 0; c < 3; c++)
        pixels.data[((size_t)y * (size_t)width + (size_t)x) * 3 + (size_t)c] =
          (uint8_t)(127.5 + 100 * sin (6.0 * (x + 0.5) / width + c) * cos (5.0 * (y + 0.5) / height));
  return pixels;
}

static void
large_pictures_are_shrunk_to_the_side_that_is_wanted (void **state)
{
  WctPixels  smooth = smooth_pixels (1210, 907);
  VipsImage *image =
    vips_image_new_from_memory (smooth.data, wct_pixels_bytes (&smooth), 1210, 907, 3, VIPS_FORMAT_UCHAR);
  WctPictureSet *set;

  (void)state;
  assert_int_equal (vips_jpegsave (image, path_of ("a.jpg"), "Q", 95, NULL), 0);
  assert_int_equal (vips_pngsave (image, path_of ("b.png"), NULL), 0);
  g_object_unref (image);
  wct_pixels_free (&smooth);
  set = open_set ("");
  for (int32_t i = 0; i < 2; i++)
    for (int32_t side = 25; side <= 907; side += 98)
      {
        WctPixels pixels = decode (set, i, 1, side);

        assert_int_equal (pixels.height, side);
        assert_in_range (pixels.width, (uintmax_t)(side * 1.32), (uintmax_t)(side * 1.35 + 1));
        for (int32_t y = 0; y < pixels.height; y++)
          for (int32_t x = 0; x < pixels.width; x++)
            {
              const double expected =
                127 + 100 * sin (6.0 * (x + 0.5) / pixels.width) * cos (5.0 * (y + 0.5) / pixels.height);
              const double got = pixels.data[((size_t)y * (size_t)pixels.width + (size_t)x) * 3];
              const double allowed = 9; /* a block's edge may be cut off by shrinking, up to a pixel of the result */

              if (fabs (got - expected) > allowed)
                fail_msg ("%s at side %d, %d,%d: expected %.1f, got %.0f, allowed %g", wct_picture_set_name (set, i),
                          side, x, y, expected, got, allowed);
            }
        wct_pixels_free (&pixels);
      }
  wct_picture_set_free (&set);
}

static void
small_pictures_grow_to_the_side_that_is_wanted (void **state)
{
  WctPictureSet *set;
  WctPixels      pixels;

  (void)state;
  write_pixels ("1x1.ppm", flat_pixels (1, 1, 77));
  write_noise ("20x10.ppm", 20, 10, 1);
  set = open_set ("");
  pixels = decode (set, 0, 32, 64);
  assert_int_equal (pixels.width, 32);
  assert_int_equal (pixels.height, 32);
  for (size_t i = 0; i < wct_pixels_bytes (&pixels); i++)
    assert_int_equal (pixels.data[i], 77);
  wct_pixels_free (&pixels);
  pixels = decode (set, 1, 16, 64);
  assert_int_equal (pixels.width, 32);
  assert_int_equal (pixels.height, 16);
  wct_pixels_free (&pixels);
  wct_picture_set_free (&set);
}

/* ---- What cannot be read ------------------------------------------------------------------------------------ */

/* A JPEG that ends early, one that is text, one that is empty, a strip, and a link to nowhere, among two good ones. */
static void
write_bad_pictures (void)
{
  WctPixels  noise = noise_pixels (120, 90, 1);
  VipsImage *image = vips_image_new_from_memory (noise.data, wct_pixels_bytes (&noise), 120, 90, 3, VIPS_FORMAT_UCHAR);
  unsigned char *bytes;
  size_t         size;

  assert_int_equal (vips_jpegsave (image, path_of ("1 good.jpg"), NULL), 0);
  g_object_unref (image);
  wct_pixels_free (&noise);
  bytes = read_bytes ("1 good.jpg", &size);
  write_bytes ("2 cut.jpg", bytes, size * 2 / 3);
  free (bytes);
  write_bytes ("3 te\nxt.png", "Once upon a time there was a header.", 36);
  write_bytes ("4 empty.png", "", 0);
  write_noise ("5 strip.ppm", 600, 2, 2);
  assert_int_equal (symlink ("nowhere", path_of ("6 lost.ppm")), 0);
  write_noise ("7 good.ppm", 16, 16, 3);
}

static void
unreadable_pictures_are_counted_and_named_once (void **state)
{
  static const char *const sentences[] = { "2 cut.jpg: is damaged or cut short", "3 te?xt.png: is not a picture",
                                           "4 empty.png: is empty", "5 strip.ppm: 600×2 is too narrow",
                                           "6 lost.ppm: cannot be opened: No such file" };
  WctPictureSet           *set;
  WctPixels                pixels;
  WctError                 err;

  (void)state;
  write_bad_pictures ();
  set = open_set ("");
  for (int round = 0; round < 2; round++)
    for (int32_t i = 0; i < 7; i++)
      {
        const bool      good = i == 0 || i == 6;
        const WctStatus status = wct_picture_set_decode (set, i, 8, 64, &pixels, &err);

        assert_int_equal (status == WCT_OK, good);
        assert_int_equal (wct_picture_set_unreadable (set, i), !good);
        if (good)
          wct_pixels_free (&pixels);
      }
  assert_int_equal (wct_picture_set_unreadable_count (set), 5);
  for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++)
    {
      assert_true (wct_picture_set_next_complaint (set, &err));
      assert_message_has (&err, sentences[i]);
    }
  assert_false (wct_picture_set_next_complaint (set, &err));
  wct_picture_set_free (&set);
}

static void
names_that_are_not_utf8_are_named_in_utf8 (void **state)
{
  WctPictureSet *set;
  WctPixels      pixels;
  WctError       err;

  (void)state;
  write_bytes ("\xff.png", "x", 1);
  set = open_set ("");
  assert_int_equal (wct_picture_set_decode (set, 0, 8, 64, &pixels, &err), WCT_ERR_FORMAT);
  assert_message_has (&err, "/?.png: is not a picture");
  wct_picture_set_free (&set);
}

/* Kinds of files that broke other programs: each is read or named. */
static void
odd_files_are_read_or_named (void **state)
{
  const char    *shared = getenv ("WCT_SHARED");
  char           path[4096];
  WctPictureSet *set = NULL;
  WctError       err;
  int32_t        read = 0;

  (void)state;
  snprintf (path, sizeof path, "%s/data/odd", shared == NULL ? "../shared" : shared);
  if (access (path, R_OK) != 0)
    {
      print_message ("skipped: %s is not there\n", path);
      skip ();
    }
  must (wct_picture_set_open (path, &set, &err), &err);
  for (int32_t i = 0; i < wct_picture_set_count (set); i++)
    {
      WctPixels pixels;

      if (wct_picture_set_decode (set, i, 16, 32, &pixels, &err) == WCT_OK)
        {
          assert_in_range (wct_pixels_shorter_side (&pixels), 16, 32);
          wct_pixels_free (&pixels);
          read++;
        }
    }
  assert_int_equal (read + wct_picture_set_unreadable_count (set), wct_picture_set_count (set));
  assert_int_equal (wct_picture_set_unreadable_count (set), 6);
  wct_picture_set_free (&set);
}

/* ---- Splitting ---------------------------------------------------------------------------------------------- */

static void
write_empty_pictures (int count)
{
  for (int i = 0; i < count; i++)
    {
      char name[32];

      snprintf (name, sizeof name, "%04d.png", i);
      write_bytes (name, "", 0);
    }
}

static bool
list_has (const WctPictureSet *set, const WctPictureList *list, const char *name)
{
  for (int32_t i = 0; i < list->count; i++)
    if (strcmp (wct_picture_set_name (set, list->indices[i]), name) == 0)
      return true;
  return false;
}

/* Marks what is in the list; it must be in order, and nowhere else. */
static void
assert_list_is_new (const WctPictureList *list, bool *found)
{
  for (int32_t i = 0; i < list->count; i++)
    {
      assert_false (found[list->indices[i]]);
      found[list->indices[i]] = true;
      assert_true (i == 0 || list->indices[i - 1] < list->indices[i]);
    }
}

static void
a_split_takes_about_the_share_and_every_picture_once (void **state)
{
  WctPictureSet *set;
  WctPictureList train, test;
  WctError       err;

  (void)state;
  write_empty_pictures (1000);
  set = open_set ("");
  for (uint64_t seed = 0; seed < 5; seed++)
    {
      bool found[1000] = { false };

      must (wct_picture_set_split (set, 0.2, seed, &train, &test, &err), &err);
      assert_int_equal (train.count + test.count, 1000);
      assert_in_range (test.count, 200 - 5 * 13, 200 + 5 * 13); /* 5 standard deviations */
      assert_list_is_new (&train, found);
      assert_list_is_new (&test, found);
      wct_picture_list_clear (&train);
      wct_picture_list_clear (&test);
    }
  wct_picture_set_free (&set);
}

static void
more_pictures_do_not_move_those_that_were_split (void **state)
{
  WctPictureSet *before, *after;
  WctPictureList train[2], test[2];
  WctError       err;

  (void)state;
  write_empty_pictures (100);
  before = open_set ("");
  must (wct_picture_set_split (before, 0.3, 9, &train[0], &test[0], &err), &err);
  make_subfolder ("0");
  write_bytes ("0/more.png", "", 0);
  write_bytes ("0050x.png", "", 0);
  after = open_set ("");
  must (wct_picture_set_split (after, 0.3, 9, &train[1], &test[1], &err), &err);
  assert_int_equal (train[1].count + test[1].count, 102);
  for (int32_t i = 0; i < 100; i++)
    {
      const char *name = wct_picture_set_name (before, i);

      assert_int_equal (list_has (before, &test[0], name), list_has (after, &test[1], name));
    }
  for (int i = 0; i < 2; i++)
    {
      wct_picture_list_clear (&train[i]);
      wct_picture_list_clear (&test[i]);
    }
  wct_picture_set_free (&before);
  wct_picture_set_free (&after);
}

static void
neither_part_of_a_split_is_empty_where_there_are_two_pictures (void **state)
{
  static const double shares[] = { 1e-9, 0.5, 0.999999999 };

  (void)state;
  for (int count = 1; count <= 4; count++)
    {
      WctPictureSet *set;

      write_empty_pictures (count);
      set = open_set ("");
      for (uint64_t seed = 0; seed < 20; seed++)
        for (size_t k = 0; k < sizeof shares / sizeof shares[0]; k++)
          {
            WctPictureList train, test;
            WctError       err;

            must (wct_picture_set_split (set, shares[k], seed, &train, &test, &err), &err);
            assert_int_equal (train.count + test.count, count);
            assert_true (train.count > 0);
            assert_int_equal (test.count > 0, count > 1);
            wct_picture_list_clear (&train);
            wct_picture_list_clear (&test);
          }
      wct_picture_set_free (&set);
    }
}

static void
a_share_of_nothing_holds_nothing_out (void **state)
{
  WctPictureSet *set;
  WctPictureList train, test;
  WctError       err;

  (void)state;
  write_empty_pictures (50);
  set = open_set ("");
  must (wct_picture_set_split (set, 0, 1, &train, &test, &err), &err);
  assert_int_equal (train.count, 50);
  assert_int_equal (test.count, 0);
  wct_picture_list_clear (&train);
  wct_picture_list_clear (&test);
  wct_picture_set_free (&set);
}

/* ---- Stills ------------------------------------------------------------------------------------------------- */

static void
stills_are_crops_of_the_pictures_as_they_are (void **state)
{
  static const WctStillPlace places[] = { WCT_STILL_CENTER, WCT_STILL_TOP_LEFT };
  WctPictureSet             *set;
  WctPictureList             list;
  float                      planar[3 * 16 * 16];
  WctError                   err;

  (void)state;
  write_noise ("x.ppm", 41, 30, 1);
  set = open_set ("");
  must (wct_picture_list_first (set, -1, &list, &err), &err);
  for (int k = 0; k < 2; k++)
    {
      const int32_t left = k == 0 ? 12 : 0, top = k == 0 ? 7 : 0;
      int32_t       next = 0, loaded;

      must (wct_stills_load (set, &list, 16, places[k], &next, 1, planar, &loaded, &err), &err);
      assert_int_equal (loaded, 1);
      for (int c = 0; c < 3; c++)
        for (int32_t y = 0; y < 16; y++)
          for (int32_t x = 0; x < 16; x++)
            {
              const float expected = (float)noise_at (1, 41, x + left, y + top, c) / 255.0f;

              assert_memory_equal (&planar[(c * 16 + y) * 16 + x], &expected, sizeof expected);
            }
    }
  wct_picture_list_clear (&list);
  wct_picture_set_free (&set);
}

static void
stills_pass_over_what_cannot_be_read_and_go_on_where_they_were (void **state)
{
  WctPictureSet *set;
  WctPictureList list;
  float          planar[3 * 3 * 8 * 8];
  int32_t        next = 0, loaded;
  WctError       err;

  (void)state;
  write_bytes ("000.ppm", "", 0);
  for (int i = 1; i <= 5; i++)
    {
      char name[16];

      snprintf (name, sizeof name, "%03d.ppm", i);
      write_pixels (name, flat_pixels (4, 6, (uint8_t)i)); /* smaller than the crop */
    }
  write_bytes ("003.ppm", "P6", 2);
  set = open_set ("");
  must (wct_picture_list_first (set, -1, &list, &err), &err);
  must (wct_stills_load (set, &list, 8, WCT_STILL_CENTER, &next, 3, planar, &loaded, &err), &err);
  assert_int_equal (loaded, 3);
  assert_int_equal (next, 5);
  assert_float_equal (planar[0], 1 / 255.0, 0);
  assert_float_equal (planar[3 * 8 * 8], 2 / 255.0, 0);
  assert_float_equal (planar[2 * 3 * 8 * 8], 4 / 255.0, 0);
  must (wct_stills_load (set, &list, 8, WCT_STILL_CENTER, &next, 3, planar, &loaded, &err), &err);
  assert_int_equal (loaded, 1);
  assert_float_equal (planar[0], 5 / 255.0, 0);
  must (wct_stills_load (set, &list, 8, WCT_STILL_CENTER, &next, 3, planar, &loaded, &err), &err);
  assert_int_equal (loaded, 0);
  wct_picture_list_clear (&list);
  wct_picture_set_free (&set);
}

/* ---- Memory ------------------------------------------------------------------------------------------------- */

/* Opens, splits and reads everything. */
static WctStatus
use_a_set (const char *path, WctError *err)
{
  WctPictureSet *set = NULL;
  WctPictureList train = { 0 }, test = { 0 };
  float          planar[2 * 3 * 8 * 8];
  int32_t        next = 0, loaded;
  WctStatus      status;

  WCT_TRY (wct_picture_set_open (path, &set, err));
  WCT_TRY (wct_picture_set_split (set, 0.5, 1, &train, &test, err));
  WCT_TRY (wct_stills_load (set, &train, 8, WCT_STILL_CENTER, &next, 2, planar, &loaded, err));
  next = 0;
  WCT_TRY (wct_stills_load (set, &test, 8, WCT_STILL_CENTER, &next, 2, planar, &loaded, err));

out:
  wct_picture_list_clear (&train);
  wct_picture_list_clear (&test);
  wct_picture_set_free (&set);
  return status;
}

static void
every_allocation_that_fails_is_a_failure_and_leaves_nothing_behind (void **state)
{
  const size_t used = wct_mem_used ();
  WctStatus    status = WCT_ERR_NO_MEMORY;

  (void)state;
  make_subfolder ("a");
  write_noise ("a/1.ppm", 9, 9, 1);
  write_noise ("2.ppm", 7, 6, 1);
  write_bytes ("3.ppm", "", 0);
  for (long n = 1; status != WCT_OK; n++)
    {
      WctError err;

      wct_mem_test_fail (n, false);
      status = use_a_set (picture_folder, &err);
      wct_mem_test_fail (0, false);
      assert_true (status == WCT_OK || status == WCT_ERR_NO_MEMORY);
      assert_int_equal (wct_mem_used (), used);
      assert_true (n < 1000);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, make_folder, remove_folder)

int
main (void)
{
  const struct CMUnitTest tests[] = {
    TEST (a_tree_is_listed_in_the_order_of_whole_paths),
    TEST (hidden_files_and_other_files_are_left_out),
    TEST (odd_names_are_found_and_read),
    TEST (links_are_followed_and_loops_end),
    TEST (a_link_to_a_folder_may_be_the_set),
    TEST (a_folder_that_is_closed_is_named_and_the_rest_is_taken),
    TEST (what_is_no_set_gets_its_own_sentence),
    TEST (gray_alpha_and_16_bits_become_8_bit_rgb),
    TEST (inks_become_colors),
    TEST (pictures_are_turned_upright),
    TEST (an_embedded_profile_is_followed),
    TEST (large_pictures_are_shrunk_to_the_side_that_is_wanted),
    TEST (small_pictures_grow_to_the_side_that_is_wanted),
    TEST (unreadable_pictures_are_counted_and_named_once),
    TEST (names_that_are_not_utf8_are_named_in_utf8),
    TEST (odd_files_are_read_or_named),
    TEST (a_split_takes_about_the_share_and_every_picture_once),
    TEST (more_pictures_do_not_move_those_that_were_split),
    TEST (neither_part_of_a_split_is_empty_where_there_are_two_pictures),
    TEST (a_share_of_nothing_holds_nothing_out),
    TEST (stills_are_crops_of_the_pictures_as_they_are),
    TEST (stills_pass_over_what_cannot_be_read_and_go_on_where_they_were),
    TEST (every_allocation_that_fails_is_a_failure_and_leaves_nothing_behind),
  };

  return cmocka_run_group_tests (tests, start_libvips, NULL);
}
