/* Moments of features, and affine maps of them, everywhere and by weights. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkop.h"
#include "mem.h"
#include "naive.h"

/* Mean and centered products are summed in double over up to 300000 positions: some times 1e-16 √300000, relative
 * to the largest value, or for the covariance to the largest variance. */
#define MOMENTS_ALLOWED 1e-11
static const char why_moments[] = "double sums over up to 300000 positions: 1e-11 of the largest, and covariance_error";

/* Float matrix, center, difference and sum of up to 129 products, against double: some ε of Σ|m|(|x| + |center|).
 * Mixing by a weight adds a difference and a sum of floats. */
#define FLOAT_ULPS 32
static const char why_float[] = "float matrix, centering and sums: 32 ε Σ|m|(|x| + |center|)";

/* Both round a double sum once. */
#define DOUBLE_ULPS 2
static const char why_double[] = "double sums, rounded once: 2 ε Σ|m|(|x| + |center|)";

typedef struct
{
  WctShape shape;
  size_t   positions;
  Buffer   features;
  float   *weights; /* NULL: everywhere, whole */
} StatisticsCase;

/* ---- Making cases ------------------------------------------------------------------------------------------- */

/* What a position may weigh, by the case: whole or not at all, or anything. */
static float
random_weight (Checker *checker, bool soft)
{
  return !soft || random_integer (checker, 0, 9) == 0 ? 1 : (float)random_number (checker, 0, 1);
}

static float *
random_weights (Checker *checker, size_t positions)
{
  const int32_t density = random_integer (checker, 0, 4); /* none, one, two, half, all */
  const bool    soft = random_integer (checker, 0, 2) > 0;
  float        *weights = calloc (positions, sizeof *weights);

  if (weights == NULL)
    abort ();
  for (int32_t i = 0; i < density && density <= 2; i++)
    weights[next_random (checker) % positions] = random_weight (checker, soft);
  for (size_t p = 0; p < positions && density > 2; p++)
    if (density == 4 || next_random (checker) % 2 == 0)
      weights[p] = random_weight (checker, soft);
  return weights;
}

static StatisticsCase
make_case (Checker *checker, bool weighted)
{
  const double   offsets[] = { 0, 10, 1e4 }; /* a large mean shows sums that were not centered */
  const double   offset = offsets[random_integer (checker, 0, 2)];
  StatisticsCase s = { .shape = random_shape (checker) };
  double         weight = 0;

  s.positions = (size_t)s.shape.h * (size_t)s.shape.w;
  s.features = buffer_new (count_floats (s.shape));
  buffer_fill (checker, &s.features, offset - 1, offset + 1);
  if (weighted)
    s.weights = random_weights (checker, s.positions);
  for (size_t p = 0; p < s.positions; p++)
    weight += s.weights == NULL ? 1 : s.weights[p];
  snprintf (checker->what, sizeof checker->what, "%dx%dx%d around %g, weight %g of %zu positions", s.shape.c, s.shape.h,
            s.shape.w, offset, weight, s.positions);
  return s;
}

static void
free_case (StatisticsCase *s)
{
  buffer_free (&s->features);
  free (s->weights);
}

/* ---- Moments ------------------------------------------------------------------------------------------------ */

static WctMoments *
new_moments (Checker *checker, int32_t channels)
{
  WctMoments     *moments = NULL;
  WctError        err;
  const WctStatus status = wct_moments_new (channels, &moments, &err);

  check_status (checker, status, &err);
  if (moments == NULL)
    abort ();

  /* What is measured replaces all of it. */
  moments->weight = -1;
  for (int32_t i = 0; i < channels; i++)
    moments->mean[i] = NAN;
  for (int32_t i = 0; i < channels * channels; i++)
    moments->covariance[i] = NAN;
  return moments;
}

static void
measure (Checker *checker, WctBackend *backend, const StatisticsCase *s, WctMoments *out)
{
  const WctBackendOps *ops = backend->ops;
  WctTensor           *tensor = NULL;
  Buffer               after = buffer_new (s->features.count);
  WctError             err;
  WctStatus            status;

  WCT_TRY (ops->tensor_new (backend->ctx, s->shape, &tensor, &err));
  WCT_TRY (ops->upload (backend->ctx, s->features.values, tensor, &err));
  WCT_TRY (ops->moments (backend->ctx, tensor, s->weights, out, NULL, &err));
  WCT_TRY (ops->download (backend->ctx, tensor, after.values, &err));
  check_same_bits (checker, after.values, s->features.values, after.count * sizeof (float),
                   "features after being measured");

out:
  check_status (checker, status, &err);
  ops->tensor_free (backend->ctx, &tensor);
  buffer_free (&after);
}

static double
largest_value (const Buffer *buffer)
{
  double largest = 0;

  for (size_t i = 0; i < buffer->count; i++)
    largest = fmax (largest, fabsf (buffer->values[i]));
  return largest;
}

static void
compare_moments (Checker *checker, const StatisticsCase *s, const WctMoments *got, const WctMoments *expected)
{
  const int32_t channels = s->shape.c;
  const double  allowed = MOMENTS_ALLOWED + checker->devices[0]->ops->covariance_error;
  double        largest_variance = 0;
  char          what[64];

  check_number (checker, "weight", got->weight, expected->weight, MOMENTS_ALLOWED * (double)s->positions, why_moments);
  for (int32_t c = 0; c < channels; c++)
    {
      snprintf (what, sizeof what, "mean of channel %d", c);
      check_number (checker, what, got->mean[c], expected->mean[c], MOMENTS_ALLOWED * largest_value (&s->features),
                    why_moments);
      largest_variance = fmax (largest_variance, expected->covariance[(size_t)c * (size_t)(channels + 1)]);
    }
  for (int32_t i = 0; i < channels * channels; i++)
    {
      snprintf (what, sizeof what, "covariance of channels %d and %d", i / channels, i % channels);
      check_number (checker, what, got->covariance[i], expected->covariance[i], allowed * largest_variance,
                    why_moments);
      if (got->covariance[i] != got->covariance[i % channels * channels + i / channels])
        fail_case (checker, "%s is not symmetric", what);
    }
}

static void
check_moments_of (Checker *checker, bool weighted)
{
  StatisticsCase s = make_case (checker, weighted);
  const size_t   channels = (size_t)s.shape.c;
  WctMoments    *expected = new_moments (checker, s.shape.c), *first = new_moments (checker, s.shape.c);

  if (checker->oracle == NULL)
    naive_moments (s.shape, s.features.values, s.weights, expected);
  else
    measure (checker, checker->oracle, &s, expected);
  measure (checker, checker->devices[0], &s, first);
  compare_moments (checker, &s, first, expected);
  for (int i = 1; i < checker->device_count; i++)
    {
      WctMoments *other = new_moments (checker, s.shape.c);

      measure (checker, checker->devices[i], &s, other);
      check_same_bits (checker, other->mean, first->mean, channels * sizeof (double), "means by more threads");
      check_same_bits (checker, other->covariance, first->covariance, channels * channels * sizeof (double),
                       "covariance by more threads");
      wct_moments_free (&other);
    }
  wct_moments_free (&first);
  wct_moments_free (&expected);
  free_case (&s);
}

void
check_moments (Checker *checker)
{
  check_moments_of (checker, false);
}

void
check_moments_weighted (Checker *checker)
{
  check_moments_of (checker, true);
}

/* ---- Maps --------------------------------------------------------------------------------------------------- */

static WctAffine *
random_affine (Checker *checker, const StatisticsCase *s)
{
  const int32_t   channels = s->shape.c;
  WctAffine      *affine = NULL;
  WctError        err;
  const WctStatus status = wct_affine_new (channels, &affine, &err);

  check_status (checker, status, &err);
  if (affine == NULL)
    abort ();
  for (int32_t i = 0; i < channels * channels; i++)
    affine->matrix[i] = random_number (checker, -1, 1);
  for (int32_t c = 0; c < channels; c++)
    {
      affine->center[c] = s->features.values[(size_t)c * s->positions] + random_number (checker, -1, 1);
      affine->bias[c] = random_number (checker, -1, 1);
    }
  return affine;
}

/* max Σ|m|(|x| + |center|) + |bias| */
static double
measure_magnitude (const StatisticsCase *s, const WctAffine *affine)
{
  const double value = largest_value (&s->features);
  double       largest = 0;

  for (int32_t o = 0; o < s->shape.c; o++)
    {
      double sum = fabs (affine->bias[o]);

      for (int32_t c = 0; c < s->shape.c; c++)
        sum += fabs (affine->matrix[o * s->shape.c + c]) * (value + fabs (affine->center[c]));
      largest = fmax (largest, sum);
    }
  return largest;
}

/* @out: what is added to; written. In place where that is what the features are. */
static void
map (Checker *checker, WctBackend *backend, const StatisticsCase *s, const WctAffine *affine, bool in_place,
     Buffer *out)
{
  const WctBackendOps *ops = backend->ops;
  WctTensor           *tensor = NULL, *result = NULL;
  WctError             err;
  WctStatus            status;

  WCT_TRY (ops->tensor_new (backend->ctx, s->shape, &tensor, &err));
  WCT_TRY (ops->tensor_new (backend->ctx, s->shape, &result, &err));
  WCT_TRY (ops->upload (backend->ctx, s->features.values, tensor, &err));
  WCT_TRY (ops->upload (backend->ctx, out->values, result, &err));
  WCT_TRY (ops->affine (backend->ctx, tensor, s->weights, affine, in_place ? tensor : result, NULL, &err));
  WCT_TRY (ops->download (backend->ctx, in_place ? tensor : result, out->values, &err));
  check_canaries (checker, out, "downloaded result");

out:
  check_status (checker, status, &err);
  ops->tensor_free (backend->ctx, &result);
  ops->tensor_free (backend->ctx, &tensor);
}

static void
check_without_weight (Checker *checker, const StatisticsCase *s, const Buffer *before, const Buffer *got)
{
  for (size_t i = 0; i < got->count; i++)
    if (s->weights != NULL && s->weights[i % s->positions] == 0)
      check_same_bits (checker, &got->values[i], &before->values[i], sizeof (float), "a position without weight");
}

static void
check_affine_of (Checker *checker, bool weighted)
{
  StatisticsCase s = make_case (checker, weighted);
  WctAffine     *affine = random_affine (checker, &s);
  const bool     in_place = random_integer (checker, 0, 1) == 0;
  Buffer         before = buffer_copy (&s.features);
  const int      ulps = checker->oracle == NULL ? DOUBLE_ULPS : FLOAT_ULPS;

  for (size_t i = 0; i < before.count && !in_place; i++) /* what other regions made of it */
    before.values[i] += (float)random_number (checker, -1, 1);

  Buffer expected = buffer_copy (&before), first = buffer_copy (&before);

  if (checker->oracle == NULL)
    naive_affine (s.shape, s.features.values, s.weights, affine, expected.values);
  else
    map (checker, checker->oracle, &s, affine, in_place, &expected);
  map (checker, checker->devices[0], &s, affine, in_place, &first);
  check_close (checker, s.shape, first.values, expected.values, ulps * FLOAT_EPSILON * measure_magnitude (&s, affine),
               checker->oracle == NULL ? why_double : why_float);
  check_without_weight (checker, &s, &before, &first);
  for (int i = 1; i < checker->device_count; i++)
    {
      Buffer other = buffer_copy (&before);

      map (checker, checker->devices[i], &s, affine, in_place, &other);
      check_same_bits (checker, other.values, first.values, first.count * sizeof (float), "another number of threads");
      buffer_free (&other);
    }
  buffer_free (&first);
  buffer_free (&expected);
  buffer_free (&before);
  wct_affine_free (&affine);
  free_case (&s);
}

void
check_affine (Checker *checker)
{
  check_affine_of (checker, false);
}

void
check_affine_weighted (Checker *checker)
{
  check_affine_of (checker, true);
}
