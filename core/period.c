/* Periods: halos, and who counts. */
#include "period.h"

#include "mem.h"

int32_t
wct_wrap (int32_t i, int32_t count)
{
  i %= count;
  return i < 0 ? i + count : i;
}

/* ---- How far a pixel sees ------------------------------------------------------------------------------------- */

/* Positions from the first to the last. */
typedef struct
{
  int32_t first, last;
} Span;

static int32_t
floor_half (int32_t i)
{
  return i < 0 ? -((1 - i) / 2) : i / 2;
}

/* What a layer needs of its input for @out of its output. */
static Span
needed_by_layer (const WctLayer *layer, Span out)
{
  const int32_t reach = wct_layer_side (layer) / 2;

  switch (layer->kind)
    {
    case WCT_LAYER_POOL:
      return (Span){ 2 * out.first, 2 * out.last + 1 };
    case WCT_LAYER_UPSAMPLE:
      return (Span){ floor_half (out.first), floor_half (out.last) };
    case WCT_LAYER_CONV:
    case WCT_LAYER_EMBED:
      break;
    }
  return (Span){ out.first - reach, out.last + reach };
}

static Span
needed_by (const WctNetwork *network, Span out)
{
  for (int i = network->count - 1; i >= 0; i--)
    out = needed_by_layer (&network->layers[i], out);
  return out;
}

/* Pixels to a feature's side. */
static int32_t
cell_of (const WctNetwork *encoder)
{
  int32_t cell = 1;

  for (int i = 0; i < encoder->count; i++)
    cell *= encoder->layers[i].kind == WCT_LAYER_POOL ? 2 : 1;
  return cell;
}

int32_t
wct_period_halo (const WctNetwork *encoder, const WctNetwork *decoder)
{
  const int32_t cell = cell_of (encoder);
  int32_t       reach = 0;

  for (int32_t x = 0; x < cell; x++)
    {
      const Span span = needed_by (encoder, needed_by (decoder, (Span){ x, x }));

      reach = x - span.first > reach ? x - span.first : reach;
      reach = span.last - x > reach ? span.last - x : reach;
    }
  return (reach + cell - 1) / cell * cell;
}

/* ---- In a store ----------------------------------------------------------------------------------------------- */

WctShape
wct_period_extended (WctShape shape, int32_t halo)
{
  return (WctShape){ shape.c, shape.h + 2 * halo, shape.w + 2 * halo };
}

static size_t
extended_row_bytes (const WctPeriod *period)
{
  return wct_picture_row_bytes (wct_period_extended (period->shape, period->halo));
}

/* Where pixel (@x, @y) of channel @c is in the store; a halo has positions below 0. */
static size_t
place_of (const WctPeriod *period, int32_t c, int32_t y, int32_t x)
{
  const size_t w = (size_t)(period->shape.w + 2 * period->halo);

  return (size_t)(period->halo + y) * extended_row_bytes (period)
         + ((size_t)c * w + (size_t)(period->halo + x)) * sizeof (float);
}

WctStatus
wct_period_read_row (const WctPeriod *period, int32_t y, float *planes, WctError *err)
{
  const size_t w = (size_t)period->shape.w;
  WctStatus    status = WCT_OK;

  for (int32_t c = 0; c < period->shape.c && status == WCT_OK; c++)
    status =
      wct_store_read (period->store, place_of (period, c, y, 0), w * sizeof *planes, planes + (size_t)c * w, err);
  return status;
}

/* One channel: a halo that is wider than the period takes it several times. */
static WctStatus
write_plane (const WctPeriod *period, int32_t c, int32_t y, const float *plane, WctError *err)
{
  const int32_t w = period->shape.w, end = w + period->halo;
  WctStatus     status = WCT_OK;

  for (int32_t x = -period->halo, count; x < end && status == WCT_OK; x += count)
    {
      const int32_t from = wct_wrap (x, w);

      count = w - from < end - x ? w - from : end - x;
      status =
        wct_store_write (period->store, place_of (period, c, y, x), (size_t)count * sizeof *plane, plane + from, err);
    }
  return status;
}

WctStatus
wct_period_write_row (const WctPeriod *period, int32_t y, const float *planes, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int32_t c = 0; c < period->shape.c && status == WCT_OK; c++)
    status = write_plane (period, c, y, planes + (size_t)c * (size_t)period->shape.w, err);
  return status;
}

WctStatus
wct_period_extend (const WctPeriod *period, WctError *err)
{
  const size_t  bytes = extended_row_bytes (period);
  const int32_t h = period->shape.h, x = -period->halo;
  float        *row = NULL;
  WctStatus     status;

  WCT_TRY (wct_alloc (bytes, 1, "row", &row, err));
  for (int32_t y = -period->halo; y < h + period->halo; y++)
    if (y < 0 || y >= h)
      {
        WCT_TRY (wct_store_read (period->store, place_of (period, 0, wct_wrap (y, h), x), bytes, row, err));
        WCT_TRY (wct_store_write (period->store, place_of (period, 0, y, x), bytes, row, err));
      }

out:
  wct_free (&row);
  return status;
}

/* A narrower halo brings every row to the front, a wider one to the back: in this order nothing is written over that is
 * still to be read. */
WctStatus
wct_period_move (const WctPeriod *from, const WctPeriod *to, WctError *err)
{
  const int32_t h = from->shape.h;
  const bool    forward = to->halo <= from->halo;
  float        *planes = NULL;
  WctStatus     status;

  WCT_TRY (wct_alloc (wct_picture_row_bytes (from->shape), 1, "row", &planes, err));
  for (int32_t i = 0; i < h; i++)
    {
      const int32_t y = forward ? i : h - 1 - i;

      WCT_TRY (wct_period_read_row (from, y, planes, err));
      WCT_TRY (wct_period_write_row (to, y, planes, err));
    }
  WCT_TRY (wct_period_extend (to, err));

out:
  wct_free (&planes);
  return status;
}

/* ---- What is measured ------------------------------------------------------------------------------------------ */

static int32_t
pick_inside (const void *data, int region, WctWeightsUse use, int32_t first, int32_t rows, int32_t *positions,
             float *weights)
{
  const WctPeriodInside *inside = data;
  const int32_t          halo = inside->halo;
  int32_t                count = 0;

  (void)region;
  (void)use;
  for (int32_t y = first < halo ? halo : first; y < first + rows && y < halo + inside->height; y++)
    for (int32_t x = 0; x < inside->width; x++)
      {
        positions[count] = (y - first) * (inside->width + 2 * halo) + halo + x;
        weights[count++] = 1;
      }
  return count;
}

WctRegionWeights
wct_period_weights (const WctPeriodInside *inside)
{
  return (WctRegionWeights){ 1, inside, pick_inside };
}
