/* A job: a model, styles and parameters, ready to run on pictures. */
#ifndef WCT_JOB_H
#define WCT_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wct/backend.h>
#include <wct/hooks.h>
#include <wct/image.h>
#include <wct/model.h>
#include <wct/params.h>
#include <wct/status.h>
#include <wct/style.h>

WCT_BEGIN_C

typedef struct WctJob WctJob;

/* A part of the picture with styles of its own. Everything is borrowed, as in WctJobSpec. */
typedef struct
{
  WctImage mask; /* 1 channel, any size: it is stretched over the content. How much of the region is where,
                  * 0 to 1; with hard_masks: there, where it is above 0.5. A later region covers the ones before
                  * it, as far as it goes itself; where none is, the picture is only reconstructed. Without pixels:
                  * its rows come by wct_job_put_mask_rows */
  size_t           style_count; /* 1 or more */
  WctStyle *const *styles;
  const double    *weights; /* as WctJobSpec's */
  const double    *alpha;   /* (WCT_LEVELS) strengths, 0 to 1; NULL: the parameters' */
} WctRegion;

/* Everything is borrowed for the call of wct_job_new; the job takes references or copies. */
typedef struct
{
  WctModel        *model;
  WctBackend      *backend; /* must outlive the job */
  const WctParams *params;
  size_t           style_count;  /* 1 or more; not used where there are regions */
  WctStyle *const *styles;       /* measured with @model, at every level that @params has on; where @params has swap
                                  * above 0 (then or later) with WCT_STYLE_PATCHES. The swap is for jobs without
                                  * regions */
  const double    *weights;      /* of the blend: 0 or more, not all 0, any sum; NULL: all equal */
  size_t           region_count; /* 0: the styles are for the whole picture */
  const WctRegion *regions;
} WctJobSpec;

/**
 * wct_job_new: check everything and prepare the styles' side of the transform (Li et al. 2017, section 3.2).
 * @out: on WCT_OK the caller's; untouched otherwise
 * Any thread.
 */
WCT_API WctStatus wct_job_new (const WctJobSpec *spec, WctJob **out, WctError *err);

/**
 * wct_job_put_mask_rows: a mask that is never in memory as a whole, in floats; the job keeps a byte for each pixel.
 * @region: 0 for the first one, which was made without pixels
 * @rows: rows from @first on, 1 channel, the mask's width; borrowed. Each row once, in any order, before a run
 * Values are clipped to 0 … 1; WCT_ERR_NUMERIC for one that is not finite. Not while the job runs.
 */
WCT_API WctStatus wct_job_put_mask_rows (WctJob *job, size_t region, const WctImage *rows, int32_t first,
                                         WctError *err);

/**
 * wct_job_set_params: other strengths, damping, passes, map, style swap, colors to keep and working size for the runs
 * to come.
 * @params: borrowed; levels and eigenvalue floor as the job was made with, or WCT_ERR_ARGUMENT
 * Plans stay: where somebody moves a slider, this is cheaper than another job. With the style swap turned on or off, or
 * other patches, memory is another thing: the next is a whole run, no wct_job_rerun. Not while the job runs.
 */
WCT_API WctStatus wct_job_set_params (WctJob *job, const WctParams *params, WctError *err);

/**
 * wct_job_set_styles: other styles for the runs to come.
 * @count, @styles, @weights: borrowed, as WctJobSpec's
 * Plans stay: where every picture has another style, this is cheaper than another job; the same bits. WCT_ERR_ARGUMENT
 * for a job with regions, and for styles that wct_job_new would refuse: the job then keeps those it has. Not while the
 * job runs.
 */
WCT_API WctStatus wct_job_set_styles (WctJob *job, size_t count, WctStyle *const *styles, const double *weights,
                                      WctError *err);

/**
 * wct_job_set_weights: another blend of the same styles for the runs to come.
 * @region: its number, from 0 on; 0 where there are no regions
 * @weights: borrowed; one for each of its styles, as WctJobSpec's. NULL: all equal
 *
 * The bits of a job made with these weights, for a sum of matrices: the styles keep what is costly. Weights that
 * cannot be used, or a region that is not there, are WCT_ERR_ARGUMENT and the blend stays. Not while the job runs.
 */
WCT_API WctStatus wct_job_set_weights (WctJob *job, size_t region, const double *weights, WctError *err);

/**
 * wct_job_freeze: the runs to come map features as @solved did in its last run, whatever their pictures show.
 * @solved: with equal levels, passes and channels, without masks, and run with success at least once; borrowed for the
 *          call. NULL: each run takes its own picture's statistics again
 *
 * For a part of a picture, which has to look as it does in the whole, and for the frames of a sequence. Where the whole
 * is worked on at a working size, the part's has to be as much smaller as the part is: the caller sets it.
 * WCT_ERR_ARGUMENT where the two do not fit. Not while either runs.
 */
WCT_API WctStatus wct_job_freeze (WctJob *job, const WctJob *solved, WctError *err);

/**
 * wct_job_limit_memory: how much memory runs may take at their peak, beyond what is in use before.
 * @bytes: 0: half of what is free (the default)
 * Where the picture or a level's features do not fit, they go to a temporary file without a name, in $TMPDIR or
 * /var/tmp. The result has the same bits. Not while the job runs.
 */
WCT_API void wct_job_limit_memory (WctJob *job, size_t bytes);

/**
 * wct_job_memory: how much memory a run will take at its peak, beyond what is in use before this call.
 * @width, @height: of the content
 * @bytes: written on WCT_OK; more than the limit where even temporary files do not help: wct_job_begin refuses then
 *
 * Makes the plans, which the run then finds there: packed weights are allocated here, and counted. The caller's own
 * pictures are not.
 */
WCT_API WctStatus wct_job_memory (WctJob *job, int32_t width, int32_t height, size_t *bytes, WctError *err);

/* After wct_job_memory or wct_job_begin: will that run use temporary files? */
WCT_API bool wct_job_uses_files (const WctJob *job);

/**
 * A run in four steps, for pictures that are never in memory as a whole. wct_job_run is the same at once.
 *
 *   wct_job_begin      makes room for a picture of this size. WCT_ERR_NO_MEMORY where the limit does not allow it
 *   wct_job_put_rows   the content's rows from @first on, interleaved R, G, B; each row once, in any order; finite
 *   wct_job_process    stylizes
 *   wct_job_get_rows   the result's rows, in any order, as often as wanted, until the next run. Not clipped
 *
 * Where colors are kept or the picture is worked on smaller than it is, its rows stay beside the work, for
 * wct_job_get_rows: three floats a pixel, in a temporary file where memory is short. That is decided by the parameters
 * at wct_job_begin.
 *
 * Different threads may take different steps, one at a time. Errors and hooks as for wct_job_run.
 */
WCT_API WctStatus wct_job_begin (WctJob *job, int32_t width, int32_t height, WctError *err);
WCT_API WctStatus wct_job_put_rows (WctJob *job, const WctImage *rows, int32_t first, WctError *err);
WCT_API WctStatus wct_job_process (WctJob *job, const WctHooks *hooks, WctError *err);
WCT_API WctStatus wct_job_get_rows (const WctJob *job, int32_t first, WctImage *rows, WctError *err);

/**
 * wct_job_run: stylize @content (or noise: a texture).
 * @content: borrowed; 3 channels, any size from 1×1; finite
 * @result: 3 channels, the content's size; written on WCT_OK only. May be the same view as @content. Not clipped.
 * @hooks: may be NULL; called on this thread
 *
 * The deepest level first, each on the picture that the level before made. A job may run many times and keeps its
 * plans while the size stays the same. Same input, same bits out, whatever the number of threads. Any thread, one run
 * at a time for each back end.
 */
WCT_API WctStatus wct_job_run (WctJob *job, const WctImage *content, WctImage *result, const WctHooks *hooks,
                               WctError *err);

/**
 * wct_job_keep: the runs to come keep the picture between all levels, for wct_job_rerun.
 * Costs three floats a pixel for each level, and its features. Before the first run.
 */
WCT_API void wct_job_keep (WctJob *job);

/**
 * wct_job_rerun: the last run once more, with the strengths and weights that were set since.
 * @result: of the last run's size; else as wct_job_run's
 * Only the deepest level that changed and those after it are computed: the same bits as a whole run, sooner. Where just
 * the colors to keep changed, none is.
 * WCT_ERR_ARGUMENT where the last run was not kept, failed, has more than one pass, was at another working size, or was
 * before wct_job_freeze.
 */
WCT_API WctStatus wct_job_rerun (WctJob *job, WctImage *result, const WctHooks *hooks, WctError *err);

WCT_API void wct_job_free (WctJob **job); /* NULL is welcome; sets *job to NULL */

/**
 * wct_reconstruct: the autoencoder of one level alone, to see what its decoder can do.
 * Parameters as for wct_job_run.
 */
WCT_API WctStatus wct_reconstruct (const WctModel *model, WctBackend *backend, int level, const WctImage *content,
                                   WctImage *result, const WctHooks *hooks, WctError *err);

/* How much memory that will take at its peak, as wct_job_memory. */
WCT_API WctStatus wct_reconstruct_memory (const WctModel *model, WctBackend *backend, int level, int32_t width,
                                          int32_t height, size_t *bytes, WctError *err);

WCT_END_C

#endif
