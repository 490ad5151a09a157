/* What a job's runs take, foretold, and what goes to temporary files. */
#include "job.h"

#include <wct/memory.h>

#include "reduce.h"

/* Does what goes into the cascade stay there for its colors? */
bool
wct_job_has_content (const WctJob *job)
{
  return job->cascade.keeps && job->params.passes == 1 && !job->cascade.seamless
         && !wct_original_is_reduced (&job->original);
}

WctStatus
wct_job_plan (WctJob *job, int32_t width, int32_t height, WctError *err)
{
  const bool seamless = job->params.seamless != 0;
  const bool colors = job->params.keep_colors > 0 && (seamless || !(job->cascade.keeps && job->params.passes == 1));
  int32_t    small_width, small_height;
  bool       changed;
  WctStatus  status;

  wct_reduced_size (job->params.working_size, width, height, &small_width, &small_height);
  changed = wct_original_plan (&job->original, width, height, small_width, small_height, colors);
  if (changed || job->cascade.width != small_width || job->cascade.height != small_height
      || job->cascade.seamless != seamless)
    job->ran = job->settled = job->done = false;
  WCT_TRY (wct_cascade_plan (&job->cascade, job->model, job->backend, wct_job_levels (&job->params), small_width,
                             small_height, seamless, err));
  if (job->swap != NULL)
    job->cascade.stages[0].keeps_features = true;

out:
  return status;
}

bool
wct_job_has_soft_masks (const WctJob *job)
{
  return job->masks != NULL && !job->params.hard_masks;
}

/* Eigen-decomposition and its products: some matrices of doubles, of the widest level. And maps and moments, of all. */
static size_t
transform_memory (const WctJob *job)
{
  enum
  {
    MATRICES = 8
  };
  size_t most = 0, kept = 0;

  for (int i = 0; i < job->cascade.count; i++)
    {
      const size_t channels = (size_t)job->cascade.stages[i].shape.c;
      const size_t square = channels * channels * sizeof (double);

      most = square * MATRICES > most ? square * MATRICES : most;
      kept += square * (size_t)job->regions * ((size_t)job->params.passes + 1);
      kept += wct_job_has_soft_masks (job) ? square : 0; /* the whole picture's moments */
    }
  if (wct_job_swaps (&job->params))
    kept += wct_swap_memory (job->swap, job->backend, job->cascade.stages[0].shape, &job->params, job->params.passes,
                             job->cascade.keeps);
  return most + kept;
}

size_t
wct_job_default_limit (void)
{
  const size_t available = wct_memory_available ();

  return available == SIZE_MAX ? SIZE_MAX : available / 2;
}

static bool
cascade_uses_files (const WctJob *job)
{
  return job->cascade.picture_in_file || job->cascade.features_in_file;
}

void
wct_job_settle (WctJob *job)
{
  const WctRegionWeights regions = { .count = job->regions };
  const size_t           original = wct_original_bytes (&job->original);
  bool                   in_file; /* the original goes first: it is read least */

  if (job->settled)
    return;
  job->limit = job->memory_limit > 0 ? job->memory_limit : wct_job_default_limit ();
  job->needed =
    wct_cascade_settle (&job->cascade, job->masks == NULL ? NULL : &regions, transform_memory (job), job->limit);
  in_file = original > 0 && (cascade_uses_files (job) || job->needed + original > job->limit);
  job->needed += in_file ? 0 : original;
  wct_original_settle (&job->original, in_file);
  job->settled = true;
  if (job->cascade.picture == NULL || !wct_original_is_there (&job->original)) /* not made yet, or taken away */
    {
      job->rows_put = 0;
      job->ran = job->done = false;
    }
}

void
wct_job_limit_memory (WctJob *job, size_t bytes)
{
  job->memory_limit = bytes;
  job->settled = false;
}

WctStatus
wct_job_check_size (int32_t width, int32_t height, WctError *err)
{
  float          pixel = 0; /* only the size is looked at */
  const size_t   row_bytes = (size_t)(width > 0 ? width : 0) * 3 * sizeof pixel;
  const WctImage image = { &pixel, width, height, 3, row_bytes };

  return wct_image_check (&image, 3, "content", err);
}

WctStatus
wct_job_memory (WctJob *job, int32_t width, int32_t height, size_t *bytes, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_job_check_size (width, height, err));
  WCT_TRY (wct_job_plan (job, width, height, err));
  wct_job_settle (job);
  *bytes = job->needed;

out:
  return status;
}

bool
wct_job_uses_files (const WctJob *job)
{
  return job->settled && (cascade_uses_files (job) || job->original.in_file);
}

WctStatus
wct_job_check_limit (const WctJob *job, WctError *err)
{
  if (job->needed <= job->limit)
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_NO_MEMORY,
                        "%d×%d pixels need at least %.2f GB of memory and %.2f GB may be used; allow more, or make the "
                        "picture smaller",
                        job->original.width, job->original.height, (double)job->needed / 1e9, (double)job->limit / 1e9);
}
