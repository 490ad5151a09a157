/* Convolutions from or to the few channels of a picture, for training. Filled up to whole vectors these layers would do
 * five times the work and move four times the memory, at the highest resolution there is.
 *
 * Pictures are (count, rows, columns, THIN). The other side's maps are blocked as usual. Sums of one pixel or of one
 * weight stay in registers: a thin side of up to three channels makes 27 of them with the kernel's nine places. */
#include "training-thin.h"

#include <string.h>

#include "training-fold.h"

#define THIN WCT_THIN_BLOCK

/* ---- Rows with their border --------------------------------------------------------------------------------- */

/* Three padded rows of all blocks, the one in the middle being @y. Each row is copied once. */
typedef struct
{
  const float *map; /* of one picture: (blocks, h, w, block) */
  int32_t      blocks, block;
  int32_t      h, w;
  int32_t      border;  /* 0: none (1×1), 1: reflected, 2: zeros */
  float       *rows[3]; /* by (y + 3) % 3: (blocks, w + 2 border, block) */
} Rows;

static size_t
row_floats (const Rows *rows)
{
  return (size_t)rows->blocks * (size_t)(rows->w + 2 * rows->border) * (size_t)rows->block;
}

static void
fill_row (const Rows *rows, int32_t y, float *out)
{
  const size_t pixel = (size_t)rows->block, inside = (size_t)rows->w * pixel;
  const size_t edge = (size_t)rows->border * pixel;
  const bool   outside = rows->border == 2 && (y < 0 || y >= rows->h);
  const float *in = rows->map + (size_t)(outside ? 0 : reflect (y, rows->h)) * inside;

  for (int32_t b = 0; b < rows->blocks; b++, in += (size_t)rows->h * inside, out += inside + 2 * edge)
    {
      if (outside || rows->border == 2)
        memset (out, 0, (inside + 2 * edge) * sizeof (float));
      if (outside)
        continue;
      memcpy (out + edge, in, inside * sizeof (float));
      if (rows->border != 1)
        continue;
      memcpy (out, in + (size_t)reflect (-1, rows->w) * pixel, pixel * sizeof (float));
      memcpy (out + edge + inside, in + (size_t)reflect (rows->w, rows->w) * pixel, pixel * sizeof (float));
    }
}

static float *
row_at (const Rows *rows, int32_t y)
{
  return rows->rows[(y + 3) % 3];
}

/* Rows @y - 1 and @y; the one after is filled when it is come to. */
static void
begin_rows (const Rows *rows, int32_t y)
{
  fill_row (rows, y - 1, row_at (rows, y - 1));
  fill_row (rows, y, row_at (rows, y));
}

static float *
place_rows (Rows *rows, float *scratch)
{
  for (int i = 0; i < 3; i++, scratch += (row_floats (rows) + 15) / 16 * 16)
    rows->rows[i] = scratch;
  return scratch;
}

/* ---- From a picture ----------------------------------------------------------------------------------------- */

#define PIXELS 8 /* whose sums are in registers together */

/* @pixels results of one block: Σ over places and channels of the picture. @weight: (side², channels, out_lanes) */
INLINE void
sum_pixels (float *const *rows, int32_t x, int side, int channels, const float *weight, size_t out_lanes, int pixels,
            Vector sums[PIXELS])
{
  for (int ky = 0; ky < side; ky++)
    for (int kx = 0; kx < side; kx++)
      for (int c = 0; c < channels; c++, weight += out_lanes)
        {
          const Vector w = load (weight);
          const float *in = rows[ky] + (size_t)(x + kx) * THIN + c;

          UNROLL
          for (int i = 0; i < pixels; i++)
            sums[i] += in[i * THIN] * w;
        }
}

/* One row of one block of results. */
INLINE void
write_row_from_picture (float *const *rows, int32_t columns, int side, int channels, const float *weight,
                        size_t out_lanes, Vector bias, bool relu, float *out)
{
  int32_t x = 0;

  for (; x + PIXELS <= columns; x += PIXELS)
    {
      Vector sums[PIXELS];

      UNROLL
      for (int i = 0; i < PIXELS; i++)
        sums[i] = bias;
      sum_pixels (rows, x, side, channels, weight, out_lanes, PIXELS, sums);
      UNROLL
      for (int i = 0; i < PIXELS; i++)
        store (out + (size_t)(x + i) * WCT_BLOCK, relu ? positive (sums[i]) : sums[i]);
    }
  for (; x < columns; x++)
    {
      Vector sum[PIXELS] = { bias };

      sum_pixels (rows, x, side, channels, weight, out_lanes, 1, sum);
      store (out + (size_t)x * WCT_BLOCK, relu ? positive (sum[0]) : sum[0]);
    }
}

static void
write_row (float *const *rows, int32_t columns, int32_t side, int32_t channels, const float *weight, size_t out_lanes,
           Vector bias, bool relu, float *out)
{
  if (side == 3 && channels == 3)
    write_row_from_picture (rows, columns, 3, 3, weight, out_lanes, bias, relu, out);
  else
    write_row_from_picture (rows, columns, side, channels, weight, out_lanes, bias, relu, out);
}

static int32_t
border_of (const WctThinConv *conv)
{
  return conv->side == 3 ? 1 : 0;
}

void
WCT_ISA_NAME (wct_thin_from_picture) (const WctThinConv *conv, const float *in, const float *weight, const float *bias,
                                      float *out, float *scratch)
{
  const int32_t blocks = conv->lanes / WCT_BLOCK;
  const size_t  out_row = (size_t)conv->w * WCT_BLOCK, plane = (size_t)conv->h * out_row;
  Rows          rows = { NULL, 1, THIN, conv->h, conv->w, border_of (conv), { NULL } };

  place_rows (&rows, scratch);
  for (int32_t map = 0; map < conv->count; map++, out += (size_t)blocks * plane)
    {
      rows.map = in + (size_t)map * (size_t)conv->h * (size_t)conv->w * THIN;
      begin_rows (&rows, 0);
      for (int32_t y = 0; y < conv->h; y++)
        {
          float *three[3] = { row_at (&rows, conv->side == 3 ? y - 1 : y), row_at (&rows, y), row_at (&rows, y + 1) };

          fill_row (&rows, y + 1, row_at (&rows, y + 1));
          for (int32_t b = 0; b < blocks; b++)
            write_row (three, conv->w, conv->side, conv->channels, weight + b * WCT_BLOCK, (size_t)conv->lanes,
                       load (bias + b * WCT_BLOCK), conv->relu, out + (size_t)b * plane + (size_t)y * out_row);
        }
    }
}

#define FOLDED_ROWS 4 /* together: border rows are added to rows that are there */

/* The same kernel turned, on the gradient of a picture that the convolution made: to the padded gradient of its input,
 * row by row, folded at once. */
void
WCT_ISA_NAME (wct_thin_back_from_picture) (const WctThinConv *conv, const float *out_gradient, const float *weight,
                                           const float *in, float *in_gradient, float *scratch)
{
  const int32_t blocks = conv->lanes / WCT_BLOCK, padding = border_of (conv);
  const int32_t columns = conv->w + 2 * padding;
  WctTrainConv  folded = { .count = conv->count, .in_lanes = conv->lanes, .h = conv->h, .w = conv->w };
  Rows          rows = { NULL, 1, THIN, conv->h, conv->w, 2 * padding, { NULL } };
  float        *lines = place_rows (&rows, scratch);
  const size_t  line = (size_t)columns * WCT_BLOCK;

  for (int32_t map = 0; map < conv->count; map++)
    {
      rows.map = out_gradient + (size_t)map * (size_t)conv->h * (size_t)conv->w * THIN;
      begin_rows (&rows, -padding);
      for (int32_t y = -padding; y < conv->h + padding; y++)
        {
          const int32_t slot = (y + padding) % FOLDED_ROWS;
          float *three[3] = { row_at (&rows, conv->side == 3 ? y - 1 : y), row_at (&rows, y), row_at (&rows, y + 1) };

          fill_row (&rows, y + 1, row_at (&rows, y + 1));
          for (int32_t b = 0; b < blocks; b++)
            write_row (three, columns, conv->side, conv->channels, weight + b * WCT_BLOCK, (size_t)conv->lanes,
                       (Vector){ 0 }, false, lines + ((size_t)b * FOLDED_ROWS + (size_t)slot) * line);
          if (padding == 0)
            for (int32_t b = 0; b < blocks; b++)
              put_line_either (
                lines + ((size_t)b * FOLDED_ROWS + (size_t)slot) * line, conv->w, false, false,
                in == NULL
                  ? NULL
                  : in + ((size_t)(map * blocks + b) * (size_t)conv->h + (size_t)y) * (size_t)conv->w * WCT_BLOCK,
                in_gradient + ((size_t)(map * blocks + b) * (size_t)conv->h + (size_t)y) * (size_t)conv->w * WCT_BLOCK);
          else if (slot == FOLDED_ROWS - 1 || y == conv->h)
            for (int32_t b = 0; b < blocks; b++)
              fold_rows (&folded, lines + (size_t)b * FOLDED_ROWS * line, line, y + padding - slot, slot + 1,
                         map * blocks + b, in, in_gradient);
        }
    }
}

/* ---- To a picture ------------------------------------------------------------------------------------------- */

#define STRIP_ROWS 8 /* of a picture, made together */

/* Padded rows @first … @first + @count - 1 of the input, border included: (blocks, count, w + 2 border, block). */
static void
gather_strip (const Rows *rows, int32_t first, int32_t count, float *strip)
{
  const size_t line = (size_t)(rows->w + 2 * rows->border) * (size_t)rows->block;
  Rows         one = *rows;

  one.blocks = 1;
  for (int32_t b = 0; b < rows->blocks; b++)
    for (int32_t i = 0; i < count; i++, strip += line)
      {
        one.map = rows->map + (size_t)b * (size_t)rows->h * (size_t)rows->w * (size_t)rows->block;
        fill_row (&one, first + i, strip);
      }
}

/* A strip of results, planar: (channels, rows, columns). */
static void
make_strip (const WctThinConv *conv, const Rows *rows, int32_t first, int32_t count, int32_t columns,
            const float *weight, const float *bias, bool relu, float *strip, float *planar)
{
  float *const out[THIN] = { planar, planar + (size_t)count * (size_t)columns,
                             planar + 2 * (size_t)count * (size_t)columns,
                             planar + 3 * (size_t)count * (size_t)columns };

  if (conv->side == 3)
    {
      gather_strip (rows, first - 1, count + 2, strip);
      conv->picture_conv (strip, rows->blocks, count, columns, weight, bias, conv->channels, relu, out, columns);
      return;
    }
  /* An embedding: the middle of a kernel that is 0 around it. */
  Rows padded = *rows;

  padded.border = 1;
  gather_strip (&padded, first - 1, count + 2, strip);
  conv->picture_conv (strip, rows->blocks, count, columns, weight, bias, conv->channels, relu, out, columns);
}

void
WCT_ISA_NAME (wct_thin_to_picture) (const WctThinConv *conv, const float *in, const float *weight, const float *bias,
                                    float *out, float *scratch)
{
  const int32_t blocks = conv->lanes / WCT_BLOCK;
  Rows          rows = { NULL, blocks, WCT_BLOCK, conv->h, conv->w, 1, { NULL } };
  float        *planar = scratch + (STRIP_ROWS + 2) * row_floats (&rows);

  for (int32_t map = 0; map < conv->count; map++)
    {
      rows.map = in + (size_t)map * (size_t)conv->lanes * (size_t)conv->h * (size_t)conv->w;
      for (int32_t first = 0; first < conv->h; first += STRIP_ROWS)
        {
          const int32_t count = conv->h - first < STRIP_ROWS ? conv->h - first : STRIP_ROWS;
          const size_t  positions = (size_t)count * (size_t)conv->w;
          float        *to = out + ((size_t)map * (size_t)conv->h + (size_t)first) * (size_t)conv->w * THIN;

          make_strip (conv, &rows, first, count, conv->w, weight, bias, conv->relu, scratch, planar);
          for (size_t i = 0; i < positions; i++)
            for (size_t c = 0; c < (size_t)conv->channels; c++)
              to[i * THIN + c] = planar[c * positions + i];
        }
    }
}

/* Adds one row of a padded gradient, planar and @positions apart, to the picture's row that it belongs to. */
static void
fold_thin_row (const WctThinConv *conv, int32_t padding, const float *planar, size_t positions, const float *in,
               float *to)
{
  for (int32_t x = -padding; x < conv->w + padding; x++, planar++)
    {
      const size_t at = (size_t)reflect (x, conv->w) * THIN;

      for (size_t c = 0; c < (size_t)conv->channels; c++)
        if (in == NULL || in[at + c] > 0)
          to[at + c] += planar[c * positions];
    }
}

void
WCT_ISA_NAME (wct_thin_back_to_picture) (const WctThinConv *conv, const float *out_gradient, const float *weight,
                                         const float *in, float *in_gradient, float *scratch)
{
  static const float no_bias[THIN] = { 0 };
  const int32_t      blocks = conv->lanes / WCT_BLOCK, padding = border_of (conv), columns = conv->w + 2 * padding;
  const size_t       plane = (size_t)conv->h * (size_t)conv->w * THIN;
  Rows               rows = { NULL, blocks, WCT_BLOCK, conv->h, conv->w, conv->side == 3 ? 2 : 0, { NULL } };
  float             *planar = scratch + (STRIP_ROWS + 2) * (size_t)blocks * (size_t)(conv->w + 4) * WCT_BLOCK;

  memset (in_gradient, 0, (size_t)conv->count * plane * sizeof (float));
  for (int32_t map = 0; map < conv->count; map++)
    {
      rows.map = out_gradient + (size_t)map * (size_t)conv->lanes * (size_t)conv->h * (size_t)conv->w;
      for (int32_t first = -padding; first < conv->h + padding; first += STRIP_ROWS)
        {
          const int32_t left = conv->h + padding - first, count = left < STRIP_ROWS ? left : STRIP_ROWS;
          const size_t  positions = (size_t)count * (size_t)columns;

          make_strip (conv, &rows, first, count, columns, weight, no_bias, false, scratch, planar);
          for (int32_t i = 0; i < count; i++)
            {
              const size_t at = (size_t)map * plane + (size_t)reflect (first + i, conv->h) * (size_t)conv->w * THIN;

              fold_thin_row (conv, padding, planar + (size_t)i * (size_t)columns, positions,
                             in == NULL ? NULL : in + at, in_gradient + at);
            }
        }
    }
}

/* ---- Weights ------------------------------------------------------------------------------------------------ */

/* One row: sums[place][channel] += blocked values times the picture's. Where the picture is the input its values move
 * with the place, else the blocked ones do. @rows: of whichever is the input */
INLINE void
add_row (float *const *rows, const float *other, int32_t columns, int side, int channels, bool from_picture,
         Vector sums[9][THIN])
{
  for (int32_t x = 0; x < columns; x++)
    {
      UNROLL
      for (int place = 0; place < side * side; place++)
        {
          const float *in = rows[place / side] + (size_t)(x + place % side) * (from_picture ? THIN : WCT_BLOCK);

          UNROLL
          for (int c = 0; c < channels; c++)
            sums[place][c] += from_picture ? in[c] * load (other + (size_t)x * WCT_BLOCK)
                                           : other[(size_t)x * THIN + (size_t)c] * load (in);
        }
    }
}

static void
add_row_of_block (const WctThinConv *conv, float *const *rows, const float *other, bool from_picture,
                  Vector sums[9][THIN])
{
  if (conv->side == 3 && conv->channels == 3)
    {
      Vector local[9][THIN] = { { { 0 } } };

      if (from_picture)
        add_row (rows, other, conv->w, 3, 3, true, local);
      else
        add_row (rows, other, conv->w, 3, 3, false, local);
      for (int place = 0; place < 9; place++)
        for (int c = 0; c < 3; c++)
          sums[place][c] += local[place][c];
    }
  else
    add_row (rows, other, conv->w, conv->side, conv->channels, from_picture, sums);
}

/* The sums of one block to the gradient, (out_c, in_c, side, side). */
static void
add_sums (const WctThinConv *conv, bool from_picture, int32_t block_index, Vector sums[9][THIN], float *gradient)
{
  const int32_t places = conv->side * conv->side, first = block_index * WCT_BLOCK;

  for (int32_t lane = 0; lane < WCT_BLOCK && first + lane < conv->other_channels; lane++)
    for (int32_t c = 0; c < conv->channels; c++)
      for (int32_t place = 0; place < places; place++)
        {
          const int32_t out = from_picture ? first + lane : c, in = from_picture ? c : first + lane;
          const int32_t in_c = from_picture ? conv->channels : conv->other_channels;

          gradient[((size_t)out * (size_t)in_c + (size_t)in) * (size_t)places + (size_t)place] += sums[place][c][lane];
        }
}

void
WCT_ISA_NAME (wct_thin_weights_gradient) (const WctThinConv *conv, bool from_picture, const float *in,
                                          const float *out_gradient, float *gradient, float *scratch)
{
  const int32_t blocks = conv->lanes / WCT_BLOCK, in_block = from_picture ? THIN : WCT_BLOCK;
  const int32_t in_blocks = from_picture ? 1 : blocks, out_block = from_picture ? WCT_BLOCK : THIN;
  const size_t  plane = (size_t)conv->h * (size_t)conv->w;
  Rows          rows = { NULL, in_blocks, in_block, conv->h, conv->w, border_of (conv), { NULL } };

  place_rows (&rows, scratch);
  for (int32_t b = 0; b < blocks; b++)
    {
      Vector sums[9][THIN] = { { { 0 } } };
      Rows   one = rows;

      one.blocks = 1;
      for (int32_t map = 0; map < conv->count; map++)
        {
          one.map = in + ((size_t)map * (size_t)in_blocks + (size_t)(from_picture ? 0 : b)) * plane * (size_t)in_block;
          begin_rows (&one, 0);
          for (int32_t y = 0; y < conv->h; y++)
            {
              float *three[3] = { row_at (&one, conv->side == 3 ? y - 1 : y), row_at (&one, y), row_at (&one, y + 1) };
              const size_t other_map = from_picture ? (size_t)map * (size_t)blocks + (size_t)b : (size_t)map;

              fill_row (&one, y + 1, row_at (&one, y + 1));
              add_row_of_block (conv, three,
                                out_gradient + (other_map * plane + (size_t)y * (size_t)conv->w) * (size_t)out_block,
                                from_picture, sums);
            }
        }
      add_sums (conv, from_picture, b, sums, gradient);
    }
}

size_t
WCT_ISA_NAME (wct_thin_scratch_floats) (const WctThinConv *conv)
{
  const size_t wide = (size_t)conv->lanes * (size_t)(conv->w + 4), thin = (size_t)(conv->w + 4) * THIN;

  /* Padded rows, rows to fold, a strip and what is made of it: never all of them. */
  return 3 * (wide + 16) + (STRIP_ROWS + 2) * wide + STRIP_ROWS * thin + 3 * (thin + 16);
}
