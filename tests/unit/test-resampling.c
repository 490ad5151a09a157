/* Periodic resampling: waves stay what they are, wherever the line begins. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mem.h"
#include "resampling.h"

#define TWO_PI 6.283185307179586

static void
resample (const float *in, int32_t from, float *out, int32_t to)
{
  WctResampling resampling;
  WctError      err;

  if (wct_resampling_new (from, to, &resampling, &err) != WCT_OK)
    fail_msg ("%s", err.message);
  wct_resampling_line (&resampling, in, out);
  wct_resampling_clear (&resampling);
}

static const int32_t pairs[][2] = { { 1, 16 },  { 16, 1 },    { 5, 16 },    { 16, 5 },
                                    { 33, 48 }, { 500, 512 }, { 512, 500 }, { 1000, 1008 } };

static void
as_many_samples_are_the_same_ones (void **state)
{
  float in[40], out[40];

  (void)state;
  for (int i = 0; i < 40; i++)
    in[i] = (float)(i * i % 7);
  resample (in, 40, out, 40);
  for (int i = 0; i < 40; i++)
    assert_float_equal (out[i], in[i], 1e-6); /* weights of 1 and about 1e-17 */
}

static void
a_flat_line_stays_flat (void **state)
{
  (void)state;
  for (size_t p = 0; p < sizeof pairs / sizeof pairs[0]; p++)
    {
      const int32_t from = pairs[p][0], to = pairs[p][1];
      float        *in = calloc ((size_t)from, sizeof *in), *out = calloc ((size_t)to, sizeof *out);

      for (int32_t i = 0; i < from; i++)
        in[i] = 0.75f;
      resample (in, from, out, to);
      for (int32_t i = 0; i < to; i++)
        assert_float_equal (out[i], 0.75, 1e-5); /* at most some hundred weights, rounded to float */
      free (in);
      free (out);
    }
}

/* Samples are in the middles of their shares of the line. Lanczos' kernel of three lobes keeps a wave of an eighth of
 * the sampling rate within a hundredth. */
static void
a_slow_wave_is_sampled_where_it_was (void **state)
{
  (void)state;
  for (size_t p = 4; p < sizeof pairs / sizeof pairs[0]; p++)
    for (int32_t waves = 1; waves <= pairs[p][0] / 8; waves += 3)
      {
        const int32_t from = pairs[p][0], to = pairs[p][1];
        float        *in = calloc ((size_t)from, sizeof *in), *out = calloc ((size_t)to, sizeof *out);

        for (int32_t i = 0; i < from; i++)
          in[i] = (float)sin (TWO_PI * waves * (i + 0.5) / from + 1);
        resample (in, from, out, to);
        for (int32_t i = 0; i < to; i++)
          assert_float_equal (out[i], sin (TWO_PI * waves * (i + 0.5) / to + 1), 0.01);
        free (in);
        free (out);
      }
}

static int
nothing_is_left (void **state)
{
  (void)state;
  return wct_mem_used () == 0 ? 0 : -1;
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (as_many_samples_are_the_same_ones),
    cmocka_unit_test (a_flat_line_stays_flat),
    cmocka_unit_test (a_slow_wave_is_sampled_where_it_was),
  };

  return cmocka_run_group_tests (tests, NULL, nothing_is_left);
}
