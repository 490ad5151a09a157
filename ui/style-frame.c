#include "style-frame.h"

#include <wct/frame.h>

gint
wct_style_frame_side (const WctParams *params, gint style_width, gint style_height, gint content_width,
                      gint content_height)
{
  return wct_frame_side (params, style_width, style_height, content_width, content_height);
}

gboolean
wct_style_frame_same (const WctParams *a, const WctParams *b)
{
  return a->style_rotation == b->style_rotation && a->style_left == b->style_left && a->style_top == b->style_top
         && a->style_width == b->style_width && a->style_height == b->style_height;
}

WctStatus
wct_style_frame_take (const WctParams *params, WctPicture **picture, WctError *err)
{
  WctPicture *taken = NULL;
  gint        width, height;
  WctStatus   status = WCT_OK;

  if (!wct_frame_is_set (params))
    return WCT_OK;
  wct_frame_size (params, (*picture)->image.width, (*picture)->image.height, &width, &height);
  WCT_TRY (wct_picture_new (width, height, &taken, err));
  WCT_TRY (wct_frame_take (params, &(*picture)->image, &taken->image, err));
  wct_picture_unref (picture);
  *picture = taken;
  taken = NULL;

out:
  wct_picture_unref (&taken);
  return status;
}
