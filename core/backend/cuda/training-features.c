/* What training does with whole feature maps: moments, affine maps, and how differently two are laid out. */
#include "training-room.h"

#include <string.h>

#include "launch-training.h"
#include "mem.h"

static float *
values_of (const WctBatch *batch)
{
  return ((const WctCudaBatch *)batch)->data;
}

static WctMomentsShape
shape_of_map (const WctBatch *batch)
{
  return (WctMomentsShape){ .element = WCT_ELEMENT_F32,
                            .channels = batch->shape.c,
                            .lanes = wct_cuda_lanes (batch->shape.c),
                            .positions = (size_t)batch->shape.h * (size_t)batch->shape.w };
}

static size_t
count_map (const WctMomentsShape *shape)
{
  return shape->positions * (size_t)shape->lanes;
}

/* ---- Moments ---------------------------------------------------------------------------------------------------- */

/* What wct_launch_moments gives: the positions' number, the mean, sums of products. */
static void
read_moments (const double *sums, WctMoments *out)
{
  const size_t channels = (size_t)out->channels;

  out->weight = sums[0];
  memcpy (out->mean, sums + 1, channels * sizeof *out->mean);
  for (size_t i = 0; i < channels * channels; i++)
    out->covariance[i] = out->weight > 1 ? sums[1 + channels + i] / (out->weight - 1) : 0;
}

/* @sums: (count, doubles of one map), of the host */
static WctStatus
measure_maps (WctCuda *cuda, const WctBatch *features, size_t doubles, double *sums, WctError *err)
{
  const WctMomentsShape shape = shape_of_map (features);
  const size_t          count = (size_t)features->count;
  WctRoomPlan           plan = { 0 };
  const size_t          out = wct_room_add (&plan, count * doubles * sizeof (double));
  const size_t          scratch = wct_room_add (&plan, wct_moments_scratch (&shape));
  char                 *room;
  WctStatus             status;

  WCT_TRY (wct_cuda_training_room (cuda, &plan, &room, err));
  for (size_t map = 0; map < count; map++)
    wct_launch_moments (wct_device_stream (cuda->device), &shape, values_of (features) + map * count_map (&shape), NULL,
                        room + scratch, (double *)(room + out) + map * doubles);
  WCT_TRY (wct_device_download (cuda->device, room + out, count * doubles * sizeof (double), sums, err));

out:
  return status;
}

WctStatus
wct_cuda_batch_moments (void *ctx, const WctBatch *features, WctMoments *const *out, WctError *err)
{
  const size_t channels = (size_t)features->shape.c, doubles = 1 + channels + channels * channels;
  WctCuda     *cuda = wct_cuda_begin (ctx);
  double      *sums = NULL;
  WctStatus    status;

  WCT_TRY (wct_alloc ((size_t)features->count * doubles, sizeof *sums, "moments", &sums, err));
  WCT_TRY (measure_maps (cuda, features, doubles, sums, err));
  for (int32_t map = 0; map < features->count; map++)
    read_moments (sums + (size_t)map * doubles, out[map]);

out:
  wct_free (&sums);
  return wct_cuda_end (cuda, status);
}

/* ---- Affine maps ------------------------------------------------------------------------------------------------ */

/* Where it is done; of the device. */
typedef struct
{
  float *affine;   /* (count, wct_cuda_affine_floats) */
  float *centered; /* (positions, channels) */
  float *mapped;   /* likewise */
  float *added;    /* (positions, lanes), where the result is added */
} AffineRoom;

static WctStatus
make_affine_room (WctCuda *cuda, const WctMomentsShape *shape, size_t affine_floats, bool add, AffineRoom *out,
                  WctError *err)
{
  const size_t dense = shape->positions * (size_t)shape->channels * sizeof (float);
  WctRoomPlan  plan = { 0 };
  const size_t affine = wct_room_add (&plan, affine_floats * sizeof (float)), centered = wct_room_add (&plan, dense);
  const size_t mapped = wct_room_add (&plan, dense);
  const size_t added = wct_room_add (&plan, add ? count_map (shape) * sizeof (float) : 0);
  char        *room;
  WctStatus    status;

  WCT_TRY (wct_cuda_training_room (cuda, &plan, &room, err));
  *out = (AffineRoom){ (float *)(room + affine), (float *)(room + centered), (float *)(room + mapped),
                       (float *)(room + added) };

out:
  return status;
}

/* @affine: of this map, on the device */
static WctStatus
map_features (WctCuda *cuda, const WctMomentsShape *shape, const AffineRoom *room, const float *affine, const float *in,
              bool add, float *out, WctError *err)
{
  const size_t channels = (size_t)shape->channels;
  const float *center = affine + channels * channels, *bias = center + channels;
  void        *stream = wct_device_stream (cuda->device);
  WctStatus    status;

  wct_launch_center (stream, shape, in, center, room->centered);
  WCT_TRY (wct_device_multiply (cuda->device, (int32_t)shape->positions, shape->channels, shape->channels,
                                room->centered, affine, room->mapped, err));
  wct_launch_mix (stream, shape, room->mapped, bias, NULL, in, add ? room->added : out);
  if (add)
    wct_launch_accumulate (stream, count_map (shape), room->added, out);

out:
  return status;
}

/* @affine: of all maps, on the host */
static WctStatus
map_batch (WctCuda *cuda, const WctBatch *in, const float *affine, bool add, WctBatch *out, WctError *err)
{
  const WctMomentsShape shape = shape_of_map (in);
  const size_t          floats = wct_cuda_affine_floats (shape.channels), count = (size_t)in->count;
  AffineRoom            room;
  WctStatus             status;

  WCT_TRY (make_affine_room (cuda, &shape, count * floats, add, &room, err));
  WCT_TRY (wct_device_upload (cuda->device, affine, count * floats * sizeof (float), room.affine, err));
  for (size_t map = 0; map < count; map++)
    WCT_TRY (map_features (cuda, &shape, &room, room.affine + map * floats, values_of (in) + map * count_map (&shape),
                           add, values_of (out) + map * count_map (&shape), err));

out:
  return status;
}

WctStatus
wct_cuda_batch_affine (void *ctx, const WctBatch *in, const WctAffine *const *maps, bool add, WctBatch *out,
                       WctError *err)
{
  const size_t floats = wct_cuda_affine_floats (in->shape.c);
  WctCuda     *cuda = wct_cuda_begin (ctx);
  float       *affine = NULL;
  WctStatus    status;

  WCT_TRY (wct_alloc ((size_t)in->count * floats, sizeof *affine, "affine maps of features", &affine, err));
  for (int32_t map = 0; map < in->count; map++)
    wct_cuda_affine_write (maps[map], affine + (size_t)map * floats);
  WCT_TRY (map_batch (cuda, in, affine, add, out, err));

out:
  wct_free (&affine);
  return wct_cuda_end (cuda, status);
}

/* ---- Cosines ---------------------------------------------------------------------------------------------------- */

/* @cosines: (count, 2), of the host; the first of each is the sum over its positions */
static WctStatus
measure_cosines (WctCuda *cuda, const WctCosineShape *shape, const WctBatch *a, const WctBatch *b, WctBatch *gradient,
                 double *cosines, WctError *err)
{
  const size_t bytes = 2 * (size_t)shape->count * sizeof *cosines;
  WctRoomPlan  plan = { 0 };
  const size_t out = wct_room_add (&plan, bytes), scratch = wct_room_add (&plan, wct_cosine_scratch (shape));
  char        *room;
  WctStatus    status;

  WCT_TRY (wct_cuda_training_room (cuda, &plan, &room, err));
  wct_launch_cosine (wct_device_stream (cuda->device), shape, values_of (a), values_of (b),
                     gradient == NULL ? NULL : values_of (gradient), room + scratch, (double *)(room + out));
  WCT_TRY (wct_device_download (cuda->device, room + out, bytes, cosines, err));

out:
  return status;
}

WctStatus
wct_cuda_cosine_error (void *ctx, const WctBatch *a, const WctBatch *b, float scale, bool add, WctBatch *gradient,
                       double *sum, WctError *err)
{
  const WctCosineShape shape = { .count = a->count,
                                 .channels = a->shape.c,
                                 .lanes = wct_cuda_lanes (a->shape.c),
                                 .positions = (size_t)a->shape.h * (size_t)a->shape.w,
                                 .scale = scale,
                                 .add = add };
  WctCuda             *cuda = wct_cuda_begin (ctx);
  double              *cosines = NULL;
  WctStatus            status;

  WCT_TRY (wct_alloc (2 * (size_t)a->count, sizeof *cosines, "cosines", &cosines, err));
  WCT_TRY (measure_cosines (cuda, &shape, a, b, gradient, cosines, err));
  *sum = 0;
  for (int32_t map = 0; map < a->count; map++)
    *sum += 1 - cosines[2 * map] / (double)shape.positions;

out:
  wct_free (&cosines);
  return wct_cuda_end (cuda, status);
}
