/* Guides of textures. */
#include "guide.h"

#include <wct/wct.h>

#include "memory-check.h"

WctStatus
wct_guide_read (const WctArguments *arguments, const WctOutput *output, WctPicture *out, WctError *err)
{
  const bool     seamless = arguments->params.seamless != 0;
  WctPictureFile file = { 0 };
  WctPicture     picture = { 0 };
  WctStatus      status;

  WCT_TRY (wct_picture_open (arguments->guide_picture, 0, &file, err));
  if (arguments->width > 0)
    wct_picture_stretch (&file, arguments->width, arguments->height);
  WCT_TRY (wct_output_check_size (output, file.width, file.height, err));
  WCT_TRY (wct_memory_check (file.name, wct_picture_bytes (&file), 0, file.width, file.height, "--size", false, err));
  WCT_TRY (wct_picture_read (&file, &picture, err));
  if (seamless)
    WCT_TRY (wct_image_fade_seam (&picture.image, err));
  *out = picture;
  picture = (WctPicture){ 0 };

out:
  wct_picture_clear (&picture);
  wct_picture_close (&file);
  return status;
}
