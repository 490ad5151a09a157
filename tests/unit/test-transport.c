/* The optimal-transport map between two Gaussians: what it must do to covariances, and what it does where there is
 * nothing to move. */
#include "numbers.h"

#include <stdio.h>
#include <string.h>

#include "linalg.h"
#include "mem.h"
#include "transform.h"
#include "transport.h"

#define FLOOR 1e-5

/* ---- Matrices, by plain loops --------------------------------------------------------------------------------- */

static double *
product (const double *a, const double *b, int32_t n)
{
  double *c = new_numbers ((size_t)n * (size_t)n);

  for (int32_t y = 0; y < n; y++)
    for (int32_t x = 0; x < n; x++)
      for (int32_t k = 0; k < n; k++)
        c[y * n + x] += a[y * n + k] * b[k * n + x];
  return c;
}

/* a b a */
static double *
between (const double *a, const double *b, int32_t n)
{
  double *half = product (a, b, n), *whole = product (half, a, n);

  free (half);
  return whole;
}

/* Of @rank directions. */
static double *
random_covariance (int32_t n, int32_t rank, uint64_t seed)
{
  double *a = new_numbers ((size_t)n * (size_t)n), *b = new_numbers ((size_t)n * (size_t)rank);

  fill_random (b, (size_t)n * (size_t)rank, seed);
  for (int32_t y = 0; y < n; y++)
    for (int32_t x = 0; x < n; x++)
      for (int32_t k = 0; k < rank; k++)
        a[y * n + x] += b[y * rank + k] * b[x * rank + k];
  free (b);
  return a;
}

static double *
power (const double *a, int32_t n, double exponent)
{
  double *out = new_numbers ((size_t)n * (size_t)n);

  assert_int_equal (wct_symmetric_power (n, a, exponent, FLOOR, out, NULL), WCT_OK);
  return out;
}

static double *
transport (const double *content, const double *style, int32_t n)
{
  double  *covariance = new_numbers ((size_t)n * (size_t)n), *out = new_numbers ((size_t)n * (size_t)n);
  double  *whitening = power (content, n, -0.5), *root = power (style, n, 0.5);
  WctError err;

  memcpy (covariance, content, (size_t)n * (size_t)n * sizeof *content);
  if (wct_transport_matrix (NULL, n, covariance, whitening, root, out, &err) != WCT_OK)
    fail_msg ("%s", err.message);
  free (root);
  free (whitening);
  free (covariance);
  return out;
}

static double
trace_of_product (const double *a, const double *b, int32_t n)
{
  double sum = 0;

  for (int32_t i = 0; i < n; i++)
    for (int32_t k = 0; k < n; k++)
      sum += a[i * n + k] * b[k * n + i];
  return sum;
}

/* ---- The map -------------------------------------------------------------------------------------------------- */

/* Roots of eigenvalues that differ by some 1e3 to 1e5 lose as many digits. */
static void
it_takes_the_contents_covariance_to_the_styles (void **state)
{
  const int32_t sizes[] = { 1, 2, 5, 16, 40 };

  (void)state;
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
    {
      const int32_t n = sizes[i];
      double       *content = random_covariance (n, 3 * n, 1), *style = random_covariance (n, 2 * n, 2);
      double       *map = transport (content, style, n), *got = between (map, content, n);

      assert_all_close ("T C T", got, style, (size_t)n * (size_t)n, 1e-8 * n);
      free (got);
      free (map);
      free (style);
      free (content);
    }
}

static void
it_is_symmetric_to_the_bit_and_turns_nothing_around (void **state)
{
  enum
  {
    N = 24
  };
  double *content = random_covariance (N, 2 * N, 3), *style = random_covariance (N, 5, 4);
  double *map = transport (content, style, N);

  (void)state;
  for (int i = 0; i < N * N; i++)
    assert_true (map[i] == map[i % N * N + i / N]);
  for (uint64_t seed = 0; seed < 50; seed++)
    {
      double x[N], stretch = 0;

      fill_random (x, N, 100 + seed);
      for (int i = 0; i < N * N; i++)
        stretch += x[i / N] * map[i] * x[i % N];
      assert_true (stretch >= 0);
    }
  free (map);
  free (style);
  free (content);
}

/* E |f - T f|² = tr C + tr S - 2 tr (T C): of all maps with this covariance behind them, no other moves less. */
static void
it_moves_features_less_than_whitening_and_coloring (void **state)
{
  enum
  {
    N = 12
  };

  (void)state;
  for (uint64_t seed = 10; seed < 20; seed++)
    {
      double *content = random_covariance (N, 2 * N, seed), *style = random_covariance (N, 2 * N, seed + 100);
      double *map = transport (content, style, N), *whitening = power (content, N, -0.5), *root = power (style, N, 0.5);
      double *colored = product (root, whitening, N);

      assert_true (trace_of_product (map, content, N) > trace_of_product (colored, content, N) + 1e-3);
      free (colored);
      free (root);
      free (whitening);
      free (map);
      free (style);
      free (content);
    }
}

/* A polynomial of a matrix has its eigenvectors. */
static void
it_is_whitening_and_coloring_where_covariances_commute (void **state)
{
  enum
  {
    N = 10
  };
  double *content = random_covariance (N, 3 * N, 5), *style = product (content, content, N);
  double *map = transport (content, style, N), *whitening = power (content, N, -0.5), *root = power (style, N, 0.5);
  double *colored = product (root, whitening, N);

  (void)state;
  for (int i = 0; i < N * N; i++) /* the square has gathered rounding on one side of the diagonal */
    style[i] = style[i % N * N + i / N];
  assert_all_close ("T", map, colored, N * N, 1e-9);
  free (colored);
  free (root);
  free (whitening);
  free (map);
  free (style);
  free (content);
}

/* Directions that whitening drops are dropped: what is left of the style is what lies in the others. */
static void
a_content_without_full_rank_gives_the_styles_part_in_its_directions (void **state)
{
  enum
  {
    N = 15,
    RANK = 6
  };
  double *content = random_covariance (N, RANK, 6), *style = random_covariance (N, 2 * N, 7);
  double *map = transport (content, style, N), *projection = power (content, N, 0);
  double *got = between (map, content, N), *expected = between (projection, style, N);

  (void)state;
  assert_all_close ("T C T", got, expected, N * N, 1e-7);
  double *inside = between (projection, map, N);
  assert_all_close ("T within the content's directions", inside, map, N * N, 1e-9);
  free (inside);
  free (expected);
  free (got);
  free (projection);
  free (map);
  free (style);
  free (content);
}

static void
nothing_comes_of_nothing (void **state)
{
  const double zero[9] = { 0 }, some[9] = { 2, 1, 0, 1, 2, 0, 0, 0, 1 };

  (void)state;
  for (int i = 0; i < 3; i++)
    {
      double *map = transport (i == 0 ? some : zero, i == 1 ? some : zero, 3);

      assert_all_close ("T", map, zero, 9, 0);
      free (map);
    }
}

static void
variances_under_the_floor_are_not_amplified (void **state)
{
  const double content[4] = { 1, 0, 0, 0.9 * FLOOR }, style[4] = { 4, 0, 0, 4 }, expected[4] = { 2, 0, 0, 0 };
  double      *map = transport (content, style, 2);

  (void)state;
  assert_all_close ("T", map, expected, 4, 1e-14);
  free (map);
}

/* ---- As a level's transform ----------------------------------------------------------------------------------- */

/* One channel: both maps are √(Σs / (Σc + damping)). */
static void
strength_and_damping_act_as_with_whitening_and_coloring (void **state)
{
  const double alpha = 0.3, damping = 0.7, one = 1;
  WctMoments  *content = NULL, *style = NULL;
  WctColoring *coloring = NULL;
  WctAffine   *affine = NULL;

  (void)state;
  assert_int_equal (wct_moments_new (1, &content, NULL), WCT_OK);
  assert_int_equal (wct_moments_new (1, &style, NULL), WCT_OK);
  assert_int_equal (wct_affine_new (1, &affine, NULL), WCT_OK);
  content->weight = style->weight = 10;
  content->mean[0] = 5;
  content->covariance[0] = 2;
  style->mean[0] = -1;
  style->covariance[0] = 3;
  assert_int_equal (wct_coloring_new ((const WctMoments *[]){ style }, &one, 1, FLOOR, &coloring, NULL), WCT_OK);
  for (int transported = 0; transported < 2; transported++)
    {
      assert_int_equal (wct_affine_solve (content, coloring, alpha, FLOOR, damping, transported, NULL, affine, NULL),
                        WCT_OK);
      assert_close ("matrix", affine->matrix[0], alpha * sqrt (3 / (2 + damping)) + 1 - alpha, 1e-14);
      assert_close ("center", affine->center[0], 5, 0);
      assert_close ("bias", affine->bias[0], alpha * -1 + (1 - alpha) * 5, 1e-14);
    }
  assert_int_equal (wct_whitening_solve (content, FLOOR, damping, affine, NULL), WCT_OK);
  assert_close ("whitening", affine->matrix[0], 1 / sqrt (2 + damping), 1e-14);
  assert_close ("center of whitening", affine->center[0], 5, 0);
  assert_close ("bias of whitening", affine->bias[0], 0, 0);
  wct_coloring_free (&coloring);
  wct_affine_free (&affine);
  wct_moments_free (&style);
  wct_moments_free (&content);
}

/* A blend's root is the sum of roots, and the map is that of its square. */
static void
a_blend_is_one_covariance (void **state)
{
  enum
  {
    N = 6
  };
  const double weights[2] = { 0.25, 0.75 };
  WctMoments  *moments[3] = { NULL };
  WctColoring *coloring = NULL;
  WctAffine   *affine = NULL;

  (void)state;
  for (int i = 0; i < 3; i++)
    {
      double *covariance = random_covariance (N, 2 * N, 30 + (uint64_t)i);

      assert_int_equal (wct_moments_new (N, &moments[i], NULL), WCT_OK);
      memcpy (moments[i]->covariance, covariance, N * N * sizeof *covariance);
      free (covariance);
    }
  assert_int_equal (
    wct_coloring_new ((const WctMoments *[]){ moments[1], moments[2] }, weights, 2, FLOOR, &coloring, NULL), WCT_OK);
  assert_int_equal (wct_affine_new (N, &affine, NULL), WCT_OK);
  assert_int_equal (wct_affine_solve (moments[0], coloring, 1, FLOOR, 0, true, NULL, affine, NULL), WCT_OK);
  double *got = between (affine->matrix, moments[0]->covariance, N);
  double *roots[2] = { power (moments[1]->covariance, N, 0.5), power (moments[2]->covariance, N, 0.5) };
  for (int i = 0; i < N * N; i++)
    roots[0][i] = weights[0] * roots[0][i] + weights[1] * roots[1][i];
  double *expected = product (roots[0], roots[0], N);

  assert_all_close ("T C T", got, expected, N * N, 1e-9);
  free (expected);
  free (roots[1]);
  free (roots[0]);
  free (got);
  wct_affine_free (&affine);
  wct_coloring_free (&coloring);
  for (int i = 0; i < 3; i++)
    wct_moments_free (&moments[i]);
}

/* ---- Failures -------------------------------------------------------------------------------------------------- */

static void
a_failed_allocation_is_a_sentence_and_leaves_nothing (void **state)
{
  const double a[4] = { 2, 0, 0, 3 };
  const size_t before = wct_mem_used ();
  long         n = 1;

  (void)state;
  for (;; n++)
    {
      double   covariance[4] = { 2, 0, 0, 3 }, out[4];
      WctError err = { .status = WCT_OK };

      wct_mem_test_fail (n, false);
      const WctStatus status = wct_transport_matrix (NULL, 2, covariance, a, a, out, &err);
      if (wct_mem_test_fail (0, false) < n)
        break;
      assert_int_equal (status, WCT_ERR_NO_MEMORY);
      assert_true (strlen (err.message) > 0);
      assert_int_equal (wct_mem_used (), before);
    }
  assert_true (n > 2);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (it_takes_the_contents_covariance_to_the_styles),
    cmocka_unit_test (it_is_symmetric_to_the_bit_and_turns_nothing_around),
    cmocka_unit_test (it_moves_features_less_than_whitening_and_coloring),
    cmocka_unit_test (it_is_whitening_and_coloring_where_covariances_commute),
    cmocka_unit_test (a_content_without_full_rank_gives_the_styles_part_in_its_directions),
    cmocka_unit_test (nothing_comes_of_nothing),
    cmocka_unit_test (variances_under_the_floor_are_not_amplified),
    cmocka_unit_test (strength_and_damping_act_as_with_whitening_and_coloring),
    cmocka_unit_test (a_blend_is_one_covariance),
    cmocka_unit_test (a_failed_allocation_is_a_sentence_and_leaves_nothing),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
