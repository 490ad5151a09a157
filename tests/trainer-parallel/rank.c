/* One rank of a world that a test starts: does what it is told with the others, checks what comes back, prints one
 * line.
 *
 *   parallel-rank sums in-order|any-order COUNT...   sums of both kinds, the first rank's values, votes
 *   parallel-rank agree TEXT...                      rank r has the r-th text; the last one is all further ranks'
 *   parallel-rank lose RANK kill|fail|leave|other    sums for ever, but RANK does that after a while
 *   parallel-rank linger RANK                        RANK fails while the others send to it
 *   parallel-rank watch RANK kill|fail|leave         looks for ever whether all are there; RANK does that after a while
 *   parallel-rank reduce in-order|any-order on-cards|on-processors COUNT...
 *                                                    sums of gradients, of arrays of these sizes, twice
 *
 * Exits with 1 and a sentence where a call fails, with 2 where a result is wrong. */
#include "parallel-reduce.h"
#include "parallel.h"

#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checksum.h"
#include "mem.h"
#include "random.h"

#define SEED    20170
#define EPSILON 0x1p-23 /* of float */

static void WCT_PRINTF (1, 2) wrong (const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  fprintf (stderr, "rank %d, seed %d: ", wct_parallel_rank (), SEED);
  vfprintf (stderr, format, arguments);
  fprintf (stderr, "\n");
  va_end (arguments);
  wct_parallel_end (true);
  exit (2);
}

/* A rank's i-th value: any sign, of very different sizes, so that another order of adding shows. */
static float
value_of (int rank, size_t i)
{
  const uint64_t bits = wct_random_hash (wct_random_hash (SEED, (uint64_t)rank), i);
  const double   unit = (double)(bits >> 11) * 0x1p-53 - 0.5;

  return (float)(unit * (double)(1u << (bits & 15)));
}

/* ---- Sums --------------------------------------------------------------------------------------------------- */

static void
check_one (const char *kind, size_t count, size_t i, double got, double expected, double allowed)
{
  if (!(got - expected <= allowed && expected - got <= allowed))
    wrong ("%s %zu of %zu: expected %.17g, got %.17g, allowed %g", kind, i, count, expected, got, allowed);
}

/* Rounding of one addition at most changes the sum by half a unit of the largest sum on the way. */
static double
allowed_error (bool in_order, size_t i, double epsilon)
{
  double sizes = 0;

  for (int rank = 0; rank < wct_parallel_ranks () && !in_order; rank++)
    sizes += value_of (rank, i) < 0 ? -value_of (rank, i) : value_of (rank, i);
  return wct_parallel_ranks () * epsilon * sizes;
}

/* @in_order: as a loop over ranks adds, bit for bit. */
static WctStatus
check_floats (size_t count, bool in_order, uint64_t *checksum, WctError *err)
{
  float    *values = NULL;
  WctStatus status;

  WCT_TRY (wct_alloc (count, sizeof *values, "values", &values, err));
  for (size_t i = 0; i < count; i++)
    values[i] = value_of (wct_parallel_rank (), i);
  WCT_TRY (wct_parallel_sum_floats (values, count, err));
  for (size_t i = 0; i < count; i++)
    {
      float expected = value_of (0, i);

      for (int rank = 1; rank < wct_parallel_ranks (); rank++)
        expected += value_of (rank, i);
      check_one ("float", count, i, values[i], expected, allowed_error (in_order, i, EPSILON));
    }
  *checksum = wct_checksum (*checksum, values, count * sizeof *values);

out:
  wct_free (&values);
  return status;
}

static WctStatus
check_doubles (size_t count, bool in_order, uint64_t *checksum, WctError *err)
{
  double   *values = NULL;
  WctStatus status;

  WCT_TRY (wct_alloc (count, sizeof *values, "values", &values, err));
  for (size_t i = 0; i < count; i++)
    values[i] = value_of (wct_parallel_rank (), i) / 3.0;
  WCT_TRY (wct_parallel_sum_doubles (values, count, err));
  for (size_t i = 0; i < count; i++)
    {
      double expected = value_of (0, i) / 3.0;

      for (int rank = 1; rank < wct_parallel_ranks (); rank++)
        expected += value_of (rank, i) / 3.0;
      check_one ("double", count, i, values[i], expected, allowed_error (in_order, i, 0x1p-52));
    }
  *checksum = wct_checksum (*checksum, values, count * sizeof *values);

out:
  wct_free (&values);
  return status;
}

static WctStatus
check_first (size_t count, WctError *err)
{
  float    *values = NULL;
  WctStatus status;

  WCT_TRY (wct_alloc (count, sizeof *values, "values", &values, err));
  for (size_t i = 0; i < count; i++)
    values[i] = value_of (wct_parallel_rank (), i);
  WCT_TRY (wct_parallel_from_first (values, count, err));
  for (size_t i = 0; i < count; i++)
    check_one ("float of the first rank", count, i, values[i], value_of (0, i), 0);

out:
  wct_free (&values);
  return status;
}

static WctStatus
check_votes (WctError *err)
{
  const bool last = wct_parallel_rank () == wct_parallel_ranks () - 1;
  bool       anywhere;
  WctStatus  status;

  WCT_TRY (wct_parallel_any (false, &anywhere, err));
  if (anywhere)
    wrong ("no rank said yes: expected no, got yes");
  WCT_TRY (wct_parallel_any (last, &anywhere, err));
  if (!anywhere)
    wrong ("the last rank said yes: expected yes, got no");
  WCT_TRY (wct_parallel_barrier (err));

out:
  return status;
}

static WctStatus
do_sums (int count, char **arguments, WctError *err)
{
  const bool in_order = strcmp (arguments[0], "in-order") == 0;
  uint64_t   checksum = WCT_CHECKSUM_START;
  char       text[32];
  WctStatus  status = WCT_OK;

  for (int i = 1; i < count; i++)
    {
      const size_t size = strtoull (arguments[i], NULL, 10);

      WCT_TRY (check_floats (size, in_order, &checksum, err));
      WCT_TRY (check_doubles (size, in_order, &checksum, err));
      WCT_TRY (check_first (size, err));
    }
  WCT_TRY (check_votes (err));
  snprintf (text, sizeof text, "%016llx", (unsigned long long)checksum);
  WCT_TRY (wct_parallel_agree_text ("sum", text, err));
  printf ("rank %d of %d, %d of %d here: %s; %s\n", wct_parallel_rank (), wct_parallel_ranks (),
          wct_parallel_local_rank (), wct_parallel_local_ranks (), text, wct_parallel_detail ());

out:
  return status;
}

/* ---- What goes wrong ---------------------------------------------------------------------------------------- */

static WctStatus
do_agree (int count, char **arguments, WctError *err)
{
  const int rank = wct_parallel_rank ();
  WctStatus status = wct_parallel_agree_text ("configuration", arguments[rank < count ? rank : count - 1], err);

  if (status == WCT_OK)
    printf ("rank %d agrees\n", rank);
  return status;
}

static WctStatus
go (const char *how, WctError *err)
{
  float one = 1;

  if (strcmp (how, "kill") == 0)
    raise (SIGKILL);
  if (strcmp (how, "other") == 0)
    return wct_parallel_sum_floats (&one, 1, err);
  wct_parallel_end (strcmp (how, "fail") == 0);
  exit (3);
}

/* Sums that take long enough for a rank to go in the middle of one, too. */
static WctStatus
do_lose (char **arguments, WctError *err)
{
  const int    loser = atoi (arguments[0]);
  const size_t count = 1000000;
  float       *values = NULL;
  WctStatus    status;

  WCT_TRY (wct_alloc (count, sizeof *values, "values", &values, err));
  for (int step = 0; true; step++)
    {
      if (step == 2 && wct_parallel_rank () == 0)
        {
          printf ("underway\n");
          fflush (stdout);
        }
      if (step == 3 && wct_parallel_rank () == loser)
        WCT_TRY (go (arguments[1], err));
      WCT_TRY (wct_parallel_sum_floats (values, count, err));
    }

out:
  wct_free (&values);
  return status;
}

/* @loser fails while much that others sent to it lies there unread: a connection that is closed then is reset, and its
 * last words must not be lost with that. */
static WctStatus
do_linger (char **arguments, WctError *err)
{
  const int    loser = atoi (arguments[0]);
  const size_t count = 1000000;
  float       *values = NULL;
  WctStatus    status;

  WCT_TRY (wct_alloc (count, sizeof *values, "values", &values, err));
  WCT_TRY (wct_parallel_barrier (err));
  if (wct_parallel_rank () == loser)
    {
      sleep (1);
      wct_parallel_end (true);
      exit (3);
    }
  if (loser != 0)
    WCT_TRY (wct_parallel_from_first (values, count, err));
  WCT_TRY (wct_parallel_sum_floats (values, count, err));

out:
  wct_free (&values);
  return status;
}

/* As who waits for a card does. */
static WctStatus
do_watch (char **arguments, WctError *err)
{
  const int loser = atoi (arguments[0]);
  WctStatus status;

  WCT_TRY (wct_parallel_barrier (err));
  for (int i = 0; true; i++)
    {
      if (i == 200 && wct_parallel_rank () == loser)
        WCT_TRY (go (arguments[1], err));
      WCT_TRY (wct_parallel_check (err));
      usleep (1000);
    }

out:
  return status;
}

/* ---- Gradients ---------------------------------------------------------------------------------------------- */

#define ARRAYS_MAX 16

/* All are begun, then waited for: each is the sum over ranks, wherever it lay on the way. */
static WctStatus
reduce_arrays (WctReducer *reducer, bool in_order, float *const *arrays, const size_t *sizes, int count,
               uint64_t *checksum, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int a = 0; a < count; a++)
    {
      for (size_t i = 0; i < sizes[a]; i++)
        arrays[a][i] = value_of (wct_parallel_rank (), i + (size_t)a);
      WCT_TRY (wct_reducer_begin (reducer, arrays[a], sizes[a], err));
    }
  WCT_TRY (wct_reducer_finish (reducer, err));
  for (int a = 0; a < count; a++)
    {
      for (size_t i = 0; i < sizes[a]; i++)
        {
          float expected = value_of (0, i + (size_t)a);

          for (int rank = 1; rank < wct_parallel_ranks (); rank++)
            expected += value_of (rank, i + (size_t)a);
          check_one ("gradient", sizes[a], i, arrays[a][i], expected, allowed_error (in_order, i + (size_t)a, EPSILON));
        }
      *checksum = wct_checksum (*checksum, arrays[a], sizes[a] * sizeof (float));
    }

out:
  return status;
}

static WctStatus
do_reduce (int count, char **arguments, WctError *err)
{
  const bool  in_order = strcmp (arguments[0], "in-order") == 0;
  float      *arrays[ARRAYS_MAX] = { NULL };
  size_t      sizes[ARRAYS_MAX];
  WctReducer *reducer = NULL;
  const int   array_count = count - 2 < ARRAYS_MAX ? count - 2 : ARRAYS_MAX;
  uint64_t    checksum = WCT_CHECKSUM_START;
  WctStatus   status;

  WCT_TRY (wct_reducer_open (strcmp (arguments[1], "on-cards") == 0, &reducer, err));
  WCT_TRY (wct_reducer_meet (reducer, err));
  for (int a = 0; a < array_count; a++)
    {
      sizes[a] = strtoull (arguments[2 + a], NULL, 10);
      WCT_TRY (wct_alloc (sizes[a], sizeof (float), "a gradient", &arrays[a], err));
    }
  for (int step = 0; step < 2; step++)
    WCT_TRY (reduce_arrays (reducer, in_order, arrays, sizes, array_count, &checksum, err));
  printf ("rank %d of %d, card %s: %016llx; %s; %s\n", wct_parallel_rank (), wct_parallel_ranks (),
          getenv ("WCT_CUDA_DEVICE") == NULL ? "none" : getenv ("WCT_CUDA_DEVICE"), (unsigned long long)checksum,
          wct_reducer_detail (reducer), wct_reducer_complaint (reducer));

out:
  wct_reducer_close (&reducer);
  for (int a = 0; a < ARRAYS_MAX; a++)
    wct_free (&arrays[a]);
  return status;
}

static WctStatus
act (int count, char **arguments, WctError *err)
{
  if (count >= 2 && strcmp (arguments[0], "sums") == 0)
    return do_sums (count - 1, arguments + 1, err);
  if (count >= 2 && strcmp (arguments[0], "agree") == 0)
    return do_agree (count - 1, arguments + 1, err);
  if (count == 3 && strcmp (arguments[0], "lose") == 0)
    return do_lose (arguments + 1, err);
  if (count == 2 && strcmp (arguments[0], "linger") == 0)
    return do_linger (arguments + 1, err);
  if (count == 3 && strcmp (arguments[0], "watch") == 0)
    return do_watch (arguments + 1, err);
  if (count >= 3 && strcmp (arguments[0], "reduce") == 0)
    return do_reduce (count - 1, arguments + 1, err);
  return wct_error_set (err, WCT_ERR_ARGUMENT, "what should this rank do?");
}

int
main (int argc, char **argv)
{
  WctError  err;
  WctStatus status = wct_parallel_start (&argc, &argv, &err);

  if (status == WCT_OK)
    status = act (argc - 1, argv + 1, &err);
  if (status != WCT_OK)
    fprintf (stderr, "%s\n", err.message);
  wct_parallel_end (status != WCT_OK);
  return status == WCT_OK ? 0 : 1;
}
