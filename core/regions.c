/* Masks, from the picture's resolution down to each level's. */
#include "regions.h"

#include <string.h>

#include "mem.h"
#include "planar.h"

WctStatus
wct_mask_new (const WctImage *image, WctMask *out, WctError *err)
{
  WctMask   mask = { NULL, image->width, image->height };
  WctStatus status = wct_alloc ((size_t)image->width, (size_t)image->height, "mask", &mask.pixels, err);

  if (status != WCT_OK)
    return status;
  for (int32_t y = 0; y < mask.height; y++)
    {
      const float *row = image->pixels + (size_t)y * (image->row_stride_bytes / sizeof (float));

      for (int32_t x = 0; x < mask.width; x++)
        mask.pixels[(size_t)y * (size_t)mask.width + (size_t)x] = row[x] > 0.5f;
    }
  *out = mask;
  return WCT_OK;
}

void
wct_mask_clear (WctMask *mask)
{
  wct_free (&mask->pixels);
}

/* From a feature's index along one side to the mask's: the middle of its cell, mirrored into the picture, nearest in
 * the mask. */
static int32_t
sample_index (int32_t i, int32_t cell, int32_t picture_side, int32_t mask_side)
{
  const int32_t pixel = wct_mirror (i * cell + cell / 2, picture_side);

  return (int32_t)((2 * (int64_t)pixel + 1) * mask_side / (2 * (int64_t)picture_side));
}

WctStatus
wct_regions_new (const WctMask *masks, int count, int32_t width, int32_t height, WctShape features, WctRegions *out,
                 WctError *err)
{
  WctStatus status;

  *out = (WctRegions){ .masks = masks,
                       .count = count,
                       .height = height,
                       .cell = wct_planar_shape (width, height).w / features.w,
                       .columns = features.w };
  WCT_TRY (wct_alloc ((size_t)count, sizeof *out->active, "regions", &out->active, err));
  WCT_TRY (wct_alloc ((size_t)count, (size_t)features.w * sizeof *out->column, "regions", &out->column, err));
  for (int i = 0; i < count; i++)
    {
      out->active[i] = true;
      for (int32_t x = 0; x < features.w; x++)
        out->column[(size_t)i * (size_t)features.w + (size_t)x] = sample_index (x, out->cell, width, masks[i].width);
    }

out:
  return status;
}

void
wct_regions_clear (WctRegions *regions)
{
  wct_free (&regions->active);
  wct_free (&regions->column);
}

void
wct_regions_leave_out (WctRegions *regions, int region)
{
  regions->active[region] = false;
}

/* The row of a mask that row @y of the features falls on. */
static const uint8_t *
mask_row (const WctRegions *regions, int region, int32_t y)
{
  const WctMask *mask = &regions->masks[region];

  return mask->pixels + (size_t)sample_index (y, regions->cell, regions->height, mask->height) * (size_t)mask->width;
}

static void
take_row (const WctRegions *regions, int region, int32_t y, uint8_t *select)
{
  const uint8_t *row = mask_row (regions, region, y);
  const int32_t *column = regions->column + (size_t)region * (size_t)regions->columns;

  for (int32_t x = 0; x < regions->columns; x++)
    select[x] = row[column[x]];
}

static void
take_covered_away (const WctRegions *regions, int later, int32_t y, uint8_t *select)
{
  const uint8_t *row = mask_row (regions, later, y);
  const int32_t *column = regions->column + (size_t)later * (size_t)regions->columns;

  for (int32_t x = 0; x < regions->columns; x++)
    select[x] &= (uint8_t)!row[column[x]];
}

static void
select_rows (const void *data, int region, WctSelectUse use, int32_t first, int32_t rows, uint8_t *select)
{
  const WctRegions *regions = data;

  for (int32_t y = first; y < first + rows; y++, select += regions->columns)
    {
      take_row (regions, region, y, select);
      for (int later = region + 1; use == WCT_SELECT_MAPPED && later < regions->count; later++)
        if (regions->active[later])
          take_covered_away (regions, later, y, select);
    }
}

WctSelect
wct_regions_select (const WctRegions *regions)
{
  return (WctSelect){ regions->count, regions, select_rows };
}
