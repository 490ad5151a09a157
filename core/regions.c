/* Masks, from the picture's resolution down to each level's. */
#include "regions.h"

#include <math.h>
#include <string.h>

#include "mem.h"
#include "period.h"
#include "planar.h"

#define MASK_WHOLE 255

/* ---- Masks ---------------------------------------------------------------------------------------------------- */

WctStatus
wct_mask_new (int32_t width, int32_t height, bool hard, WctMask *out, WctError *err)
{
  WctMask   mask = { .width = width, .height = height, .hard = hard };
  WctStatus status;

  WCT_TRY (wct_alloc ((size_t)width, (size_t)height, "mask", &mask.pixels, err));
  WCT_TRY (wct_alloc ((size_t)height, 2 * sizeof *mask.spans, "mask", &mask.spans, err));
  *out = mask;
  mask = (WctMask){ .pixels = NULL };

out:
  wct_mask_clear (&mask);
  return status;
}

void
wct_mask_clear (WctMask *mask)
{
  wct_free (&mask->spans);
  wct_free (&mask->pixels);
}

static uint8_t
round_weight (float weight, bool hard)
{
  if (hard)
    return weight > 0.5f ? MASK_WHOLE : 0;
  return weight <= 0 ? 0 : weight >= 1 ? MASK_WHOLE : (uint8_t)(weight * MASK_WHOLE + 0.5f);
}

/* Only what is above 0 is written: memory that was never touched is none. */
static void
put_row (WctMask *mask, const float *row, int32_t y)
{
  uint8_t *to = mask->pixels + (size_t)y * (size_t)mask->width;
  int32_t *span = mask->spans + 2 * (size_t)y;

  for (int32_t x = 0; x < mask->width; x++)
    {
      const uint8_t weight = round_weight (row[x], mask->hard);

      if (weight == 0)
        continue;
      to[x] = weight;
      if (span[1] == 0)
        span[0] = x;
      span[1] = x + 1;
    }
}

WctStatus
wct_mask_put_rows (WctMask *mask, const WctImage *rows, int32_t first, WctError *err)
{
  const WctStatus status = wct_image_check_finite (rows, first, "mask", err);

  if (status != WCT_OK)
    return status;
  for (int32_t y = 0; y < rows->height; y++)
    put_row (mask, rows->pixels + (size_t)y * (rows->row_stride_bytes / sizeof (float)), first + y);
  mask->rows_put += rows->height;
  return WCT_OK;
}

/* ---- Along one side -------------------------------------------------------------------------------------------- */

/* One side of a level: of the features, the picture and the mask. */
typedef struct
{
  int32_t features, picture, mask;
  int32_t cell; /* pixels of the picture to a feature */
  int32_t halo; /* in features */
  bool    hard;
} Side;

/* The feature whose pixels one sees: in the halo, the one at the opposite side. */
static int32_t
place_of (const Side *side, int32_t i)
{
  return side->halo == 0 ? i : wct_wrap (i - side->halo, side->features - 2 * side->halo);
}

/* Hard: the middle of a feature's cell, mirrored into the picture, nearest in the mask. */
static int32_t
nearest_index (const Side *side, int32_t i)
{
  const int32_t pixel = wct_mirror (i * side->cell + side->cell / 2, side->picture);

  return (int32_t)((2 * (int64_t)pixel + 1) * side->mask / (2 * (int64_t)side->picture));
}

/* What a pixel of the picture sees: from, and up to, these places of the mask. A larger mask is averaged over them; in
 * a smaller one the pixel's middle is between two of its pixels' middles. */
typedef struct
{
  double from, to;
} Extent;

static Extent
extent_of (const Side *side, int32_t pixel)
{
  if (side->mask >= side->picture)
    return (Extent){ (double)pixel * side->mask / side->picture, (double)(pixel + 1) * side->mask / side->picture };

  const double middle = ((double)pixel + 0.5) * side->mask / side->picture;
  return (Extent){ middle - 0.5, middle + 0.5 };
}

static int32_t
clip_index (double i, int32_t count)
{
  return i < 0 ? 0 : i >= count ? count - 1 : (int32_t)i;
}

/* Adds a pixel's shares, 1 in all. A linear mixture of two pixels is the mean over one pixel's width, too; beyond the
 * mask's edge its last pixel goes on. @shares: of the mask's pixels from @first on */
static void
add_pixel (const Side *side, Extent extent, int32_t first, double *shares)
{
  const double width = extent.to - extent.from;

  for (double k = floor (extent.from); k < extent.to; k++)
    {
      const double from = k < extent.from ? extent.from : k, to = k + 1 > extent.to ? extent.to : k + 1;

      shares[clip_index (k, side->mask) - first] += (to - from) / width;
    }
}

/* The window of a feature. */
static void
find_window (const Side *side, int32_t i, int32_t *first, int32_t *end)
{
  *first = INT32_MAX;
  *end = 0;
  for (int32_t k = 0; k < side->cell; k++)
    {
      const Extent  extent = extent_of (side, wct_mirror (i * side->cell + k, side->picture));
      const int32_t from = clip_index (floor (extent.from), side->mask),
                    last = clip_index (ceil (extent.to) - 1, side->mask);

      *first = from < *first ? from : *first;
      *end = last + 1 > *end ? last + 1 : *end;
    }
}

/* To whole numbers that add up to the whole: the sum up to each is rounded. */
static void
round_shares (const double *shares, int32_t count, uint16_t *out)
{
  double  sum = 0, total = 0;
  int32_t before = 0;

  for (int32_t k = 0; k < count; k++)
    total += shares[k];
  for (int32_t k = 0; k < count; k++)
    {
      sum += shares[k];
      const int32_t now = (int32_t)lrint (sum / total * WCT_SIDE_WHOLE);

      out[k] = (uint16_t)(now - before);
      before = now;
    }
}

/* @shares: (width of the widest window), to work in */
static void
fill_window (const Side *side, int32_t i, double *shares, WctMaskSide *out)
{
  const int32_t place = place_of (side, i), count = out->end[i] - out->first[i];

  memset (shares, 0, (size_t)count * sizeof *shares);
  for (int32_t k = 0; k < side->cell; k++)
    add_pixel (side, extent_of (side, wct_mirror (place * side->cell + k, side->picture)), out->first[i], shares);
  round_shares (shares, count, out->shares + (size_t)i * (size_t)out->width);
}

static void
find_windows (const Side *side, WctMaskSide *out)
{
  out->width = 1;
  for (int32_t i = 0; i < side->features; i++)
    {
      if (side->hard)
        out->end[i] = (out->first[i] = nearest_index (side, place_of (side, i))) + 1;
      else
        find_window (side, place_of (side, i), &out->first[i], &out->end[i]);
      if (out->end[i] - out->first[i] > out->width)
        out->width = out->end[i] - out->first[i];
    }
}

static WctStatus
make_side (const Side *side, WctMaskSide *out, WctError *err)
{
  const size_t count = (size_t)side->features;
  double      *shares = NULL;
  WctStatus    status;

  out->count = side->features;
  out->head = side->halo;
  out->tail = side->halo + side->picture / side->cell;
  WCT_TRY (wct_alloc (count, sizeof *out->first, "regions", &out->first, err));
  WCT_TRY (wct_alloc (count, sizeof *out->end, "regions", &out->end, err));
  find_windows (side, out);
  WCT_TRY (wct_alloc (count, (size_t)out->width * sizeof *out->shares, "regions", &out->shares, err));
  WCT_TRY (wct_alloc ((size_t)out->width, sizeof *shares, "regions", &shares, err));
  for (int32_t i = 0; i < side->features; i++)
    if (side->hard)
      out->shares[i] = WCT_SIDE_WHOLE;
    else
      fill_window (side, i, shares, out);

out:
  wct_free (&shares);
  return status;
}

static void
clear_side (WctMaskSide *side)
{
  wct_free (&side->first);
  wct_free (&side->end);
  wct_free (&side->shares);
}

/* ---- Regions ---------------------------------------------------------------------------------------------------- */

WctStatus
wct_regions_new (const WctMask *masks, int count, int32_t width, int32_t height, WctShape features, int32_t halo,
                 WctRegions *out, WctError *err)
{
  const int32_t cell = wct_planar_shape (width, height).w / (features.w - 2 * halo);
  WctStatus     status;

  *out = (WctRegions){ .count = count, .halo = halo };
  WCT_TRY (wct_alloc ((size_t)count, sizeof *out->fields, "regions", &out->fields, err));
  for (int i = 0; i < count; i++)
    {
      const WctMask  *mask = &masks[i];
      WctRegionField *field = &out->fields[i];

      field->mask = mask;
      field->active = true;
      WCT_TRY (make_side (&(Side){ features.h, height, mask->height, cell, halo, mask->hard }, &field->rows, err));
      WCT_TRY (make_side (&(Side){ features.w, width, mask->width, cell, halo, mask->hard }, &field->columns, err));
    }

out:
  return status;
}

void
wct_regions_clear (WctRegions *regions)
{
  for (int i = 0; regions->fields != NULL && i < regions->count; i++)
    {
      clear_side (&regions->fields[i].rows);
      clear_side (&regions->fields[i].columns);
    }
  wct_free (&regions->fields);
}

void
wct_regions_leave_out (WctRegions *regions, int region)
{
  regions->fields[region].active = false;
}

/* ---- Looking up ------------------------------------------------------------------------------------------------- */

/* Columns of a row of features where a region may have weight: up to @head, from @from up to @to, and from @tail up to
 * @end. */
typedef struct
{
  int32_t head, from, to, tail, end;
} Reach;

/* The first of @count rising values that is above @limit. */
static int32_t
first_above (const int32_t *values, int32_t count, int32_t limit)
{
  int32_t low = 0;

  while (count > 0)
    {
      const int32_t half = count / 2;

      if (values[low + half] > limit)
        count = half;
      else
        {
          low += half + 1;
          count -= half + 1;
        }
    }
  return low;
}

static Reach
reach_of (const WctRegionField *field, int32_t y)
{
  const WctMaskSide *columns = &field->columns;
  int32_t            from = INT32_MAX, end = 0;

  for (int32_t row = field->rows.first[y]; row < field->rows.end[y]; row++)
    {
      const int32_t *span = field->mask->spans + 2 * (size_t)row;

      if (span[1] == 0)
        continue;
      from = span[0] < from ? span[0] : from;
      end = span[1] > end ? span[1] : end;
    }
  if (end == 0)
    return (Reach){ 0 };
  from = columns->head + first_above (columns->end + columns->head, columns->tail - columns->head, from);
  end = columns->head + first_above (columns->first + columns->head, columns->tail - columns->head, end - 1);
  return (Reach){ columns->head, from, from < end ? end : from, columns->tail, columns->count };
}

/* @x, or the next column behind it that is within. */
static int32_t
column_from (const Reach *reach, int32_t x)
{
  if (x >= reach->head && x < reach->from)
    x = reach->from;
  return x >= reach->to && x < reach->tail ? reach->tail : x;
}

static bool
is_within (const Reach *reach, int32_t x)
{
  return x < reach->end && column_from (reach, x) == x;
}

/* Without the halo of a picture that tiles. */
static Reach
inner_reach (const WctRegions *regions, const WctRegionField *field, int32_t y)
{
  Reach reach = { 0 };

  if (regions->halo == 0)
    return reach_of (field, y);
  if (y < regions->halo || y >= field->rows.count - regions->halo)
    return reach;
  reach = reach_of (field, y);
  reach.end = reach.tail;
  return reach;
}

/* The mean over a feature's window: whole numbers throughout, below 2^31. */
static float
weight_at (const WctRegionField *field, int32_t y, int32_t x)
{
  const WctMaskSide *rows = &field->rows, *columns = &field->columns;
  const uint16_t    *row_shares = rows->shares + (size_t)y * (size_t)rows->width;
  const uint16_t    *column_shares = columns->shares + (size_t)x * (size_t)columns->width;
  const int32_t      first = columns->first[x], count = columns->end[x] - first;
  uint32_t           sum = 0;

  for (int32_t row = rows->first[y]; row < rows->end[y]; row++)
    {
      const uint8_t *pixels = field->mask->pixels + (size_t)row * (size_t)field->mask->width + first;
      uint32_t       row_sum = 0;

      for (int32_t k = 0; k < count; k++)
        row_sum += (uint32_t)column_shares[k] * pixels[k];
      sum += row_shares[row - rows->first[y]] * row_sum;
    }
  return (float)sum / (float)((uint32_t)MASK_WHOLE * WCT_SIDE_WHOLE * WCT_SIDE_WHOLE);
}

/* Of one row, from column @x on. Returns how many there are; @before is added to their numbers. */
static int32_t
pick_row (const WctRegionField *field, const Reach *reach, int32_t x, int32_t y, int32_t before, int32_t *positions,
          float *weights)
{
  int32_t count = 0;

  for (x = column_from (reach, x); x < reach->end; x = column_from (reach, x + 1))
    {
      const float weight = weight_at (field, y, x);

      if (weight > 0)
        {
          positions[count] = before + x;
          weights[count++] = weight;
        }
    }
  return count;
}

/* Leaves of the row's positions what a later region does not cover. Returns how many are left. */
static int32_t
take_covered_away (const WctRegionField *later, int32_t y, int32_t before, int32_t count, int32_t *positions,
                   float *weights)
{
  const Reach reach = reach_of (later, y);
  int32_t     left = 0;

  if (count == 0 || reach.end == 0 || (reach.head == 0 && positions[count - 1] - before < reach.from))
    return count;
  for (int32_t i = 0; i < count; i++)
    {
      const int32_t x = positions[i] - before;
      const float   weight = is_within (&reach, x) ? weights[i] * (1 - weight_at (later, y, x)) : weights[i];

      positions[left] = positions[i];
      weights[left] = weight;
      left += weight > 0;
    }
  return left;
}

static int32_t
pick_positions (const void *data, int region, WctWeightsUse use, int32_t first, int32_t rows, int32_t *positions,
                float *weights)
{
  const WctRegions     *regions = data;
  const WctRegionField *field = &regions->fields[region];
  const bool            mapped = use == WCT_WEIGHTS_MAPPED;
  int32_t               count = 0;

  for (int32_t y = first; y < first + rows; y++)
    {
      const Reach   reach = mapped ? reach_of (field, y) : inner_reach (regions, field, y);
      const int32_t before = (y - first) * field->columns.count;
      int32_t       some =
        pick_row (field, &reach, mapped ? 0 : regions->halo, y, before, positions + count, weights + count);

      for (int later = region + 1; mapped && later < regions->count; later++)
        if (regions->fields[later].active)
          some = take_covered_away (&regions->fields[later], y, before, some, positions + count, weights + count);
      count += some;
    }
  return count;
}

WctRegionWeights
wct_regions_weights (const WctRegions *regions)
{
  return (WctRegionWeights){ regions->count, regions, pick_positions };
}

double
wct_regions_weigh (const WctRegions *regions, int region, double enough)
{
  const WctRegionField *field = &regions->fields[region];
  double                sum = 0;

  for (int32_t y = 0; y < field->rows.count && sum < enough; y++)
    {
      const Reach reach = inner_reach (regions, field, y);

      for (int32_t x = column_from (&reach, regions->halo); x < reach.end; x = column_from (&reach, x + 1))
        sum += weight_at (field, y, x);
    }
  return sum;
}
