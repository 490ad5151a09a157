/* Patches of a style, cut once for a side and a stride. */
#include "patches.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "linalg.h"
#include "mem.h"
#include "row-map.h"
#include "style.h"
#include "transform.h"

#define LEVEL 5

/* Added to the length that a patch is divided by: as in the published implementations. */
#define LENGTH_MIN 1e-8

static size_t
count_floats (WctShape shape)
{
  return (size_t)shape.c * (size_t)shape.h * (size_t)shape.w;
}

static size_t
grid_floats (const WctPatchGrid *grid, int32_t channels)
{
  return (size_t)grid->rows * (size_t)grid->columns * (size_t)grid->side * (size_t)grid->side * (size_t)channels;
}

static bool
are_too_many (const WctPatchGrid *grid, int32_t channels)
{
  const int64_t count = (int64_t)grid->rows * grid->columns;

  return count > WCT_PATCHES_MAX || (count > 1 && grid_floats (grid, channels) > WCT_PATCHES_MAX_FLOATS);
}

WctPatchGrid
wct_patches_grid (const WctStyle *style, int32_t side, int32_t stride)
{
  const WctShape shape = wct_style_patches_shape (style);
  WctPatchGrid   grid = { .side = side, .stride = stride - 1 };

  do
    {
      grid.stride++;
      grid.rows = (shape.h - side) / grid.stride + 1;
      grid.columns = (shape.w - side) / grid.stride + 1;
    }
  while (are_too_many (&grid, shape.c));
  return grid;
}

size_t
wct_patches_bytes (const WctStyle *style, const WctPatchGrid *grid)
{
  const WctShape shape = wct_style_patches_shape (style);

  return (grid_floats (grid, shape.c) + 3 * count_floats (shape)) * sizeof (float);
}

void
wct_patch_take (const float *map, int32_t w, int32_t channels, int32_t side, int32_t y, int32_t x, float *out)
{
  const size_t row = (size_t)side * (size_t)channels;

  for (int32_t i = 0; i < side; i++)
    memcpy (out + (size_t)i * row, map + ((size_t)(y + i) * (size_t)w + (size_t)x) * (size_t)channels,
            row * sizeof *out);
}

/* All features through @affine. @out: the caller's */
static WctStatus
map_features (const WctStyle *style, const WctAffine *affine, float **out, WctError *err)
{
  const WctShape shape = wct_style_patches_shape (style);
  WctRowMap      map = { 0 };
  float         *centered = NULL;
  WctStatus      status;

  WCT_TRY (wct_row_map_new (affine, &map, err));
  WCT_TRY (wct_alloc (count_floats (shape), sizeof (float), "style's patches", &centered, err));
  WCT_TRY (wct_alloc (count_floats (shape), sizeof (float), "style's patches", out, err));
  wct_row_map_apply (&map, shape.h * shape.w, wct_style_patches (style), centered, *out);

out:
  wct_free (&centered);
  wct_row_map_clear (&map);
  return status;
}

static void
scale_to_length_1 (float *patch, size_t count)
{
  double squares = 0;

  for (size_t i = 0; i < count; i++)
    squares += (double)patch[i] * patch[i];

  const double scale = 1 / (sqrt (squares) + LENGTH_MIN);
  for (size_t i = 0; i < count; i++)
    patch[i] = (float)(patch[i] * scale);
}

/* @whitened: (h, w, channels) */
static void
cut (const WctPatchGrid *grid, const float *whitened, WctShape shape, float *out)
{
  const size_t count = (size_t)grid->side * (size_t)grid->side * (size_t)shape.c;

  for (int32_t y = 0; y < grid->rows; y++)
    for (int32_t x = 0; x < grid->columns; x++, out += count)
      {
        wct_patch_take (whitened, shape.w, shape.c, grid->side, y * grid->stride, x * grid->stride, out);
        scale_to_length_1 (out, count);
      }
}

/* What whitening, then coloring leaves of features: the directions over the floor. */
static WctStatus
solve_projection (const WctMoments *moments, double floor, WctAffine *out, WctError *err)
{
  const size_t row = (size_t)moments->channels * sizeof (double);
  WctStatus    status;

  WCT_TRY (wct_symmetric_power (moments->channels, moments->covariance, 0, floor, out->matrix, err));
  memcpy (out->center, moments->mean, row);
  memcpy (out->bias, moments->mean, row);

out:
  return status;
}

static WctStatus
cut_whitened (WctPatches *patches, const WctPatchGrid *grid, const WctAffine *whitening, WctError *err)
{
  const WctShape shape = wct_style_patches_shape (patches->style);
  float         *features = NULL;
  WctStatus      status;

  WCT_TRY (map_features (patches->style, whitening, &features, err));
  WCT_TRY (wct_alloc (grid_floats (grid, shape.c), sizeof (float), "style's patches", &patches->whitened, err));
  cut (grid, features, shape, patches->whitened);

out:
  wct_free (&features);
  return status;
}

WctStatus
wct_patches_cut (WctPatches *patches, const WctPatchGrid *grid, double floor, WctError *err)
{
  const WctMoments *moments = wct_style_moments (patches->style, LEVEL);
  WctAffine        *affine = NULL;
  WctStatus         status;

  if (patches->grid.side == grid->side && patches->grid.stride == grid->stride)
    return WCT_OK;
  wct_patches_clear (patches);
  WCT_TRY (wct_affine_new (moments->channels, &affine, err));
  WCT_TRY (wct_whitening_solve (moments, floor, 0, affine, err));
  WCT_TRY (cut_whitened (patches, grid, affine, err));
  WCT_TRY (solve_projection (moments, floor, affine, err));
  WCT_TRY (map_features (patches->style, affine, &patches->colored, err));
  patches->grid = *grid;

out:
  wct_affine_free (&affine);
  if (status != WCT_OK)
    wct_patches_clear (patches);
  return status;
}

void
wct_patches_clear (WctPatches *patches)
{
  wct_free (&patches->whitened);
  wct_free (&patches->colored);
  patches->grid = (WctPatchGrid){ 0 };
}
