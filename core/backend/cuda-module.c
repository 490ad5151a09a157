/* Opens libwct-cuda.so where somebody asks for it: the library itself needs no CUDA, and what there is of it is not
 * touched before. */
#include "backend/cuda-module.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "module.h"

#define MODULE "libwct-cuda.so"

/* What to do where a library that the module needs is not there. The first that is in the loader's sentence. */
static const struct
{
  const char *library, *advice;
} needs[] = {
  { "libcudnn", "install cuDNN 9" },
  { "libcuda.so", "install NVIDIA's driver" },
  { "libcublas", "install cuBLAS of the CUDA toolkit" },
  { "libcusolver", "install cuSOLVER of the CUDA toolkit" },
  { "libcusparse", "install cuSPARSE of the CUDA toolkit" },
  { "libnvJitLink", "install nvJitLink of the CUDA toolkit" },
  { "libcudart", "install the CUDA toolkit's run-time" },
};

static const char *
advise (const char *complaint)
{
  for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++)
    if (strstr (complaint, needs[i].library) != NULL)
      return needs[i].advice;
  return "install it anew";
}

/* What the loader said, without the module's path, which the sentence begins with. */
static const char *
last_complaint (const char *path)
{
  const char  *text = dlerror ();
  const size_t length = strlen (path);

  if (text == NULL)
    return "the loader gives no reason";
  if (strncmp (text, path, length) == 0 && strncmp (text + length, ": ", 2) == 0)
    return text + length + 2;
  return text;
}

static WctStatus
check_module (const char *path, const WctCudaModule *module, WctError *err)
{
  if (module == NULL)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED, "cuda: %.200s is no module of this library; install both anew",
                          path);
  if (strcmp (module->version, WCT_VERSION) != 0)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED,
                          "cuda: %.200s is of version %.20s, and this is %s; install both anew", path, module->version,
                          WCT_VERSION);
  return WCT_OK;
}

/* One that is not ours is closed again; ours stays, as CUDA does not like to be unloaded. */
static WctStatus
open_module (const WctBackendOps **out, WctError *err)
{
  char path[WCT_MODULE_PATH_SIZE];

  if (!wct_module_find (MODULE, path))
    return wct_error_set (err, WCT_ERR_UNSUPPORTED,
                          "cuda: there is no %s beside the program or in %.200s: this build has no CUDA back end; "
                          "build it where the CUDA toolkit and cuDNN 9 are installed",
                          MODULE, WCT_MODULES);

  void *file = dlopen (path, RTLD_NOW | RTLD_LOCAL);
  if (file == NULL)
    {
      const char *complaint = last_complaint (path);

      return wct_error_set (err, WCT_ERR_UNSUPPORTED, "cuda: %.200s cannot be opened: %.150s; %s", path, complaint,
                            advise (complaint));
    }

  const WctCudaModule *module = dlsym (file, WCT_CUDA_MODULE_SYMBOL);
  const WctStatus      status = check_module (path, module, err);
  if (status == WCT_OK)
    *out = module->ops;
  else
    dlclose (file);
  return status;
}

WctStatus
wct_cuda_module_open (const WctBackendOps **out, WctError *err)
{
  static pthread_mutex_t      lock = PTHREAD_MUTEX_INITIALIZER;
  static const WctBackendOps *ops; /* once it is open */
  WctStatus                   status = WCT_OK;

  pthread_mutex_lock (&lock);
  if (ops == NULL)
    status = open_module (&ops, err);
  if (status == WCT_OK)
    *out = ops;
  pthread_mutex_unlock (&lock);
  return status;
}
