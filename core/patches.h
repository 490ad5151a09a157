/* The patches of a style's features at relu5_1: whitened ones to be found by the content's, colored ones to be put in
 * their place. */
#ifndef WCT_PATCHES_H
#define WCT_PATCHES_H

#include <stddef.h>
#include <stdint.h>

#include <wct/style.h>

/* Of one style: where there would be more, they are taken farther apart. 4096 are those of 64×64 features, a picture of
 * 1024×1024 pixels; as floats, 128 MB. */
#define WCT_PATCHES_MAX        4096
#define WCT_PATCHES_MAX_FLOATS ((size_t)1 << 25)

/* How patches lie in a map of features. */
typedef struct
{
  int32_t side, stride;
  int32_t rows, columns; /* of patches */
} WctPatchGrid;

typedef struct
{
  WctStyle    *style;    /* one that keeps patches; whose it is, the holder says */
  WctPatchGrid grid;     /* as they were cut; side 0: not yet */
  float       *whitened; /* owned; (rows · columns, side · side · channels): of length 1 */
  float       *colored;  /* owned; (h, w, channels): all features, without the directions that whitening drops */
} WctPatches;

/* @side: not above the sides of the style's features. @stride: at least */
WctPatchGrid wct_patches_grid (const WctStyle *style, int32_t side, int32_t stride);

/* Cuts them, unless they are there. @floor: eigenvalues of the style's covariance below it are dropped */
WctStatus wct_patches_cut (WctPatches *patches, const WctPatchGrid *grid, double floor, WctError *err);
void      wct_patches_clear (WctPatches *patches);

/* Bytes of the cut ones, and of the work, which goes again. */
size_t wct_patches_bytes (const WctStyle *style, const WctPatchGrid *grid);

/* One patch of a map (h, w, channels), @row of it first, then the next: side · side · channels floats. */
void wct_patch_take (const float *map, int32_t w, int32_t channels, int32_t side, int32_t y, int32_t x, float *out);

#endif
