/* What carries numbers between ranks: one table for each way. A world of one has none. */
#ifndef WCT_TRAINER_PARALLEL_TRANSPORT_H
#define WCT_TRAINER_PARALLEL_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

#include <wct/status.h>

#include "parallel-launch.h"

typedef struct
{
  void *ctx; /* the transport's own */
  int   rank, ranks;
  char  detail[256]; /* for people: "3 processes by …" */
} WctMember;

/* All ranks make the same calls in the same order. After one has failed, only end may follow. */
typedef struct
{
  const char *version;   /* of the program that this was built with */
  bool (*usable) (void); /* was this process started in a way that this can work with? */
  WctStatus (*start) (const WctLaunch *launch, int *argc, char ***argv, WctMember *out, WctError *err);
  void (*end) (void *ctx, bool failed); /* frees ctx */

  /* In place; every rank gets the same bits. @count is at least 1. */
  WctStatus (*sum_floats) (void *ctx, float *values, size_t count, WctError *err);
  WctStatus (*sum_doubles) (void *ctx, double *values, size_t count, WctError *err);
  WctStatus (*from_first) (void *ctx, void *bytes, size_t count, WctError *err);

  /* Without waiting: is a rank known to be gone? NULL where the launcher ends all ranks then. */
  WctStatus (*check) (void *ctx, WctError *err);
} WctTransport;

extern const WctTransport wct_transport_tcp;

#endif
