/* Inner loops of the cpu back end. This file is compiled for several instruction sets. The loops over a block are
 * written for the compiler's vectorizer. */
#include "kernels.h"

#include "vector.h"
#include "winograd-kernels.h"

static inline float
larger (float a, float b)
{
  return a > b ? a : b;
}

static void
pool_row (const float *a, const float *b, int32_t columns, int32_t block, float *out)
{
  if (block == 1)
    for (int32_t x = 0; x < columns; x++)
      out[x] = larger (larger (a[2 * x], a[2 * x + 1]), larger (b[2 * x], b[2 * x + 1]));
  else
    for (int32_t x = 0; x < columns; x++, a += 2 * WCT_BLOCK, b += 2 * WCT_BLOCK, out += WCT_BLOCK)
      for (int k = 0; k < WCT_BLOCK; k++)
        out[k] = larger (larger (a[k], a[WCT_BLOCK + k]), larger (b[k], b[WCT_BLOCK + k]));
}

static void
upsample_row (const float *in, int32_t columns, int32_t block, float *out)
{
  if (block == 1)
    for (int32_t x = 0; x < columns; x++)
      out[2 * x] = out[2 * x + 1] = in[x];
  else
    for (int32_t x = 0; x < columns; x++)
      {
        const Vector v = load (in + (size_t)x * WCT_BLOCK);

        store (out + (size_t)x * 2 * WCT_BLOCK, v);
        store (out + (size_t)x * 2 * WCT_BLOCK + WCT_BLOCK, v);
      }
}

/* ---- The convolution to a picture --------------------------------------------------------------------------- */

#define GROUP       4 /* neighboring pixels that share loaded weights */
#define OUTPUTS_MAX 4

/* Lanes of @a and @b, those of @b counted on; indices are constants. */
#if defined __clang__
#  define SHUFFLE(a, b, ...) __builtin_shufflevector (a, b, __VA_ARGS__)
#else
typedef int32_t IndexVector __attribute__ ((vector_size (WCT_BLOCK * sizeof (int32_t))));
#  define SHUFFLE(a, b, ...) __builtin_shuffle (a, b, (IndexVector){ __VA_ARGS__ })
#endif

/* Four vectors to the sums of each one's lanes, in steps that keep all lanes busy: two vectors' halves are added in one
 * addition, then four vectors' quarters. out[i] = Σ v[i]. */
INLINE void
sum_lanes_of_four (const Vector v[GROUP], float out[GROUP])
{
#if WCT_BLOCK == 16
#  define LOWER_HALVES(a, b)   SHUFFLE (a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
#  define UPPER_HALVES(a, b)   SHUFFLE (a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31)
#  define LOWER_QUARTERS(a, b) SHUFFLE (a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27)
#  define UPPER_QUARTERS(a, b) SHUFFLE (a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31)
#  define SECOND_LANES(a)      SHUFFLE (a, a, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13)
#  define NEXT_LANES(a)        SHUFFLE (a, a, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14)
#else
#  define LOWER_HALVES(a, b)   SHUFFLE (a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#  define UPPER_HALVES(a, b)   SHUFFLE (a, b, 4, 5, 6, 7, 12, 13, 14, 15)
#  define LOWER_QUARTERS(a, b) SHUFFLE (a, b, 0, 1, 4, 5, 8, 9, 12, 13)
#  define UPPER_QUARTERS(a, b) SHUFFLE (a, b, 2, 3, 6, 7, 10, 11, 14, 15)
#  define NEXT_LANES(a)        SHUFFLE (a, a, 1, 0, 3, 2, 5, 4, 7, 6)
#endif
  const Vector first = LOWER_HALVES (v[0], v[1]) + UPPER_HALVES (v[0], v[1]);
  const Vector second = LOWER_HALVES (v[2], v[3]) + UPPER_HALVES (v[2], v[3]);
  Vector       sums = LOWER_QUARTERS (first, second) + UPPER_QUARTERS (first, second);

#if WCT_BLOCK == 16
  sums += SECOND_LANES (sums);
#endif
  sums += NEXT_LANES (sums);
  for (int i = 0; i < GROUP; i++)
    out[i] = sums[i * (WCT_BLOCK / GROUP)];
}

typedef struct
{
  const float *in;     /* (blocks, rows + 2, columns + 2, block) */
  const float *weight; /* (outputs, 9, blocks, block) */
  size_t       row_floats, block_floats;
  int32_t      blocks;
} PictureConv;

/* sums[o][i] of @group pixels that start at @at, an offset in floats of the window's upper left corner. Inlined, so
 * that constant arguments unroll the loops and the sums stay in registers. */
INLINE void
convolve_group (const PictureConv *conv, size_t at, int group, Vector sums[OUTPUTS_MAX][GROUP], int outputs)
{
  const size_t weights_per_output = 9 * (size_t)conv->blocks * WCT_BLOCK;

  for (int32_t b = 0; b < conv->blocks; b++)
    for (int tap = 0; tap < 9; tap++)
      {
        const float *in = conv->in + (size_t)b * conv->block_floats + at + (size_t)(tap / 3) * conv->row_floats
                          + (size_t)(tap % 3) * WCT_BLOCK;
        const float *weight = conv->weight + ((size_t)tap * (size_t)conv->blocks + (size_t)b) * WCT_BLOCK;

        UNROLL
        for (int o = 0; o < outputs; o++)
          {
            const Vector w = load (weight + (size_t)o * weights_per_output);

            UNROLL
            for (int i = 0; i < group; i++)
              sums[o][i] += w * load (in + (size_t)i * WCT_BLOCK);
          }
      }
}

/* What is computed from one pixel on: written to a place in each output. */
typedef struct
{
  const float  *bias;
  float *const *out;
  size_t        place;
  bool          relu;
} PictureOutput;

INLINE void
convolve_pixels (const PictureConv *conv, size_t at, int group, int outputs, const PictureOutput *to)
{
  Vector sums[OUTPUTS_MAX][GROUP] = { { { 0 } } };
  float  values[GROUP];

  convolve_group (conv, at, group, sums, outputs);
  UNROLL
  for (int o = 0; o < outputs; o++)
    {
      float *out = to->out[o] + to->place;

      sum_lanes_of_four (sums[o], values);
      UNROLL
      for (int i = 0; i < group; i++)
        {
          const float value = values[i] + to->bias[o];

          out[i] = to->relu && value < 0 ? 0 : value;
        }
    }
}

static void
picture_conv (const float *in, int32_t blocks, int32_t rows, int32_t columns, const float *weight, const float *bias,
              int32_t outputs, bool relu, float *const *out, int32_t out_columns)
{
  const size_t      row_floats = (size_t)(columns + 2) * WCT_BLOCK;
  const PictureConv conv = { in, weight, row_floats, row_floats * (size_t)(rows + 2), blocks };

  for (int32_t y = 0; y < rows; y++)
    for (int32_t x = 0; x < columns; x += GROUP)
      {
        const size_t        at = (size_t)y * row_floats + (size_t)x * WCT_BLOCK;
        const PictureOutput to = { bias, out, (size_t)y * (size_t)out_columns + (size_t)x, relu };

        /* The case that counts, with constants; the rest is the right margin, and networks that are no decoders. */
        if (outputs == 3 && columns - x >= GROUP)
          convolve_pixels (&conv, at, GROUP, 3, &to);
        else
          convolve_pixels (&conv, at, columns - x < GROUP ? columns - x : GROUP, outputs, &to);
      }
}

/* ---- Between blocks of channels and the rows of a matrix ---------------------------------------------------- */

/* The functions below are for both blocks that occur; their loops are written once, inlined with each as a constant. */
#define FOR_EITHER_BLOCK(function, ...) (block == 1 ? function (1, __VA_ARGS__) : function (WCT_BLOCK, __VA_ARGS__))

/* The place of the @i-th of some positions, of all where they are not listed. */
static inline const float *
position_of (const float *in, const int32_t *positions, int32_t i, int block)
{
  return in + (size_t)(positions == NULL ? i : positions[i]) * (size_t)block;
}

INLINE void
sum_blocks (int block, const float *in, const int32_t *positions, const float *weights, int32_t count, double *sum)
{
  double sums[WCT_BLOCK] = { 0 };

  if (positions == NULL)
    for (int32_t i = 0; i < count; i++, in += block)
      for (int k = 0; k < block; k++)
        sums[k] += in[k];
  else
    for (int32_t i = 0; i < count; i++)
      {
        const float *from = position_of (in, positions, i, block);
        const double weight = weights[i];

        for (int k = 0; k < block; k++)
          sums[k] += weight * from[k];
      }
  for (int k = 0; k < block; k++)
    sum[k] += sums[k];
}

static void
sum_positions (const float *in, const int32_t *positions, const float *weights, int32_t count, int32_t block,
               double *sum)
{
  FOR_EITHER_BLOCK (sum_blocks, in, positions, weights, count, sum);
}

INLINE void
center_rows_of_block (int block, const float *in, const int32_t *positions, const double *roots, int32_t count,
                      const double *center, int32_t stride, double *out)
{
  for (int32_t i = 0; i < count; i++, out += stride)
    {
      const float *from = position_of (in, positions, i, block);
      const double root = roots == NULL ? 1 : roots[i];

      for (int k = 0; k < block; k++)
        out[k] = root * (from[k] - center[k]);
    }
}

static void
center_rows (const float *in, const int32_t *positions, const double *roots, int32_t count, int32_t block,
             const double *center, int32_t stride, double *out)
{
  FOR_EITHER_BLOCK (center_rows_of_block, in, positions, roots, count, center, stride, out);
}

/* Products that are summed in registers: TILE_ROWS vectors of TILE_COLUMNS. */
#define TILE_COLUMNS (WCT_BLOCK / 2)
#if defined __AVX__
#  define TILE_ROWS 8
#else
#  define TILE_ROWS 4 /* a vector takes two registers, of sixteen */
#endif

typedef double Doubles __attribute__ ((vector_size (TILE_COLUMNS * sizeof (double))));
typedef double UnalignedDoubles
  __attribute__ ((vector_size (TILE_COLUMNS * sizeof (double)), aligned (sizeof (double)), may_alias));

static void
add_tile (const double *rows, int32_t count, int32_t lanes, int32_t i, int32_t j, double *products)
{
  Doubles sums[TILE_ROWS] = { { 0 } };

  for (int32_t p = 0; p < count; p++, rows += lanes)
    {
      const Doubles columns = *(const UnalignedDoubles *)(rows + j);

      UNROLL
      for (int k = 0; k < TILE_ROWS; k++)
        sums[k] += rows[i + k] * columns;
    }
  for (int k = 0; k < TILE_ROWS; k++)
    *(UnalignedDoubles *)(products + (size_t)(i + k) * (size_t)lanes + j) += sums[k];
}

/* Whole tiles: what they reach into below the diagonal is not looked at. */
static void
add_products (const double *rows, int32_t count, int32_t lanes, double *products)
{
  for (int32_t i = 0; i < lanes; i += TILE_ROWS)
    for (int32_t j = i / TILE_COLUMNS * TILE_COLUMNS; j < lanes; j += TILE_COLUMNS)
      add_tile (rows, count, lanes, i, j, products);
}

INLINE void
center_blocks (int block, const float *in, const int32_t *positions, int32_t count, const float *center, float *out)
{
  for (int32_t i = 0; i < count; i++, out += block)
    {
      const float *from = position_of (in, positions, i, block);

      for (int k = 0; k < block; k++)
        out[k] = from[k] - center[k];
    }
}

static void
center_block (const float *in, const int32_t *positions, int32_t count, int32_t block, const float *center, float *out)
{
  FOR_EITHER_BLOCK (center_blocks, in, positions, count, center, out);
}

INLINE void
mix_blocks (int block, const float *mapped, const int32_t *positions, const float *weights, int32_t count,
            const float *in, float *out)
{
  for (int32_t i = 0; i < count; i++, mapped += block)
    {
      const size_t at = (size_t)positions[i] * (size_t)block;

      if (weights[i] >= 1)
        for (int k = 0; k < block; k++)
          out[at + (size_t)k] = mapped[k];
      else
        for (int k = 0; k < block; k++)
          out[at + (size_t)k] += weights[i] * (mapped[k] - in[at + (size_t)k]);
    }
}

static void
mix_positions (const float *mapped, const int32_t *positions, const float *weights, int32_t count, int32_t block,
               const float *in, float *out)
{
  FOR_EITHER_BLOCK (mix_blocks, mapped, positions, weights, count, in, out);
}

const WctKernels WCT_ISA_NAME (wct_kernels) = {
  .name = WCT_ISA_LABEL,
  .block = WCT_BLOCK,
  .training = &WCT_ISA_NAME (wct_training_kernels),
  .pool_row = pool_row,
  .upsample_row = upsample_row,
  .picture_conv = picture_conv,
#if WCT_HAVE_WINOGRAD
  .winograd_conv = WCT_ISA_NAME (wct_winograd),
#endif
  .sum_positions = sum_positions,
  .center_rows = center_rows,
  .add_products = add_products,
  .center_block = center_block,
  .mix_positions = mix_positions,
};
