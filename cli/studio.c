/* The steps of a run. Cheap refusals come first: output, headers, memory; then the model; then the work. */
#include "studio.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "exit-status.h"
#include "interrupt.h"
#include "memory-check.h"

WctStatus
wct_studio_open (WctStudio *studio, const WctArguments *arguments, WctError *err)
{
  memset (studio, 0, sizeof *studio);
  studio->arguments = arguments;
  studio->params = arguments->params;
  wct_progress_init (&studio->progress, arguments->quiet);
  wct_report_stage (&studio->report, WCT_STAGE_LOAD);
  return wct_output_open (arguments->output, arguments->force, &studio->output, err);
}

/* Opens, checks the memory, reads. @option: what makes the picture smaller; NULL: nothing. */
static WctStatus
read_picture (const char *path, int32_t size, const char *option, const WctOutput *output, WctPicture *picture,
              WctError *err)
{
  WctPictureFile file = { 0 };
  WctStatus      status;

  WCT_TRY (wct_picture_open (path, size, &file, err));
  if (output != NULL)
    WCT_TRY (wct_output_check_size (output, file.width, file.height, err));
  WCT_TRY (wct_memory_check (file.name, wct_picture_bytes (&file), file.width, file.height, option, false, err));
  WCT_TRY (wct_picture_read (&file, picture, err));

out:
  wct_picture_close (&file);
  return status;
}

WctStatus
wct_studio_read_picture (WctStudio *studio, const char *path, int32_t size, const char *option, WctError *err)
{
  studio->name = path;
  return read_picture (path, size, option, &studio->output, &studio->picture, err);
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
  return WCT_OK;
}

WctStatus
wct_studio_read_masks (WctStudio *studio, WctError *err)
{
  for (int i = 0; i < studio->arguments->mask_count; i++)
    {
      const WctStatus status = read_picture (studio->arguments->masks[i], 0, NULL, NULL, &studio->masks[i], err);

      if (status != WCT_OK)
        return status;
      wct_picture_to_mask (&studio->masks[i]);
    }
  return WCT_OK;
}

static unsigned
levels_on (const WctParams *params)
{
  unsigned levels = 0;

  for (int i = 0; i < WCT_LEVELS; i++)
    levels |= params->level_on[i] ? 1u << i : 0;
  return levels;
}

WctStatus
wct_studio_measure_styles (WctStudio *studio, const char *const *paths, int count, WctError *err)
{
  const WctHooks hooks = wct_progress_hooks (&studio->progress);
  WctPicture     picture = { 0 };
  WctStatus      status = WCT_OK;

  for (int i = 0; i < count; i++)
    {
      wct_report_stage (&studio->report, WCT_STAGE_LOAD);
      WCT_TRY (read_picture (paths[i], studio->params.style_size, "--style-size", NULL, &picture, err));
      wct_report_stage (&studio->report, WCT_STAGE_STYLE);
      wct_progress_begin (&studio->progress, "style");
      WCT_TRY (wct_style_measure (studio->model, studio->backend, &picture.image, levels_on (&studio->params), &hooks,
                                  &studio->styles[i], err));
      wct_picture_clear (&picture);
    }

out:
  wct_picture_clear (&picture);
  return status;
}

void
wct_studio_expect (WctStudio *studio, size_t before, size_t needed)
{
  const size_t now = wct_memory_used (), taken = now > before ? now - before : 0;

  studio->job_memory = needed > taken ? needed - taken : 0;
}

WctStatus
wct_studio_prepare (WctStudio *studio, int style_count, int32_t width, int32_t height, const char *option,
                    WctError *err)
{
  const WctArguments *arguments = studio->arguments;
  const size_t        before = wct_memory_used ();
  WctImage            masks[WCT_LIST_MAX];
  size_t              needed;
  WctStatus           status;

  for (int i = 0; i < arguments->mask_count; i++)
    masks[i] = studio->masks[i].image;
  wct_report_stage (&studio->report, WCT_STAGE_STYLE);
  WCT_TRY (wct_job_new (&(WctJobSpec){ .model = studio->model,
                                       .backend = studio->backend,
                                       .params = &studio->params,
                                       .style_count = (size_t)style_count,
                                       .styles = studio->styles,
                                       .weights = arguments->weight_count > 0 ? arguments->weights : NULL,
                                       .masks = arguments->mask_count > 0 ? masks : NULL },
                        &studio->job, err));
  wct_report_stage (&studio->report, WCT_STAGE_STYLIZE); /* plans are made for this size */
  WCT_TRY (wct_job_memory (studio->job, width, height, &needed, err));
  WCT_TRY (wct_memory_check (studio->name, needed, width, height, option, true, err));
  wct_studio_expect (studio, before, needed);

out:
  return status;
}

WctStatus
wct_studio_stylize (WctStudio *studio, WctError *err)
{
  const WctHooks hooks = wct_progress_hooks (&studio->progress);
  WctImage      *image = &studio->picture.image;
  WctStatus      status;

  studio->report.estimated_memory = wct_memory_used () + studio->job_memory;
  wct_report_stage (&studio->report, WCT_STAGE_STYLIZE);
  wct_progress_begin (&studio->progress, "stylize");
  WCT_TRY (wct_job_run (studio->job, image, image, &hooks, err));
  wct_job_free (&studio->job); /* writing needs memory, too */
  studio->report.params = &studio->params;

out:
  return status;
}

WctStatus
wct_studio_finish (WctStudio *studio, WctError *err)
{
  const WctBackendInfo *info = wct_backend_info (studio->backend);
  WctReport            *report = &studio->report;
  WctStatus             status;

  wct_report_stage (report, WCT_STAGE_SAVE);
  wct_progress_begin (&studio->progress, "save");
  WCT_TRY (wct_output_save (&studio->output, &studio->picture, err));
  wct_progress_end (&studio->progress);
  report->backend = info->name;
  report->backend_detail = info->detail;
  report->threads = info->threads;
  report->model = studio->model_path;
  report->width = studio->picture.image.width;
  report->height = studio->picture.image.height;
  report->output = studio->arguments->output;
  if (studio->arguments->json)
    WCT_TRY (wct_report_print (report, err));

out:
  return status;
}

void
wct_studio_close (WctStudio *studio)
{
  wct_progress_end (&studio->progress);
  wct_job_free (&studio->job);
  for (int i = 0; i < WCT_LIST_MAX; i++)
    {
      wct_style_unref (&studio->styles[i]);
      wct_picture_clear (&studio->masks[i]);
    }
  wct_picture_clear (&studio->picture);
  wct_output_clear (&studio->output);
  wct_backend_close (&studio->backend);
  wct_model_unref (&studio->model);
}
