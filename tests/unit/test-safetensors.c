/* The reader of .safetensors files: every value as it was written, every fault a sentence, memory in proportion. */
#include "safetensors.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../models/accounting.h"
#include "mem.h"

static char folder[] = "/tmp/wct-safetensors-XXXXXX";

/* ---- Files to read ------------------------------------------------------------------------------------------ */

typedef struct
{
  unsigned char *bytes;
  size_t         size;
} Blob;

/* @header: as text; @data may be NULL for zeros. */
static Blob
new_blob (const char *header, size_t header_size, const void *data, size_t data_size)
{
  Blob blob = { .size = 8 + header_size + data_size };

  blob.bytes = calloc (1, blob.size);
  assert_non_null (blob.bytes);
  for (int i = 0; i < 8; i++)
    blob.bytes[i] = (unsigned char)(header_size >> 8 * i);
  memcpy (blob.bytes + 8, header, header_size);
  if (data != NULL)
    memcpy (blob.bytes + 8 + header_size, data, data_size);
  return blob;
}

static Blob
text_blob (const char *header, const void *data, size_t data_size)
{
  return new_blob (header, strlen (header), data, data_size);
}

static WctStatus
parse (const Blob *blob, WctSafetensors *file, WctError *err)
{
  return wct_safetensors_parse (blob->bytes, blob->size, "blob", file, err);
}

static void
must (WctStatus status, const WctError *err)
{
  if (status != WCT_OK)
    fail_msg ("expected success, got: %s", err->message);
}

static void
assert_refused (const Blob *blob, const char *sentence)
{
  WctSafetensors file;
  WctError       err;

  if (parse (blob, &file, &err) == WCT_OK)
    fail_msg ("expected \"%s\", got success", sentence);
  assert_string_equal (err.message, sentence);
}

static const char *
path_of (const char *name)
{
  static char path[200];

  snprintf (path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void
write_file (const char *path, const void *bytes, size_t size)
{
  FILE *stream = fopen (path, "wb");

  assert_non_null (stream);
  assert_int_equal (fwrite (bytes, 1, size, stream), size);
  assert_int_equal (fclose (stream), 0);
}

/* Two tensors, the second of the header first in the data. */
#define PAIR_HEADER                                              \
  "{\"b\":{\"dtype\":\"F32\",\"shape\":[2,1,3],\"data_offsets\"" \
  ":[8,32]},\"__metadata__\":{\"z\":\"1\",\"a\":\"\\u00e9\"},"   \
  "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}"

static Blob
pair (void)
{
  const float values[8] = { 1, -2, 3.5f, 0x1p-149f, -0.0f, 3.4028235e38f, 7, 8 };

  return text_blob (PAIR_HEADER "   ", values, sizeof values);
}

/* ---- What comes back ---------------------------------------------------------------------------------------- */

static void
tensors_and_metadata_come_back_as_written (void **state)
{
  Blob           blob = pair ();
  WctSafetensors file;
  WctError       err;

  (void)state;
  must (parse (&blob, &file, &err), &err);
  assert_int_equal (file.tensor_count, 2);
  const WctNamedTensor *a = wct_safetensors_find (&file, "a"), *b = wct_safetensors_find (&file, "b");
  assert_ptr_equal (a, &file.tensors[0]);
  assert_ptr_equal (b, &file.tensors[1]);
  assert_int_equal (b->rank, 3);
  assert_int_equal (b->shape[0] * 100 + b->shape[1] * 10 + b->shape[2], 213);
  assert_int_equal (b->count, 6);
  assert_memory_equal (a->values, blob.bytes + blob.size - 32, 8);
  assert_memory_equal (b->values, blob.bytes + blob.size - 24, 24);
  assert_null (wct_safetensors_find (&file, "c"));

  assert_int_equal (file.metadata_count, 2);
  assert_string_equal (file.metadata[0].key, "z");
  assert_string_equal (wct_safetensors_metadata (&file, "a"), "é");
  assert_null (wct_safetensors_metadata (&file, "b"));
  wct_safetensors_clear (&file);
  wct_safetensors_clear (&file); /* a cleared one is welcome */
  free (blob.bytes);
}

static void
blanks_between_words_and_a_scalar_are_allowed (void **state)
{
  const float one = 1;
  Blob        blob = text_blob ("{ \"s\" :\n\t{ \"shape\" : [ ] , \"data_offsets\" : [ 0 , 4 ] , \"dtype\" : \"F32\" }"
                                       " ,\r\n \"__metadata__\" : { } }",
                                &one, sizeof one);
  WctSafetensors file;
  WctError       err;

  (void)state;
  must (parse (&blob, &file, &err), &err);
  assert_int_equal (file.tensors[0].rank, 0);
  assert_int_equal (file.tensors[0].count, 1);
  assert_float_equal (file.tensors[0].values[0], 1, 0);
  wct_safetensors_clear (&file);
  free (blob.bytes);
}

/* By the definition of binary16, in double. */
static double
half_value (unsigned half)
{
  const int    exponent = (int)(half >> 10 & 0x1F);
  const double fraction = half & 0x3FF;
  const double size = exponent == 0 ? ldexp (fraction, -24) : ldexp (1024 + fraction, exponent - 25);

  return half & 0x8000 ? -size : size;
}

static double
bf16_value (unsigned bits)
{
  const uint32_t wide = (uint32_t)bits << 16;
  float          value;

  memcpy (&value, &wide, sizeof value);
  return value;
}

/* Each of the 65536 patterns of a type of 16 bits, its infinite ones left out. */
static void
check_all_patterns (const char *type, unsigned exponent_mask, double (*value_of) (unsigned))
{
  static uint16_t patterns[65536];
  char            header[100];
  size_t          count = 0;
  WctSafetensors  file;
  WctError        err;

  for (unsigned bits = 0; bits < 65536; bits++)
    if ((bits & exponent_mask) != exponent_mask)
      patterns[count++] = (uint16_t)bits;
  snprintf (header, sizeof header, "{\"a\":{\"dtype\":\"%s\",\"shape\":[%zu],\"data_offsets\":[0,%zu]}}", type, count,
            2 * count);
  Blob blob = text_blob (header, patterns, 2 * count);
  must (parse (&blob, &file, &err), &err);
  for (size_t i = 0; i < count; i++)
    {
      const double expected = value_of (patterns[i]), got = file.tensors[0].values[i];

      if (got != expected || signbit (got) != signbit (expected))
        fail_msg ("%s 0x%04x: expected %a, got %a, allowed: equal", type, patterns[i], expected, got);
    }
  wct_safetensors_clear (&file);
  free (blob.bytes);
}

static void
every_finite_f16_and_bf16_becomes_the_float_it_means (void **state)
{
  (void)state;
  check_all_patterns ("F16", 0x7C00, half_value);
  check_all_patterns ("BF16", 0x7F80, bf16_value);
}

/* ---- Files that are not what they should be ------------------------------------------------------------------ */

static void
load_refuses_at_once_what_is_no_regular_file (void **state)
{
  const char *const paths[][2] = { { folder, "is a folder" },
                                   { "/dev/zero", "is not a regular file" },
                                   { "/dev/null", "is not a regular file" },
                                   { path_of ("pipe"), "is not a regular file" },
                                   { "/proc/self/status", "has 0 bytes" },
                                   { "no/such/file", "cannot be opened: No such file or directory" } };
  WctSafetensors    file;
  WctError          err;

  (void)state;
  assert_int_equal (mkfifo (paths[3][0], 0600), 0);
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
    {
      assert_int_not_equal (wct_safetensors_load (paths[i][0], &file, &err), WCT_OK);
      if (strstr (err.message, paths[i][0]) == NULL || strstr (err.message, paths[i][1]) == NULL)
        fail_msg ("%s: expected \"%s\", got \"%s\"", paths[i][0], paths[i][1], err.message);
    }
}

/* Between fstat and the first read the file really loses its end; every length once. */
static void
a_file_that_shrinks_while_it_is_read_gets_a_sentence (void **state)
{
  Blob         blob = pair ();
  const char  *path = path_of ("shrinks");
  const size_t used = wct_mem_used ();

  (void)state;
  for (size_t rest = 0; rest < blob.size; rest++)
    {
      WctSafetensors file;
      WctError       err;
      struct stat    facts;

      write_file (path, blob.bytes, blob.size);
      const int fd = open (path, O_RDONLY | O_CLOEXEC);
      assert_int_equal (fstat (fd, &facts), 0);
      assert_int_equal (truncate (path, (off_t)rest), 0);
      assert_int_equal (wct_safetensors_read (fd, (size_t)facts.st_size, "model", &file, &err), WCT_ERR_IO);
      assert_string_equal (err.message, "model: became shorter while it was read; try again once it is complete");
      assert_int_equal (wct_mem_used (), used);
      close (fd);
    }
  free (blob.bytes);
}

static void
a_file_that_grows_while_it_is_read_gets_a_sentence (void **state)
{
  Blob           blob = pair ();
  const char    *path = path_of ("grows");
  WctSafetensors file;
  WctError       err;

  (void)state;
  write_file (path, blob.bytes, blob.size);
  const int fd = open (path, O_RDWR | O_APPEND | O_CLOEXEC);
  assert_int_equal (write (fd, "x", 1), 1);
  assert_int_equal (lseek (fd, 0, SEEK_SET), 0);
  assert_int_equal (wct_safetensors_read (fd, blob.size, "model", &file, &err), WCT_ERR_IO);
  assert_string_equal (err.message, "model: became longer while it was read; try again once it is complete");
  close (fd);
  free (blob.bytes);
}

static void
a_read_that_fails_gets_a_sentence (void **state)
{
  const int      fd = open (path_of ("write-only"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  WctSafetensors file;
  WctError       err;

  (void)state;
  assert_int_equal (wct_safetensors_read (fd, 100, "model", &file, &err), WCT_ERR_IO);
  assert_string_equal (err.message, "model: cannot be read: Bad file descriptor");
  close (fd);
}

static void
a_header_over_the_limit_of_the_format_is_not_read (void **state)
{
  const char         *path = path_of ("sparse");
  const unsigned char length[8] = { 0x01, 0xE1, 0xF5, 0x05 }; /* 100,000,001 */
  WctSafetensors      file;
  WctError            err;

  (void)state;
  write_file (path, length, sizeof length);
  assert_int_equal (truncate (path, 200000000), 0);
  accounting_start (0);
  assert_int_equal (wct_safetensors_load (path, &file, &err), WCT_ERR_FORMAT);
  assert_non_null (strstr (err.message, "says its header has 100000001 bytes, 100000000 are allowed"));
  assert_int_equal (accounting_peak (), wct_mem_used ());
}

static void
a_long_path_leaves_room_for_the_fact (void **state)
{
  char           path[3000], shown[20];
  WctSafetensors file;
  WctError       err;

  (void)state;
  memset (path, 'x', sizeof path);
  strcpy (path + sizeof path - 20, "/ö\n.safetensors");
  assert_int_equal (wct_safetensors_load (path, &file, &err), WCT_ERR_IO);
  assert_non_null (strstr (err.message, "/ö?.safetensors: cannot be opened: "));

  wct_text_for_sentence ("fits in all of 19 b", shown, sizeof shown);
  assert_string_equal (shown, "fits in all of 19 b");
  wct_text_for_sentence ("does not fit in 20 bytes", shown, sizeof shown);
  assert_string_equal (shown, "… fit in 20 bytes");
  wct_text_for_sentence ("ababéfghijklmnopqrst", shown, sizeof shown); /* the cut is inside the é */
  assert_string_equal (shown, "…fghijklmnopqrst");
}

/* ---- Limits ------------------------------------------------------------------------------------------------- */

/* @start, @count times @piece with %zu in it as a number, @end. */
static Blob
repeat_blob (const char *start, const char *piece, size_t count, const char *end, size_t data_size)
{
  const size_t room = strlen (start) + count * (strlen (piece) + 20) + strlen (end) + 1;
  char        *header = malloc (room);
  size_t       length = (size_t)snprintf (header, room, "%s", start);

  assert_non_null (header);
  for (size_t i = 0; i < count; i++)
    length += (size_t)snprintf (header + length, room - length, piece, i, 4 * i, 4 * i + 4);
  length += (size_t)snprintf (header + length, room - length, "%s", end);
  Blob blob = new_blob (header, length, NULL, data_size);
  free (header);
  return blob;
}

#define MANY_TENSORS "\"%zu\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[%zu,%zu]},"

static void
memory_stays_under_twice_the_size_whatever_the_header (void **state)
{
  const struct
  {
    const char *start, *piece, *end;
  } greedy[] = {
    { "{\"a\":", "[", "" },
    { "{\"a\":", "[", "}" },
    { "{\"a\":[", "[],", "[]]}" },
    { "{\"a\":[", "{},", "{}]}" },
    { "{", "\"a\":{", "" },
    { "{\"a\":[", "0,", "0]}" },
    { "{", "\"%zu\":0,", "\"a\":0}" },
    { "{", "\"%zu\":{},", "\"a\":{}}" },
    { "{", "\"%zu\":[],", "\"a\":[]}" },
    { "{", ",", "}" },
    { "{\"", "x", "\":{}}" },
    { "{\"", "\\\"", "\":{}}" },
    { "{\"a\":", "1", "}" },
    { "{\"a\":\"", "\\u00e9", "\"}" },
    { "{\"__metadata__\":{\"a\":\"", "x", "\"}}" },
    { "{\"__metadata__\":{\"", "x", "\":\"\"}}" },
    { "{\"__metadata__\":{\"a\":\"", "\\ud83d\\ude00", "\"}}" },
    { "{\"__metadata__\":{", "\"%zu\":\"\",", "\"a\":\"\"}}" },
    { "{\"__metadata__\":{\"a\":", "[", "}}" },
    { "{\"__metadata__\":{\"a\":[", "{},", "{}]}}" },
    { "{", "\"__metadata__\":{},", "\"a\":0}" },
    { "{", MANY_TENSORS, "\"__metadata__\":{}}" },
    { "{}", " ", "" },
  };

  (void)state;
  for (size_t i = 0; i < sizeof greedy / sizeof greedy[0]; i++)
    for (size_t count = 1; count < 2000000; count = count * 3 + 1)
      {
        Blob           blob = repeat_blob (greedy[i].start, greedy[i].piece, count, greedy[i].end, 4 * count);
        WctSafetensors file;

        accounting_start (0);
        if (parse (&blob, &file, NULL) == WCT_OK)
          wct_safetensors_clear (&file);
        if (accounting_peak () > MEMORY_ALLOWED (blob.size))
          fail_msg ("%s%s… %zu times, %zu bytes: got %zu bytes, allowed %zu", greedy[i].start, greedy[i].piece, count,
                    blob.size, accounting_peak (), MEMORY_ALLOWED (blob.size));
        free (blob.bytes);
      }
}

/* As many as are allowed load, and one more does not. */
static void
check_limit (const char *start, const char *piece, size_t limit, const char *end, size_t data_size,
             const char *sentence)
{
  Blob           fits = repeat_blob (start, piece, limit, end, data_size);
  Blob           over = repeat_blob (start, piece, limit + 1, end, data_size + 4);
  WctSafetensors file;
  WctError       err;

  accounting_start (0);
  must (parse (&fits, &file, &err), &err);
  if (accounting_peak () > MEMORY_ALLOWED (fits.size))
    fail_msg ("%zu of %s: got %zu bytes, allowed %zu", limit, piece, accounting_peak (), MEMORY_ALLOWED (fits.size));
  wct_safetensors_clear (&file);
  assert_refused (&over, sentence);
  free (over.bytes);
  free (fits.bytes);
}

static void
limits_on_tensors_texts_and_names_are_exact (void **state)
{
  (void)state;
  check_limit ("{", MANY_TENSORS, 512, "\"__metadata__\":{}}", 4 * 512,
               "blob: has more than 512 tensors, a model has fewer");
  check_limit ("{\"__metadata__\":{\"a\":\"\"", ",\"%zu\":\"\"", 63, "}}", 0,
               "blob: __metadata__ has more than 64 entries");
  check_limit ("{\"__metadata__\":{\"a\":\"", "x", 16384 - strlen ("\"a\":\"\""), "\"}}", 0,
               "blob: __metadata__ has a text of 16385 bytes, 16384 are allowed");
}

/* ---- Failures ----------------------------------------------------------------------------------------------- */

static void
every_allocation_that_fails_leaves_nothing_behind (void **state)
{
  Blob           blob = pair ();
  const size_t   used = wct_mem_used ();
  WctStatus      status = WCT_ERR_NO_MEMORY;
  WctSafetensors file;
  WctError       err;

  (void)state;
  for (long n = 1; status != WCT_OK; n++)
    {
      wct_mem_test_fail (n, false);
      status = parse (&blob, &file, &err);
      wct_mem_test_fail (0, false);
      if (status == WCT_OK)
        wct_safetensors_clear (&file);
      else
        assert_int_equal (status, WCT_ERR_NO_MEMORY);
      assert_int_equal (wct_mem_used (), used);
      assert_true (n < 100);
    }
  free (blob.bytes);
}

static void
every_allocation_of_the_json_parser_that_fails_leaves_nothing_behind (void **state)
{
  Blob           blob = pair ();
  const size_t   used = wct_mem_used ();
  WctStatus      status = WCT_ERR_NO_MEMORY;
  WctSafetensors file;
  WctError       err;

  (void)state;
  for (long n = 1; status != WCT_OK; n++)
    {
      accounting_start (n);
      status = parse (&blob, &file, &err);
      if (status == WCT_OK)
        wct_safetensors_clear (&file);
      /* Where a value lacks memory, jansson may call it bad JSON. */
      assert_true (status == WCT_OK || status == WCT_ERR_NO_MEMORY || status == WCT_ERR_FORMAT);
      assert_int_equal (wct_mem_used (), used);
      assert_int_equal (json_used, 0);
      assert_true (n < 1000);
    }
  accounting_start (0);
  free (blob.bytes);
}

static int
make_folder (void **state)
{
  (void)state;
  accounting_start (0);
  return mkdtemp (folder) == NULL ? -1 : 0;
}

static int
remove_folder (void **state)
{
  const char *const names[] = { "pipe", "shrinks", "grows", "write-only", "sparse" };

  (void)state;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    unlink (path_of (names[i]));
  return rmdir (folder);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (tensors_and_metadata_come_back_as_written),
    cmocka_unit_test (blanks_between_words_and_a_scalar_are_allowed),
    cmocka_unit_test (every_finite_f16_and_bf16_becomes_the_float_it_means),
    cmocka_unit_test (load_refuses_at_once_what_is_no_regular_file),
    cmocka_unit_test (a_file_that_shrinks_while_it_is_read_gets_a_sentence),
    cmocka_unit_test (a_file_that_grows_while_it_is_read_gets_a_sentence),
    cmocka_unit_test (a_read_that_fails_gets_a_sentence),
    cmocka_unit_test (a_header_over_the_limit_of_the_format_is_not_read),
    cmocka_unit_test (a_long_path_leaves_room_for_the_fact),
    cmocka_unit_test (memory_stays_under_twice_the_size_whatever_the_header),
    cmocka_unit_test (limits_on_tensors_texts_and_names_are_exact),
    cmocka_unit_test (every_allocation_that_fails_leaves_nothing_behind),
    cmocka_unit_test (every_allocation_of_the_json_parser_that_fails_leaves_nothing_behind),
  };

  return cmocka_run_group_tests (tests, make_folder, remove_folder);
}
