/* What training does with whole feature maps, for any back end: moments and affine maps against inference's operations
 * of the oracle, the two losses against their definitions and central differences in double. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain-case.h"
#include "moments-error.h"

#define COUNT_MAX    3
#define CHANNELS_MAX 130
#define SIDE_MAX     9
#define SCALE_MAX    3
#define STEP         1e-5
#define DIRECTIONS   6

#define ALLOWED_VALUE    1e-5
#define ALLOWED_GRADIENT 1e-4
static const char why_value[] = "sums of some hundred float values, relative to their sizes";
static const char why_gradient[] = "a gradient in float against differences in double, relative to its norm";

/* A batch of features: each channel has a mean and a deviation of its own, as after a convolution. */
typedef struct
{
  int32_t  count;
  WctShape shape;
  size_t   positions, map; /* values of one */
  Buffer   values;
} Features;

static Features
features_new (int32_t count, WctShape shape)
{
  Features features = { .count = count, .shape = shape, .positions = (size_t)shape.h * (size_t)shape.w };

  features.map = features.positions * (size_t)shape.c;
  features.values = buffer_new (batch_floats (count, shape));
  return features;
}

static void
draw_features (Checker *checker, Features *features)
{
  for (size_t plane = 0; plane < (size_t)features->count * (size_t)features->shape.c; plane++)
    {
      const double mean = random_number (checker, 0, 2), spread = random_number (checker, 0.2, 1);

      for (size_t i = 0; i < features->positions; i++)
        features->values.values[plane * features->positions + i] =
          (float)(mean + spread * random_number (checker, -1, 1));
    }
}

static Features
random_features (Checker *checker)
{
  static const int32_t channels[] = { 1, 3, 4, 5, 8, 16, 17, 24, CHANNELS_MAX };
  const WctShape       shape = { channels[next_random (checker) % (sizeof channels / sizeof channels[0])],
                                 random_integer (checker, 2, SIDE_MAX), random_integer (checker, 2, SIDE_MAX) };
  Features             features = features_new (random_integer (checker, 1, COUNT_MAX), shape);

  snprintf (checker->what, sizeof checker->what, "%d of %dx%dx%d", features.count, shape.c, shape.h, shape.w);
  draw_features (checker, &features);
  return features;
}

static WctBatch *
upload (Checker *checker, const WctBackend *device, const Features *features)
{
  WctBatch *out = NULL;
  WctError  err;
  WctStatus status;

  WCT_TRY (device->ops->training->batch_new (device->ctx, features->count, features->shape, &out, &err));
  WCT_TRY (device->ops->training->batch_upload (device->ctx, features->values.values, out, &err));

out:
  check_status (checker, status, &err);
  return out;
}

static void
download (Checker *checker, const WctBackend *device, const WctBatch *batch, Features *out)
{
  WctError err;

  check_status (checker, device->ops->training->batch_download (device->ctx, batch, out->values.values, &err), &err);
  check_canaries (checker, &out->values, "downloaded batch");
}

static void
free_batch (const WctBackend *device, WctBatch **batch)
{
  device->ops->training->batch_free (device->ctx, batch);
}

/* ---- Statistics of maps ------------------------------------------------------------------------------------- */

typedef struct
{
  WctMoments *moments[COUNT_MAX];
  WctAffine  *maps[COUNT_MAX];
} Statistics;

static Statistics
statistics_new (Checker *checker, const Features *features)
{
  Statistics statistics = { .moments = { NULL } };
  WctError   err;

  for (int32_t i = 0; i < features->count; i++)
    {
      check_status (checker, wct_moments_new (features->shape.c, &statistics.moments[i], &err), &err);
      check_status (checker, wct_affine_new (features->shape.c, &statistics.maps[i], &err), &err);
    }
  return statistics;
}

static void
statistics_free (Statistics *statistics)
{
  for (int i = 0; i < COUNT_MAX; i++)
    {
      wct_moments_free (&statistics->moments[i]);
      wct_affine_free (&statistics->maps[i]);
    }
}

/* Of doubles: (channels, positions). */
static void
define_moments (const double *map, size_t channels, size_t positions, WctMoments *out)
{
  out->weight = (double)positions;
  for (size_t c = 0; c < channels; c++)
    {
      out->mean[c] = 0;
      for (size_t i = 0; i < positions; i++)
        out->mean[c] += map[c * positions + i] / (double)positions;
    }
  for (size_t a = 0; a < channels; a++)
    for (size_t b = 0; b < channels; b++)
      {
        double sum = 0;

        for (size_t i = 0; i < positions; i++)
          sum += (map[a * positions + i] - out->mean[a]) * (map[b * positions + i] - out->mean[b]);
        out->covariance[a * channels + b] = sum / (double)(positions - 1);
      }
}

static double *
widened (const Features *features)
{
  const size_t count = features->map * (size_t)features->count;
  double      *values = calloc (count, sizeof *values);

  if (values == NULL)
    abort ();
  for (size_t i = 0; i < count; i++)
    values[i] = features->values.values[i];
  return values;
}

void
check_train_moments (Checker *checker)
{
  if (!trains (checker))
    return;
  const WctBackend *device = checker->devices[0];
  Features          features = random_features (checker);
  Statistics        got = statistics_new (checker, &features), expected = statistics_new (checker, &features);
  double           *wide = widened (&features);
  WctBatch         *batch = upload (checker, device, &features);
  const size_t      channels = (size_t)features.shape.c;
  WctError          err;

  if (batch != NULL)
    check_status (checker, device->ops->training->batch_moments (device->ctx, batch, got.moments, &err), &err);
  for (int32_t i = 0; i < features.count && !checker->failed; i++)
    {
      define_moments (wide + (size_t)i * features.map, channels, features.positions, expected.moments[i]);
      check_number (checker, "positions", got.moments[i]->weight, (double)features.positions, 0, "a count");
      for (size_t c = 0; c < channels; c++)
        check_number (checker, "mean", got.moments[i]->mean[c], expected.moments[i]->mean[c], ALLOWED_VALUE, why_value);
      for (size_t c = 0; c < channels * channels; c++)
        check_number (checker, "covariance", got.moments[i]->covariance[c], expected.moments[i]->covariance[c],
                      ALLOWED_VALUE, why_value);
    }
  free_batch (device, &batch);
  free (wide);
  statistics_free (&expected);
  statistics_free (&got);
  buffer_free (&features.values);
}

/* ---- Affine maps -------------------------------------------------------------------------------------------- */

static void
draw_maps (Checker *checker, const Features *features, Statistics *statistics)
{
  const size_t channels = (size_t)features->shape.c;

  for (int32_t i = 0; i < features->count; i++)
    for (size_t c = 0; c < channels; c++)
      {
        statistics->maps[i]->center[c] = random_number (checker, -1, 1);
        statistics->maps[i]->bias[c] = random_number (checker, -1, 1);
        for (size_t k = 0; k < channels; k++)
          statistics->maps[i]->matrix[c * channels + k] = random_number (checker, -1, 1);
      }
}

static double
mapped_value (const Features *features, const WctAffine *map, int32_t index, size_t c, size_t position)
{
  const size_t channels = (size_t)features->shape.c;
  const float *values = features->values.values + (size_t)index * features->map;
  double       sum = map->bias[c];

  for (size_t k = 0; k < channels; k++)
    sum += map->matrix[c * channels + k] * (values[k * features->positions + position] - map->center[k]);
  return sum;
}

static void
compare_mapped (Checker *checker, const Features *in, const Statistics *statistics, const Features *before, bool add,
                const Features *got)
{
  const size_t channels = (size_t)in->shape.c;

  for (int32_t i = 0; i < in->count; i++)
    for (size_t c = 0; c < channels; c++)
      for (size_t position = 0; position < in->positions; position++)
        {
          const size_t at = (size_t)i * in->map + c * in->positions + position;
          const double expected =
            mapped_value (in, statistics->maps[i], i, c, position) + (add ? before->values.values[at] : 0);

          check_number (checker, "mapped value", got->values.values[at], expected,
                        ALLOWED_VALUE * (double)(channels + 2), why_value);
        }
}

/* Into another batch, or in place. */
void
check_train_affine (Checker *checker)
{
  if (!trains (checker))
    return;
  const WctBackend *device = checker->devices[0];
  const bool        add = random_integer (checker, 0, 1), in_place = random_integer (checker, 0, 1);
  Features          in = random_features (checker), before = features_new (in.count, in.shape),
           got = features_new (in.count, in.shape);
  Statistics statistics = statistics_new (checker, &in);
  WctBatch  *from = upload (checker, device, &in), *to = NULL;
  WctError   err;

  draw_maps (checker, &in, &statistics);
  if (in_place)
    memcpy (before.values.values, in.values.values, in.values.count * sizeof (float));
  else
    {
      draw_features (checker, &before);
      to = upload (checker, device, &before);
    }
  if (!checker->failed)
    {
      check_status (checker,
                    device->ops->training->batch_affine (device->ctx, from, (const WctAffine *const *)statistics.maps,
                                                         add, in_place ? from : to, &err),
                    &err);
      download (checker, device, in_place ? from : to, &got);
      compare_mapped (checker, &in, &statistics, &before, add, &got);
    }
  free_batch (device, &to);
  free_batch (device, &from);
  statistics_free (&statistics);
  buffer_free (&got.values);
  buffer_free (&before.values);
  buffer_free (&in.values);
}

/* ---- Losses against differences ------------------------------------------------------------------------------- */

/* The loss of a whole batch by its definition. @target: likewise in double, or statistics of it */
typedef struct
{
  const Features   *features;
  const double     *target;
  const Statistics *wanted;
  double            limit;
} Loss;

typedef double LossFunction (const Loss *loss, const double *values);

static double
relative (const double *a, const double *b, size_t count)
{
  double difference = 0, norm = 0;

  for (size_t i = 0; i < count; i++)
    {
      difference += (a[i] - b[i]) * (a[i] - b[i]);
      norm += b[i] * b[i];
    }
  return difference / norm;
}

static double
moments_loss (const Loss *loss, const double *values)
{
  const size_t channels = (size_t)loss->features->shape.c;
  WctMoments   moments = { .channels = (int32_t)channels };
  double       sum = 0;

  moments.mean = calloc (channels * (channels + 1), sizeof (double));
  if (moments.mean == NULL)
    abort ();
  moments.covariance = moments.mean + channels;
  for (int32_t i = 0; i < loss->features->count; i++)
    {
      const WctMoments *wanted = loss->wanted->moments[i];

      define_moments (values + (size_t)i * loss->features->map, channels, loss->features->positions, &moments);
      sum += relative (moments.mean, wanted->mean, channels)
             + fmin (relative (moments.covariance, wanted->covariance, channels * channels), loss->limit);
    }
  free (moments.mean);
  return sum;
}

/* One channel less its mean, over its deviation. */
static void
standardize (const double *in, size_t positions, double *out)
{
  double mean = 0, variance = 0;

  for (size_t i = 0; i < positions; i++)
    mean += in[i] / (double)positions;
  for (size_t i = 0; i < positions; i++)
    variance += (in[i] - mean) * (in[i] - mean) / (double)positions;
  for (size_t i = 0; i < positions; i++)
    out[i] = (in[i] - mean) / sqrt (variance + WCT_COSINE_EPSILON);
}

static double
mean_cosine (const double *a, const double *b, size_t channels, size_t positions)
{
  double mean = 0;

  for (size_t i = 0; i < positions; i++)
    {
      double aa = 0, bb = 0, ab = 0;

      for (size_t c = 0; c < channels; c++)
        {
          aa += a[c * positions + i] * a[c * positions + i];
          bb += b[c * positions + i] * b[c * positions + i];
          ab += a[c * positions + i] * b[c * positions + i];
        }
      mean += ab / sqrt (aa * bb) / (double)positions;
    }
  return mean;
}

static double
cosine_loss (const Loss *loss, const double *values)
{
  const size_t channels = (size_t)loss->features->shape.c, positions = loss->features->positions;
  double      *a = calloc (2 * loss->features->map, sizeof *a), *b = a + loss->features->map, sum = 0;

  if (a == NULL)
    abort ();
  for (int32_t i = 0; i < loss->features->count; i++)
    {
      for (size_t c = 0; c < channels; c++)
        {
          const size_t at = (size_t)i * loss->features->map + c * positions;

          standardize (values + at, positions, a + c * positions);
          standardize (loss->target + at, positions, b + c * positions);
        }
      sum += 1 - mean_cosine (a, b, channels, positions);
    }
  free (a);
  return sum;
}

/* Along random directions: (loss (x + h d) - loss (x - h d)) / 2 h against gradient · d. */
static void
check_slopes (Checker *checker, const Loss *loss, LossFunction *function, double scale, const Features *gradient)
{
  const size_t count = gradient->values.count;
  double      *at = widened (loss->features), *values = widened (loss->features), *direction = values, norm = 0;
  double      *drawn = calloc (count, sizeof *drawn);

  if (drawn == NULL)
    abort ();
  for (size_t i = 0; i < count; i++)
    norm += (double)gradient->values.values[i] * gradient->values.values[i];
  for (int k = 0; k < DIRECTIONS && !checker->failed; k++)
    {
      double slope = 0, length = 0, ahead, behind;

      for (size_t i = 0; i < count; i++)
        {
          drawn[i] = random_number (checker, -1, 1);
          slope += drawn[i] * gradient->values.values[i];
          length += drawn[i] * drawn[i];
        }
      for (size_t i = 0; i < count; i++)
        direction[i] = at[i] + STEP * drawn[i];
      ahead = function (loss, direction);
      for (size_t i = 0; i < count; i++)
        direction[i] = at[i] - STEP * drawn[i];
      behind = function (loss, direction);
      check_number (checker, "slope along a direction", slope, scale * (ahead - behind) / (2 * STEP),
                    ALLOWED_GRADIENT * (sqrt (norm * length) + 1e-3 * scale), why_gradient);
    }
  free (drawn);
  free (values);
  free (at);
}

/* What was there plus the gradient, or the gradient alone. */
static void
take_away (Features *sum, const Features *before)
{
  for (size_t i = 0; i < sum->values.count; i++)
    sum->values.values[i] -= before->values.values[i];
}

void
check_train_cosine_error (Checker *checker)
{
  if (!trains (checker))
    return;
  const WctBackend *device = checker->devices[0];
  const double      scale = random_number (checker, 0.1, SCALE_MAX);
  const bool        add = random_integer (checker, 0, 1);
  Features          a = random_features (checker), b = features_new (a.count, a.shape), start, got;
  double            sum = NAN, again = NAN, *target;
  WctError          err;

  draw_features (checker, &b);
  start = features_new (a.count, a.shape);
  got = features_new (a.count, a.shape);
  buffer_fill (checker, &start.values, -0.01, 0.01);
  target = widened (&b);
  WctBatch *first = upload (checker, device, &a), *second = upload (checker, device, &b),
           *gradient = upload (checker, device, &start);
  const Loss loss = { .features = &a, .target = target };
  if (!checker->failed)
    {
      double *wide = widened (&a);

      check_status (
        checker,
        device->ops->training->cosine_error (device->ctx, first, second, (float)scale, add, gradient, &sum, &err),
        &err);
      check_status (
        checker,
        device->ops->training->cosine_error (device->ctx, first, second, (float)scale, add, NULL, &again, &err), &err);
      check_same_bits (checker, &again, &sum, sizeof sum, "cosine error without a gradient");
      check_number (checker, "cosine error", sum, cosine_loss (&loss, wide), ALLOWED_VALUE * a.count, why_value);
      download (checker, device, gradient, &got);
      if (add)
        take_away (&got, &start);
      if (a.shape.c > 1) /* of one channel the cosine is 1 or -1 */
        check_slopes (checker, &loss, cosine_loss, (float)scale, &got);
      free (wide);
    }
  free_batch (device, &gradient);
  free_batch (device, &second);
  free_batch (device, &first);
  free (target);
  buffer_free (&got.values);
  buffer_free (&start.values);
  buffer_free (&b.values);
  buffer_free (&a.values);
}

/* As the trainer puts it together: moments of the batch, their error, and its gradient by affine maps. */
void
check_train_moments_error (Checker *checker)
{
  if (!trains (checker))
    return;
  const WctBackend *device = checker->devices[0];
  const double      scale = random_number (checker, 0.1, SCALE_MAX);
  const double limit = random_integer (checker, 0, 3) == 0 ? 0.01 : 20; /* one covariances are beyond, and one not */
  Features   a = random_features (checker), b = features_new (a.count, a.shape), got = features_new (a.count, a.shape);
  Statistics of = statistics_new (checker, &a), wanted = statistics_new (checker, &a);
  double     error = 0, *target, *wide = widened (&a);
  WctError   err;

  draw_features (checker, &b);
  target = widened (&b);
  for (int32_t i = 0; i < a.count; i++)
    define_moments (target + (size_t)i * a.map, (size_t)a.shape.c, a.positions, wanted.moments[i]);
  WctBatch  *batch = upload (checker, device, &a), *gradient = upload (checker, device, &got);
  const Loss loss = { .features = &a, .wanted = &wanted, .limit = limit };
  if (!checker->failed)
    {
      check_status (checker, device->ops->training->batch_moments (device->ctx, batch, of.moments, &err), &err);
      for (int32_t i = 0; i < a.count; i++)
        error += wct_moments_error (of.moments[i], wanted.moments[i], limit, scale, of.maps[i]);
      check_number (checker, "error of moments", error, moments_loss (&loss, wide), ALLOWED_VALUE * (1 + error),
                    why_value);
      check_status (checker,
                    device->ops->training->batch_affine (device->ctx, batch, (const WctAffine *const *)of.maps, false,
                                                         gradient, &err),
                    &err);
      download (checker, device, gradient, &got);
      check_slopes (checker, &loss, moments_loss, scale, &got);
    }
  free_batch (device, &gradient);
  free_batch (device, &batch);
  free (wide);
  free (target);
  statistics_free (&wanted);
  statistics_free (&of);
  buffer_free (&got.values);
  buffer_free (&b.values);
  buffer_free (&a.values);
}

/* ---- What has no deviation ------------------------------------------------------------------------------------ */

/* Flat channels, flat maps, the same batch twice: numbers all the same. */
void
check_train_flat_features (Checker *checker)
{
  if (!trains (checker))
    return;
  const WctBackend *device = checker->devices[0];
  Features          a = random_features (checker), got = features_new (a.count, a.shape);
  const bool        whole = random_integer (checker, 0, 1), same = random_integer (checker, 0, 1);
  double            sum = NAN;
  WctError          err;

  for (size_t i = 0; i < (whole ? a.values.count : a.positions); i++)
    a.values.values[i] = 0.5f;
  WctBatch *first = upload (checker, device, &a);
  draw_features (checker, &got);
  WctBatch *second = upload (checker, device, &got), *gradient = upload (checker, device, &got);
  if (!checker->failed)
    {
      check_status (
        checker,
        device->ops->training->cosine_error (device->ctx, first, same ? first : second, 1, false, gradient, &sum, &err),
        &err);
      download (checker, device, gradient, &got);
      if (!isfinite (sum))
        fail_case (checker, "the error is %g", sum);
      for (size_t i = 0; i < got.values.count; i++)
        if (!isfinite (got.values.values[i]))
          fail_case (checker, "gradient of value %zu is %g", i, (double)got.values.values[i]);
      if (same && !whole && a.shape.c > 1)
        check_number (checker, "error of a batch against itself", sum, 0, ALLOWED_VALUE * a.count, why_value);
    }
  free_batch (device, &gradient);
  free_batch (device, &second);
  free_batch (device, &first);
  buffer_free (&got.values);
  buffer_free (&a.values);
}
