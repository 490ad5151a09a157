/* Symmetric eigen-decompositions and dense products, in double where nothing else is said. */
#ifndef WCT_LINALG_H
#define WCT_LINALG_H

#include <stdint.h>

#include <wct/status.h>

/**
 * wct_symmetric_eigen: a = V diag (values) V'.
 * @n: rows
 * @a: (n, n), symmetric; overwritten by the eigenvectors, one in each row
 * @values: (n), ascending, written
 *
 * LAPACK's dsyevd where the build has it. Where that reports failure or gives back what is not finite, it is tried
 * again on a + ridge (1e-10 of the trace), then solved by cyclic Jacobi rotations, which cannot fail on finite input.
 * WCT_ERR_NUMERIC where @a itself is not finite.
 */
WctStatus wct_symmetric_eigen (int32_t n, double *a, double *values, WctError *err);

/* The last resort alone (Golub and Van Loan, Matrix Computations, 8.5); same contract. */
WctStatus wct_symmetric_eigen_jacobi (int32_t n, double *a, double *values, WctError *err);

/* Another way to do what wct_symmetric_eigen does: a back end's. It may fail, and leaves @a as it was then. */
typedef struct
{
  WctStatus (*solve) (void *ctx, int32_t n, double *a, double *values, WctError *err);
  void *ctx;
} WctEigenSolver;

/**
 * wct_symmetric_power: out = a^exponent over the eigenvalues above @floor; the others' directions are dropped.
 * Eigenvalues that the solver's rounding cannot tell from 0 (n ε of the largest) are dropped under any floor.
 * @a: (n, n), symmetric, borrowed
 * @out: (n, n), written; may not be @a
 */
WctStatus wct_symmetric_power (int32_t n, const double *a, double exponent, double floor, double *out, WctError *err);

/* The same, by @solver where there is one and it can, else as above. */
WctStatus wct_symmetric_power_by (const WctEigenSolver *solver, int32_t n, const double *a, double exponent,
                                  double floor, double *out, WctError *err);

/* c = a b, all (n, n) row-major; c may not be a or b. */
void wct_matrix_multiply (int32_t n, const double *a, const double *b, double *c);

/* out = rows' rows, symmetric to the last bit. @rows: (count, n); @out: (n, n), not @rows */
void wct_matrix_gram (int32_t count, int32_t n, const double *rows, double *out);

/* out = rows matrix', in float. @rows: (count, k); @matrix: (n, k); @out: (count, n). One thread, the same bits whoever
 * calls. */
void wct_rows_multiply (int32_t count, int32_t n, int32_t k, const float *rows, const float *matrix, float *out);

/* Has OpenBLAS work on the calling thread alone, in the whole process: back ends have threads of their own, two pools
 * would fight, and results would depend on their number. Nothing where the build has no OpenBLAS. */
void wct_linalg_use_one_thread (void);

/* For tests: pretend that LAPACK reports failure this many more times. */
void wct_linalg_test_fail (int count);

#endif
