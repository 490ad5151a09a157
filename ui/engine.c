#include "engine.h"

#include <string.h>

#include <wct/wct.h>

#include "i18n.h"

#define STYLES_KEPT 4

/* A style, by its picture's key. */
typedef struct
{
  guint64   key; /* 0: free */
  WctStyle *style;
} Measured;

/* How much memory a run takes, told before. */
typedef struct
{
  gint     width, height; /* 0: never */
  unsigned levels;
  size_t   bytes;
} Foretold;

/* A job with its plans, for styles and pictures like the last one's. */
typedef struct
{
  WctJob *job;     /* NULL: none */
  guint64 style;   /* its picture's key */
  guint64 content; /* the last run's; 0: none */
} Prepared;

struct WctEngine
{
  int           threads;
  WctModel     *model; /* NULL: not open */
  WctBackend   *backend;
  WctEngineInfo info;
  Measured      styles[STYLES_KEPT]; /* the latest first */
  Prepared      whole, part;         /* a part has maps that were solved on the whole */
  guint64       solved;              /* key of the picture that whole ran on last; 0: none */
  WctParams     solved_params;
  Foretold      foretold;
};

WctEngine *
wct_engine_new (int threads)
{
  WctEngine *engine = g_new0 (WctEngine, 1);

  engine->threads = threads;
  return engine;
}

void
wct_engine_free (WctEngine **engine_pointer)
{
  WctEngine *engine = *engine_pointer;

  if (engine == NULL)
    return;
  wct_job_free (&engine->part.job);
  wct_job_free (&engine->whole.job);
  for (int i = 0; i < STYLES_KEPT; i++)
    wct_style_unref (&engine->styles[i].style);
  wct_backend_close (&engine->backend);
  wct_model_unref (&engine->model);
  g_free (engine);
  *engine_pointer = NULL;
}

/* ---- Opening ------------------------------------------------------------------------------------------------ */

static WctStatus
find_model (WctEngine *engine, WctError *err)
{
  const char *named = g_getenv ("WCT_MODEL");
  char        folder[4096] = "";

  if (wct_model_find (NULL, engine->info.model, sizeof engine->info.model, NULL) == WCT_OK)
    return WCT_OK;
  if (named != NULL && *named != '\0')
    return wct_error_set (err, WCT_ERR_IO, _ ("The model %s is not there: please let WCT_MODEL name another, or none."),
                          named);
  wct_model_folder (0, folder, sizeof folder);
  return wct_error_set (err, WCT_ERR_IO,
                        _ ("No model was found: please put wct-compact.safetensors into the folder %s."), folder);
}

static WctStatus
load_model (WctEngine *engine, WctModel **model, WctError *err)
{
  WctError        why;
  const WctStatus status = wct_model_load (engine->info.model, model, &why);

  if (status != WCT_OK)
    /* Translators: the path of a file, then a sentence of the library, in English. */
    return wct_error_set (err, status, _ ("The model %s cannot be used (%s): please install it again."),
                          engine->info.model, why.message);
  return WCT_OK;
}

WctStatus
wct_engine_open (WctEngine *engine, WctEngineInfo *info, WctError *err)
{
  WctModel *model = NULL;
  WctStatus status = WCT_OK;

  if (engine->model == NULL)
    {
      WCT_TRY (find_model (engine, err));
      WCT_TRY (load_model (engine, &model, err));
      WCT_TRY (wct_backend_open ("auto", engine->threads, &engine->backend, err));
      g_strlcpy (engine->info.backend, wct_backend_info (engine->backend)->name, sizeof engine->info.backend);
      engine->info.threads = wct_backend_info (engine->backend)->threads;
      engine->info.levels = wct_model_levels (model);
      engine->model = model;
      model = NULL;
    }
  if (info != NULL)
    *info = engine->info;

out:
  wct_model_unref (&model);
  return status;
}

/* ---- Styles ------------------------------------------------------------------------------------------------- */

static WctHooks
without_progress (const WctHooks *hooks)
{
  return hooks == NULL ? (WctHooks){ .user = NULL } : (WctHooks){ .user = hooks->user, .canceled = hooks->canceled };
}

/* At all levels that there are: who turns one on does not wait. */
static WctStatus
measure_style (WctEngine *engine, const WctPicture *picture, const WctHooks *hooks, WctError *err)
{
  const WctHooks cancel_only = without_progress (hooks);
  WctStyle      *style = NULL;
  WctStatus      status;

  WCT_TRY (
    wct_style_recall (engine->model, engine->backend, &picture->image, engine->info.levels, &cancel_only, &style, err));
  wct_style_unref (&engine->styles[STYLES_KEPT - 1].style);
  memmove (&engine->styles[1], &engine->styles[0], (STYLES_KEPT - 1) * sizeof engine->styles[0]);
  engine->styles[0] = (Measured){ picture->key, style };

out:
  return status;
}

static WctStatus
find_style (WctEngine *engine, const WctPicture *picture, const WctHooks *hooks, WctStyle **style, WctError *err)
{
  WctStatus status;

  for (int i = 0; i < STYLES_KEPT; i++)
    if (engine->styles[i].key == picture->key)
      {
        *style = engine->styles[i].style;
        return WCT_OK;
      }
  WCT_TRY (measure_style (engine, picture, hooks, err));
  *style = engine->styles[0].style;

out:
  return status;
}

/* ---- Jobs --------------------------------------------------------------------------------------------------- */

/* @keep: it will run on the same picture again, with other strengths */
static WctStatus
prepare (WctEngine *engine, Prepared *prepared, const WctEngineRun *run, bool keep, const WctHooks *hooks,
         WctError *err)
{
  WctStyle *style;
  WctStatus status;

  WCT_TRY (find_style (engine, run->style, hooks, &style, err));
  if (prepared->job != NULL && prepared->style == run->style->key
      && wct_job_set_params (prepared->job, run->params, NULL) == WCT_OK)
    return WCT_OK;
  wct_job_free (&prepared->job);
  WCT_TRY (wct_job_new (
    &(WctJobSpec){
      .model = engine->model, .backend = engine->backend, .params = run->params, .style_count = 1, .styles = &style },
    &prepared->job, err));
  if (keep)
    wct_job_keep (prepared->job);
  prepared->style = run->style->key;
  prepared->content = 0;

out:
  return status;
}

WctStatus
wct_engine_check_memory (size_t needed, gint width, gint height, bool of_style, WctError *err)
{
  const size_t available = wct_memory_available ();

  if (needed <= available)
    return WCT_OK;
  if (of_style)
    return wct_error_set (err, WCT_ERR_NO_MEMORY,
                          _ ("The style's %d×%d pixels need %.1f GB of memory and %.1f GB are free: please give it a "
                             "smaller size."),
                          width, height, (double)needed * 1e-9, (double)available * 1e-9);
  return wct_error_set (err, WCT_ERR_NO_MEMORY,
                        _ ("%d×%d pixels need %.1f GB of memory and %.1f GB are free: please select less, or scale the "
                           "image down."),
                        width, height, (double)needed * 1e-9, (double)available * 1e-9);
}

/* The pictures are there already. What is refused is refused here, in the user's language: a job that needs more than
 * the library would take by itself, but not more than is free, may have it. */
static WctStatus
check_memory (WctJob *job, const WctImage *content, WctError *err)
{
  size_t    needed;
  WctStatus status;

  WCT_TRY (wct_job_memory (job, content->width, content->height, &needed, err));
  WCT_TRY (wct_engine_check_memory (needed, content->width, content->height, false, err));
  wct_job_limit_memory (job, needed);

out:
  return status;
}

/* The same picture as last time: only what changed is computed. */
static WctStatus
run_job (Prepared *prepared, const WctPicture *content, const WctHooks *hooks, WctPicture **out, WctError *err)
{
  WctPicture *result = NULL;
  WctStatus   status;

  WCT_TRY (wct_picture_new (content->image.width, content->image.height, &result, err));
  status =
    prepared->content == content->key ? wct_job_rerun (prepared->job, &result->image, hooks, err) : WCT_ERR_ARGUMENT;
  if (status == WCT_ERR_ARGUMENT)
    status = wct_job_run (prepared->job, &content->image, &result->image, hooks, err);
  prepared->content = status == WCT_OK ? content->key : 0;
  WCT_TRY (status);
  *out = result;
  result = NULL;

out:
  wct_picture_unref (&result);
  return status;
}

/* Maps for its parts: once, while the settings stay. */
static WctStatus
solve_whole (WctEngine *engine, const WctEngineRun *run, const WctHooks *hooks, WctError *err)
{
  const WctHooks quiet = without_progress (hooks);
  const gboolean known = engine->solved == run->whole->key && engine->whole.style == run->style->key
                         && memcmp (&engine->solved_params, run->params, sizeof engine->solved_params) == 0;
  WctPicture *result = NULL;
  WctStatus   status = WCT_OK;

  if (known)
    return WCT_OK;
  engine->solved = 0;
  WCT_TRY (prepare (engine, &engine->whole, run, true, hooks, err));
  WCT_TRY (run_job (&engine->whole, run->whole, &quiet, &result, err));
  engine->solved = run->whole->key;
  engine->solved_params = *run->params;

out:
  wct_picture_unref (&result);
  return status;
}

/* A large run's plans and maps go at once: they would be gigabytes while a dialog stands open. */
WctStatus
wct_engine_run (WctEngine *engine, const WctEngineRun *run, const WctHooks *hooks, WctPicture **out, WctError *err)
{
  Prepared  large = { .job = NULL };
  Prepared *prepared = run->check_memory ? &large : run->whole != NULL ? &engine->part : &engine->whole;
  WctStatus status;

  WCT_TRY (wct_engine_open (engine, NULL, err));
  if (run->whole != NULL)
    WCT_TRY (solve_whole (engine, run, hooks, err));
  else if (prepared == &engine->whole)
    engine->solved = 0;
  WCT_TRY (prepare (engine, prepared, run, prepared == &engine->whole, hooks, err));
  if (run->whole != NULL)
    WCT_TRY (wct_job_freeze (prepared->job, engine->whole.job, err));
  if (run->check_memory)
    WCT_TRY (check_memory (prepared->job, &run->content->image, err));
  WCT_TRY (run_job (prepared, run->content, hooks, out, err));

out:
  wct_job_free (&large.job);
  return status;
}

/* ---- Memory ------------------------------------------------------------------------------------------------- */

static unsigned
levels_on (const WctParams *params)
{
  unsigned levels = 0;

  for (int i = 0; i < WCT_LEVELS; i++)
    levels |= params->level_on[i] ? 1u << i : 0;
  return levels;
}

/* A job of its own: the one that is kept has its plans for another size. Bytes do not depend on what the style shows.
 */
static WctStatus
foretell (WctEngine *engine, const WctParams *params, gint width, gint height, size_t *bytes, WctError *err)
{
  float          pixels[16 * 16 * 3] = { 0 };
  const WctImage black = { pixels, 16, 16, 3, 16 * 3 * sizeof (float) };
  WctStyle      *style = NULL;
  WctJob        *job = NULL;
  WctStatus      status;

  WCT_TRY (wct_style_measure (engine->model, engine->backend, &black, engine->info.levels, NULL, &style, err));
  WCT_TRY (wct_job_new (
    &(WctJobSpec){
      .model = engine->model, .backend = engine->backend, .params = params, .style_count = 1, .styles = &style },
    &job, err));
  WCT_TRY (wct_job_memory (job, width, height, bytes, err));
  *bytes += 2 * (size_t)width * (size_t)height * 3 * sizeof (float);

out:
  wct_job_free (&job);
  wct_style_unref (&style);
  return status;
}

WctStatus
wct_engine_memory (WctEngine *engine, const WctParams *params, gint width, gint height, size_t *bytes, WctError *err)
{
  Foretold      *foretold = &engine->foretold;
  const unsigned levels = levels_on (params);
  WctStatus      status;

  WCT_TRY (wct_engine_open (engine, NULL, err));
  if (foretold->width != width || foretold->height != height || foretold->levels != levels)
    {
      WCT_TRY (foretell (engine, params, width, height, &foretold->bytes, err));
      *foretold = (Foretold){ width, height, levels, foretold->bytes };
    }
  *bytes = foretold->bytes;

out:
  return status;
}
