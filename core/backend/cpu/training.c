/* The cpu back end's table of training: batches and what is done element by element. Chains are in chain.c. */
#include "cpu.h"

#include <string.h>

#include "backend/host-training.h"
#include "mem.h"

int32_t
wct_cpu_batch_block (const WctCpu *cpu, int32_t channels)
{
  return channels <= WCT_THIN_BLOCK ? WCT_THIN_BLOCK : cpu->kernels->block;
}

size_t
wct_cpu_batch_floats (const WctCpu *cpu, WctShape shape, int32_t count)
{
  const size_t block = (size_t)wct_cpu_batch_block (cpu, shape.c), blocks = ((size_t)shape.c + block - 1) / block;
  const size_t floats = (size_t)count * blocks * block * (size_t)shape.h * (size_t)shape.w;

  return (floats + WCT_BLOCK_MAX - 1) / WCT_BLOCK_MAX * WCT_BLOCK_MAX;
}

static size_t
count_floats (const WctCpu *cpu, const WctCpuBatch *batch)
{
  return wct_cpu_batch_floats (cpu, batch->base.shape, batch->base.count);
}

static WctStatus
check_precision (void *ctx, WctPrecision precision, WctError *err)
{
  (void)ctx;
  if (precision == WCT_PRECISION_F16)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED,
                          "precision f16: processors train in f32 or bf16; f16 is for graphics cards");
  if (precision == WCT_PRECISION_BF16 && !wct_dnnl_has_bf16 ())
    return wct_error_set (err, WCT_ERR_UNSUPPORTED,
                          "precision bf16: this processor does not multiply bf16 (AVX512_BF16); train in f32");
  return WCT_OK;
}

static void
batch_free (void *ctx, WctBatch **batch)
{
  WctCpuBatch *own = (WctCpuBatch *)*batch;

  (void)ctx;
  if (own == NULL)
    return;
  wct_free (&own->data);
  wct_free (batch);
}

static WctStatus
batch_new (void *ctx, int32_t count, WctShape shape, WctBatch **out, WctError *err)
{
  const WctCpu *cpu = ctx;
  WctCpuBatch  *batch = NULL;
  WctStatus     status;

  WCT_TRY (wct_alloc (1, sizeof *batch, "batch", &batch, err));
  batch->base = (WctBatch){ count, shape };
  batch->block = wct_cpu_batch_block (cpu, shape.c);
  batch->blocks = (shape.c + batch->block - 1) / batch->block;
  WCT_TRY (wct_alloc (count_floats (cpu, batch), sizeof (float), "batch", &batch->data, err));
  *out = &batch->base;
  batch = NULL;

out:
  wct_free (&batch);
  return status;
}

/* The first value of a channel; the next ones are a block apart. */
static size_t
channel_offset (const WctCpuBatch *batch, int32_t map, int32_t c)
{
  const size_t plane = (size_t)map * (size_t)batch->blocks + (size_t)(c / batch->block);

  return plane * (size_t)batch->base.shape.h * (size_t)batch->base.shape.w * (size_t)batch->block
         + (size_t)(c % batch->block);
}

static WctStatus
batch_upload (void *ctx, const float *planar, WctBatch *out, WctError *err)
{
  WctCpuBatch *batch = (WctCpuBatch *)out;
  const size_t positions = (size_t)out->shape.h * (size_t)out->shape.w;

  (void)ctx;
  (void)err;
  for (int32_t map = 0; map < out->count; map++)
    for (int32_t c = 0; c < out->shape.c; c++)
      {
        float *to = batch->data + channel_offset (batch, map, c);

        for (size_t i = 0; i < positions; i++)
          to[i * (size_t)batch->block] = *planar++;
      }
  return WCT_OK;
}

static WctStatus
batch_download (void *ctx, const WctBatch *in, float *planar, WctError *err)
{
  const WctCpuBatch *batch = (const WctCpuBatch *)in;
  const size_t       positions = (size_t)in->shape.h * (size_t)in->shape.w;

  (void)ctx;
  (void)err;
  for (int32_t map = 0; map < in->count; map++)
    for (int32_t c = 0; c < in->shape.c; c++)
      {
        const float *from = batch->data + channel_offset (batch, map, c);

        for (size_t i = 0; i < positions; i++)
          *planar++ = from[i * (size_t)batch->block];
      }
  return WCT_OK;
}

/* Lanes beyond the channels are zero on both sides: they add nothing to the sums. */
static WctStatus
squared_error (void *ctx, const WctBatch *a, const WctBatch *b, float scale, bool add, WctBatch *gradient, double *sum,
               WctError *err)
{
  const WctCpu      *cpu = ctx;
  const WctCpuBatch *own = (const WctCpuBatch *)a;

  (void)err;
  *sum = cpu->kernels->training->squared_error (own->data, ((const WctCpuBatch *)b)->data, count_floats (cpu, own),
                                                scale, add, gradient == NULL ? NULL : ((WctCpuBatch *)gradient)->data);
  return WCT_OK;
}

static WctStatus
sums (void *ctx, const WctBatch *batch, double *sum, double *squares, WctError *err)
{
  const WctCpu      *cpu = ctx;
  const WctCpuBatch *own = (const WctCpuBatch *)batch;

  (void)err;
  *sum = *squares = 0;
  cpu->kernels->training->sums (own->data, count_floats (cpu, own), sum, squares);
  return WCT_OK;
}

static WctStatus
accumulate (void *ctx, const WctBatch *from, WctBatch *to, WctError *err)
{
  const WctCpu      *cpu = ctx;
  const WctCpuBatch *own = (const WctCpuBatch *)from;

  (void)err;
  cpu->kernels->training->accumulate (own->data, count_floats (cpu, own), ((WctCpuBatch *)to)->data);
  return WCT_OK;
}

/* ---- Parameters ---------------------------------------------------------------------------------------------- */

static WctStatus
adam (void *ctx, const WctAdamStep *step, const float *gradient, float *parameters, float *first, float *second,
      size_t count, float *average, WctError *err)
{
  const WctCpu *cpu = ctx;

  (void)err;
  cpu->kernels->training->adam (step, gradient, parameters, first, second, count);
  wct_host_follow (step, parameters, count, average);
  return WCT_OK;
}

const WctTrainingOps wct_cpu_training = {
  .check_precision = check_precision,
  .batch_new = batch_new,
  .batch_free = batch_free,
  .batch_upload = batch_upload,
  .batch_download = batch_download,
  .packing_new = wct_cpu_packing_new,
  .packing_free = wct_cpu_packing_free,
  .pack = wct_cpu_pack,
  .chain_new = wct_cpu_chain_new,
  .chain_free = wct_cpu_chain_free,
  .chain_bytes = wct_cpu_chain_bytes,
  .forward = wct_cpu_chain_forward,
  .backward = wct_cpu_chain_backward,
  .squared_error = squared_error,
  .sums = sums,
  .batch_moments = wct_cpu_batch_moments,
  .batch_affine = wct_cpu_batch_affine,
  .cosine_error = wct_cpu_cosine_error,
  .accumulate = accumulate,
  .memory_new = wct_host_memory_new,
  .memory_free = wct_host_memory_free,
  .memory_clear = wct_host_memory_clear,
  .sum_lanes = wct_host_sum_lanes,
  .norm = wct_host_norm,
  .adam = adam,
};
