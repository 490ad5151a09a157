/* wct-train eval --pairs, --textures: how well models stylize, beside each other. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "chart-page.h"
#include "commands.h"
#include "mem.h"
#include "model.h"
#include "newfile.h"
#include "output.h"
#include "progress.h"
#include "transfer.h"

#define ALL_LEVELS   ((1u << WCT_LEVELS) - 1)
#define PAIR_SIZE    320
#define TEXTURE_SIZE 256
#define TILE_PX      200
#define SETTINGS_MAX 10

typedef struct
{
  const char *name;
  unsigned    levels;
  double      alpha;
  int32_t     passes;
} Setting;

static const Setting usual[] = { { "five levels", ALL_LEVELS, 0.6, 1 },
                                 { "relu4_1", 1u << 3, 0.8, 1 },
                                 { "five levels", ALL_LEVELS, 1, 1 } };
static const Setting texture = { "texture", ALL_LEVELS, 1, 3 };
static const double  strengths[] = { 0.2, 0.4, 0.6, 0.8, 1 };

#define USUAL_COUNT    (int)(sizeof usual / sizeof usual[0])
#define STRENGTH_COUNT (int)(sizeof strengths / sizeof strengths[0])

typedef struct
{
  const WctArguments *arguments;
  WctTransfer         transfer;
  WctModel           *models[WCT_OPERANDS_MAX], *judge; /* owned, as the sets and all below */
  char               *names[WCT_OPERANDS_MAX];
  Setting             settings[SETTINGS_MAX];
  WctParams           params[SETTINGS_MAX];
  WctDistances       *distances; /* (pairs, models, settings) */
  WctDistances       *means;     /* (models, settings) */
  bool               *done;      /* (pairs) */
  int                 done_count;
  WctPool            *pool;
} Comparison;

/* ---- Opening ------------------------------------------------------------------------------------------------ */

static void
add_setting (Comparison *comparison, Setting setting)
{
  const int  at = comparison->transfer.setting_count++;
  WctParams *params = &comparison->params[at];

  comparison->settings[at] = setting;
  wct_params_init (params);
  for (int i = 0; i < WCT_LEVELS; i++)
    {
      params->level_on[i] = (setting.levels & 1u << i) != 0;
      params->alpha[i] = setting.alpha;
    }
  params->passes = setting.passes;
  params->transport = comparison->arguments->transport;
}

static void
choose_settings (Comparison *comparison)
{
  if (comparison->arguments->textures > 0)
    add_setting (comparison, texture);
  else if (comparison->arguments->pareto == NULL)
    for (int i = 0; i < USUAL_COUNT; i++)
      add_setting (comparison, usual[i]);
  else
    for (int curve = 0; curve < 2; curve++)
      for (int i = 0; i < STRENGTH_COUNT; i++)
        add_setting (comparison, (Setting){ usual[curve].name, usual[curve].levels, strengths[i], 1 });
}

static WctStatus
load_models (Comparison *comparison, WctError *err)
{
  const WctArguments *arguments = comparison->arguments;
  WctStatus           status = WCT_OK;

  for (int i = 0; i < arguments->operand_count; i++)
    {
      char *base = g_path_get_basename (arguments->operands[i]);

      comparison->names[i] = g_str_has_suffix (base, ".safetensors") ? g_strndup (base, strlen (base) - 12) : base;
      if (comparison->names[i] != base)
        g_free (base);
      WCT_TRY (wct_model_load (arguments->operands[i], &comparison->models[i], err));
      for (int s = 0; s < comparison->transfer.setting_count; s++)
        if ((wct_model_levels (comparison->models[i]) & comparison->settings[s].levels) == 0)
          WCT_TRY (wct_error_set (err, WCT_ERR_UNSUPPORTED, "%s: has no decoder for %s, so there is nothing to measure",
                                  arguments->operands[i], comparison->settings[s].name));
    }
  WCT_TRY (wct_model_load (arguments->judge, &comparison->judge, err));

out:
  return status;
}

/* Content, where there is one; style; setting by setting, each model's. */
static WctStatus
make_sheet (Comparison *comparison, WctError *err)
{
  WctTransfer *transfer = &comparison->transfer;
  const int    first = transfer->contents != NULL ? 2 : 1;
  char         text[128];
  WctStatus    status;

  WCT_TRY (wct_sheet_new (transfer->pairs, first + transfer->setting_count * transfer->model_count, TILE_PX,
                          &transfer->sheet, err));
  if (first == 2)
    wct_sheet_name_column (transfer->sheet, 0, "content");
  wct_sheet_name_column (transfer->sheet, first - 1, "style");
  for (int s = 0; s < transfer->setting_count; s++)
    for (int m = 0; m < transfer->model_count; m++)
      {
        snprintf (text, sizeof text, "%.60s, %s α %g", comparison->names[m], comparison->settings[s].name,
                  comparison->settings[s].alpha);
        wct_sheet_name_column (transfer->sheet, first + s * transfer->model_count + m, text);
      }

out:
  return status;
}

static WctStatus
save_sheet (const WctSheet *sheet, const WctArguments *arguments, WctError *err)
{
  WctOutput output = { 0 };
  WctStatus status;

  WCT_TRY (wct_output_open (arguments->sheet, arguments->force, &output, err));
  WCT_TRY (wct_sheet_save (sheet, &output, err));

out:
  wct_output_clear (&output);
  return status;
}

static WctStatus
check_outputs (const WctArguments *arguments, WctError *err)
{
  WctStatus status = WCT_OK;

  if (arguments->sheet != NULL && !g_str_has_suffix (arguments->sheet, ".png"))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--sheet: %s: a contact sheet is a .png file", arguments->sheet);
  if (arguments->sheet != NULL)
    WCT_TRY (wct_new_file_check (arguments->sheet, arguments->force, err));
  if (arguments->pareto != NULL)
    {
      WCT_TRY (wct_chart_page_check (arguments->pareto, err));
      WCT_TRY (wct_new_file_check (arguments->pareto, arguments->force, err));
    }

out:
  return status;
}

static WctStatus
open_comparison (const WctArguments *arguments, Comparison *comparison, WctError *err)
{
  const int    threads = arguments->config.threads > 0 ? arguments->config.threads : wct_processor_count ();
  const bool   textures = arguments->textures > 0;
  WctTransfer *transfer = &comparison->transfer;
  WctStatus    status;
  size_t       cells;

  comparison->arguments = arguments;
  WCT_TRY (check_outputs (arguments, err));
  choose_settings (comparison);
  WCT_TRY (load_models (comparison, err));
  transfer->models = comparison->models;
  transfer->model_count = arguments->operand_count;
  transfer->settings = comparison->params;
  transfer->judge = comparison->judge;
  transfer->device = arguments->backend;
  transfer->pairs = textures ? arguments->textures : arguments->pairs;
  transfer->size = textures ? TEXTURE_SIZE : PAIR_SIZE;
  WCT_TRY (wct_picture_set_open (arguments->styles, &transfer->styles, err));
  if (!textures)
    WCT_TRY (wct_picture_set_open (arguments->data, &transfer->contents, err));
  cells = (size_t)transfer->model_count * (size_t)transfer->setting_count;
  WCT_TRY (wct_alloc ((size_t)transfer->pairs * cells, sizeof *comparison->distances, "distances",
                      &comparison->distances, err));
  WCT_TRY (wct_alloc (cells, sizeof *comparison->means, "distances", &comparison->means, err));
  WCT_TRY (wct_alloc ((size_t)transfer->pairs, sizeof *comparison->done, "pairs", &comparison->done, err));
  WCT_TRY (wct_pool_new (threads < transfer->pairs ? threads : transfer->pairs, &comparison->pool, err));
  if (arguments->sheet != NULL)
    WCT_TRY (make_sheet (comparison, err));

out:
  return status;
}

static void
close_comparison (Comparison *comparison)
{
  for (int i = 0; i < WCT_OPERANDS_MAX; i++)
    {
      wct_model_unref (&comparison->models[i]);
      g_free (comparison->names[i]);
    }
  wct_model_unref (&comparison->judge);
  wct_picture_set_free (&comparison->transfer.contents);
  wct_picture_set_free (&comparison->transfer.styles);
  wct_sheet_free (&comparison->transfer.sheet);
  wct_free (&comparison->distances);
  wct_free (&comparison->means);
  wct_free (&comparison->done);
  wct_pool_free (&comparison->pool);
}

/* ---- Numbers ------------------------------------------------------------------------------------------------ */

static const WctDistances *
distances_of (const Comparison *comparison, int pair, int model, int setting)
{
  const WctTransfer *transfer = &comparison->transfer;

  return &comparison->distances[(pair * transfer->model_count + model) * transfer->setting_count + setting];
}

static const WctDistances *
mean_of (const Comparison *comparison, int model, int setting)
{
  return &comparison->means[model * comparison->transfer.setting_count + setting];
}

static void
average (Comparison *comparison)
{
  const WctTransfer *transfer = &comparison->transfer;

  for (int pair = 0; pair < transfer->pairs; pair++)
    comparison->done_count += comparison->done[pair];
  for (int m = 0; m < transfer->model_count; m++)
    for (int s = 0; s < transfer->setting_count; s++)
      for (int pair = 0; pair < transfer->pairs; pair++)
        if (comparison->done[pair])
          {
            WctDistances *mean = &comparison->means[m * transfer->setting_count + s];

            mean->style += distances_of (comparison, pair, m, s)->style / comparison->done_count;
            mean->content += distances_of (comparison, pair, m, s)->content / comparison->done_count;
          }
}

static void
complain (WctPictureSet *set)
{
  WctError complaint;

  while (set != NULL && wct_picture_set_next_complaint (set, &complaint))
    wct_print_sentence ("wct-train: left out", complaint.message, "");
}

static WctStatus
measure (Comparison *comparison, WctError *err)
{
  WctProgress progress;
  WctHooks    hooks;
  WctStatus   status;

  wct_progress_init (&progress, comparison->arguments->json);
  hooks = wct_progress_hooks (&progress);
  wct_progress_begin (&progress, "stylize", 0);
  status = wct_transfer_measure (&comparison->transfer, comparison->pool, &hooks, comparison->distances,
                                 comparison->done, err);
  wct_progress_end (&progress);
  if (status != WCT_OK)
    return status;
  complain (comparison->transfer.contents);
  complain (comparison->transfer.styles);
  average (comparison);
  if (comparison->done_count == 0)
    return wct_error_set (err, WCT_ERR_IO, "none of the %d pairs can be read", comparison->transfer.pairs);
  return WCT_OK;
}

/* ---- Printing ----------------------------------------------------------------------------------------------- */

static void
print_means (const Comparison *comparison)
{
  for (int m = 0; m < comparison->transfer.model_count; m++)
    for (int s = 0; s < comparison->transfer.setting_count; s++)
      {
        const WctDistances *mean = mean_of (comparison, m, s);

        printf ("%s  %s %g: style %.4f  content %.4f  n=%d\n", comparison->names[m], comparison->settings[s].name,
                comparison->settings[s].alpha, mean->style, mean->content, comparison->done_count);
      }
}

/* Against the first model. */
static void
print_ratios (const Comparison *comparison)
{
  const int settings = comparison->transfer.setting_count;

  for (int m = 1; m < comparison->transfer.model_count; m++)
    {
      double sum = 0, largest = 0;

      printf ("%s / %s:", comparison->names[m], comparison->names[0]);
      for (int s = 0; s < settings; s++)
        {
          const WctDistances *ours = mean_of (comparison, m, s), *first = mean_of (comparison, 0, s);
          const double        style = ours->style / first->style, content = ours->content / first->content;

          printf (" %.3f %.3f", style, content);
          sum += style + content;
          largest = fmax (largest, fmax (style, content));
        }
      printf ("  mean %.3f  largest %.3f\n", sum / (2 * settings), largest);
    }
}

/* Is there a point of the model's curve, between strengths too, that is no farther than (@style, @content) in either?
 */
static bool
reaches (const Comparison *comparison, int model, int first_setting, const WctDistances *point)
{
  const int parts = 200;

  for (int s = first_setting; s + 1 < first_setting + STRENGTH_COUNT; s++)
    for (int part = 0; part <= parts; part++)
      {
        const WctDistances *from = mean_of (comparison, model, s), *to = mean_of (comparison, model, s + 1);
        const double        at = (double)part / parts;

        if (from->style + at * (to->style - from->style) <= point->style
            && from->content + at * (to->content - from->content) <= point->content)
          return true;
      }
  return false;
}

/* How much of the first model's curves the others' lie below and left of. */
static void
print_curves (const Comparison *comparison)
{
  for (int m = 1; m < comparison->transfer.model_count; m++)
    for (int first = 0; first < comparison->transfer.setting_count; first += STRENGTH_COUNT)
      {
        int reached = 0;

        for (int s = first; s < first + STRENGTH_COUNT; s++)
          reached += reaches (comparison, m, first, mean_of (comparison, 0, s));
        printf ("%s, %s: below and left of %d of %d points of %s\n", comparison->names[m],
                comparison->settings[first].name, reached, STRENGTH_COUNT, comparison->names[0]);
      }
}

static void
print_textures (const Comparison *comparison)
{
  const WctTransfer *transfer = &comparison->transfer;

  for (int pair = 0; pair < transfer->pairs; pair++)
    if (comparison->done[pair])
      {
        const int32_t count = wct_picture_set_count (transfer->styles);

        for (int m = 0; m < transfer->model_count; m++)
          printf ("%s%s %.4f", m > 0 ? "  " : "", comparison->names[m], distances_of (comparison, pair, m, 0)->style);
        printf ("  %s\n", wct_picture_set_name (transfer->styles, (int32_t)((int64_t)pair * count / transfer->pairs)));
      }
  for (int m = 1; m < transfer->model_count; m++)
    {
      int nearer = 0;

      for (int pair = 0; pair < transfer->pairs; pair++)
        nearer += comparison->done[pair]
                  && distances_of (comparison, pair, m, 0)->style <= distances_of (comparison, pair, 0, 0)->style;
      printf ("%s: mean %.4f, at or below %s's %.4f on %d of %d\n", comparison->names[m],
              mean_of (comparison, m, 0)->style, comparison->names[0], mean_of (comparison, 0, 0)->style, nearer,
              comparison->done_count);
    }
}

static void
print_json (const Comparison *comparison)
{
  json_t *rows = json_array ();

  for (int m = 0; m < comparison->transfer.model_count; m++)
    for (int s = 0; s < comparison->transfer.setting_count; s++)
      {
        const Setting      *setting = &comparison->settings[s];
        const WctDistances *mean = mean_of (comparison, m, s);
        json_t             *each = json_array ();

        for (int pair = 0; pair < comparison->transfer.pairs; pair++)
          {
            const WctDistances *one = distances_of (comparison, pair, m, s);

            json_array_append_new (each, comparison->done[pair] ? json_pack ("[f, f]", one->style, one->content)
                                                                : json_null ());
          }
        json_array_append_new (rows,
                               json_pack ("{s:s, s:s, s:f, s:f, s:f, s:i, s:o}", "model", comparison->names[m],
                                          "setting", setting->name, "alpha", setting->alpha, "style", mean->style,
                                          "content", mean->content, "pairs", comparison->done_count, "each", each));
      }
  json_dumpf (rows, stdout, JSON_COMPACT | JSON_REAL_PRECISION (9));
  printf ("\n");
  json_decref (rows);
}

static void
print (const Comparison *comparison)
{
  if (comparison->arguments->json)
    print_json (comparison);
  else if (comparison->arguments->textures > 0)
    print_textures (comparison);
  else
    {
      print_means (comparison);
      print_ratios (comparison);
      if (comparison->arguments->pareto != NULL)
        print_curves (comparison);
    }
}

/* ---- The plot ----------------------------------------------------------------------------------------------- */

static GPtrArray *
curve_lines (const Comparison *comparison, int first_setting)
{
  GPtrArray *lines = g_ptr_array_new_with_free_func (wct_line_free);

  for (int m = 0; m < comparison->transfer.model_count; m++)
    {
      WctLine *line = wct_line_new (comparison->names[m], m, 0, false);

      line->dots = true;
      for (int s = first_setting; s < first_setting + STRENGTH_COUNT; s++)
        wct_line_add (line, mean_of (comparison, m, s)->style, mean_of (comparison, m, s)->content);
      g_ptr_array_add (lines, line);
    }
  return lines;
}

static WctStatus
draw_curves (const Comparison *comparison, WctError *err)
{
  const WctChart charts[] = {
    { "Five levels, α from 0.2 (right) to 1", "style distance", "content distance", false, false,
      curve_lines (comparison, 0) },
    { "relu4_1, α from 0.2 (right) to 1", "style distance", "content distance", false, false,
      curve_lines (comparison, STRENGTH_COUNT) },
  };
  const WctStatus status =
    wct_chart_page_write (charts, 2, comparison->arguments->pareto, comparison->arguments->force, err);

  for (int i = 0; i < 2; i++)
    g_ptr_array_free (charts[i].lines, TRUE);
  return status;
}

WctStatus
wct_command_compare (WctArguments *arguments, WctError *err)
{
  Comparison comparison = { .pool = NULL };
  WctStatus  status;

  WCT_TRY (open_comparison (arguments, &comparison, err));
  WCT_TRY (measure (&comparison, err));
  print (&comparison);
  if (arguments->sheet != NULL)
    WCT_TRY (save_sheet (comparison.transfer.sheet, arguments, err));
  if (arguments->pareto != NULL)
    WCT_TRY (draw_curves (&comparison, err));

out:
  close_comparison (&comparison);
  return status;
}
