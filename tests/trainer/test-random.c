/* The trainer's random numbers: what a seed means, fair draws, shuffles; and the checksum made of the same mixing. */
#include "random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "checksum.h"

/* Runs are told by their seed: these numbers must never change. */
static void
a_seed_means_the_same_numbers_for_ever (void **state)
{
  WctRandom random = wct_random_stream (1, 2);

  (void)state;
  assert_int_equal (wct_random_bits (&random), 0x3E12204644234BB0u);
  assert_int_equal (wct_random_bits (&random), 0xFEAB9A052C034D9Fu);
  assert_int_equal (wct_random_hash (3, 4), 0xCBEE8B904ECEAC0Cu);
  assert_int_equal (wct_random_shuffled (5, 6, 1000), 556);
  assert_int_equal (wct_checksum (WCT_CHECKSUM_START, "whitening and coloring transforms", 33), 0x2857D1DE5975B4F2u);
}

static void
streams_and_seeds_differ_from_the_first_number_on (void **state)
{
  uint64_t seen[64];
  size_t   count = 0;

  (void)state;
  for (uint64_t seed = 0; seed < 8; seed++)
    for (uint64_t stream = 0; stream < 8; stream++)
      {
        WctRandom      random = wct_random_stream (seed, stream);
        const uint64_t bits = wct_random_bits (&random);

        for (size_t i = 0; i < count; i++)
          if (seen[i] == bits)
            fail_msg ("seed %d, stream %d begins as another one", (int)seed, (int)stream);
        seen[count++] = bits;
      }
}

/* Means and variances of @count draws, within 5 standard deviations of what they must be. */
static void
units_and_normals_have_their_mean_and_variance (void **state)
{
  const int count = 100000;
  double    sum[2] = { 0 }, squares[2] = { 0 };
  WctRandom random = wct_random_stream (7, 0);

  (void)state;
  for (int i = 0; i < count; i++)
    {
      const double draws[2] = { wct_random_unit (&random), wct_random_normal (&random) };

      assert_true (draws[0] >= 0 && draws[0] < 1);
      for (int k = 0; k < 2; k++)
        {
          sum[k] += draws[k];
          squares[k] += draws[k] * draws[k];
        }
    }
  assert_float_equal (sum[0] / count, 0.5, 5 * sqrt (1.0 / 12 / count));
  assert_float_equal (squares[0] / count, 1.0 / 3, 5 * sqrt (4.0 / 45 / count));
  assert_float_equal (sum[1] / count, 0, 5 * sqrt (1.0 / count));
  assert_float_equal (squares[1] / count, 1, 5 * sqrt (2.0 / count));
}

static void
numbers_below_a_bound_come_equally_often (void **state)
{
  (void)state;
  for (uint64_t bound = 1; bound <= 7; bound++)
    {
      const int count = 70000;
      int       found[7] = { 0 };
      WctRandom random = wct_random_stream (bound, 1);

      for (int i = 0; i < count; i++)
        {
          const uint64_t draw = wct_random_below (&random, bound);

          assert_true (draw < bound);
          found[draw]++;
        }
      for (uint64_t i = 0; i < bound; i++)
        assert_float_equal (found[i], (double)count / (double)bound, 5 * sqrt ((double)count / (double)bound));
    }
}

/* 3 · 2^62 is where a plain remainder would be off by a half. */
static void
numbers_below_a_huge_bound_are_fair (void **state)
{
  const uint64_t bound = (uint64_t)3 << 62;
  const int      count = 30000;
  int            low = 0;
  WctRandom      random = wct_random_stream (0, 2);

  (void)state;
  for (int i = 0; i < count; i++)
    low += wct_random_below (&random, bound) < bound / 3;
  assert_float_equal (low, count / 3.0, 5 * sqrt (count * 2.0 / 9));
}

static void
a_shuffle_has_every_place_once (void **state)
{
  static const uint64_t counts[] = { 1, 2, 3, 4, 5, 7, 8, 9, 100, 255, 256, 257, 10000 };

  (void)state;
  for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++)
    for (uint64_t key = 0; key < 3; key++)
      {
        char found[10000] = { 0 };

        for (uint64_t i = 0; i < counts[k]; i++)
          {
            const uint64_t place = wct_random_shuffled (key, i, counts[k]);

            assert_true (place < counts[k]);
            if (found[place]++ != 0)
              fail_msg ("of %d things place %d came twice, key %d", (int)counts[k], (int)place, (int)key);
          }
      }
}

static void
every_order_of_four_things_is_as_likely (void **state)
{
  const int keys = 24000;
  int       found[256] = { 0 };
  int       orders = 0;

  (void)state;
  for (int key = 0; key < keys; key++)
    {
      unsigned order = 0;

      for (uint64_t i = 0; i < 4; i++)
        order = order << 2 | (unsigned)wct_random_shuffled ((uint64_t)key, i, 4);
      found[order]++;
    }
  for (int i = 0; i < 256; i++)
    if (found[i] > 0)
      {
        orders++;
        assert_float_equal (found[i], keys / 24.0, 5 * sqrt (keys / 24.0));
      }
  assert_int_equal (orders, 24);
}

static void
a_checksum_sees_every_bit_and_the_length (void **state)
{
  unsigned char  bytes[100];
  const uint64_t start = WCT_CHECKSUM_START;

  (void)state;
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (unsigned char)(i * 7);
  for (size_t size = 0; size <= sizeof bytes; size++)
    {
      const uint64_t sum = wct_checksum (start, bytes, size);

      assert_int_not_equal (sum, wct_checksum (start + 1, bytes, size));
      for (size_t bit = 0; bit < 8 * size; bit++)
        {
          bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
          assert_int_not_equal (sum, wct_checksum (start, bytes, size));
          bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
    }
  memset (bytes, 0, sizeof bytes);
  for (size_t size = 1; size <= sizeof bytes; size++)
    assert_int_not_equal (wct_checksum (start, bytes, size), wct_checksum (start, bytes, size - 1));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (a_seed_means_the_same_numbers_for_ever),
    cmocka_unit_test (streams_and_seeds_differ_from_the_first_number_on),
    cmocka_unit_test (units_and_normals_have_their_mean_and_variance),
    cmocka_unit_test (numbers_below_a_bound_come_equally_often),
    cmocka_unit_test (numbers_below_a_huge_bound_are_fair),
    cmocka_unit_test (a_shuffle_has_every_place_once),
    cmocka_unit_test (every_order_of_four_things_is_as_likely),
    cmocka_unit_test (a_checksum_sees_every_bit_and_the_length),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
