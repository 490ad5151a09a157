/* wct texture: noise in the style of pictures. */
#include "commands.h"

#include "exit-status.h"
#include "memory-check.h"
#include "studio.h"

/* Can a texture of --size be made at all? Its noise waits until the job is known to fit, too. */
static WctStatus
check_size (WctStudio *studio, WctError *err)
{
  const int32_t width = studio->arguments->width, height = studio->arguments->height;
  const size_t  bytes = (size_t)width * (size_t)height * 3 * sizeof (float);
  WctStatus     status;

  studio->name = "the texture";
  WCT_TRY (wct_output_check_size (&studio->output, width, height, err));
  WCT_TRY (wct_memory_check (studio->name, bytes, width, height, "--size", false, err));

out:
  return status;
}

static WctStatus
make_noise (WctStudio *studio, WctError *err)
{
  const WctArguments *arguments = studio->arguments;
  const WctStatus     status = wct_picture_new (arguments->width, arguments->height, &studio->picture, err);

  if (status != WCT_OK)
    return status;
  wct_noise_fill (&studio->picture.image, (uint64_t)arguments->params.seed);
  studio->report.seeded = true;
  return WCT_OK;
}

/* Noise from a file. A texture is opaque, whatever the noise was. */
static WctStatus
read_noise (WctStudio *studio, WctError *err)
{
  const WctStatus status = wct_studio_read_picture (studio, studio->arguments->noise, 0, NULL, err);

  wct_picture_drop_alpha (&studio->picture);
  return status;
}

WctStatus
wct_command_texture (const WctArguments *arguments, WctError *err)
{
  const bool from_file = arguments->noise != NULL;
  const int  style_count = arguments->operand_count;
  WctStudio  studio;
  WctStatus  status;

  WCT_TRY (wct_studio_open (&studio, arguments, err));
  WCT_TRY (from_file ? read_noise (&studio, err) : check_size (&studio, err));
  WCT_TRY (wct_studio_load_model (&studio, err));
  WCT_TRY (wct_studio_choose_levels (&studio, err));
  WCT_TRY (wct_studio_measure_styles (&studio, arguments->operands, style_count, err));
  WCT_TRY (wct_studio_prepare (&studio, style_count, from_file ? studio.picture.image.width : arguments->width,
                               from_file ? studio.picture.image.height : arguments->height, from_file ? NULL : "--size",
                               err));
  if (!from_file)
    WCT_TRY (make_noise (&studio, err));
  WCT_TRY (wct_studio_stylize (&studio, err));
  WCT_TRY (wct_studio_finish (&studio, err));

out:
  wct_studio_close (&studio);
  return status;
}
