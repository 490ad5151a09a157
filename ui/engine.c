#include "engine.h"

#include <string.h>

#include <glib/gstdio.h>

#include <wct/wct.h>

#include "i18n.h"

/* A blend's pictures at their previews' size, and those of the last one. */
#define THUMBNAIL_SIDE 96 /* px; as 'wct style save' has it */
#define STYLES_KEPT    (2 * WCT_ENGINE_STYLES_MAX)

/* What a style is measured from: a picture, with what of the content changes it first; or a file. */
typedef struct
{
  guint64 picture; /* key; 0: a file, or free */
  guint64 colors;  /* key of the picture whose colors it was given; 0: none */
  double  recolor, histogram;
  char   *file;     /* owned; NULL: a picture */
  gint64  modified; /* of the file, µs */
} Source;

typedef struct
{
  Source    source;
  WctStyle *style; /* NULL: free */
  guint64   key;   /* no two of an engine have the same */
} Measured;

/* Who is in a blend, and where: what a job was made for. Zeroed before it is filled: compared as bytes. */
typedef struct
{
  gint64  style_count, region_count;
  guint64 styles[WCT_ENGINE_STYLES_MAX]; /* keys, as masks */
  double  weights[WCT_ENGINE_STYLES_MAX];
  guint64 masks[WCT_ENGINE_REGIONS_MAX];
  gint64  region_styles[WCT_ENGINE_REGIONS_MAX]; /* -1: the blend */
  gint64  own_alpha[WCT_ENGINE_REGIONS_MAX];     /* 0: as the parameters say, and alpha is 0 */
  double  alpha[WCT_ENGINE_REGIONS_MAX][WCT_LEVELS];
} Recipe;

/* How much memory a run takes, told before. */
typedef struct
{
  gint      width, height; /* 0: never */
  WctParams params;
  size_t    bytes;
} Foretold;

/* A job with its plans, for styles and pictures like the last one's. */
typedef struct
{
  WctJob *job; /* NULL: none */
  Recipe  recipe;
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
  guint64       last_key; /* of a style */
  Foretold      foretold;
};

static void
forget_style (Measured *measured)
{
  wct_style_unref (&measured->style);
  g_free (measured->source.file);
  *measured = (Measured){ .style = NULL };
}

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
    forget_style (&engine->styles[i]);
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

/* All that a run asks of a style: at all levels that there are, as who turns one on does not wait. */
static unsigned
levels_needed (const WctEngine *engine, const WctParams *params)
{
  if (params->swap > 0)
    return engine->info.levels | WCT_STYLE_PATCHES;
  return engine->info.levels;
}

/* The picture whose statistics count: what is seen, or all of it. */
static const WctPicture *
whole_of (const WctEngineRun *run)
{
  return run->whole != NULL ? run->whole : run->content;
}

static WctStatus
recolor (const WctEngineRun *run, const WctPicture *picture, WctPicture **out, WctError *err)
{
  WctColors  *colors = NULL;
  WctPicture *recolored = NULL;
  WctStatus   status;

  WCT_TRY (wct_picture_new (picture->image.width, picture->image.height, &recolored, err));
  WCT_TRY (wct_colors_new (&colors, err));
  wct_colors_add (colors, &whole_of (run)->image);
  WCT_TRY (wct_recolor (&picture->image, colors, run->params->recolor / 100, run->params->recolor_histogram / 100,
                        &recolored->image, err));
  *out = recolored;
  recolored = NULL;

out:
  wct_colors_free (&colors);
  wct_picture_unref (&recolored);
  return status;
}

/* What is done to a style's picture before it is measured, and depends on the content: its colors. @out: a picture of
 * the caller's, which may be @picture again */
static WctStatus
prepare_style (const WctEngineRun *run, const WctPicture *picture, WctPicture **out, WctError *err)
{
  if (run->params->recolor > 0 || run->params->recolor_histogram > 0)
    return recolor (run, picture, out, err);
  *out = wct_picture_ref ((WctPicture *)picture);
  return WCT_OK;
}

static WctStatus
load_style (WctEngine *engine, const char *path, WctStyle **style, WctError *err)
{
  WctError        why;
  const WctStatus status = wct_style_load (engine->model, path, style, NULL, &why);

  if (status != WCT_OK)
    /* Translators: the path of a file, then a sentence of the library, in English. */
    return wct_error_set (err, status, _ ("The style %s cannot be used (%s): please choose another."), path,
                          why.message);
  return WCT_OK;
}

static WctStatus
measure_picture (WctEngine *engine, const WctEngineRun *run, const WctPicture *picture, const WctHooks *hooks,
                 WctStyle **style, WctError *err)
{
  const WctHooks cancel_only = without_progress (hooks);
  WctPicture    *prepared = NULL;
  WctStatus      status;

  WCT_TRY (prepare_style (run, picture, &prepared, err));
  WCT_TRY (wct_style_recall (engine->model, engine->backend, &prepared->image, levels_needed (engine, run->params),
                             &cancel_only, style, err));

out:
  wct_picture_unref (&prepared);
  return status;
}

/* @file is borrowed. */
static Source
source_of (const WctEngineRun *run, const WctEngineStyle *style)
{
  const WctParams *params = run->params;
  Source           source = { .file = (char *)style->file };
  GStatBuf         info;

  if (style->file != NULL && g_stat (style->file, &info) == 0)
    source.modified = (gint64)info.st_mtim.tv_sec * 1000000 + info.st_mtim.tv_nsec / 1000;
  if (style->file != NULL)
    return source;
  source.picture = style->picture->key;
  if (params->recolor > 0 || params->recolor_histogram > 0)
    {
      source.colors = whole_of (run)->key;
      source.recolor = params->recolor;
      source.histogram = params->recolor_histogram;
    }
  return source;
}

static bool
same_source (const Source *a, const Source *b)
{
  return a->picture == b->picture && a->colors == b->colors && a->recolor == b->recolor && a->histogram == b->histogram
         && g_strcmp0 (a->file, b->file) == 0 && a->modified == b->modified;
}

static bool
is_what_is_wanted (const Measured *measured, const Source *source, unsigned levels)
{
  return measured->style != NULL && same_source (&measured->source, source)
         && (levels & ~wct_style_levels (measured->style)) == 0;
}

/* In the last place, whose style is forgotten. */
static WctStatus
measure_anew (WctEngine *engine, const WctEngineRun *run, const WctEngineStyle *wanted, const WctHooks *hooks,
              WctError *err)
{
  Measured *last = &engine->styles[STYLES_KEPT - 1];
  WctStyle *style = NULL;
  WctStatus status;

  if (wanted->file != NULL)
    WCT_TRY (load_style (engine, wanted->file, &style, err));
  else
    WCT_TRY (measure_picture (engine, run, wanted->picture, hooks, &style, err));
  forget_style (last);
  *last = (Measured){ source_of (run, wanted), style, ++engine->last_key };
  last->source.file = g_strdup (wanted->file);

out:
  return status;
}

/* @found: the engine's; valid until STYLES_KEPT others were asked for, as the latest comes first */
static WctStatus
find_style (WctEngine *engine, const WctEngineRun *run, const WctEngineStyle *wanted, const WctHooks *hooks,
            Measured *found, WctError *err)
{
  const Source   source = source_of (run, wanted);
  const unsigned levels = levels_needed (engine, run->params);
  int            at = 0;
  WctStatus      status = WCT_OK;

  while (at < STYLES_KEPT && !is_what_is_wanted (&engine->styles[at], &source, levels))
    at++;
  if (at == STYLES_KEPT)
    WCT_TRY (measure_anew (engine, run, wanted, hooks, err));
  at = MIN (at, STYLES_KEPT - 1);
  *found = engine->styles[at];
  memmove (&engine->styles[1], &engine->styles[0], (size_t)at * sizeof engine->styles[0]);
  engine->styles[0] = *found;

out:
  return status;
}

/* ---- Jobs --------------------------------------------------------------------------------------------------- */

static Recipe
recipe_of (const WctEngineRun *run, const guint64 *styles)
{
  Recipe recipe;

  memset (&recipe, 0, sizeof recipe);
  recipe.style_count = run->style_count;
  recipe.region_count = run->region_count;
  for (int i = 0; i < run->style_count; i++)
    {
      recipe.styles[i] = styles[i];
      recipe.weights[i] = run->style_count == 1 ? 1 : run->styles[i].weight;
    }
  for (int i = 0; i < run->region_count; i++)
    {
      const WctEngineRegion *region = &run->regions[i];

      recipe.masks[i] = region->mask->key;
      recipe.region_styles[i] = region->style;
      recipe.own_alpha[i] = region->strength >= 0;
      for (int level = 0; region->strength >= 0 && level < WCT_LEVELS; level++)
        recipe.alpha[i][level] = run->params->alpha[level] * region->strength;
    }
  return recipe;
}

/* The borrowed parts are those of @run, @styles and @recipe. */
static void
fill_regions (const WctEngineRun *run, WctStyle *const *styles, const Recipe *recipe, WctRegion *regions)
{
  static const double all = 1;

  for (int i = 0; i < run->region_count; i++)
    {
      const int style = run->regions[i].style;

      regions[i] = (WctRegion){ .mask = run->regions[i].mask->image,
                                .style_count = style < 0 ? (size_t)run->style_count : 1,
                                .styles = style < 0 ? styles : &styles[style],
                                .weights = style < 0 ? recipe->weights : &all,
                                .alpha = recipe->own_alpha[i] != 0 ? recipe->alpha[i] : NULL };
    }
}

static WctStatus
new_job (WctEngine *engine, const WctEngineRun *run, WctStyle *const *styles, const Recipe *recipe, WctJob **job,
         WctError *err)
{
  WctRegion regions[WCT_ENGINE_REGIONS_MAX];

  fill_regions (run, styles, recipe, regions);
  return wct_job_new (&(WctJobSpec){ .model = engine->model,
                                     .backend = engine->backend,
                                     .params = run->params,
                                     .style_count = (size_t)run->style_count,
                                     .styles = styles,
                                     .weights = recipe->weights,
                                     .region_count = (size_t)run->region_count,
                                     .regions = regions },
                      job, err);
}

/* In each region that has the blend, and where there are none. */
static bool
set_weights (WctJob *job, const WctEngineRun *run, const Recipe *recipe)
{
  bool good = true;

  if (run->region_count == 0)
    return wct_job_set_weights (job, 0, recipe->weights, NULL) == WCT_OK;
  for (int i = 0; i < run->region_count && good; i++)
    if (run->regions[i].style < 0)
      good = wct_job_set_weights (job, (size_t)i, recipe->weights, NULL) == WCT_OK;
  return good;
}

static bool
differs_in_weights_at_most (const Recipe *a, const Recipe *b)
{
  Recipe same = *a;

  memcpy (same.weights, b->weights, sizeof same.weights);
  return memcmp (&same, b, sizeof same) == 0;
}

/* The job that there is, where it can be used as it is, or with other weights and strengths. */
static bool
adjust_job (Prepared *prepared, const WctEngineRun *run, const Recipe *recipe)
{
  if (prepared->job == NULL || !differs_in_weights_at_most (&prepared->recipe, recipe))
    return false;
  if (memcmp (&prepared->recipe, recipe, sizeof *recipe) != 0 && !set_weights (prepared->job, run, recipe))
    return false;
  prepared->recipe = *recipe;
  return wct_job_set_params (prepared->job, run->params, NULL) == WCT_OK;
}

/* @keep: it will run on the same picture again, with other strengths */
static WctStatus
prepare (WctEngine *engine, Prepared *prepared, const WctEngineRun *run, bool keep, const WctHooks *hooks,
         WctError *err)
{
  WctStyle *styles[WCT_ENGINE_STYLES_MAX];
  guint64   keys[WCT_ENGINE_STYLES_MAX];
  Measured  found;
  Recipe    recipe;
  WctStatus status = WCT_OK;

  for (int i = 0; i < run->style_count; i++)
    {
      WCT_TRY (find_style (engine, run, &run->styles[i], hooks, &found, err));
      styles[i] = found.style;
      keys[i] = found.key;
    }
  recipe = recipe_of (run, keys);
  if (adjust_job (prepared, run, &recipe))
    return WCT_OK;
  wct_job_free (&prepared->job);
  WCT_TRY (new_job (engine, run, styles, &recipe, &prepared->job, err));
  if (keep)
    wct_job_keep (prepared->job);
  prepared->recipe = recipe;
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
  const Recipe   before = engine->whole.recipe;
  WctParams      params = *run->params;
  WctEngineRun   whole = *run;
  WctPicture    *result = NULL;
  WctStatus      status;

  params.working_size = run->whole_working_size;
  whole.params = &params;
  WCT_TRY (prepare (engine, &engine->whole, &whole, true, hooks, err));
  if (engine->solved == run->whole->key && memcmp (&before, &engine->whole.recipe, sizeof before) == 0
      && memcmp (&engine->solved_params, &params, sizeof params) == 0)
    return WCT_OK;
  engine->solved = 0;
  WCT_TRY (run_job (&engine->whole, run->whole, &quiet, &result, err));
  engine->solved = run->whole->key;
  engine->solved_params = params;

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

/* ---- Style files -------------------------------------------------------------------------------------------- */

/* The mean over what a pixel of the small picture covers. */
static uint8_t
mean_byte (const WctImage *image, const WctStyleCard *card, gint x, gint y, gint channel)
{
  const gint from_x = (gint)((gint64)x * image->width / card->width),
             from_y = (gint)((gint64)y * image->height / card->height);
  const gint to_x = MAX (from_x + 1, (gint)((gint64)(x + 1) * image->width / card->width));
  const gint to_y = MAX (from_y + 1, (gint)((gint64)(y + 1) * image->height / card->height));
  double     sum = 0;

  for (gint row = from_y; row < to_y; row++)
    for (gint column = from_x; column < to_x; column++)
      sum +=
        image->pixels[(gsize)row * (image->row_stride_bytes / sizeof (float)) + (gsize)column * 3 + (gsize)channel];
  return (uint8_t)(CLAMP (sum / ((double)(to_x - from_x) * (to_y - from_y)), 0, 1) * 255 + 0.5);
}

/* To be freed with g_free: what the library reads itself is another matter. */
static void
make_thumbnail (const WctPicture *picture, WctStyleCard *card)
{
  const WctImage *image = &picture->image;

  card->width = image->width;
  card->height = image->height;
  wct_size_fit (THUMBNAIL_SIDE, &card->width, &card->height);
  card->thumbnail = g_new (uint8_t, (gsize)card->width * (gsize)card->height * 3);
  for (gint i = 0; i < card->width * card->height * 3; i++)
    card->thumbnail[i] = mean_byte (image, card, i / 3 % card->width, i / 3 / card->width, i % 3);
}

WctStatus
wct_engine_save_style (WctEngine *engine, const WctPicture *picture, const char *path, const WctHooks *hooks,
                       WctError *err)
{
  WctStyleCard card = { .thumbnail = NULL };
  WctStyle    *style = NULL;
  char        *name = g_filename_display_basename (path);
  WctError     why;
  WctStatus    status;

  if (g_str_has_suffix (name, WCT_STYLE_EXTENSION))
    name[strlen (name) - strlen (WCT_STYLE_EXTENSION)] = '\0';
  g_strlcpy (card.name, name, sizeof card.name);
  WCT_TRY (wct_engine_open (engine, NULL, err));
  WCT_TRY (wct_style_recall (engine->model, engine->backend, &picture->image, engine->info.levels, hooks, &style, err));
  make_thumbnail (picture, &card);
  status = wct_style_save (style, &card, path, &why);
  if (status != WCT_OK)
    /* Translators: the path of a file, then a sentence of the library, in English. */
    WCT_TRY (wct_error_set (err, status, _ ("The style %s cannot be saved (%s): please choose another place."), path,
                            why.message));

out:
  g_free (card.thumbnail);
  wct_style_unref (&style);
  g_free (name);
  return status;
}

/* ---- Memory ------------------------------------------------------------------------------------------------- */

bool
wct_engine_same_cost (const WctParams *a, const WctParams *b)
{
  static const char *const without[] = { "eigenvalue-floor", "damping", "seed", "guide", NULL };
  size_t                   count;
  const WctParamInfo      *table = wct_params_table (&count);
  bool                     same = true;

  for (size_t i = 0; i < count && same; i++)
    if (!g_str_has_suffix (table[i].name, "-alpha") && !g_str_has_prefix (table[i].name, "style-")
        && !g_str_has_prefix (table[i].name, "recolor") && !g_strv_contains (without, table[i].name))
      same = wct_param_get (a, &table[i]) == wct_param_get (b, &table[i]);
  return same;
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

  WCT_TRY (
    wct_style_measure (engine->model, engine->backend, &black, levels_needed (engine, params), NULL, &style, err));
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
  Foretold *foretold = &engine->foretold;
  WctStatus status;

  WCT_TRY (wct_engine_open (engine, NULL, err));
  if (foretold->width != width || foretold->height != height || !wct_engine_same_cost (&foretold->params, params))
    {
      WCT_TRY (foretell (engine, params, width, height, &foretold->bytes, err));
      *foretold = (Foretold){ width, height, *params, foretold->bytes };
    }
  *bytes = foretold->bytes;

out:
  return status;
}
