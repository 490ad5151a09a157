/* The optimal-transport map between two Gaussians, from what whitening and coloring have at hand: products of two
 * matrices and one eigen-decomposition more. */
#include "transport.h"

#include "linalg.h"
#include "mem.h"

WctStatus
wct_transport_matrix (const WctEigenSolver *solver, int32_t n, double *covariance, const double *whitening,
                      const double *root, double *out, WctError *err)
{
  double   *work = NULL;
  WctStatus status;

  WCT_TRY (wct_alloc ((size_t)n, (size_t)n * sizeof *work, "transport", &work, err));

  /* Σc^1/2 without another decomposition; then Σc^1/2 Σs Σc^1/2 as the product of a matrix and itself. */
  wct_matrix_multiply (n, covariance, whitening, work);
  wct_matrix_multiply (n, root, work, covariance);
  wct_matrix_gram (n, n, covariance, work);

  /* The fourth root on either side: a product of a matrix and itself again. */
  WCT_TRY (wct_symmetric_power_by (solver, n, work, 0.25, 0, covariance, err));
  wct_matrix_multiply (n, covariance, whitening, work);
  wct_matrix_gram (n, n, work, out);

out:
  wct_free (&work);
  return status;
}
