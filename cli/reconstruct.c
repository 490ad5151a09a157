/* wct reconstruct: a picture through one level's encoder and decoder, to see what the decoder can do. */
#include "commands.h"

#include "exit-status.h"
#include "memory-check.h"
#include "studio.h"

static WctStatus
check_memory (WctStudio *studio, WctError *err)
{
  const WctImage *image = &studio->picture.image;
  size_t          needed;
  WctStatus       status;

  wct_report_stage (&studio->report, WCT_STAGE_STYLIZE);
  WCT_TRY (wct_reconstruct_memory (studio->model, studio->backend, studio->arguments->level, image->width,
                                   image->height, &needed, err));
  WCT_TRY (wct_memory_check (studio->name, needed, 0, image->width, image->height, "--content-size", true, err));
  studio->report.estimated_memory = wct_memory_used () + needed;

out:
  return status;
}

static WctStatus
run_autoencoder (WctStudio *studio, WctError *err)
{
  const WctHooks hooks = wct_progress_hooks (&studio->progress);
  const int      level = studio->arguments->level;

  wct_progress_begin (&studio->progress, "decode", studio->report.estimated_memory);
  studio->report.level = level;
  return wct_reconstruct (studio->model, studio->backend, level, &studio->picture.image, &studio->picture.image, &hooks,
                          err);
}

WctStatus
wct_command_reconstruct (const WctArguments *arguments, WctError *err)
{
  WctStudio studio;
  WctStatus status;

  WCT_TRY (wct_studio_open (&studio, arguments, err));
  WCT_TRY (
    wct_studio_read_picture (&studio, arguments->operands[0], arguments->params.content_size, "--content-size", err));
  WCT_TRY (wct_output_check_alpha (&studio.output, studio.picture.alpha,
                                   (size_t)studio.picture.image.width * (size_t)studio.picture.image.height,
                                   studio.picture.alpha_max, err));
  WCT_TRY (wct_studio_load_model (&studio, err));
  WCT_TRY (check_memory (&studio, err));
  WCT_TRY (run_autoencoder (&studio, err));
  WCT_TRY (wct_studio_finish (&studio, err));

out:
  wct_studio_close (&studio);
  return status;
}
