/* This process' place among the ranks, and what can be made of sums and the first rank's bytes: barriers, votes,
 * agreement. */
#include "parallel.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "mem.h"

#include "parallel-frame.h"
#include "parallel-launch.h"
#include "parallel-module.h"
#include "parallel-transport.h"

/* A process is one rank: there is one of this. */
static struct
{
  const WctTransport *transport; /* NULL: a world of one */
  WctMember           member;
  int                 local_rank, local_ranks;
  int                 timeout_seconds;
  float              *hosts; /* owned; (ranks, WCT_HOST_SIZE), characters; NULL in a world of one */
  WctError            lost;  /* once something failed: with what all calls fail */
} world = { .member = { .ranks = 1, .detail = "1 process" }, .local_ranks = 1 };

/* ---- Calls to the transport --------------------------------------------------------------------------------- */

/* After a failure ranks are at different points: whatever came from them would be taken for something else. */
static WctStatus
outcome (WctStatus status, WctError *err)
{
  if (status != WCT_OK)
    return wct_error_set (err, status, "%s", world.lost.message);
  return WCT_OK;
}

WctStatus
wct_parallel_sum_floats (float *values, size_t count, WctError *err)
{
  if (world.transport == NULL || count == 0)
    return WCT_OK;
  if (world.lost.status == WCT_OK)
    (void)world.transport->sum_floats (world.member.ctx, values, count, &world.lost);
  return outcome (world.lost.status, err);
}

WctStatus
wct_parallel_sum_doubles (double *values, size_t count, WctError *err)
{
  if (world.transport == NULL || count == 0)
    return WCT_OK;
  if (world.lost.status == WCT_OK)
    (void)world.transport->sum_doubles (world.member.ctx, values, count, &world.lost);
  return outcome (world.lost.status, err);
}

WctStatus
wct_parallel_bytes_from_first (void *bytes, size_t count, WctError *err)
{
  if (world.transport == NULL || count == 0)
    return WCT_OK;
  if (world.lost.status == WCT_OK)
    (void)world.transport->from_first (world.member.ctx, bytes, count, &world.lost);
  return outcome (world.lost.status, err);
}

WctStatus
wct_parallel_from_first (float *values, size_t count, WctError *err)
{
  return wct_parallel_bytes_from_first (values, count * sizeof *values, err);
}

WctStatus
wct_parallel_check (WctError *err)
{
  if (world.transport == NULL)
    return WCT_OK;
  if (world.lost.status == WCT_OK && world.transport->check != NULL)
    (void)world.transport->check (world.member.ctx, &world.lost);
  return outcome (world.lost.status, err);
}

/* ---- Starting and ending ------------------------------------------------------------------------------------ */

/* Slurm's ranks may speak MPI: where it and this build's MPI understand each other, it is the faster one. */
static WctStatus
choose_transport (const WctLaunch *launch, const WctTransport **out, WctError *err)
{
  const WctTransport *mpi = NULL;
  WctError            missing;
  WctStatus           status = WCT_OK;

  if (launch->carrier == WCT_CARRIER_TCP)
    *out = &wct_transport_tcp;
  else if (launch->carrier == WCT_CARRIER_MPI_OR_TCP)
    *out = wct_module_open_mpi (&mpi, &missing) == WCT_OK && mpi->usable () ? mpi : &wct_transport_tcp;
  else if (launch->carrier == WCT_CARRIER_MPI)
    {
      status = wct_module_open_mpi (out, &missing);
      if (status != WCT_OK)
        status = wct_error_set (err, status, "%s has started this with MPI, but %s", launch->launcher, missing.message);
    }
  return status;
}

/* Each rank fills its own row, the others add nothing to it. */
static WctStatus
share_hosts (WctError *err)
{
  char      host[WCT_HOST_SIZE];
  WctStatus status;

  WCT_TRY (wct_alloc ((size_t)world.member.ranks * WCT_HOST_SIZE, sizeof (float), "names of hosts", &world.hosts, err));
  wct_peer_own_host (host);
  for (int i = 0; i < WCT_HOST_SIZE; i++)
    world.hosts[(size_t)world.member.rank * WCT_HOST_SIZE + (size_t)i] = (unsigned char)host[i];
  WCT_TRY (wct_parallel_sum_floats (world.hosts, (size_t)world.member.ranks * WCT_HOST_SIZE, err));

out:
  return status;
}

static const float *
host_row (int rank)
{
  return world.hosts + (size_t)rank * WCT_HOST_SIZE;
}

/* Ranks of one host in their order, where no launcher says it better. */
static void
count_local_ranks (const WctLaunch *launch)
{
  world.local_rank = launch->local_rank;
  world.local_ranks = launch->local_ranks;
  if (launch->local_rank >= 0)
    return;
  world.local_rank = world.local_ranks = 0;
  for (int rank = 0; rank < world.member.ranks; rank++)
    if (memcmp (host_row (rank), host_row (world.member.rank), WCT_HOST_SIZE * sizeof (float)) == 0)
      {
        world.local_ranks++;
        world.local_rank += rank < world.member.rank;
      }
}

WctStatus
wct_parallel_start (int *argc, char ***argv, WctError *err)
{
  const WctTransport *transport = NULL;
  WctLaunch           launch;
  WctStatus           status;

  WCT_TRY (wct_launch_read (&launch, err));
  WCT_TRY (choose_transport (&launch, &transport, err));
  if (transport == NULL)
    return WCT_OK;
  WCT_TRY (transport->start (&launch, argc, argv, &world.member, err));
  world.transport = transport;
  world.timeout_seconds = launch.timeout_seconds;
  WCT_TRY (share_hosts (err));
  count_local_ranks (&launch);

out:
  return status;
}

void
wct_parallel_end (bool failed)
{
  if (world.transport != NULL)
    world.transport->end (world.member.ctx, failed || world.lost.status != WCT_OK);
  wct_free (&world.hosts);
  world.transport = NULL;
  world.member = (WctMember){ .ranks = 1, .detail = "1 process" };
  world.local_rank = 0;
  world.local_ranks = 1;
  world.lost.status = WCT_OK;
}

/* ---- Who is who --------------------------------------------------------------------------------------------- */

int
wct_parallel_rank (void)
{
  return world.member.rank;
}

int
wct_parallel_ranks (void)
{
  return world.member.ranks;
}

int
wct_parallel_local_rank (void)
{
  return world.local_rank;
}

int
wct_parallel_local_ranks (void)
{
  return world.local_ranks;
}

int
wct_parallel_timeout (void)
{
  return world.timeout_seconds;
}

const char *
wct_parallel_detail (void)
{
  return world.member.detail;
}

/* ---- Made of sums ------------------------------------------------------------------------------------------- */

WctStatus
wct_parallel_barrier (WctError *err)
{
  double nothing = 0;

  return wct_parallel_sum_doubles (&nothing, 1, err);
}

WctStatus
wct_parallel_any (bool here, bool *anywhere, WctError *err)
{
  double    votes = here ? 1 : 0;
  WctStatus status;

  WCT_TRY (wct_parallel_sum_doubles (&votes, 1, err));
  *anywhere = votes > 0;

out:
  return status;
}

WctStatus
wct_parallel_first_where (bool here, int *rank, WctError *err)
{
  float    *votes = NULL; /* (ranks) */
  WctStatus status;

  WCT_TRY (wct_alloc ((size_t)world.member.ranks, sizeof *votes, "ranks", &votes, err));
  votes[world.member.rank] = here ? 1 : 0;
  WCT_TRY (wct_parallel_sum_floats (votes, (size_t)world.member.ranks, err));
  *rank = -1;
  for (int i = world.member.ranks - 1; i >= 0; i--)
    if (votes[i] > 0)
      *rank = i;

out:
  wct_free (&votes);
  return status;
}

/* Is @text the first rank's? */
static WctStatus
compare_with_first (const char *text, bool *equal, WctError *err)
{
  uint64_t  size = strlen (text);
  char     *first = NULL;
  WctStatus status;

  WCT_TRY (wct_parallel_bytes_from_first (&size, sizeof size, err));
  WCT_TRY (wct_alloc (size + 1, 1, "what ranks must agree on", &first, err));
  if (world.member.rank == 0)
    memcpy (first, text, size);
  WCT_TRY (wct_parallel_bytes_from_first (first, size, err));
  *equal = strcmp (first, text) == 0;

out:
  wct_free (&first);
  return status;
}

static WctStatus
differs (const char *what, int rank, WctError *err)
{
  char host[WCT_HOST_SIZE];

  for (int i = 0; i < WCT_HOST_SIZE; i++)
    host[i] = (char)(unsigned char)host_row (rank)[i];
  return wct_error_set (err, WCT_ERR_ARGUMENT,
                        "rank %d on %s has another %s than rank 0; start all ranks with the same program, command and "
                        "files",
                        rank, host, what);
}

WctStatus
wct_parallel_agree_text (const char *what, const char *text, WctError *err)
{
  bool      equal = true;
  int       other = -1;
  WctStatus status = WCT_OK;

  if (world.transport == NULL)
    return WCT_OK;
  WCT_TRY (compare_with_first (text, &equal, err));
  WCT_TRY (wct_parallel_first_where (!equal, &other, err));
  if (other >= 0)
    status = differs (what, other, err);

out:
  return status;
}
