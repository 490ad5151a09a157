/* Whitening and coloring as one affine map of the features (Li et al. 2017, equations 3 and 4):
 * f' = α (C W (f - μc) + μs) + (1 - α) f with W = Σc^-1/2 over the content and C = Σs^1/2 over the style; or, in place
 * of C W, the optimal-transport map (transport.h). */
#ifndef WCT_TRANSFORM_H
#define WCT_TRANSFORM_H

#include <stdbool.h>
#include <stdint.h>

#include <wct/status.h>

#include "linalg.h"
#include "moments.h"
#include "root.h"

/* out = matrix (in - center) + bias, per position. Centering first keeps float features from canceling. */
typedef struct
{
  int32_t channels;
  double *matrix; /* (channels, channels) */
  double *center; /* (channels) */
  double *bias;   /* (channels) */
} WctAffine;

/* The style's side, ready for any content: what coloring needs of one style or of a blend. */
typedef struct
{
  int32_t channels;
  double *root; /* (channels, channels): Σ weight · covariance^1/2 */
  double *mean; /* (channels): Σ weight · mean */
} WctColoring;

WctStatus wct_affine_new (int32_t channels, WctAffine **out, WctError *err);
void      wct_affine_free (WctAffine **affine);
void      wct_affine_copy (const WctAffine *from, WctAffine *to); /* of equal channels */

/**
 * wct_coloring_new: blend styles at one level.
 * @styles: @count of them, equal channels, borrowed
 * @weights: @count of them, adding up to 1
 * @floor: eigenvalues below it are dropped
 */
WctStatus wct_coloring_new (const WctMoments *const *styles, const double *weights, int count, double floor,
                            WctColoring **out, WctError *err);

/* The same bits where the styles' roots are there already: a sum of matrices. @roots: (count), of one floor */
WctStatus wct_coloring_blend (const WctMoments *const *styles, WctRoot *const *roots, const double *weights, int count,
                              WctColoring **out, WctError *err);
void      wct_coloring_free (WctColoring **coloring);

/**
 * wct_affine_solve: the map that takes features with @content's moments to the style's, with strength @alpha.
 * @floor: eigenvalues of the content's covariance (after damping) below it are dropped: noise there would be amplified
 * @damping: added to that covariance's diagonal first
 * @transport: by the optimal-transport map instead of whitening and coloring
 * @solver: of eigenvalues, for instance the back end's; NULL: LAPACK
 * @out: written; channels as @content's
 * Never fails for lack of rank: what has no variance gets the style's mean. WCT_ERR_NUMERIC for moments that are not
 * finite.
 */
WctStatus wct_affine_solve (const WctMoments *content, const WctColoring *style, double alpha, double floor,
                            double damping, bool transport, const WctEigenSolver *solver, WctAffine *out,
                            WctError *err);

/* The content's side alone: matrix (Σc + damping)^-1/2, center μc, bias 0. */
WctStatus wct_whitening_solve (const WctMoments *content, double floor, double damping, WctAffine *out, WctError *err);

#endif
