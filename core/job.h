/* Inside a job, for its own files: job.c makes and changes it, job-memory.c foretells what it takes, job-level.c is one
 * level of the cascade, job-run.c runs it. */
#ifndef WCT_JOB_INTERNAL_H
#define WCT_JOB_INTERNAL_H

#include <wct/job.h>

#include "cascade.h"
#include "monitor.h"
#include "original.h"
#include "regions.h"
#include "swap.h"
#include "transform.h"

/* The styles of a region, for other weights later. */
typedef struct
{
  size_t     count;
  WctStyle **styles; /* owned; counted each */
} WctBlend;

struct WctJob
{
  WctModel     *model;   /* counted */
  WctBackend   *backend; /* borrowed */
  WctParams     params;
  int           regions;  /* 1 where styles are for the whole picture */
  WctMask      *masks;    /* owned; (regions), or NULL: the one region is the whole picture */
  double       *alpha;    /* owned; (regions, WCT_LEVELS): a region's own strengths; NaN: the parameters' */
  WctBlend     *blends;   /* owned; (regions) */
  WctColoring **coloring; /* owned; (regions, WCT_LEVELS), NULL for levels that are off */
  WctSwap      *swap;     /* owned; of the deepest level; NULL where it is not relu5_1, or a style keeps no patches */
  WctCascade    cascade;
  WctOriginal   original;      /* as large as the content; the cascade is as what is worked on */
  size_t        memory_limit;  /* bytes; 0: half of what is free */
  bool          settled;       /* is it decided what goes to files, at the cascade's size? */
  size_t        needed, limit; /* then; bytes */
  int32_t       rows_put;      /* of the picture that goes in */
  bool          done;          /* the picture that came out is there */
  int           map_count;     /* 0: none */
  WctAffine   **maps;          /* owned; (passes, WCT_LEVELS, regions) of the last run, NULL for levels that are off */
  WctMoments  **moments;       /* owned; (WCT_LEVELS, regions) of its last pass, likewise */
  bool          solved;        /* are the maps those of a whole run? */
  bool          frozen;        /* they are another job's, and stay */
  bool          ran;           /* a whole run's pictures are kept */
  bool          reweighted;    /* since then */
  WctParams     ran_with;
  double        kept_colors; /* of the result that is there: the content's share, 0 to 1 */

  /* Owned; of the whole picture, in a level's last pass where a region was too small for moments of its own; or NULL.
   */
  WctMoments *whole[WCT_LEVELS];
};

/* ---- job.c ---- */

/* Bit (level - 1) for each level that is on. */
unsigned wct_job_levels (const WctParams *params);

/* Are patches swapped? Only relu5_1 has some. */
bool wct_job_swaps (const WctParams *params);

/* ---- job-memory.c ---- */

/* What a run takes where nobody said: half of what is free. */
size_t wct_job_default_limit (void);

WctStatus wct_job_check_size (int32_t width, int32_t height, WctError *err);

/* Plans, for contents of this size. */
WctStatus wct_job_plan (WctJob *job, int32_t width, int32_t height, WctError *err);

/* Decides what goes to files, once for each size and limit. */
void      wct_job_settle (WctJob *job);
WctStatus wct_job_check_limit (const WctJob *job, WctError *err);

/* Does what goes into the cascade stay there for its colors? */
bool wct_job_has_content (const WctJob *job);
bool wct_job_has_soft_masks (const WctJob *job);

/* ---- job-level.c ---- */

/* Maps and moments, where they are not there yet. */
WctStatus wct_job_allocate_maps (WctJob *job, WctError *err);
void      wct_job_free_maps (WctJob *job);

/* Stage @i of pass @pass. @measured: are its moments and features there, from a run on the same picture? */
WctStatus wct_job_stylize_level (WctJob *job, int i, int pass, bool measured, WctMonitor *monitor, WctError *err);

/* Multiply-adds of a pass from stage @first on, whose moments and features are there where it is @measured. */
double wct_job_work (const WctJob *job, int first, bool measured);

/* ---- job-run.c ---- */

/* Of equal sizes, 3 channels, and the content finite. */
WctStatus wct_job_check_pictures (const WctImage *content, const WctImage *result, WctError *err);

#endif
