/* The picture file that a command writes: whole or not at all. */
#ifndef WCT_COMMAND_OUTPUT_H
#define WCT_COMMAND_OUTPUT_H

#include <stdbool.h>

#include <wct/status.h>

#include "picture.h"

typedef struct WctFormat WctFormat;

typedef struct
{
  char            *path; /* where it goes; a symbolic link is followed */
  char            *folder;
  const WctFormat *format; /* by the extension */
  bool             force;  /* may a file of that name be replaced? */
  bool             finish; /* is it written to its end though the program is interrupted? false at first */
} WctOutput;

/* The format that @path's extension names: is there one? The sentence says which there are. */
WctStatus wct_output_check_extension (const char *path, WctError *err);

/**
 * wct_output_open: find out, before any work is done, whether @path can be written.
 * @force: an existing file may be replaced, once the new one is complete
 * @out: on WCT_OK to be cleared with wct_output_clear; untouched otherwise
 * Leaves nothing in the folder.
 */
WctStatus wct_output_open (const char *path, bool force, WctOutput *out, WctError *err);

void wct_output_clear (WctOutput *output); /* twice is welcome */

/* Can the format hold a picture of this size? */
WctStatus wct_output_check_size (const WctOutput *output, int32_t width, int32_t height, WctError *err);

/* Can the format hold these alphas of a picture? @alpha: @count of them; NULL where there is none */
WctStatus wct_output_check_alpha (const WctOutput *output, const float *alpha, size_t count, double alpha_max,
                                  WctError *err);

/* Where the rows of a picture come from that is not in memory. */
typedef struct
{
  WctStatus (*get) (void *user, int32_t first, WctImage *rows, WctError *err); /* any thread */
  void                 *user;
  const WctPictureFile *alpha; /* opened anew: its alpha goes with the rows; NULL: none */
} WctRowSource;

/**
 * wct_output_save: write @picture under a temporary name (".NAME.wct-XXXXXX") in the same folder, then give it its
 * own name. Values are clipped to [0,1]; the depth is the picture's own where the format has it, else the nearest.
 * @rows: NULL: the picture has its pixels, and its alpha
 * A failure, or a program that was interrupted and does not finish it (WCT_CANCELED), leaves nothing behind.
 */
WctStatus wct_output_save (const WctOutput *output, const WctPicture *picture, const WctRowSource *rows, WctError *err);

#endif
