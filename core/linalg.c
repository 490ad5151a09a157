/* Symmetric eigen-decompositions that do not fail, and the products that whitening and coloring are made of.
 *
 * LAPACK is tried first, then LAPACK on a matrix with a ridge, then Jacobi's rotations: slow, but they need nothing
 * from the matrix. */
#include "linalg.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#if WCT_HAVE_LAPACK
#  include <lapacke.h>
#endif
#if WCT_HAVE_OPENBLAS
#  include <cblas.h>
#endif

#include "mem.h"

#define RIDGE_PER_TRACE 1e-10

/* Rotations converge quadratically: 6 to 10 sweeps do for any matrix in practice. */
#define JACOBI_SWEEPS_MAX 60

static atomic_int failures_to_pretend;

void
wct_linalg_use_one_thread (void)
{
#if WCT_HAVE_OPENBLAS
  openblas_set_num_threads (1);
#endif
}

void
wct_linalg_test_fail (int count)
{
  atomic_store (&failures_to_pretend, count);
}

static WctStatus
check_finite (int32_t n, const double *a, WctError *err)
{
  for (int32_t y = 0; y < n; y++)
    for (int32_t x = 0; x < n; x++)
      if (!isfinite (a[(size_t)y * (size_t)n + (size_t)x]))
        return wct_error_set (
          err, WCT_ERR_NUMERIC,
          "covariance of channels %d and %d is not a finite number; the model's weights overflow on "
          "this picture",
          y, x);
  return WCT_OK;
}

/* ---- Jacobi's rotations ------------------------------------------------------------------------------------- */

static double
largest_magnitude (size_t count, const double *values)
{
  double largest = 0;

  for (size_t i = 0; i < count; i++)
    largest = fmax (largest, fabs (values[i]));
  return largest;
}

static void
set_identity (int32_t n, double *a)
{
  memset (a, 0, (size_t)n * (size_t)n * sizeof *a);
  for (size_t i = 0; i < (size_t)n; i++)
    a[i * (size_t)n + i] = 1;
}

/* Between rows of the matrix at work. At a power of 2, a column's elements would all compete for a few cache lines. */
static size_t
work_stride (int32_t n)
{
  return (size_t)n + 8;
}

/* (p, q) = (c p - s q, s p + c q) */
static void
rotate_rows (int32_t n, double *restrict p, double *restrict q, double c, double s)
{
  for (int32_t i = 0; i < n; i++)
    {
      const double x = p[i], y = q[i];

      p[i] = c * x - s * y;
      q[i] = s * x + c * y;
    }
}

/* Makes a[p][q] zero: a = J' a J, vectors = J' vectors (Golub and Van Loan, algorithm 8.5.1 for c and s). */
static void
rotate (int32_t n, double *a, double *vectors, int32_t p, int32_t q)
{
  const size_t stride = work_stride (n);
  double      *row_p = a + (size_t)p * stride, *row_q = a + (size_t)q * stride;
  const double app = row_p[p], aqq = row_q[q], apq = row_p[q];
  const double tau = (aqq - app) / (2 * apq);
  const double t = (tau >= 0 ? 1 : -1) / (fabs (tau) + hypot (1, tau));
  const double c = 1 / hypot (1, t), s = t * c;

  rotate_rows (n, row_p, row_q, c, s);
  row_p[p] = app - t * apq;
  row_q[q] = aqq + t * apq;
  row_p[q] = row_q[p] = 0;
  for (int32_t i = 0; i < n; i++)
    if (i != p && i != q)
      {
        a[(size_t)i * stride + (size_t)p] = row_p[i];
        a[(size_t)i * stride + (size_t)q] = row_q[i];
      }
  rotate_rows (n, vectors + (size_t)p * (size_t)n, vectors + (size_t)q * (size_t)n, c, s);
}

/* Every pair once. Returns whether anything was left to rotate: @negligible is below the rounding of the matrix. */
static bool
sweep (int32_t n, double *a, double *vectors, double negligible)
{
  bool rotated = false;

  for (int32_t p = 0; p < n - 1; p++)
    for (int32_t q = p + 1; q < n; q++)
      if (fabs (a[(size_t)p * work_stride (n) + (size_t)q]) > negligible)
        {
          rotate (n, a, vectors, p, q);
          rotated = true;
        }
  return rotated;
}

static void
swap_rows (int32_t n, double *a, double *b)
{
  for (int32_t i = 0; i < n; i++)
    {
      const double kept = a[i];

      a[i] = b[i];
      b[i] = kept;
    }
}

static void
sort_ascending (int32_t n, double *values, double *vectors)
{
  for (int32_t i = 0; i < n - 1; i++)
    {
      int32_t least = i;

      for (int32_t k = i + 1; k < n; k++)
        if (values[k] < values[least])
          least = k;
      if (least != i)
        {
          swap_rows (1, &values[i], &values[least]);
          swap_rows (n, vectors + (size_t)i * (size_t)n, vectors + (size_t)least * (size_t)n);
        }
    }
}

WctStatus
wct_symmetric_eigen_jacobi (int32_t n, double *a, double *values, WctError *err)
{
  const size_t square = (size_t)n * (size_t)n;
  const double scale = largest_magnitude (square, a);
  double      *work = NULL;
  WctStatus    status;

  WCT_TRY (check_finite (n, a, err));
  WCT_TRY (wct_alloc ((size_t)n, work_stride (n) * sizeof *work, "eigen-decomposition", &work, err));

  /* With 1 as the largest element nothing on the way can overflow. */
  for (size_t i = 0; scale > 0 && i < square; i++)
    work[i / (size_t)n * work_stride (n) + i % (size_t)n] = a[i] / scale;
  set_identity (n, a);
  for (int i = 0; i < JACOBI_SWEEPS_MAX && sweep (n, work, a, DBL_EPSILON / 16); i++)
    continue;
  for (int32_t i = 0; i < n; i++)
    values[i] = work[(size_t)i * work_stride (n) + (size_t)i] * scale;
  sort_ascending (n, values, a);

out:
  wct_free (&work);
  return status;
}

static bool
are_finite (size_t count, const double *values)
{
  for (size_t i = 0; i < count; i++)
    if (!isfinite (values[i]))
      return false;
  return true;
}

/* ---- LAPACK ------------------------------------------------------------------------------------------------- */

#if WCT_HAVE_LAPACK

static bool
pretend_failure (void)
{
  int left = atomic_load (&failures_to_pretend);

  while (left > 0 && !atomic_compare_exchange_weak (&failures_to_pretend, &left, left - 1))
    continue;
  return left > 0;
}

/* Column-major to LAPACK, so its columns of eigenvectors are our rows. *info: 0 where it went well. */
static WctStatus
call_dsyevd (int32_t n, double *a, double *values, int *info, WctError *err)
{
  double     wanted = 0, *work = NULL;
  lapack_int wanted_integers = 0, *integers = NULL;
  WctStatus  status;

  *info = LAPACKE_dsyevd_work (LAPACK_COL_MAJOR, 'V', 'L', n, a, n, values, &wanted, -1, &wanted_integers, -1);
  if (*info != 0)
    return WCT_OK;
  WCT_TRY (wct_alloc ((size_t)wanted, sizeof *work, "eigen-decomposition", &work, err));
  WCT_TRY (wct_alloc ((size_t)wanted_integers, sizeof *integers, "eigen-decomposition", &integers, err));
  *info = LAPACKE_dsyevd_work (LAPACK_COL_MAJOR, 'V', 'L', n, a, n, values, work, (lapack_int)wanted, integers,
                               wanted_integers);

out:
  wct_free (&integers);
  wct_free (&work);
  return status;
}

/* Of @a + @ridge on its diagonal, into @vectors; the ridge is taken off the values again. */
static WctStatus
solve_by_lapack (int32_t n, const double *a, double ridge, double *vectors, double *values, bool *solved, WctError *err)
{
  const size_t square = (size_t)n * (size_t)n;
  int          info = 0;
  WctStatus    status;

  memcpy (vectors, a, square * sizeof *a);
  for (size_t i = 0; i < (size_t)n; i++)
    vectors[i * (size_t)n + i] += ridge;
  status = call_dsyevd (n, vectors, values, &info, err);
  for (int32_t i = 0; i < n && info == 0; i++)
    values[i] -= ridge;
  *solved = !pretend_failure () && info == 0 && are_finite (square, vectors) && are_finite ((size_t)n, values);
  return status;
}

static double
trace (int32_t n, const double *a)
{
  double sum = 0;

  for (size_t i = 0; i < (size_t)n; i++)
    sum += a[i * (size_t)n + i];
  return sum;
}

/* Where *solved is false, @a is as it was. */
static WctStatus
try_lapack (int32_t n, double *a, double *values, bool *solved, WctError *err)
{
  const size_t square = (size_t)n * (size_t)n;
  double      *vectors = NULL;
  WctStatus    status;

  WCT_TRY (wct_alloc (square, sizeof *vectors, "eigen-decomposition", &vectors, err));
  WCT_TRY (solve_by_lapack (n, a, 0, vectors, values, solved, err));
  if (!*solved)
    WCT_TRY (solve_by_lapack (n, a, RIDGE_PER_TRACE * fabs (trace (n, a)), vectors, values, solved, err));
  if (*solved)
    memcpy (a, vectors, square * sizeof *a);

out:
  wct_free (&vectors);
  return status;
}

#else

static WctStatus
try_lapack (int32_t n, double *a, double *values, bool *solved, WctError *err)
{
  (void)n;
  (void)a;
  (void)values;
  (void)err;
  *solved = false;
  return WCT_OK;
}

#endif

WctStatus
wct_symmetric_eigen (int32_t n, double *a, double *values, WctError *err)
{
  bool      solved = false;
  WctStatus status;

  WCT_TRY (check_finite (n, a, err));
  WCT_TRY (try_lapack (n, a, values, &solved, err));
  if (!solved)
    WCT_TRY (wct_symmetric_eigen_jacobi (n, a, values, err));

out:
  return status;
}

/* ---- Products ----------------------------------------------------------------------------------------------- */

/* Upper triangle first, then the mirror image. */
void
wct_matrix_gram (int32_t count, int32_t n, const double *rows, double *out)
{
  const size_t stride = (size_t)n;

  memset (out, 0, stride * stride * sizeof *out);
#if WCT_HAVE_OPENBLAS
  if (count > 0)
    cblas_dsyrk (CblasRowMajor, CblasUpper, CblasTrans, n, count, 1, rows, n, 0, out, n);
#else
  for (int32_t k = 0; k < count; k++)
    for (size_t y = 0; y < stride; y++)
      for (size_t x = y; x < stride; x++)
        out[y * stride + x] += rows[(size_t)k * stride + y] * rows[(size_t)k * stride + x];
#endif
  for (size_t y = 0; y < stride; y++)
    for (size_t x = y + 1; x < stride; x++)
      out[x * stride + y] = out[y * stride + x];
}

/* @vectors: holds a copy of @a */
static WctStatus
solve_by (const WctEigenSolver *solver, int32_t n, const double *a, double *vectors, double *values, WctError *err)
{
  const size_t square = (size_t)n * (size_t)n;

  if (solver != NULL && solver->solve != NULL && solver->solve (solver->ctx, n, vectors, values, NULL) == WCT_OK)
    {
      if (are_finite ((size_t)n, values) && are_finite (square, vectors))
        return WCT_OK;
      memcpy (vectors, a, square * sizeof *a);
    }
  return wct_symmetric_eigen (n, vectors, values, err);
}

WctStatus
wct_symmetric_power (int32_t n, const double *a, double exponent, double floor, double *out, WctError *err)
{
  return wct_symmetric_power_by (NULL, n, a, exponent, floor, out, err);
}

WctStatus
wct_symmetric_power_by (const WctEigenSolver *solver, int32_t n, const double *a, double exponent, double floor,
                        double *out, WctError *err)
{
  const size_t stride = (size_t)n;
  double      *vectors = NULL, *values = NULL;
  WctStatus    status;

  WCT_TRY (wct_alloc (stride * stride, sizeof *vectors, "eigenvectors", &vectors, err));
  WCT_TRY (wct_alloc (stride, sizeof *values, "eigenvalues", &values, err));
  memcpy (vectors, a, stride * stride * sizeof *a);
  WCT_TRY (solve_by (solver, n, a, vectors, values, err));

  /* The largest come last, so what is kept is the end of the list. Under n ε of the largest is the solver's rounding,
   * even where a floor of 0 would let it in. */
  const double rounding = n * DBL_EPSILON * fabs (values[n - 1]);
  int32_t      first = n;
  while (first > 0 && values[first - 1] > floor && values[first - 1] > rounding)
    first--;
  for (int32_t i = first; i < n; i++)
    {
      const double factor = pow (values[i], exponent / 2);

      for (size_t x = 0; x < stride; x++)
        vectors[(size_t)i * stride + x] *= factor;
    }
  wct_matrix_gram (n - first, n, vectors + (size_t)first * stride, out);

out:
  wct_free (&values);
  wct_free (&vectors);
  return status;
}

void
wct_matrix_multiply (int32_t n, const double *a, const double *b, double *c)
{
#if WCT_HAVE_OPENBLAS
  cblas_dgemm (CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a, n, b, n, 0, c, n);
#else
  const size_t stride = (size_t)n;

  memset (c, 0, stride * stride * sizeof *c);
  for (size_t y = 0; y < stride; y++)
    for (size_t k = 0; k < stride; k++)
      for (size_t x = 0; x < stride; x++)
        c[y * stride + x] += a[y * stride + k] * b[k * stride + x];
#endif
}

void
wct_rows_multiply (int32_t count, int32_t n, int32_t k, const float *rows, const float *matrix, float *out)
{
#if WCT_HAVE_OPENBLAS
  cblas_sgemm (CblasRowMajor, CblasNoTrans, CblasTrans, count, n, k, 1, rows, k, matrix, k, 0, out, n);
#else
  for (size_t y = 0; y < (size_t)count; y++)
    for (size_t x = 0; x < (size_t)n; x++)
      {
        float sum = 0;

        for (size_t i = 0; i < (size_t)k; i++)
          sum += rows[y * (size_t)k + i] * matrix[x * (size_t)k + i];
        out[y * (size_t)n + x] = sum;
      }
#endif
}
