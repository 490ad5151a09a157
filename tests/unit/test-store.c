/* Stores: what was written is read, in memory and in files, which have no name; failures are one sentence. */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "mem.h"
#include "pool.h"
#include "store.h"

#define MEGABYTE ((size_t)1 << 20)

static char folder[64]; /* $TMPDIR of all tests: theirs alone */

static WctStore *
new_store (size_t size, bool in_file)
{
  WctStore *store = NULL;
  WctError  err;

  if (wct_store_new (size, in_file, "picture", &store, &err) != WCT_OK)
    fail_msg ("%s", err.message);
  return store;
}

static void
assert_sentence (const WctError *err, const char *word)
{
  if (strstr (err->message, word) == NULL || strchr (err->message, '\n') != NULL)
    fail_msg ("expected one sentence with \"%s\", got \"%s\"", word, err->message);
}

static int
names_in_folder (void)
{
  DIR                 *open = opendir (folder);
  const struct dirent *entry;
  int                  count = 0;

  assert_non_null (open);
  while ((entry = readdir (open)) != NULL)
    count += strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0;
  closedir (open);
  return count;
}

/* ---- Bytes ----------------------------------------------------------------------------------------------------- */

static void
what_was_written_is_read_and_the_rest_is_zero (void **state)
{
  enum
  {
    SIZE = 300000,
    PARTS = 5
  };
  static uint8_t expected[SIZE], got[SIZE];
  const struct
  {
    size_t offset, size;
  } parts[PARTS] = { { 1000, 7 }, { 0, 1 }, { SIZE - 1, 1 }, { 4095, 70000 }, { 4100, 3 } };

  (void)state;
  for (int in_file = 0; in_file < 2; in_file++)
    {
      WctStore *store = new_store (SIZE, in_file);
      WctError  err;

      memset (expected, 0, SIZE);
      for (int i = 0; i < PARTS; i++)
        {
          for (size_t b = 0; b < parts[i].size; b++)
            expected[parts[i].offset + b] = (uint8_t)(1 + (b * 7 + (size_t)i) % 255);
          assert_int_equal (wct_store_write (store, parts[i].offset, parts[i].size, expected + parts[i].offset, &err),
                            WCT_OK);
        }
      memset (got, 99, SIZE);
      assert_int_equal (wct_store_read (store, 0, SIZE, got, &err), WCT_OK);
      assert_memory_equal (got, expected, SIZE);
      for (int i = 0; i < PARTS; i++)
        {
          memset (got, 99, SIZE);
          assert_int_equal (wct_store_read (store, parts[i].offset, parts[i].size, got, &err), WCT_OK);
          assert_memory_equal (got, expected + parts[i].offset, parts[i].size);
          assert_int_equal (got[parts[i].size], 99);
        }
      wct_store_free (&store);
      assert_null (store);
    }
}

typedef struct
{
  WctStore *store;
  uint8_t   round;
} Sharing;

#define SHARED_PARTS 400
#define PART_BYTES   3001 /* parts lie across pages */

static WctStatus
write_and_read_part (void *data, int part, int thread, WctError *err)
{
  const Sharing *sharing = data;
  uint8_t        bytes[PART_BYTES], again[PART_BYTES];
  WctStatus      status;

  (void)thread;
  for (size_t i = 0; i < PART_BYTES; i++)
    bytes[i] = (uint8_t)((size_t)part * 31 + i * 7 + sharing->round);
  WCT_TRY (wct_store_write (sharing->store, (size_t)part * PART_BYTES, PART_BYTES, bytes, err));
  WCT_TRY (wct_store_read (sharing->store, (size_t)part * PART_BYTES, PART_BYTES, again, err));
  if (memcmp (bytes, again, PART_BYTES) != 0)
    status = wct_error_set (err, WCT_ERR_NUMERIC, "part %d, round %d: other bytes came back", part, sharing->round);

out:
  return status;
}

static void
threads_use_disjoint_parts_at_once (void **state)
{
  WctPool *pool = NULL;

  (void)state;
  assert_int_equal (wct_pool_new (6, &pool, NULL), WCT_OK);
  for (int in_file = 0; in_file < 2; in_file++)
    {
      Sharing  sharing = { .store = new_store ((size_t)SHARED_PARTS * PART_BYTES, in_file) };
      WctError err;

      for (; sharing.round < 5; sharing.round++)
        if (wct_pool_run (pool, SHARED_PARTS, write_and_read_part, &sharing, NULL, 0, &err) != WCT_OK)
          fail_msg ("%s", err.message);
      for (size_t part = 0; part < SHARED_PARTS; part++) /* what a neighbor wrote over would show now */
        {
          uint8_t bytes[PART_BYTES];

          assert_int_equal (wct_store_read (sharing.store, part * PART_BYTES, PART_BYTES, bytes, NULL), WCT_OK);
          for (size_t i = 0; i < PART_BYTES; i++)
            assert_int_equal (bytes[i], (uint8_t)(part * 31 + i * 7 + 4));
        }
      wct_store_free (&sharing.store);
    }
  wct_pool_free (&pool);
}

/* ---- Files ----------------------------------------------------------------------------------------------------- */

static void
a_file_has_no_name_and_is_where_tmpdir_says (void **state)
{
  struct stat there, file;
  WctStore   *store;
  bool        found = false;

  (void)state;
  assert_int_equal (stat (folder, &there), 0);
  store = new_store (MEGABYTE, true);
  assert_int_equal (names_in_folder (), 0);
  for (int i = 0; i < 64; i++) /* the one that is open, of its size, on the folder's device, without links */
    found |= fstat (i, &file) == 0 && S_ISREG (file.st_mode) && file.st_size == (off_t)MEGABYTE && file.st_nlink == 0
             && file.st_dev == there.st_dev;
  assert_true (found);
  wct_store_free (&store);
  assert_int_equal (names_in_folder (), 0);
}

static void
a_file_takes_none_of_the_processs_memory (void **state)
{
  const size_t before = wct_mem_used ();
  WctStore    *store = new_store (8 * MEGABYTE, true);

  (void)state;
  assert_true (wct_mem_used () - before < 4096);
  wct_store_free (&store);
  assert_int_equal (wct_mem_used (), before);
}

/* ---- Failures -------------------------------------------------------------------------------------------------- */

static int
open_files (void)
{
  int count = 0;

  for (int i = 0; i < 256; i++)
    {
      struct stat about;

      count += fstat (i, &about) == 0;
    }
  return count;
}

/* @where: stands in for the folder; NULL: the folder itself. The sentence names it. */
static void
refuses_a_file (const char *where, size_t size, const char *word)
{
  const size_t before = wct_mem_used ();
  const int    files = open_files ();
  WctStore    *store = NULL;
  WctError     err = { .status = WCT_OK };

  if (where != NULL)
    setenv ("TMPDIR", where, 1);
  const WctStatus status = wct_store_new (size, true, "picture", &store, &err);
  setenv ("TMPDIR", folder, 1);
  assert_int_equal (status, WCT_ERR_IO);
  assert_null (store);
  assert_sentence (&err, where != NULL ? where : folder);
  assert_sentence (&err, "TMPDIR");
  assert_sentence (&err, word);
  assert_int_equal (wct_mem_used (), before);
  assert_int_equal (open_files (), files);
  assert_int_equal (names_in_folder (), 0);
}

static void
a_folder_that_is_not_there_is_one_sentence_that_names_it (void **state)
{
  char missing[128];

  (void)state;
  snprintf (missing, sizeof missing, "%s/none", folder);
  refuses_a_file (missing, MEGABYTE, "No such file or directory");
}

static void
a_folder_that_cannot_be_written_is_one_sentence_that_names_it (void **state)
{
  const uid_t user = geteuid ();

  (void)state;
  if (user == 0 && seteuid (65534) != 0) /* the administrator may write everywhere */
    {
      print_message ("runs as root and cannot become another user\n");
      skip ();
    }
  if (user != 0)
    assert_int_equal (chmod (folder, 0500), 0);

  WctError  err = { .status = WCT_OK };
  WctStore *store = NULL;
  WctStatus status = wct_store_new (MEGABYTE, true, "picture", &store, &err);

  if (user == 0)
    assert_int_equal (seteuid (0), 0);
  chmod (folder, 0700);
  assert_int_equal (status, WCT_ERR_IO);
  assert_null (store);
  assert_sentence (&err, folder);
  assert_sentence (&err, "Permission denied");
}

static void
a_name_that_is_no_folder_is_one_sentence (void **state)
{
  (void)state;
  refuses_a_file ("/dev/null", MEGABYTE, "Not a directory");
}

static void
more_than_the_disk_has_is_one_sentence_with_the_size (void **state)
{
  (void)state;
  refuses_a_file (NULL, (size_t)1 << 60, "1152921504.6 GB of the picture: No space left");
}

static void
a_file_that_may_not_grow_so_far_is_one_sentence (void **state)
{
  struct rlimit before, limit;
  void (*handler) (int) = signal (SIGXFSZ, SIG_IGN);

  (void)state;
  assert_int_equal (getrlimit (RLIMIT_FSIZE, &before), 0);
  limit = before;
  limit.rlim_cur = MEGABYTE;
  assert_int_equal (setrlimit (RLIMIT_FSIZE, &limit), 0);

  WctStore       *small = NULL, *large = NULL;
  WctError        err = { .status = WCT_OK };
  const WctStatus fits = wct_store_new (MEGABYTE, true, "picture", &small, NULL);
  const WctStatus does_not = wct_store_new (2 * MEGABYTE, true, "picture", &large, &err);

  setrlimit (RLIMIT_FSIZE, &before); /* the claims may write to a file */
  signal (SIGXFSZ, handler);
  assert_int_equal (fits, WCT_OK);
  assert_int_equal (does_not, WCT_ERR_IO);
  assert_null (large);
  assert_sentence (&err, folder);
  assert_sentence (&err, "File too large");
  wct_store_free (&small);
}

/* A file system that took the room and loses the file's end: what is behind it cannot be read. */
static void
a_file_that_ends_early_is_one_sentence (void **state)
{
  WctStore *store = new_store (MEGABYTE, true);
  WctError  err = { .status = WCT_OK };
  char      byte;

  (void)state;
  assert_int_equal (wct_store_read (store, MEGABYTE, 1, &byte, &err), WCT_ERR_IO);
  assert_string_equal (err.message, "the temporary file of the picture cannot be read: it ends early");
  wct_store_free (&store);
}

static void
an_allocation_that_fails_is_a_sentence_and_leaves_nothing (void **state)
{
  (void)state;
  for (int in_file = 0; in_file < 2; in_file++)
    for (long n = 1;; n++)
      {
        const size_t before = wct_mem_used ();
        const int    files = open_files ();
        WctStore    *store = NULL;
        WctError     err = { .status = WCT_OK };

        wct_mem_test_fail (n, false);
        const WctStatus status = wct_store_new (MEGABYTE, in_file, "picture", &store, &err);
        if (wct_mem_test_fail (0, false) < n)
          {
            assert_int_equal (status, WCT_OK);
            assert_int_equal (n, in_file ? 2 : 3);
            wct_store_free (&store);
            break;
          }
        assert_int_equal (status, WCT_ERR_NO_MEMORY);
        assert_null (store);
        assert_sentence (&err, "picture");
        assert_int_equal (wct_mem_used (), before);
        assert_int_equal (open_files (), files);
      }
}

/* A copy elsewhere, as a back end with memory of its own makes it. */
typedef struct
{
  WctStoreMirror base;
  char           bytes[64];
  int            fetched;
  bool           lost, *freed;
} Mirror;

static WctStatus
fetch (WctStoreMirror *mirror, void *bytes, size_t size, WctError *err)
{
  Mirror *own = (Mirror *)mirror;

  if (own->lost)
    return wct_error_set (err, WCT_ERR_IO, "the card is gone");
  own->fetched++;
  memcpy (bytes, own->bytes, size);
  return WCT_OK;
}

static void
mirror_free (WctStoreMirror *mirror)
{
  *((Mirror *)mirror)->freed = true;
}

static void
a_mirror_that_is_ahead_is_taken_once_and_knows_what_was_written_since (void **state)
{
  bool      freed = false;
  Mirror    mirror = { .base = { .fetch = fetch, .free = mirror_free, .ahead = true }, .freed = &freed };
  WctStore *store = NULL;
  char      got[2];
  WctError  err;

  (void)state;
  memset (mirror.bytes, 'm', sizeof mirror.bytes);
  assert_int_equal (wct_store_new (sizeof mirror.bytes, false, "picture", &store, &err), WCT_OK);
  wct_store_set_mirror (store, &mirror.base);
  for (int i = 0; i < 2; i++)
    {
      assert_int_equal (wct_store_read (store, 10, 2, got, &err), WCT_OK);
      assert_memory_equal (got, "mm", 2);
    }
  assert_int_equal (mirror.fetched, 1);
  assert_false (mirror.base.ahead || mirror.base.behind);

  mirror.base.ahead = true; /* a part that is written does not lose the rest */
  memset (mirror.bytes, 'n', sizeof mirror.bytes);
  assert_int_equal (wct_store_write (store, 10, 1, "w", &err), WCT_OK);
  assert_true (mirror.base.behind && !mirror.base.ahead);
  assert_int_equal (wct_store_read (store, 10, 2, got, &err), WCT_OK);
  assert_memory_equal (got, "wn", 2);
  assert_int_equal (mirror.fetched, 2);

  mirror.base.ahead = true; /* nor does one that is dropped */
  assert_int_equal (wct_store_drop_mirror (store, &err), WCT_OK);
  assert_true (freed && wct_store_mirror (store) == NULL);
  assert_int_equal (wct_store_read (store, 10, 2, got, &err), WCT_OK);
  assert_memory_equal (got, "nn", 2);

  wct_store_set_mirror (store, &mirror.base);
  freed = false;
  mirror.base.ahead = mirror.lost = true;
  assert_int_equal (wct_store_drop_mirror (store, &err), WCT_ERR_IO);
  assert_int_equal (wct_store_read (store, 10, 2, got, &err), WCT_ERR_IO);
  assert_int_equal (wct_store_write (store, 10, 1, "w", &err), WCT_ERR_IO);
  wct_store_free (&store);
  assert_true (freed);
}

static int
make_folder (void **state)
{
  (void)state;
  strcpy (folder, "/tmp/wct-test-store-XXXXXX");
  return mkdtemp (folder) != NULL && setenv ("TMPDIR", folder, 1) == 0 ? 0 : -1;
}

static int
remove_folder (void **state)
{
  (void)state;
  return rmdir (folder) == 0 && wct_mem_used () == 0 ? 0 : -1; /* only an empty one goes */
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (what_was_written_is_read_and_the_rest_is_zero),
    cmocka_unit_test (threads_use_disjoint_parts_at_once),
    cmocka_unit_test (a_file_has_no_name_and_is_where_tmpdir_says),
    cmocka_unit_test (a_file_takes_none_of_the_processs_memory),
    cmocka_unit_test (a_folder_that_is_not_there_is_one_sentence_that_names_it),
    cmocka_unit_test (a_folder_that_cannot_be_written_is_one_sentence_that_names_it),
    cmocka_unit_test (a_name_that_is_no_folder_is_one_sentence),
    cmocka_unit_test (more_than_the_disk_has_is_one_sentence_with_the_size),
    cmocka_unit_test (a_file_that_may_not_grow_so_far_is_one_sentence),
    cmocka_unit_test (a_file_that_ends_early_is_one_sentence),
    cmocka_unit_test (an_allocation_that_fails_is_a_sentence_and_leaves_nothing),
    cmocka_unit_test (a_mirror_that_is_ahead_is_taken_once_and_knows_what_was_written_since),
  };

  return cmocka_run_group_tests (tests, make_folder, remove_folder);
}
