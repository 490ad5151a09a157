/* Runs: the cascade of levels, deepest first (Li et al. 2017, section 3.3), at once, in steps, again, and frozen. */
#include "job.h"

#include <stdbool.h>

#include "chroma.h"
#include "mem.h"
#include "planar.h"
#include "reduce.h"

static WctStatus
check_masks_complete (const WctJob *job, WctError *err)
{
  for (int i = 0; job->masks != NULL && i < job->regions; i++)
    if (job->masks[i].rows_put != job->masks[i].height)
      return wct_error_set (err, WCT_ERR_ARGUMENT, "mask %d has %d rows and %d were put in; each is needed once", i + 1,
                            job->masks[i].height, job->masks[i].rows_put);
  return WCT_OK;
}

/* The last pass, from stage @first on. Until it is through, maps and pictures are of no use to others. */
static WctStatus
finish_run (WctJob *job, int first, bool measured, WctMonitor *monitor, WctError *err)
{
  WctStatus status = WCT_OK;

  job->solved = job->frozen;
  job->ran = job->done = false;
  for (int i = first; i < job->cascade.count; i++)
    WCT_TRY (wct_job_stylize_level (job, i, job->params.passes - 1, measured && i == first, monitor, err));
  if (first < job->cascade.count && wct_original_is_reduced (&job->original))
    WCT_TRY (wct_original_follow (&job->original, &job->cascade, err));
  job->solved = job->done = true;
  job->ran = job->cascade.keeps && job->params.passes == 1;
  job->ran_with = job->params;
  job->kept_colors = job->params.keep_colors / 100;
  job->reweighted = false;

out:
  return status;
}

WctStatus
wct_job_begin (WctJob *job, int32_t width, int32_t height, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_job_check_size (width, height, err));
  WCT_TRY (wct_job_plan (job, width, height, err));
  wct_job_settle (job);
  WCT_TRY (wct_job_check_limit (job, err));
  WCT_TRY (wct_cascade_allocate (&job->cascade, err));
  WCT_TRY (wct_original_allocate (&job->original, err));
  job->rows_put = 0;
  job->ran = job->done = false;

out:
  return status;
}

/* @rows: as many as are there, of the content's width */
static WctStatus
check_rows (const WctJob *job, const WctImage *rows, int32_t first, const char *what, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_image_check (rows, 3, what, err));
  if (rows->width != job->original.width || first < 0 || first > job->original.height - rows->height)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT,
                            "%s: %d rows of %d pixels from row %d on do not lie in a picture of %d×%d", what,
                            rows->height, rows->width, first, job->original.width, job->original.height));

out:
  return status;
}

static WctStatus
check_begun (const WctJob *job, WctError *err)
{
  if (job->cascade.picture != NULL && wct_original_is_there (&job->original))
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_ARGUMENT, "there is no room for a picture: the job was not begun");
}

WctStatus
wct_job_put_rows (WctJob *job, const WctImage *rows, int32_t first, WctError *err)
{
  WctStatus status;

  WCT_TRY (check_begun (job, err));
  WCT_TRY (check_rows (job, rows, first, "content", err));
  WCT_TRY (wct_image_check_finite (rows, first, "content", err));
  WCT_TRY (wct_original_put_rows (&job->original, rows, first, err));
  if (!wct_original_is_reduced (&job->original))
    WCT_TRY (wct_cascade_put_rows (&job->cascade, rows, first, err));
  job->rows_put += rows->height;
  job->done = false;

out:
  return status;
}

/* Is there what the result is to have the colors of? Not where they were asked for after room was made. */
static WctStatus
check_colors (const WctJob *job, WctError *err)
{
  if (job->params.keep_colors == 0 || job->original.kept || wct_job_has_content (job))
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_ARGUMENT, "colors to keep were not asked for before the picture was put in");
}

WctStatus
wct_job_process (WctJob *job, const WctHooks *hooks, WctError *err)
{
  WctMonitor monitor;
  WctStatus  status;

  WCT_TRY (check_begun (job, err));
  WCT_TRY (check_masks_complete (job, err));
  if (job->rows_put != job->original.height || job->original.height == 0)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "%d rows were put in and the picture has %d; each is needed once",
                            job->rows_put, job->original.height));
  WCT_TRY (check_colors (job, err));
  job->rows_put = 0; /* the picture is used up */
  if (job->swap != NULL && !job->frozen && !wct_job_swaps (&job->params))
    wct_swap_forget (job->swap);
  wct_monitor_init (&monitor, hooks, wct_job_work (job, 0, false) * job->params.passes);
  if (wct_original_is_reduced (&job->original))
    WCT_TRY (wct_original_reduce (&job->original, &job->cascade, err));
  WCT_TRY (wct_cascade_complete (&job->cascade, err));
  WCT_TRY (wct_job_allocate_maps (job, err));
  for (int pass = 0; pass < job->params.passes - 1; pass++)
    {
      for (int i = 0; i < job->cascade.count; i++)
        WCT_TRY (wct_job_stylize_level (job, i, pass, false, &monitor, err));
      WCT_TRY (wct_cascade_continue (&job->cascade, err));
    }
  WCT_TRY (finish_run (job, 0, false, &monitor, err));

out:
  return status;
}

/* A row of the content, and room for how the cascade has it. */
typedef struct
{
  WctImage row;    /* owns its pixels */
  float   *planes; /* owned; (3, w) */
} ContentRow;

static WctStatus
make_content_row (const WctJob *job, ContentRow *content, WctError *err)
{
  const size_t bytes = (size_t)job->original.width * 3 * sizeof (float);
  WctStatus    status;

  content->row = (WctImage){ NULL, job->original.width, 1, 3, bytes };
  WCT_TRY (wct_alloc (bytes, 1, "row", &content->row.pixels, err));
  WCT_TRY (wct_alloc ((size_t)job->cascade.shape.w * 3, sizeof (float), "row", &content->planes, err));

out:
  return status;
}

static WctStatus
give_colors_back (const WctJob *job, int32_t first, const ContentRow *content, const WctImage *rows, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int32_t y = 0; y < rows->height; y++)
    {
      WCT_TRY (job->original.kept
                 ? wct_original_get_row (&job->original, first + y, content->row.pixels, err)
                 : wct_cascade_get_content (&job->cascade, first + y, content->planes, &content->row, err));
      wct_chroma_keep (content->row.pixels, job->kept_colors, rows->width, wct_image_row (rows, y));
    }

out:
  return status;
}

WctStatus
wct_job_get_rows (const WctJob *job, int32_t first, WctImage *rows, WctError *err)
{
  ContentRow content = { .planes = NULL };
  WctStatus  status;

  WCT_TRY (check_rows (job, rows, first, "result", err));
  if (!job->done)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "there is no result: the job has not run"));
  if (job->kept_colors > 0) /* before anything is written */
    WCT_TRY (make_content_row (job, &content, err));
  WCT_TRY (wct_original_is_reduced (&job->original) ? wct_original_restore (&job->original, first, rows, err)
                                                    : wct_cascade_get_rows (&job->cascade, first, rows, err));
  if (job->kept_colors > 0)
    WCT_TRY (give_colors_back (job, first, &content, rows, err));

out:
  wct_free (&content.planes);
  wct_free (&content.row.pixels);
  return status;
}

WctStatus
wct_job_check_pictures (const WctImage *content, const WctImage *result, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_image_check (content, 3, "content", err));
  WCT_TRY (wct_image_check (result, 3, "result", err));
  if (content->width != result->width || content->height != result->height)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "result is %d×%d, the content %d×%d; they must be equal",
                            result->width, result->height, content->width, content->height));
  WCT_TRY (wct_image_check_finite (content, 0, "content", err));

out:
  return status;
}

WctStatus
wct_job_run (WctJob *job, const WctImage *content, WctImage *result, const WctHooks *hooks, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_job_check_pictures (content, result, err));
  WCT_TRY (wct_job_begin (job, content->width, content->height, err));
  WCT_TRY (wct_job_put_rows (job, content, 0, err));
  WCT_TRY (wct_job_process (job, hooks, err));
  WCT_TRY (wct_job_get_rows (job, 0, result, err));

out:
  return status;
}

void
wct_job_keep (WctJob *job)
{
  wct_cascade_clear (&job->cascade);
  wct_original_clear (&job->original);
  job->cascade.keeps = true;
}

static bool
is_swap_changed (const WctParams *now, const WctParams *then)
{
  return wct_job_swaps (now)
         && (now->swap != then->swap || now->swap_patch != then->swap_patch || now->swap_stride != then->swap_stride);
}

/* The first stage whose result is another than in the last run; their count: none's is. */
static int
first_changed (const WctJob *job)
{
  const WctParams *now = &job->params, *then = &job->ran_with;
  int              i = 0;

  if (job->reweighted || now->damping != then->damping || now->transport != then->transport
      || is_swap_changed (now, then))
    return 0;
  while (i < job->cascade.count
         && now->alpha[job->cascade.stages[i].level - 1] == then->alpha[job->cascade.stages[i].level - 1])
    i++;
  return i;
}

WctStatus
wct_job_rerun (WctJob *job, WctImage *result, const WctHooks *hooks, WctError *err)
{
  WctMonitor monitor;
  int32_t    small_width, small_height;
  int        first;
  WctStatus  status;

  WCT_TRY (wct_image_check (result, 3, "result", err));
  if (!job->ran || job->params.passes != 1)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "there is no run of one pass whose pictures were kept"));
  if (result->width != job->original.width || result->height != job->original.height)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "result is %d×%d, the last run's %d×%d; they must be equal",
                            result->width, result->height, job->original.width, job->original.height));
  WCT_TRY (check_colors (job, err));
  wct_reduced_size (job->params.working_size, result->width, result->height, &small_width, &small_height);
  if (small_width != job->cascade.width || small_height != job->cascade.height)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "the last run had another working size; this needs a whole one"));
  first = first_changed (job);
  wct_monitor_init (&monitor, hooks, wct_job_work (job, first, true));
  WCT_TRY (finish_run (job, first, true, &monitor, err));
  WCT_TRY (wct_job_get_rows (job, 0, result, err));

out:
  return status;
}

static WctStatus
check_solved (const WctJob *job, const WctJob *solved, WctError *err)
{
  if (job->masks != NULL || solved->masks != NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "maps cannot be taken from or for a job with masks");
  if (!solved->solved)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "there are no maps yet: the other job has not run");
  if (wct_job_levels (&job->params) != wct_job_levels (&solved->params) || job->params.passes != solved->params.passes)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "maps fit jobs of the same levels and passes only");
  for (int i = 0; i < WCT_LEVELS; i++)
    if (job->coloring[i] != NULL && job->coloring[i]->channels != solved->coloring[i]->channels)
      return wct_error_set (err, WCT_ERR_ARGUMENT, "maps fit jobs of the same model only");
  return WCT_OK;
}

WctStatus
wct_job_freeze (WctJob *job, const WctJob *solved, WctError *err)
{
  WctStatus status = WCT_OK;

  if (solved != NULL)
    {
      WCT_TRY (check_solved (job, solved, err));
      WCT_TRY (wct_job_allocate_maps (job, err));
      for (int i = 0; i < job->map_count; i++)
        if (job->maps[i] != NULL)
          wct_affine_copy (solved->maps[i], job->maps[i]);
      if (job->swap != NULL)
        WCT_TRY (wct_swap_freeze (job->swap, solved->swap, err));
    }
  job->frozen = solved != NULL;
  job->ran = false; /* with other maps than the next run's */

out:
  return status;
}
