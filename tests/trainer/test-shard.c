/* Shards: what is packed comes back, what is damaged is refused, and no failure leaves a file. */
#include "shard.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>

#include "checksum.h"
#include "mem.h"
#include "picture-files.h"
#include "shard-format.h"

static const WctPackOptions whole = { .side_max = INT32_MAX, .threads = 2 };

/* Pictures of several sizes in "in/", packed to "out". */
static void
write_pictures (void)
{
  make_subfolder ("in");
  make_subfolder ("in/sub folder");
  write_noise ("in/1.ppm", 30, 20, 1);
  write_noise ("in/2.ppm", 7, 9, 2);
  write_noise ("in/sub folder/3.ppm", 64, 80, 3);
  write_noise ("in/zz.ppm", 1, 1, 4);
}

static void
pack (const char *from, const char *to, const WctPackOptions *options, WctPackResult *result)
{
  WctPictureSet *set = open_set (from);
  WctError       err;

  must (wct_shard_pack (set, path_of (to), options, NULL, result, &err), &err);
  wct_picture_set_free (&set);
}

static void
assert_pack_refused (const char *from, const char *to, const WctPackOptions *options, WctStatus status,
                     const char *part)
{
  WctPictureSet  *set = open_set (from);
  WctError        err;
  const WctStatus got = wct_shard_pack (set, path_of (to), options, NULL, NULL, &err);

  if (got != status)
    fail_msg ("expected %s, got %s", wct_status_name (status), wct_status_name (got));
  assert_message_has (&err, part);
  wct_picture_set_free (&set);
}

static int
count_files (void)
{
  DIR *directory = opendir (path_of (""));
  int  count = 0;

  assert_non_null (directory);
  while (readdir (directory) != NULL)
    count++;
  closedir (directory);
  return count - 2; /* "." and ".." */
}

/* ---- What comes back ---------------------------------------------------------------------------------------- */

static void
a_shard_has_the_pixels_names_and_order_of_its_folder (void **state)
{
  static const int32_t sides[] = { 5, 20, 33, INT32_MAX };

  (void)state;
  write_pictures ();
  for (size_t k = 0; k < sizeof sides / sizeof sides[0]; k++)
    {
      const WctPackOptions options = { .side_max = sides[k], .threads = 1 + (int)k, .force = true };
      WctPictureSet       *folder, *shard;
      WctPackResult        result;

      pack ("in", "out", &options, &result);
      folder = open_set ("in");
      shard = open_set ("out");
      assert_int_equal (result.pictures, 4);
      assert_int_equal (result.unreadable, 0);
      assert_int_equal (wct_picture_set_count (shard), wct_picture_set_count (folder));
      for (int32_t i = 0; i < wct_picture_set_count (folder); i++)
        {
          WctPixels a, b;
          WctError  err;

          assert_string_equal (wct_picture_set_name (shard, i), wct_picture_set_name (folder, i));
          must (wct_picture_set_decode (folder, i, 4, sides[k], &a, &err), &err);
          must (wct_picture_set_decode (shard, i, 4, sides[k], &b, &err), &err);
          assert_int_equal (a.width, b.width);
          assert_int_equal (a.height, b.height);
          assert_memory_equal (a.data, b.data, wct_pixels_bytes (&a));
          wct_pixels_free (&a);
          wct_pixels_free (&b);
        }
      wct_picture_set_free (&folder);
      wct_picture_set_free (&shard);
    }
}

/* Shrunk by the decoder, turned, with a profile: all of that happens before packing. */
static void
a_shard_of_jpegs_has_the_pixels_of_its_folder (void **state)
{
  const WctPackOptions options = { .side_max = 50, .threads = 1 };
  WctPixels            noise = noise_pixels (420, 300, 1), a, b;
  VipsImage           *image =
    vips_image_new_from_memory_copy (noise.data, wct_pixels_bytes (&noise), 420, 300, 3, VIPS_FORMAT_UCHAR);
  WctPictureSet *folder, *shard;
  WctError       err;

  (void)state;
  make_subfolder ("in");
  vips_image_set_int (image, VIPS_META_ORIENTATION, 8);
  assert_int_equal (vips_jpegsave (image, path_of ("in/x.jpg"), NULL), 0);
  g_object_unref (image);
  wct_pixels_free (&noise);
  pack ("in", "out", &options, NULL);
  folder = open_set ("in");
  shard = open_set ("out");
  must (wct_picture_set_decode (folder, 0, 32, 50, &a, &err), &err);
  must (wct_picture_set_decode (shard, 0, 32, 50, &b, &err), &err);
  assert_int_equal (b.width, 50);
  assert_int_equal (b.height, 70);
  assert_memory_equal (a.data, b.data, wct_pixels_bytes (&a));
  wct_pixels_free (&a);
  wct_pixels_free (&b);
  wct_picture_set_free (&folder);
  wct_picture_set_free (&shard);
}

static void
a_shard_splits_as_its_folder (void **state)
{
  WctPictureSet *sets[2];
  WctPictureList train[2], test[2];

  (void)state;
  make_subfolder ("in");
  for (int i = 0; i < 40; i++)
    {
      char name[32];

      snprintf (name, sizeof name, "in/%d.ppm", i);
      write_noise (name, 2, 2, (uint64_t)i);
    }
  pack ("in", "out", &whole, NULL);
  for (int k = 0; k < 2; k++)
    {
      WctError err;

      sets[k] = open_set (k == 0 ? "in" : "out");
      must (wct_picture_set_split (sets[k], 0.3, 5, &train[k], &test[k], &err), &err);
    }
  assert_int_equal (test[0].count, test[1].count);
  assert_memory_equal (test[0].indices, test[1].indices, (size_t)test[0].count * sizeof (int32_t));
  for (int k = 0; k < 2; k++)
    {
      wct_picture_list_clear (&train[k]);
      wct_picture_list_clear (&test[k]);
      wct_picture_set_free (&sets[k]);
    }
}

static void
a_shard_can_be_packed_again_smaller (void **state)
{
  const WctPackOptions smaller = { .side_max = 40, .threads = 1 };
  size_t               direct_size, again_size;
  unsigned char       *direct, *again;

  (void)state;
  write_pictures ();
  pack ("in", "whole", &whole, NULL);
  pack ("in", "direct", &smaller, NULL);
  pack ("whole", "again", &smaller, NULL);
  direct = read_bytes ("direct", &direct_size);
  again = read_bytes ("again", &again_size);
  assert_int_equal (direct_size, again_size);
  assert_memory_equal (direct, again, direct_size);
  free (direct);
  free (again);
}

static void
what_cannot_be_read_is_left_out_and_named (void **state)
{
  WctPictureSet *set, *shard;
  WctPackResult  result;
  WctError       err;

  (void)state;
  write_pictures ();
  write_bytes ("in/11.png", "no picture", 10);
  set = open_set ("in");
  must (wct_shard_pack (set, path_of ("out"), &whole, NULL, &result, &err), &err);
  assert_int_equal (result.pictures, 4);
  assert_int_equal (result.unreadable, 1);
  assert_true (wct_picture_set_next_complaint (set, &err));
  assert_message_has (&err, "11.png: is not a picture");
  shard = open_set ("out");
  assert_int_equal (wct_picture_set_count (shard), 4);
  assert_string_equal (wct_picture_set_name (shard, 1), "2.ppm");
  wct_picture_set_free (&shard);
  wct_picture_set_free (&set);
}

/* ---- How it appears ----------------------------------------------------------------------------------------- */

static void
a_file_that_is_there_stays_unless_it_may_be_replaced (void **state)
{
  const WctPackOptions force = { .side_max = INT32_MAX, .threads = 1, .force = true };
  WctPictureSet       *set;

  (void)state;
  write_pictures ();
  write_bytes ("out", "precious", 8);
  assert_pack_refused ("in", "out", &whole, WCT_ERR_IO, "out: exists already; choose another name");
  assert_set_refused ("out", WCT_ERR_FORMAT, "neither a folder nor a shard");
  pack ("in", "out", &force, NULL);
  set = open_set ("out");
  wct_picture_set_free (&set);
  assert_int_equal (count_files (), 2);
}

static void
places_that_cannot_be_written_get_a_sentence (void **state)
{
  (void)state;
  write_pictures ();
  assert_pack_refused ("in", "in", &whole, WCT_ERR_IO, "in: is a folder");
  assert_pack_refused ("in", "none/out", &whole, WCT_ERR_IO, "none/out: cannot be written: No such file");
  assert_int_equal (mkfifo (path_of ("pipe"), 0666), 0);
  assert_pack_refused ("in", "pipe", &whole, WCT_ERR_IO, "pipe: is not a regular file");
}

static void
a_folder_that_cannot_be_read_at_all_makes_no_shard (void **state)
{
  (void)state;
  make_subfolder ("in");
  write_bytes ("in/a.png", "x", 1);
  write_bytes ("in/b.png", "x", 1);
  assert_pack_refused ("in", "out", &whole, WCT_ERR_FORMAT, "in: no picture in it can be read");
  assert_int_equal (count_files (), 1);
}

/* What a full disk does to a write, a limit on the size of files does too. */
static void
a_disk_that_is_full_gets_a_sentence_and_keeps_nothing (void **state)
{
  struct rlimit before, limit;

  (void)state;
  write_pictures ();
  signal (SIGXFSZ, SIG_IGN);
  assert_int_equal (getrlimit (RLIMIT_FSIZE, &before), 0);
  limit = before;
  for (rlim_t bytes = 0; bytes < 18000; bytes += 997) /* the shard has 17593 */
    {
      limit.rlim_cur = bytes;
      assert_int_equal (setrlimit (RLIMIT_FSIZE, &limit), 0);
      if (bytes < 17593)
        assert_pack_refused ("in", "out", &whole, WCT_ERR_IO, "out: cannot be written: File too large");
      assert_int_equal (setrlimit (RLIMIT_FSIZE, &before), 0);
      assert_int_equal (count_files (), 1);
    }
}

static bool
cancel_later (void *user)
{
  int *calls = user;

  return --*calls < 0;
}

static void
a_canceled_pack_keeps_nothing (void **state)
{
  WctPictureSet *set;
  WctError       err;

  (void)state;
  write_pictures ();
  set = open_set ("in");
  for (int calls = 0; calls < 4; calls++)
    {
      int            left = calls;
      const WctHooks hooks = { .user = &left, .canceled = cancel_later };

      assert_int_equal (wct_shard_pack (set, path_of ("out"), &whole, &hooks, NULL, &err), WCT_CANCELED);
      assert_int_equal (count_files (), 1);
    }
  wct_picture_set_free (&set);
}

static void
note_progress (void *user, double done)
{
  double *last = user;

  assert_true (done >= *last);
  *last = done;
}

static void
progress_ends_at_one (void **state)
{
  double         last = 0;
  const WctHooks hooks = { .user = &last, .progress = note_progress };
  WctPictureSet *set;
  WctError       err;

  (void)state;
  write_pictures ();
  set = open_set ("in");
  must (wct_shard_pack (set, path_of ("out"), &whole, &hooks, NULL, &err), &err);
  assert_true (last > 0.999);
  wct_picture_set_free (&set);
}

/* ---- What is damaged ---------------------------------------------------------------------------------------- */

/* Opens the bytes as a shard; where that is not refused, all pictures are read: how many can be? */
static WctStatus
try_bytes (const unsigned char *bytes, size_t size, int32_t *readable, WctError *err)
{
  WctPictureSet *set = NULL;
  WctStatus      status;

  write_bytes ("damaged", bytes, size);
  *readable = 0;
  WCT_TRY (wct_picture_set_open (path_of ("damaged"), &set, err));
  for (int32_t i = 0; i < wct_picture_set_count (set); i++)
    {
      WctPixels pixels;

      if (wct_picture_set_decode (set, i, 1, INT32_MAX, &pixels, err) != WCT_OK)
        continue;
      wct_pixels_free (&pixels);
      ++*readable;
    }

out:
  wct_picture_set_free (&set);
  return status;
}

static unsigned char *
small_shard (size_t *size)
{
  make_subfolder ("in");
  write_noise ("in/a.ppm", 4, 3, 1);
  write_noise ("in/bb.ppm", 2, 5, 2);
  pack ("in", "out", &whole, NULL);
  return read_bytes ("out", size);
}

static void
every_truncation_is_refused (void **state)
{
  size_t         size;
  unsigned char *bytes = small_shard (&size);
  int32_t        readable;
  WctError       err;

  (void)state;
  for (size_t length = 0; length < size; length++)
    {
      const WctStatus status = try_bytes (bytes, length, &readable, &err);

      if (status != WCT_ERR_FORMAT)
        fail_msg ("%zu of %zu bytes: expected bad format, got %s", length, size, wct_status_name (status));
      assert_message_has (&err, length < 8 ? "neither a folder nor a shard" : "damaged: ");
    }
  free (bytes);
}

static void
every_bit_that_flips_is_noticed (void **state)
{
  size_t         size;
  unsigned char *bytes = small_shard (&size);
  WctShardHeader header;
  int32_t        readable;
  WctError       err;

  (void)state;
  wct_shard_header_decode (bytes, &header);
  for (size_t bit = 0; bit < 8 * size; bit++)
    {
      const bool      in_pixels = bit / 8 >= WCT_SHARD_HEADER_BYTES && bit / 8 < header.index_offset;
      const WctStatus status =
        (bytes[bit / 8] ^= (unsigned char)(1 << bit % 8), try_bytes (bytes, size, &readable, &err));

      if (in_pixels ? status != WCT_OK || readable != 1 : status != WCT_ERR_FORMAT && status != WCT_ERR_UNSUPPORTED)
        fail_msg ("bit %zu of byte %zu: got %s and %d readable pictures", bit % 8, bit / 8, wct_status_name (status),
                  readable);
      bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
  free (bytes);
}

static void
a_picture_with_a_wrong_checksum_is_named (void **state)
{
  size_t         size;
  unsigned char *bytes = small_shard (&size);
  WctPictureSet *set;
  WctPixels      pixels;
  WctError       err;

  (void)state;
  bytes[WCT_SHARD_HEADER_BYTES + 4 * 3 * 3]++;
  write_bytes ("damaged", bytes, size);
  set = open_set ("damaged");
  assert_int_equal (wct_picture_set_decode (set, 1, 1, 8, &pixels, &err), WCT_ERR_FORMAT);
  assert_message_has (&err, "damaged: the checksum of bb.ppm in it is wrong");
  must (wct_picture_set_decode (set, 0, 1, 8, &pixels, &err), &err);
  wct_pixels_free (&pixels);
  wct_picture_set_free (&set);
  free (bytes);
}

static void
a_later_version_is_told_from_damage (void **state)
{
  size_t         size;
  unsigned char *bytes = small_shard (&size);
  int32_t        readable;
  WctError       err;

  (void)state;
  bytes[8] = 2;
  assert_int_equal (try_bytes (bytes, size, &readable, &err), WCT_ERR_UNSUPPORTED);
  assert_message_has (&err, "damaged: is a shard of version 2, this program reads version 1");
  free (bytes);
}

static void
a_shard_that_grew_is_refused (void **state)
{
  size_t         size;
  unsigned char *bytes = small_shard (&size);
  int32_t        readable;
  WctError       err;

  (void)state;
  assert_int_equal (try_bytes (bytes, size + 1, &readable, &err), WCT_ERR_FORMAT);
  assert_message_has (&err, "were packed; copy it again");
  free (bytes);
}

/* A header and two entries that anybody could make, with checksums that fit. */
typedef struct
{
  WctShardHeader header;
  WctShardEntry  entries[2];
  char           names[2][8];
} Forgery;

static Forgery
forgery_that_is_right (void)
{
  Forgery forgery = {
    .header = { .version = WCT_SHARD_VERSION, .count = 2, .index_offset = WCT_SHARD_HEADER_BYTES + 12 + 6 },
    .entries = { { .offset = WCT_SHARD_HEADER_BYTES, .width = 2, .height = 2, .name_bytes = 2 },
                 { .offset = WCT_SHARD_HEADER_BYTES + 12, .width = 1, .height = 2, .name_bytes = 2 } },
    .names = { "a", "b" }
  };

  memcpy (forgery.header.magic, wct_shard_magic, sizeof forgery.header.magic);
  return forgery;
}

/* @lie: added to the header's word for the size of the index, @extra: bytes behind the entries */
static WctStatus
try_forgery (Forgery *forgery, int64_t lie, size_t extra, WctError *err)
{
  unsigned char bytes[512] = { 0 };
  size_t        size = WCT_SHARD_HEADER_BYTES + 12 + 6;
  int32_t       readable;

  for (int i = 0; i < 2; i++)
    {
      wct_shard_entry_encode (&forgery->entries[i], bytes + size);
      memcpy (bytes + size + WCT_SHARD_ENTRY_BYTES, forgery->names[i], sizeof forgery->names[i]);
      size += WCT_SHARD_ENTRY_BYTES + (forgery->entries[i].name_bytes < 8 ? forgery->entries[i].name_bytes : 8);
    }
  size += extra;
  forgery->header.file_bytes = size;
  forgery->header.index_bytes = size - forgery->header.index_offset + (uint64_t)lie;
  wct_shard_header_encode (&forgery->header, bytes);
  if (forgery->header.index_offset <= size)
    forgery->header.checksum =
      wct_shard_header_checksum (bytes, bytes + forgery->header.index_offset, size - forgery->header.index_offset);
  wct_shard_header_encode (&forgery->header, bytes);
  return try_bytes (bytes, size, &readable, err);
}

static void
assert_forgery_refused (Forgery forgery, int64_t lie, size_t extra, const char *part)
{
  WctError        err;
  const WctStatus status = try_forgery (&forgery, lie, extra, &err);

  if (status != WCT_ERR_FORMAT)
    fail_msg ("expected \"%s\", got %s", part, wct_status_name (status));
  assert_message_has (&err, part);
}

static void
an_index_that_lies_is_refused_whatever_its_checksum (void **state)
{
  const Forgery right = forgery_that_is_right ();
  Forgery       forgery = right;
  WctError      err;

  (void)state;
  must (try_forgery (&forgery, 0, 0, &err), &err);

#define LIE(change, lie, extra, part)                     \
  do                                                      \
    {                                                     \
      forgery = right;                                    \
      change;                                             \
      assert_forgery_refused (forgery, lie, extra, part); \
    }                                                     \
  while (0)
  LIE ((void)0, 1, 0, "its index is not where it must be");
  LIE ((void)0, -1, 0, "its index is not where it must be");
  LIE (forgery.header.index_offset = 3, 0, 0, "its index is not where it must be");
  LIE (forgery.header.index_offset = UINT64_MAX - 5, 0, 0, "its index is not where it must be");
  LIE (forgery.header.count = 0, 0, 0, "too small for its count");
  LIE (forgery.header.count = 3, 0, 0, "too small for its count");
  LIE (forgery.header.count = UINT64_MAX, 0, 0, "too small for its count");
  LIE (forgery.header.count = 1, 0, 0, "it holds more than its index says");
  LIE ((void)0, 0, 1, "it holds more than its index says");
  LIE (forgery.header.count = 3, 0, 28, "its index ends early");
  LIE (forgery.header.count = 3, 0, 27 + 8, "its index ends early"); /* an entry of zeros has no name */
  LIE (forgery.entries[1].name_bytes = 0, 0, 0, "its index");
  LIE (forgery.entries[1].name_bytes = UINT32_MAX, 0, 0, "its index ends early");
  LIE (forgery.entries[1].name_bytes = 1, 0, 0, "names in its index");
  LIE (forgery.entries[0].name_bytes = 3, 0, 0, "names in its index");
  LIE (strcpy (forgery.names[1], "a"), 0, 0, "names in its index");
  LIE (strcpy (forgery.names[0], "c"), 0, 0, "names in its index");
  LIE (forgery.names[0][1] = 'x', 0, 0, "names in its index");
  LIE (forgery.entries[0].width = 0, 0, 0, "sizes in its index");
  LIE (forgery.entries[0].height = 0, 0, 0, "sizes in its index");
  LIE (forgery.entries[0].width = UINT32_MAX, 0, 0, "sizes in its index");
  LIE (forgery.entries[1].width = 1000000; forgery.entries[1].height = 1000000, 0, 0, "pictures are not where");
  LIE (forgery.entries[1].height = 3, 0, 0, "pictures are not where");
  LIE (forgery.entries[1].height = 1, 0, 0, "it holds more than its index says");
  LIE (forgery.entries[1].offset = 0, 0, 0, "pictures are not where");
  LIE (forgery.entries[1].offset = UINT64_MAX, 0, 0, "pictures are not where");
  LIE (forgery.entries[0].offset++, 0, 0, "pictures are not where");
#undef LIE
}

/* ---- Memory ------------------------------------------------------------------------------------------------- */

static WctStatus
pack_and_read (WctError *err)
{
  const WctPackOptions options = { .side_max = 5, .threads = 1, .force = true };
  WctPictureSet       *folder = NULL, *shard = NULL;
  WctPixels            pixels = { 0 };
  WctStatus            status;

  WCT_TRY (wct_picture_set_open (path_of ("in"), &folder, err));
  WCT_TRY (wct_shard_pack (folder, path_of ("out"), &options, NULL, NULL, err));
  WCT_TRY (wct_picture_set_open (path_of ("out"), &shard, err));
  WCT_TRY (wct_picture_set_decode (shard, 0, 8, 8, &pixels, err));

out:
  wct_pixels_free (&pixels);
  wct_picture_set_free (&shard);
  wct_picture_set_free (&folder);
  return status;
}

static void
every_allocation_that_fails_is_a_failure_and_leaves_nothing_behind (void **state)
{
  const size_t used = wct_mem_used ();
  WctStatus    status = WCT_ERR_NO_MEMORY;

  (void)state;
  write_pictures ();
  for (long n = 1; status != WCT_OK; n++)
    {
      WctError err;

      wct_mem_test_fail (n, false);
      status = pack_and_read (&err);
      wct_mem_test_fail (0, false);
      assert_true (status == WCT_OK || status == WCT_ERR_NO_MEMORY);
      assert_int_equal (wct_mem_used (), used);
      assert_true (n < 1000);
      unlink (path_of ("out"));
      assert_int_equal (count_files (), 1);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, make_folder, remove_folder)

int
main (void)
{
  const struct CMUnitTest tests[] = {
    TEST (a_shard_has_the_pixels_names_and_order_of_its_folder),
    TEST (a_shard_of_jpegs_has_the_pixels_of_its_folder),
    TEST (a_shard_splits_as_its_folder),
    TEST (a_shard_can_be_packed_again_smaller),
    TEST (what_cannot_be_read_is_left_out_and_named),
    TEST (a_file_that_is_there_stays_unless_it_may_be_replaced),
    TEST (places_that_cannot_be_written_get_a_sentence),
    TEST (a_folder_that_cannot_be_read_at_all_makes_no_shard),
    TEST (a_disk_that_is_full_gets_a_sentence_and_keeps_nothing),
    TEST (a_canceled_pack_keeps_nothing),
    TEST (progress_ends_at_one),
    TEST (every_truncation_is_refused),
    TEST (every_bit_that_flips_is_noticed),
    TEST (a_picture_with_a_wrong_checksum_is_named),
    TEST (a_later_version_is_told_from_damage),
    TEST (a_shard_that_grew_is_refused),
    TEST (an_index_that_lies_is_refused_whatever_its_checksum),
    TEST (every_allocation_that_fails_is_a_failure_and_leaves_nothing_behind),
  };

  return cmocka_run_group_tests (tests, start_libvips, NULL);
}
