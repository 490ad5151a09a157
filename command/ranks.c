/* Environment variables of launchers: which there are, what they mean, and what is wrong with them. */
#include "ranks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RANKS_MAX 4096

/* Which variables a launcher sets. */
typedef struct
{
  WctLauncher kind;
  const char *name, *rank, *ranks, *local_rank, *local_ranks;
} Launcher;

static const Launcher torchrun = { WCT_LAUNCHER_TORCHRUN, "torchrun",   "RANK",
                                   "WORLD_SIZE",          "LOCAL_RANK", "LOCAL_WORLD_SIZE" };
static const Launcher open_mpi = { WCT_LAUNCHER_MPI,
                                   "mpirun",
                                   "OMPI_COMM_WORLD_RANK",
                                   "OMPI_COMM_WORLD_SIZE",
                                   "OMPI_COMM_WORLD_LOCAL_RANK",
                                   "OMPI_COMM_WORLD_LOCAL_SIZE" };
static const Launcher hydra = { WCT_LAUNCHER_MPI, "mpiexec",         "PMI_RANK",
                                "PMI_SIZE",       "MPI_LOCALRANKID", "MPI_LOCALNRANKS" };
static const Launcher srun = { WCT_LAUNCHER_SRUN, "srun", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", NULL };
static const Launcher srun_step = { WCT_LAUNCHER_SRUN,      "srun",          "SLURM_PROCID",
                                    "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", NULL };
static const Launcher pmix = { WCT_LAUNCHER_PMIX, "prun", "PMIX_RANK", NULL, NULL, NULL };

bool
wct_variable_is_set (const char *name)
{
  const char *value = name == NULL ? NULL : getenv (name);

  return value != NULL && value[0] != '\0';
}

WctStatus
wct_variable_read (const char *name, long min, long max, int *out, WctError *err)
{
  const char *value = getenv (name);
  char       *end = NULL;
  long        number;

  errno = 0;
  number = strtol (value, &end, 10);
  if (end == value || *end != '\0' || errno != 0 || number < min || number > max)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "$%s is \"%.40s\", which is not a number from %ld to %ld", name, value,
                          min, max);
  *out = (int)number;
  return WCT_OK;
}

/* In a batch script Slurm calls the shell rank 0 of as many tasks as srun would start; it is no rank of anything. */
static bool
in_batch_script (void)
{
  const char *environment = getenv ("ENVIRONMENT");

  return environment != NULL && strcmp (environment, "BATCH") == 0 && !wct_variable_is_set ("SLURM_STEP_ID");
}

static const Launcher *
find_srun (void)
{
  if (!wct_variable_is_set (srun.rank) || in_batch_script ())
    return NULL;
  if (wct_variable_is_set (srun_step.ranks))
    return &srun_step;
  return wct_variable_is_set (srun.ranks) ? &srun : NULL;
}

/* Of all that left their mark, the innermost. Slurm sets PMI's variables, too; Hydra started by Slurm has its own. */
static const Launcher *
find_launcher (void)
{
  const Launcher *slurm = find_srun ();

  if (wct_variable_is_set (torchrun.rank) || wct_variable_is_set (torchrun.ranks))
    return &torchrun;
  if (wct_variable_is_set (open_mpi.rank) || wct_variable_is_set (open_mpi.ranks))
    return &open_mpi;
  if ((wct_variable_is_set (hydra.rank) || wct_variable_is_set (hydra.ranks))
      && (slurm == NULL || wct_variable_is_set (hydra.local_rank)))
    return &hydra;
  if (slurm != NULL)
    return slurm;
  return wct_variable_is_set (pmix.rank) ? &pmix : NULL;
}

static WctStatus
read_ranks (const Launcher *launcher, WctRanks *ranks, WctError *err)
{
  const char *there = wct_variable_is_set (launcher->rank) ? launcher->rank : launcher->ranks;
  const char *missing = wct_variable_is_set (launcher->rank) ? launcher->ranks : launcher->rank;
  WctStatus   status;

  if (missing != NULL && !wct_variable_is_set (missing))
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "$%s is set, but $%s is not, and %s sets both; set both, or unset the one to work in one "
                          "process",
                          there, missing, launcher->name);
  WCT_TRY (wct_variable_read (launcher->rank, 0, RANKS_MAX - 1, &ranks->rank, err));
  if (launcher->ranks != NULL)
    {
      WCT_TRY (wct_variable_read (launcher->ranks, 1, RANKS_MAX, &ranks->ranks, err));
      if (ranks->rank >= ranks->ranks)
        status = wct_error_set (err, WCT_ERR_ARGUMENT, "$%s is %d, but $%s is %d: ranks count from 0 to %d",
                                launcher->rank, ranks->rank, launcher->ranks, ranks->ranks, ranks->ranks - 1);
    }

out:
  return status;
}

/* Both or neither: who tells only one leaves the other to be counted. */
static WctStatus
read_local_ranks (const Launcher *launcher, WctRanks *ranks, WctError *err)
{
  WctStatus status = WCT_OK;

  ranks->local_rank = ranks->local_ranks = -1;
  if (!wct_variable_is_set (launcher->local_rank) || !wct_variable_is_set (launcher->local_ranks))
    return WCT_OK;
  WCT_TRY (wct_variable_read (launcher->local_ranks, 1, RANKS_MAX, &ranks->local_ranks, err));
  WCT_TRY (wct_variable_read (launcher->local_rank, 0, ranks->local_ranks - 1, &ranks->local_rank, err));

out:
  return status;
}

WctStatus
wct_ranks_read (WctRanks *out, WctError *err)
{
  const Launcher *launcher = find_launcher ();
  WctRanks        ranks = { .ranks = 1, .local_rank = -1, .local_ranks = -1 };
  WctStatus       status = WCT_OK;

  if (launcher != NULL)
    {
      ranks.launcher = launcher->kind;
      ranks.name = launcher->name;
      ranks.ranks = launcher->kind == WCT_LAUNCHER_PMIX ? 0 : 1;
      WCT_TRY (read_ranks (launcher, &ranks, err));
      WCT_TRY (read_local_ranks (launcher, &ranks, err));
    }
  *out = ranks;

out:
  return status;
}
