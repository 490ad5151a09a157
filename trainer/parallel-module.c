/* Modules: where one is, and is it this program's? */
#include "parallel-module.h"

#include <dlfcn.h>
#include <string.h>

#include "module.h"

typedef struct
{
  const char *file, *symbol;
  const char *library; /* that it brings */
  const char *remedy;
  int         flags; /* of dlopen */
} Module;

/* Global: Open MPI's own plug-ins look for its symbols there. */
static const Module mpi = {
  "wct-train-mpi.so",
  "wct_transport_mpi",
  "MPI",
  "build it where Open MPI (libopenmpi-dev) or another MPI is installed, or start the ranks with torchrun or srun",
  RTLD_NOW | RTLD_GLOBAL,
};

static const Module nccl = {
  "wct-train-nccl.so",   WCT_NCCL_SYMBOL, "NCCL", "build it where CUDA and NCCL (libnccl-dev) are installed",
  RTLD_NOW | RTLD_LOCAL,
};

/* The table that it exports, which begins with the version that it is of. */
static WctStatus
open_module (const Module *module, const void **out, WctError *err)
{
  char               path[WCT_MODULE_PATH_SIZE];
  void              *handle;
  const char *const *version;

  if (!wct_module_find (module->file, path))
    return wct_error_set (err, WCT_ERR_UNSUPPORTED,
                          "there is no %s beside the program or in %s: it was built without %s; %s", module->file,
                          WCT_MODULES, module->library, module->remedy);
  handle = dlopen (path, module->flags);
  if (handle == NULL)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED, "%.300s; is the %s that this was built with installed?", dlerror (),
                          module->library);
  version = dlsym (handle, module->symbol);
  if (version == NULL || strcmp (*version, WCT_VERSION) != 0)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED,
                          "%.300s: was built for wct-train %.20s, and this is %s; install both anew", path,
                          version == NULL ? "of another age" : *version, WCT_VERSION);
  *out = version;
  return WCT_OK;
}

WctStatus
wct_module_open_mpi (const WctTransport **out, WctError *err)
{
  const void     *table = NULL;
  const WctStatus status = open_module (&mpi, &table, err);

  if (status == WCT_OK)
    *out = table;
  return status;
}

WctStatus
wct_module_open_nccl (const WctNccl **out, WctError *err)
{
  const void     *table = NULL;
  const WctStatus status = open_module (&nccl, &table, err);

  if (status == WCT_OK)
    *out = table;
  return status;
}
