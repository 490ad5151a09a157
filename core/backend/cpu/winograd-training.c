/* Winograd's F(4×4, 3×3) for training: forward, and both ways back.
 *
 * Tiles of all maps of a batch are numbered through and taken in groups, so that small maps fill the vectors too. Tiles
 * read the stored map itself, by tables of rows and columns: reflection at the border, zeros beyond it and up-sampling
 * are no copies.
 *
 *   forward            Y  = A' [U ⊙ (B' x B)] A          U = G g G'
 *   backward, data     dx = the same with the kernels turned and (in, out) swapped, dy seen with two rows of zeros
 *                      around it; then the reflected border is folded back in
 *   backward, weights  dg = G' [Σ_tiles (B' x B) (A dy A')'] G
 *
 * The last follows from the first: at each of the 36 points the forward pass is a matrix product. */
#include "winograd-training.h"

#include "training-fold.h"
#include "winograd-lines.h"

/* ---- Tiles -------------------------------------------------------------------------------------------------- */

typedef enum
{
  BORDER_REFLECT, /* of 1; beyond it whatever: results there are not used */
  BORDER_ZERO     /* of 2 */
} Border;

typedef struct
{
  const float *map;
  int32_t      lanes;
  int32_t      h, w; /* as seen: after up-sampling */
  bool         upsample;
  Border       border;
} Source;

/* How the result is cut: rows of tiles of all maps, one after the other. */
typedef struct
{
  int32_t rows, columns; /* of tiles, in one map */
  int32_t count;         /* of all maps */
} Grid;

typedef struct
{
  int32_t map, y, x; /* the map, and the tile's first row and column in the result */
} Place;

static Grid
grid_of (int32_t maps, int32_t h, int32_t w)
{
  const int32_t rows = (h + TILE - 1) / TILE, columns = (w + TILE - 1) / TILE;

  return (Grid){ rows, columns, maps * rows * columns };
}

static inline Place
place_of (const Grid *grid, int32_t tile)
{
  const int32_t row = tile / grid->columns;

  return (Place){ row / grid->rows, row % grid->rows * TILE, tile % grid->columns * TILE };
}

/* Where the six rows or columns of a tile lie in the stored map, in steps of it; -1: zero. */
INLINE void
index_line (int32_t first, int32_t side, Border border, bool upsample, int32_t step, int32_t index[SIDE])
{
  for (int i = 0; i < SIDE; i++)
    {
      int32_t at = first + i;

      if (border == BORDER_ZERO && (at < 0 || at >= side))
        {
          index[i] = -1;
          continue;
        }
      at = at < 0 ? -at : at;
      at = at >= side ? 2 * side - 2 - at : at;
      at = at < 0 ? 0 : at; /* beyond the border, or a side of 1 */
      index[i] = (upsample ? at / 2 : at) * step;
    }
}

/* B' d B of one tile of one block, read by tables. @zeros: may there be zeros among them? */
INLINE void
transform_patch (const float *in, const int32_t rows[SIDE], const int32_t columns[SIDE], bool zeros, float *points,
                 size_t point_floats)
{
  Vector lines[SIDE][SIDE]; /* [column][row point] */

  UNROLL
  for (int column = 0; column < SIDE; column++)
    {
      Vector d[SIDE];

      UNROLL
      for (int row = 0; row < SIDE; row++)
        d[row] =
          zeros && (rows[row] < 0 || columns[column] < 0) ? (Vector){ 0 } : load (in + rows[row] + columns[column]);
      transform_input_line (d, lines[column]);
    }
  transform_input_rows (lines, points, point_floats);
}

/* V of one tile, all blocks. @points: of the tile at the first point; points are @point_floats apart */
static inline void
transform_tile (const Source *source, Place place, float *points, size_t point_floats)
{
  const int32_t shift = source->border == BORDER_ZERO ? 2 : 1;
  const int32_t h = source->upsample ? source->h / 2 : source->h, w = source->upsample ? source->w / 2 : source->w;
  const int32_t y = place.y - shift, x = place.x - shift, blocks = source->lanes / WCT_BLOCK;
  const size_t  plane = (size_t)h * (size_t)w * WCT_BLOCK;
  const float  *in = source->map + (size_t)place.map * (size_t)blocks * plane;
  int32_t       rows[SIDE], columns[SIDE];

  if (!source->upsample && y >= 0 && x >= 0 && y + SIDE <= h && x + SIDE <= w)
    {
      in += ((size_t)y * (size_t)w + (size_t)x) * WCT_BLOCK;
      for (int32_t b = 0; b < blocks; b++)
        transform_input_tile (in + (size_t)b * plane, SIDE, SIDE, (size_t)w * WCT_BLOCK, points + b * WCT_BLOCK,
                              point_floats, false);
      return;
    }
  index_line (y, source->h, source->border, source->upsample, w * WCT_BLOCK, rows);
  index_line (x, source->w, source->border, source->upsample, WCT_BLOCK, columns);
  for (int32_t b = 0; b < blocks; b++)
    if (source->border == BORDER_ZERO)
      transform_patch (in + (size_t)b * plane, rows, columns, true, points + b * WCT_BLOCK, point_floats);
    else
      transform_patch (in + (size_t)b * plane, rows, columns, false, points + b * WCT_BLOCK, point_floats);
}

static void
transform_tiles (const Source *source, const Grid *grid, int32_t first, int32_t count, int32_t tiles, float *points)
{
  for (int32_t i = 0; i < count; i++)
    transform_tile (source, place_of (grid, first + i), points + (size_t)i * (size_t)source->lanes,
                    (size_t)tiles * (size_t)source->lanes);
}

static int32_t
smaller (int32_t a, int32_t b)
{
  return a < b ? a : b;
}

/* ---- Weights ------------------------------------------------------------------------------------------------ */

/* G g of one line: three taps to six points. */
INLINE void
transform_taps_line (const Vector g[3], Vector u[SIDE])
{
  const Vector near = (1.f / 6) * (g[0] + g[2]), near_odd = (1.f / 6) * g[1];
  const Vector far = (1.f / 24) * g[0] + (1.f / 6) * g[2], far_odd = (1.f / 12) * g[1];

  u[0] = 0.25f * g[0];
  u[1] = -near - near_odd;
  u[2] = near_odd - near;
  u[3] = far + far_odd;
  u[4] = far - far_odd;
  u[5] = g[2];
}

/* U = G g G' of as many kernels as a vector has lanes. */
INLINE void
transform_taps (const Vector taps[9], float *points, size_t point_floats)
{
  Vector lines[3][SIDE]; /* [tap column][row point] */

  UNROLL
  for (int column = 0; column < 3; column++)
    {
      const Vector g[3] = { taps[column], taps[3 + column], taps[6 + column] };

      transform_taps_line (g, lines[column]);
    }
  UNROLL
  for (int row = 0; row < SIDE; row++)
    {
      const Vector g[3] = { lines[0][row], lines[1][row], lines[2][row] };
      Vector       u[SIDE];

      transform_taps_line (g, u);
      UNROLL
      for (int column = 0; column < SIDE; column++)
        store (points + (size_t)(row * SIDE + column) * point_floats, u[column]);
    }
}

/* Kernels of @count channels, @stride floats apart, to lanes; the rest is zero. */
static void
collect_taps (const float *kernel, size_t stride, int32_t count, bool turned, Vector taps[9])
{
  float lanes[9][WCT_BLOCK] = { { 0 } };

  for (int32_t i = 0; i < count; i++, kernel += stride)
    for (int tap = 0; tap < 9; tap++)
      lanes[tap][i] = kernel[turned ? 8 - tap : tap];
  for (int tap = 0; tap < 9; tap++)
    taps[tap] = load (lanes[tap]);
}

void
WCT_ISA_NAME (wct_winograd_weights) (const float *weight, int32_t in_c, int32_t out_c, int32_t in_lanes,
                                     int32_t out_lanes, float *forward, float *backward)
{
  const size_t point_floats = (size_t)in_lanes * (size_t)out_lanes, row = (size_t)in_c * 9;
  Vector       taps[9];

  for (int32_t c = 0; c < in_c; c++)
    for (int32_t o = 0; o < out_c; o += WCT_BLOCK)
      {
        collect_taps (weight + (size_t)o * row + (size_t)c * 9, row, smaller (out_c - o, WCT_BLOCK), false, taps);
        transform_taps (taps, forward + (size_t)c * (size_t)out_lanes + (size_t)o, point_floats);
      }
  if (backward == NULL)
    return;
  for (int32_t o = 0; o < out_c; o++)
    for (int32_t c = 0; c < in_c; c += WCT_BLOCK)
      {
        collect_taps (weight + (size_t)o * row + (size_t)c * 9, 9, smaller (in_c - c, WCT_BLOCK), true, taps);
        transform_taps (taps, backward + (size_t)o * (size_t)in_lanes + (size_t)c, point_floats);
      }
}

/* ---- Forward ------------------------------------------------------------------------------------------------ */

static void
write_result (const WctTrainConv *conv, Place place, const float *products, const float *bias, float *out)
{
  const size_t  row_floats = (size_t)conv->w * WCT_BLOCK, plane = (size_t)conv->h * row_floats;
  const size_t  point_floats = (size_t)TILES * (size_t)conv->out_lanes;
  const int32_t blocks = conv->out_lanes / WCT_BLOCK, rows = conv->h - place.y, columns = conv->w - place.x;
  float        *tile =
    out + (size_t)place.map * (size_t)blocks * plane + (size_t)place.y * row_floats + (size_t)place.x * WCT_BLOCK;

  for (int32_t b = 0; b < blocks; b++, tile += plane, products += WCT_BLOCK, bias += WCT_BLOCK)
    if (rows >= TILE && columns >= TILE)
      transform_output_tile (products, point_floats, load (bias), conv->relu, TILE, TILE, row_floats, tile);
    else
      transform_output_tile (products, point_floats, load (bias), conv->relu, rows, columns, row_floats, tile);
}

void
WCT_ISA_NAME (wct_winograd_forward) (const WctTrainConv *conv, const float *in, const float *weight, const float *bias,
                                     float *out, float *scratch)
{
  const Source source = { in, conv->in_lanes, conv->h, conv->w, conv->upsample, BORDER_REFLECT };
  const Grid   grid = grid_of (conv->count, conv->h, conv->w);
  float       *products = scratch + (size_t)WCT_WINOGRAD_POINTS * TILES * (size_t)conv->in_lanes;

  for (int32_t first = 0; first < grid.count; first += TILES)
    {
      const int32_t count = smaller (grid.count - first, TILES);

      transform_tiles (&source, &grid, first, count, TILES, scratch);
      multiply (scratch, weight, count, conv->in_lanes, conv->out_lanes, products);
      for (int32_t i = 0; i < count; i++)
        write_result (conv, place_of (&grid, first + i), products + (size_t)i * (size_t)conv->out_lanes, bias, out);
    }
}

/* ---- Backward, data ----------------------------------------------------------------------------------------- */

/* Rows of tiles of the padded gradient, whole, until they are folded: a ring. */
typedef struct
{
  float  *rows; /* (slots, blocks, TILE, columns, block) */
  int32_t slots;
  int32_t columns; /* of values, whole tiles */
  size_t  slot_floats;
} Ring;

static Ring
ring_of (const WctTrainConv *conv, const Grid *grid, float *rows)
{
  const int32_t columns = grid->columns * TILE;

  return (Ring){ rows, TILES / grid->columns + 2, columns, (size_t)conv->in_lanes * TILE * (size_t)columns };
}

static void
keep_tile (const WctTrainConv *conv, const Grid *grid, const Ring *ring, int32_t tile, const float *products)
{
  const int32_t slot = tile / grid->columns % ring->slots, x = tile % grid->columns * TILE;
  const size_t  row_floats = (size_t)ring->columns * WCT_BLOCK;
  float        *out = ring->rows + (size_t)slot * ring->slot_floats + (size_t)x * WCT_BLOCK;

  for (int32_t b = 0; b < conv->in_lanes / WCT_BLOCK; b++, out += TILE * row_floats, products += WCT_BLOCK)
    transform_output_tile (products, (size_t)TILES * (size_t)conv->in_lanes, (Vector){ 0 }, false, TILE, TILE,
                           row_floats, out);
}

static void
fold_tile_row (const WctTrainConv *conv, const Grid *grid, const Ring *ring, int32_t row, const float *in,
               float *in_gradient)
{
  const int32_t blocks = conv->in_lanes / WCT_BLOCK, map = row / grid->rows, first = row % grid->rows * TILE;
  const int32_t rows = smaller (conv->h + 2 - first, TILE);
  const size_t  row_floats = (size_t)ring->columns * WCT_BLOCK;
  float        *lines = ring->rows + (size_t)(row % ring->slots) * ring->slot_floats;

  for (int32_t b = 0; b < blocks; b++, lines += TILE * row_floats)
    fold_rows (conv, lines, row_floats, first, rows, map * blocks + b, in, in_gradient);
}

void
WCT_ISA_NAME (wct_winograd_backward_data) (const WctTrainConv *conv, const float *out_gradient, const float *weight,
                                           const float *in, float *in_gradient, float *scratch)
{
  const Source source = { out_gradient, conv->out_lanes, conv->h, conv->w, false, BORDER_ZERO };
  const Grid   grid = grid_of (conv->count, conv->h + 2, conv->w + 2);
  const size_t points = (size_t)WCT_WINOGRAD_POINTS * TILES;
  float       *products = scratch + points * (size_t)conv->out_lanes;
  const Ring   ring = ring_of (conv, &grid, products + points * (size_t)conv->in_lanes);
  int32_t      folded = 0;

  for (int32_t first = 0; first < grid.count; first += TILES)
    {
      const int32_t count = smaller (grid.count - first, TILES);

      transform_tiles (&source, &grid, first, count, TILES, scratch);
      multiply (scratch, weight, count, conv->out_lanes, conv->in_lanes, products);
      for (int32_t i = 0; i < count; i++)
        keep_tile (conv, &grid, &ring, first + i, products + (size_t)i * (size_t)conv->in_lanes);
      for (; folded < (first + count) / grid.columns; folded++)
        fold_tile_row (conv, &grid, &ring, folded, in, in_gradient);
    }
}

/* ---- Backward, weights -------------------------------------------------------------------------------------- */

/* Tiles whose products are summed before the sums go back to memory, which are larger than the cache where there are
 * many lanes. */
#define GRADIENT_TILES 64

/* A d of one line. */
INLINE void
transform_gradient_line (const Vector d[TILE], Vector t[SIDE])
{
  const Vector even = d[0] + d[2], odd = d[1] + d[3];
  const Vector even_far = d[0] + 4 * d[2], odd_far = 2 * d[1] + 8 * d[3];

  t[0] = d[0];
  t[1] = even + odd;
  t[2] = even - odd;
  t[3] = even_far + odd_far;
  t[4] = even_far - odd_far;
  t[5] = d[3];
}

/* A dy A' of one tile and block; zero beyond @rows and @columns. */
INLINE void
transform_gradient_patch (const float *in, int32_t rows, int32_t columns, size_t row_floats, float *points,
                          size_t point_floats)
{
  Vector lines[TILE][SIDE]; /* [column][row point] */

  UNROLL
  for (int column = 0; column < TILE; column++)
    {
      Vector d[TILE];

      UNROLL
      for (int row = 0; row < TILE; row++)
        d[row] = row < rows && column < columns ? load (in + (size_t)row * row_floats + (size_t)column * WCT_BLOCK)
                                                : (Vector){ 0 };
      transform_gradient_line (d, lines[column]);
    }
  UNROLL
  for (int row = 0; row < SIDE; row++)
    {
      Vector d[TILE], t[SIDE];

      UNROLL
      for (int column = 0; column < TILE; column++)
        d[column] = lines[column][row];
      transform_gradient_line (d, t);
      UNROLL
      for (int column = 0; column < SIDE; column++)
        store (points + (size_t)(row * SIDE + column) * point_floats, t[column]);
    }
}

static void
transform_gradient_tile (const WctTrainConv *conv, Place place, const float *out_gradient, float *points,
                         size_t point_floats)
{
  const size_t  row_floats = (size_t)conv->w * WCT_BLOCK, plane = (size_t)conv->h * row_floats;
  const int32_t blocks = conv->out_lanes / WCT_BLOCK, rows = conv->h - place.y, columns = conv->w - place.x;
  const float  *tile = out_gradient + (size_t)place.map * (size_t)blocks * plane + (size_t)place.y * row_floats
                      + (size_t)place.x * WCT_BLOCK;

  for (int32_t b = 0; b < blocks; b++, tile += plane, points += WCT_BLOCK)
    if (rows >= TILE && columns >= TILE)
      transform_gradient_patch (tile, TILE, TILE, row_floats, points, point_floats);
    else
      transform_gradient_patch (tile, rows, columns, row_floats, points, point_floats);
}

/* @rows input lanes by @vectors blocks of output lanes of one point: sums += v' w over the tiles. */
INLINE void
add_products_of_some (const float *v, const float *w, int32_t count, int32_t in_lanes, int32_t out_lanes, int vectors,
                      float *sums)
{
  Vector s[ROWS_AT_ONCE][2];

  UNROLL
  for (int i = 0; i < ROWS_AT_ONCE; i++)
    {
      UNROLL
      for (int k = 0; k < vectors; k++)
        s[i][k] = load (sums + (size_t)i * (size_t)out_lanes + (size_t)k * WCT_BLOCK);
    }
  for (int32_t tile = 0; tile < count; tile++, v += in_lanes, w += out_lanes)
    {
      Vector g[2];

      UNROLL
      for (int k = 0; k < vectors; k++)
        g[k] = load (w + (size_t)k * WCT_BLOCK);
      UNROLL
      for (int i = 0; i < ROWS_AT_ONCE; i++)
        {
          const float x = v[i];

          UNROLL
          for (int k = 0; k < vectors; k++)
            s[i][k] += x * g[k];
        }
    }
  UNROLL
  for (int i = 0; i < ROWS_AT_ONCE; i++)
    {
      UNROLL
      for (int k = 0; k < vectors; k++)
        store (sums + (size_t)i * (size_t)out_lanes + (size_t)k * WCT_BLOCK, s[i][k]);
    }
}

/* Lanes are whole blocks of at least ROWS_AT_ONCE. */
static void
add_products (const float *points, const float *gradient_points, int32_t count, int32_t in_lanes, int32_t out_lanes,
              float *sums)
{
  for (size_t p = 0; p < WCT_WINOGRAD_POINTS; p++)
    for (int32_t c = 0; c < in_lanes; c += ROWS_AT_ONCE)
      {
        const float *v = points + p * GRADIENT_TILES * (size_t)in_lanes + c;
        const float *w = gradient_points + p * GRADIENT_TILES * (size_t)out_lanes;
        float       *to = sums + (p * (size_t)in_lanes + (size_t)c) * (size_t)out_lanes;
        int32_t      o = 0;

        for (; o + 2 * WCT_BLOCK <= out_lanes; o += 2 * WCT_BLOCK)
          add_products_of_some (v, w + o, count, in_lanes, out_lanes, 2, to + o);
        if (o < out_lanes)
          add_products_of_some (v, w + o, count, in_lanes, out_lanes, 1, to + o);
      }
}

/* At point (1, 1), which is 7th, A dy A' is the sum of the tile. */
static void
add_bias_sums (const float *gradient_points, int32_t count, int32_t out_lanes, float *bias_sums)
{
  const float *points = gradient_points + (size_t)(SIDE + 1) * GRADIENT_TILES * (size_t)out_lanes;

  for (int32_t i = 0; i < count; i++)
    for (int32_t o = 0; o < out_lanes; o++)
      bias_sums[o] += points[(size_t)i * (size_t)out_lanes + (size_t)o];
}

void
WCT_ISA_NAME (wct_winograd_backward_weights) (const WctTrainConv *conv, const float *in, const float *out_gradient,
                                              float *sums, float *bias_sums, float *scratch)
{
  const Source source = { in, conv->in_lanes, conv->h, conv->w, conv->upsample, BORDER_REFLECT };
  const Grid   grid = grid_of (conv->count, conv->h, conv->w);
  const size_t out_lanes = (size_t)conv->out_lanes;
  float       *gradient_points = scratch + (size_t)WCT_WINOGRAD_POINTS * GRADIENT_TILES * (size_t)conv->in_lanes;

  for (int32_t first = 0; first < grid.count; first += GRADIENT_TILES)
    {
      const int32_t count = smaller (grid.count - first, GRADIENT_TILES);

      transform_tiles (&source, &grid, first, count, GRADIENT_TILES, scratch);
      for (int32_t i = 0; i < count; i++)
        transform_gradient_tile (conv, place_of (&grid, first + i), out_gradient,
                                 gradient_points + (size_t)i * out_lanes, GRADIENT_TILES * out_lanes);
      add_products (scratch, gradient_points, count, conv->in_lanes, conv->out_lanes, sums);
      add_bias_sums (gradient_points, count, conv->out_lanes, bias_sums);
    }
}

/* G' u of one line: six points to three taps. */
INLINE void
transform_sums_line (const Vector u[SIDE], Vector g[3])
{
  const Vector near = u[1] + u[2], near_odd = u[2] - u[1];
  const Vector far = u[3] + u[4], far_odd = u[3] - u[4];

  g[0] = 0.25f * u[0] - (1.f / 6) * near + (1.f / 24) * far;
  g[1] = (1.f / 6) * near_odd + (1.f / 12) * far_odd;
  g[2] = (1.f / 6) * (far - near) + u[5];
}

/* The kernels of one input lane to one block of output lanes. */
INLINE void
transform_sums (const float *sums, size_t point_floats, Vector taps[9])
{
  Vector lines[SIDE][3]; /* [column point][tap row] */

  UNROLL
  for (int column = 0; column < SIDE; column++)
    {
      Vector u[SIDE];

      UNROLL
      for (int row = 0; row < SIDE; row++)
        u[row] = load (sums + (size_t)(row * SIDE + column) * point_floats);
      transform_sums_line (u, lines[column]);
    }
  UNROLL
  for (int row = 0; row < 3; row++)
    {
      Vector u[SIDE];

      UNROLL
      for (int column = 0; column < SIDE; column++)
        u[column] = lines[column][row];
      transform_sums_line (u, taps + 3 * row);
    }
}

void
WCT_ISA_NAME (wct_winograd_weight_gradient) (const float *sums, int32_t in_lanes, int32_t out_lanes, int32_t in_c,
                                             int32_t out_c, float *gradient)
{
  for (int32_t c = 0; c < in_c; c++)
    for (int32_t o = 0; o < out_c; o += WCT_BLOCK)
      {
        Vector taps[9];
        float *to = gradient + ((size_t)o * (size_t)in_c + (size_t)c) * 9;

        transform_sums (sums + (size_t)c * (size_t)out_lanes + (size_t)o, (size_t)in_lanes * (size_t)out_lanes, taps);
        for (int32_t i = 0; i < smaller (out_c - o, WCT_BLOCK); i++, to += (size_t)in_c * 9)
          for (int tap = 0; tap < 9; tap++)
            to[tap] += taps[tap][i];
      }
}

size_t
WCT_ISA_NAME (wct_winograd_training_scratch_floats) (const WctTrainConv *conv)
{
  const Grid   back = grid_of (conv->count, conv->h + 2, conv->w + 2);
  const size_t lanes = (size_t)(conv->in_lanes + conv->out_lanes);
  const Ring   ring = ring_of (conv, &back, NULL);
  const size_t data = WCT_WINOGRAD_POINTS * TILES * lanes + (size_t)ring.slots * ring.slot_floats;
  const size_t weights = WCT_WINOGRAD_POINTS * GRADIENT_TILES * lanes;

  return data > weights ? data : weights;
}
