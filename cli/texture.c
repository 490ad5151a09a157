/* wct texture: noise in the style of pictures. */
#include "commands.h"

#include "exit-status.h"
#include "guide.h"
#include "studio.h"

/* A texture of --size, or of the guide's. */
static WctStatus
describe_noise (WctStudio *studio, WctError *err)
{
  int32_t   width = studio->arguments->width, height = studio->arguments->height;
  WctStatus status;

  if (studio->arguments->guide_picture != NULL)
    {
      WCT_TRY (wct_guide_read (studio->arguments, &studio->output, &studio->guide, err));
      width = studio->guide.image.width;
      height = studio->guide.image.height;
    }
  studio->name = "the texture";
  studio->option = "--size";
  studio->report.seeded = true;
  wct_picture_describe_new (width, height, &studio->picture);
  WCT_TRY (wct_output_check_size (&studio->output, width, height, err));

out:
  return status;
}

/* Noise from a file. A texture is opaque, whatever the noise was. */
static WctStatus
open_noise (WctStudio *studio, WctError *err)
{
  const WctStatus status = wct_studio_open_picture (studio, studio->arguments->noise, 0, NULL, err);

  studio->keep_alpha = false;
  return status;
}

static WctStatus
make_texture (const WctArguments *arguments, bool *card_failed, WctError *err)
{
  const bool from_file = arguments->noise != NULL;
  const int  style_count = arguments->operand_count;
  WctStudio  studio;
  WctStatus  status;

  WCT_TRY (wct_studio_open (&studio, arguments, err));
  WCT_TRY (from_file ? open_noise (&studio, err) : describe_noise (&studio, err));
  WCT_TRY (wct_studio_load_model (&studio, err));
  WCT_TRY (wct_studio_choose_levels (&studio, err));
  WCT_TRY (wct_studio_measure_styles (&studio, arguments->operands, style_count, err));
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
wct_command_texture (const WctArguments *arguments, WctError *err)
{
  return wct_studio_run (make_texture, arguments, err);
}
