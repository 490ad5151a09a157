/* Who started this process, and beside how many others: what the environment of a launcher says. */
#ifndef WCT_COMMAND_RANKS_H
#define WCT_COMMAND_RANKS_H

#include <stdbool.h>

#include <wct/status.h>

typedef enum
{
  WCT_LAUNCHER_NONE,     /* this process stands alone */
  WCT_LAUNCHER_TORCHRUN, /* or what speaks as it does */
  WCT_LAUNCHER_MPI,      /* mpirun, mpiexec */
  WCT_LAUNCHER_SRUN,
  WCT_LAUNCHER_PMIX, /* it does not tell how many ranks there are */
} WctLauncher;

typedef struct
{
  WctLauncher launcher;
  const char *name;                    /* "mpirun"; static, NULL where there is none */
  int         rank, ranks;             /* 0 of 1 where there is no launcher; ranks 0: only MPI knows */
  int         local_rank, local_ranks; /* on this machine; -1 where it is not told */
} WctRanks;

/* From the environment: torchrun before mpirun before srun, as each may have started the one before it. */
WctStatus wct_ranks_read (WctRanks *out, WctError *err);

/* An environment variable: is it there and not empty? Then as a number; one sentence where it is none in the range. */
bool      wct_variable_is_set (const char *name); /* NULL is welcome */
WctStatus wct_variable_read (const char *name, long min, long max, int *out, WctError *err);

#endif
