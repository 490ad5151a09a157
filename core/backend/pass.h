/* A pass over a picture: rows go in at the top, are encoded, measured, mapped and decoded on their way, and rows come
 * out at the bottom. A level of a job is two of them: one measures, and may keep the features; the other maps and
 * decodes. How much of a feature map is there at any time is the back end's business. */
#ifndef WCT_PASS_H
#define WCT_PASS_H

#include <stddef.h>
#include <stdint.h>

#include "moments.h"
#include "monitor.h"
#include "network.h"
#include "store.h"
#include "transform.h"

struct WctBackend;
struct WctPlan;

typedef enum
{
  WCT_WEIGHTS_MEASURED, /* what a position counts for in a region's moments */
  WCT_WEIGHTS_MAPPED    /* how much of the region's map it gets */
} WctWeightsUse;

/* Regions of a feature map: how much of each is where. */
typedef struct
{
  int         count;
  const void *data;

  /* Finds the positions of @rows rows from @first on that have a weight in @region. Writes them, counted row by row
   * from the first of these rows and rising, and their weights, above 0 and up to 1. Returns how many: what a region
   * costs is what it covers. Any thread. */
  int32_t (*pick) (const void *data, int region, WctWeightsUse use, int32_t first, int32_t rows, int32_t *positions,
                   float *weights);
} WctRegionWeights;

/* Features that are measured: behind the first @layers layers of the encoder. */
typedef struct
{
  int          layers;
  WctMoments **moments; /* one for each region, written; NULL where one is not to be measured */
  WctMoments  *whole;   /* of everything, where there are regions; NULL: not wanted */
} WctTap;

/* Everything is borrowed. Pictures lie row after row, each of (3, w) floats. */
typedef struct
{
  WctShape                picture, features;
  const WctStore         *from;    /* the picture; NULL: features that an earlier pass kept */
  struct WctPlan         *encoder; /* NULL where they are kept ones */
  const WctTap           *taps;
  int                     tap_count;
  const WctRegionWeights *weights; /* NULL: one region, everything */
  WctStore *kept; /* features, in the back end's order: written where there is a picture, else read; NULL */

  const WctAffine *const *maps;    /* one for each region; NULL where a region stays as it is. NULL: none */
  struct WctPlan         *decoder; /* NULL: the pass ends with the features */
  WctStore               *result;  /* a picture; may be the one that is read: rows are written after they were used */
} WctPass;

static inline int
wct_pass_regions (const WctPass *pass)
{
  return pass->weights == NULL ? 1 : pass->weights->count;
}

static inline size_t
wct_picture_row_bytes (WctShape picture)
{
  return (size_t)picture.c * (size_t)picture.w * sizeof (float);
}

/* Bytes of a picture in a store. */
static inline size_t
wct_picture_store_bytes (WctShape picture)
{
  return wct_picture_row_bytes (picture) * (size_t)picture.h;
}

/* Advances @monitor by the work of the plans (wct_layers_work). WCT_ERR_NUMERIC where the result is not finite. */
WctStatus wct_pass_run (struct WctBackend *backend, const WctPass *pass, WctMonitor *monitor, WctError *err);

/* Bytes that a pass allocates beyond what the back end has already. */
typedef struct
{
  size_t scratch; /* stays there for the next pass */
  size_t passing; /* goes with it */
} WctPassMemory;

/* Stores need not be there: whether they are NULL is all that counts. */
WctPassMemory wct_pass_memory (struct WctBackend *backend, const WctPass *pass);

/* Bytes of kept features. */
size_t wct_pass_kept_bytes (struct WctBackend *backend, WctShape features);

#endif
