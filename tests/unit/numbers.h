/* Numbers for tests of mathematics: random ones from a seed, and claims that say what was allowed. */
#ifndef WCT_TEST_NUMBERS_H
#define WCT_TEST_NUMBERS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <wct/image.h>

/* Uniform in [-1, 1). */
static inline void
fill_random (double *values, size_t count, uint64_t seed)
{
  for (size_t i = 0; i < count; i++)
    {
      float          value;
      const WctImage one = { &value, 1, 1, 1, sizeof value };

      wct_noise_fill (&one, seed * 1000003 + i);
      values[i] = 2.0 * value - 1;
    }
}

static inline double *
new_numbers (size_t count)
{
  double *values = calloc (count > 0 ? count : 1, sizeof *values);

  assert_non_null (values);
  return values;
}

static inline double
largest_difference (const double *a, const double *b, size_t count)
{
  double largest = 0;

  for (size_t i = 0; i < count; i++)
    if (!(fabs (a[i] - b[i]) <= largest)) /* NaN counts */
      largest = fabs (a[i] - b[i]);
  return largest;
}

static inline void
assert_close (const char *what, double got, double expected, double allowed)
{
  if (!(fabs (got - expected) <= allowed))
    fail_msg ("%s: expected %.17g, got %.17g, allowed difference %g", what, expected, got, allowed);
}

static inline void
assert_all_close (const char *what, const double *got, const double *expected, size_t count, double allowed)
{
  for (size_t i = 0; i < count; i++)
    if (!(fabs (got[i] - expected[i]) <= allowed))
      fail_msg ("%s, element %zu of %zu: expected %.17g, got %.17g, allowed difference %g", what, i, count, expected[i],
                got[i], allowed);
}

#endif
