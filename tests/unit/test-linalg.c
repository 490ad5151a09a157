/* Eigen-decompositions: LAPACK, ridge and rotations agree, on any symmetric matrix. */
#include "numbers.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

#include "linalg.h"
#include "mem.h"

#define ROWS_MAX 128

static double *
random_symmetric (int32_t n, uint64_t seed)
{
  double *a = new_numbers ((size_t)n * (size_t)n);

  fill_random (a, (size_t)n * (size_t)n, seed);
  for (int32_t y = 0; y < n; y++)
    for (int32_t x = 0; x < y; x++)
      a[x * n + y] = a[y * n + x];
  return a;
}

/* b b' of (n, rank) random numbers. */
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
copy_of (const double *a, int32_t n)
{
  double *copy = new_numbers ((size_t)n * (size_t)n);

  memcpy (copy, a, (size_t)n * (size_t)n * sizeof *a);
  return copy;
}

static double
norm (const double *a, int32_t n)
{
  double sum = 0;

  for (int32_t i = 0; i < n * n; i++)
    sum += a[i] * a[i];
  return sqrt (sum);
}

/* Rows of @v: unit vectors at right angles with a v = λ v; values ascend. Backward stable solvers leave a few n ε of
 * the norm. */
static void
assert_decomposes (const double *a, const double *v, const double *values, int32_t n)
{
  const double allowed = 30 * n * DBL_EPSILON, scale = norm (a, n);

  for (int32_t i = 0; i < n; i++)
    {
      if (i > 0)
        assert_true (values[i] >= values[i - 1]);
      for (int32_t k = 0; k < n; k++)
        {
          double dot = 0, product = 0;

          for (int32_t x = 0; x < n; x++)
            {
              dot += v[i * n + x] * v[k * n + x];
              product += a[k * n + x] * v[i * n + x];
            }
          assert_close ("scalar product of eigenvectors", dot, i == k, allowed);
          assert_close ("matrix times eigenvector", product, values[i] * v[i * n + k], allowed * scale);
        }
    }
}

typedef WctStatus (*Solver) (int32_t n, double *a, double *values, WctError *err);

static const Solver solvers[] = { wct_symmetric_eigen, wct_symmetric_eigen_jacobi };

static void
assert_solved (Solver solver, const double *a, int32_t n, double *values)
{
  double  *v = copy_of (a, n);
  WctError err;

  if (solver (n, v, values, &err) != WCT_OK)
    fail_msg ("%d rows: %s", n, err.message);
  assert_decomposes (a, v, values, n);
  free (v);
}

static void
lapack_and_jacobi_agree_from_1_to_128_rows (void **state)
{
  (void)state;
  for (int32_t n = 1; n <= ROWS_MAX; n++)
    {
      double *a = random_symmetric (n, (uint64_t)n);
      double  values[2][ROWS_MAX];

      for (int i = 0; i < 2; i++)
        assert_solved (solvers[i], a, n, values[i]);
      assert_all_close ("eigenvalues", values[1], values[0], (size_t)n, 30 * n * DBL_EPSILON * norm (a, n));
      free (a);
    }
}

static void
matrices_without_full_rank_are_solved (void **state)
{
  enum
  {
    N = 24
  };
  double values[N];

  (void)state;
  for (int32_t rank = 0; rank <= N; rank += 3)
    for (int i = 0; i < 2; i++)
      {
        double *a = random_covariance (N, rank, 7);

        assert_solved (solvers[i], a, N, values);
        for (int32_t k = 0; k < N - rank; k++)
          assert_close ("eigenvalue that is 0", values[k], 0, 30 * N * DBL_EPSILON * norm (a, N));
        free (a);
      }
}

static void
known_matrices_have_known_eigenvalues (void **state)
{
  /* 2 on the diagonal, -1 beside it: 2 - 2 cos (kπ / (n + 1)). */
  enum
  {
    N = 10
  };
  double expected[N], values[N], *a = new_numbers (N * N);

  (void)state;
  for (int k = 0; k < N; k++)
    {
      a[k * N + k] = 2;
      if (k > 0)
        a[k * N + k - 1] = a[(k - 1) * N + k] = -1;
      expected[k] = 2 - 2 * cos ((k + 1) * M_PI / (N + 1));
    }
  for (int i = 0; i < 2; i++)
    {
      assert_solved (solvers[i], a, N, values);
      assert_all_close ("eigenvalues", values, expected, N, 1e-14);
    }
  free (a);
}

static void
very_large_and_very_small_elements_are_solved (void **state)
{
  const double scales[] = { 1e-290, 1e-30, 1e30, 1e150 };
  double       values[8], scaled_values[8];
  double      *a = random_symmetric (8, 3);

  (void)state;
  for (int i = 0; i < 2; i++)
    for (size_t k = 0; k < sizeof scales / sizeof scales[0]; k++)
      {
        double *scaled = copy_of (a, 8);

        for (int e = 0; e < 64; e++)
          scaled[e] *= scales[k];
        assert_solved (solvers[i], a, 8, values);
        assert_int_equal (solvers[i](8, scaled, scaled_values, NULL), WCT_OK);
        for (int e = 0; e < 8; e++)
          assert_close ("scaled eigenvalue", scaled_values[e] / scales[k], values[e], 1e-13);
        free (scaled);
      }
  free (a);
}

/* ---- When LAPACK fails --------------------------------------------------------------------------------------- */

static void
one_failure_of_lapack_is_cured_by_a_ridge (void **state)
{
  double *a = random_covariance (40, 40, 5), plain[40], ridged[40];

  (void)state;
  assert_solved (wct_symmetric_eigen, a, 40, plain);
  wct_linalg_test_fail (1);
  assert_solved (wct_symmetric_eigen, a, 40, ridged);
  wct_linalg_test_fail (0);
  assert_all_close ("eigenvalues", ridged, plain, 40, 1e-12);
  free (a);
}

static void
two_failures_of_lapack_lead_to_jacobi (void **state)
{
  double *a = random_covariance (40, 40, 5), *by_jacobi = copy_of (a, 40), *after_failures = copy_of (a, 40);
  double  jacobi_values[40], values[40];

  (void)state;
  assert_int_equal (wct_symmetric_eigen_jacobi (40, by_jacobi, jacobi_values, NULL), WCT_OK);
  wct_linalg_test_fail (2);
  assert_int_equal (wct_symmetric_eigen (40, after_failures, values, NULL), WCT_OK);
  wct_linalg_test_fail (0);
  assert_memory_equal (values, jacobi_values, sizeof values);
  assert_memory_equal (after_failures, by_jacobi, 40 * 40 * sizeof (double));
  assert_decomposes (a, after_failures, values, 40);
  free (after_failures);
  free (by_jacobi);
  free (a);
}

static void
elements_that_are_not_finite_are_refused_with_a_sentence (void **state)
{
  const double bad[] = { NAN, INFINITY, -INFINITY };

  (void)state;
  for (int i = 0; i < 2; i++)
    for (int k = 0; k < 3; k++)
      {
        double  *a = random_symmetric (5, 1), values[5];
        WctError err = { .status = WCT_OK };

        a[3 * 5 + 2] = bad[k];
        assert_int_equal (solvers[i](5, a, values, &err), WCT_ERR_NUMERIC);
        assert_string_equal (err.message, "covariance of channels 3 and 2 is not a finite number; the model's weights "
                                          "overflow on this picture");
        free (a);
      }
}

/* ---- Powers and products ------------------------------------------------------------------------------------- */

static double *
product_of (const double *a, const double *b, int32_t n)
{
  double *c = new_numbers ((size_t)n * (size_t)n);

  for (int32_t y = 0; y < n; y++)
    for (int32_t k = 0; k < n; k++)
      for (int32_t x = 0; x < n; x++)
        c[y * n + x] += a[y * n + k] * b[k * n + x];
  return c;
}

static void
products_equal_the_plain_triple_loop (void **state)
{
  (void)state;
  for (int32_t n = 1; n <= 65; n += 8)
    {
      const size_t square = (size_t)n * (size_t)n;
      double      *a = new_numbers (square), *b = new_numbers (square), *c = new_numbers (square), *expected;

      fill_random (a, square, 1);
      fill_random (b, square, 2);
      expected = product_of (a, b, n);
      wct_matrix_multiply (n, a, b, c);
      assert_all_close ("product", c, expected, square, n * 4 * DBL_EPSILON);
      free (expected);
      free (c);
      free (b);
      free (a);
    }
}

static void
the_square_of_the_square_root_is_the_matrix (void **state)
{
  (void)state;
  for (int32_t n = 1; n <= 60; n += 7)
    {
      double *a = random_covariance (n, n, 11), *root = copy_of (a, n), *square;

      assert_int_equal (wct_symmetric_power (n, a, 0.5, 0, root, NULL), WCT_OK);
      square = product_of (root, root, n);
      assert_all_close ("square of the root", square, a, (size_t)n * (size_t)n, 1e-12 * norm (a, n));
      for (int32_t y = 0; y < n; y++)
        for (int32_t x = 0; x < y; x++)
          assert_true (root[y * n + x] == root[x * n + y]);
      free (square);
      free (root);
      free (a);
    }
}

static void
the_inverse_root_whitens (void **state)
{
  enum
  {
    N = 20
  };
  double *a = random_covariance (N, 3 * N, 13), *inverse = copy_of (a, N), *half, *whole;

  (void)state;
  assert_int_equal (wct_symmetric_power (N, a, -0.5, 1e-5, inverse, NULL), WCT_OK);
  half = product_of (inverse, a, N);
  whole = product_of (half, inverse, N);
  for (int i = 0; i < N * N; i++)
    assert_close ("whitened covariance", whole[i], i % (N + 1) == 0, 1e-11);
  free (whole);
  free (half);
  free (inverse);
  free (a);
}

static void
eigenvalues_up_to_the_floor_are_dropped (void **state)
{
  const double a[16] = { 4, 0, 0, 0, 0, 1e-6, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0.25 };
  const double root[16] = { 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0 };
  double       out[16];

  (void)state;
  assert_int_equal (wct_symmetric_power (4, a, 0.5, 0.25, out, NULL), WCT_OK);
  assert_all_close ("root above the floor", out, root, 16, 1e-14);
  assert_int_equal (wct_symmetric_power (4, a, 0.5, 100, out, NULL), WCT_OK);
  for (int i = 0; i < 16; i++)
    assert_true (out[i] == 0);
}

static void
products_of_rows_equal_the_plain_loops (void **state)
{
  enum
  {
    COUNT = 9,
    N = 7,
    K = 13
  };
  double *rows = new_numbers (COUNT * K), *matrix = new_numbers (N * K), gram[K * K];
  float   float_rows[COUNT * K], float_matrix[N * K], got[COUNT * N];

  (void)state;
  fill_random (rows, COUNT * K, 31);
  fill_random (matrix, N * K, 32);
  for (int i = 0; i < COUNT * K; i++)
    float_rows[i] = (float)rows[i];
  for (int i = 0; i < N * K; i++)
    float_matrix[i] = (float)matrix[i];
  wct_rows_multiply (COUNT, N, K, float_rows, float_matrix, got);
  for (int i = 0; i < COUNT * N; i++)
    {
      double sum = 0;

      for (int k = 0; k < K; k++)
        sum += (double)float_rows[i / N * K + k] * float_matrix[i % N * K + k];
      assert_close ("product in float", got[i], sum, 1e-5);
    }
  wct_matrix_gram (COUNT, K, rows, gram);
  for (int i = 0; i < K * K; i++)
    {
      double sum = 0;

      for (int y = 0; y < COUNT; y++)
        sum += rows[y * K + i / K] * rows[y * K + i % K];
      assert_close ("product with itself", gram[i], sum, 1e-14);
      assert_true (gram[i] == gram[i % K * K + i / K]);
    }
  free (matrix);
  free (rows);
}

static void
without_a_floor_rounding_noise_is_dropped_all_the_same (void **state)
{
  /* Rank 5 of 20: a⁻¹ over the 5 directions, times a, is a projection on them, of trace 5. */
  double *a = random_covariance (20, 5, 17), *inverse = copy_of (a, 20), *projection;
  double  trace = 0;

  (void)state;
  assert_int_equal (wct_symmetric_power (20, a, -1, 0, inverse, NULL), WCT_OK);
  projection = product_of (inverse, a, 20);
  for (int i = 0; i < 20; i++)
    trace += projection[i * 21];
  assert_close ("rank that was kept", trace, 5, 1e-9);
  free (projection);
  free (inverse);
  free (a);
}

/* Solvers of back ends: one that works, one that cannot, one that says it did and gives what is no number. */
static WctStatus
solve_by_jacobi (void *ctx, int32_t n, double *a, double *values, WctError *err)
{
  ++*(int *)ctx;
  return wct_symmetric_eigen_jacobi (n, a, values, err);
}

static WctStatus
refuse (void *ctx, int32_t n, double *a, double *values, WctError *err)
{
  (void)n;
  (void)a;
  (void)values;
  ++*(int *)ctx;
  return wct_error_set (err, WCT_ERR_UNSUPPORTED, "not here");
}

static WctStatus
solve_badly (void *ctx, int32_t n, double *a, double *values, WctError *err)
{
  (void)err;
  ++*(int *)ctx;
  for (int32_t i = 0; i < n; i++)
    a[i] = values[i] = NAN;
  return WCT_OK;
}

static void
another_solver_is_asked_first_and_lapack_where_it_fails (void **state)
{
  double *a = random_covariance (30, 30, 5), *expected = copy_of (a, 30), *got = copy_of (a, 30);
  int     asked = 0;
  WctStatus (*solvers_of_others[]) (void *, int32_t, double *, double *, WctError *) = { solve_by_jacobi, refuse,
                                                                                         solve_badly };

  (void)state;
  assert_int_equal (wct_symmetric_power (30, a, -0.5, 1e-5, expected, NULL), WCT_OK);
  for (size_t i = 0; i < sizeof solvers_of_others / sizeof solvers_of_others[0]; i++)
    {
      const WctEigenSolver solver = { solvers_of_others[i], &asked };

      memset (got, 0, 900 * sizeof *got);
      assert_int_equal (wct_symmetric_power_by (&solver, 30, a, -0.5, 1e-5, got, NULL), WCT_OK);
      assert_int_equal (asked, (int)i + 1);
      for (int k = 0; k < 900; k++)
        assert_close ("power", got[k], expected[k], 1e-10);
      assert_int_equal (memcmp (got, expected, 900 * sizeof *got) == 0, i > 0);
    }
  free (got);
  free (expected);
  free (a);
}

static void
a_failed_allocation_is_a_sentence_and_leaves_nothing (void **state)
{
  const size_t before = wct_mem_used ();
  double      *a = random_covariance (12, 12, 1), *out = copy_of (a, 12);
  long         n = 1;

  (void)state;
  for (;; n++)
    {
      WctError err = { .status = WCT_OK };

      wct_mem_test_fail (n, false);
      const WctStatus status = wct_symmetric_power (12, a, 0.5, 0, out, &err);
      if (wct_mem_test_fail (0, false) < n)
        break;
      assert_int_equal (status, WCT_ERR_NO_MEMORY);
      assert_true (strlen (err.message) > 0);
      assert_int_equal (wct_mem_used (), before);
    }
  assert_true (n > 2);
  free (out);
  free (a);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (lapack_and_jacobi_agree_from_1_to_128_rows),
    cmocka_unit_test (matrices_without_full_rank_are_solved),
    cmocka_unit_test (known_matrices_have_known_eigenvalues),
    cmocka_unit_test (very_large_and_very_small_elements_are_solved),
    cmocka_unit_test (one_failure_of_lapack_is_cured_by_a_ridge),
    cmocka_unit_test (two_failures_of_lapack_lead_to_jacobi),
    cmocka_unit_test (elements_that_are_not_finite_are_refused_with_a_sentence),
    cmocka_unit_test (products_equal_the_plain_triple_loop),
    cmocka_unit_test (the_square_of_the_square_root_is_the_matrix),
    cmocka_unit_test (the_inverse_root_whitens),
    cmocka_unit_test (eigenvalues_up_to_the_floor_are_dropped),
    cmocka_unit_test (products_of_rows_equal_the_plain_loops),
    cmocka_unit_test (without_a_floor_rounding_noise_is_dropped_all_the_same),
    cmocka_unit_test (another_solver_is_asked_first_and_lapack_where_it_fails),
    cmocka_unit_test (a_failed_allocation_is_a_sentence_and_leaves_nothing),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
