/* Sums of gradients over all ranks, begun one after the other and waited for together, so that a sum is on its way
 * while the next gradient is computed.
 *
 * On graphics cards NCCL makes them, from card to card; else they go through the memory of the processor, by whatever
 * carries the ranks (parallel.h), where a sum is done as soon as it is begun. Both give every rank the same bits. In a
 * world of one nothing happens. */
#ifndef WCT_TRAINER_PARALLEL_REDUCE_H
#define WCT_TRAINER_PARALLEL_REDUCE_H

#include <stdbool.h>
#include <stddef.h>

#include <wct/status.h>

typedef struct WctReducer WctReducer;

/**
 * wct_reducer_open: before the back end is opened.
 * @on_cards: gradients will lie where a card's kernels reach them
 * @out: on WCT_OK the caller's
 *
 * With several ranks each takes the card of its place on its machine, modulo the number of cards that it sees, unless
 * $WCT_CUDA_DEVICE is set; else it sets that, for the back end.
 */
WctStatus wct_reducer_open (bool on_cards, WctReducer **out, WctError *err);

/* After it was opened; every rank comes here, at the same point. Where there is no NCCL on any one rank all go on
 * without it, and wct_reducer_complaint says why. */
WctStatus wct_reducer_meet (WctReducer *reducer, WctError *err);

/* Ends what is under way, waiting for nobody. NULL is welcome. */
void wct_reducer_close (WctReducer **reducer);

/* Why this is slower than it could be, on the first rank that knows; else "". */
const char *wct_reducer_complaint (const WctReducer *reducer);

/* What makes the sums, for people: "NCCL 2.28.9"; "" where it is what carries the ranks. */
const char *wct_reducer_detail (const WctReducer *reducer);

/**
 * wct_reducer_begin: the sum over all ranks of @values, in place; every rank begins the same sums in the same order.
 * @values: the reducer's until wct_reducer_finish
 *
 * After a failure, here or in finish, all ranks fail with one sentence, and only close may follow.
 */
WctStatus wct_reducer_begin (WctReducer *reducer, float *values, size_t count, WctError *err);

/* Waits for all sums that were begun. */
WctStatus wct_reducer_finish (WctReducer *reducer, WctError *err);

#endif
