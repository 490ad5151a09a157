/* The optimal-transport map between two Gaussians: of all affine maps that take the content's covariance to the style's
 * it moves features the least (Peyré and Cuturi, Computational Optimal Transport, remark 2.31). */
#ifndef WCT_TRANSPORT_H
#define WCT_TRANSPORT_H

#include <stdint.h>

#include <wct/status.h>

#include "linalg.h"

/**
 * wct_transport_matrix: T = Σc^-1/2 (Σc^1/2 Σs Σc^1/2)^1/2 Σc^-1/2, symmetric and positive semi-definite to the last
 * bit, with T Σc T = Σs.
 * @solver: as of wct_affine_solve
 * @covariance: Σc, (n, n); overwritten
 * @whitening: (n, n): Σc^-1/2 as wct_symmetric_power makes it. Directions that it dropped are dropped here: T is 0
 * there
 * @root: (n, n): with root root' = Σs
 * @out: (n, n), written; none of the others
 *
 * The form of eigenvalues, always, although a Cholesky factor of Σc would save one decomposition where Σc has full
 * rank: features behind a rectifier rarely have it, and both maps shall drop the same directions.
 */
WctStatus wct_transport_matrix (const WctEigenSolver *solver, int32_t n, double *covariance, const double *whitening,
                                const double *root, double *out, WctError *err);

#endif
