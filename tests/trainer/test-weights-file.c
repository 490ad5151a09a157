/* Files of weights: what core's reader gets back, bit for bit, every half that there is, and no file where writing
 * failed. */
#include "weights-file.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>

#include "half.h"
#include "safetensors.h"
#include "small-runs.h"

/* ---- Files -------------------------------------------------------------------------------------------------- */

static json_t *
some_metadata (void)
{
  return json_pack ("{s:s, s:s}", "format", "wct", "source", "a \"test\", with \xc3\xa4 and \\");
}

static WctStatus
write_file (const char *name, const WctWeights *tensors, size_t count, bool half, bool force, WctError *err)
{
  json_t   *metadata = some_metadata ();
  WctStatus status = wct_weights_write (path_of (name), tensors, count, metadata, half, force, err);

  json_decref (metadata);
  return status;
}

static WctSafetensors
read_file (const char *name)
{
  WctSafetensors file = { .tensors = NULL };
  WctError       err;

  must (wct_safetensors_load (path_of (name), &file, &err), &err);
  return file;
}

/* Values of every size, from the smallest subnormal to the largest, both zeros among them. */
static float *
new_values (size_t count)
{
  float    *values = new_floats (count);
  WctRandom random = wct_random_stream (1, 0);

  for (size_t i = 0; i < count; i++)
    do
      {
        const uint32_t bits = i == 0 ? 0 : i == 1 ? 0x80000000u : (uint32_t)wct_random_bits (&random);

        memcpy (&values[i], &bits, sizeof bits);
      }
    while (!isfinite (values[i]));
  return values;
}

#define LONG (2 * 65536 + 3) /* more than two of the writer's chunks */

static void
floats_and_metadata_come_back_bit_for_bit (void **state)
{
  float           *values = new_values (LONG);
  const WctWeights tensors[] = { { "encoder.conv1_1.weight", 4, { 5, 3, 3, 3 }, values },
                                 { "z", 1, { 5 }, values + 7 },
                                 { "adam.first/a", 2, { 4, 6 }, values + 1 },
                                 { "long", 1, { LONG }, values },
                                 { "single", 0, { 0 }, values + 9 },
                                 { "cube", 3, { 2, 3, 4 }, values + 100 } };
  const size_t     counts[] = { 135, 5, 24, LONG, 1, 24 };
  WctSafetensors   file;
  WctError         err;

  (void)state;
  must (write_file ("f32", tensors, 6, false, false, &err), &err);
  file = read_file ("f32");
  assert_int_equal (file.tensor_count, 6);
  for (size_t i = 0; i < 6; i++)
    {
      const WctNamedTensor *tensor = wct_safetensors_find (&file, tensors[i].name);

      assert_non_null (tensor);
      assert_int_equal (tensor->rank, tensors[i].rank);
      for (int d = 0; d < tensor->rank; d++)
        assert_int_equal (tensor->shape[d], tensors[i].shape[d]);
      assert_int_equal (tensor->count, counts[i]);
      assert_same_floats (tensor->name, tensor->values, tensors[i].values, counts[i]);
    }
  assert_int_equal (file.metadata_count, 2);
  assert_string_equal (wct_safetensors_metadata (&file, "format"), "wct");
  assert_string_equal (wct_safetensors_metadata (&file, "source"), "a \"test\", with \xc3\xa4 and \\");
  wct_safetensors_clear (&file);
  free (values);
}

/* ---- Halves ------------------------------------------------------------------------------------------------- */

/* What a half's bits mean. */
static double
value_of_half (unsigned half)
{
  const int    exponent = (int)(half >> 10 & 31u);
  const double digits = half & 0x3ffu;
  const double size = exponent == 0 ? ldexp (digits, -24) : ldexp (1024 + digits, exponent - 25);

  return half & 0x8000u ? -size : size;
}

static void
assert_rounds (double value, unsigned expected)
{
  const unsigned got = wct_half_of_float ((float)value);

  if (got != expected)
    fail_msg ("%.17g: expected half 0x%04x, got 0x%04x", value, expected, got);
}

static void
every_half_is_itself (void **state)
{
  (void)state;
  for (unsigned half = 0; half < 0x10000u; half++)
    if ((half & 0x7c00u) != 0x7c00u)
      assert_rounds (value_of_half (half), half);
  assert_rounds (INFINITY, 0x7c00);
  assert_rounds (-INFINITY, 0xfc00);
  assert_true ((wct_half_of_float (NAN) & 0x7fffu) > 0x7c00u);
}

/* Between any two neighbors: the middle goes to the even one, what is a float's last place off it to the nearer. */
static void
the_middle_of_two_halves_rounds_to_even_and_the_rest_to_the_nearest (void **state)
{
  (void)state;
  for (unsigned half = 0; half < 0x7bffu; half++)
    for (unsigned sign = 0; sign <= 0x8000u; sign += 0x8000u)
      {
        const double middle = (value_of_half (sign | half) + value_of_half (sign | (half + 1))) / 2;
        const float  to_zero = nextafterf ((float)middle, 0);
        const float  from_zero = nextafterf ((float)middle, (float)(2 * middle));

        assert_true ((double)(float)middle == middle);
        assert_rounds (middle, sign | (half & 1u ? half + 1 : half));
        assert_rounds (to_zero, sign | half);
        assert_rounds (from_zero, sign | (half + 1));
      }
}

static void
the_smallest_and_the_largest_round_as_ieee_says (void **state)
{
  (void)state;
  assert_rounds (1e-45, 0);
  assert_rounds (-1e-45, 0x8000);
  assert_rounds (ldexp (1, -25), 0);
  assert_rounds (nextafterf (ldexpf (1, -25), 1), 1);
  assert_rounds (65504, 0x7bff);
  assert_rounds (nextafterf (65520, 0), 0x7bff);
  assert_rounds (65520, 0x7c00);
  assert_rounds (-65520, 0xfc00);
  assert_rounds (3e38, 0x7c00);
}

/* All finite halves and what lies a little beside them, through a file. */
static void
a_file_of_halves_holds_exactly_what_rounding_gives (void **state)
{
  float         *values = new_floats (2 * 0x10000);
  size_t         count = 0;
  WctWeights     tensor = { "halves", 1, { 0 }, values };
  WctSafetensors file;
  WctError       err;

  (void)state;
  for (unsigned half = 0; half < 0x10000u; half++)
    if ((half & 0x7c00u) != 0x7c00u)
      {
        values[count++] = (float)value_of_half (half);
        values[count++] = (float)(value_of_half (half) * 1.0001);
      }
  tensor.shape[0] = (int64_t)count;
  must (write_file ("f16", &tensor, 1, true, false, &err), &err);
  file = read_file ("f16");
  assert_int_equal (file.tensors[0].count, count);
  for (size_t i = 0; i < count; i++)
    {
      const float expected = (float)value_of_half (wct_half_of_float (values[i]));

      assert_memory_equal (&file.tensors[0].values[i], &expected, sizeof expected);
    }
  wct_safetensors_clear (&file);
  free (values);
}

/* ---- Failures ----------------------------------------------------------------------------------------------- */

static int
count_entries (void)
{
  DIR *directory = opendir (path_of (""));
  int  count = -2; /* "." and ".." */

  assert_non_null (directory);
  while (readdir (directory) != NULL)
    count++;
  closedir (directory);
  return count;
}

static void
values_that_do_not_fit_are_refused_with_their_tensors_name (void **state)
{
  float            values[6] = { 1, 2, 65519.99f, 3, 4, 5 };
  const WctWeights tensors[] = { { "encoder.conv1_1.bias", 1, { 6 }, values } };
  WctError         err;

  (void)state;
  must (write_file ("fits", tensors, 1, true, false, &err), &err);
  values[3] = -65520;
  assert_refused (write_file ("half", tensors, 1, true, false, &err), WCT_ERR_NUMERIC, &err,
                  "encoder.conv1_1.bias: -65520 does not fit in F16; write F32");
  values[3] = NAN;
  assert_refused (write_file ("float", tensors, 1, false, false, &err), WCT_ERR_NUMERIC, &err,
                  "encoder.conv1_1.bias: value 3 is not finite");
  values[3] = INFINITY;
  assert_refused (write_file ("float", tensors, 1, true, false, &err), WCT_ERR_NUMERIC, &err,
                  "encoder.conv1_1.bias: value 3 is not finite");
  assert_int_equal (count_entries (), 1);
}

static void
a_file_that_is_there_stays_unless_forced (void **state)
{
  const float      ones[] = { 1 }, twos[] = { 2 };
  const WctWeights first = { "a", 1, { 1 }, ones }, second = { "a", 1, { 1 }, twos };
  WctSafetensors   file;
  WctError         err;

  (void)state;
  must (write_file ("file", &first, 1, false, false, &err), &err);
  assert_refused (write_file ("file", &second, 1, false, false, &err), WCT_ERR_IO, &err, "exists already");
  file = read_file ("file");
  assert_true (file.tensors[0].values[0] == 1);
  wct_safetensors_clear (&file);
  must (write_file ("file", &second, 1, false, true, &err), &err);
  file = read_file ("file");
  assert_true (file.tensors[0].values[0] == 2);
  wct_safetensors_clear (&file);
  assert_int_equal (count_entries (), 1);
}

static void
a_folder_that_takes_no_files_gets_one_sentence (void **state)
{
  const float      ones[] = { 1 };
  const WctWeights tensor = { "a", 1, { 1 }, ones };
  WctError         err;

  (void)state;
  assert_refused (write_file ("no/such/folder", &tensor, 1, false, false, &err), WCT_ERR_IO, &err,
                  "cannot be written: No such file or directory");
  write_bytes ("file", "x", 1);
  assert_refused (write_file ("file/under", &tensor, 1, false, true, &err), WCT_ERR_IO, &err,
                  "cannot be written: Not a directory");
  assert_refused (write_file ("", &tensor, 1, false, true, &err), WCT_ERR_IO, &err, "is a folder");
  if (geteuid () == 0)
    return; /* root may write anywhere */
  make_subfolder ("locked");
  assert_int_equal (chmod (path_of ("locked"), 0555), 0);
  assert_refused (write_file ("locked/file", &tensor, 1, false, true, &err), WCT_ERR_IO, &err,
                  "cannot be written: Permission denied");
}

/* The limit stands in for a full disk, at every length of the file. */
static void
a_full_disk_leaves_nothing_new_and_what_was_there (void **state)
{
  float           *values = new_values (300);
  const WctWeights tensors[] = { { "a", 1, { 150 }, values }, { "b", 1, { 150 }, values + 150 } };
  struct rlimit    before;
  size_t           size;
  WctError         err;

  (void)state;
  must (write_file ("old", tensors, 2, false, false, &err), &err);
  free (read_bytes ("old", &size));
  assert_int_equal (getrlimit (RLIMIT_FSIZE, &before), 0);
  signal (SIGXFSZ, SIG_IGN);
  for (size_t limit = 0; limit < size; limit += 13)
    {
      const struct rlimit narrow = { limit, before.rlim_max };
      WctStatus           status[2];

      assert_int_equal (setrlimit (RLIMIT_FSIZE, &narrow), 0);
      status[0] = write_file ("new", tensors, 2, false, false, NULL);
      status[1] = write_file ("old", tensors, 1, false, true, &err);
      assert_int_equal (setrlimit (RLIMIT_FSIZE, &before), 0);
      assert_int_equal (status[0], WCT_ERR_IO);
      if (limit < 600)
        assert_refused (status[1], WCT_ERR_IO, &err, "old: cannot be written: File too large");
      if (status[1] == WCT_OK)
        must (write_file ("old", tensors, 2, false, true, &err), &err);
      assert_int_equal (count_entries (), 1);
    }
  signal (SIGXFSZ, SIG_DFL);
  WctSafetensors file = read_file ("old");
  assert_int_equal (file.tensor_count, 2);
  wct_safetensors_clear (&file);
  free (values);
}

static void
an_allocation_that_fails_is_a_sentence_and_leaves_nothing (void **state)
{
  const float      ones[] = { 1 };
  const WctWeights tensor = { "a", 1, { 1 }, ones };
  bool             happened = true;

  (void)state;
  for (long n = 1; happened; n++)
    {
      WctStatus status;

      wct_mem_test_fail (n, false);
      status = write_file ("file", &tensor, 1, true, true, NULL);
      happened = wct_mem_test_fail (0, false) >= n;
      assert_int_equal (status, happened ? WCT_ERR_NO_MEMORY : WCT_OK);
      assert_int_equal (wct_mem_used (), 0);
      assert_int_equal (count_entries (), happened ? 0 : 1);
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (floats_and_metadata_come_back_bit_for_bit, make_folder, remove_folder),
    cmocka_unit_test (every_half_is_itself),
    cmocka_unit_test (the_middle_of_two_halves_rounds_to_even_and_the_rest_to_the_nearest),
    cmocka_unit_test (the_smallest_and_the_largest_round_as_ieee_says),
    cmocka_unit_test_setup_teardown (a_file_of_halves_holds_exactly_what_rounding_gives, make_folder, remove_folder),
    cmocka_unit_test_setup_teardown (values_that_do_not_fit_are_refused_with_their_tensors_name, make_folder,
                                     remove_folder),
    cmocka_unit_test_setup_teardown (a_file_that_is_there_stays_unless_forced, make_folder, remove_folder),
    cmocka_unit_test_setup_teardown (a_folder_that_takes_no_files_gets_one_sentence, make_folder, remove_folder),
    cmocka_unit_test_setup_teardown (a_full_disk_leaves_nothing_new_and_what_was_there, make_folder, remove_folder),
    cmocka_unit_test_setup_teardown (an_allocation_that_fails_is_a_sentence_and_leaves_nothing, make_folder,
                                     remove_folder),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
