/* The levels of a job at one size of picture: plans, maps, and the picture between them. */
#ifndef WCT_CASCADE_H
#define WCT_CASCADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wct/image.h>
#include <wct/model.h>

#include "backend/backend.h"

/* One level: plans and the map between them. */
typedef struct
{
  int        level; /* 1 … WCT_LEVELS */
  WctShape   shape; /* of its features */
  WctPlan   *encoder, *decoder;
  WctTensor *input; /* NULL: the cascade's picture; else the stage's own, which stays */
  WctTensor *features;
} WctStage;

/* Kept from run to run. All zero: nothing yet. */
typedef struct
{
  WctBackend *backend; /* borrowed; NULL: not planned */
  int32_t     width, height;
  float      *planar;             /* owned; (3, h, w), padded: NULL until a picture was loaded */
  WctTensor  *picture;            /* the same, for the back end */
  WctStage    stages[WCT_LEVELS]; /* deepest first */
  int         count;
  bool        keeps; /* what goes into each stage stays: to be set before a picture is loaded */
} WctCascade;

/**
 * wct_cascade_plan: make the plans of these levels for pictures of this size, unless they are those there already.
 * No maps yet: enough for wct_cascade_memory and wct_cascade_work.
 */
WctStatus wct_cascade_plan (WctCascade *cascade, const WctModel *model, WctBackend *backend, unsigned levels,
                            int32_t width, int32_t height, WctError *err);
void      wct_cascade_clear (WctCascade *cascade);

/* Bytes at a run's peak: plans, maps, scratch. */
size_t wct_cascade_memory (const WctCascade *cascade);

/* Multiply-adds of one pass from stage @first on, which progress is measured in. */
double wct_cascade_work (const WctCascade *cascade, const WctModel *model, int first);

/* Where the picture is before stage @i; after the last one, for `count`. */
WctTensor *wct_cascade_picture (const WctCascade *cascade, int i);

/* @content: of the size planned. */
WctStatus wct_cascade_load (WctCascade *cascade, const WctImage *content, WctError *err);

/* The picture into `planar`; WCT_ERR_NUMERIC where it is not finite. */
WctStatus wct_cascade_fetch (WctCascade *cascade, WctError *err);

/* Between passes: the picture is cut to its size and continued anew, as if it had been saved and loaded. */
WctStatus wct_cascade_continue (WctCascade *cascade, WctError *err);

#endif
