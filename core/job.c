/* Jobs: the cascade of levels, deepest first (Li et al. 2017, section 3.3), and the autoencoder alone. */
#include <wct/job.h>

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "cascade.h"
#include "mem.h"
#include "model.h"
#include "planar.h"
#include "regions.h"
#include "style.h"
#include "transform.h"

struct WctJob
{
  WctModel     *model;   /* counted */
  WctBackend   *backend; /* borrowed */
  WctParams     params;
  int           regions;  /* 1 where styles are blended */
  WctMask      *masks;    /* owned; (regions), or NULL: the one region is the whole picture */
  WctColoring **coloring; /* owned; (regions, WCT_LEVELS), NULL for levels that are off */
  WctCascade    cascade;
  int           map_count; /* 0: none */
  WctAffine   **maps;      /* owned; (passes, WCT_LEVELS, regions) of the last run, NULL for levels that are off */
  bool          solved;    /* are they those of a whole run? */
  bool          frozen;    /* they are another job's, and stay */
  bool          ran;       /* a whole run's pictures are kept */
  WctParams     ran_with;
};

static WctStatus
check_pictures (const WctImage *content, const WctImage *result, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_image_check (content, 3, "content", err));
  WCT_TRY (wct_image_check (result, 3, "result", err));
  if (content->width != result->width || content->height != result->height)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "result is %d×%d, the content %d×%d; they must be equal",
                            result->width, result->height, content->width, content->height));
  WCT_TRY (wct_image_check_finite (content, "content", err));

out:
  return status;
}

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
check_levels (const WctJobSpec *spec, WctError *err)
{
  const unsigned levels = levels_on (spec->params);

  for (int level = 1; level <= WCT_LEVELS; level++)
    {
      const unsigned bit = 1u << (level - 1);

      if (!(levels & bit))
        continue;
      if (!(wct_model_levels (spec->model) & bit))
        return wct_error_set (err, WCT_ERR_ARGUMENT, "level %d: the model has no decoder for relu%d_1", level, level);
      for (size_t i = 0; i < spec->style_count; i++)
        if (!(wct_style_levels (spec->styles[i]) & bit))
          return wct_error_set (err, WCT_ERR_ARGUMENT, "style %zu was not measured at relu%d_1", i + 1, level);
    }
  return WCT_OK;
}

static WctStatus
check_styles (const WctJobSpec *spec, WctError *err)
{
  double sum = 0;

  if (spec->style_count < 1)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "there is no style; at least one is needed");
  for (size_t i = 0; i < spec->style_count; i++)
    {
      if (wct_style_model (spec->styles[i]) != spec->model)
        return wct_error_set (err, WCT_ERR_ARGUMENT, "style %zu was measured with another model", i + 1);
      if (spec->weights == NULL)
        continue;
      if (!(spec->weights[i] >= 0) || !isfinite (spec->weights[i]))
        return wct_error_set (err, WCT_ERR_ARGUMENT, "weight %zu is %g; weights are 0 or more", i + 1,
                              spec->weights[i]);
      sum += spec->weights[i];
    }
  if (spec->weights != NULL && !(sum > 0 && isfinite (sum)))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "the weights add up to %g; at least one must be above 0", sum);
  return WCT_OK;
}

static WctStatus
check_spec (const WctJobSpec *spec, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_params_check (spec->params, err));
  WCT_TRY (check_styles (spec, err));
  WCT_TRY (check_levels (spec, err));
  if (spec->masks != NULL && spec->style_count > WCT_REGIONS_MAX)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "%zu masks are too many; %d can be used", spec->style_count,
                            WCT_REGIONS_MAX));
  for (size_t i = 0; spec->masks != NULL && i < spec->style_count; i++)
    WCT_TRY (wct_image_check (&spec->masks[i], 1, "mask", err));

out:
  return status;
}

/* @weights: adding up to 1 */
static WctStatus
blend_styles (WctJob *job, const WctJobSpec *spec, const double *weights, const WctMoments **moments, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int level = 1; level <= WCT_LEVELS; level++)
    if (job->params.level_on[level - 1])
      {
        for (size_t i = 0; i < spec->style_count; i++)
          moments[i] = wct_style_moments (spec->styles[i], level);
        WCT_TRY (wct_coloring_new (moments, weights, (int)spec->style_count, job->params.eigenvalue_floor,
                                   &job->coloring[level - 1], err));
      }

out:
  return status;
}

static WctStatus
make_blend (WctJob *job, const WctJobSpec *spec, WctError *err)
{
  const WctMoments **moments = NULL;
  double            *weights = NULL;
  double             sum = 0;
  WctStatus          status;

  WCT_TRY (wct_alloc (spec->style_count, sizeof *moments, "styles", &moments, err));
  WCT_TRY (wct_alloc (spec->style_count, sizeof *weights, "styles", &weights, err));
  for (size_t i = 0; i < spec->style_count; i++)
    sum += weights[i] = spec->weights == NULL ? 1 : spec->weights[i];
  for (size_t i = 0; i < spec->style_count; i++)
    weights[i] /= sum;
  WCT_TRY (blend_styles (job, spec, weights, moments, err));

out:
  wct_free (&weights);
  wct_free (&moments);
  return status;
}

/* Each style alone, in its own region. */
static WctStatus
make_regions (WctJob *job, const WctJobSpec *spec, WctError *err)
{
  const double one = 1;
  WctStatus    status;

  WCT_TRY (wct_alloc (spec->style_count, sizeof *job->masks, "masks", &job->masks, err));
  for (int i = 0; i < job->regions; i++)
    {
      WCT_TRY (wct_mask_new (&spec->masks[i], &job->masks[i], err));
      for (int level = 1; level <= WCT_LEVELS; level++)
        if (job->params.level_on[level - 1])
          {
            const WctMoments *moments = wct_style_moments (spec->styles[i], level);

            WCT_TRY (wct_coloring_new (&moments, &one, 1, job->params.eigenvalue_floor,
                                       &job->coloring[i * WCT_LEVELS + level - 1], err));
          }
    }

out:
  return status;
}

WctStatus
wct_job_new (const WctJobSpec *spec, WctJob **out, WctError *err)
{
  WctJob   *job = NULL;
  WctStatus status;

  WCT_TRY (check_spec (spec, err));
  WCT_TRY (wct_alloc (1, sizeof *job, "job", &job, err));
  job->model = wct_model_ref (spec->model);
  job->backend = spec->backend;
  job->params = *spec->params;
  job->regions = spec->masks == NULL ? 1 : (int)spec->style_count;
  WCT_TRY (wct_alloc ((size_t)job->regions * WCT_LEVELS, sizeof *job->coloring, "job", &job->coloring, err));
  WCT_TRY (spec->masks == NULL ? make_blend (job, spec, err) : make_regions (job, spec, err));
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
  wct_free (&job->maps);
  job->map_count = 0;
  job->solved = job->frozen = job->ran = false;
}

WctStatus
wct_job_set_params (WctJob *job, const WctParams *params, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_params_check (params, err));
  if (levels_on (params) != levels_on (&job->params) || params->eigenvalue_floor != job->params.eigenvalue_floor)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "levels and eigenvalue floor of a job stay as they are"));
  if (params->passes != job->params.passes)
    free_maps (job);
  job->params = *params;

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
  free_maps (job);
  for (int i = 0; job->coloring != NULL && i < job->regions * WCT_LEVELS; i++)
    wct_coloring_free (&job->coloring[i]);
  for (int i = 0; job->masks != NULL && i < job->regions; i++)
    wct_mask_clear (&job->masks[i]);
  wct_free (&job->coloring);
  wct_free (&job->masks);
  wct_model_unref (&job->model);
  wct_free (job_pointer);
}

static WctStatus
plan_job (WctJob *job, int32_t width, int32_t height, WctError *err)
{
  job->ran = job->ran && job->cascade.width == width && job->cascade.height == height;
  return wct_cascade_plan (&job->cascade, job->model, job->backend, levels_on (&job->params), width, height, err);
}

/* Eigen-decomposition and its products: some matrices of doubles, of the widest level. And the maps, of all. */
static size_t
transform_memory (const WctJob *job)
{
  enum
  {
    MATRICES = 8
  };
  size_t most = 0, maps = 0;

  for (int i = 0; i < job->cascade.count; i++)
    {
      const WctShape shape = job->cascade.stages[i].shape;
      const size_t   square = (size_t)shape.c * (size_t)shape.c * sizeof (double);
      const size_t selections = job->masks == NULL ? 0 : (size_t)(job->regions + 1) * (size_t)shape.h * (size_t)shape.w;
      const size_t bytes = square * MATRICES + selections;

      most = bytes > most ? bytes : most;
      maps += square * (size_t)job->regions * (size_t)job->params.passes;
    }
  return most + maps;
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
  *bytes = wct_cascade_memory (&job->cascade) + transform_memory (job);

out:
  return status;
}

/* ---- Running ------------------------------------------------------------------------------------------------ */

/* One level's regions while it runs. */
typedef struct
{
  WctRegions  regions;
  WctMoments *moments; /* owned; of one region at a time */
  WctAffine **maps;    /* the job's; (regions) */
} Transform;

static void
clear_transform (Transform *transform)
{
  wct_moments_free (&transform->moments);
  wct_regions_clear (&transform->regions);
}

/* Maps of all passes stay behind for wct_job_freeze. */
static WctStatus
allocate_maps (WctJob *job, WctError *err)
{
  const int count = job->params.passes * WCT_LEVELS * job->regions;
  WctStatus status = WCT_OK;

  if (job->maps != NULL)
    return WCT_OK;
  WCT_TRY (wct_alloc ((size_t)count, sizeof *job->maps, "transforms", &job->maps, err));
  job->map_count = count;
  for (int i = 0; i < count; i++)
    {
      const WctColoring *coloring = job->coloring[i % job->regions * WCT_LEVELS + i / job->regions % WCT_LEVELS];

      if (coloring != NULL)
        WCT_TRY (wct_affine_new (coloring->channels, &job->maps[i], err));
    }

out:
  if (status != WCT_OK)
    free_maps (job);
  return status;
}

static WctStatus
begin_transform (WctJob *job, const WctStage *stage, int pass, Transform *transform, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_regions_sample (job->masks, job->regions, job->cascade.width, job->cascade.height, stage->shape,
                               &transform->regions, err));
  WCT_TRY (wct_moments_new (stage->shape.c, &transform->moments, err));
  transform->maps = job->maps + (pass * WCT_LEVELS + stage->level - 1) * job->regions;

out:
  return status;
}

/* All maps come from the features as they were encoded, so this is done for all regions before any is changed. */
static WctStatus
solve_regions (WctJob *job, WctStage *stage, Transform *transform, WctMonitor *monitor, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int i = 0; i < job->regions; i++)
    if (wct_regions_active (&transform->regions, i))
      {
        WCT_TRY (job->backend->ops->moments (job->backend->ctx, stage->features,
                                             wct_regions_mask (&transform->regions, i), transform->moments, monitor,
                                             err));
        WCT_TRY (wct_affine_solve (transform->moments, job->coloring[i * WCT_LEVELS + stage->level - 1],
                                   job->params.alpha[stage->level - 1], job->params.eigenvalue_floor,
                                   job->params.damping, transform->maps[i], err));
      }

out:
  return status;
}

static WctStatus
apply_regions (WctJob *job, WctStage *stage, Transform *transform, WctMonitor *monitor, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int i = 0; i < job->regions; i++)
    if (wct_regions_active (&transform->regions, i))
      WCT_TRY (job->backend->ops->affine (job->backend->ctx, stage->features, wct_regions_own (&transform->regions, i),
                                          transform->maps[i], monitor, err));

out:
  return status;
}

static WctStatus
transform_features (WctJob *job, WctStage *stage, int pass, WctMonitor *monitor, WctError *err)
{
  Transform transform = { .moments = NULL };
  WctStatus status;

  WCT_TRY (begin_transform (job, stage, pass, &transform, err));
  if (!job->frozen)
    WCT_TRY (solve_regions (job, stage, &transform, monitor, err));
  WCT_TRY (apply_regions (job, stage, &transform, monitor, err));

out:
  clear_transform (&transform);
  return status;
}

static WctStatus
stylize_level (WctJob *job, int i, int pass, WctMonitor *monitor, WctError *err)
{
  const WctBackendOps *ops = job->backend->ops;
  void                *ctx = job->backend->ctx;
  WctStage            *stage = &job->cascade.stages[i];
  WctTensor           *before = wct_cascade_picture (&job->cascade, i);
  WctTensor           *after = wct_cascade_picture (&job->cascade, i + 1);
  WctStatus            status;

  WCT_TRY (ops->plan_run (ctx, stage->encoder, before, stage->features, monitor, err));
  WCT_TRY (transform_features (job, stage, pass, monitor, err));
  WCT_TRY (ops->plan_run (ctx, stage->decoder, stage->features, after, monitor, err));

out:
  return status;
}

static WctStatus
run_stages (WctJob *job, int first, int pass, WctMonitor *monitor, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int i = first; i < job->cascade.count; i++)
    WCT_TRY (stylize_level (job, i, pass, monitor, err));

out:
  return status;
}

/* The last pass, from stage @first on. Until it is through, maps and pictures are of no use to others. */
static WctStatus
finish_run (WctJob *job, int first, WctImage *result, WctMonitor *monitor, WctError *err)
{
  WctStatus status;

  job->solved = job->frozen;
  job->ran = false;
  WCT_TRY (run_stages (job, first, job->params.passes - 1, monitor, err));
  WCT_TRY (wct_cascade_fetch (&job->cascade, err));
  wct_planar_to_image (job->cascade.planar, result);
  job->solved = true;
  job->ran = job->cascade.keeps && job->params.passes == 1;
  job->ran_with = job->params;

out:
  return status;
}

WctStatus
wct_job_run (WctJob *job, const WctImage *content, WctImage *result, const WctHooks *hooks, WctError *err)
{
  WctCascade *cascade = &job->cascade;
  WctMonitor  monitor;
  WctStatus   status;

  WCT_TRY (check_pictures (content, result, err));
  WCT_TRY (plan_job (job, content->width, content->height, err));
  wct_monitor_init (&monitor, hooks, wct_cascade_work (cascade, job->model, 0) * job->params.passes);
  WCT_TRY (wct_cascade_load (cascade, content, err));
  WCT_TRY (allocate_maps (job, err));
  job->ran = false;
  for (int pass = 0; pass < job->params.passes - 1; pass++)
    {
      WCT_TRY (run_stages (job, 0, pass, &monitor, err));
      WCT_TRY (wct_cascade_continue (cascade, err));
    }
  WCT_TRY (finish_run (job, 0, result, &monitor, err));

out:
  return status;
}

void
wct_job_keep (WctJob *job)
{
  job->cascade.keeps = true;
}

/* The first stage whose result is another than in the last run. */
static int
first_changed (const WctJob *job)
{
  const WctParams *now = &job->params, *then = &job->ran_with;
  int              i = 0;

  if (now->damping != then->damping)
    return 0;
  while (i < job->cascade.count - 1
         && now->alpha[job->cascade.stages[i].level - 1] == then->alpha[job->cascade.stages[i].level - 1])
    i++;
  return i;
}

WctStatus
wct_job_rerun (WctJob *job, WctImage *result, const WctHooks *hooks, WctError *err)
{
  WctMonitor monitor;
  int        first;
  WctStatus  status;

  WCT_TRY (wct_image_check (result, 3, "result", err));
  if (!job->ran || job->params.passes != 1)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "there is no run of one pass whose pictures were kept"));
  if (result->width != job->cascade.width || result->height != job->cascade.height)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "result is %d×%d, the last run's %d×%d; they must be equal",
                            result->width, result->height, job->cascade.width, job->cascade.height));
  first = first_changed (job);
  wct_monitor_init (&monitor, hooks, wct_cascade_work (&job->cascade, job->model, first));
  WCT_TRY (finish_run (job, first, result, &monitor, err));

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

WctStatus
wct_reconstruct (const WctModel *model, WctBackend *backend, int level, const WctImage *content, WctImage *result,
                 const WctHooks *hooks, WctError *err)
{
  WctCascade cascade = { .backend = NULL };
  WctMonitor monitor;
  WctStatus  status;

  WCT_TRY (check_pictures (content, result, err));
  WCT_TRY (check_level (model, level, err));
  WCT_TRY (wct_cascade_plan (&cascade, model, backend, 1u << (level - 1), content->width, content->height, err));
  wct_monitor_init (&monitor, hooks, wct_cascade_work (&cascade, model, 0));
  WCT_TRY (wct_cascade_load (&cascade, content, err));
  WCT_TRY (backend->ops->plan_run (backend->ctx, cascade.stages[0].encoder, cascade.picture, cascade.stages[0].features,
                                   &monitor, err));
  WCT_TRY (backend->ops->plan_run (backend->ctx, cascade.stages[0].decoder, cascade.stages[0].features, cascade.picture,
                                   &monitor, err));
  WCT_TRY (wct_cascade_fetch (&cascade, err));
  wct_planar_to_image (cascade.planar, result);

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

  WCT_TRY (check_size (width, height, err));
  WCT_TRY (check_level (model, level, err));
  WCT_TRY (wct_cascade_plan (&cascade, model, backend, 1u << (level - 1), width, height, err));
  *bytes = wct_cascade_memory (&cascade);

out:
  wct_cascade_clear (&cascade);
  return status;
}
