/* wct stylize: a picture in the style of others. */
#include "commands.h"

#include "exit-status.h"
#include "frames.h"
#include "studio.h"

static WctStatus
stylize_picture (const WctArguments *arguments, bool *card_failed, WctError *err)
{
  const bool         has_regions = arguments->regions != NULL;
  const char *const *styles;
  int                style_count;
  WctStudio          studio;
  WctStatus          status;

  WCT_TRY (wct_studio_open (&studio, arguments, err));
  WCT_TRY (
    wct_studio_open_picture (&studio, arguments->operands[0], arguments->params.content_size, "--content-size", err));
  WCT_TRY (wct_studio_open_regions (&studio, err));
  style_count = has_regions ? studio.regions.style_count : arguments->operand_count - 1;
  styles = has_regions ? (const char *const *)studio.regions.styles : arguments->operands + 1;
  WCT_TRY (wct_studio_load_model (&studio, err));
  WCT_TRY (wct_studio_choose_levels (&studio, err));
  WCT_TRY (wct_studio_take_colors (&studio, err));
  WCT_TRY (wct_studio_measure_styles (&studio, styles, style_count, err));
  WCT_TRY (wct_studio_prepare (&studio, style_count, err));
  WCT_TRY (wct_studio_load (&studio, err));
  WCT_TRY (wct_studio_stylize (&studio, err));
  WCT_TRY (wct_studio_finish (&studio, err));

out:
  *card_failed = wct_studio_card_failed (&studio, status);
  wct_studio_close (&studio);
  return status;
}

WctStatus
wct_command_stylize (const WctArguments *arguments, WctError *err)
{
  return arguments->frames ? wct_frames_stylize (arguments, err) : wct_studio_run (stylize_picture, arguments, err);
}
