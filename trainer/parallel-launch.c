/* Environment variables of launchers: which there are, what they mean, and what is wrong with them. */
#include "parallel-launch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checksum.h"

#define RANKS_MAX       4096
#define TIMEOUT_SECONDS 60

/* Which variables a launcher sets. */
typedef struct
{
  const char *name, *rank, *ranks, *local_rank, *local_ranks;
} Launcher;

static const Launcher torchrun = { "torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE" };
static const Launcher open_mpi = { "mpirun", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
                                   "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE" };
static const Launcher hydra = { "mpiexec", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS" };
static const Launcher srun = { "srun", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", NULL };
static const Launcher srun_step = { "srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", NULL };
static const Launcher pmix = { "prun", "PMIX_RANK", NULL, NULL, NULL };

static bool
is_set (const char *name)
{
  const char *value = name == NULL ? NULL : getenv (name);

  return value != NULL && value[0] != '\0';
}

static WctStatus
read_number (const char *name, long min, long max, int *out, WctError *err)
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

/* ---- Which launcher ----------------------------------------------------------------------------------------- */

/* In a batch script Slurm calls the shell rank 0 of as many tasks as srun would start; it is no rank of anything. */
static bool
in_batch_script (void)
{
  const char *environment = getenv ("ENVIRONMENT");

  return environment != NULL && strcmp (environment, "BATCH") == 0 && !is_set ("SLURM_STEP_ID");
}

static const Launcher *
find_srun (void)
{
  if (!is_set (srun.rank) || in_batch_script ())
    return NULL;
  if (is_set (srun_step.ranks))
    return &srun_step;
  return is_set (srun.ranks) ? &srun : NULL;
}

/* Of all that left their mark, the innermost. Slurm sets PMI's variables, too; Hydra started by Slurm has its own. */
static const Launcher *
find_launcher (void)
{
  const Launcher *slurm = find_srun ();

  if (is_set (torchrun.rank) || is_set (torchrun.ranks))
    return &torchrun;
  if (is_set (open_mpi.rank) || is_set (open_mpi.ranks))
    return &open_mpi;
  if ((is_set (hydra.rank) || is_set (hydra.ranks)) && (slurm == NULL || is_set (hydra.local_rank)))
    return &hydra;
  if (slurm != NULL)
    return slurm;
  return is_set (pmix.rank) ? &pmix : NULL;
}

static WctStatus
read_ranks (const Launcher *launcher, WctLaunch *launch, WctError *err)
{
  const char *there = is_set (launcher->rank) ? launcher->rank : launcher->ranks;
  const char *missing = is_set (launcher->rank) ? launcher->ranks : launcher->rank;
  WctStatus   status;

  if (missing != NULL && !is_set (missing))
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "$%s is set, but $%s is not, and %s sets both; set both, or unset the one to train in one "
                          "process",
                          there, missing, launcher->name);
  WCT_TRY (read_number (launcher->rank, 0, RANKS_MAX - 1, &launch->rank, err));
  if (launcher->ranks != NULL)
    {
      WCT_TRY (read_number (launcher->ranks, 1, RANKS_MAX, &launch->ranks, err));
      if (launch->rank >= launch->ranks)
        status = wct_error_set (err, WCT_ERR_ARGUMENT, "$%s is %d, but $%s is %d: ranks count from 0 to %d",
                                launcher->rank, launch->rank, launcher->ranks, launch->ranks, launch->ranks - 1);
    }

out:
  return status;
}

/* Both or neither: who tells only one leaves the other to be counted. */
static WctStatus
read_local_ranks (const Launcher *launcher, WctLaunch *launch, WctError *err)
{
  WctStatus status = WCT_OK;

  launch->local_rank = launch->local_ranks = -1;
  if (!is_set (launcher->local_rank) || !is_set (launcher->local_ranks))
    return WCT_OK;
  WCT_TRY (read_number (launcher->local_ranks, 1, RANKS_MAX, &launch->local_ranks, err));
  WCT_TRY (read_number (launcher->local_rank, 0, launch->local_ranks - 1, &launch->local_rank, err));

out:
  return status;
}

/* ---- Where to meet ------------------------------------------------------------------------------------------ */

WctStatus
wct_launch_first_host (const char *list, char *host, size_t size, WctError *err)
{
  size_t      length = 0;
  const char *at = list;

  while (*at != '\0' && *at != ',' && length < size)
    {
      if (*at != '[')
        {
          host[length++] = *at++;
          continue;
        }
      const char  *close = strchr (at, ']');
      const size_t first = strcspn (at + 1, "-,]");

      if (close == NULL || first == 0 || length + first >= size)
        break;
      memcpy (host + length, at + 1, first);
      length += first;
      at = close + 1;
    }
  if (length == 0 || length >= size || (*at != '\0' && *at != ','))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "\"%.100s\" is no list of hosts as Slurm writes it", list);
  host[length] = '\0';
  return WCT_OK;
}

static WctStatus
read_own_port (WctLaunch *launch, WctError *err)
{
  return read_number ("WCT_PORT", 1, 65535, &launch->port, err);
}

/* torchrun's own store listens at $MASTER_PORT. */
static WctStatus
find_torchrun_address (WctLaunch *launch, WctError *err)
{
  const char *address = getenv ("MASTER_ADDR");
  WctStatus   status;

  if (!is_set ("MASTER_ADDR"))
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "$RANK and $WORLD_SIZE are set, but $MASTER_ADDR is not; set it to the host of rank 0");
  if (strlen (address) >= sizeof launch->host)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "$MASTER_ADDR is \"%.40s…\", which is too long for a host", address);
  strcpy (launch->host, address);
  if (is_set ("WCT_PORT"))
    return read_own_port (launch, err);
  if (!is_set ("MASTER_PORT"))
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "$MASTER_ADDR is set, but neither $MASTER_PORT nor $WCT_PORT is; rank 0 listens on the port "
                          "after the one, or on the other");
  WCT_TRY (read_number ("MASTER_PORT", 1, 65534, &launch->port, err));
  launch->port++;

out:
  return status;
}

/* Steps of a job that run side by side on a host get ports of their own. All of them are below those that systems give
 * to connections. */
static int
port_of_step (void)
{
  const char              *job = getenv ("SLURM_JOB_ID"), *step = getenv ("SLURM_STEP_ID");
  const unsigned long long number = strtoull (job, NULL, 10);

  return 10000 + (int)((number * 31 + (step == NULL ? 0 : strtoull (step, NULL, 10))) % 20000);
}

static WctStatus
find_slurm_address (WctLaunch *launch, WctError *err)
{
  const char *lists[] = { "SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST" };
  const char *list = is_set (lists[0]) ? getenv (lists[0]) : getenv (lists[1]);
  WctStatus   status;

  if (list == NULL || list[0] == '\0')
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "$SLURM_PROCID is set, but neither $SLURM_STEP_NODELIST nor $SLURM_JOB_NODELIST is; start "
                          "with srun, or unset it to train in one process");
  WCT_TRY (wct_launch_first_host (list, launch->host, sizeof launch->host, err));
  if (is_set ("WCT_PORT"))
    return read_own_port (launch, err);
  if (!is_set ("SLURM_JOB_ID"))
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "$SLURM_PROCID is set, but neither $SLURM_JOB_ID nor $WCT_PORT is: on which port may rank 0 "
                          "listen?");
  launch->port = port_of_step ();

out:
  return status;
}

/* ---- The whole ---------------------------------------------------------------------------------------------- */

static WctStatus
choose_carrier (const Launcher *launcher, WctLaunch *launch, WctError *err)
{
  if (launch->ranks == 1)
    return WCT_OK;
  if (launcher == &torchrun)
    {
      launch->carrier = WCT_CARRIER_TCP;
      return find_torchrun_address (launch, err);
    }
  if (launcher == &srun || launcher == &srun_step)
    {
      launch->carrier = WCT_CARRIER_MPI_OR_TCP;
      return find_slurm_address (launch, err);
    }
  launch->carrier = WCT_CARRIER_MPI;
  return WCT_OK;
}

/* Ranks of another run, or left over from before a restart, that come to the same port are told apart by this. */
static uint64_t
run_number (const WctLaunch *launch)
{
  static const char *const torchrun_names[] = { "TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT" };
  static const char *const slurm_names[] = { "SLURM_JOB_ID", "SLURM_STEP_ID" };
  const char *const       *names = launch->carrier == WCT_CARRIER_TCP ? torchrun_names : slurm_names;
  uint64_t                 number = wct_checksum (WCT_CHECKSUM_START, launch->launcher, strlen (launch->launcher));

  for (int i = 0; i < 2; i++)
    if (is_set (names[i]))
      number = wct_checksum (number, getenv (names[i]), strlen (getenv (names[i])));
  return number;
}

WctStatus
wct_launch_read (WctLaunch *out, WctError *err)
{
  const Launcher *launcher = find_launcher ();
  WctLaunch       launch = { .ranks = launcher == &pmix ? 0 : 1, .local_rank = -1, .local_ranks = -1 };
  WctStatus       status = WCT_OK;

  launch.timeout_seconds = TIMEOUT_SECONDS;
  if (launcher != NULL)
    {
      launch.launcher = launcher->name;
      WCT_TRY (read_ranks (launcher, &launch, err));
      WCT_TRY (read_local_ranks (launcher, &launch, err));
      WCT_TRY (choose_carrier (launcher, &launch, err));
      launch.run = run_number (&launch);
    }
  if (is_set ("WCT_CONNECT_TIMEOUT"))
    WCT_TRY (read_number ("WCT_CONNECT_TIMEOUT", 1, 86400, &launch.timeout_seconds, err));
  *out = launch;

out:
  return status;
}
