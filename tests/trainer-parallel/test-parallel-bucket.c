/* Arrays of any sizes through buckets: nothing is lost, doubled or moved to another place. */
#include "parallel-bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define SIZE 10

/* Empties it into @sums, where each value's place counts how often it came. */
static void
empty (WctBucket *bucket, const float *all, int *times)
{
  size_t at = 0;

  for (int i = 0; i < bucket->part_count; i++)
    {
      const WctBucketPart *part = &bucket->parts[i];

      assert_int_equal (part->at, at); /* without gaps */
      for (size_t k = 0; k < part->count; k++)
        times[part->values - all + (ptrdiff_t)k]++;
      at += part->count;
    }
  assert_int_equal (at, bucket->filled);
  assert_true (bucket->filled <= bucket->values);
  wct_bucket_clear (bucket);
}

static void
every_value_comes_once (void **state)
{
  static const size_t sizes[] = { 3, 0, 7, 1, 25, 10, 9, 2, 0, 43, 5 };
  float               all[105] = { 0 };
  int                 times[105] = { 0 };
  WctBucket           bucket = { .values = SIZE };
  size_t              first = 0;

  (void)state;
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
    {
      size_t left = sizes[i];

      while (left > 0)
        {
          const size_t taken = wct_bucket_put (&bucket, all + first, left);

          assert_true (taken > 0 && taken <= left);
          first += taken;
          left -= taken;
          if (wct_bucket_is_full (&bucket))
            empty (&bucket, all, times);
        }
    }
  empty (&bucket, all, times);
  assert_int_equal (first, 105);
  for (int i = 0; i < 105; i++)
    assert_int_equal (times[i], 1);
}

static void
a_bucket_is_full_where_it_has_no_room_for_values_or_parts (void **state)
{
  float     values[SIZE + 1] = { 0 };
  WctBucket bucket = { .values = SIZE };

  (void)state;
  assert_int_equal (wct_bucket_put (&bucket, values, SIZE + 1), SIZE);
  assert_true (wct_bucket_is_full (&bucket));
  assert_int_equal (wct_bucket_put (&bucket, values + SIZE, 1), 0);
  wct_bucket_clear (&bucket);
  assert_int_equal (wct_bucket_put (&bucket, values, 0), 0);
  assert_int_equal (bucket.part_count, 0);

  bucket = (WctBucket){ .values = WCT_BUCKET_VALUES };
  for (int i = 0; i < WCT_BUCKET_PARTS; i++)
    {
      assert_false (wct_bucket_is_full (&bucket));
      assert_int_equal (wct_bucket_put (&bucket, values, 1), 1);
    }
  assert_true (wct_bucket_is_full (&bucket));
  assert_int_equal (wct_bucket_put (&bucket, values, 1), 0);
}

/* Ranks put the same arrays in, and must send buckets of the same sizes: sizes are all that may decide. */
static void
buckets_depend_on_sizes_only (void **state)
{
  float     here[64] = { 1 }, there[64] = { 2 };
  WctBucket one = { .values = SIZE }, other = { .values = SIZE };

  (void)state;
  for (size_t size = 1; size < 9; size++)
    {
      assert_int_equal (wct_bucket_put (&one, here, size), wct_bucket_put (&other, there + size, size));
      assert_int_equal (wct_bucket_is_full (&one), wct_bucket_is_full (&other));
      if (wct_bucket_is_full (&one))
        {
          wct_bucket_clear (&one);
          wct_bucket_clear (&other);
        }
      assert_int_equal (one.filled, other.filled);
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (every_value_comes_once),
    cmocka_unit_test (a_bucket_is_full_where_it_has_no_room_for_values_or_parts),
    cmocka_unit_test (buckets_depend_on_sizes_only),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
