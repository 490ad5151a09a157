/* The library, held ready for run after run: model, back end, styles measured before, and the last job's plans. */
#ifndef WCT_UI_ENGINE_H
#define WCT_UI_ENGINE_H

#include <stdbool.h>

#include <wct/hooks.h>
#include <wct/params.h>

#include "picture.h"

typedef struct WctEngine WctEngine;

/* @threads: 0: one for each processor. Opens nothing yet. */
WctEngine *wct_engine_new (int threads);
void       wct_engine_free (WctEngine **engine); /* NULL is welcome */

/* What is used, for people; the engine's. */
typedef struct
{
  char     model[4096]; /* path */
  char     backend[64];
  int      threads;
  unsigned levels; /* bit (level - 1): the model has a decoder for it */
} WctEngineInfo;

/* Finds and opens model and back end, where that was not done before. All calls below do it by themselves. */
WctStatus wct_engine_open (WctEngine *engine, WctEngineInfo *info, WctError *err);

#define WCT_ENGINE_STYLES_MAX  8
#define WCT_ENGINE_REGIONS_MAX 8

/* A picture, or a file of a style's statistics. */
typedef struct
{
  const WctPicture *picture;
  const char       *file; /* NULL: picture */
  double            weight;
} WctEngineStyle;

typedef struct
{
  const WctPicture *mask;
  int               style;    /* index; -1: the blend */
  double            strength; /* times the levels' strengths, 0 to 1; below 0: as they are */
} WctEngineRegion;

/* Pictures are borrowed. */
typedef struct
{
  const WctParams       *params;
  int                    style_count; /* 1 … WCT_ENGINE_STYLES_MAX */
  const WctEngineStyle  *styles;
  int                    region_count; /* 0 … WCT_ENGINE_REGIONS_MAX; not with whole */
  const WctEngineRegion *regions;
  const WctPicture      *content;
  const WctPicture      *whole; /* NULL, or what content is a part of, at any size: statistics are taken from it */
  int32_t                whole_working_size; /* the parameters' is the content's */
  bool                   check_memory;       /* refuse in one sentence what the machine's memory cannot hold */
} WctEngineRun;

/* A blend of styles on one picture, or on regions of it. @out: on WCT_OK a new picture of the content's size, not
 * clipped */
WctStatus wct_engine_run (WctEngine *engine, const WctEngineRun *run, const WctHooks *hooks, WctPicture **out,
                          WctError *err);

/* Measures a style at all levels that there are, and writes it to a style file (wct/style.h), which replaces what is
 * there: with the file's name, and the picture made small. */
WctStatus wct_engine_save_style (WctEngine *engine, const WctPicture *picture, const char *path, const WctHooks *hooks,
                                 WctError *err);

/* How many bytes a run on such a picture would take, with the pictures themselves; asked again, it is known. Needs no
 * style. */
WctStatus wct_engine_memory (WctEngine *engine, const WctParams *params, gint width, gint height, size_t *bytes,
                             WctError *err);

/* Do two runs on pictures of one size take the same memory? Strengths, and what is done to pictures before, make no
 * difference. */
bool wct_engine_same_cost (const WctParams *a, const WctParams *b);

/* WCT_ERR_NO_MEMORY with a sentence where that is more than is free. */
WctStatus wct_engine_check_memory (size_t needed, gint width, gint height, bool of_style, WctError *err);

#endif
