/* The reference back end: plain loops over dense planes, one thread. The definition of right, and what runs where there
 * is nothing faster. */
#include "reference.h"

#include <stdio.h>
#include <string.h>

#include "mem.h"

static WctStatus
reference_probe (char *detail, size_t size, WctError *err)
{
  (void)err;
  snprintf (detail, size, "plain loops, slow, the definition of right");
  return WCT_OK;
}

static WctStatus
reference_open (int *threads, void **ctx, WctError *err)
{
  *threads = 1;
  return wct_alloc (1, sizeof (WctReference), "reference back end", ctx, err);
}

static void
reference_close (void **ctx)
{
  WctReference *reference = *ctx;

  if (reference == NULL)
    return;
  wct_free (&reference->map[0]);
  wct_free (&reference->map[1]);
  wct_free (&reference->rows);
  wct_free (ctx);
}

static size_t
count_floats (WctShape shape)
{
  return (size_t)shape.c * (size_t)shape.h * (size_t)shape.w;
}

static size_t
reference_tensor_bytes (void *ctx, WctShape shape)
{
  (void)ctx;
  return count_floats (shape) * sizeof (float);
}

static void
reference_tensor_free (void *ctx, WctTensor **tensor)
{
  WctReferenceTensor *own = (WctReferenceTensor *)*tensor;

  (void)ctx;
  if (own == NULL)
    return;
  wct_free (&own->data);
  wct_free (tensor);
}

static WctStatus
reference_tensor_new (void *ctx, WctShape shape, WctTensor **out, WctError *err)
{
  WctReferenceTensor *tensor = NULL;
  WctStatus           status;

  (void)ctx;
  WCT_TRY (wct_alloc (1, sizeof *tensor, "feature map", &tensor, err));
  tensor->base.shape = shape;
  WCT_TRY (wct_alloc (count_floats (shape), sizeof (float), "feature map", &tensor->data, err));
  *out = &tensor->base;
  tensor = NULL;

out:
  wct_free (&tensor);
  return status;
}

static WctStatus
reference_upload (void *ctx, const float *planar, WctTensor *out, WctError *err)
{
  (void)ctx;
  (void)err;
  memcpy (((WctReferenceTensor *)out)->data, planar, count_floats (out->shape) * sizeof (float));
  return WCT_OK;
}

static WctStatus
reference_download (void *ctx, const WctTensor *tensor, float *planar, WctError *err)
{
  (void)ctx;
  (void)err;
  memcpy (planar, ((const WctReferenceTensor *)tensor)->data, count_floats (tensor->shape) * sizeof (float));
  return WCT_OK;
}

const WctBackendOps wct_backend_reference = {
  .name = "reference",
  .training = &wct_reference_training,
  .probe = reference_probe,
  .open = reference_open,
  .close = reference_close,
  .tensor_new = reference_tensor_new,
  .tensor_free = reference_tensor_free,
  .tensor_bytes = reference_tensor_bytes,
  .upload = reference_upload,
  .download = reference_download,
  .plan_new = wct_reference_plan_new,
  .plan_free = wct_reference_plan_free,
  .plan_memory = wct_reference_plan_memory,
  .plan_scratch = wct_reference_plan_scratch,
  .plan_run = wct_reference_plan_run,
  .moments = wct_reference_moments,
  .affine = wct_reference_affine,
};
