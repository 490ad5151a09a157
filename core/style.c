/* Styles: moments at each level's tap of the encoders, in one pass where they share a trunk. */
#include "style.h"

#include <pthread.h>
#include <stdatomic.h>

#include "backend/backend.h"
#include "backend/kept.h"
#include "mem.h"
#include "model.h"
#include "planar.h"
#include "style-cache.h"

struct WctStyle
{
  atomic_int  references;
  WctModel   *model;               /* counted */
  WctMoments *moments[WCT_LEVELS]; /* owned; NULL where not measured */
  WctShape    patches_shape;       /* of relu5_1 */
  float      *patches;             /* owned; (h, w, channels): its features; NULL where they are not kept */

  pthread_mutex_t lock;              /* of what follows: all else never changes */
  WctRoot        *roots[WCT_LEVELS]; /* counted; NULL where none was asked for */
};

/* A picture on its way through the encoders. */
typedef struct
{
  WctModel   *model;
  WctBackend *backend;
  WctShape    shape;
  WctStore   *picture; /* owned */
  bool        keeps_patches;
  WctMonitor  monitor;
} Walk;

/* Levels that one pass goes by: all of them, where the trunk is shared and the back end can; else @level alone. */
static unsigned
levels_of_pass (const Walk *walk, unsigned levels, int level)
{
  return wct_model_shared_trunk (walk->model) && walk->backend->ops->pass_run != NULL ? levels : 1u << (level - 1);
}

static int
deepest (unsigned levels)
{
  int level = WCT_LEVELS;

  while (!(levels & 1u << (level - 1)))
    level--;
  return level;
}

static double
planned_work (const Walk *walk, unsigned levels)
{
  double work = 0;

  while (levels != 0)
    {
      const int         level = deepest (levels);
      const WctNetwork *encoder = wct_model_encoder (walk->model, level);

      work += wct_layers_work (encoder->layers, encoder->count, walk->shape);
      levels &= ~levels_of_pass (walk, levels, level);
    }
  return work;
}

static WctStatus
store_picture (Walk *walk, const WctImage *picture, WctError *err)
{
  const size_t row = wct_picture_row_bytes (walk->shape);
  float       *planes = NULL;
  WctStatus    status;

  WCT_TRY (wct_store_new (wct_picture_store_bytes (walk->shape), false, "style", &walk->picture, err));
  WCT_TRY (wct_alloc (row, 1, "style", &planes, err));
  for (int32_t y = 0; y < walk->shape.h; y++)
    {
      wct_planar_row_from_image (picture, wct_mirror (y, picture->height), walk->shape.w, planes);
      WCT_TRY (wct_store_write (walk->picture, (size_t)y * row, row, planes, err));
    }

out:
  wct_free (&planes);
  return status;
}

/* The features that a pass kept. */
static WctStatus
take_patches (const Walk *walk, const WctStore *kept, WctShape shape, WctStyle *style, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_alloc ((size_t)shape.h * (size_t)shape.w, (size_t)shape.c * sizeof (float), "style's patches",
                      &style->patches, err));
  style->patches_shape = shape;
  WCT_TRY (wct_kept_read (walk->backend, kept, shape, 0, shape.h, style->patches, err));

out:
  return status;
}

/* One pass up to @level, which measures @levels on its way. */
static WctStatus
measure_pass (Walk *walk, int level, unsigned levels, WctStyle *style, WctError *err)
{
  const WctBackendOps *ops = walk->backend->ops;
  const WctNetwork    *encoder = wct_model_encoder (walk->model, level);
  const bool           keeps = walk->keeps_patches && level == WCT_LEVELS;
  WctStore            *kept = NULL;
  WctTap               taps[WCT_LEVELS];
  WctPass              pass = { .picture = walk->shape,
                                .features = wct_layers_shape (encoder->layers, encoder->count, walk->shape),
                                .from = walk->picture,
                                .taps = taps };
  WctStatus            status;

  for (int i = 0; i < level; i++)
    if (levels & 1u << i)
      {
        WCT_TRY (wct_moments_new (wct_model_channels (walk->model, i + 1), &style->moments[i], err));
        taps[pass.tap_count++] =
          (WctTap){ .layers = wct_model_encoder (walk->model, i + 1)->count, .moments = &style->moments[i] };
      }
  WCT_TRY (ops->plan_new (walk->backend->ctx, encoder->layers, encoder->count, walk->shape, &pass.encoder, err));
  if (keeps)
    WCT_TRY (wct_store_new (wct_pass_kept_bytes (walk->backend, pass.features), false, "style's patches", &kept, err));
  pass.kept = kept;
  WCT_TRY (wct_pass_run (walk->backend, &pass, &walk->monitor, err));
  if (keeps)
    WCT_TRY (take_patches (walk, kept, pass.features, style, err));

out:
  wct_store_free (&kept);
  ops->plan_free (walk->backend->ctx, &pass.encoder);
  return status;
}

static WctStatus
measure_levels (Walk *walk, unsigned levels, WctStyle *style, WctError *err)
{
  WctStatus status = WCT_OK;

  while (levels != 0 && status == WCT_OK)
    {
      const int      level = deepest (levels);
      const unsigned some = levels_of_pass (walk, levels, level);

      status = measure_pass (walk, level, some, style, err);
      levels &= ~some;
    }
  return status;
}

static WctStatus
check_arguments (const WctModel *model, const WctImage *picture, unsigned levels, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_image_check (picture, 3, "style", err));
  WCT_TRY (wct_image_check_finite (picture, 0, "style", err));
  for (int level = 1; level <= WCT_LEVELS; level++)
    if (levels & ~wct_model_encoder_levels (model) & 1u << (level - 1))
      WCT_TRY (
        wct_error_set (err, WCT_ERR_ARGUMENT, "level %d: the model's encoder does not reach relu%d_1", level, level));
  if (levels & WCT_STYLE_PATCHES && !(levels & 1u << (WCT_LEVELS - 1)))
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "levels 0x%x: patches are of relu%d_1, which is not among them",
                            levels, WCT_LEVELS));
  levels &= ~WCT_STYLE_PATCHES;
  if (levels == 0 || levels >> WCT_LEVELS != 0)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "levels 0x%x: at least one of 1 to %d is needed, and no other",
                            levels, WCT_LEVELS));

out:
  return status;
}

static WctStatus
new_style (WctModel *model, WctStyle **out, WctError *err)
{
  const WctStatus status = wct_alloc (1, sizeof **out, "style", out, err);

  if (status != WCT_OK)
    return status;
  atomic_init (&(*out)->references, 1);
  (*out)->model = wct_model_ref (model);
  pthread_mutex_init (&(*out)->lock, NULL);
  return WCT_OK;
}

WctStatus
wct_style_adopt (WctModel *model, WctMoments *moments[WCT_LEVELS], WctStyle **out, WctError *err)
{
  const WctStatus status = new_style (model, out, err);

  for (int i = 0; i < WCT_LEVELS && status == WCT_OK; i++)
    {
      (*out)->moments[i] = moments[i];
      moments[i] = NULL;
    }
  return status;
}

WctStatus
wct_style_measure (WctModel *model, WctBackend *backend, const WctImage *picture, unsigned levels,
                   const WctHooks *hooks, WctStyle **out, WctError *err)
{
  Walk      walk = { .model = model, .backend = backend, .keeps_patches = (levels & WCT_STYLE_PATCHES) != 0 };
  WctStyle *style = NULL;
  WctStatus status;

  WCT_TRY (check_arguments (model, picture, levels, err));
  levels &= ~WCT_STYLE_PATCHES;
  walk.shape = wct_planar_shape (picture->width, picture->height);
  wct_monitor_init (&walk.monitor, hooks, planned_work (&walk, levels));
  WCT_TRY (new_style (model, &style, err));
  WCT_TRY (store_picture (&walk, picture, err));
  WCT_TRY (measure_levels (&walk, levels, style, err));
  *out = style;
  style = NULL;

out:
  wct_store_free (&walk.picture);
  wct_style_unref (&style);
  return status;
}

WctStatus
wct_style_recall (WctModel *model, WctBackend *backend, const WctImage *picture, unsigned levels, const WctHooks *hooks,
                  WctStyle **out, WctError *err)
{
  WctStyleKey key;
  WctStyle   *style;
  WctStatus   status;

  if (levels & WCT_STYLE_PATCHES)
    return wct_style_measure (model, backend, picture, levels, hooks, out, err);
  WCT_TRY (check_arguments (model, picture, levels, err));
  key = wct_style_key (model, backend, picture, levels);
  style = wct_style_cache_find (model, key, levels);
  if (style == NULL)
    {
      WCT_TRY (wct_style_measure (model, backend, picture, levels, hooks, &style, err));
      wct_style_cache_keep (style, key);
    }
  *out = style;

out:
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
    {
      wct_root_unref (&own->roots[i]);
      wct_moments_free (&own->moments[i]);
    }
  wct_free (&own->patches);
  pthread_mutex_destroy (&own->lock);
  wct_model_unref (&own->model);
  wct_free (&own);
}

unsigned
wct_style_levels (const WctStyle *style)
{
  unsigned levels = style->patches != NULL ? WCT_STYLE_PATCHES : 0;

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

WctStatus
wct_style_root (WctStyle *style, int level, double floor, WctRoot **out, WctError *err)
{
  WctRoot **kept = &style->roots[level - 1], *made = NULL;
  WctStatus status = WCT_OK;

  pthread_mutex_lock (&style->lock);
  if (*kept == NULL || wct_root_floor (*kept) != floor)
    WCT_TRY (wct_root_new (style->moments[level - 1], floor, &made, err));
  if (made != NULL)
    {
      wct_root_unref (kept);
      *kept = made;
    }
  *out = wct_root_ref (*kept);

out:
  pthread_mutex_unlock (&style->lock);
  return status;
}

const WctModel *
wct_style_model (const WctStyle *style)
{
  return style->model;
}

const float *
wct_style_patches (const WctStyle *style)
{
  return style->patches;
}

WctShape
wct_style_patches_shape (const WctStyle *style)
{
  return style->patches_shape;
}
