/* The executor: kernels do on it what they do on a card, in any order of threads, and mistakes are found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "children.h"
#include "kernels.h"

#define BLOCKS 7

static const char *const orders[] = { "forward", "reverse", "shuffle:1", "shuffle:2", "shuffle:3" };

#define ORDER_COUNT (sizeof orders / sizeof orders[0])

static void
use_order (const char *order)
{
  setenv ("WCT_EXECUTOR_ORDER", order, 1);
}

/* Whole numbers, so that sums are exact in any order. */
static void
fill (float *values, size_t count)
{
  for (size_t i = 0; i < count; i++)
    values[i] = (float)((i * 7919 + 13) % 201) - 100;
}

/* ---- Kernels that are right ------------------------------------------------------------------------------------ */

static double
sum_of_block (const float *in, int block)
{
  double sum = 0;

  for (int i = 0; i < BLOCK; i++)
    sum += (double)in[block * BLOCK + i];
  return sum;
}

static void
block_sums_by_shared_memory_are_right_in_any_order (void **state)
{
  static float in[BLOCKS * BLOCK];
  float        sums[BLOCKS];

  (void)state;
  fill (in, BLOCKS * BLOCK);
  for (size_t order = 0; order < ORDER_COUNT; order++)
    {
      use_order (orders[order]);
      launch_sums_by_memory (BLOCKS, in, sums);
      for (int i = 0; i < BLOCKS; i++)
        assert_true ((double)sums[i] == sum_of_block (in, i));
    }
}

static void
block_sums_by_shuffles_are_right_in_any_order (void **state)
{
  static float  in[BLOCKS * BLOCK];
  static double in_double[BLOCKS * BLOCK];
  static int    in_int[BLOCKS * BLOCK];
  float         sums[BLOCKS];
  double        sums_double[BLOCKS];
  int           sums_int[BLOCKS];

  (void)state;
  fill (in, BLOCKS * BLOCK);
  for (int i = 0; i < BLOCKS * BLOCK; i++)
    {
      in_double[i] = (double)in[i] * 0x1p40; /* more than an int or a float holds */
      in_int[i] = (int)in[i];
    }
  for (size_t order = 0; order < ORDER_COUNT; order++)
    {
      use_order (orders[order]);
      launch_sums_by_shuffles_float (BLOCKS, in, sums);
      launch_sums_by_shuffles_double (BLOCKS, in_double, sums_double);
      launch_sums_by_shuffles_int (BLOCKS, in_int, sums_int);
      for (int i = 0; i < BLOCKS; i++)
        {
          const double expected = sum_of_block (in, i);

          assert_true ((double)sums[i] == expected);
          assert_true (sums_double[i] == expected * 0x1p40);
          assert_int_equal (sums_int[i], (int)expected);
        }
    }
}

static void
shuffles_take_from_the_lane_that_is_asked_for (void **state)
{
  static const struct
  {
    unsigned distance;
    int      bits;
  } cases[] = { { 0, 0 }, { 1, 1 }, { 5, 5 }, { 16, 16 }, { 31, 31 } };
  int down[32], across[32];

  (void)state;
  for (size_t order = 0; order < ORDER_COUNT; order++)
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
      {
        use_order (orders[order]);
        launch_shuffles (cases[i].distance, cases[i].bits, down, across);
        for (int lane = 0; lane < 32; lane++)
          {
            const int below = lane + (int)cases[i].distance;

            assert_int_equal (down[lane], below < 32 ? below : lane);
            assert_int_equal (across[lane], lane ^ cases[i].bits);
          }
      }
}

static void
blocks_of_two_dimensions_transpose (void **state)
{
  enum
  {
    ROWS = 37,
    COLUMNS = 50
  };
  static float in[ROWS * COLUMNS], out[ROWS * COLUMNS];

  (void)state;
  for (int i = 0; i < ROWS * COLUMNS; i++)
    in[i] = (float)i;
  for (size_t order = 0; order < ORDER_COUNT; order++)
    {
      use_order (orders[order]);
      memset (out, 0, sizeof out);
      launch_transpose (ROWS, COLUMNS, in, out);
      for (int y = 0; y < ROWS; y++)
        for (int x = 0; x < COLUMNS; x++)
          assert_true (out[x * ROWS + y] == in[y * COLUMNS + x]);
    }
}

static void
each_thread_of_each_block_runs_once (void **state)
{
  static const unsigned grid[3] = { 5, 3, 2 }, block[3] = { 7, 4, 3 };
  static int            counts[5 * 7 * 3 * 4 * 2 * 3];

  (void)state;
  for (size_t order = 0; order < ORDER_COUNT; order++)
    {
      use_order (orders[order]);
      memset (counts, 0, sizeof counts);
      launch_indices (grid, block, counts);
      for (int z = 0; z < 2 * 3; z++)
        for (int y = 0; y < 3 * 4; y++)
          for (int x = 0; x < 5 * 7; x++)
            assert_int_equal (counts[(z * 3 * 4 + y) * 5 * 7 + x], x + 100 * y + 10000 * z);
    }
}

static void
the_environment_orders_threads (void **state)
{
  enum
  {
    THREADS = 96
  };
  int forward[THREADS], reverse[THREADS], shuffled[THREADS], again[THREADS], other[THREADS], counter;
  int seen[THREADS] = { 0 };

  (void)state;
  use_order ("forward");
  launch_turns (THREADS, (counter = 0, &counter), forward);
  use_order ("reverse");
  launch_turns (THREADS, (counter = 0, &counter), reverse);
  use_order ("shuffle:1");
  launch_turns (THREADS, (counter = 0, &counter), shuffled);
  launch_turns (THREADS, (counter = 0, &counter), again);
  use_order ("shuffle:2");
  launch_turns (THREADS, (counter = 0, &counter), other);
  for (int i = 0; i < THREADS; i++)
    {
      assert_int_equal (forward[i], i);
      assert_int_equal (reverse[i], THREADS - 1 - i);
      assert_in_range (shuffled[i], 0, THREADS - 1);
      seen[shuffled[i]]++;
    }
  for (int i = 0; i < THREADS; i++)
    assert_int_equal (seen[i], 1);
  assert_memory_equal (shuffled, again, sizeof again);
  assert_memory_not_equal (shuffled, other, sizeof other);
  assert_memory_not_equal (shuffled, forward, sizeof forward);
}

static void
smallest_and_largest_are_found (void **state)
{
  int in[100], smallest = 1000, largest = -1000;

  (void)state;
  use_order ("forward");
  for (int i = 0; i < 100; i++)
    in[i] = (i * 37 + 11) % 100 - 50;
  launch_extremes (100, in, &smallest, &largest);
  assert_int_equal (smallest, -50);
  assert_int_equal (largest, 49);
}

/* ---- Elements of two bytes ------------------------------------------------------------------------------------- */

#define PATTERNS 65536

/* What the bits say, by the definition of the formats, in double. */
static double
value_of (uint16_t bits, int fraction_bits, int bias)
{
  const int    exponent = (bits & 0x7FFF) >> fraction_bits, exponent_max = 0x7FFF >> fraction_bits;
  const double fraction = (double)(bits & ((1 << fraction_bits) - 1)) / (1 << fraction_bits);
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;

  if (exponent == exponent_max)
    return fraction == 0 ? sign * (double)INFINITY : (double)NAN;
  return exponent == 0 ? sign * ldexp (fraction, 1 - bias) : sign * ldexp (1 + fraction, exponent - bias);
}

typedef struct
{
  const char *name;
  int         fraction_bits, bias;
  uint16_t    infinity;
  void (*widen) (size_t count, const uint16_t *in, float *out);
  void (*round) (size_t count, const float *in, uint16_t *out);
} Format;

static const Format formats[] = {
  { "half", 10, 15, 0x7C00, launch_from_half, launch_to_half },
  { "brain", 7, 127, 0x7F80, launch_from_brain, launch_to_brain },
};

#define FORMAT_COUNT (sizeof formats / sizeof formats[0])

static void
all_patterns (uint16_t *patterns)
{
  for (int i = 0; i < PATTERNS; i++)
    patterns[i] = (uint16_t)i;
}

static void
all_patterns_have_their_value (void **state)
{
  static uint16_t patterns[PATTERNS];
  static float    values[PATTERNS];

  (void)state;
  use_order ("forward");
  all_patterns (patterns);
  for (size_t f = 0; f < FORMAT_COUNT; f++)
    {
      formats[f].widen (PATTERNS, patterns, values);
      for (int i = 0; i < PATTERNS; i++)
        {
          const double expected = value_of ((uint16_t)i, formats[f].fraction_bits, formats[f].bias);

          if (isnan (expected) ? !isnan (values[i])
                               : (double)values[i] != expected || !signbit (values[i]) != !(i & 0x8000))
            fail_msg ("%s %#x: expected %g, got %g", formats[f].name, (unsigned)i, expected, (double)values[i]);
        }
    }
}

static void
values_come_back_as_their_pattern (void **state)
{
  static uint16_t patterns[PATTERNS], back[PATTERNS];
  static float    values[PATTERNS];

  (void)state;
  use_order ("forward");
  all_patterns (patterns);
  for (size_t f = 0; f < FORMAT_COUNT; f++)
    {
      formats[f].widen (PATTERNS, patterns, values);
      formats[f].round (PATTERNS, values, back);
      for (int i = 0; i < PATTERNS; i++)
        if ((i & 0x7FFF) > formats[f].infinity ? (back[i] & 0x7FFF) <= formats[f].infinity : back[i] != i)
          fail_msg ("%s %#x came back as %#x", formats[f].name, (unsigned)i, back[i]);
    }
}

/* A step beyond the largest number would be infinity, if there were a number. */
static double
value_or_next_step (const Format *format, uint16_t bits)
{
  return bits == format->infinity ? ldexp (1, format->bias + 1) : value_of (bits, format->fraction_bits, format->bias);
}

/* Between each two neighbors of either sign: just below the middle, there, and just above. */
static void
values_between_round_to_the_nearest_and_ties_to_even (void **state)
{
  static float    values[3 * PATTERNS];
  static uint16_t expected[3 * PATTERNS], got[3 * PATTERNS];

  (void)state;
  use_order ("forward");
  for (size_t f = 0; f < FORMAT_COUNT; f++)
    {
      const Format *format = &formats[f];
      size_t        count = 0;

      for (int sign = 0; sign <= 0x8000; sign += 0x8000)
        for (int low = 0; low < format->infinity; low++)
          {
            const float middle =
              (float)((value_or_next_step (format, (uint16_t)low) + value_or_next_step (format, (uint16_t)(low + 1)))
                      / 2);
            const float around[3] = { nextafterf (middle, 0), middle, nextafterf (middle, INFINITY) };
            const int   nearest[3] = { low, low + low % 2, low + 1 };

            for (int i = 0; i < 3; i++, count++)
              {
                values[count] = sign != 0 ? -around[i] : around[i];
                expected[count] = (uint16_t)(sign | nearest[i]);
              }
          }
      format->round (count, values, got);
      for (size_t i = 0; i < count; i++)
        if (got[i] != expected[i])
          fail_msg ("%s of %.9g: expected %#x, got %#x", format->name, (double)values[i], expected[i], got[i]);
    }
}

static void
what_is_no_number_and_what_is_too_large_stay_so (void **state)
{
  const float values[] = { INFINITY, -INFINITY, NAN, -NAN, 3.4e38f, 65536.f, 1e-45f, -1e-45f };
  uint16_t    half[8], brain[8];

  (void)state;
  use_order ("forward");
  launch_to_half (8, values, half);
  launch_to_brain (8, values, brain);

  const uint16_t half_expected[] = { 0x7C00, 0xFC00, 0x7FFF, 0x7FFF, 0x7C00, 0x7C00, 0, 0x8000 };
  const uint16_t brain_expected[] = { 0x7F80, 0xFF80, 0x7FFF, 0x7FFF, 0x7F80, 0x4780, 0, 0x8000 };
  assert_memory_equal (half, half_expected, sizeof half);
  assert_memory_equal (brain, brain_expected, sizeof brain);
}

/* ---- Mistakes -------------------------------------------------------------------------------------------------- */

static bool
is_right_without_barrier (const char *order, int first)
{
  int in[BLOCK], out[BLOCK], wrong = 0;

  use_order (order);
  for (int i = 0; i < BLOCK; i++)
    in[i] = first + i;
  launch_without_barrier (in, out);
  for (int i = 1; i < BLOCK; i++)
    wrong += out[i] != in[i - 1];
  return wrong == 0;
}

static void
a_missing_barrier_shows_in_another_order (void **state)
{
  (void)state;
  assert_true (is_right_without_barrier ("forward", 1000));
  assert_false (is_right_without_barrier ("reverse", 2000));
  assert_false (is_right_without_barrier ("shuffle", 3000));
}

/* Also where the block before wrote there. */
static void
shared_memory_that_was_not_written_is_not_a_number (void **state)
{
#if TEST_ASAN
  (void)state;
  print_message ("ASan watches shared memory's bounds instead\n");
  skip ();
#else
  float out[2 * BLOCK];

  (void)state;
  use_order ("forward");
  launch_unwritten_memory (out);
  for (int i = 0; i < BLOCK; i++)
    {
      assert_true (out[i] == 1);
      assert_true (isnan (out[BLOCK + i]));
    }
#endif
}

static int scratch[1024];

static void
leave_early (void)
{
  launch_early_leaver (scratch);
}

static void
come_to_a_barrier_in_part (void)
{
  launch_barrier_of_some (scratch);
}

static void
come_to_two_barriers (void)
{
  launch_two_barriers (scratch);
}

static void
shuffle_in_part (void)
{
  launch_shuffle_of_some (scratch);
}

static void
shuffle_with_mask (void)
{
  launch_shuffle_with_mask (scratch);
}

static void
shuffle_half_a_warp (void)
{
  launch_shuffle_of_half_a_warp (scratch);
}

static void
launch_large_block (void)
{
  launch_threads (1025, scratch);
}

static void
launch_empty_block (void)
{
  launch_threads (0, scratch);
}

static void
launch_high_grid (void)
{
  launch_blocks (65536, scratch);
}

static void
use_unknown_order (void)
{
  use_order ("backwards");
  launch_threads (1, scratch);
}

static void
what_would_never_finish_or_start_is_told (void **state)
{
  (void)state;
  for (size_t order = 0; order < ORDER_COUNT; order++)
    {
      use_order (orders[order]);
      assert_true (aborts_with (leave_early, "thread (77, 0, 0) has left the kernel"));
      assert_true (aborts_with (come_to_a_barrier_in_part, "waits at the barrier in"));
      assert_true (aborts_with (come_to_two_barriers, "must come to the same barrier"));
      assert_true (aborts_with (shuffle_in_part, "all threads of a warp must come to a shuffle"));
      assert_true (aborts_with (shuffle_with_mask, "has the mask 0xffff; it must be full"));
      assert_true (aborts_with (shuffle_half_a_warp, "needs whole warps, and a block has 48 threads"));
      assert_true (aborts_with (launch_large_block, "1025 x 1 x 1 threads: no card takes them"));
      assert_true (aborts_with (launch_empty_block, "0 x 1 x 1 threads: no card takes them"));
      assert_true (aborts_with (launch_high_grid, "1 x 65536 x 1 blocks: no card takes it"));
      assert_true (aborts_with (use_unknown_order, "not 'backwards'"));
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (block_sums_by_shared_memory_are_right_in_any_order),
    cmocka_unit_test (block_sums_by_shuffles_are_right_in_any_order),
    cmocka_unit_test (shuffles_take_from_the_lane_that_is_asked_for),
    cmocka_unit_test (blocks_of_two_dimensions_transpose),
    cmocka_unit_test (each_thread_of_each_block_runs_once),
    cmocka_unit_test (the_environment_orders_threads),
    cmocka_unit_test (smallest_and_largest_are_found),
    cmocka_unit_test (all_patterns_have_their_value),
    cmocka_unit_test (values_come_back_as_their_pattern),
    cmocka_unit_test (values_between_round_to_the_nearest_and_ties_to_even),
    cmocka_unit_test (what_is_no_number_and_what_is_too_large_stay_so),
    cmocka_unit_test (a_missing_barrier_shows_in_another_order),
    cmocka_unit_test (shared_memory_that_was_not_written_is_not_a_number),
    cmocka_unit_test (what_would_never_finish_or_start_is_told),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
