/* Is there a card that we can use? Each way in which there is none has its sentence, with what helps. */
#include "device-cuda.h"

#include <stdio.h>
#include <stdlib.h>

#define CAPABILITY_MIN   75           /* Turing: what our kernels are compiled for */
#define FREE_BYTES_MIN   (512u << 20) /* the libraries alone take most of that */
#define VERSION_MAJOR(v) ((v) / 1000)
#define VERSION_MINOR(v) ((v) % 1000 / 10)

static WctStatus
refuse_driver (cudaError_t code, WctError *err)
{
  int driver = 0;

  (void)cudaGetLastError ();
  if (code == cudaErrorNoDevice)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED,
                          "this machine has no NVIDIA graphics card, or CUDA_VISIBLE_DEVICES hides it");
  if (cudaDriverGetVersion (&driver) != cudaSuccess || driver == 0)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED,
                          "there is no driver for NVIDIA graphics cards here; install one for CUDA %d or later",
                          VERSION_MAJOR (CUDART_VERSION));
  if (code == cudaErrorInsufficientDriver)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED,
                          "the driver of the graphics card knows CUDA %d.%d, which is older than the %d.%d that this "
                          "was built with; install a newer driver",
                          VERSION_MAJOR (driver), VERSION_MINOR (driver), VERSION_MAJOR (CUDART_VERSION),
                          VERSION_MINOR (CUDART_VERSION));
  return wct_error_set (err, WCT_ERR_UNSUPPORTED, "the graphics card cannot be used: %s", cudaGetErrorString (code));
}

WctStatus
wct_cuda_find_card (int *index, WctError *err)
{
  const char *wanted = getenv ("WCT_CUDA_DEVICE");
  int         count = 0, current = 0;
  cudaError_t code = cudaGetDeviceCount (&count);

  if (code == cudaSuccess && count == 0)
    code = cudaErrorNoDevice;
  if (code == cudaSuccess)
    code = cudaGetDevice (&current);
  if (code != cudaSuccess)
    return refuse_driver (code, err);
  if (wanted == NULL || wanted[0] == '\0')
    {
      *index = current;
      return WCT_OK;
    }

  char      *end = NULL;
  const long number = strtol (wanted, &end, 10);

  if (*end != '\0' || number < 0)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "WCT_CUDA_DEVICE is \"%.40s\"; it is to be a number from 0 on",
                          wanted);
  *index = (int)(number % count);
  return WCT_OK;
}

/* cuDNN that was built against may be older than what runs, not newer. */
static WctStatus
check_cudnn (WctError *err)
{
  const size_t version = cudnnGetVersion ();

  if (version / 10000 == CUDNN_MAJOR && version >= CUDNN_VERSION / 100 * 100)
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_UNSUPPORTED,
                        "cuDNN here is %zu.%zu.%zu, but this was built with %d.%d.%d; install that or a later %d.x",
                        version / 10000, version / 100 % 100, version % 100, CUDNN_MAJOR, CUDNN_MINOR, CUDNN_PATCHLEVEL,
                        CUDNN_MAJOR);
}

static WctStatus
check_card (const struct cudaDeviceProp *card, WctError *err)
{
  if (card->major * 10 + card->minor < CAPABILITY_MIN)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED,
                          "the graphics card %.80s is too old: it has compute capability %d.%d, and %d.%d is needed",
                          card->name, card->major, card->minor, CAPABILITY_MIN / 10, CAPABILITY_MIN % 10);
  return WCT_OK;
}

/* Asking starts the card, which is why it comes last. */
static WctStatus
check_memory (int index, const char *name, WctError *err)
{
  size_t      free_bytes = 0, all = 0;
  cudaError_t code = cudaSetDevice (index);

  if (code == cudaSuccess)
    code = cudaMemGetInfo (&free_bytes, &all);
  if (code != cudaSuccess && code != cudaErrorMemoryAllocation)
    return refuse_driver (code, err);
  if (code == cudaSuccess && free_bytes >= FREE_BYTES_MIN)
    return WCT_OK;
  (void)cudaGetLastError ();
  return wct_error_set (err, WCT_ERR_UNSUPPORTED,
                        "the graphics card %.80s is full: %.0f MB of its memory are free, and %.0f MB are needed to "
                        "begin with; close what else uses it",
                        name, (double)free_bytes / 1e6, (double)FREE_BYTES_MIN / 1e6);
}

WctStatus
wct_device_probe (char *detail, size_t size, WctError *err)
{
  struct cudaDeviceProp card;
  const size_t          version = cudnnGetVersion ();
  int                   index = 0;
  WctStatus             status;

  WCT_TRY (wct_cuda_find_card (&index, err));
  const cudaError_t code = cudaGetDeviceProperties (&card, index);
  if (code != cudaSuccess)
    return refuse_driver (code, err);
  WCT_TRY (check_card (&card, err));
  WCT_TRY (check_cudnn (err));
  WCT_TRY (check_memory (index, card.name, err));
  snprintf (detail, size, "%s, CUDA %d.%d, cuDNN %zu.%zu.%zu", card.name, VERSION_MAJOR (CUDART_VERSION),
            VERSION_MINOR (CUDART_VERSION), version / 10000, version / 100 % 100, version % 100);

out:
  return status;
}
