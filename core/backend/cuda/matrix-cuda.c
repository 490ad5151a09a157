/* Products by cuBLAS, eigen-decompositions by cuSOLVER. */
#include "device-cuda.h"

#include <math.h>
#include <string.h>

#include "mem.h"

/* cuBLAS counts by columns: to it, our rows are columns, and c = a b' is c' = b a'. */
WctStatus
wct_device_multiply (WctDevice *device, int32_t rows, int32_t columns, int32_t k, const float *a, const float *b,
                     float *c, WctError *err)
{
  const float one = 1.0f, zero = 0.0f;
  WctStatus   status;

  WCT_TRY (wct_cuda_enter (device, err));
  const cublasStatus_t code =
    cublasSgemm (device->cublas, CUBLAS_OP_T, CUBLAS_OP_N, columns, rows, k, &one, b, k, a, k, &zero, c, columns);
  if (code != CUBLAS_STATUS_SUCCESS)
    status = wct_error_set (err, WCT_ERR_DEVICE, "a product of matrices failed on the graphics card: %s",
                            cublasGetStatusString (code));

out:
  return status;
}

/* What cusolverDnXsyevd works in. */
typedef struct
{
  double *a, *values; /* (n, n), (n) */
  int    *failure;    /* 0 where all is well */
  void   *work;       /* on the card */
  void   *host;       /* by wct_alloc */
  double *vectors;    /* (n, n + 1), by wct_alloc: the result, until it is known to be good */
  size_t  work_bytes, host_bytes;
} Eigen;

static WctStatus
refuse_solver (cusolverStatus_t code, WctError *err)
{
  return wct_error_set (err, WCT_ERR_DEVICE, "cuSOLVER: an eigen-decomposition failed with status %d", (int)code);
}

static void
eigen_free (WctDevice *device, Eigen *eigen)
{
  wct_device_free (device, &eigen->a);
  wct_device_free (device, &eigen->values);
  wct_device_free (device, &eigen->failure);
  wct_device_free (device, &eigen->work);
  wct_free (&eigen->host);
  wct_free (&eigen->vectors);
}

static WctStatus
eigen_alloc (WctDevice *device, int32_t n, Eigen *eigen, WctError *err)
{
  static const char what[] = "eigen-decomposition";
  const size_t      side = (size_t)n;
  WctStatus         status;

  WCT_TRY (wct_device_alloc (device, side * side * sizeof (double), what, &eigen->a, err));
  WCT_TRY (wct_device_alloc (device, side * sizeof (double), what, &eigen->values, err));
  WCT_TRY (wct_device_alloc (device, sizeof (int), what, &eigen->failure, err));
  WCT_TRY (wct_alloc (side * (side + 1), sizeof (double), what, &eigen->vectors, err));

  const cusolverStatus_t code = cusolverDnXsyevd_bufferSize (
    device->cusolver, device->cusolver_params, CUSOLVER_EIG_MODE_VECTOR, CUBLAS_FILL_MODE_LOWER, n, CUDA_R_64F,
    eigen->a, n, CUDA_R_64F, eigen->values, CUDA_R_64F, &eigen->work_bytes, &eigen->host_bytes);
  if (code != CUSOLVER_STATUS_SUCCESS)
    return refuse_solver (code, err);
  WCT_TRY (wct_device_alloc (device, eigen->work_bytes, what, &eigen->work, err));
  WCT_TRY (wct_alloc (eigen->host_bytes, 1, what, &eigen->host, err));

out:
  return status;
}

/* The vectors are columns to cuSOLVER, and so rows to us. */
static WctStatus
eigen_solve (WctDevice *device, int32_t n, Eigen *eigen, WctError *err)
{
  const size_t side = (size_t)n;
  int          failure = 0;
  WctStatus    status = WCT_OK;

  const cusolverStatus_t code =
    cusolverDnXsyevd (device->cusolver, device->cusolver_params, CUSOLVER_EIG_MODE_VECTOR, CUBLAS_FILL_MODE_LOWER, n,
                      CUDA_R_64F, eigen->a, n, CUDA_R_64F, eigen->values, CUDA_R_64F, eigen->work, eigen->work_bytes,
                      eigen->host, eigen->host_bytes, eigen->failure);
  if (code != CUSOLVER_STATUS_SUCCESS)
    return refuse_solver (code, err);
  WCT_TRY (wct_device_download (device, eigen->failure, sizeof failure, &failure, err));
  if (failure != 0)
    return wct_error_set (err, WCT_ERR_NUMERIC, "cuSOLVER: an eigen-decomposition of %d rows did not converge", n);
  WCT_TRY (wct_device_download (device, eigen->a, side * side * sizeof (double), eigen->vectors, err));
  WCT_TRY (wct_device_download (device, eigen->values, side * sizeof (double), eigen->vectors + side * side, err));
  for (size_t i = 0; i < side * (side + 1); i++)
    if (!isfinite (eigen->vectors[i]))
      return wct_error_set (err, WCT_ERR_NUMERIC, "cuSOLVER: an eigen-decomposition of %d rows is not finite", n);

out:
  return status;
}

WctStatus
wct_device_eigen (WctDevice *device, int32_t n, double *a, double *values, WctError *err)
{
  const size_t side = (size_t)n;
  Eigen        eigen = { 0 };
  WctStatus    status;

  WCT_TRY (wct_cuda_enter (device, err));
  WCT_TRY (eigen_alloc (device, n, &eigen, err));
  WCT_TRY (wct_device_upload (device, a, side * side * sizeof (double), eigen.a, err));
  WCT_TRY (eigen_solve (device, n, &eigen, err));
  memcpy (a, eigen.vectors, side * side * sizeof (double));
  memcpy (values, eigen.vectors + side * side, side * sizeof (double));

out:
  eigen_free (device, &eigen);
  return status;
}
