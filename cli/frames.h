/* A sequence of frames: pictures of one size that follow each other. */
#ifndef WCT_CLI_FRAMES_H
#define WCT_CLI_FRAMES_H

#include <wct/status.h>

#include "arguments.h"

/**
 * wct_frames_stylize: all pictures that lie in the folder CONTENT, by name, into the folder OUT.
 * The features of all are mapped as those of one frame are: what looks the same in two frames comes out the same. A
 * result that is there already stays, unless it may be replaced.
 */
WctStatus wct_frames_stylize (const WctArguments *arguments, WctError *err);

#endif
