/* Style swap (Chen and Schmidt 2016, Fast patch-based style transfer of arbitrary style, section 3.1; at relu5_1 of the
 * cascade as in Li et al. 2017): each patch of the content's whitened features is replaced by the style's most similar
 * one, by normalized cross-correlation, and overlaps are averaged. With features f, the level's map a, strength α of it
 * and s of the swap
 *
 *   f' = (1 - s) a (f) + s (α (C swap (f) + μs) + (1 - α) f)
 *
 * for whitening and coloring the same as swapping between the two. In a blend each style's patches are swapped in and
 * colored for themselves, and added up by weight, as everything is in a blend.
 *
 * Patches lie wholly within a map, so features near its edge are in fewer of them. A side is of any size, even ones
 * too, as nothing is centered; where the content or a style is smaller, patches are as large as fits. */
#ifndef WCT_SWAP_H
#define WCT_SWAP_H

#include <stdbool.h>
#include <stddef.h>

#include <wct/params.h>
#include <wct/style.h>

#include "backend/backend.h"

typedef struct WctSwap WctSwap;

/* @styles: (count), that keep patches; the swap takes references. @weights: (count), with any sum; NULL: all equal */
WctStatus wct_swap_new (WctStyle *const *styles, const double *weights, size_t count, double floor, WctSwap **out,
                        WctError *err);
void      wct_swap_free (WctSwap **swap);

/* Another blend of the same styles. What was found for them stays. */
void wct_swap_set_weights (WctSwap *swap, const double *weights);

/* Room for the whitening of each pass of a run. */
WctStatus wct_swap_reserve (WctSwap *swap, int passes, WctError *err);

/* A run without the swap is to come: what was whitened before is nobody's any more. */
void wct_swap_forget (WctSwap *swap);

/* The runs to come whiten as @solved did in its last run, of as many passes. NULL: it cannot swap. */
WctStatus wct_swap_freeze (WctSwap *swap, const WctSwap *solved, WctError *err);

/* What a run takes, that the swap does not have already; @keeps: as in WctSwapLevel. */
size_t wct_swap_memory (const WctSwap *swap, WctBackend *backend, WctShape features, const WctParams *params,
                        int passes, bool keeps);

/* Where patches were found for the same features before. */
bool wct_swap_found (const WctSwap *swap, const WctParams *params);

/* Multiply-adds; @found: as wct_swap_found says for features that did not change. */
double wct_swap_work (const WctSwap *swap, WctShape features, const WctParams *params, bool found);

/* What is swapped. Everything is borrowed. */
typedef struct
{
  WctBackend       *backend;
  const WctParams  *params; /* damping, swap, swap_patch and swap_stride are used */
  double            alpha;  /* of the level's map */
  WctShape          shape;  /* of the features */
  int               pass;
  const WctMoments *content; /* NULL: whitening stays as it was frozen */
  const WctAffine  *map;     /* of the level */
  WctStore         *kept;    /* the features */
  bool              fresh;   /* are they others than in the last run? */
  bool              keeps;   /* do they stay as they are? Else they are overwritten */
} WctSwapLevel;

/**
 * wct_swap_run: what the level's decoder is to be given.
 * @out: kept features; @level's own, or the swap's, which stay until the next run
 * Advances @monitor by wct_swap_work. The same bits on any number of threads.
 */
WctStatus wct_swap_run (WctSwap *swap, const WctSwapLevel *level, WctStore **out, WctMonitor *monitor, WctError *err);

#endif
