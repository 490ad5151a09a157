/* Modules of wct-train: what brings a large library is a file of its own, opened by need, so that nobody else needs
 * that library. */
#ifndef WCT_TRAINER_PARALLEL_MODULE_H
#define WCT_TRAINER_PARALLEL_MODULE_H

#include <wct/status.h>

#include "parallel-nccl.h"
#include "parallel-transport.h"

/* Found beside the program or where it was installed, and opened; WCT_ERR_UNSUPPORTED where there is none, or it is of
 * another version. Never closed again: such libraries cannot be unloaded. */
WctStatus wct_module_open_mpi (const WctTransport **out, WctError *err);
WctStatus wct_module_open_nccl (const WctNccl **out, WctError *err);

#endif
