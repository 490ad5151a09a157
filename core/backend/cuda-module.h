/* The CUDA back end as a module: what its file offers, and how it is opened. */
#ifndef WCT_CUDA_MODULE_H
#define WCT_CUDA_MODULE_H

#include "backend/backend.h"

/* The one symbol of the module's file, of this type. */
#define WCT_CUDA_MODULE_SYMBOL "wct_cuda_module"

typedef struct
{
  const char          *version; /* WCT_VERSION of what it was built with */
  const WctBackendOps *ops;
} WctCudaModule;

/**
 * wct_cuda_module_open: the back end of the module, which stays open.
 * @out: static
 *
 * WCT_ERR_UNSUPPORTED, with a sentence for `wct doctor`, where there is no module, it cannot be opened here, or is of
 * another version. Any thread.
 */
WctStatus wct_cuda_module_open (const WctBackendOps **out, WctError *err);

#endif
