/* Smaller pictures by area averaging, row by row. */
#ifndef WCT_REDUCE_H
#define WCT_REDUCE_H

#include <stdint.h>

#include <wct/status.h>

/* Writes row @y of a picture, (width, 3). */
typedef WctStatus WctReadRow (void *user, int32_t y, float *row, WctError *err);

/* All fields are its own. */
typedef struct
{
  int32_t     from_width, from_height, to_width, to_height;
  WctReadRow *read;
  void       *user;
  float      *row;        /* owned; (from_width, 3) */
  double     *narrow;     /* owned; (to_width, 3): a row of the picture, made narrower */
  int32_t     narrow_row; /* which one; -1: none yet */
  double     *sums;       /* owned; (to_width, 3) */
} WctReduction;

/* The size of a picture whose longer side becomes @longer px; its own where it is not larger, or @longer is 0. */
void wct_reduced_size (int32_t longer, int32_t width, int32_t height, int32_t *out_width, int32_t *out_height);

/**
 * wct_reduction_init: @read tells the rows of a picture of @from_width × @from_height; neither side grows.
 * On failure there is nothing to clear.
 */
WctStatus wct_reduction_init (WctReduction *reduction, int32_t from_width, int32_t from_height, int32_t to_width,
                              int32_t to_height, WctReadRow *read, void *user, WctError *err);
void      wct_reduction_clear (WctReduction *reduction); /* all zero is welcome */

/* Row @y of the smaller picture, (to_width, 3): each pixel the mean of the area that it covers, edges by their share.
 * Reads each row of the picture once where rows are asked for from the first to the last. */
WctStatus wct_reduction_row (WctReduction *reduction, int32_t y, float *out, WctError *err);

#endif
