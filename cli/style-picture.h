/* A style's picture from a file, as the parameters frame it. */
#ifndef WCT_CLI_STYLE_PICTURE_H
#define WCT_CLI_STYLE_PICTURE_H

#include <wct/params.h>
#include <wct/status.h>

#include "picture.h"

/**
 * wct_style_picture_read: read the part of a style that is taken, at its size, turned (wct/frame.h).
 * @content: what is stylized; only its size is looked at
 * @out: on WCT_OK to be cleared with wct_picture_clear; untouched otherwise
 * Refuses what there is not enough memory for before pixels are read.
 */
WctStatus wct_style_picture_read (const char *path, const WctParams *params, const WctImage *content, WctPicture *out,
                                  WctError *err);

#endif
