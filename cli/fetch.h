/* A picture as a whole, where there is enough memory for it. */
#ifndef WCT_CLI_FETCH_H
#define WCT_CLI_FETCH_H

#include <stdint.h>

#include <wct/status.h>

#include "output.h"
#include "picture.h"

/**
 * wct_fetch_picture: open, check, read.
 * @longer_side: scale it to this; 0 keeps it as it is
 * @option: what makes it smaller, for the sentence; NULL: nothing does
 * @output: a file that a picture of this size must fit into; NULL: none
 * @source: (2) width and height before scaling, upright; written on WCT_OK; may be NULL
 * @out: on WCT_OK to be cleared with wct_picture_clear; untouched otherwise
 */
WctStatus wct_fetch_picture (const char *path, int32_t longer_side, const char *option, const WctOutput *output,
                             int32_t *source, WctPicture *out, WctError *err);

#endif
