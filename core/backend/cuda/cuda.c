/* The CUDA back end: our own kernels for what is between convolutions, cuDNN for these. */
#include "cuda.h"

#include <stdlib.h>
#include <string.h>

#include "launch.h"
#include "mem.h"

/* ---- The back end --------------------------------------------------------------------------------------------- */

static WctStatus
cuda_probe (char *detail, size_t size, WctError *err)
{
  return wct_device_probe (detail, size, err);
}

/* TF32 by default: nothing of lower precision goes into whitening, which amplifies what little there is. */
static WctStatus
choose_precision (WctCuda *cuda, WctError *err)
{
  const char *chosen = getenv ("WCT_CUDA_PRECISION");

  cuda->element = WCT_ELEMENT_F32;
  if (chosen == NULL || chosen[0] == '\0' || strcmp (chosen, "tf32") == 0)
    return WCT_OK;
  if (strcmp (chosen, "f32") == 0)
    cuda->exact = true;
  else if (strcmp (chosen, "f16") == 0)
    cuda->element = WCT_ELEMENT_F16;
  else
    return wct_error_set (err, WCT_ERR_ARGUMENT, "WCT_CUDA_PRECISION is f32, tf32 or f16, not '%.20s'", chosen);
  return WCT_OK;
}

static void
cuda_close (void **ctx)
{
  WctCuda *cuda = *ctx;

  if (cuda == NULL)
    return;

  if (cuda->device != NULL)
    {
      wct_cuda_release (cuda);
      wct_cuda_training_close (cuda);
    }
  wct_device_close (&cuda->device);
  wct_free (ctx);
}

static WctStatus
cuda_open (int *threads, void **ctx, WctError *err)
{
  WctCuda  *cuda = NULL;
  WctStatus status;

  *threads = 1;
  WCT_TRY (wct_alloc (1, sizeof *cuda, "CUDA back end", &cuda, err));
  WCT_TRY (choose_precision (cuda, err));
  WCT_TRY (wct_device_open (&cuda->device, err));
  wct_cuda_training_open (cuda);
  *ctx = cuda;
  cuda = NULL;

out:
  if (cuda != NULL)
    cuda_close (&(void *){ cuda });
  return status;
}

/* ---- Eigenvalues ---------------------------------------------------------------------------------------------- */

/* From here on the card is asked: on less, its many launches are expected to take longer than LAPACK (not measured). */
#define EIGEN_FROM 256

static WctStatus
cuda_eigen (void *ctx, int32_t n, double *a, double *values, WctError *err)
{
  if (n < EIGEN_FROM)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED, "%d rows are too few for the card", n);
  return wct_device_eigen (((WctCuda *)ctx)->device, n, a, values, err);
}

/* ---- Tensors -------------------------------------------------------------------------------------------------- */

static size_t
cuda_tensor_bytes (void *ctx, WctShape shape)
{
  return wct_cuda_map_bytes (((const WctCuda *)ctx)->element, shape);
}

static void
cuda_tensor_free (void *ctx, WctTensor **tensor)
{
  WctCuda       *cuda = ctx;
  WctCudaTensor *own = (WctCudaTensor *)*tensor;

  if (own == NULL)
    return;
  wct_device_free (cuda->device, &own->data);
  wct_free (tensor);
}

static WctStatus
cuda_tensor_new (void *ctx, WctShape shape, WctTensor **out, WctError *err)
{
  WctCuda       *cuda = ctx;
  WctCudaTensor *tensor = NULL;
  const size_t   bytes = cuda_tensor_bytes (ctx, shape);
  WctStatus      status;

  WCT_TRY (wct_alloc (1, sizeof *tensor, "feature map", &tensor, err));
  tensor->base.shape = shape;
  WCT_TRY (wct_cuda_alloc (cuda, bytes, "feature map", &tensor->data, err));
  WCT_TRY (wct_device_clear (cuda->device, tensor->data, bytes, err));
  *out = &tensor->base;
  tensor = NULL;

out:
  cuda_tensor_free (ctx, &(WctTensor *){ tensor == NULL ? NULL : &tensor->base });
  return status;
}

static size_t
dense_bytes (WctShape shape)
{
  return (size_t)shape.c * (size_t)shape.h * (size_t)shape.w * sizeof (float);
}

static WctStatus
cuda_upload (void *ctx, const float *planar, WctTensor *out, WctError *err)
{
  WctCuda        *cuda = ctx;
  const WctPlanes planes = wct_cuda_dense_planes (1, out->shape);
  const size_t    bytes = dense_bytes (out->shape);
  float          *values;
  WctStatus       status;

  WCT_TRY (wct_cuda_room (cuda, WCT_ROOM_PLANES, bytes, &values, err));
  WCT_TRY (wct_device_upload (cuda->device, planar, bytes, values, err));
  wct_launch_from_planes (wct_device_stream (cuda->device), &planes, values, cuda->element,
                          ((WctCudaTensor *)out)->data);

out:
  return status;
}

static WctStatus
cuda_download (void *ctx, const WctTensor *tensor, float *planar, WctError *err)
{
  WctCuda        *cuda = ctx;
  const WctPlanes planes = wct_cuda_dense_planes (1, tensor->shape);
  const size_t    bytes = dense_bytes (tensor->shape);
  float          *values;
  WctStatus       status;

  WCT_TRY (wct_cuda_room (cuda, WCT_ROOM_PLANES, bytes, &values, err));
  wct_launch_to_planes (wct_device_stream (cuda->device), &planes, cuda->element, ((const WctCudaTensor *)tensor)->data,
                        values);
  WCT_TRY (wct_device_download (cuda->device, values, bytes, planar, err));

out:
  return status;
}

/* ---- Moments and maps of whole tensors ------------------------------------------------------------------------ */

static WctCudaBand
whole_band (const WctCuda *cuda, const WctTensor *tensor)
{
  return (WctCudaBand){ cuda->element, tensor->shape, 0, tensor->shape.h, ((const WctCudaTensor *)tensor)->data };
}

/* @on_device: NULL where @weights is. */
static WctStatus
upload_weights (WctCuda *cuda, WctShape shape, const float *weights, const float **on_device, WctError *err)
{
  const size_t bytes = (size_t)shape.h * (size_t)shape.w * sizeof (float);
  float       *to = NULL;
  WctStatus    status = WCT_OK;

  if (weights != NULL)
    {
      WCT_TRY (wct_cuda_room (cuda, WCT_ROOM_WEIGHTS, bytes, &to, err));
      WCT_TRY (wct_device_upload (cuda->device, weights, bytes, to, err));
    }
  *on_device = to;

out:
  return status;
}

static WctStatus
cuda_moments (void *ctx, const WctTensor *features, const float *weights, WctMoments *out, WctMonitor *monitor,
              WctError *err)
{
  WctCuda          *cuda = ctx;
  const WctCudaBand band = whole_band (cuda, features);
  const float      *weighting;
  WctStatus         status;

  wct_cuda_forget_moments (out);
  WCT_TRY (upload_weights (cuda, features->shape, weights, &weighting, err));
  WCT_TRY (wct_cuda_measure (cuda, &band, weighting, out, err));
  if (!wct_monitor_advance (monitor, 0))
    WCT_TRY (wct_monitor_canceled (err));

out:
  return status;
}

static WctStatus
cuda_affine (void *ctx, const WctTensor *in, const float *weights, const WctAffine *affine, WctTensor *out,
             WctMonitor *monitor, WctError *err)
{
  WctCuda          *cuda = ctx;
  const WctCudaBand from = whole_band (cuda, in), to = whole_band (cuda, out);
  const float      *weighting;
  WctStatus         status;

  WCT_TRY (upload_weights (cuda, in->shape, weights, &weighting, err));
  WCT_TRY (wct_cuda_map (cuda, &from, weighting, affine, &to, err));
  if (!wct_monitor_advance (monitor, 0))
    WCT_TRY (wct_monitor_canceled (err));

out:
  return status;
}

const WctBackendOps wct_backend_cuda = {
  .name = "cuda",
  .training = &wct_cuda_training,
  .memory_of_its_own = true,
  .covariance_error = 34 * 0x1p-24, /* tiles of 32 products in float */
  .probe = cuda_probe,
  .open = cuda_open,
  .close = cuda_close,
  .tensor_new = cuda_tensor_new,
  .tensor_free = cuda_tensor_free,
  .tensor_bytes = cuda_tensor_bytes,
  .upload = cuda_upload,
  .download = cuda_download,
  .plan_new = wct_cuda_plan_new,
  .plan_free = wct_cuda_plan_free,
  .plan_memory = wct_cuda_plan_memory,
  .plan_scratch = wct_cuda_plan_scratch,
  .plan_run = wct_cuda_plan_run,
  .moments = cuda_moments,
  .affine = cuda_affine,
  .eigen = cuda_eigen,
  .pass_run = wct_cuda_pass_run,
  .pass_memory = wct_cuda_pass_memory,
  .kept_read = wct_cuda_kept_read,
  .kept_write = wct_cuda_kept_write,
};
