/* Jobs: what they are made of, checked, and changed between runs. */
#include "job.h"

#include <math.h>

#include "mem.h"
#include "model.h"
#include "style.h"

unsigned
wct_job_levels (const WctParams *params)
{
  unsigned levels = 0;

  for (int i = 0; i < WCT_LEVELS; i++)
    if (params->level_on[i])
      levels |= 1u << i;
  return levels;
}

static WctStatus
check_levels (const WctJobSpec *spec, const WctRegion *region, WctError *err)
{
  const unsigned levels = wct_job_levels (spec->params);

  for (int level = 1; level <= WCT_LEVELS; level++)
    {
      const unsigned bit = 1u << (level - 1);

      if (!(levels & bit))
        continue;
      if (!(wct_model_levels (spec->model) & bit))
        return wct_error_set (err, WCT_ERR_ARGUMENT, "level %d: the model has no decoder for relu%d_1", level, level);
      for (size_t i = 0; i < region->style_count; i++)
        if (!(wct_style_levels (region->styles[i]) & bit))
          return wct_error_set (err, WCT_ERR_ARGUMENT, "style %zu was not measured at relu%d_1", i + 1, level);
    }
  return WCT_OK;
}

static WctStatus
check_weights (const double *weights, size_t count, WctError *err)
{
  double sum = 0;

  for (size_t i = 0; weights != NULL && i < count; i++)
    {
      if (!(weights[i] >= 0) || !isfinite (weights[i]))
        return wct_error_set (err, WCT_ERR_ARGUMENT, "weight %zu is %g; weights are 0 or more", i + 1, weights[i]);
      sum += weights[i];
    }
  if (weights != NULL && !(sum > 0 && isfinite (sum)))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "the weights add up to %g; at least one must be above 0", sum);
  return WCT_OK;
}

static WctStatus
check_styles (const WctModel *model, const WctRegion *region, WctError *err)
{
  if (region->style_count < 1)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "there is no style; at least one is needed");
  for (size_t i = 0; i < region->style_count; i++)
    if (wct_style_model (region->styles[i]) != model)
      return wct_error_set (err, WCT_ERR_ARGUMENT, "style %zu was measured with another model", i + 1);
  return check_weights (region->weights, region->style_count, err);
}

static WctStatus
check_alpha (const WctRegion *region, WctError *err)
{
  for (int i = 0; region->alpha != NULL && i < WCT_LEVELS; i++)
    if (!(region->alpha[i] >= 0 && region->alpha[i] <= 1))
      return wct_error_set (err, WCT_ERR_ARGUMENT, "a region's strength at relu%d_1 is %g; it goes from 0 to 1", i + 1,
                            region->alpha[i]);
  return WCT_OK;
}

/* What a job without regions works on: everything. */
static WctRegion
whole_picture (const WctJobSpec *spec)
{
  return (WctRegion){ .style_count = spec->style_count, .styles = spec->styles, .weights = spec->weights };
}

static WctStatus
check_region (const WctJobSpec *spec, const WctRegion *region, WctError *err)
{
  WctStatus status;

  WCT_TRY (check_styles (spec->model, region, err));
  WCT_TRY (check_levels (spec, region, err));
  WCT_TRY (check_alpha (region, err));

out:
  return status;
}

/* What cannot be had at once. */
static WctStatus
check_together (const WctParams *params, WctError *err)
{
  if (params->seamless && params->swap > 0)
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "the style swap does not wrap around; turn seamless off, or set swap to 0");
  if (params->seamless && params->working_size > 0)
    return wct_error_set (
      err, WCT_ERR_ARGUMENT,
      "detail from the original would bring its seams back; turn seamless off, or set working-size to "
      "0");
  return WCT_OK;
}

/* With or without its pixels. */
static WctStatus
check_mask (const WctImage *mask, WctError *err)
{
  float    pixel = 0; /* only the size is looked at */
  WctImage image = *mask;

  if (image.pixels == NULL)
    image.pixels = &pixel;
  return wct_image_check (&image, 1, "mask", err);
}

static WctStatus
check_spec (const WctJobSpec *spec, WctError *err)
{
  const WctRegion whole = whole_picture (spec);
  WctStatus       status;

  WCT_TRY (wct_params_check (spec->params, err));
  WCT_TRY (check_together (spec->params, err));
  if (spec->region_count == 0)
    WCT_TRY (check_region (spec, &whole, err));
  if (spec->region_count > WCT_REGIONS_MAX)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "%zu masks are too many; %d can be used", spec->region_count,
                            WCT_REGIONS_MAX));
  for (size_t i = 0; i < spec->region_count; i++)
    {
      WCT_TRY (check_region (spec, &spec->regions[i], err));
      WCT_TRY (check_mask (&spec->regions[i].mask, err));
    }

out:
  return status;
}

/* One level. @weights: adding up to 1. @moments, @roots: (count), room for the work */
static WctStatus
blend_level (const WctJob *job, const WctBlend *blend, const double *weights, int level, const WctMoments **moments,
             WctRoot **roots, WctColoring **out, WctError *err)
{
  WctStatus status = WCT_OK;

  for (size_t i = 0; i < blend->count; i++)
    {
      moments[i] = wct_style_moments (blend->styles[i], level);
      WCT_TRY (wct_style_root (blend->styles[i], level, job->params.eigenvalue_floor, &roots[i], err));
    }
  WCT_TRY (wct_coloring_blend (moments, roots, weights, (int)blend->count, out, err));

out:
  for (size_t i = 0; i < blend->count; i++)
    wct_root_unref (&roots[i]);
  return status;
}

/* For the whole picture only: within a region a patch would reach over its edge. */
static bool
can_swap (const WctJobSpec *spec)
{
  bool all = spec->region_count == 0 && spec->params->level_on[WCT_LEVELS - 1];

  for (size_t i = 0; all && i < spec->style_count; i++)
    all = (wct_style_levels (spec->styles[i]) & WCT_STYLE_PATCHES) != 0;
  return all;
}

bool
wct_job_swaps (const WctParams *params)
{
  return params->swap > 0 && params->level_on[WCT_LEVELS - 1];
}

/* Where it can be: else *@swap stays NULL. */
static WctStatus
make_swap (const WctJobSpec *spec, WctSwap **swap, WctError *err)
{
  if (!can_swap (spec))
    return WCT_OK;
  return wct_swap_new (spec->styles, spec->weights, spec->style_count, spec->params->eigenvalue_floor, swap, err);
}

static WctStatus
check_swap (const WctSwap *swap, bool masked, const WctParams *params, WctError *err)
{
  if (!wct_job_swaps (params) || swap != NULL)
    return WCT_OK;
  if (masked)
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "the style swap is for whole pictures; leave the masks out, or set swap to 0");
  return wct_error_set (err, WCT_ERR_ARGUMENT,
                        "a style has no patches for the style swap; measure it from its picture with "
                        "WCT_STYLE_PATCHES, or set swap to 0");
}

/* @weights: of any sum; NULL: all equal. @coloring: (WCT_LEVELS), written */
static WctStatus
make_coloring (const WctJob *job, const WctBlend *blend, const double *weights, WctColoring **coloring, WctError *err)
{
  const WctMoments **moments = NULL;
  WctRoot          **roots = NULL;
  double            *parts = NULL;
  double             sum = 0;
  WctStatus          status;

  WCT_TRY (wct_alloc (blend->count, sizeof *moments, "styles", &moments, err));
  WCT_TRY (wct_alloc (blend->count, sizeof (WctRoot *), "styles", &roots, err));
  WCT_TRY (wct_alloc (blend->count, sizeof *parts, "styles", &parts, err));
  for (size_t i = 0; i < blend->count; i++)
    sum += parts[i] = weights == NULL ? 1 : weights[i];
  for (size_t i = 0; i < blend->count; i++)
    parts[i] /= sum;
  for (int level = 1; level <= WCT_LEVELS; level++)
    if (job->params.level_on[level - 1])
      WCT_TRY (blend_level (job, blend, parts, level, moments, roots, &coloring[level - 1], err));

out:
  wct_free (&parts);
  wct_free (&roots);
  wct_free (&moments);
  return status;
}

/* Keeps a region's styles and blends them. @blend, @coloring: to be cleared by the caller in any case */
static WctStatus
take_styles (const WctJob *job, const WctRegion *region, WctBlend *blend, WctColoring **coloring, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_alloc (region->style_count, sizeof (WctStyle *), "styles", &blend->styles, err));
  for (; blend->count < region->style_count; blend->count++)
    blend->styles[blend->count] = wct_style_ref (region->styles[blend->count]);
  WCT_TRY (make_coloring (job, blend, region->weights, coloring, err));

out:
  return status;
}

static void
clear_blend (WctBlend *blend)
{
  for (size_t i = 0; i < blend->count; i++)
    wct_style_unref (&blend->styles[i]);
  wct_free (&blend->styles);
}

static WctStatus
make_regions (WctJob *job, const WctJobSpec *spec, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_alloc (spec->region_count, sizeof *job->masks, "masks", &job->masks, err));
  for (int i = 0; i < job->regions; i++)
    {
      const WctRegion *region = &spec->regions[i];

      WCT_TRY (
        wct_mask_new (region->mask.width, region->mask.height, spec->params->hard_masks != 0, &job->masks[i], err));
      if (region->mask.pixels != NULL)
        WCT_TRY (wct_mask_put_rows (&job->masks[i], &region->mask, 0, err));
      WCT_TRY (take_styles (job, region, &job->blends[i], job->coloring + i * WCT_LEVELS, err));
      for (int level = 0; region->alpha != NULL && level < WCT_LEVELS; level++)
        job->alpha[i * WCT_LEVELS + level] = region->alpha[level];
    }

out:
  return status;
}

WctStatus
wct_job_new (const WctJobSpec *spec, WctJob **out, WctError *err)
{
  const WctRegion whole = whole_picture (spec);
  WctJob         *job = NULL;
  WctStatus       status;

  WCT_TRY (check_spec (spec, err));
  WCT_TRY (wct_alloc (1, sizeof *job, "job", &job, err));
  job->model = wct_model_ref (spec->model);
  job->backend = spec->backend;
  job->params = *spec->params;
  job->regions = spec->region_count == 0 ? 1 : (int)spec->region_count;
  WCT_TRY (wct_alloc ((size_t)job->regions, sizeof *job->blends, "job", &job->blends, err));
  WCT_TRY (wct_alloc ((size_t)job->regions * WCT_LEVELS, sizeof *job->coloring, "job", &job->coloring, err));
  WCT_TRY (wct_alloc ((size_t)job->regions * WCT_LEVELS, sizeof *job->alpha, "job", &job->alpha, err));
  for (int i = 0; i < job->regions * WCT_LEVELS; i++)
    job->alpha[i] = NAN;
  WCT_TRY (spec->region_count == 0 ? take_styles (job, &whole, job->blends, job->coloring, err)
                                   : make_regions (job, spec, err));
  WCT_TRY (make_swap (spec, &job->swap, err));
  WCT_TRY (check_swap (job->swap, job->masks != NULL, &job->params, err));
  *out = job;
  job = NULL;

out:
  wct_job_free (&job);
  return status;
}

/* What a run takes is another thing with patches, and others of them: it is told anew, and a rerun takes no more. */
static void
settle_anew_for_swap (WctJob *job, const WctParams *params)
{
  const WctParams *now = &job->params;
  const bool       on = wct_job_swaps (params), was_on = wct_job_swaps (now);

  if (on == was_on && (!on || (now->swap_patch == params->swap_patch && now->swap_stride == params->swap_stride)))
    return;
  job->settled = job->ran = false;
}

WctStatus
wct_job_set_params (WctJob *job, const WctParams *params, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_params_check (params, err));
  WCT_TRY (check_together (params, err));
  if (wct_job_levels (params) != wct_job_levels (&job->params)
      || params->eigenvalue_floor != job->params.eigenvalue_floor)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "levels and eigenvalue floor of a job stay as they are"));
  WCT_TRY (check_swap (job->swap, job->masks != NULL, params, err));
  if (job->masks != NULL && params->hard_masks != job->params.hard_masks)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "masks of a job stay hard or soft as they are"));
  if (params->passes != job->params.passes)
    wct_job_free_maps (job);
  settle_anew_for_swap (job, params);
  if (params->seamless != job->params.seamless) /* another cascade, which the next run plans */
    job->ran = job->done = job->settled = false;
  job->params = *params;

out:
  return status;
}

WctStatus
wct_job_set_weights (WctJob *job, size_t region, const double *weights, WctError *err)
{
  WctColoring *blended[WCT_LEVELS] = { NULL }, **coloring;
  WctStatus    status;

  if (region >= (size_t)job->regions)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "there is no region %zu; the job has %d, counted from 0", region,
                          job->regions);
  WCT_TRY (check_weights (weights, job->blends[region].count, err));
  WCT_TRY (make_coloring (job, &job->blends[region], weights, blended, err));
  coloring = job->coloring + region * WCT_LEVELS;
  for (int i = 0; i < WCT_LEVELS; i++)
    {
      wct_coloring_free (&coloring[i]);
      coloring[i] = blended[i];
      blended[i] = NULL;
    }
  if (job->swap != NULL)
    wct_swap_set_weights (job->swap, weights);
  job->reweighted = true;

out:
  for (int i = 0; i < WCT_LEVELS; i++)
    wct_coloring_free (&blended[i]);
  return status;
}

/* What the job has against what it is given, which takes its place. */
static void
exchange_styles (WctJob *job, WctBlend *blend, WctColoring **coloring, WctSwap **swap)
{
  const WctBlend blend_before = job->blends[0];
  WctSwap       *swap_before = job->swap;

  job->blends[0] = *blend;
  *blend = blend_before;
  job->swap = *swap;
  *swap = swap_before;
  for (int i = 0; i < WCT_LEVELS; i++)
    {
      WctColoring *before = job->coloring[i];

      job->coloring[i] = coloring[i];
      coloring[i] = before;
    }
}

WctStatus
wct_job_set_styles (WctJob *job, size_t count, WctStyle *const *styles, const double *weights, WctError *err)
{
  const WctJobSpec spec = {
    .model = job->model, .params = &job->params, .style_count = count, .styles = styles, .weights = weights
  };
  const WctRegion whole = whole_picture (&spec);
  WctColoring    *coloring[WCT_LEVELS] = { NULL };
  WctBlend        blend = { .styles = NULL };
  WctSwap        *swap = NULL;
  WctStatus       status;

  if (job->masks != NULL)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "a job with masks keeps its styles"));
  WCT_TRY (check_region (&spec, &whole, err));
  WCT_TRY (take_styles (job, &whole, &blend, coloring, err));
  WCT_TRY (make_swap (&spec, &swap, err));
  WCT_TRY (check_swap (swap, false, &job->params, err));
  exchange_styles (job, &blend, coloring, &swap);
  job->ran = job->settled = false; /* with other styles, and patches, than the next run's */

out:
  for (int i = 0; i < WCT_LEVELS; i++)
    wct_coloring_free (&coloring[i]);
  clear_blend (&blend);
  wct_swap_free (&swap);
  return status;
}

WctStatus
wct_job_put_mask_rows (WctJob *job, size_t region, const WctImage *rows, int32_t first, WctError *err)
{
  WctMask  *mask;
  WctStatus status;

  if (job->masks == NULL || region >= (size_t)job->regions)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "there is no region %zu to put a mask's rows in", region + 1);
  mask = &job->masks[region];
  WCT_TRY (wct_image_check (rows, 1, "mask", err));
  if (rows->width != mask->width || first < 0 || first > mask->height - rows->height)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT,
                            "mask: %d rows of %d pixels from row %d on do not lie in a mask of %d×%d", rows->height,
                            rows->width, first, mask->width, mask->height));
  WCT_TRY (wct_mask_put_rows (mask, rows, first, err));
  job->ran = false;

out:
  return status;
}

void
wct_job_free (WctJob **job_pointer)
{
  WctJob *job = *job_pointer;

  if (job == NULL)
    return;
  wct_cascade_clear (&job->cascade);
  wct_original_clear (&job->original);
  wct_job_free_maps (job);
  for (int i = 0; job->coloring != NULL && i < job->regions * WCT_LEVELS; i++)
    wct_coloring_free (&job->coloring[i]);
  wct_swap_free (&job->swap);
  for (int i = 0; job->masks != NULL && i < job->regions; i++)
    wct_mask_clear (&job->masks[i]);
  for (int i = 0; job->blends != NULL && i < job->regions; i++)
    clear_blend (&job->blends[i]);
  wct_free (&job->blends);
  wct_free (&job->coloring);
  wct_free (&job->alpha);
  wct_free (&job->masks);
  wct_model_unref (&job->model);
  wct_free (job_pointer);
}
