/* The cpu back end: convolutions by oneDNN, moments and maps by OpenBLAS, shared out to threads strip by strip. */
#include "cpu.h"

#include <stdio.h>
#include <string.h>

#include "mem.h"

static const WctKernels *
choose_kernels (void)
{
#if defined __x86_64__
  if (wct_dnnl_has_avx512 ())
    return &wct_kernels_avx512;
  if (wct_dnnl_has_avx2 ())
    return &wct_kernels_avx2;
#endif
  return &wct_kernels_base;
}

static WctStatus
cpu_probe (char *detail, size_t size, WctError *err)
{
  (void)err;
  snprintf (detail, size, "oneDNN %s, %s, %s", wct_dnnl_version (), choose_kernels ()->name, WCT_BLAS_NAME);
  return WCT_OK;
}

static void
cpu_close (void **ctx)
{
  WctCpu *cpu = *ctx;

  if (cpu == NULL)
    return;
  if (cpu->scratch.thread != NULL)
    for (int i = 0; i < wct_pool_threads (cpu->pool); i++)
      wct_free (&cpu->scratch.thread[i]);
  wct_free (&cpu->scratch.thread);
  wct_free (&cpu->scratch.rings);
  wct_dnnl_engine_free (&cpu->engine);
  wct_pool_free (&cpu->pool);
  wct_free (ctx);
}

static WctStatus
cpu_open (int *threads, void **ctx, WctError *err)
{
  WctCpu   *cpu = NULL;
  WctStatus status;

  WCT_TRY (wct_alloc (1, sizeof *cpu, "cpu back end", &cpu, err));
  cpu->kernels = choose_kernels ();
  WCT_TRY (wct_pool_new (*threads, &cpu->pool, err));
  WCT_TRY (wct_alloc ((size_t)*threads, sizeof *cpu->scratch.thread, "cpu back end", &cpu->scratch.thread, err));
  WCT_TRY (wct_dnnl_engine_new (&cpu->engine, err));
  *ctx = cpu;
  cpu = NULL;

out:
  if (cpu != NULL)
    cpu_close (&(void *){ cpu });
  return status;
}

/* ---- Scratch and packed weights ----------------------------------------------------------------------------- */

static WctStatus
grow (size_t size, size_t unit, const char *what, size_t *have, void *address_of_block, WctError *err)
{
  WctStatus status;

  if (size <= *have)
    return WCT_OK;
  wct_free (address_of_block);
  *have = 0;
  status = wct_alloc (size, unit, what, address_of_block, err);
  if (status == WCT_OK)
    *have = size;
  return status;
}

static WctStatus
grow_threads (WctCpu *cpu, size_t bytes, WctError *err)
{
  WctCpuScratch *scratch = &cpu->scratch;

  if (bytes <= scratch->thread_bytes)
    return WCT_OK;
  scratch->thread_bytes = 0; /* until all of them have it */
  for (int i = 0; i < wct_pool_threads (cpu->pool); i++)
    {
      size_t    none = 0;
      WctStatus status = grow (bytes, 1, "scratch of a thread", &none, &scratch->thread[i], err);

      if (status != WCT_OK)
        return status;
    }
  scratch->thread_bytes = bytes;
  return WCT_OK;
}

WctStatus
wct_cpu_scratch_reserve (WctCpu *cpu, size_t thread_bytes, size_t ring_floats, WctError *err)
{
  WctCpuScratch *scratch = &cpu->scratch;
  WctStatus      status = grow_threads (cpu, thread_bytes, err);

  return status != WCT_OK
           ? status
           : grow (ring_floats, sizeof (float), "feature maps", &scratch->ring_floats, &scratch->rings, err);
}

static void
free_entry (WctPackedWeights **entry)
{
  if (*entry == NULL)
    return;
  wct_dnnl_weights_free (&(*entry)->packed);
  wct_free (&(*entry)->bias);
  wct_free (entry);
}

/* (part.out_c, part.in_c, 9) in the corner of (out_c, in_c, 9) zeros. */
static WctStatus
fill_up_channels (const WctConvPart *part, const WctDnnlConvShape *shape, float **out, WctError *err)
{
  const size_t row = (size_t)part->in_c * 9, filled_row = (size_t)shape->in_c * 9;
  WctStatus    status = wct_alloc ((size_t)shape->out_c * filled_row, sizeof (float), part->name, out, err);

  for (size_t o = 0; status == WCT_OK && o < (size_t)part->out_c; o++)
    memcpy (*out + o * filled_row, part->weight + o * row, row * sizeof (float));
  return status;
}

static WctStatus
pack_part (const WctDnnlConv *conv, const WctConvPart *part, WctPackedWeights *entry, WctError *err)
{
  const WctDnnlConvShape *shape = wct_dnnl_conv_shape (conv);
  float                  *filled = NULL;
  WctStatus               status;

  WCT_TRY (wct_alloc ((size_t)shape->out_c, sizeof (float), part->name, &entry->bias, err));
  memcpy (entry->bias, part->bias, (size_t)part->out_c * sizeof (float));
  if (shape->in_c != part->in_c || shape->out_c != part->out_c)
    WCT_TRY (fill_up_channels (part, shape, &filled, err));
  WCT_TRY (wct_dnnl_weights_new (conv, filled != NULL ? filled : part->weight, &entry->packed, err));
  entry->weight = part->weight;

out:
  wct_free (&filled);
  return status;
}

WctStatus
wct_cpu_weights_take (WctCpu *cpu, const WctDnnlConv *conv, const WctConvPart *part, WctPackedWeights **out,
                      WctError *err)
{
  WctPackedWeights *entry = NULL;
  WctStatus         status;

  for (WctPackedWeights *known = cpu->weights; known != NULL; known = known->next)
    if (known->weight == part->weight && wct_dnnl_weights_fit (known->packed, conv))
      {
        known->users++;
        *out = known;
        return WCT_OK;
      }

  WCT_TRY (wct_alloc (1, sizeof *entry, part->name, &entry, err));
  WCT_TRY (pack_part (conv, part, entry, err));
  entry->users = 1;
  entry->next = cpu->weights;
  cpu->weights = entry;
  *out = entry;
  entry = NULL;

out:
  free_entry (&entry);
  return status;
}

void
wct_cpu_weights_give_back (WctCpu *cpu, WctPackedWeights **weights)
{
  WctPackedWeights *entry = *weights;

  *weights = NULL;
  if (entry == NULL || --entry->users > 0)
    return;
  for (WctPackedWeights **link = &cpu->weights; *link != NULL; link = &(*link)->next)
    if (*link == entry)
      {
        *link = entry->next;
        break;
      }
  free_entry (&entry);
}

/* ---- Tensors ------------------------------------------------------------------------------------------------ */

static WctMapLayout
layout_of (const WctCpu *cpu, WctShape shape)
{
  return wct_map_layout (shape, cpu->kernels->block);
}

static size_t
cpu_tensor_bytes (void *ctx, WctShape shape)
{
  const WctMapLayout layout = layout_of (ctx, shape);

  return wct_map_floats (&layout) * sizeof (float);
}

static void
cpu_tensor_free (void *ctx, WctTensor **tensor)
{
  WctCpuTensor *own = (WctCpuTensor *)*tensor;

  (void)ctx;
  if (own == NULL)
    return;
  wct_free (&own->map.data);
  wct_free (tensor);
}

static WctStatus
cpu_tensor_new (void *ctx, WctShape shape, WctTensor **out, WctError *err)
{
  WctCpuTensor *tensor = NULL;
  WctStatus     status;

  WCT_TRY (wct_alloc (1, sizeof *tensor, "feature map", &tensor, err));
  tensor->base.shape = shape;
  tensor->map.layout = layout_of (ctx, shape);
  WCT_TRY (wct_alloc (wct_map_floats (&tensor->map.layout), sizeof (float), "feature map", &tensor->map.data, err));
  *out = &tensor->base;
  tensor = NULL;

out:
  wct_free (&tensor);
  return status;
}

/* Calls for each row of each channel: where it lies planar, and where blocked (values are `block` apart). */
static WctStatus
cpu_upload (void *ctx, const float *planar, WctTensor *out, WctError *err)
{
  WctCpuTensor       *tensor = (WctCpuTensor *)out;
  const WctMapLayout *layout = &tensor->map.layout;
  const WctShape      shape = layout->shape;

  (void)ctx;
  (void)err;
  for (int32_t c = 0; c < shape.c; c++)
    for (int32_t y = 0; y < shape.h; y++)
      {
        const float *from = planar + ((size_t)c * (size_t)shape.h + (size_t)y) * (size_t)shape.w;
        float *to = tensor->map.data + (wct_map_row (layout, tensor->map.data, c / layout->block, y) - tensor->map.data)
                    + c % layout->block;

        for (int32_t x = 0; x < shape.w; x++)
          to[(size_t)x * (size_t)layout->block] = from[x];
      }
  return WCT_OK;
}

static WctStatus
cpu_download (void *ctx, const WctTensor *in, float *planar, WctError *err)
{
  const WctCpuTensor *tensor = (const WctCpuTensor *)in;
  const WctMapLayout *layout = &tensor->map.layout;
  const WctShape      shape = layout->shape;

  (void)ctx;
  (void)err;
  for (int32_t c = 0; c < shape.c; c++)
    for (int32_t y = 0; y < shape.h; y++)
      {
        const float *from = wct_map_row (layout, tensor->map.data, c / layout->block, y) + c % layout->block;
        float       *to = planar + ((size_t)c * (size_t)shape.h + (size_t)y) * (size_t)shape.w;

        for (int32_t x = 0; x < shape.w; x++)
          to[x] = from[(size_t)x * (size_t)layout->block];
      }
  return WCT_OK;
}

const WctBackendOps wct_backend_cpu = {
  .name = "cpu",
  .training = &wct_cpu_training,
  .probe = cpu_probe,
  .open = cpu_open,
  .close = cpu_close,
  .tensor_new = cpu_tensor_new,
  .tensor_free = cpu_tensor_free,
  .tensor_bytes = cpu_tensor_bytes,
  .upload = cpu_upload,
  .download = cpu_download,
  .plan_new = wct_cpu_plan_new,
  .plan_free = wct_cpu_plan_free,
  .plan_memory = wct_cpu_plan_memory,
  .plan_scratch = wct_cpu_plan_scratch,
  .plan_run = wct_cpu_plan_run,
  .moments = wct_cpu_moments,
  .affine = wct_cpu_affine,
  .pass_run = wct_cpu_pass_run,
  .pass_memory = wct_cpu_pass_memory,
  .kept_read = wct_cpu_kept_read,
  .kept_write = wct_cpu_kept_write,
};
