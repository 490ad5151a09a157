/* The autoencoder of a level alone. */
#include "job.h"

#include "model.h"

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

  WCT_TRY (wct_job_check_size (width, height, err));
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

  WCT_TRY (wct_job_check_pictures (content, result, err));
  WCT_TRY (plan_reconstruction (model, backend, level, content->width, content->height, &cascade, err));
  wct_cascade_settle (&cascade, NULL, 0, wct_job_default_limit ());
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
  *bytes = wct_cascade_settle (&cascade, NULL, 0, wct_job_default_limit ());

out:
  wct_cascade_clear (&cascade);
  return status;
}
