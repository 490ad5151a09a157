/* Sums of gradients: through the memory of the processor, or by NCCL where every rank has it. */
#include "parallel-reduce.h"

#include <stdio.h>
#include <stdlib.h>

#include "mem.h"
#include "ranks.h"

#include "parallel-module.h"
#include "parallel.h"

#define CARD     "WCT_CUDA_DEVICE"
#define CARD_MAX 4095

struct WctReducer
{
  const WctNccl *nccl; /* NULL: not here */
  WctError       why;  /* it is not */
  void          *ctx;  /* nccl's; NULL: what carries the ranks makes the sums */
  bool           on_cards;
  char           detail[64];
  char           complaint[WCT_MESSAGE_SIZE];
};

/* ---- Opening ------------------------------------------------------------------------------------------------ */

/* Of its place on its machine, unless somebody knows better. The back end reads it, too. */
static WctStatus
choose_card (int *card, WctError *err)
{
  char place[16];

  *card = wct_parallel_local_rank ();
  if (wct_variable_is_set (CARD))
    return wct_variable_read (CARD, 0, CARD_MAX, card, err);
  snprintf (place, sizeof place, "%d", *card);
  if (setenv (CARD, place, 1) != 0)
    return wct_error_set (err, WCT_ERR_NO_MEMORY, "$" CARD " cannot be set: out of memory");
  return WCT_OK;
}

/* What this rank needs of its own, before it can meet others. */
static WctStatus
open_module (int card, const WctNccl **out, char *detail, size_t size, WctError *why)
{
  const WctNccl *nccl = NULL;
  WctStatus      status;

  WCT_TRY (wct_module_open_nccl (&nccl, why));
  WCT_TRY (nccl->prepare (card, detail, size, why));
  *out = nccl;

out:
  return status;
}

WctStatus
wct_reducer_open (bool on_cards, WctReducer **out, WctError *err)
{
  WctReducer *reducer = NULL;
  int         card;
  WctStatus   status;

  WCT_TRY (wct_alloc (1, sizeof *reducer, "sums over all ranks", &reducer, err));
  reducer->on_cards = on_cards;
  if (on_cards && wct_parallel_ranks () > 1)
    {
      WCT_TRY (choose_card (&card, err));
      (void)open_module (card, &reducer->nccl, reducer->detail, sizeof reducer->detail, &reducer->why);
    }
  else
    (void)wct_error_set (&reducer->why, WCT_ERR_UNSUPPORTED, "rank %d does not compute on a graphics card",
                         wct_parallel_rank ());
  *out = reducer;
  reducer = NULL;

out:
  wct_reducer_close (&reducer);
  return status;
}

void
wct_reducer_close (WctReducer **reducer)
{
  if (*reducer != NULL && (*reducer)->nccl != NULL)
    (*reducer)->nccl->close (&(*reducer)->ctx);
  wct_free (reducer);
}

/* ---- Meeting ------------------------------------------------------------------------------------------------ */

/* All ranks or none: one that goes on alone would wait for the others. @here: did it go well? Else why has the
 * sentence. */
static WctStatus
agree (WctReducer *reducer, bool here, bool *everywhere, WctError *err)
{
  int       first = -1;
  WctStatus status;

  WCT_TRY (wct_parallel_first_where (!here, &first, err));
  *everywhere = first < 0;
  if (first == wct_parallel_rank ())
    snprintf (reducer->complaint, sizeof reducer->complaint,
              "gradients are summed by way of the processor, which is slower than NCCL: %.400s", reducer->why.message);

out:
  return status;
}

WctStatus
wct_reducer_meet (WctReducer *reducer, WctError *err)
{
  const WctNccl *nccl = reducer->nccl;
  WctNcclWorld   world = { .rank = wct_parallel_rank (),
                           .ranks = wct_parallel_ranks (),
                           .timeout_seconds = wct_parallel_timeout (),
                           .check = wct_parallel_check };
  bool           wanted, all;
  WctStatus      status;

  WCT_TRY (wct_parallel_any (reducer->on_cards && world.ranks > 1, &wanted, err));
  if (!wanted)
    return WCT_OK;
  WCT_TRY (agree (reducer, nccl != NULL, &all, err));
  if (all)
    WCT_TRY (agree (reducer, world.rank > 0 || nccl->name (&world.name, &reducer->why) == WCT_OK, &all, err));
  if (!all)
    return WCT_OK;
  WCT_TRY (wct_parallel_bytes_from_first (&world.name, sizeof world.name, err));
  WCT_TRY (agree (reducer, nccl->open (&world, &reducer->ctx, &reducer->why) == WCT_OK, &all, err));
  if (!all)
    nccl->close (&reducer->ctx);

out:
  return status;
}

const char *
wct_reducer_complaint (const WctReducer *reducer)
{
  return reducer->complaint;
}

const char *
wct_reducer_detail (const WctReducer *reducer)
{
  return reducer->ctx == NULL ? "" : reducer->detail;
}

/* ---- Sums --------------------------------------------------------------------------------------------------- */

WctStatus
wct_reducer_begin (WctReducer *reducer, float *values, size_t count, WctError *err)
{
  if (reducer->ctx == NULL)
    return wct_parallel_sum_floats (values, count, err);
  return reducer->nccl->begin (reducer->ctx, values, count, err);
}

WctStatus
wct_reducer_finish (WctReducer *reducer, WctError *err)
{
  return reducer->ctx == NULL ? WCT_OK : reducer->nccl->finish (reducer->ctx, err);
}
