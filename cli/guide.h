/* The picture that leads a texture's forms. */
#ifndef WCT_CLI_GUIDE_H
#define WCT_CLI_GUIDE_H

#include "arguments.h"
#include "output.h"
#include "picture.h"

/**
 * wct_guide_read: read --guide-picture, at --size where that is given, and made to tile for --seamless.
 * @output: is asked whether it can hold a texture of that size
 * @out: on WCT_OK to be cleared with wct_picture_clear; untouched otherwise
 */
WctStatus wct_guide_read (const WctArguments *arguments, const WctOutput *output, WctPicture *out, WctError *err);

#endif
