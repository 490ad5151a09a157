/* How far moments are from those wanted: the style term of a loss. */
#ifndef WCT_MOMENTS_ERROR_H
#define WCT_MOMENTS_ERROR_H

#include "moments.h"
#include "transform.h"

/**
 * wct_moments_error: |μ - μ'|² / |μ'|² + min (|Σ - Σ'|² / |Σ'|², @limit), Frobenius.
 * @of: μ and Σ, of at least one position
 * @target: μ' and Σ', of as many channels. What it has none of is not divided by: a target of 0 counts as 1
 * @limit: far away the covariances' part stands still, lest one wild picture decide a step
 * @scale: what the error counts for in the loss
 * @gradient: written: maps the features that @of was measured on to the loss's gradient there. With N positions
 *
 *   dL/df = scale ( 4 / ((N - 1) |Σ'|²) (Σ - Σ') (f - μ) + 2 / (N |μ'|²) (μ - μ') )
 *
 * Returns the error without @scale.
 */
double wct_moments_error (const WctMoments *of, const WctMoments *target, double limit, double scale,
                          WctAffine *gradient);

#endif
