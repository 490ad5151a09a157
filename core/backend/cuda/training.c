/* The CUDA back end's table of training: batches and what is done value by value. Chains are in chain.c, what is done
 * with whole maps in training-features.c. */
#include "training-room.h"

#include "launch-training.h"
#include "mem.h"

/* Convolutions without an engine for an element run through our own kernels: any card takes any precision. */
static WctStatus
check_precision (void *ctx, WctPrecision precision, WctError *err)
{
  (void)ctx;
  (void)precision;
  (void)err;
  return WCT_OK;
}

/* ---- Batches ---------------------------------------------------------------------------------------------------- */

static float *
values_of (const WctBatch *batch)
{
  return ((const WctCudaBatch *)batch)->data;
}

/* Of all lanes; those beyond the channels are 0 and stay so. */
static size_t
count_values (const WctBatch *batch)
{
  const WctShape shape = batch->shape;

  return (size_t)batch->count * (size_t)shape.h * (size_t)shape.w * (size_t)wct_cuda_lanes (shape.c);
}

static WctPlanes
planes_of (const WctBatch *batch)
{
  return wct_cuda_dense_planes (batch->count, batch->shape);
}

static size_t
planar_bytes (const WctBatch *batch)
{
  return (size_t)batch->count * planes_of (batch).map_stride * sizeof (float);
}

/* Lanes make no batch more than eight times as large as its planes. */
static WctStatus
check_size (int32_t count, WctShape shape, WctError *err)
{
  size_t values = (size_t)count * sizeof (float) * WCT_CUDA_LANES;

  if (wct_size_mul (values, (size_t)shape.c, &values) && wct_size_mul (values, (size_t)shape.h, &values)
      && wct_size_mul (values, (size_t)shape.w, &values))
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_NO_MEMORY, "batch: %d maps of %dx%dx%d are more than can be addressed", count,
                        shape.c, shape.h, shape.w);
}

/* Where planes come and go is there from now on, too. */
static WctStatus
make_batch (WctCuda *cuda, WctCudaBatch *batch, WctError *err)
{
  const size_t bytes = count_values (&batch->base) * sizeof (float);
  WctRoomPlan  plan = { 0 };
  WctStatus    status;
  char        *room;

  WCT_TRY (wct_device_alloc (cuda->device, bytes, "batch", &batch->data, err));
  WCT_TRY (wct_device_clear (cuda->device, batch->data, bytes, err));
  wct_room_add (&plan, planar_bytes (&batch->base));
  WCT_TRY (wct_cuda_training_room (cuda, &plan, &room, err));

out:
  return status;
}

static WctStatus
batch_new (void *ctx, int32_t count, WctShape shape, WctBatch **out, WctError *err)
{
  WctCuda      *cuda = wct_cuda_begin (ctx);
  WctCudaBatch *batch = NULL;
  WctStatus     status;

  WCT_TRY (check_size (count, shape, err));
  WCT_TRY (wct_alloc (1, sizeof *batch, "batch", &batch, err));
  batch->base = (WctBatch){ count, shape };
  WCT_TRY (make_batch (cuda, batch, err));
  cuda->training.room_users++;
  *out = &batch->base;
  batch = NULL;

out:
  if (batch != NULL)
    wct_device_free (cuda->device, &batch->data);
  wct_free (&batch);
  return wct_cuda_end (cuda, status);
}

static void
batch_free (void *ctx, WctBatch **batch)
{
  WctCuda *cuda = wct_cuda_begin (ctx);

  if (*batch != NULL)
    {
      wct_device_free (cuda->device, &((WctCudaBatch *)*batch)->data);
      wct_free (batch);
      cuda->training.room_users--;
    }
  wct_cuda_end (cuda, WCT_OK);
}

static WctStatus
run_upload (WctCuda *cuda, const float *planar, WctBatch *out, WctError *err)
{
  const WctPlanes planes = planes_of (out);
  WctRoomPlan     plan = { 0 };
  WctStatus       status;
  char           *room;

  wct_room_add (&plan, planar_bytes (out));
  WCT_TRY (wct_cuda_training_room (cuda, &plan, &room, err));
  WCT_TRY (wct_device_upload (cuda->device, planar, planar_bytes (out), room, err));
  wct_launch_from_planes (wct_device_stream (cuda->device), &planes, (const float *)room, WCT_ELEMENT_F32,
                          values_of (out));

out:
  return status;
}

static WctStatus
batch_upload (void *ctx, const float *planar, WctBatch *out, WctError *err)
{
  WctCuda *cuda = wct_cuda_begin (ctx);

  return wct_cuda_end (cuda, run_upload (cuda, planar, out, err));
}

static WctStatus
run_download (WctCuda *cuda, const WctBatch *batch, float *planar, WctError *err)
{
  const WctPlanes planes = planes_of (batch);
  WctRoomPlan     plan = { 0 };
  WctStatus       status;
  char           *room;

  wct_room_add (&plan, planar_bytes (batch));
  WCT_TRY (wct_cuda_training_room (cuda, &plan, &room, err));
  wct_launch_to_planes (wct_device_stream (cuda->device), &planes, WCT_ELEMENT_F32, values_of (batch), (float *)room);
  WCT_TRY (wct_device_download (cuda->device, room, planar_bytes (batch), planar, err));

out:
  return status;
}

static WctStatus
batch_download (void *ctx, const WctBatch *batch, float *planar, WctError *err)
{
  WctCuda *cuda = wct_cuda_begin (ctx);

  return wct_cuda_end (cuda, run_download (cuda, batch, planar, err));
}

/* ---- Losses ----------------------------------------------------------------------------------------------------- */

/* Where sums of @count values are made: partial sums, then the two that are wanted. */
typedef struct
{
  void   *scratch;
  double *sums;
} SumsRoom;

static WctStatus
make_sums_room (WctCuda *cuda, size_t count, SumsRoom *out, WctError *err)
{
  WctRoomPlan  plan = { 0 };
  const size_t sums = wct_room_add (&plan, 2 * sizeof (double)),
               scratch = wct_room_add (&plan, wct_sums_scratch (count));
  char     *room;
  WctStatus status;

  WCT_TRY (wct_cuda_training_room (cuda, &plan, &room, err));
  *out = (SumsRoom){ .scratch = room + scratch, .sums = (double *)(room + sums) };

out:
  return status;
}

static WctStatus
run_squared_error (WctCuda *cuda, const WctBatch *a, const WctBatch *b, float scale, bool add, WctBatch *gradient,
                   double *sum, WctError *err)
{
  const size_t count = count_values (a);
  double       sums[2];
  SumsRoom     room;
  WctStatus    status;

  WCT_TRY (make_sums_room (cuda, count, &room, err));
  wct_launch_squared_error (wct_device_stream (cuda->device), count, values_of (a), values_of (b), scale, add,
                            gradient == NULL ? NULL : values_of (gradient), room.scratch, room.sums);
  WCT_TRY (wct_device_download (cuda->device, room.sums, sizeof sums, sums, err));
  *sum = sums[0];

out:
  return status;
}

static WctStatus
squared_error (void *ctx, const WctBatch *a, const WctBatch *b, float scale, bool add, WctBatch *gradient, double *sum,
               WctError *err)
{
  WctCuda *cuda = wct_cuda_begin (ctx);

  return wct_cuda_end (cuda, run_squared_error (cuda, a, b, scale, add, gradient, sum, err));
}

static WctStatus
run_sums (WctCuda *cuda, const WctBatch *batch, double *sum, double *squares, WctError *err)
{
  const size_t count = count_values (batch);
  double       sums[2];
  SumsRoom     room;
  WctStatus    status;

  WCT_TRY (make_sums_room (cuda, count, &room, err));
  wct_launch_sums (wct_device_stream (cuda->device), count, values_of (batch), room.scratch, room.sums);
  WCT_TRY (wct_device_download (cuda->device, room.sums, sizeof sums, sums, err));
  *sum = sums[0];
  *squares = sums[1];

out:
  return status;
}

static WctStatus
sums (void *ctx, const WctBatch *batch, double *sum, double *squares, WctError *err)
{
  WctCuda *cuda = wct_cuda_begin (ctx);

  return wct_cuda_end (cuda, run_sums (cuda, batch, sum, squares, err));
}

static WctStatus
accumulate (void *ctx, const WctBatch *from, WctBatch *to, WctError *err)
{
  WctCuda *cuda = wct_cuda_begin (ctx);

  (void)err;
  wct_launch_accumulate (wct_device_stream (cuda->device), count_values (from), values_of (from), values_of (to));
  return wct_cuda_end (cuda, WCT_OK);
}

/* ---- Parameters ------------------------------------------------------------------------------------------------- */

static WctStatus
run_sum_lanes (WctCuda *cuda, const float *lane_gradients, int lanes, size_t stride, size_t count, float *out,
               WctError *err)
{
  const size_t read = (size_t)(lanes - 1) * stride + count;
  WctRoomPlan  plan = { 0 };
  const size_t from = wct_room_add (&plan, read * sizeof (float)), to = wct_room_add (&plan, count * sizeof (float));
  float       *gradients, *sum;
  char        *room;
  WctStatus    status;

  WCT_TRY (wct_cuda_training_room (cuda, &plan, &room, err));
  WCT_TRY (wct_cuda_reach (cuda, lane_gradients, read, (float *)(room + from), &gradients, err));
  WCT_TRY (wct_cuda_reach (cuda, out, count, (float *)(room + to), &sum, err));
  wct_launch_sum_lanes (wct_device_stream (cuda->device), gradients, lanes, stride, count, sum);
  WCT_TRY (wct_cuda_settle (cuda, sum, count, out, err));

out:
  return status;
}

static WctStatus
sum_lanes (void *ctx, const float *lane_gradients, int lanes, size_t stride, size_t count, float *out, WctError *err)
{
  WctCuda *cuda = wct_cuda_begin (ctx);

  return wct_cuda_end (cuda,
                       count == 0 ? WCT_OK : run_sum_lanes (cuda, lane_gradients, lanes, stride, count, out, err));
}

static WctStatus
run_norm (WctCuda *cuda, const float *values, size_t count, double *squares, WctError *err)
{
  WctRoomPlan  plan = { 0 };
  const size_t staging = wct_room_add (&plan, count * sizeof (float)), sums = wct_room_add (&plan, 2 * sizeof (double));
  const size_t scratch = wct_room_add (&plan, wct_sums_scratch (count));
  double       both[2];
  float       *reached;
  char        *room;
  WctStatus    status;

  WCT_TRY (wct_cuda_training_room (cuda, &plan, &room, err));
  WCT_TRY (wct_cuda_reach (cuda, values, count, (float *)(room + staging), &reached, err));
  wct_launch_sums (wct_device_stream (cuda->device), count, reached, room + scratch, (double *)(room + sums));
  WCT_TRY (wct_device_download (cuda->device, room + sums, sizeof both, both, err));
  *squares = both[1];

out:
  return status;
}

static WctStatus
norm (void *ctx, const float *values, size_t count, double *squares, WctError *err)
{
  WctCuda *cuda = wct_cuda_begin (ctx);

  *squares = 0;
  return wct_cuda_end (cuda, count == 0 ? WCT_OK : run_norm (cuda, values, count, squares, err));
}

/* ---- The optimizer ---------------------------------------------------------------------------------------------- */

#define ADAM_ARRAYS 5

/* @arrays: gradient, parameters, moments, average; all but the first are written, the last may be NULL */
static WctStatus
run_adam (WctCuda *cuda, const WctAdamStep *step, float *const arrays[ADAM_ARRAYS], size_t count, WctError *err)
{
  const int   array_count = arrays[ADAM_ARRAYS - 1] == NULL ? ADAM_ARRAYS - 1 : ADAM_ARRAYS;
  float      *reached[ADAM_ARRAYS] = { NULL };
  size_t      staging[ADAM_ARRAYS];
  WctRoomPlan plan = { 0 };
  char       *room;
  WctStatus   status;

  for (int i = 0; i < array_count; i++)
    staging[i] = wct_room_add (&plan, wct_cuda_is_shared (cuda, arrays[i]) ? 0 : count * sizeof (float));
  WCT_TRY (wct_cuda_training_room (cuda, &plan, &room, err));
  for (int i = 0; i < array_count; i++)
    WCT_TRY (wct_cuda_reach (cuda, arrays[i], count, (float *)(room + staging[i]), &reached[i], err));
  wct_launch_adam (wct_device_stream (cuda->device), step, reached[0], reached[1], reached[2], reached[3], count,
                   reached[4]);
  for (int i = 1; i < array_count; i++)
    WCT_TRY (wct_cuda_settle (cuda, reached[i], count, arrays[i], err));

out:
  return status;
}

static WctStatus
adam (void *ctx, const WctAdamStep *step, const float *gradient, float *parameters, float *first, float *second,
      size_t count, float *average, WctError *err)
{
  WctCuda     *cuda = wct_cuda_begin (ctx);
  float *const arrays[ADAM_ARRAYS] = { (float *)gradient, parameters, first, second, average };

  return wct_cuda_end (cuda, count == 0 ? WCT_OK : run_adam (cuda, step, arrays, count, err));
}

const WctTrainingOps wct_cuda_training = {
  .check_precision = check_precision,
  .batch_new = batch_new,
  .batch_free = batch_free,
  .batch_upload = batch_upload,
  .batch_download = batch_download,
  .packing_new = wct_cuda_packing_new,
  .packing_free = wct_cuda_packing_free,
  .pack = wct_cuda_pack,
  .chain_new = wct_cuda_chain_new,
  .chain_free = wct_cuda_chain_free,
  .chain_bytes = wct_cuda_chain_bytes,
  .forward = wct_cuda_chain_forward,
  .backward = wct_cuda_chain_backward,
  .squared_error = squared_error,
  .sums = sums,
  .batch_moments = wct_cuda_batch_moments,
  .batch_affine = wct_cuda_batch_affine,
  .cosine_error = wct_cuda_cosine_error,
  .accumulate = accumulate,
  .memory_new = wct_cuda_memory_new,
  .memory_free = wct_cuda_memory_free,
  .memory_clear = wct_cuda_memory_clear,
  .sum_lanes = sum_lanes,
  .norm = norm,
  .adam = adam,
};
