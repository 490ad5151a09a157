/* Area averaging. Shares are whole numbers: in units of 1 / (from · to) of a side a pixel of the large picture is `to`
 * long and one of the small picture `from`. */
#include "reduce.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "mem.h"

#define COLORS 3

static int32_t
scaled (int32_t side, int32_t longer, int32_t longest)
{
  const int32_t rounded = (int32_t)lround ((double)side * longer / longest);

  return rounded < 1 ? 1 : rounded;
}

void
wct_reduced_size (int32_t longer, int32_t width, int32_t height, int32_t *out_width, int32_t *out_height)
{
  const int32_t longest = width > height ? width : height;
  const bool    smaller = longer > 0 && longer < longest;

  *out_width = smaller ? scaled (width, longer, longest) : width;
  *out_height = smaller ? scaled (height, longer, longest) : height;
}

WctStatus
wct_reduction_init (WctReduction *reduction, int32_t from_width, int32_t from_height, int32_t to_width,
                    int32_t to_height, WctReadRow *read, void *user, WctError *err)
{
  WctStatus status;

  *reduction = (WctReduction){ .from_width = from_width,
                               .from_height = from_height,
                               .to_width = to_width,
                               .to_height = to_height,
                               .read = read,
                               .user = user,
                               .narrow_row = -1 };
  WCT_TRY (wct_alloc ((size_t)from_width * COLORS, sizeof (float), "row", &reduction->row, err));
  WCT_TRY (wct_alloc ((size_t)to_width * COLORS, sizeof (double), "row", &reduction->narrow, err));
  WCT_TRY (wct_alloc ((size_t)to_width * COLORS, sizeof (double), "row", &reduction->sums, err));

out:
  if (status != WCT_OK)
    wct_reduction_clear (reduction);
  return status;
}

void
wct_reduction_clear (WctReduction *reduction)
{
  wct_free (&reduction->row);
  wct_free (&reduction->narrow);
  wct_free (&reduction->sums);
}

static int64_t
smaller_of (int64_t a, int64_t b)
{
  return a < b ? a : b;
}

/* @row is (from, 3), @narrow (to, 3) */
static void
make_narrow (const float *row, int32_t from, int32_t to, double *narrow)
{
  int64_t at = 0; /* along the row */

  for (int32_t t = 0; t < to; t++, narrow += COLORS)
    {
      const int64_t end = (int64_t)(t + 1) * from;
      double        sum[COLORS] = { 0 };

      for (int64_t next; at < end; at = next)
        {
          const int64_t pixel = at / to;

          next = smaller_of (end, (pixel + 1) * to);
          for (int c = 0; c < COLORS; c++)
            sum[c] += (double)(next - at) * row[pixel * COLORS + c];
        }
      for (int c = 0; c < COLORS; c++)
        narrow[c] = sum[c] / from;
    }
}

static WctStatus
take_row (WctReduction *reduction, int32_t y, WctError *err)
{
  WctStatus status = WCT_OK;

  if (reduction->narrow_row == y)
    return WCT_OK;
  reduction->narrow_row = -1;
  WCT_TRY (reduction->read (reduction->user, y, reduction->row, err));
  make_narrow (reduction->row, reduction->from_width, reduction->to_width, reduction->narrow);
  reduction->narrow_row = y;

out:
  return status;
}

WctStatus
wct_reduction_row (WctReduction *reduction, int32_t y, float *out, WctError *err)
{
  const int64_t from = reduction->from_height, to = reduction->to_height, end = (y + 1) * from;
  const size_t  count = (size_t)reduction->to_width * COLORS;
  WctStatus     status = WCT_OK;

  memset (reduction->sums, 0, count * sizeof *reduction->sums);
  for (int64_t at = y * from, next; at < end; at = next)
    {
      const int64_t row = at / to;

      next = smaller_of (end, (row + 1) * to);
      WCT_TRY (take_row (reduction, (int32_t)row, err));
      for (size_t i = 0; i < count; i++)
        reduction->sums[i] += (double)(next - at) * reduction->narrow[i];
    }
  for (size_t i = 0; i < count; i++)
    out[i] = (float)(reduction->sums[i] / (double)from);

out:
  return status;
}
