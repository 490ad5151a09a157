/* Moments of features and affine maps of them, on the device. */
#include "cuda.h"

#include <string.h>

#include "launch.h"
#include "mem.h"

static WctMomentsShape
shape_of (const WctCudaBand *band)
{
  return (WctMomentsShape){ .element = band->element,
                            .channels = band->shape.c,
                            .lanes = wct_cuda_lanes (band->shape.c),
                            .positions = (size_t)band->rows * (size_t)band->shape.w };
}

/* ---- Moments -------------------------------------------------------------------------------------------------- */

/* What the device measures of a band: weight, mean, and sums of products about that mean. */
static size_t
measured_doubles (int32_t channels)
{
  return 1 + (size_t)channels + (size_t)channels * (size_t)channels;
}

/* Puts two parts' moments together (Chan, Golub and LeVeque 1983): products move to the common mean. */
static void
add_part (const double *part, WctMoments *out)
{
  const size_t  channels = (size_t)out->channels;
  const double  weight = part[0], whole = out->weight + weight, freedom = out->weight > 1 ? out->weight - 1 : 0;
  const double *mean = part + 1, *products = mean + channels;
  const double  next = whole > 1 ? whole - 1 : 0;

  if (weight <= 0)
    return;
  for (size_t i = 0; i < channels; i++)
    for (size_t k = 0; k < channels; k++)
      {
        const double apart = (mean[i] - out->mean[i]) * (mean[k] - out->mean[k]) * out->weight * weight / whole;
        double      *value = &out->covariance[i * channels + k];

        *value = next > 0 ? (*value * freedom + products[i * channels + k] + apart) / next : 0;
      }
  for (size_t i = 0; i < channels; i++)
    out->mean[i] += (mean[i] - out->mean[i]) * (weight / whole);
  out->weight = whole;
}

void
wct_cuda_forget_moments (WctMoments *moments)
{
  const size_t channels = (size_t)moments->channels;

  moments->weight = 0;
  memset (moments->mean, 0, channels * sizeof (double));
  memset (moments->covariance, 0, channels * channels * sizeof (double));
}

WctStatus
wct_cuda_measure (WctCuda *cuda, const WctCudaBand *band, const float *weights, WctMoments *out, WctError *err)
{
  const WctMomentsShape shape = shape_of (band);
  const size_t          bytes = measured_doubles (shape.channels) * sizeof (double);
  double               *part = NULL, *measured;
  void                 *scratch;
  WctStatus             status;

  WCT_TRY (wct_alloc (bytes, 1, "moments", &part, err));
  WCT_TRY (wct_cuda_room (cuda, WCT_ROOM_MOMENTS, wct_moments_scratch (&shape), &scratch, err));
  WCT_TRY (wct_cuda_room (cuda, WCT_ROOM_MEASURED, bytes, &measured, err));
  wct_launch_moments (wct_device_stream (cuda->device), &shape, band->data, weights, scratch, measured);
  WCT_TRY (wct_device_download (cuda->device, measured, bytes, part, err));
  add_part (part, out);

out:
  wct_free (&part);
  return status;
}

void
wct_cuda_measure_need (const WctCuda *cuda, int32_t channels, size_t positions, WctCudaNeed *need)
{
  const WctMomentsShape shape = { cuda->element, channels, wct_cuda_lanes (channels), positions };

  wct_cuda_need (need, WCT_ROOM_MOMENTS, wct_moments_scratch (&shape));
  wct_cuda_need (need, WCT_ROOM_MEASURED, measured_doubles (channels) * sizeof (double));
}

/* ---- Maps ----------------------------------------------------------------------------------------------------- */

/* Positions that are mapped at a time, so that their floats take no more room than this. */
#define MAPPED_FLOATS ((size_t)64 << 20)

size_t
wct_cuda_affine_floats (int32_t channels)
{
  return (size_t)channels * (size_t)channels + 2 * (size_t)channels;
}

static size_t
mapped_at_a_time (int32_t channels, size_t positions)
{
  const size_t most = MAPPED_FLOATS / (size_t)channels;

  return positions < most ? positions : most;
}

void
wct_cuda_map_need (int32_t channels, size_t positions, WctCudaNeed *need)
{
  const size_t floats = mapped_at_a_time (channels, positions) * (size_t)channels;

  wct_cuda_need (need, WCT_ROOM_AFFINE, wct_cuda_affine_floats (channels) * sizeof (float));
  wct_cuda_need (need, WCT_ROOM_CENTERED, floats * sizeof (float));
  wct_cuda_need (need, WCT_ROOM_PRODUCTS, floats * sizeof (float));
}

/* The center is rounded to float; the bias makes up for that. */
void
wct_cuda_affine_write (const WctAffine *affine, float *out)
{
  const size_t channels = (size_t)affine->channels, square = channels * channels;
  float       *center = out + square, *bias = center + channels;

  for (size_t i = 0; i < square; i++)
    out[i] = (float)affine->matrix[i];
  for (size_t i = 0; i < channels; i++)
    center[i] = (float)affine->center[i];
  for (size_t i = 0; i < channels; i++)
    {
      double sum = affine->bias[i];

      for (size_t k = 0; k < channels; k++)
        sum += affine->matrix[i * channels + k] * ((double)center[k] - affine->center[k]);
      bias[i] = (float)sum;
    }
}

static WctStatus
upload_affine (WctCuda *cuda, const WctAffine *affine, WctError *err)
{
  const size_t bytes = wct_cuda_affine_floats (affine->channels) * sizeof (float);
  float       *values = NULL, *to;
  WctStatus    status;

  WCT_TRY (wct_alloc (bytes, 1, "transform", &values, err));
  WCT_TRY (wct_cuda_room (cuda, WCT_ROOM_AFFINE, bytes, &to, err));
  wct_cuda_affine_write (affine, values);
  WCT_TRY (wct_device_upload (cuda->device, values, bytes, to, err));

out:
  wct_free (&values);
  return status;
}

/* @first, @positions: of the band's. */
static WctStatus
map_positions (WctCuda *cuda, const WctCudaBand *in, const float *weights, const WctCudaBand *out, size_t first,
               size_t positions, WctError *err)
{
  WctMomentsShape shape = shape_of (in);
  void           *stream = wct_device_stream (cuda->device);
  const size_t    square = (size_t)shape.channels * (size_t)shape.channels;
  const size_t    offset = first * (size_t)shape.lanes * wct_element_size (in->element);
  const float *matrix = cuda->rooms[WCT_ROOM_AFFINE].block, *center = matrix + square, *bias = center + shape.channels;
  WctStatus    status;

  shape.positions = positions;
  wct_launch_center (stream, &shape, (const char *)in->data + offset, center, cuda->rooms[WCT_ROOM_CENTERED].block);
  WCT_TRY (wct_device_multiply (cuda->device, (int32_t)positions, shape.channels, shape.channels,
                                cuda->rooms[WCT_ROOM_CENTERED].block, matrix, cuda->rooms[WCT_ROOM_PRODUCTS].block,
                                err));
  wct_launch_mix (stream, &shape, cuda->rooms[WCT_ROOM_PRODUCTS].block, bias, weights == NULL ? NULL : weights + first,
                  (const char *)in->data + offset, (char *)out->data + offset);

out:
  return status;
}

WctStatus
wct_cuda_map (WctCuda *cuda, const WctCudaBand *in, const float *weights, const WctAffine *affine,
              const WctCudaBand *out, WctError *err)
{
  const size_t all = (size_t)in->rows * (size_t)in->shape.w, most = mapped_at_a_time (in->shape.c, all);
  WctCudaNeed  need = { { 0 } };
  WctStatus    status;

  wct_cuda_map_need (in->shape.c, all, &need);
  WCT_TRY (wct_cuda_reserve (cuda, &need, err));
  WCT_TRY (upload_affine (cuda, affine, err));
  for (size_t first = 0; first < all; first += most)
    WCT_TRY (map_positions (cuda, in, weights, out, first, all - first < most ? all - first : most, err));

out:
  return status;
}
