/* Who started this process, and beside how many others: what the environment of a launcher says. */
#ifndef WCT_TRAINER_PARALLEL_LAUNCH_H
#define WCT_TRAINER_PARALLEL_LAUNCH_H

#include <stddef.h>
#include <stdint.h>

#include <wct/status.h>

typedef enum
{
  WCT_CARRIER_NONE,       /* this process stands alone */
  WCT_CARRIER_TCP,        /* plain sockets to the first rank */
  WCT_CARRIER_MPI,        /* the launcher speaks MPI and tells no address */
  WCT_CARRIER_MPI_OR_TCP, /* the launcher may speak MPI, and tells an address */
} WctCarrier;

typedef struct
{
  WctCarrier  carrier;
  const char *launcher;                /* "mpirun"; static */
  int         rank, ranks;             /* ranks 0: only MPI knows */
  int         local_rank, local_ranks; /* on this machine; -1 where it is not told */
  char        host[256];               /* where the first rank listens, with TCP */
  int         port;
  int         timeout_seconds; /* for all ranks to come */
  uint64_t    run;             /* ranks of one run have the same number, others hardly ever */
} WctLaunch;

/* From the environment: torchrun before mpirun before srun, as each may have started the one before it. */
WctStatus wct_launch_read (WctLaunch *out, WctError *err);

/* "node[001-003,007],gpu12" begins with "node001". */
WctStatus wct_launch_first_host (const char *list, char *host, size_t size, WctError *err);

#endif
