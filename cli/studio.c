/* The steps of a run. Cheap refusals come first: output, headers, memory; then the model; then the work. */
#include "studio.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "exit-status.h"
#include "fetch.h"
#include "interrupt.h"
#include "memory-check.h"
#include "style-picture.h"

void
wct_studio_begin (WctStudio *studio, const WctArguments *arguments)
{
  memset (studio, 0, sizeof *studio);
  studio->arguments = arguments;
  studio->params = arguments->params;
  wct_progress_init (&studio->progress, arguments->quiet);
  wct_report_stage (&studio->report, WCT_STAGE_LOAD);
}

WctStatus
wct_studio_open (WctStudio *studio, const WctArguments *arguments, WctError *err)
{
  wct_studio_begin (studio, arguments);
  return wct_output_open (arguments->output, arguments->force, &studio->output, err);
}

WctStatus
wct_studio_read_picture (WctStudio *studio, const char *path, int32_t size, const char *option, WctError *err)
{
  studio->name = path;
  return wct_fetch_picture (path, size, option, &studio->output, NULL, &studio->picture, err);
}

WctStatus
wct_studio_open_picture (WctStudio *studio, const char *path, int32_t size, const char *option, WctError *err)
{
  WctPictureFile *file = &studio->file;
  WctStatus       status;

  studio->name = path;
  studio->file_size = size;
  studio->option = option;
  WCT_TRY (wct_picture_open (path, size, file, err));
  WCT_TRY (wct_output_check_size (&studio->output, file->width, file->height, err));
  WCT_TRY (
    wct_memory_check (file->name, wct_picture_stream_bytes (file), 0, file->width, file->height, option, false, err));
  wct_picture_describe (file, &studio->picture);
  studio->keep_alpha = file->alpha;

out:
  return status;
}

WctStatus
wct_studio_load_model (WctStudio *studio, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_model_find (studio->arguments->model, studio->model_path, sizeof studio->model_path, err));
  WCT_TRY (wct_model_load (studio->model_path, &studio->model, err));
  WCT_TRY (wct_backend_open (studio->arguments->backend, studio->arguments->threads, &studio->backend, err));

out:
  return status;
}

/* "5, 4 and 1" */
static void
name_levels (unsigned levels, char *text, size_t size)
{
  size_t used = 0;

  text[0] = '\0';
  for (int level = WCT_LEVELS; level >= 1; level--)
    if (levels & 1u << (level - 1))
      {
        const bool last = (levels & ((1u << (level - 1)) - 1)) == 0;

        used += (size_t)snprintf (text + used, size - used, "%s%d", used == 0 ? "" : last ? " and " : ", ", level);
      }
}

WctStatus
wct_studio_choose_levels (WctStudio *studio, WctError *err)
{
  const WctAlpha *alpha = &studio->arguments->alpha;
  const unsigned  present = wct_model_levels (studio->model);
  const unsigned  wanted = alpha->given && !alpha->for_all ? alpha->levels : present;
  char            wanted_text[32], present_text[32];

  name_levels (wanted & ~present, wanted_text, sizeof wanted_text);
  name_levels (present, present_text, sizeof present_text);
  if (present == 0)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED,
                          "%s: is an encoder without decoders and cannot stylize; name another one with --model",
                          studio->model_path);
  if ((wanted & ~present) != 0)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED, "%s: has no decoder for level %s, which --alpha names; it has %s",
                          studio->model_path, wanted_text, present_text);
  for (int i = 0; i < WCT_LEVELS; i++)
    {
      studio->params.level_on[i] = (wanted & 1u << i) != 0;
      if (alpha->given)
        studio->params.alpha[i] = alpha->value[i];
    }
  return wct_regions_choose_levels (&studio->regions, &studio->params, present, err);
}

static WctStatus
open_mask (const char *path, WctPictureFile *file, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_picture_open (path, 0, file, err));
  WCT_TRY (wct_memory_check (file->name, wct_picture_stream_bytes (file) + (size_t)file->width * (size_t)file->height,
                             0, file->width, file->height, NULL, false, err));

out:
  return status;
}

WctStatus
wct_studio_open_regions (WctStudio *studio, WctError *err)
{
  const WctArguments *arguments = studio->arguments;
  WctStatus           status = WCT_OK;

  if (arguments->regions != NULL)
    WCT_TRY (wct_regions_read (arguments->regions, &studio->regions, err));
  else if (arguments->mask_count > 0)
    wct_regions_of_masks (arguments->masks, arguments->operands + 1, arguments->mask_count, &studio->regions);
  for (int i = 0; i < studio->regions.count; i++)
    WCT_TRY (open_mask (studio->regions.entries[i].mask, &studio->masks[i], err));

out:
  return status;
}

/* Where a mask's rows go. */
typedef struct
{
  WctJob *job;
  size_t  region;
} MaskReader;

static WctStatus
put_mask_rows (void *user, const WctImage *rows, int32_t first, const float *alpha, WctError *err)
{
  const MaskReader *reader = user;
  const size_t      row_bytes = (size_t)rows->width * sizeof (float);
  float            *weights = malloc (row_bytes * (size_t)rows->height);
  WctStatus         status;

  (void)alpha;
  if (weights == NULL)
    return wct_error_set (err, WCT_ERR_NO_MEMORY, "there is not enough memory for some rows of a mask");
  wct_rows_to_mask (rows, weights);
  status = wct_job_put_mask_rows (reader->job, reader->region,
                                  &(WctImage){ weights, rows->width, rows->height, 1, row_bytes }, first, err);
  free (weights);
  return status;
}

static WctStatus
read_masks (WctStudio *studio, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int i = 0; i < studio->regions.count && status == WCT_OK; i++)
    {
      MaskReader reader = { studio->job, (size_t)i };

      status = wct_picture_stream (&studio->masks[i], put_mask_rows, &reader, err);
      wct_picture_close (&studio->masks[i]);
    }
  return status;
}

unsigned
wct_studio_levels (const WctStudio *studio)
{
  unsigned levels = 0;

  for (int i = 0; i < WCT_LEVELS; i++)
    levels |= studio->params.level_on[i] ? 1u << i : 0;
  return levels;
}

static bool
swaps (const WctParams *params)
{
  return params->swap > 0 && params->level_on[WCT_LEVELS - 1];
}

/* What is wholly transparent hides colors of no meaning: black, mostly. */
static WctStatus
count_colors (void *user, const WctImage *rows, int32_t first, const float *alpha, WctError *err)
{
  const int32_t count = rows->width * rows->height; /* a few rows, without gaps */

  (void)first;
  (void)err;
  for (int32_t i = 0, end; i < count; i = end + 1)
    {
      for (end = i; end < count && (alpha == NULL || alpha[end] > 0); end++)
        ;
      if (end > i)
        wct_colors_add (user,
                        &(WctImage){ (float *)rows->pixels + 3 * (size_t)i, end - i, 1, 3, rows->row_stride_bytes });
    }
  return WCT_OK;
}

WctStatus
wct_studio_take_colors (WctStudio *studio, WctError *err)
{
  WctPictureFile again = { 0 };
  WctStatus      status = WCT_OK;

  if (studio->params.recolor == 0 && studio->params.recolor_histogram == 0)
    return WCT_OK;
  wct_report_stage (&studio->report, WCT_STAGE_LOAD);
  WCT_TRY (wct_colors_new (&studio->colors, err));
  WCT_TRY (wct_picture_open (studio->name, studio->file_size, &again, err));
  WCT_TRY (wct_picture_stream (&again, count_colors, studio->colors, err));

out:
  wct_picture_close (&again);
  return status;
}

static WctStatus
recolor (const WctStudio *studio, WctImage *style, WctError *err)
{
  if (studio->colors == NULL)
    return WCT_OK;
  return wct_recolor (style, studio->colors, studio->params.recolor / 100, studio->params.recolor_histogram / 100,
                      style, err);
}

/* The size that the content is stylized at, which strokes are relative to. */
static WctImage
worked_size (const WctStudio *studio)
{
  WctImage      size = studio->picture.image;
  const int32_t longer = MAX (size.width, size.height), side = studio->params.working_size;

  if (side > 0 && side < longer)
    {
      size.width = MAX (1, (int32_t)((int64_t)size.width * side / longer));
      size.height = MAX (1, (int32_t)((int64_t)size.height * side / longer));
    }
  return size;
}

WctStatus
wct_studio_read_style (WctStudio *studio, const char *path, WctPicture *picture, WctError *err)
{
  const WctImage size = worked_size (studio);

  return wct_style_picture_read (path, &studio->params, &size, picture, err);
}

/* What is about a style's picture cannot be had of its statistics. */
static WctStatus
check_style_file_options (const char *path, const WctParams *params, WctError *err)
{
  static const char *const about_pictures[] = { "style-size",        "style-scale", "style-rotation", "style-left",
                                                "style-top",         "style-width", "style-height",   "recolor",
                                                "recolor-histogram", "swap" };
  size_t                   count;
  const WctParamInfo      *table = wct_params_table (&count);

  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < G_N_ELEMENTS (about_pictures); k++)
      if (strcmp (table[i].name, about_pictures[k]) == 0 && wct_param_get (params, &table[i]) != table[i].def)
        return wct_error_set (err, WCT_ERR_ARGUMENT,
                              "%s: a style file has no picture for --%s to work on; name the picture itself, or leave "
                              "the option out",
                              path, table[i].name);
  return WCT_OK;
}

static WctStatus
load_style (WctStudio *studio, const char *path, WctStyle **out, WctError *err)
{
  WctStyle *style = NULL;
  char      missing[32];
  WctStatus status;

  WCT_TRY (check_style_file_options (path, &studio->params, err));
  WCT_TRY (wct_style_load (studio->model, path, &style, NULL, err));
  name_levels (wct_studio_levels (studio) & ~wct_style_levels (style), missing, sizeof missing);
  if (missing[0] != '\0')
    WCT_TRY (wct_error_set (err, WCT_ERR_UNSUPPORTED,
                            "%s: has no statistics of level %s; name the levels to run with --alpha", path, missing));
  *out = style;
  style = NULL;

out:
  wct_style_unref (&style);
  return status;
}

bool
wct_studio_find_style_file (const char *named, char *path, size_t size)
{
  if (access (named, F_OK) != 0 && wct_style_find (named, path, size))
    return true;
  return g_str_has_suffix (named, WCT_STYLE_EXTENSION) && (size_t)snprintf (path, size, "%s", named) < size;
}

/* Is a bare word, neither a file nor a style that was found, meant as a style's name? */
static WctStatus
check_named (const char *named, WctError *err)
{
  if (strpbrk (named, "./") != NULL || access (named, F_OK) == 0)
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_IO,
                        "%s: there is no such file, nor a style of that name; 'wct style list' shows them", named);
}

WctStatus
wct_studio_measure_styles (WctStudio *studio, const char *const *paths, int count, WctError *err)
{
  const WctHooks hooks = wct_progress_hooks (&studio->progress);
  const unsigned measured = wct_studio_levels (studio) | (swaps (&studio->params) ? WCT_STYLE_PATCHES : 0);
  WctPicture     picture = { 0 };
  char           file[4096];
  WctStatus      status = WCT_OK;

  for (int i = 0; i < count; i++)
    {
      wct_report_stage (&studio->report, WCT_STAGE_LOAD);
      if (wct_studio_find_style_file (paths[i], file, sizeof file))
        {
          WCT_TRY (load_style (studio, file, &studio->styles[i], err));
          continue;
        }
      WCT_TRY (check_named (paths[i], err));
      WCT_TRY (wct_studio_read_style (studio, paths[i], &picture, err));
      WCT_TRY (recolor (studio, &picture.image, err));
      wct_report_stage (&studio->report, WCT_STAGE_STYLE);
      wct_progress_begin (&studio->progress, "style", 0);
      studio->computing = true;
      WCT_TRY (
        wct_style_recall (studio->model, studio->backend, &picture.image, measured, &hooks, &studio->styles[i], err));
      studio->computing = false;
      wct_picture_clear (&picture);
    }

out:
  wct_picture_clear (&picture);
  return status;
}

size_t
wct_studio_memory (const WctStudio *studio)
{
  const size_t given = studio->arguments->memory, used = wct_memory_used ();

  if (given == 0)
    return wct_memory_available () / 2;
  return given > used ? given - used : 1;
}

/* @styles: (WCT_LIST_MAX), to be written for the call of wct_job_new */
static WctRegion
make_region (const WctStudio *studio, int i, WctStyle **styles)
{
  const WctRegionEntry *entry = &studio->regions.entries[i];
  const WctPictureFile *mask = &studio->masks[i];

  for (int k = 0; k < entry->style_count; k++)
    styles[k] = studio->styles[entry->styles[k]];
  return (WctRegion){ .mask = { NULL, mask->width, mask->height, 1, (size_t)mask->width * sizeof (float) },
                      .style_count = (size_t)entry->style_count,
                      .styles = styles,
                      .weights = entry->weights,
                      .alpha = entry->alpha };
}

static WctStatus
make_job (WctStudio *studio, int style_count, WctError *err)
{
  const WctArguments *arguments = studio->arguments;
  WctRegion           regions[WCT_LIST_MAX];
  WctStyle           *styles[WCT_LIST_MAX][WCT_LIST_MAX];

  for (int i = 0; i < studio->regions.count; i++)
    regions[i] = make_region (studio, i, styles[i]);
  return wct_job_new (&(WctJobSpec){ .model = studio->model,
                                     .backend = studio->backend,
                                     .params = &studio->params,
                                     .style_count = (size_t)style_count,
                                     .styles = studio->styles,
                                     .weights = arguments->weight_count > 0 ? arguments->weights : NULL,
                                     .region_count = (size_t)studio->regions.count,
                                     .regions = regions },
                      &studio->job, err);
}

WctStatus
wct_studio_prepare (WctStudio *studio, int style_count, WctError *err)
{
  const WctImage *image = &studio->picture.image;
  size_t          before, limit, needed;
  WctStatus       status;

  wct_report_stage (&studio->report, WCT_STAGE_STYLE);
  WCT_TRY (make_job (studio, style_count, err));
  wct_report_stage (&studio->report, WCT_STAGE_LOAD);
  WCT_TRY (read_masks (studio, err));
  before = wct_memory_used (); /* with what the styles keep for their next job */
  limit = wct_studio_memory (studio);
  wct_report_stage (&studio->report, WCT_STAGE_STYLIZE); /* plans are made for this size */
  wct_job_limit_memory (studio->job, limit);
  studio->computing = true;
  WCT_TRY (wct_job_memory (studio->job, image->width, image->height, &needed, err));
  studio->computing = false;
  WCT_TRY (wct_memory_check (studio->name, needed, limit, image->width, image->height, studio->option, true, err));
  studio->report.estimated_memory = before + needed;
  studio->report.uses_files = wct_job_uses_files (studio->job);

out:
  return status;
}

static WctStatus
put_rows (void *user, const WctImage *rows, int32_t first, const float *alpha, WctError *err)
{
  WctStudio   *studio = user;
  const size_t count = (size_t)rows->width * (size_t)rows->height;
  WctStatus    status;

  if (studio->keep_alpha)
    WCT_TRY (wct_output_check_alpha (&studio->output, alpha, count, studio->picture.alpha_max, err));
  WCT_TRY (wct_job_put_rows (studio->job, rows, first, err));

out:
  return status;
}

#define NOISE_ROWS 16 /* at a time */

static WctStatus
put_noise (WctStudio *studio, WctError *err)
{
  const WctImage *image = &studio->picture.image;
  float          *pixels = malloc (image->row_stride_bytes * NOISE_ROWS);
  WctStatus       status = WCT_OK;

  if (pixels == NULL)
    return wct_error_set (err, WCT_ERR_NO_MEMORY, "there is not enough memory for some rows of noise");
  for (int32_t y = 0; y < image->height && status == WCT_OK; y += NOISE_ROWS)
    {
      const int32_t  left = image->height - y;
      const WctImage rows = { pixels, image->width, left < NOISE_ROWS ? left : NOISE_ROWS, 3, image->row_stride_bytes };

      wct_noise_fill_rows (&rows, y, (uint64_t)studio->params.seed);
      if (studio->guide.image.pixels != NULL)
        wct_noise_guide_rows (&rows, y, image->height, &studio->guide.image, studio->params.guide / 100);
      status = wct_job_put_rows (studio->job, &rows, y, err);
    }
  free (pixels);
  return status;
}

WctStatus
wct_studio_load (WctStudio *studio, WctError *err)
{
  const WctImage *image = &studio->picture.image;
  WctError        cause;
  WctStatus       status;

  wct_report_stage (&studio->report, WCT_STAGE_LOAD);
  status = wct_job_begin (studio->job, image->width, image->height, &cause);
  if (status != WCT_OK)
    WCT_TRY (wct_error_set (err, status, "%s: %s%s%s", studio->name, cause.message,
                            studio->option != NULL ? ", or make it smaller with " : "",
                            studio->option != NULL ? studio->option : ""));
  WCT_TRY (studio->file.image != NULL ? wct_picture_stream (&studio->file, put_rows, studio, err)
                                      : put_noise (studio, err));
  wct_picture_close (&studio->file);

out:
  return status;
}

WctStatus
wct_studio_stylize (WctStudio *studio, WctError *err)
{
  const WctHooks hooks = wct_progress_hooks (&studio->progress);
  WctStatus      status;

  wct_report_stage (&studio->report, WCT_STAGE_STYLIZE);
  wct_progress_begin (&studio->progress, "stylize", studio->report.estimated_memory);
  studio->computing = true;
  WCT_TRY (wct_job_process (studio->job, &hooks, err));
  studio->computing = false;
  studio->report.params = &studio->params;

out:
  return status;
}

static WctStatus
get_rows (void *user, int32_t first, WctImage *rows, WctError *err)
{
  return wct_job_get_rows (((const WctStudio *)user)->job, first, rows, err);
}

static WctStatus
save (WctStudio *studio, WctError *err)
{
  WctRowSource   rows = { .get = get_rows, .user = studio };
  WctPictureFile again = { 0 };
  WctStatus      status;

  if (studio->picture.image.pixels != NULL)
    return wct_output_save (&studio->output, &studio->picture, NULL, err);
  if (studio->keep_alpha)
    {
      WCT_TRY (wct_picture_open (studio->name, studio->file_size, &again, err));
      rows.alpha = &again;
    }
  WCT_TRY (wct_output_save (&studio->output, &studio->picture, &rows, err));

out:
  wct_picture_close (&again);
  return status;
}

WctStatus
wct_studio_report (WctStudio *studio, WctError *err)
{
  const WctBackendInfo *info = wct_backend_info (studio->backend);
  WctReport            *report = &studio->report;

  wct_progress_end (&studio->progress);
  report->backend = info->name;
  report->backend_detail = info->detail;
  report->threads = info->threads;
  report->model = studio->model_path;
  report->width = studio->picture.image.width;
  report->height = studio->picture.image.height;
  report->output = studio->arguments->output;
  return studio->arguments->json ? wct_report_print (report, err) : WCT_OK;
}

WctStatus
wct_studio_finish (WctStudio *studio, WctError *err)
{
  WctStatus status;

  wct_report_stage (&studio->report, WCT_STAGE_SAVE);
  wct_progress_begin (&studio->progress, "save", 0);
  WCT_TRY (save (studio, err));
  WCT_TRY (wct_studio_report (studio, err));

out:
  return status;
}

void
wct_studio_close (WctStudio *studio)
{
  wct_progress_end (&studio->progress);
  wct_job_free (&studio->job);
  wct_colors_free (&studio->colors);
  for (int i = 0; i < WCT_LIST_MAX; i++)
    {
      wct_style_unref (&studio->styles[i]);
      wct_picture_close (&studio->masks[i]);
    }
  wct_regions_clear_list (&studio->regions);
  wct_picture_clear (&studio->picture);
  wct_picture_clear (&studio->guide);
  wct_picture_close (&studio->file);
  wct_output_clear (&studio->output);
  wct_backend_close (&studio->backend);
  wct_model_unref (&studio->model);
}

/* ---- A second try --------------------------------------------------------------------------------------------- */

/* A full card says what full memory says, which counts while the back end is at work only. */
bool
wct_studio_card_failed (const WctStudio *studio, WctStatus status)
{
  return (status == WCT_ERR_DEVICE || (status == WCT_ERR_NO_MEMORY && studio->computing)) && studio->backend != NULL
         && strcmp (wct_backend_info (studio->backend)->name, "cuda") == 0
         && strcmp (studio->arguments->backend, "auto") == 0;
}

WctStatus
wct_studio_run (WctStudioCommand *command, const WctArguments *arguments, WctError *err)
{
  WctArguments    again = *arguments;
  bool            card_failed = false;
  const WctStatus status = command (arguments, &card_failed, err);

  if (!card_failed)
    return status;
  if (!arguments->quiet)
    fprintf (stderr, "wct: %s: begun anew on the processor\n", err->message);
  again.backend = "cpu";
  return command (&again, &card_failed, err);
}
