/* The whole picture is scaled while it is read, so that the part has its size; then the part is taken out of it. */
#include "style-picture.h"

#include <wct/frame.h>

#include "memory-check.h"

/* A picture's own size decides on the one it is read at, so the header is read twice, but where one option says all. */
static WctStatus
open_scaled (const char *path, const WctParams *params, const WctImage *content, WctPictureFile *file, WctError *err)
{
  int32_t   side = params->style_size;
  WctStatus status;

  if (params->style_scale > 0 || wct_frame_is_set (params))
    {
      WCT_TRY (wct_picture_open (path, 0, file, err));
      side = wct_frame_side (params, file->width, file->height, content->width, content->height);
      wct_picture_close (file);
    }
  WCT_TRY (wct_picture_open (path, side, file, err));

out:
  return status;
}

static WctStatus
check_memory (const WctPictureFile *file, const WctParams *params, WctError *err)
{
  size_t  bytes = wct_picture_bytes (file), part = 0;
  int32_t width, height;

  if (wct_frame_is_set (params))
    {
      wct_frame_size (params, file->width, file->height, &width, &height);
      part = (size_t)width * (size_t)height * 3 * sizeof (float);
    }
  return wct_memory_check (file->name, bytes > SIZE_MAX - part ? SIZE_MAX : bytes + part, 0, file->width, file->height,
                           params->style_scale > 0 ? "--style-scale" : "--style-size", false, err);
}

/* Puts the part in the place of the whole. */
static WctStatus
take_part (const WctParams *params, WctPicture *picture, WctError *err)
{
  WctPicture part = { 0 };
  int32_t    width, height;
  WctStatus  status;

  wct_frame_size (params, picture->image.width, picture->image.height, &width, &height);
  WCT_TRY (wct_picture_new (width, height, &part, err));
  WCT_TRY (wct_frame_take (params, &picture->image, &part.image, err));
  wct_picture_clear (picture);
  *picture = part;
  part = (WctPicture){ 0 };

out:
  wct_picture_clear (&part);
  return status;
}

WctStatus
wct_style_picture_read (const char *path, const WctParams *params, const WctImage *content, WctPicture *out,
                        WctError *err)
{
  WctPictureFile file = { 0 };
  WctPicture     picture = { 0 };
  WctStatus      status;

  WCT_TRY (open_scaled (path, params, content, &file, err));
  WCT_TRY (check_memory (&file, params, err));
  WCT_TRY (wct_picture_read (&file, &picture, err));
  if (wct_frame_is_set (params))
    WCT_TRY (take_part (params, &picture, err));
  *out = picture;
  picture = (WctPicture){ 0 };

out:
  wct_picture_clear (&picture);
  wct_picture_close (&file);
  return status;
}
