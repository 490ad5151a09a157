/* The module for NCCL: sums from card to card.
 *
 * Gradients are gathered in a bucket (parallel-bucket.h) in a card's own memory: NCCL and the network reach that
 * without a detour, whatever memory the gradients themselves are in. A bucket that is full is summed on a stream of
 * its own, while the back end computes what comes next on another one. All buckets of a step are one block of memory:
 * the stream does everything in order.
 *
 * A kernel of NCCL waits for other ranks as long as it takes, so nobody here waits for a kernel without looking around:
 * NCCL says what its network notices, what carries the ranks (check) says who is gone. Either ends the kernels. */
#include "parallel-nccl.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cuda_runtime_api.h>
#include <nccl.h>

#include "mem.h"

#include "parallel-bucket.h"

#define NAP_NANOSECONDS 20000
#define CHECK_EVERY_MS  100  /* a check asks the system about each connection */
#define LAST_WORDS_MS   2000 /* NCCL may notice before what carries the ranks has told who it is */

_Static_assert(sizeof (WctNcclName) == sizeof (ncclUniqueId), "names as NCCL has them");

typedef struct
{
  ncclComm_t   comm; /* NULL: aborted */
  cudaStream_t stream;
  cudaEvent_t  done;
  float       *sums; /* owned; (WCT_BUCKET_VALUES), in the card's memory */
  WctBucket    bucket;
  int64_t      checked; /* when; milliseconds */
  WctStatus (*check) (WctError *err);
} Sums;

static int64_t
now_ms (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C (1000) + now.tv_nsec / 1000000;
}

static void
nap (void)
{
  (void)nanosleep (&(struct timespec){ .tv_nsec = NAP_NANOSECONDS }, NULL);
}

/* ---- What goes wrong ---------------------------------------------------------------------------------------- */

static WctStatus
cuda_failed (cudaError_t code, const char *what, WctError *err)
{
  return wct_error_set (err, WCT_ERR_DEVICE, "CUDA: %s failed: %s (%s)", what, cudaGetErrorString (code),
                        cudaGetErrorName (code));
}

static WctStatus
nccl_failed (const Sums *sums, ncclResult_t code, const char *what, WctError *err)
{
  const char *detail = ncclGetLastError (sums == NULL ? NULL : sums->comm);

  return wct_error_set (err, WCT_ERR_IO, "NCCL: %s failed: %s%s%.200s; NCCL_DEBUG=WARN tells more", what,
                        ncclGetErrorString (code), detail == NULL || detail[0] == '\0' ? "" : ": ",
                        detail == NULL ? "" : detail);
}

static WctStatus
check_cuda (cudaError_t code, const char *what, WctError *err)
{
  return code == cudaSuccess ? WCT_OK : cuda_failed (code, what, err);
}

/* Ends the kernels that wait for others: who frees memory of the card would wait for them. */
static void
stop (Sums *sums)
{
  if (sums->comm != NULL)
    (void)ncclCommAbort (sums->comm);
  sums->comm = NULL;
}

/* NCCL has noticed something: who is gone, as all ranks tell it, else what NCCL calls it. */
static WctStatus
explain (Sums *sums, ncclResult_t code, const char *what, WctError *err)
{
  const int64_t until = now_ms () + LAST_WORDS_MS;
  WctStatus     status = sums->check (err);

  while (status == WCT_OK && now_ms () < until)
    {
      nap ();
      status = sums->check (err);
    }
  return status == WCT_OK ? nccl_failed (sums, code, what, err) : status;
}

/* Is all well so far? */
static WctStatus
look_around (Sums *sums, const char *what, bool *in_progress, WctError *err)
{
  ncclResult_t state = ncclSuccess, asked = ncclCommGetAsyncError (sums->comm, &state);

  *in_progress = state == ncclInProgress;
  if (asked != ncclSuccess || (state != ncclSuccess && state != ncclInProgress))
    return explain (sums, asked != ncclSuccess ? asked : state, what, err);
  if (now_ms () - sums->checked < CHECK_EVERY_MS)
    return WCT_OK;
  sums->checked = now_ms ();
  return sums->check (err);
}

/* Calls come back at once; this waits until what @code began is under way. */
static WctStatus
settle (Sums *sums, ncclResult_t code, const char *what, int64_t until, WctError *err)
{
  bool      in_progress = code == ncclInProgress;
  WctStatus status = WCT_OK;

  if (code != ncclSuccess && code != ncclInProgress)
    return explain (sums, code, what, err);
  while (in_progress)
    {
      WCT_TRY (look_around (sums, what, &in_progress, err));
      if (in_progress && now_ms () > until)
        return wct_error_set (err, WCT_ERR_IO,
                              "NCCL: %s took too long; see whether its network works between all machines "
                              "(NCCL_SOCKET_IFNAME, NCCL_DEBUG=WARN), or raise $WCT_CONNECT_TIMEOUT",
                              what);
      nap ();
    }

out:
  return status;
}

/* ---- Opening ------------------------------------------------------------------------------------------------ */

/* CUDA calls a missing driver one that is too old. */
static WctStatus
count_cards (int *cards, WctError *err)
{
  int driver = 0;

  if (cudaDriverGetVersion (&driver) == cudaSuccess && driver == 0)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED, "CUDA finds no driver of NVIDIA's on this machine; install it");
  return check_cuda (cudaGetDeviceCount (cards), "looking for graphics cards", err);
}

static WctStatus
prepare (int card, char *detail, size_t size, WctError *err)
{
  int       cards = 0, version = 0;
  WctStatus status;

  WCT_TRY (count_cards (&cards, err));
  assert (cards > 0);
  WCT_TRY (check_cuda (cudaSetDevice (card % cards), "taking a card", err));
  (void)ncclGetVersion (&version);
  snprintf (detail, size, "NCCL %d.%d.%d", version / 10000, version / 100 % 100, version % 100);

out:
  return status;
}

static WctStatus
name (WctNcclName *out, WctError *err)
{
  ncclUniqueId id;
  ncclResult_t code = ncclGetUniqueId (&id);

  if (code != ncclSuccess)
    return nccl_failed (NULL, code, "finding an address for the ranks to meet", err);
  memcpy (out->bytes, id.internal, sizeof out->bytes);
  return WCT_OK;
}

static WctStatus
meet (Sums *sums, const WctNcclWorld *world, WctError *err)
{
  ncclConfig_t  config = NCCL_CONFIG_INITIALIZER;
  const int64_t until = now_ms () + world->timeout_seconds * INT64_C (1000);
  ncclUniqueId  id;
  ncclResult_t  code;

  config.blocking = 0;
  memcpy (id.internal, world->name.bytes, sizeof id.internal);
  code = ncclCommInitRankConfig (&sums->comm, world->ranks, id, world->rank, &config);
  if (code != ncclSuccess && code != ncclInProgress)
    return nccl_failed (NULL, code, "meeting the other ranks", err);
  return settle (sums, code, "meeting the other ranks", until, err);
}

static void
close_sums (void **ctx)
{
  Sums *sums = *ctx;

  if (sums == NULL)
    return;
  /* At the end of a run all sums are done everywhere: ranks vote on going on after each step. Else all is lost. */
  stop (sums);
  if (sums->done != NULL)
    (void)cudaEventDestroy (sums->done);
  if (sums->stream != NULL)
    (void)cudaStreamDestroy (sums->stream);
  (void)cudaFree (sums->sums);
  wct_free (ctx);
}

static WctStatus
open_sums (const WctNcclWorld *world, void **ctx, WctError *err)
{
  Sums     *sums = NULL;
  int       least = 0, greatest = 0;
  WctStatus status;

  WCT_TRY (wct_alloc (1, sizeof *sums, "sums by NCCL", &sums, err));
  sums->bucket.values = WCT_BUCKET_VALUES;
  sums->check = world->check;
  /* A ring adds in an order that is the same for the same machines. Switches that add on the way (NVLS) promise none.
   */
  (void)setenv ("NCCL_ALGO", "Ring", 0);
  WCT_TRY (check_cuda (cudaDeviceGetStreamPriorityRange (&least, &greatest), "asking for priorities", err));
  WCT_TRY (
    check_cuda (cudaStreamCreateWithPriority (&sums->stream, cudaStreamNonBlocking, greatest), "making a stream", err));
  WCT_TRY (check_cuda (cudaEventCreateWithFlags (&sums->done, cudaEventDisableTiming), "making an event", err));
  WCT_TRY (check_cuda (cudaMalloc ((void **)&sums->sums, WCT_BUCKET_VALUES * sizeof (float)), "room for sums", err));
  WCT_TRY (meet (sums, world, err));
  *ctx = sums;
  sums = NULL;

out:
  close_sums (&(void *){ sums });
  return status;
}

/* ---- Sums --------------------------------------------------------------------------------------------------- */

static WctStatus
copy_parts (Sums *sums, bool back, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int i = 0; i < sums->bucket.part_count && status == WCT_OK; i++)
    {
      const WctBucketPart *part = &sums->bucket.parts[i];
      float               *inside = sums->sums + part->at;

      status = check_cuda (cudaMemcpyAsync (back ? part->values : inside, back ? inside : part->values,
                                            part->count * sizeof (float), cudaMemcpyDefault, sums->stream),
                           "copying gradients", err);
    }
  return status;
}

static WctStatus
send (Sums *sums, WctError *err)
{
  static const char what[] = "a sum over all ranks";
  ncclResult_t      code;
  WctStatus         status;

  WCT_TRY (copy_parts (sums, false, err));
  code = ncclAllReduce (sums->sums, sums->sums, sums->bucket.filled, ncclFloat, ncclSum, sums->comm, sums->stream);
  WCT_TRY (settle (sums, code, what, INT64_MAX, err));
  WCT_TRY (copy_parts (sums, true, err));
  wct_bucket_clear (&sums->bucket);

out:
  return status;
}

static WctStatus
begin (void *ctx, float *values, size_t count, WctError *err)
{
  Sums     *sums = ctx;
  WctStatus status = WCT_OK;

  while (count > 0)
    {
      const size_t taken = wct_bucket_put (&sums->bucket, values, count);

      values += taken;
      count -= taken;
      if (wct_bucket_is_full (&sums->bucket))
        WCT_TRY (send (sums, err));
    }

out:
  if (status != WCT_OK)
    stop (sums);
  return status;
}

static WctStatus
finish (void *ctx, WctError *err)
{
  Sums       *sums = ctx;
  cudaError_t state;
  bool        in_progress;
  WctStatus   status;

  if (sums->bucket.filled > 0)
    WCT_TRY (send (sums, err));
  WCT_TRY (check_cuda (cudaEventRecord (sums->done, sums->stream), "marking the end of sums", err));
  while ((state = cudaEventQuery (sums->done)) == cudaErrorNotReady)
    {
      WCT_TRY (look_around (sums, "a sum over all ranks", &in_progress, err));
      nap ();
    }
  WCT_TRY (check_cuda (state, "a sum over all ranks", err));

out:
  if (status != WCT_OK)
    stop (sums);
  return status;
}

__attribute__ ((visibility ("default"))) extern const WctNccl wct_nccl;

const WctNccl wct_nccl = {
  .version = WCT_VERSION,
  .prepare = prepare,
  .name = name,
  .open = open_sums,
  .close = close_sums,
  .begin = begin,
  .finish = finish,
};
