/* The content as it came, kept beside a job's cascade for what the result takes back from it: colors, or detail. */
#ifndef WCT_ORIGINAL_H
#define WCT_ORIGINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wct/image.h>

#include "cascade.h"
#include "store.h"

/* All zero: nothing yet. */
typedef struct
{
  int32_t   width, height;             /* of the content */
  int32_t   small_width, small_height; /* that is worked on; the content's where all of it is */
  bool      kept;                      /* is it kept at all? */
  bool      in_file;
  WctStore *content; /* rows of (width, 3), interleaved */
  WctStore *lines;   /* from a smaller picture to this one (guided.h); NULL where all of it is worked on */
} WctOriginal;

/* For a content of this size that is worked on at the other. No stores yet. @colors: is it kept for its colors?
 * Returns whether anything is other than before. */
bool wct_original_plan (WctOriginal *original, int32_t width, int32_t height, int32_t small_width, int32_t small_height,
                        bool colors);
void wct_original_clear (WctOriginal *original);

/* Is the picture worked on smaller than it is? */
bool wct_original_is_reduced (const WctOriginal *original);

/* Bytes of the stores. */
size_t wct_original_bytes (const WctOriginal *original);

/* Where they are. */
void wct_original_settle (WctOriginal *original, bool in_file);

/* Are all stores there that it needs? */
bool wct_original_is_there (const WctOriginal *original);

/* Makes the stores, unless they are there. */
WctStatus wct_original_allocate (WctOriginal *original, WctError *err);

/* Rows that the caller has checked; nothing where none are kept. */
WctStatus wct_original_put_rows (WctOriginal *original, const WctImage *rows, int32_t first, WctError *err);

/* One row, (width, 3). */
WctStatus wct_original_get_row (const WctOriginal *original, int32_t y, float *row, WctError *err);

/* The smaller picture goes into the cascade, once all rows are there. */
WctStatus wct_original_reduce (WctOriginal *original, WctCascade *cascade, WctError *err);

/* Prepares wct_original_restore, once the smaller picture's result is in the cascade. */
WctStatus wct_original_follow (WctOriginal *original, const WctCascade *cascade, WctError *err);

/* Rows of the result at full size. */
WctStatus wct_original_restore (const WctOriginal *original, int32_t first, const WctImage *rows, WctError *err);

#endif
