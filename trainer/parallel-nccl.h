/* What the module for NCCL exports. It is opened where gradients lie on graphics cards and there are several ranks. */
#ifndef WCT_TRAINER_PARALLEL_NCCL_H
#define WCT_TRAINER_PARALLEL_NCCL_H

#include <stddef.h>

#include <wct/status.h>

/* The name that ranks find each other by: the first rank's. */
typedef struct
{
  char bytes[128];
} WctNcclName;

typedef struct
{
  WctNcclName name;
  int         rank, ranks;
  int         timeout_seconds;
  WctStatus (*check) (WctError *err); /* is a rank known to be gone? wct_parallel_check */
} WctNcclWorld;

typedef struct
{
  const char *version; /* of the program that this was built with */

  /* Makes the card that @card, modulo their number, stands for the calling thread's. @detail: "NCCL 2.28.9" */
  WctStatus (*prepare) (int card, char *detail, size_t size, WctError *err);

  /* On the first rank. */
  WctStatus (*name) (WctNcclName *out, WctError *err);

  /* Meets the other ranks, within the time given, on the card that is the calling thread's by now. */
  WctStatus (*open) (const WctNcclWorld *world, void **ctx, WctError *err);
  void (*close) (void **ctx);

  /* As wct_reducer_begin and _finish. */
  WctStatus (*begin) (void *ctx, float *values, size_t count, WctError *err);
  WctStatus (*finish) (void *ctx, WctError *err);
} WctNccl;

#define WCT_NCCL_SYMBOL "wct_nccl"

#endif
