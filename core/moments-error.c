#include "moments-error.h"

#include <stdbool.h>
#include <string.h>

static double
squared_norm (const double *values, size_t count)
{
  double sum = 0;

  for (size_t i = 0; i < count; i++)
    sum += values[i] * values[i];
  return sum;
}

/* |a - b|² over |b|². *denominator: that. */
static double
relative_error (const double *a, const double *b, size_t count, double *denominator)
{
  const double norm = squared_norm (b, count);
  double       sum = 0;

  *denominator = norm > 0 ? norm : 1;
  for (size_t i = 0; i < count; i++)
    sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum / *denominator;
}

/* out = factor (a - b) */
static void
scaled_difference (const double *a, const double *b, size_t count, double factor, double *out)
{
  for (size_t i = 0; i < count; i++)
    out[i] = factor * (a[i] - b[i]);
}

double
wct_moments_error (const WctMoments *of, const WctMoments *target, double limit, double scale, WctAffine *gradient)
{
  const size_t channels = (size_t)of->channels, square = channels * channels;
  const double positions = of->weight;
  double       mean_norm, covariance_norm;
  const double mean_error = relative_error (of->mean, target->mean, channels, &mean_norm);
  const double covariance_error = relative_error (of->covariance, target->covariance, square, &covariance_norm);
  const bool   far = covariance_error > limit || of->weight < 2;

  memcpy (gradient->center, of->mean, channels * sizeof (double));
  scaled_difference (of->mean, target->mean, channels, 2 * scale / (positions * mean_norm), gradient->bias);
  scaled_difference (of->covariance, target->covariance, square,
                     far ? 0 : 4 * scale / ((positions - 1) * covariance_norm), gradient->matrix);
  return mean_error + (covariance_error > limit ? limit : covariance_error);
}
