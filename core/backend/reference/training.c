/* The reference back end's table of training: batches and what is done element by element. Chains are in
 * training-chain.c. */
#include "reference.h"

#include <math.h>
#include <string.h>

#include "backend/host-training.h"
#include "mem.h"

WctStatus
wct_reference_check_precision (void *ctx, WctPrecision precision, WctError *err)
{
  (void)ctx;
  if (precision == WCT_PRECISION_F32)
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_UNSUPPORTED,
                        "precision %s: the reference back end multiplies in f32 only; train in f32, or on the cpu back "
                        "end",
                        precision == WCT_PRECISION_BF16 ? "bf16" : "f16");
}

/* ---- Batches ------------------------------------------------------------------------------------------------- */

size_t
wct_reference_batch_values (int32_t count, WctShape shape)
{
  size_t values = (size_t)count;

  if (wct_size_mul (values, (size_t)shape.c, &values) && wct_size_mul (values, (size_t)shape.h, &values)
      && wct_size_mul (values, (size_t)shape.w, &values))
    return values;
  return SIZE_MAX;
}

static size_t
count_values (const WctBatch *batch)
{
  return wct_reference_batch_values (batch->count, batch->shape);
}

static const float *
values_of (const WctBatch *batch)
{
  return ((const WctReferenceBatch *)batch)->data;
}

static float *
values_to_write (WctBatch *batch)
{
  return ((WctReferenceBatch *)batch)->data;
}

static void
batch_free (void *ctx, WctBatch **batch)
{
  WctReferenceBatch *own = (WctReferenceBatch *)*batch;

  (void)ctx;
  if (own == NULL)
    return;
  wct_free (&own->data);
  wct_free (batch);
}

static WctStatus
batch_new (void *ctx, int32_t count, WctShape shape, WctBatch **out, WctError *err)
{
  WctReferenceBatch *batch = NULL;
  WctStatus          status;

  (void)ctx;
  WCT_TRY (wct_alloc (1, sizeof *batch, "batch", &batch, err));
  batch->base = (WctBatch){ count, shape };
  WCT_TRY (wct_alloc (count_values (&batch->base), sizeof (float), "batch", &batch->data, err));
  *out = &batch->base;
  batch = NULL;

out:
  wct_free (&batch);
  return status;
}

static WctStatus
batch_upload (void *ctx, const float *planar, WctBatch *out, WctError *err)
{
  (void)ctx;
  (void)err;
  memcpy (values_to_write (out), planar, count_values (out) * sizeof (float));
  return WCT_OK;
}

static WctStatus
batch_download (void *ctx, const WctBatch *batch, float *planar, WctError *err)
{
  (void)ctx;
  (void)err;
  memcpy (planar, values_of (batch), count_values (batch) * sizeof (float));
  return WCT_OK;
}

/* ---- Losses -------------------------------------------------------------------------------------------------- */

static WctStatus
squared_error (void *ctx, const WctBatch *a, const WctBatch *b, float scale, bool add, WctBatch *gradient, double *sum,
               WctError *err)
{
  const float *first = values_of (a), *second = values_of (b);
  float       *out = gradient != NULL ? values_to_write (gradient) : NULL;

  (void)ctx;
  (void)err;
  *sum = 0;
  for (size_t i = 0; i < count_values (a); i++)
    {
      const double difference = (double)first[i] - second[i];

      *sum += difference * difference;
      if (out != NULL)
        out[i] = (float)((add ? out[i] : 0) + 2.0 * scale * difference);
    }
  return WCT_OK;
}

static WctStatus
sums (void *ctx, const WctBatch *batch, double *sum, double *squares, WctError *err)
{
  const float *values = values_of (batch);

  (void)ctx;
  (void)err;
  *sum = *squares = 0;
  for (size_t i = 0; i < count_values (batch); i++)
    {
      *sum += values[i];
      *squares += (double)values[i] * values[i];
    }
  return WCT_OK;
}

static WctStatus
accumulate (void *ctx, const WctBatch *from, WctBatch *to, WctError *err)
{
  const float *added = values_of (from);
  float       *values = values_to_write (to);

  (void)ctx;
  (void)err;
  for (size_t i = 0; i < count_values (from); i++)
    values[i] += added[i];
  return WCT_OK;
}

/* ---- Parameters ---------------------------------------------------------------------------------------------- */

/* As PyTorch has it: epsilon is added to the root of the corrected second moment. */
static WctStatus
adam (void *ctx, const WctAdamStep *step, const float *gradient, float *parameters, float *first, float *second,
      size_t count, float *average, WctError *err)
{
  (void)ctx;
  (void)err;
  for (size_t i = 0; i < count; i++)
    {
      const double g = (double)gradient[i] * step->gradient_scale;

      first[i] = (float)(step->beta1 * (double)first[i] + (1.0 - step->beta1) * g);
      second[i] = (float)(step->beta2 * (double)second[i] + (1.0 - step->beta2) * g * g);
      parameters[i] =
        (float)(parameters[i]
                - step->rate * (first[i] / step->correction1) / (sqrt (second[i] / step->correction2) + step->epsilon));
    }
  wct_host_follow (step, parameters, count, average);
  return WCT_OK;
}

const WctTrainingOps wct_reference_training = {
  .check_precision = wct_reference_check_precision,
  .batch_new = batch_new,
  .batch_free = batch_free,
  .batch_upload = batch_upload,
  .batch_download = batch_download,
  .packing_new = wct_reference_packing_new,
  .packing_free = wct_reference_packing_free,
  .pack = wct_reference_pack,
  .chain_new = wct_reference_chain_new,
  .chain_free = wct_reference_chain_free,
  .chain_bytes = wct_reference_chain_bytes,
  .forward = wct_reference_chain_forward,
  .backward = wct_reference_chain_backward,
  .squared_error = squared_error,
  .sums = sums,
  .batch_moments = wct_reference_batch_moments,
  .batch_affine = wct_reference_batch_affine,
  .cosine_error = wct_reference_cosine_error,
  .accumulate = accumulate,
  .memory_new = wct_host_memory_new,
  .memory_free = wct_host_memory_free,
  .memory_clear = wct_host_memory_clear,
  .sum_lanes = wct_host_sum_lanes,
  .norm = wct_host_norm,
  .adam = adam,
};
