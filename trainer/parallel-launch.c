/* Where ranks meet: what the environment of their launcher says beyond their numbers. */
#include "parallel-launch.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checksum.h"
#include "ranks.h"

#define TIMEOUT_SECONDS 60

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
  return wct_variable_read ("WCT_PORT", 1, 65535, &launch->port, err);
}

/* torchrun's own store listens at $MASTER_PORT. */
static WctStatus
find_torchrun_address (WctLaunch *launch, WctError *err)
{
  const char *address = getenv ("MASTER_ADDR");
  WctStatus   status;

  if (!wct_variable_is_set ("MASTER_ADDR"))
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "$RANK and $WORLD_SIZE are set, but $MASTER_ADDR is not; set it to the host of rank 0");
  if (strlen (address) >= sizeof launch->host)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "$MASTER_ADDR is \"%.40s…\", which is too long for a host", address);
  strcpy (launch->host, address);
  if (wct_variable_is_set ("WCT_PORT"))
    return read_own_port (launch, err);
  if (!wct_variable_is_set ("MASTER_PORT"))
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "$MASTER_ADDR is set, but neither $MASTER_PORT nor $WCT_PORT is; rank 0 listens on the port "
                          "after the one, or on the other");
  WCT_TRY (wct_variable_read ("MASTER_PORT", 1, 65534, &launch->port, err));
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
  const char *list = wct_variable_is_set (lists[0]) ? getenv (lists[0]) : getenv (lists[1]);
  WctStatus   status;

  if (list == NULL || list[0] == '\0')
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "$SLURM_PROCID is set, but neither $SLURM_STEP_NODELIST nor $SLURM_JOB_NODELIST is; start "
                          "with srun, or unset it to train in one process");
  WCT_TRY (wct_launch_first_host (list, launch->host, sizeof launch->host, err));
  if (wct_variable_is_set ("WCT_PORT"))
    return read_own_port (launch, err);
  if (!wct_variable_is_set ("SLURM_JOB_ID"))
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "$SLURM_PROCID is set, but neither $SLURM_JOB_ID nor $WCT_PORT is: on which port may rank 0 "
                          "listen?");
  launch->port = port_of_step ();

out:
  return status;
}

/* ---- The whole ---------------------------------------------------------------------------------------------- */

static WctStatus
choose_carrier (WctLauncher launcher, WctLaunch *launch, WctError *err)
{
  if (launch->ranks == 1)
    return WCT_OK;
  if (launcher == WCT_LAUNCHER_TORCHRUN)
    {
      launch->carrier = WCT_CARRIER_TCP;
      return find_torchrun_address (launch, err);
    }
  if (launcher == WCT_LAUNCHER_SRUN)
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
    if (wct_variable_is_set (names[i]))
      number = wct_checksum (number, getenv (names[i]), strlen (getenv (names[i])));
  return number;
}

WctStatus
wct_launch_read (WctLaunch *out, WctError *err)
{
  WctLaunch launch = { .timeout_seconds = TIMEOUT_SECONDS };
  WctRanks  ranks;
  WctStatus status;

  WCT_TRY (wct_ranks_read (&ranks, err));
  launch.rank = ranks.rank;
  launch.ranks = ranks.ranks;
  launch.local_rank = ranks.local_rank;
  launch.local_ranks = ranks.local_ranks;
  if (ranks.launcher != WCT_LAUNCHER_NONE)
    {
      launch.launcher = ranks.name;
      WCT_TRY (choose_carrier (ranks.launcher, &launch, err));
      launch.run = run_number (&launch);
    }
  if (wct_variable_is_set ("WCT_CONNECT_TIMEOUT"))
    WCT_TRY (wct_variable_read ("WCT_CONNECT_TIMEOUT", 1, 86400, &launch.timeout_seconds, err));
  *out = launch;

out:
  return status;
}
