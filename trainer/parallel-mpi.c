/* The module for MPI, opened by need: whatever an MPI library brings is not in the program.
 *
 * Sums are reduced to the first rank and sent from there, as MPI_Allreduce may give ranks different bits. */
#include "parallel-transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mpi.h>

/* MPI counts in int, and a few pieces cost nothing. */
#define PIECE ((size_t)1 << 22)

static WctStatus
check (int code, const char *what, WctError *err)
{
  char text[MPI_MAX_ERROR_STRING] = "";
  int  length = 0;

  if (code == MPI_SUCCESS)
    return WCT_OK;
  MPI_Error_string (code, text, &length);
  text[strcspn (text, "\n")] = '\0';
  return wct_error_set (err, WCT_ERR_IO, "MPI: %s failed: %.300s; see what became of the other ranks", what, text);
}

/* Under srun. The process managers that each kind of library understands; the wrong one would end the program. */
static bool
usable (void)
{
#ifdef OPEN_MPI
  return getenv ("PMIX_RANK") != NULL;
#else
  return getenv ("PMIX_RANK") != NULL || getenv ("PMI_RANK") != NULL || getenv ("PMI_FD") != NULL;
#endif
}

static void
describe (int ranks, char *detail, size_t size)
{
  char version[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int  length = 0;

  MPI_Get_library_version (version, &length);
  version[strcspn (version, ",\n\t")] = '\0';
  snprintf (detail, size, "%d processes by %.200s", ranks, version);
}

/* An MPI library that does not know the launcher makes each process a world of its own: all would train the same. */
static WctStatus
check_world (const WctLaunch *launch, const WctMember *member, WctError *err)
{
  if (launch->ranks == 0 || launch->ranks == member->ranks)
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_UNSUPPORTED,
                        "%s started %d processes, but MPI knows of %d: it belongs to another MPI than this was built "
                        "with; take the %s of that one",
                        launch->launcher, launch->ranks, member->ranks, launch->launcher);
}

static WctStatus
start (const WctLaunch *launch, int *argc, char ***argv, WctMember *out, WctError *err)
{
  WctMember member = { .ctx = NULL };
  int       provided;
  WctStatus status;

  WCT_TRY (check (MPI_Init_thread (argc, argv, MPI_THREAD_FUNNELED, &provided), "starting", err));
  WCT_TRY (check (MPI_Comm_set_errhandler (MPI_COMM_WORLD, MPI_ERRORS_RETURN), "setting it up", err));
  WCT_TRY (check (MPI_Comm_rank (MPI_COMM_WORLD, &member.rank), "asking for the rank", err));
  WCT_TRY (check (MPI_Comm_size (MPI_COMM_WORLD, &member.ranks), "asking for the number of ranks", err));
  describe (member.ranks, member.detail, sizeof member.detail);
  status = check_world (launch, &member, err);
  if (status == WCT_OK)
    *out = member;
  else
    MPI_Finalize ();

out:
  return status;
}

/* MPI has no way to tell others, but to end them. */
static void
end (void *ctx, bool failed)
{
  (void)ctx;
  if (failed)
    {
      fflush (NULL);
      MPI_Abort (MPI_COMM_WORLD, 1);
    }
  MPI_Finalize ();
}

static WctStatus
sum (char *values, size_t count, size_t size, MPI_Datatype type, WctError *err)
{
  int       rank;
  WctStatus status;

  WCT_TRY (check (MPI_Comm_rank (MPI_COMM_WORLD, &rank), "asking for the rank", err));
  for (size_t at = 0; at < count; at += PIECE)
    {
      const int piece = (int)(count - at < PIECE ? count - at : PIECE);
      char     *from = values + at * size;

      WCT_TRY (check (
        MPI_Reduce (rank == 0 ? MPI_IN_PLACE : from, rank == 0 ? from : NULL, piece, type, MPI_SUM, 0, MPI_COMM_WORLD),
        "a sum over all ranks", err));
      WCT_TRY (check (MPI_Bcast (from, piece, type, 0, MPI_COMM_WORLD), "sending a sum to all ranks", err));
    }

out:
  return status;
}

static WctStatus
sum_floats (void *ctx, float *values, size_t count, WctError *err)
{
  (void)ctx;
  return sum ((char *)values, count, sizeof *values, MPI_FLOAT, err);
}

static WctStatus
sum_doubles (void *ctx, double *values, size_t count, WctError *err)
{
  (void)ctx;
  return sum ((char *)values, count, sizeof *values, MPI_DOUBLE, err);
}

static WctStatus
from_first (void *ctx, void *bytes, size_t count, WctError *err)
{
  WctStatus status = WCT_OK;

  (void)ctx;
  for (size_t at = 0; at < count; at += PIECE)
    WCT_TRY (check (
      MPI_Bcast ((char *)bytes + at, (int)(count - at < PIECE ? count - at : PIECE), MPI_BYTE, 0, MPI_COMM_WORLD),
      "sending to all ranks", err));

out:
  return status;
}

__attribute__ ((visibility ("default"))) extern const WctTransport wct_transport_mpi;

const WctTransport wct_transport_mpi = {
  .version = WCT_VERSION,
  .usable = usable,
  .start = start,
  .end = end,
  .sum_floats = sum_floats,
  .sum_doubles = sum_doubles,
  .from_first = from_first,
};
