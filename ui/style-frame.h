/* Which part of a style's picture is taken, how large, and how it is turned: wct/frame.h, for counted pictures. */
#ifndef WCT_UI_STYLE_FRAME_H
#define WCT_UI_STYLE_FRAME_H

#include <wct/params.h>

#include "picture.h"

/* The longer side, in pixels, that a style of this size is to be read at for a content of that size. */
gint wct_style_frame_side (const WctParams *params, gint style_width, gint style_height, gint content_width,
                           gint content_height);

/* @picture: what was read; on WCT_OK another one takes its place, unless all of it is taken as it is. */
WctStatus wct_style_frame_take (const WctParams *params, WctPicture **picture, WctError *err);

/* Do both take the same of one picture? Its size is not looked at. */
gboolean wct_style_frame_same (const WctParams *a, const WctParams *b);

#endif
