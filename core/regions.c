/* Masks, from the picture's resolution down to each level's. */
#include "regions.h"

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

/* Returns how many positions are inside. */
static size_t
sample_mask (const WctMask *mask, int32_t width, int32_t height, WctShape features, uint8_t *out)
{
  const int32_t cell = wct_planar_shape (width, height).w / features.w;
  size_t        count = 0;

  for (int32_t y = 0; y < features.h; y++)
    {
      const uint8_t *row = mask->pixels + (size_t)sample_index (y, cell, height, mask->height) * (size_t)mask->width;

      for (int32_t x = 0; x < features.w; x++)
        count += *out++ = row[sample_index (x, cell, width, mask->width)];
    }
  return count;
}

/* Where masks overlap, the later one owns the position. */
static void
find_owners (WctRegions *regions)
{
  for (int i = 0; i < regions->count; i++)
    for (size_t p = 0; wct_regions_active (regions, i) && p < regions->positions; p++)
      if (wct_regions_mask (regions, i)[p])
        regions->owner[p] = (uint8_t)(i + 1);
}

WctStatus
wct_regions_sample (const WctMask *masks, int count, int32_t width, int32_t height, WctShape features, WctRegions *out,
                    WctError *err)
{
  WctStatus status = WCT_OK;

  *out = (WctRegions){ .count = count, .positions = (size_t)features.h * (size_t)features.w };
  if (masks == NULL)
    return WCT_OK;
  WCT_TRY (wct_alloc ((size_t)count, out->positions, "regions", &out->masks, err));
  WCT_TRY (wct_alloc (out->positions, 1, "regions", &out->owner, err));
  WCT_TRY (wct_alloc ((size_t)count, sizeof *out->sizes, "regions", &out->sizes, err));
  for (int i = 0; i < count; i++)
    out->sizes[i] = sample_mask (&masks[i], width, height, features, out->masks + (size_t)i * out->positions);
  find_owners (out);

out:
  return status;
}

void
wct_regions_clear (WctRegions *regions)
{
  wct_free (&regions->sizes);
  wct_free (&regions->owner);
  wct_free (&regions->masks);
}

bool
wct_regions_active (const WctRegions *regions, int region)
{
  return regions->masks == NULL || regions->sizes[region] > 1;
}

const uint8_t *
wct_regions_mask (const WctRegions *regions, int region)
{
  return regions->masks == NULL ? NULL : regions->masks + (size_t)region * regions->positions;
}

const uint8_t *
wct_regions_own (WctRegions *regions, int region)
{
  if (regions->masks == NULL)
    return NULL;

  uint8_t *own = regions->masks + (size_t)region * regions->positions;
  for (size_t p = 0; p < regions->positions; p++)
    own[p] = regions->owner[p] == region + 1;
  return own;
}
