/* The feed of batches: the same bits whatever runs beside, every picture once an epoch, and nothing that cannot be read
 * stops it. */
#include "feed.h"

#include <math.h>
#include <pthread.h>

#include "mem.h"
#include "picture-files.h"
#include "shard.h"

#define STEPS 9

/* ---- Feeding ------------------------------------------------------------------------------------------------ */

/* Small, with everything on. */
static WctFeedOptions
usual_options (void)
{
  WctFeedOptions options;

  wct_feed_defaults (&options);
  options.crop = 12;
  options.batch = 6;
  options.seed = 1;
  return options;
}

/* No two pixels of a picture are alike, and every picture is itself: what a crop shows can be told. */
static WctFeedOptions
plain_options (int32_t crop, int32_t batch)
{
  WctFeedOptions options = usual_options ();

  options.crop = crop;
  options.batch = batch;
  options.scale_min = 1;
  options.flip = false;
  return options;
}

static size_t
picture_values (const WctFeedOptions *options)
{
  return (size_t)3 * (size_t)options->crop * (size_t)options->crop;
}

static WctFeed *
open_feed (WctPictureSet *set, const WctFeedOptions *options, int64_t first_step)
{
  WctFeed       *feed = NULL;
  WctPictureList list;
  WctError       err;

  must (wct_picture_list_first (set, -1, &list, &err), &err);
  must (wct_feed_new (set, &list, options, first_step, &feed, &err), &err);
  wct_picture_list_clear (&list);
  return feed;
}

/* This rank's part of @count steps. */
static float *
run_steps (WctPictureSet *set, const WctFeedOptions *options, int64_t first_step, int count)
{
  const size_t values = picture_values (options) * (size_t)(options->batch / options->ranks);
  float       *planar = malloc (values * (size_t)count * sizeof *planar);
  WctFeed     *feed = open_feed (set, options, first_step);
  WctError     err;

  assert_non_null (planar);
  for (int i = 0; i < count; i++)
    must (wct_feed_next (feed, planar + (size_t)i * values, &err), &err);
  wct_feed_free (&feed);
  assert_null (feed);
  return planar;
}

/* Pictures of many sizes, some smaller than the crop, and one that cannot be read. */
static void
write_mixed_pictures (void)
{
  for (int i = 0; i < 10; i++)
    {
      char name[32];

      snprintf (name, sizeof name, "%d.ppm", i);
      write_noise (name, 5 + 9 * i, 40 - 3 * i, (uint64_t)i);
    }
  write_noise ("one.ppm", 1, 1, 10);
  write_bytes ("bad.ppm", "x", 1);
}

static void
assert_same_steps (WctPictureSet *set, const WctFeedOptions *options, const float *expected, const char *what)
{
  float       *got = run_steps (set, options, 0, STEPS);
  const size_t bytes = picture_values (options) * (size_t)options->batch * STEPS * sizeof *got;

  if (memcmp (got, expected, bytes) != 0)
    fail_msg ("%s: the bits of %d steps are not those of one thread", what, STEPS);
  free (got);
}

/* ---- The same bits ------------------------------------------------------------------------------------------ */

static void
threads_depth_and_cache_change_no_bit (void **state)
{
  WctFeedOptions options = usual_options ();
  WctPictureSet *set;
  float         *expected;

  (void)state;
  write_mixed_pictures ();
  set = open_set ("");
  expected = run_steps (set, &options, 0, STEPS);
  for (options.threads = 1; options.threads <= 4; options.threads++)
    for (options.depth = 1; options.depth <= 3; options.depth++)
      for (options.cache_bytes = 0; options.cache_bytes <= 8000; options.cache_bytes = options.cache_bytes * 20 + 1)
        assert_same_steps (set, &options, expected, "threads, depth, cache");
  free (expected);
  wct_picture_set_free (&set);
}

static void
a_set_that_was_not_used_before_gives_the_same_bits (void **state)
{
  WctFeedOptions options = usual_options ();
  WctPictureSet *set;
  float         *expected;

  (void)state;
  write_mixed_pictures ();
  set = open_set ("");
  expected = run_steps (set, &options, 0, STEPS);
  wct_picture_set_free (&set);
  options.threads = 3;
  set = open_set ("");
  assert_same_steps (set, &options, expected, "a new set");
  wct_picture_set_free (&set);
  free (expected);
}

static void
ranks_share_the_batch_of_one_rank (void **state)
{
  static const int32_t worlds[] = { 2, 3, 6 };
  WctFeedOptions       options = usual_options ();
  WctPictureSet       *set;
  float               *whole;

  (void)state;
  write_mixed_pictures ();
  set = open_set ("");
  whole = run_steps (set, &options, 0, STEPS);
  for (size_t k = 0; k < sizeof worlds / sizeof worlds[0]; k++)
    for (options.ranks = worlds[k], options.rank = 0; options.rank < options.ranks; options.rank++)
      {
        const size_t batch = picture_values (&options) * (size_t)options.batch, share = batch / (size_t)options.ranks;
        float       *part = run_steps (set, &options, 0, STEPS);

        for (size_t step = 0; step < STEPS; step++)
          if (memcmp (part + step * share, whole + step * batch + (size_t)options.rank * share, share * sizeof *part)
              != 0)
            fail_msg ("rank %d of %d, step %zu: not its part of the whole batch", options.rank, options.ranks, step);
        free (part);
      }
  free (whole);
  wct_picture_set_free (&set);
}

static void
a_resumed_feed_goes_on_with_the_bits_of_the_first (void **state)
{
  WctFeedOptions options = usual_options ();
  const size_t   batch = picture_values (&options) * (size_t)options.batch;
  WctPictureSet *set;
  float         *whole;

  (void)state;
  write_mixed_pictures ();
  set = open_set ("");
  whole = run_steps (set, &options, 0, STEPS);
  for (int first = 1; first < STEPS; first++)
    {
      float *rest = run_steps (set, &options, first, STEPS - first);

      if (memcmp (rest, whole + (size_t)first * batch, (size_t)(STEPS - first) * batch * sizeof *rest) != 0)
        fail_msg ("from step %d: not the batches of the run that was not interrupted", first);
      free (rest);
    }
  free (whole);
  wct_picture_set_free (&set);
}

static void
a_shard_feeds_the_bits_of_its_folder (void **state)
{
  WctPackOptions packing = { .threads = 1 };
  WctFeedOptions options = usual_options ();
  WctPictureSet *folder, *shard;
  float         *expected;
  WctError       err;

  (void)state;
  options.side_max = packing.side_max = 24;
  make_subfolder ("in");
  for (int i = 0; i < 8; i++)
    {
      char name[32];

      snprintf (name, sizeof name, "in/%d.ppm", i);
      write_noise (name, 8 + 15 * i, 100 - 9 * i, (uint64_t)i);
    }
  folder = open_set ("in");
  must (wct_shard_pack (folder, path_of ("shard"), &packing, NULL, NULL, &err), &err);
  shard = open_set ("shard");
  expected = run_steps (folder, &options, 0, STEPS);
  assert_same_steps (shard, &options, expected, "the shard");
  options.threads = 3;
  options.cache_bytes = 1;
  assert_same_steps (shard, &options, expected, "the shard, by three threads");
  free (expected);
  wct_picture_set_free (&shard);
  wct_picture_set_free (&folder);
}

static void
seeds_and_steps_give_batches_of_their_own (void **state)
{
  WctFeedOptions options = usual_options ();
  const size_t   batch = picture_values (&options) * (size_t)options.batch;
  WctPictureSet *set;
  float         *first, *second;

  (void)state;
  write_mixed_pictures ();
  set = open_set ("");
  first = run_steps (set, &options, 0, STEPS);
  options.seed = 2;
  second = run_steps (set, &options, 0, STEPS);
  for (size_t i = 0; i < STEPS; i++)
    {
      assert_memory_not_equal (first + i * batch, second + i * batch, batch * sizeof *first);
      for (size_t k = 0; k < i; k++)
        assert_memory_not_equal (first + i * batch, first + k * batch, batch * sizeof *first);
    }
  free (first);
  free (second);
  wct_picture_set_free (&set);
}

/* ---- Epochs ------------------------------------------------------------------------------------------------- */

/* Which of write_flat_pictures' pictures a crop is of. */
static int
number_of (const float *planar)
{
  return (int)lroundf (planar[0] * 255);
}

/* The numbers of the pictures in @count places of the endless row of epochs. */
static void
read_order (WctPictureSet *set, const WctFeedOptions *options, int count, int *order)
{
  const int steps = (count + options->batch - 1) / options->batch;
  float    *planar = run_steps (set, options, 0, steps);

  for (int i = 0; i < count; i++)
    order[i] = number_of (planar + (size_t)i * picture_values (options));
  free (planar);
}

static void
every_epoch_has_every_picture_once_in_a_new_order (void **state)
{
  const WctFeedOptions options = plain_options (4, 8); /* 20 does not divide by 8: batches cross epochs */
  WctPictureSet       *set;
  int                  order[6 * 20];

  (void)state;
  write_flat_pictures (20, 6, 5);
  set = open_set ("");
  read_order (set, &options, 6 * 20, order);
  for (int epoch = 0; epoch < 6; epoch++)
    {
      bool found[20] = { false };

      for (int i = 0; i < 20; i++)
        {
          assert_false (found[order[20 * epoch + i]]);
          found[order[20 * epoch + i]] = true;
        }
      for (int before = 0; before < epoch; before++)
        assert_memory_not_equal (order + 20 * epoch, order + 20 * before, 20 * sizeof order[0]);
    }
  wct_picture_set_free (&set);
}

static void
only_pictures_of_the_list_are_fed (void **state)
{
  int32_t              indices[3] = { 2, 5, 7 };
  const WctPictureList list = { .indices = indices, .count = 3 };
  const WctFeedOptions options = plain_options (4, 3);
  WctFeed             *feed = NULL;
  WctPictureSet       *set;
  float                planar[3 * 48];
  WctError             err;

  (void)state;
  write_flat_pictures (10, 6, 5);
  set = open_set ("");
  must (wct_feed_new (set, &list, &options, 0, &feed, &err), &err);
  memset (indices, 0, sizeof indices); /* it has its own */
  for (int step = 0; step < 5; step++)
    {
      int sum = 0;

      must (wct_feed_next (feed, planar, &err), &err);
      for (int i = 0; i < 3; i++)
        sum += 1 << number_of (planar + 48 * i);
      assert_int_equal (sum, 1 << 2 | 1 << 5 | 1 << 7);
    }
  wct_feed_free (&feed);
  wct_picture_set_free (&set);
}

static void
a_picture_that_cannot_be_read_is_replaced_by_the_next_of_its_epoch (void **state)
{
  WctFeedOptions options = plain_options (4, 4);
  WctPictureSet *set;
  int            good[5 * 12], with_bad[5 * 12];
  WctError       complaint;

  (void)state;
  write_flat_pictures (12, 6, 5);
  set = open_set ("");
  read_order (set, &options, 5 * 12, good);
  wct_picture_set_free (&set);

  write_bytes ("003.ppm", "x", 1);
  write_bytes ("007.ppm", "x", 1);
  set = open_set ("");
  options.threads = 3;
  read_order (set, &options, 5 * 12, with_bad);
  for (int i = 0; i < 5 * 12; i++)
    {
      int place = i;

      while (good[place] == 3 || good[place] == 7)
        place = place / 12 * 12 + (place + 1) % 12;
      if (with_bad[i] != good[place])
        fail_msg ("place %d: expected picture %d, got %d", i, good[place], with_bad[i]);
    }
  assert_int_equal (wct_picture_set_unreadable_count (set), 2);
  assert_true (wct_picture_set_next_complaint (set, &complaint));
  assert_true (wct_picture_set_next_complaint (set, &complaint));
  assert_false (wct_picture_set_next_complaint (set, &complaint));
  wct_picture_set_free (&set);
}

static void
a_set_of_which_nothing_can_be_read_is_a_sentence_at_every_step (void **state)
{
  WctFeedOptions options = usual_options ();
  WctPictureSet *set;
  WctFeed       *feed;
  float         *planar = malloc (wct_feed_bytes (&options));
  WctError       err;

  (void)state;
  write_bytes ("a.ppm", "", 0);
  write_bytes ("b.png", "text", 4);
  set = open_set ("");
  for (options.threads = 1; options.threads <= 3; options.threads++)
    {
      feed = open_feed (set, &options, 0);
      for (int i = 0; i < 3; i++)
        {
          assert_int_equal (wct_feed_next (feed, planar, &err), WCT_ERR_FORMAT);
          assert_message_has (&err, "no picture in it can be read; the first that was tried: ");
        }
      wct_feed_free (&feed);
    }
  assert_int_equal (wct_picture_set_unreadable_count (set), 2);
  free (planar);
  wct_picture_set_free (&set);
}

/* ---- Crops -------------------------------------------------------------------------------------------------- */

static void
one_picture_of_one_pixel_fills_any_batch (void **state)
{
  WctFeedOptions options = usual_options ();
  WctPictureSet *set;
  float         *planar;

  (void)state;
  write_pixels ("one.ppm", flat_pixels (1, 1, 51));
  set = open_set ("");
  options.batch = 40;
  planar = run_steps (set, &options, 1000000000000, 2);
  for (size_t i = 0; i < 2 * 40 * picture_values (&options); i++)
    assert_float_equal (planar[i], 0.2, 0);
  free (planar);
  wct_picture_set_free (&set);
}

/* Left, top and mirrored: found by looking. False where the crop is nowhere in the picture. */
static bool
find_crop (const float *planar, int32_t crop, int32_t width, int32_t height, int32_t *x, int32_t *y, bool *flip)
{
  for (int mirrored = 0; mirrored < 2; mirrored++)
    for (*y = 0; *y + crop <= height; ++*y)
      for (*x = 0; *x + crop <= width; ++*x)
        {
          bool same = true;

          for (int32_t v = 0; same && v < crop; v++)
            for (int32_t u = 0; same && u < crop; u++)
              same = planar[v * crop + u]
                     == (float)noise_at (1, width, *x + (mirrored ? crop - 1 - u : u), *y + v, 0) / 255.0f;
          *flip = mirrored != 0;
          if (same)
            return true;
        }
  return false;
}

/* Each of 6 × 4 places and each side as often as chance has it. */
static void
crops_come_from_every_place_and_from_both_sides (void **state)
{
  WctFeedOptions options = plain_options (8, 120);
  WctPictureSet *set;
  float         *planar;
  int            found[6][4] = { { 0 } }, flipped = 0;
  const int      count = 20 * 120;

  (void)state;
  write_noise ("x.ppm", 13, 11, 1);
  set = open_set ("");
  options.flip = true;
  planar = run_steps (set, &options, 0, 20);
  for (int i = 0; i < count; i++)
    {
      int32_t x, y;
      bool    flip;

      assert_true (find_crop (planar + (size_t)i * picture_values (&options), 8, 13, 11, &x, &y, &flip));
      found[x][y]++;
      flipped += flip;
    }
  for (int x = 0; x < 6; x++)
    for (int y = 0; y < 4; y++)
      assert_in_range (found[x][y], 50, 150); /* 100, 5 standard deviations */
  assert_in_range (flipped, count / 2 - 123, count / 2 + 123);
  free (planar);
  wct_picture_set_free (&set);
}

static void
without_flip_no_crop_is_mirrored (void **state)
{
  const WctFeedOptions options = plain_options (8, 50);
  WctPictureSet       *set;
  float               *planar;

  (void)state;
  write_noise ("x.ppm", 13, 11, 1);
  set = open_set ("");
  planar = run_steps (set, &options, 0, 1);
  for (int i = 0; i < 50; i++)
    {
      int32_t x, y;
      bool    flip;

      assert_true (find_crop (planar + (size_t)i * picture_values (&options), 8, 13, 11, &x, &y, &flip));
      assert_false (flip);
    }
  free (planar);
  wct_picture_set_free (&set);
}

/* A ramp of 100 pixels: how far a crop climbs says how much the picture was scaled. */
static void
scales_fill_the_range_that_is_allowed (void **state)
{
  WctFeedOptions options = plain_options (16, 200);
  WctPixels      ramp = flat_pixels (100, 100, 0);
  WctPictureSet *set;
  float         *planar;
  double         least = 1, most = 0;

  (void)state;
  for (size_t i = 0; i < wct_pixels_bytes (&ramp); i++)
    ramp.data[i] = (uint8_t)(i / 3 % 100 * 2);
  write_pixels ("ramp.ppm", ramp);
  set = open_set ("");
  options.scale_min = 0.25;
  planar = run_steps (set, &options, 0, 1);
  for (int i = 0; i < 200; i++)
    {
      const float *row = planar + (size_t)i * picture_values (&options);
      const double scale = 11 * 2 / 255.0 / (row[13] - row[2]); /* borders are flatter */

      least = fmin (least, scale);
      most = fmax (most, scale);
    }
  assert_float_equal (least, 0.25, 0.02);
  assert_float_equal (most, 1, 0.02);
  free (planar);
  wct_picture_set_free (&set);
}

static void
larger_pictures_are_brought_down_first (void **state)
{
  WctFeedOptions options = plain_options (8, 4);
  WctPictureSet *set;
  float         *planar;
  WctPixels      expected;
  WctError       err;

  (void)state;
  options.side_max = 8;
  write_noise ("x.ppm", 80, 80, 1);
  set = open_set ("");
  planar = run_steps (set, &options, 0, 1);
  must (wct_picture_set_decode (set, 0, 8, 8, &expected, &err), &err);
  for (int i = 0; i < 4; i++)
    for (size_t k = 0; k < 64; k++)
      assert_float_equal (planar[(size_t)i * 192 + k], (float)expected.data[3 * k] / 255.0f, 0);
  wct_pixels_free (&expected);
  free (planar);
  wct_picture_set_free (&set);
}

static void
the_usual_size_leaves_room_for_scaling (void **state)
{
  (void)state;
  assert_int_equal (wct_feed_side_max (64, 0.5), 512);
  assert_int_equal (wct_feed_side_max (256, 1), 512);
  assert_int_equal (wct_feed_side_max (256, 0.25), 1024);
  assert_int_equal (wct_feed_side_max (512, 0.5), 1024);
}

/* ---- Beginning and ending ----------------------------------------------------------------------------------- */

static void
a_feed_ends_at_any_time (void **state)
{
  WctFeedOptions options = usual_options ();
  WctPictureSet *set;

  (void)state;
  write_mixed_pictures ();
  set = open_set ("");
  options.threads = 3;
  for (int steps = 0; steps < 20; steps++)
    {
      WctFeed *feed = open_feed (set, &options, 0);
      float   *planar = malloc (wct_feed_bytes (&options));
      WctError err;

      for (int i = 0; i < steps / 4; i++)
        must (wct_feed_next (feed, planar, &err), &err);
      wct_feed_free (&feed);
      wct_feed_free (&feed);
      free (planar);
    }
  wct_picture_set_free (&set);
}

typedef struct
{
  WctPictureSet *set;
  float         *planar;
} Side;

static void *
feed_beside (void *data)
{
  Side                *side = data;
  const WctFeedOptions options = usual_options ();

  side->planar = run_steps (side->set, &options, 0, STEPS);
  return NULL;
}

/* As training and held-out parts do; complaints are taken meanwhile. */
static void
two_feeds_share_a_set (void **state)
{
  const WctFeedOptions options = usual_options ();
  const size_t         bytes = picture_values (&options) * (size_t)options.batch * STEPS * sizeof (float);
  Side                 sides[2];
  pthread_t            threads[2];
  WctError             complaint;

  (void)state;
  write_mixed_pictures ();
  sides[0].set = sides[1].set = open_set ("");
  for (int i = 0; i < 2; i++)
    assert_int_equal (pthread_create (&threads[i], NULL, feed_beside, &sides[i]), 0);
  while (!wct_picture_set_next_complaint (sides[0].set, &complaint))
    usleep (1000);
  assert_message_has (&complaint, "bad.ppm: is not a picture");
  for (int i = 0; i < 2; i++)
    pthread_join (threads[i], NULL);
  assert_memory_equal (sides[0].planar, sides[1].planar, bytes);
  assert_false (wct_picture_set_next_complaint (sides[0].set, &complaint));
  for (int i = 0; i < 2; i++)
    free (sides[i].planar);
  wct_picture_set_free (&sides[0].set);
}

static void
assert_options_refused (WctFeedOptions options, const char *part)
{
  int32_t              index = 0;
  const WctPictureList list = { .indices = &index, .count = 1 };
  WctPictureSet       *set = open_set ("");
  WctFeed             *feed = NULL;
  WctError             err;

  assert_int_equal (wct_feed_new (set, &list, &options, 0, &feed, &err), WCT_ERR_ARGUMENT);
  assert_message_has (&err, part);
  assert_null (feed);
  wct_picture_set_free (&set);
}

static void
options_that_cannot_be_get_a_sentence (void **state)
{
  WctFeedOptions options;

  (void)state;
  write_noise ("x.ppm", 9, 9, 1);
#define REFUSED(change, part)                 \
  do                                          \
    {                                         \
      options = usual_options ();             \
      change;                                 \
      assert_options_refused (options, part); \
    }                                         \
  while (0)
  REFUSED (options.crop = 0, "crops of 0 pixels");
  REFUSED (options.side_max = 11, "crops of 12 pixels do not fit pictures of 11");
  REFUSED (options.ranks = 4, "6 pictures cannot be shared by 4 ranks");
  REFUSED (options.rank = 1, "cannot be shared");
  REFUSED (options.batch = 0, "cannot be shared");
  REFUSED (options.scale_min = 0, "cannot be scaled by 0; use 1/16 to 1");
  REFUSED (options.scale_min = 0.06, "cannot be scaled by 0.06");
  REFUSED (options.scale_min = 1.5, "cannot be scaled by 1.5");
  REFUSED (options.scale_min = NAN, "cannot be scaled by");
  REFUSED (options.threads = 0, "at least one thread");
  REFUSED (options.depth = 0, "room for one batch");
#undef REFUSED
}

static void
an_empty_list_gets_a_sentence (void **state)
{
  const WctPictureList list = { .count = 0 };
  const WctFeedOptions options = usual_options ();
  WctPictureSet       *set;
  WctFeed             *feed = NULL;
  WctError             err;

  (void)state;
  write_noise ("x.ppm", 9, 9, 1);
  set = open_set ("");
  assert_int_equal (wct_feed_new (set, &list, &options, 0, &feed, &err), WCT_ERR_ARGUMENT);
  assert_message_has (&err, "there is no picture to train on");
  wct_picture_set_free (&set);
}

static void
batches_that_no_memory_can_hold_get_a_sentence (void **state)
{
  WctFeedOptions options = usual_options ();
  WctPictureSet *set;
  WctPictureList list;
  WctFeed       *feed = NULL;
  WctError       err;

  (void)state;
  write_noise ("x.ppm", 9, 9, 1);
  set = open_set ("");
  must (wct_picture_list_first (set, -1, &list, &err), &err);
  options.batch = INT32_MAX;
  options.crop = 1 << 15;
  assert_int_equal (wct_feed_bytes (&options), SIZE_MAX);
  assert_int_equal (wct_feed_new (set, &list, &options, 0, &feed, &err), WCT_ERR_NO_MEMORY);
  assert_message_has (&err, "a batch of pictures: ");
  wct_picture_list_clear (&list);
  wct_picture_set_free (&set);
}

/* ---- Memory ------------------------------------------------------------------------------------------------- */

static WctStatus
feed_some_steps (WctPictureSet *set, const WctPictureList *list, const WctFeedOptions *options, float *planar,
                 WctError *err)
{
  WctFeed  *feed = NULL;
  WctStatus status;

  WCT_TRY (wct_feed_new (set, list, options, 0, &feed, err));
  for (int i = 0; i < 3; i++)
    WCT_TRY (wct_feed_next (feed, planar, err));

out:
  wct_feed_free (&feed);
  return status;
}

static void
every_allocation_that_fails_is_a_failure_and_leaves_nothing_behind (void **state)
{
  const WctFeedOptions options = usual_options ();
  float               *planar = malloc (wct_feed_bytes (&options)), *expected;
  WctPictureSet       *set;
  WctPictureList       list;
  WctStatus            status = WCT_ERR_NO_MEMORY;
  size_t               used;
  WctError             err;

  (void)state;
  write_mixed_pictures ();
  assert_int_equal (unlink (path_of ("bad.ppm")), 0); /* its sentence would be remembered */
  set = open_set ("");
  must (wct_picture_list_first (set, -1, &list, &err), &err);
  expected = run_steps (set, &options, 0, 3);
  used = wct_mem_used ();
  for (long n = 1; status != WCT_OK; n++)
    {
      wct_mem_test_fail (n, true);
      status = feed_some_steps (set, &list, &options, planar, &err);
      wct_mem_test_fail (0, false);
      if (status != WCT_OK && status != WCT_ERR_NO_MEMORY)
        fail_msg ("allocation %ld: expected no memory, got %s: %s", n, wct_status_name (status), err.message);
      assert_int_equal (wct_mem_used (), used);
      assert_int_equal (wct_picture_set_unreadable_count (set), 0);
      assert_true (n < 2000);
    }
  assert_memory_equal (planar, expected + 2 * 6 * picture_values (&options),
                       6 * picture_values (&options) * sizeof (float));
  free (expected);
  free (planar);
  wct_picture_list_clear (&list);
  wct_picture_set_free (&set);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, make_folder, remove_folder)

int
main (void)
{
  const struct CMUnitTest tests[] = {
    TEST (threads_depth_and_cache_change_no_bit),
    TEST (a_set_that_was_not_used_before_gives_the_same_bits),
    TEST (ranks_share_the_batch_of_one_rank),
    TEST (a_resumed_feed_goes_on_with_the_bits_of_the_first),
    TEST (a_shard_feeds_the_bits_of_its_folder),
    TEST (seeds_and_steps_give_batches_of_their_own),
    TEST (every_epoch_has_every_picture_once_in_a_new_order),
    TEST (only_pictures_of_the_list_are_fed),
    TEST (a_picture_that_cannot_be_read_is_replaced_by_the_next_of_its_epoch),
    TEST (a_set_of_which_nothing_can_be_read_is_a_sentence_at_every_step),
    TEST (one_picture_of_one_pixel_fills_any_batch),
    TEST (crops_come_from_every_place_and_from_both_sides),
    TEST (without_flip_no_crop_is_mirrored),
    TEST (scales_fill_the_range_that_is_allowed),
    TEST (larger_pictures_are_brought_down_first),
    TEST (the_usual_size_leaves_room_for_scaling),
    TEST (a_feed_ends_at_any_time),
    TEST (two_feeds_share_a_set),
    TEST (options_that_cannot_be_get_a_sentence),
    TEST (an_empty_list_gets_a_sentence),
    TEST (batches_that_no_memory_can_hold_get_a_sentence),
    TEST (every_allocation_that_fails_is_a_failure_and_leaves_nothing_behind),
  };

  return cmocka_run_group_tests (tests, start_libvips, NULL);
}
