/* Jobs: the cascade of levels, deepest first (Li et al. 2017, section 3.3), and the autoencoder alone. */
#include <wct/job.h>
#include <wct/memory.h>

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "cascade.h"
#include "chroma.h"
#include "mem.h"
#include "model.h"
#include "original.h"
#include "period.h"
#include "planar.h"
#include "reduce.h"
#include "regions.h"
#include "style.h"
#include "swap.h"
#include "transform.h"

/* The styles of a region, for other weights later. */
typedef struct
{
  size_t     count;
  WctStyle **styles; /* owned; counted each */
} Blend;

struct WctJob
{
  WctModel     *model;   /* counted */
  WctBackend   *backend; /* borrowed */
  WctParams     params;
  int           regions;  /* 1 where styles are for the whole picture */
  WctMask      *masks;    /* owned; (regions), or NULL: the one region is the whole picture */
  double       *alpha;    /* owned; (regions, WCT_LEVELS): a region's own strengths; NaN: the parameters' */
  Blend        *blends;   /* owned; (regions) */
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

/* ---- Making a job ------------------------------------------------------------------------------------------- */

static unsigned
levels_on (const WctParams *params)
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
  const unsigned levels = levels_on (spec->params);

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
blend_level (const WctJob *job, const Blend *blend, const double *weights, int level, const WctMoments **moments,
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

static bool
is_swap_on (const WctParams *params)
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
  if (!is_swap_on (params) || swap != NULL)
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
make_coloring (const WctJob *job, const Blend *blend, const double *weights, WctColoring **coloring, WctError *err)
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
take_styles (const WctJob *job, const WctRegion *region, Blend *blend, WctColoring **coloring, WctError *err)
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
clear_blend (Blend *blend)
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

static void
free_maps (WctJob *job)
{
  for (int i = 0; job->maps != NULL && i < job->map_count; i++)
    wct_affine_free (&job->maps[i]);
  for (int i = 0; job->moments != NULL && i < WCT_LEVELS * job->regions; i++)
    wct_moments_free (&job->moments[i]);
  for (int i = 0; i < WCT_LEVELS; i++)
    wct_moments_free (&job->whole[i]);
  wct_free (&job->maps);
  wct_free (&job->moments);
  job->map_count = 0;
  job->solved = job->frozen = job->ran = false;
}

/* What a run takes is another thing with patches, and others of them: it is told anew, and a rerun takes no more. */
static void
settle_anew_for_swap (WctJob *job, const WctParams *params)
{
  const WctParams *now = &job->params;
  const bool       on = is_swap_on (params), was_on = is_swap_on (now);

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
  if (levels_on (params) != levels_on (&job->params) || params->eigenvalue_floor != job->params.eigenvalue_floor)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "levels and eigenvalue floor of a job stay as they are"));
  WCT_TRY (check_swap (job->swap, job->masks != NULL, params, err));
  if (job->masks != NULL && params->hard_masks != job->params.hard_masks)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "masks of a job stay hard or soft as they are"));
  if (params->passes != job->params.passes)
    free_maps (job);
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
exchange_styles (WctJob *job, Blend *blend, WctColoring **coloring, WctSwap **swap)
{
  const Blend blend_before = job->blends[0];
  WctSwap    *swap_before = job->swap;

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
  Blend           blend = { .styles = NULL };
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

static WctStatus
check_masks_complete (const WctJob *job, WctError *err)
{
  for (int i = 0; job->masks != NULL && i < job->regions; i++)
    if (job->masks[i].rows_put != job->masks[i].height)
      return wct_error_set (err, WCT_ERR_ARGUMENT, "mask %d has %d rows and %d were put in; each is needed once", i + 1,
                            job->masks[i].height, job->masks[i].rows_put);
  return WCT_OK;
}

void
wct_job_free (WctJob **job_pointer)
{
  WctJob *job = *job_pointer;

  if (job == NULL)
    return;
  wct_cascade_clear (&job->cascade);
  wct_original_clear (&job->original);
  free_maps (job);
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

/* ---- Memory --------------------------------------------------------------------------------------------------- */

/* Does what goes into the cascade stay there for its colors? */
static bool
cascade_has_content (const WctJob *job)
{
  return job->cascade.keeps && job->params.passes == 1 && !job->cascade.seamless
         && !wct_original_is_reduced (&job->original);
}

static WctStatus
plan_job (WctJob *job, int32_t width, int32_t height, WctError *err)
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
  WCT_TRY (wct_cascade_plan (&job->cascade, job->model, job->backend, levels_on (&job->params), small_width,
                             small_height, seamless, err));
  if (job->swap != NULL)
    job->cascade.stages[0].keeps_features = true;

out:
  return status;
}

static bool
has_soft_masks (const WctJob *job)
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
      kept += has_soft_masks (job) ? square : 0; /* the whole picture's moments */
    }
  if (is_swap_on (&job->params))
    kept += wct_swap_memory (job->swap, job->backend, job->cascade.stages[0].shape, &job->params, job->params.passes,
                             job->cascade.keeps);
  return most + kept;
}

static size_t
default_limit (void)
{
  const size_t available = wct_memory_available ();

  return available == SIZE_MAX ? SIZE_MAX : available / 2;
}

static bool
cascade_uses_files (const WctJob *job)
{
  return job->cascade.picture_in_file || job->cascade.features_in_file;
}

static void
settle (WctJob *job)
{
  const WctRegionWeights regions = { .count = job->regions };
  const size_t           original = wct_original_bytes (&job->original);
  bool                   in_file; /* the original goes first: it is read least */

  if (job->settled)
    return;
  job->limit = job->memory_limit > 0 ? job->memory_limit : default_limit ();
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

static WctStatus
check_size (int32_t width, int32_t height, WctError *err)
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

  WCT_TRY (check_size (width, height, err));
  WCT_TRY (plan_job (job, width, height, err));
  settle (job);
  *bytes = job->needed;

out:
  return status;
}

bool
wct_job_uses_files (const WctJob *job)
{
  return job->settled && (cascade_uses_files (job) || job->original.in_file);
}

static WctStatus
check_limit (const WctJob *job, WctError *err)
{
  if (job->needed <= job->limit)
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_NO_MEMORY,
                        "%d×%d pixels need at least %.2f GB of memory and %.2f GB may be used; allow more, or make the "
                        "picture smaller",
                        job->original.width, job->original.height, (double)job->needed / 1e9, (double)job->limit / 1e9);
}

/* ---- The transform -------------------------------------------------------------------------------------------- */

/* Maps of all passes stay behind for wct_job_freeze. */
static WctStatus
allocate_maps (WctJob *job, WctError *err)
{
  const int squares = WCT_LEVELS * job->regions, count = job->params.passes * squares;
  WctStatus status = WCT_OK;

  if (job->swap != NULL)
    WCT_TRY (wct_swap_reserve (job->swap, job->params.passes, err));
  if (job->maps != NULL)
    return WCT_OK;
  WCT_TRY (wct_alloc ((size_t)count, sizeof *job->maps, "transforms", &job->maps, err));
  WCT_TRY (wct_alloc ((size_t)squares, sizeof *job->moments, "moments", &job->moments, err));
  job->map_count = count;
  for (int i = 0; i < count; i++)
    {
      const WctColoring *coloring = job->coloring[i % job->regions * WCT_LEVELS + i / job->regions % WCT_LEVELS];

      if (coloring == NULL)
        continue;
      WCT_TRY (wct_affine_new (coloring->channels, &job->maps[i], err));
      if (i < squares)
        WCT_TRY (wct_moments_new (coloring->channels, &job->moments[i], err));
    }

out:
  if (status != WCT_OK)
    free_maps (job);
  return status;
}

/* One level while it runs. */
typedef struct
{
  WctRegions              regions;
  WctRegionWeights        weights; /* of these, or of what is inside the halo of a picture that tiles */
  WctPeriodInside         inside;
  const WctRegionWeights *measuring, *mapping; /* as passes see them; NULL: one region, everything */
  WctMoments            **measured; /* owned; (regions): the job's, NULL where a region has none of its own */
  WctMoments             *whole;    /* the job's; NULL where no region needs it */
  WctMoments            **used;   /* owned; (regions): what each map is solved from; NULL: the region stays as it is */
  WctAffine             **maps;   /* the job's; (regions) */
  const WctAffine       **active; /* owned; (regions): the maps that are used */
} Transform;

static void
clear_transform (Transform *transform)
{
  wct_free (&transform->active);
  wct_free (&transform->used);
  wct_free (&transform->measured);
  wct_regions_clear (&transform->regions);
}

/* The halo of a stage's features. */
static int32_t
halo_features (const WctStage *stage)
{
  return stage->halo / (stage->picture.w / stage->shape.w);
}

/* A region of less weight than this, in positions, has no statistics to speak of: what whitening makes of them no
 * longer shows what is in the picture. It takes the whole picture's. */
#define SMALL_REGION 8

/* Which moments a region's map comes from. Hard masks leave a region of one position as it is, as they always did. */
static WctStatus
choose_moments (WctJob *job, const WctStage *stage, int region, Transform *transform, WctError *err)
{
  WctMoments **whole = &job->whole[stage->level - 1], *own = job->moments[(stage->level - 1) * job->regions + region];
  const double weight = wct_regions_weigh (&transform->regions, region, SMALL_REGION);
  WctStatus    status = WCT_OK;

  if (weight > 0 && weight < SMALL_REGION && has_soft_masks (job))
    {
      if (*whole == NULL)
        WCT_TRY (wct_moments_new (own->channels, whole, err));
      transform->whole = transform->used[region] = *whole;
    }
  else if (weight > (has_soft_masks (job) ? 0 : 1))
    transform->measured[region] = transform->used[region] = own;
  else
    wct_regions_leave_out (&transform->regions, region);

out:
  return status;
}

static WctStatus
begin_regions (WctJob *job, const WctStage *stage, Transform *transform, WctError *err)
{
  const WctCascade *cascade = &job->cascade;
  const int32_t     width = cascade->seamless ? cascade->shape.w : cascade->width;
  const int32_t     height = cascade->seamless ? cascade->shape.h : cascade->height;
  WctStatus         status;

  WCT_TRY (wct_regions_new (job->masks, job->regions, width, height, stage->shape, halo_features (stage),
                            &transform->regions, err));
  for (int i = 0; i < job->regions; i++)
    WCT_TRY (choose_moments (job, stage, i, transform, err));
  transform->weights = wct_regions_weights (&transform->regions);
  transform->measuring = transform->mapping = &transform->weights;

out:
  return status;
}

/* The halo of a picture that tiles is not measured; it is mapped as all of it is. */
static void
begin_inside (const WctStage *stage, Transform *transform)
{
  const int32_t halo = halo_features (stage);

  transform->inside = (WctPeriodInside){ stage->shape.w - 2 * halo, stage->shape.h - 2 * halo, halo };
  transform->weights = wct_period_weights (&transform->inside);
  transform->measuring = &transform->weights;
}

static WctStatus
begin_transform (WctJob *job, const WctStage *stage, int pass, Transform *transform, WctError *err)
{
  const size_t regions = (size_t)job->regions;
  WctStatus    status;

  WCT_TRY (wct_alloc (regions, sizeof *transform->active, "transforms", &transform->active, err));
  WCT_TRY (wct_alloc (regions, sizeof (WctMoments *), "transforms", &transform->used, err));
  WCT_TRY (wct_alloc (regions, sizeof (WctMoments *), "transforms", &transform->measured, err));
  if (job->masks != NULL)
    WCT_TRY (begin_regions (job, stage, transform, err));
  else
    {
      transform->measured[0] = transform->used[0] = job->moments[stage->level - 1];
      if (job->cascade.seamless)
        begin_inside (stage, transform);
    }
  transform->maps = job->maps + (pass * WCT_LEVELS + stage->level - 1) * job->regions;

out:
  return status;
}

/* How far a region goes at a level. */
static double
strength (const WctJob *job, int region, int level)
{
  const double own = job->alpha[region * WCT_LEVELS + level - 1];

  return isnan (own) ? job->params.alpha[level - 1] : own;
}

/* All maps come from the features as they were encoded, so this is done for all regions before any is changed. */
static WctStatus
solve_regions (WctJob *job, const WctStage *stage, Transform *transform, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int i = 0; i < job->regions && status == WCT_OK; i++)
    if (transform->used[i] != NULL)
      {
        transform->active[i] = transform->maps[i];
        status = wct_affine_solve (transform->used[i], job->coloring[i * WCT_LEVELS + stage->level - 1],
                                   strength (job, i, stage->level), job->params.eigenvalue_floor, job->params.damping,
                                   job->params.transport != 0, transform->maps[i], err);
      }
  return status;
}

/* ---- A level -------------------------------------------------------------------------------------------------- */

/* Its first pass: moments, but with frozen maps, and the features where they are kept. */
static WctStatus
measure_level (WctJob *job, int i, const Transform *transform, WctMonitor *monitor, WctError *err)
{
  const WctStage *stage = &job->cascade.stages[i];
  const WctTap    tap = { stage->encoder_layers, transform->measured, transform->whole };
  const WctPass   pass = { .picture = stage->picture,
                           .features = stage->shape,
                           .from = wct_cascade_picture (&job->cascade, i),
                           .encoder = stage->encoder,
                           .taps = &tap,
                           .tap_count = job->frozen ? 0 : 1,
                           .weights = transform->measuring,
                           .kept = wct_cascade_features (&job->cascade, stage) };

  return wct_pass_run (job->backend, &pass, monitor, err);
}

/* The second one of relu5_1 where patches are swapped, which is a map of its own: the pass only decodes. */
static WctStatus
swap_level (WctJob *job, const Transform *transform, int pass, bool measured, WctMonitor *monitor, WctError *err)
{
  const WctStage    *stage = &job->cascade.stages[0];
  const WctSwapLevel level = { .backend = job->backend,
                               .params = &job->params,
                               .alpha = strength (job, 0, stage->level),
                               .shape = stage->shape,
                               .pass = pass,
                               .content = job->frozen ? NULL : transform->used[0],
                               .map = transform->maps[0],
                               .kept = wct_cascade_features (&job->cascade, stage),
                               .fresh = !measured,
                               .keeps = job->cascade.keeps };
  WctPass            decode = { .picture = stage->picture,
                                .features = stage->shape,
                                .decoder = stage->decoder,
                                .result = wct_cascade_picture (&job->cascade, 1) };
  WctStatus          status;

  WCT_TRY (wct_swap_run (job->swap, &level, &decode.kept, monitor, err));
  WCT_TRY (wct_pass_run (job->backend, &decode, monitor, err));

out:
  return status;
}

/* Its second one. @measured: were the features kept before? */
static WctStatus
map_level (WctJob *job, int i, const Transform *transform, bool measured, WctMonitor *monitor, WctError *err)
{
  const WctStage *stage = &job->cascade.stages[i];
  const bool      kept = measured && stage->keeps_features;
  const WctPass   pass = { .picture = stage->picture,
                           .features = stage->shape,
                           .from = kept ? NULL : wct_cascade_picture (&job->cascade, i),
                           .encoder = kept ? NULL : stage->encoder,
                           .weights = transform->mapping,
                           .kept = kept ? wct_cascade_features (&job->cascade, stage) : NULL,
                           .maps = transform->active,
                           .decoder = stage->decoder,
                           .result = wct_cascade_picture (&job->cascade, i + 1) };

  return wct_pass_run (job->backend, &pass, monitor, err);
}

/* @measured: are its moments and features there, from a run on the same picture? */
static WctStatus
stylize_level (WctJob *job, int i, int pass, bool measured, WctMonitor *monitor, WctError *err)
{
  const WctStage *stage = &job->cascade.stages[i];
  const bool      swaps = i == 0 && is_swap_on (&job->params);
  Transform       transform = { .measuring = NULL };
  WctStatus       status;

  WCT_TRY (begin_transform (job, stage, pass, &transform, err));
  if (job->frozen)
    {
      transform.active[0] = transform.maps[0];
      if (swaps)
        WCT_TRY (measure_level (job, i, &transform, monitor, err));
    }
  else
    {
      if (!measured)
        WCT_TRY (measure_level (job, i, &transform, monitor, err));
      WCT_TRY (solve_regions (job, stage, &transform, err));
    }
  WCT_TRY (swaps ? swap_level (job, &transform, pass, measured, monitor, err)
                 : map_level (job, i, &transform, !job->frozen, monitor, err));
  WCT_TRY (wct_cascade_pass_on (&job->cascade, i, err));

out:
  clear_transform (&transform);
  return status;
}

/* Multiply-adds of a pass from stage @first on. */
static double
work_of (const WctJob *job, int first, bool measured)
{
  double work = 0;

  for (int i = first; i < job->cascade.count; i++)
    {
      const WctStage *stage = &job->cascade.stages[i];
      const bool      twice = !job->frozen && !stage->keeps_features, never = !job->frozen && measured && i == first;

      work += stage->decoder_work + (never ? 0 : twice ? 2 : 1) * stage->encoder_work;
    }
  if (first == 0 && is_swap_on (&job->params))
    work += wct_swap_work (job->swap, job->cascade.stages[0].shape, &job->params,
                           measured && wct_swap_found (job->swap, &job->params));
  return work;
}

/* ---- Running -------------------------------------------------------------------------------------------------- */

/* The last pass, from stage @first on. Until it is through, maps and pictures are of no use to others. */
static WctStatus
finish_run (WctJob *job, int first, bool measured, WctMonitor *monitor, WctError *err)
{
  WctStatus status = WCT_OK;

  job->solved = job->frozen;
  job->ran = job->done = false;
  for (int i = first; i < job->cascade.count; i++)
    WCT_TRY (stylize_level (job, i, job->params.passes - 1, measured && i == first, monitor, err));
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

  WCT_TRY (check_size (width, height, err));
  WCT_TRY (plan_job (job, width, height, err));
  settle (job);
  WCT_TRY (check_limit (job, err));
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
  if (job->params.keep_colors == 0 || job->original.kept || cascade_has_content (job))
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
  if (job->swap != NULL && !job->frozen && !is_swap_on (&job->params))
    wct_swap_forget (job->swap);
  wct_monitor_init (&monitor, hooks, work_of (job, 0, false) * job->params.passes);
  if (wct_original_is_reduced (&job->original))
    WCT_TRY (wct_original_reduce (&job->original, &job->cascade, err));
  WCT_TRY (wct_cascade_complete (&job->cascade, err));
  WCT_TRY (allocate_maps (job, err));
  for (int pass = 0; pass < job->params.passes - 1; pass++)
    {
      for (int i = 0; i < job->cascade.count; i++)
        WCT_TRY (stylize_level (job, i, pass, false, &monitor, err));
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

static WctStatus
check_pictures (const WctImage *content, const WctImage *result, WctError *err)
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

  WCT_TRY (check_pictures (content, result, err));
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
  return is_swap_on (now)
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
  wct_reduced_size (job->params.working_size, result->width, result->height, &small_width, &small_height);
  if (small_width != job->cascade.width || small_height != job->cascade.height)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "the last run had another working size; this needs a whole one"));
  first = first_changed (job);
  wct_monitor_init (&monitor, hooks, work_of (job, first, true));
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
  if (levels_on (&job->params) != levels_on (&solved->params) || job->params.passes != solved->params.passes)
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
      WCT_TRY (allocate_maps (job, err));
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

static WctStatus
check_level (const WctModel *model, int level, WctError *err)
{
  if (level >= 1 && level <= WCT_LEVELS && wct_model_levels (model) & 1u << (level - 1))
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_ARGUMENT, "level %d: the model has no decoder for it", level);
}

static WctStatus
plan_reconstruction (const WctModel *model, WctBackend *backend, int level, int32_t width, int32_t height,
                     WctCascade *cascade, WctError *err)
{
  WctStatus status;

  WCT_TRY (check_size (width, height, err));
  WCT_TRY (check_level (model, level, err));
  WCT_TRY (wct_cascade_plan (cascade, model, backend, 1u << (level - 1), width, height, false, err));
  cascade->stages[0].keeps_features = false;

out:
  return status;
}

WctStatus
wct_reconstruct (const WctModel *model, WctBackend *backend, int level, const WctImage *content, WctImage *result,
                 const WctHooks *hooks, WctError *err)
{
  WctCascade cascade = { .backend = NULL };
  WctStage  *stage = &cascade.stages[0];
  WctMonitor monitor;
  WctStatus  status;

  WCT_TRY (check_pictures (content, result, err));
  WCT_TRY (plan_reconstruction (model, backend, level, content->width, content->height, &cascade, err));
  wct_cascade_settle (&cascade, NULL, 0, default_limit ());
  WCT_TRY (wct_cascade_allocate (&cascade, err));
  WCT_TRY (wct_cascade_put_rows (&cascade, content, 0, err));
  WCT_TRY (wct_cascade_complete (&cascade, err));
  wct_monitor_init (&monitor, hooks, stage->encoder_work + stage->decoder_work);
  WCT_TRY (wct_pass_run (backend,
                         &(WctPass){ .picture = stage->picture,
                                     .features = stage->shape,
                                     .from = cascade.picture,
                                     .encoder = stage->encoder,
                                     .decoder = stage->decoder,
                                     .result = cascade.picture },
                         &monitor, err));
  WCT_TRY (wct_cascade_get_rows (&cascade, 0, result, err));

out:
  wct_cascade_clear (&cascade);
  return status;
}

WctStatus
wct_reconstruct_memory (const WctModel *model, WctBackend *backend, int level, int32_t width, int32_t height,
                        size_t *bytes, WctError *err)
{
  WctCascade cascade = { .backend = NULL };
  WctStatus  status;

  WCT_TRY (plan_reconstruction (model, backend, level, width, height, &cascade, err));
  *bytes = wct_cascade_settle (&cascade, NULL, 0, default_limit ());

out:
  wct_cascade_clear (&cascade);
  return status;
}
