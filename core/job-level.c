/* One level of a cascade: measured, solved, mapped (Li et al. 2017, section 3.2). */
#include "job.h"

#include <math.h>

#include "mem.h"
#include "period.h"

/* ---- The transform -------------------------------------------------------------------------------------------- */

void
wct_job_free_maps (WctJob *job)
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

/* Maps of all passes stay behind for wct_job_freeze. */
WctStatus
wct_job_allocate_maps (WctJob *job, WctError *err)
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
    wct_job_free_maps (job);
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

  if (weight > 0 && weight < SMALL_REGION && wct_job_has_soft_masks (job))
    {
      if (*whole == NULL)
        WCT_TRY (wct_moments_new (own->channels, whole, err));
      transform->whole = transform->used[region] = *whole;
    }
  else if (weight > (wct_job_has_soft_masks (job) ? 0 : 1))
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
  const WctEigenSolver solver = wct_backend_solver (job->backend);
  WctStatus            status = WCT_OK;

  for (int i = 0; i < job->regions && status == WCT_OK; i++)
    if (transform->used[i] != NULL)
      {
        transform->active[i] = transform->maps[i];
        status = wct_affine_solve (transform->used[i], job->coloring[i * WCT_LEVELS + stage->level - 1],
                                   strength (job, i, stage->level), job->params.eigenvalue_floor, job->params.damping,
                                   job->params.transport != 0, &solver, transform->maps[i], err);
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
WctStatus
wct_job_stylize_level (WctJob *job, int i, int pass, bool measured, WctMonitor *monitor, WctError *err)
{
  const WctStage *stage = &job->cascade.stages[i];
  const bool      swaps = i == 0 && wct_job_swaps (&job->params);
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
double
wct_job_work (const WctJob *job, int first, bool measured)
{
  double work = 0;

  for (int i = first; i < job->cascade.count; i++)
    {
      const WctStage *stage = &job->cascade.stages[i];
      const bool      twice = !job->frozen && !stage->keeps_features, never = !job->frozen && measured && i == first;

      work += stage->decoder_work + (never ? 0 : twice ? 2 : 1) * stage->encoder_work;
    }
  if (first == 0 && wct_job_swaps (&job->params))
    work += wct_swap_work (job->swap, job->cascade.stages[0].shape, &job->params,
                           measured && wct_swap_found (job->swap, &job->params));
  return work;
}
