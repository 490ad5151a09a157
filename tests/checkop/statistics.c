/* Moments of features, and affine maps of them, everywhere and at selected positions. */
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
static const char why_moments[] = "double sums over up to 300000 positions: 1e-11 of the largest";

/* Float matrix, center, difference and sum of up to 129 products, against double: some ε of Σ|m|(|x| + |center|). */
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
  uint8_t *select; /* NULL: everywhere */
} StatisticsCase;

/* ---- Making cases ------------------------------------------------------------------------------------------- */

static uint8_t *
random_selection (Checker *checker, size_t positions)
{
  const int32_t density = random_integer (checker, 0, 4); /* none, one, two, half, all */
  uint8_t      *select = calloc (positions, 1);

  if (select == NULL)
    abort ();
  for (int32_t i = 0; i < density && density <= 2; i++)
    select[next_random (checker) % positions] = 255;
  for (size_t p = 0; p < positions && density > 2; p++)
    select[p] = density == 4 || next_random (checker) % 2 == 0;
  return select;
}

static StatisticsCase
make_case (Checker *checker, bool selected)
{
  const double   offsets[] = { 0, 10, 1e4 }; /* a large mean shows sums that were not centered */
  const double   offset = offsets[random_integer (checker, 0, 2)];
  StatisticsCase s = { .shape = random_shape (checker) };
  size_t         count = 0;

  s.positions = (size_t)s.shape.h * (size_t)s.shape.w;
  s.features = buffer_new (count_floats (s.shape));
  buffer_fill (checker, &s.features, offset - 1, offset + 1);
  if (selected)
    s.select = random_selection (checker, s.positions);
  for (size_t p = 0; p < s.positions; p++)
    count += s.select == NULL || s.select[p] != 0;
  snprintf (checker->what, sizeof checker->what, "%dx%dx%d around %g, %zu of %zu positions", s.shape.c, s.shape.h,
            s.shape.w, offset, count, s.positions);
  return s;
}

static void
free_case (StatisticsCase *s)
{
  buffer_free (&s->features);
  free (s->select);
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
  moments->count = -1;
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
  WCT_TRY (ops->moments (backend->ctx, tensor, s->select, out, NULL, &err));
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
  double        largest_variance = 0;
  char          what[64];

  check_number (checker, "positions", (double)got->count, (double)expected->count, 0, "a count");
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
      check_number (checker, what, got->covariance[i], expected->covariance[i], MOMENTS_ALLOWED * largest_variance,
                    why_moments);
      if (got->covariance[i] != got->covariance[i % channels * channels + i / channels])
        fail_case (checker, "%s is not symmetric", what);
    }
}

static void
check_moments_of (Checker *checker, bool selected)
{
  StatisticsCase s = make_case (checker, selected);
  const size_t   channels = (size_t)s.shape.c;
  WctMoments    *expected = new_moments (checker, s.shape.c), *first = new_moments (checker, s.shape.c);

  if (checker->oracle == NULL)
    naive_moments (s.shape, s.features.values, s.select, expected);
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
check_moments_selected (Checker *checker)
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

static void
map (Checker *checker, WctBackend *backend, const StatisticsCase *s, const WctAffine *affine, Buffer *out)
{
  const WctBackendOps *ops = backend->ops;
  WctTensor           *tensor = NULL;
  WctError             err;
  WctStatus            status;

  WCT_TRY (ops->tensor_new (backend->ctx, s->shape, &tensor, &err));
  WCT_TRY (ops->upload (backend->ctx, s->features.values, tensor, &err));
  WCT_TRY (ops->affine (backend->ctx, tensor, s->select, affine, NULL, &err));
  WCT_TRY (ops->download (backend->ctx, tensor, out->values, &err));
  check_canaries (checker, out, "downloaded result");

out:
  check_status (checker, status, &err);
  ops->tensor_free (backend->ctx, &tensor);
}

static void
check_unselected (Checker *checker, const StatisticsCase *s, const Buffer *got)
{
  for (size_t i = 0; i < got->count; i++)
    if (s->select != NULL && s->select[i % s->positions] == 0)
      check_same_bits (checker, &got->values[i], &s->features.values[i], sizeof (float), "a position not selected");
}

static void
check_affine_of (Checker *checker, bool selected)
{
  StatisticsCase s = make_case (checker, selected);
  WctAffine     *affine = random_affine (checker, &s);
  Buffer         expected = buffer_copy (&s.features), first = buffer_new (expected.count);
  const int      ulps = checker->oracle == NULL ? DOUBLE_ULPS : FLOAT_ULPS;

  if (checker->oracle == NULL)
    naive_affine (s.shape, expected.values, s.select, affine);
  else
    map (checker, checker->oracle, &s, affine, &expected);
  map (checker, checker->devices[0], &s, affine, &first);
  check_close (checker, s.shape, first.values, expected.values, ulps * FLOAT_EPSILON * measure_magnitude (&s, affine),
               checker->oracle == NULL ? why_double : why_float);
  check_unselected (checker, &s, &first);
  for (int i = 1; i < checker->device_count; i++)
    {
      Buffer other = buffer_new (expected.count);

      map (checker, checker->devices[i], &s, affine, &other);
      check_same_bits (checker, other.values, first.values, first.count * sizeof (float), "another number of threads");
      buffer_free (&other);
    }
  buffer_free (&first);
  buffer_free (&expected);
  wct_affine_free (&affine);
  free_case (&s);
}

void
check_affine (Checker *checker)
{
  check_affine_of (checker, false);
}

void
check_affine_selected (Checker *checker)
{
  check_affine_of (checker, true);
}
