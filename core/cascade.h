/* The levels of a job at one size of picture: plans, and the stores between passes. */
#ifndef WCT_CASCADE_H
#define WCT_CASCADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wct/image.h>
#include <wct/model.h>

#include "backend/backend.h"
#include "store.h"
#include "tile.h"

/* One level. */
typedef struct
{
  int       level;   /* 1 … WCT_LEVELS */
  WctShape  shape;   /* of its features */
  WctShape  picture; /* that goes in and comes out: the cascade's, with the halo around it */
  int32_t   halo;    /* pixels; 0 where the picture is not to tile */
  WctPlan  *encoder, *decoder;
  int       encoder_layers;
  double    encoder_work, decoder_work; /* multiply-adds */
  bool      keeps_features; /* from the pass that measures to the one that maps; else they are encoded twice */
  WctStore *input;          /* NULL: the cascade's picture; else the stage's own, which stays */
  WctStore *features;       /* NULL: the cascade's; else the stage's own, which stay */
} WctStage;

/* Kept from run to run. All zero: nothing yet. */
typedef struct
{
  WctBackend *backend; /* borrowed; NULL: not planned */
  int32_t     width, height;
  WctShape    shape;              /* of the picture, mirrored to sides that divide by 16 */
  WctStage    stages[WCT_LEVELS]; /* deepest first */
  int         count;
  bool        keeps;    /* what goes into each stage, and its features, stay: to be set before it is planned */
  bool        seamless; /* is the picture to tile? The shape is a period's then (period.h), each stage has its halo */
  WctTile     tile;     /* where it is */

  /* Where memory is short, these are temporary files. */
  bool      picture_in_file, features_in_file;
  WctStore *picture;  /* rows of (3, w) */
  WctStore *features; /* of one stage at a time; NULL where none keeps them */
} WctCascade;

/**
 * wct_cascade_plan: make the plans of these levels for pictures of this size, unless they are those there already.
 * @seamless: is the picture to tile?
 * No stores yet: enough for wct_cascade_settle and the work of stages.
 */
WctStatus wct_cascade_plan (WctCascade *cascade, const WctModel *model, WctBackend *backend, unsigned levels,
                            int32_t width, int32_t height, bool seamless, WctError *err);
void      wct_cascade_clear (WctCascade *cascade);

/**
 * wct_cascade_settle: decide what is in memory and what in files.
 * @weights: the regions, of which only the number counts; NULL: one
 * @besides: bytes that the caller takes during a run
 * @limit: bytes that may be taken in all
 * Returns the bytes at a run's peak: more than @limit where even files do not help.
 */
size_t wct_cascade_settle (WctCascade *cascade, const WctRegionWeights *weights, size_t besides, size_t limit);

/* Makes the stores, unless they are there. */
WctStatus wct_cascade_allocate (WctCascade *cascade, WctError *err);

/* Where the picture is before stage @i; after the last one, for `count`. */
WctStore *wct_cascade_picture (const WctCascade *cascade, int i);

/* Where a stage's features are kept; NULL: nowhere. */
WctStore *wct_cascade_features (const WctCascade *cascade, const WctStage *stage);

/* Rows of the picture that goes in, interleaved; the caller has checked them. */
WctStatus wct_cascade_put_rows (WctCascade *cascade, const WctImage *rows, int32_t first, WctError *err);

/* Once all rows are there: what lies around them, by mirroring, or from the opposite side. */
WctStatus wct_cascade_complete (WctCascade *cascade, WctError *err);

/* Between stage @i and the next one: where the picture is to tile, the next one's halo. */
WctStatus wct_cascade_pass_on (const WctCascade *cascade, int i, WctError *err);

/* Rows of the picture that came out. */
WctStatus wct_cascade_get_rows (const WctCascade *cascade, int32_t first, const WctImage *rows, WctError *err);

/* One row of the picture that went in, where the cascade keeps it and no pass came after the first. @planes: scratch,
 * (3, shape.w) */
WctStatus wct_cascade_get_content (const WctCascade *cascade, int32_t y, float *planes, const WctImage *row,
                                   WctError *err);

/* Between runs of all stages: the picture that came out goes in, cut to its size and continued anew, as if it had been
 * saved and loaded. */
WctStatus wct_cascade_continue (WctCascade *cascade, WctError *err);

#endif
