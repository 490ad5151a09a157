/* What training does with whole feature maps: moments, affine maps, and how differently two are laid out. */
#include "reference.h"

#include <math.h>
#include <string.h>

#include "mem.h"

/* One map of a batch, as what inference works on. The values stay the batch's. */
static WctReferenceTensor
map_of (const WctBatch *batch, int32_t index)
{
  const WctReferenceBatch *own = (const WctReferenceBatch *)batch;

  return (WctReferenceTensor){ .base = { batch->shape },
                               .data = own->data + (size_t)index * wct_reference_batch_values (1, batch->shape) };
}

WctStatus
wct_reference_batch_moments (void *ctx, const WctBatch *features, WctMoments *const *out, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int32_t i = 0; i < features->count && status == WCT_OK; i++)
    {
      const WctReferenceTensor map = map_of (features, i);

      status = wct_reference_moments (ctx, &map.base, NULL, out[i], NULL, err);
    }
  return status;
}

/* @room: the values of one map */
static WctStatus
add_mapped (void *ctx, const WctReferenceTensor *in, const WctAffine *affine, bool add, float *room,
            const WctReferenceTensor *out, WctError *err)
{
  const size_t       values = wct_reference_batch_values (1, in->base.shape);
  WctReferenceTensor mapped = { .base = in->base, .data = room };
  WctStatus          status;

  memcpy (room, in->data, values * sizeof (float));
  WCT_TRY (wct_reference_affine (ctx, &mapped.base, NULL, affine, &mapped.base, NULL, err));
  for (size_t i = 0; i < values; i++)
    out->data[i] = (add ? out->data[i] : 0) + room[i];

out:
  return status;
}

WctStatus
wct_reference_batch_affine (void *ctx, const WctBatch *in, const WctAffine *const *maps, bool add, WctBatch *out,
                            WctError *err)
{
  float    *room = NULL;
  WctStatus status;

  WCT_TRY (wct_alloc (wct_reference_batch_values (1, in->shape), sizeof *room, "affine maps of features", &room, err));
  for (int32_t i = 0; i < in->count; i++)
    {
      const WctReferenceTensor from = map_of (in, i), to = map_of (out, i);

      WCT_TRY (add_mapped (ctx, &from, maps[i], add, room, &to, err));
    }

out:
  wct_free (&room);
  return status;
}

/* ---- Cosines of standardized features ----------------------------------------------------------------------- */

/* A map less its channels' means over their deviations. */
typedef struct
{
  size_t  channels, positions;
  double *values;     /* owned; (channels, positions) */
  double *deviations; /* owned; (channels) */
} Standardized;

static void
clear_standardized (Standardized *standardized)
{
  wct_free (&standardized->values);
  wct_free (&standardized->deviations);
}

static double
standardize_channel (const float *in, size_t positions, double *out)
{
  double mean = 0, variance = 0, deviation;

  for (size_t i = 0; i < positions; i++)
    mean += in[i] / (double)positions;
  for (size_t i = 0; i < positions; i++)
    variance += (in[i] - mean) * (in[i] - mean) / (double)positions;
  deviation = sqrt (variance + WCT_COSINE_EPSILON);
  for (size_t i = 0; i < positions; i++)
    out[i] = (in[i] - mean) / deviation;
  return deviation;
}

static WctStatus
standardize (const WctReferenceTensor *map, Standardized *out, WctError *err)
{
  const WctShape shape = map->base.shape;
  WctStatus      status;

  out->channels = (size_t)shape.c;
  out->positions = (size_t)shape.h * (size_t)shape.w;
  WCT_TRY (wct_alloc (out->channels * out->positions, sizeof (double), "standardized features", &out->values, err));
  WCT_TRY (wct_alloc (out->channels, sizeof (double), "standardized features", &out->deviations, err));
  for (size_t c = 0; c < out->channels; c++)
    out->deviations[c] =
      standardize_channel (map->data + c * out->positions, out->positions, out->values + c * out->positions);

out:
  return status;
}

static double
dot_at (const Standardized *a, const Standardized *b, size_t position)
{
  double sum = 0;

  for (size_t c = 0; c < a->channels; c++)
    sum += a->values[c * a->positions + position] * b->values[c * b->positions + position];
  return sum;
}

/* 1 - the mean cosine. @gradient: NULL, or (channels, positions): its gradient at a~ */
static double
compare (const Standardized *a, const Standardized *b, double *gradient)
{
  const size_t positions = a->positions;
  double       mean = 0;

  for (size_t i = 0; i < positions; i++)
    {
      const double squares = dot_at (a, a, i), norms = sqrt (squares * dot_at (b, b, i));
      const double cosine = norms > 0 ? dot_at (a, b, i) / norms : 0;

      mean += cosine / (double)positions;
      for (size_t c = 0; c < a->channels && gradient != NULL; c++)
        {
          const size_t at = c * positions + i;

          gradient[at] = norms > 0 ? (cosine * a->values[at] / squares - b->values[at] / norms) / (double)positions : 0;
        }
    }
  return 1 - mean;
}

/* From the gradient at a~ to that at a: mean and deviation move with every value. */
static void
standardize_back (const Standardized *a, const double *gradient, float scale, bool add, float *out)
{
  const size_t positions = a->positions;

  for (size_t c = 0; c < a->channels; c++)
    {
      const double *values = a->values + c * positions, *at = gradient + c * positions;
      double        mean = 0, product = 0;

      for (size_t i = 0; i < positions; i++)
        {
          mean += at[i] / (double)positions;
          product += at[i] * values[i] / (double)positions;
        }
      for (size_t i = 0; i < positions; i++, out++)
        *out = (float)((add ? *out : 0) + scale * (at[i] - mean - values[i] * product) / a->deviations[c]);
    }
}

static WctStatus
compare_maps (const WctReferenceTensor *a, const WctReferenceTensor *b, float scale, bool add, float *gradient,
              double *error, WctError *err)
{
  Standardized first = { .values = NULL }, second = { .values = NULL };
  double      *at = NULL;
  WctStatus    status;

  WCT_TRY (standardize (a, &first, err));
  WCT_TRY (standardize (b, &second, err));
  if (gradient != NULL)
    WCT_TRY (wct_alloc (first.channels * first.positions, sizeof *at, "standardized features", &at, err));
  *error = compare (&first, &second, at);
  if (gradient != NULL)
    standardize_back (&first, at, scale, add, gradient);

out:
  wct_free (&at);
  clear_standardized (&second);
  clear_standardized (&first);
  return status;
}

WctStatus
wct_reference_cosine_error (void *ctx, const WctBatch *a, const WctBatch *b, float scale, bool add, WctBatch *gradient,
                            double *sum, WctError *err)
{
  WctStatus status = WCT_OK;

  (void)ctx;
  *sum = 0;
  for (int32_t i = 0; i < a->count && status == WCT_OK; i++)
    {
      const WctReferenceTensor first = map_of (a, i), second = map_of (b, i);
      double                   error = 0;

      status =
        compare_maps (&first, &second, scale, add, gradient == NULL ? NULL : map_of (gradient, i).data, &error, err);
      *sum += error;
    }
  return status;
}
