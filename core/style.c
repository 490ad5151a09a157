/* Styles: one encoder pass, and the moments at each level's tap. */
#include "style.h"

#include <stdatomic.h>

#include "backend/backend.h"
#include "mem.h"
#include "model.h"
#include "planar.h"

struct WctStyle
{
  atomic_int  references;
  WctModel   *model;               /* counted */
  WctMoments *moments[WCT_LEVELS]; /* owned; NULL where not measured */
};

/* A walk along the trunk, or along each level's own. */
typedef struct
{
  WctModel   *model;
  WctBackend *backend;
  WctTensor  *picture; /* owned */
  WctTensor  *tap;     /* owned; features of the level before, where the trunk is shared */
  int         passed;  /* layers of the trunk that led to the tap; 0: none yet */
  WctMonitor  monitor;
} Walk;

static double
planned_work (const WctModel *model, unsigned levels, WctShape shape)
{
  double work = 0;

  for (int level = WCT_LEVELS; level >= 1; level--)
    if (levels & 1u << (level - 1))
      {
        const WctNetwork *encoder = wct_model_encoder (model, level);

        work += wct_layers_work (encoder->layers, encoder->count, shape);
        if (wct_model_shared_trunk (model))
          break; /* the deepest level's pass goes by all others */
      }
  return work;
}

static WctStatus
upload_picture (Walk *walk, const WctImage *picture, WctError *err)
{
  const WctBackendOps *ops = walk->backend->ops;
  const WctShape       shape = wct_planar_shape (picture->width, picture->height);
  float               *planar = NULL;
  WctStatus            status;

  WCT_TRY (ops->tensor_new (walk->backend->ctx, shape, &walk->picture, err));
  WCT_TRY (wct_alloc ((size_t)shape.c * (size_t)shape.h * (size_t)shape.w, sizeof (float), "style", &planar, err));
  wct_planar_from_image (picture, planar);
  WCT_TRY (ops->upload (walk->backend->ctx, planar, walk->picture, err));

out:
  wct_free (&planar);
  return status;
}

/* Encodes up to @level's tap; what the tap before already has is not computed again. */
static WctStatus
walk_to (Walk *walk, int level, WctError *err)
{
  const WctBackendOps *ops = walk->backend->ops;
  void                *ctx = walk->backend->ctx;
  const WctNetwork    *encoder = wct_model_encoder (walk->model, level);
  const bool           goes_on = walk->passed > 0 && wct_model_shared_trunk (walk->model);
  const int            first = goes_on ? walk->passed : 0;
  const WctTensor     *from = goes_on ? walk->tap : walk->picture;
  const WctLayer      *layers = encoder->layers + first;
  WctPlan             *plan = NULL;
  WctTensor           *features = NULL;
  WctStatus            status;

  WCT_TRY (ops->plan_new (ctx, layers, encoder->count - first, from->shape, &plan, err));
  WCT_TRY (ops->tensor_new (ctx, wct_layers_shape (layers, encoder->count - first, from->shape), &features, err));
  WCT_TRY (ops->plan_run (ctx, plan, from, features, &walk->monitor, err));
  ops->tensor_free (ctx, &walk->tap);
  walk->tap = features;
  walk->passed = encoder->count;
  features = NULL;

out:
  ops->tensor_free (ctx, &features);
  ops->plan_free (ctx, &plan);
  return status;
}

static WctStatus
measure_levels (Walk *walk, unsigned levels, WctStyle *style, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int level = 1; level <= WCT_LEVELS && status == WCT_OK; level++)
    if (levels & 1u << (level - 1))
      {
        WctMoments **moments = &style->moments[level - 1];

        WCT_TRY (wct_moments_new (wct_model_channels (walk->model, level), moments, err));
        WCT_TRY (walk_to (walk, level, err));
        WCT_TRY (walk->backend->ops->moments (walk->backend->ctx, walk->tap, NULL, *moments, &walk->monitor, err));
      }

out:
  return status;
}

static WctStatus
check_arguments (const WctModel *model, const WctImage *picture, unsigned levels, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_image_check (picture, 3, "style", err));
  WCT_TRY (wct_image_check_finite (picture, "style", err));
  for (int level = 1; level <= WCT_LEVELS; level++)
    if (levels & ~wct_model_encoder_levels (model) & 1u << (level - 1))
      WCT_TRY (
        wct_error_set (err, WCT_ERR_ARGUMENT, "level %d: the model's encoder does not reach relu%d_1", level, level));
  if (levels == 0 || levels >> WCT_LEVELS != 0)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "levels 0x%x: at least one of 1 to %d is needed, and no other",
                            levels, WCT_LEVELS));

out:
  return status;
}

WctStatus
wct_style_measure (WctModel *model, WctBackend *backend, const WctImage *picture, unsigned levels,
                   const WctHooks *hooks, WctStyle **out, WctError *err)
{
  Walk      walk = { .model = model, .backend = backend };
  WctStyle *style = NULL;
  WctStatus status;

  WCT_TRY (check_arguments (model, picture, levels, err));
  wct_monitor_init (&walk.monitor, hooks,
                    planned_work (model, levels, wct_planar_shape (picture->width, picture->height)));
  WCT_TRY (wct_alloc (1, sizeof *style, "style", &style, err));
  atomic_init (&style->references, 1);
  style->model = wct_model_ref (model);
  WCT_TRY (upload_picture (&walk, picture, err));
  WCT_TRY (measure_levels (&walk, levels, style, err));
  *out = style;
  style = NULL;

out:
  backend->ops->tensor_free (backend->ctx, &walk.tap);
  backend->ops->tensor_free (backend->ctx, &walk.picture);
  wct_style_unref (&style);
  return status;
}

WctStyle *
wct_style_ref (WctStyle *style)
{
  atomic_fetch_add (&style->references, 1);
  return style;
}

void
wct_style_unref (WctStyle **style)
{
  WctStyle *own = *style;

  *style = NULL;
  if (own == NULL || atomic_fetch_sub (&own->references, 1) > 1)
    return;
  for (int i = 0; i < WCT_LEVELS; i++)
    wct_moments_free (&own->moments[i]);
  wct_model_unref (&own->model);
  wct_free (&own);
}

unsigned
wct_style_levels (const WctStyle *style)
{
  unsigned levels = 0;

  for (int i = 0; i < WCT_LEVELS; i++)
    if (style->moments[i] != NULL)
      levels |= 1u << i;
  return levels;
}

const WctMoments *
wct_style_moments (const WctStyle *style, int level)
{
  return style->moments[level - 1];
}

const WctModel *
wct_style_model (const WctStyle *style)
{
  return style->model;
}
