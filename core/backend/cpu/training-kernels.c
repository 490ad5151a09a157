/* Inner loops of training besides convolutions. */
#include "training-kernels.h"

#include <math.h>
#include <string.h>

#include "training-fold.h"
#include "training-thin.h"
#include "vector.h"
#include "winograd-training.h"

/* ---- Around oneDNN's convolutions --------------------------------------------------------------------------- */

static void
copy_line (const float *in, int32_t columns, bool upsample, float *out)
{
  if (!upsample)
    {
      memcpy (out, in, (size_t)columns * WCT_BLOCK * sizeof (float));
      return;
    }
  for (int32_t x = 0; x < columns; x++)
    store (out + (size_t)x * WCT_BLOCK, load (in + (size_t)(x / 2) * WCT_BLOCK));
}

static void
pad (const WctTrainConv *conv, const float *in, bool padded, float *out)
{
  const int32_t h = conv->upsample ? conv->h / 2 : conv->h, w = conv->upsample ? conv->w / 2 : conv->w;
  const int32_t border = padded ? 1 : 0, planes = conv->count * (conv->in_lanes / WCT_BLOCK);
  const size_t  row_floats = (size_t)(conv->w + 2 * border) * WCT_BLOCK;

  for (int32_t plane = 0; plane < planes; plane++, in += (size_t)h * (size_t)w * WCT_BLOCK)
    for (int32_t y = -border; y < conv->h + border; y++, out += row_floats)
      {
        const int32_t row = reflect (y, conv->h) / (conv->upsample ? 2 : 1);
        float        *inside = out + (size_t)border * WCT_BLOCK;

        copy_line (in + (size_t)row * (size_t)w * WCT_BLOCK, conv->w, conv->upsample, inside);
        if (!padded)
          continue;
        store (out, load (inside + (size_t)reflect (-1, conv->w) * WCT_BLOCK));
        store (inside + (size_t)conv->w * WCT_BLOCK, load (inside + (size_t)reflect (conv->w, conv->w) * WCT_BLOCK));
      }
}

static void
fold (const WctTrainConv *conv, float *padded_gradient, bool padded, const float *in, float *in_gradient)
{
  const int32_t planes = conv->count * (conv->in_lanes / WCT_BLOCK);
  const int32_t h = conv->upsample ? conv->h / 2 : conv->h, w = conv->upsample ? conv->w / 2 : conv->w;
  const size_t  row_floats = (size_t)(conv->w + 2) * WCT_BLOCK;

  if (padded)
    for (int32_t plane = 0; plane < planes; plane++, padded_gradient += (size_t)(conv->h + 2) * row_floats)
      fold_rows (conv, padded_gradient, row_floats, 0, conv->h + 2, plane, in, in_gradient);
  else
    put_line_either (padded_gradient, planes * h * w, false, false, in, in_gradient);
}

/* ---- Resampling --------------------------------------------------------------------------------------------- */

static inline Vector
larger (Vector a, Vector b)
{
  typedef int32_t Mask __attribute__ ((vector_size (sizeof (Vector))));
  const Mask      first = a > b;

  return (Vector)(((Mask)a & first) | ((Mask)b & ~first));
}

/* Planes stand one below the other: together they are one map of planes · h rows. */
static void
pool_blocks (const float *in, size_t rows, int32_t w, float *out)
{
  const size_t row_floats = (size_t)w * WCT_BLOCK;

  for (size_t y = 0; y < rows; y++, in += 2 * row_floats)
    for (int32_t x = 0; x < w / 2; x++, out += WCT_BLOCK)
      {
        const float *at = in + (size_t)(2 * x) * WCT_BLOCK;

        store (out, larger (larger (load (at), load (at + WCT_BLOCK)),
                            larger (load (at + row_floats), load (at + row_floats + WCT_BLOCK))));
      }
}

/* The first of the four that is the maximum takes all. */
static void
pool_blocks_backward (const float *in, const float *out, const float *out_gradient, size_t rows, int32_t w,
                      bool stop_at_zero, float *in_gradient)
{
  typedef int32_t Mask __attribute__ ((vector_size (sizeof (Vector))));
  const size_t    row_floats = (size_t)w * WCT_BLOCK, places[4] = { 0, WCT_BLOCK, row_floats, row_floats + WCT_BLOCK };

  for (size_t y = 0; y < rows; y++, in += 2 * row_floats, in_gradient += 2 * row_floats)
    for (int32_t x = 0; x < w / 2; x++, out += WCT_BLOCK, out_gradient += WCT_BLOCK)
      {
        const size_t at = (size_t)(2 * x) * WCT_BLOCK;
        const Vector maximum = load (out), gradient = load (out_gradient);
        Mask         left = stop_at_zero ? (Mask)(maximum > (Vector){ 0 }) : ~(Mask){ 0 };

        UNROLL
        for (int i = 0; i < 4; i++)
          {
            const Mask here = left & (Mask)(load (in + at + places[i]) == maximum);

            store (in_gradient + at + places[i], (Vector)((Mask)gradient & here));
            left &= ~here;
          }
      }
}

static void
upsample_blocks_backward (const float *in, const float *out_gradient, size_t rows, int32_t w, bool stop_at_zero,
                          float *in_gradient)
{
  const size_t row_floats = (size_t)w * WCT_BLOCK;

  for (size_t y = 0; y < rows; y++, out_gradient += 2 * row_floats)
    for (int32_t x = 0; x < w / 2; x++, in += WCT_BLOCK, in_gradient += WCT_BLOCK)
      {
        const float *at = out_gradient + (size_t)(2 * x) * WCT_BLOCK;
        const Vector sum =
          (load (at) + load (at + WCT_BLOCK)) + (load (at + row_floats) + load (at + row_floats + WCT_BLOCK));

        store (in_gradient, stop_at_zero ? where_positive (sum, load (in)) : sum);
      }
}

/* Where the four values lie that are pooled to value @i of a row of results. */
typedef struct
{
  size_t at[4];
} Window;

static Window
window_of (size_t i, int32_t block, int32_t w)
{
  const size_t first = i / (size_t)block * 2 * (size_t)block + i % (size_t)block, row = (size_t)w * (size_t)block;

  return (Window){ { first, first + (size_t)block, first + row, first + row + (size_t)block } };
}

/* Pictures are pooled and up-sampled in tests only: value by value. */
static void
pool (const float *in, int32_t planes, int32_t h, int32_t w, int32_t block, float *out)
{
  const size_t rows = (size_t)planes * (size_t)(h / 2), values = (size_t)(w / 2) * (size_t)block;

  if (block == WCT_BLOCK)
    {
      pool_blocks (in, rows, w, out);
      return;
    }
  for (size_t y = 0; y < rows; y++, in += 4 * values, out += values)
    for (size_t i = 0; i < values; i++)
      {
        const Window window = window_of (i, block, w);

        out[i] = fmaxf (fmaxf (in[window.at[0]], in[window.at[1]]), fmaxf (in[window.at[2]], in[window.at[3]]));
      }
}

static void
pool_backward (const float *in, const float *out, const float *out_gradient, int32_t planes, int32_t h, int32_t w,
               int32_t block, bool stop_at_zero, float *in_gradient)
{
  const size_t rows = (size_t)planes * (size_t)(h / 2), values = (size_t)(w / 2) * (size_t)block;

  if (block == WCT_BLOCK)
    {
      pool_blocks_backward (in, out, out_gradient, rows, w, stop_at_zero, in_gradient);
      return;
    }
  for (size_t y = 0; y < rows; y++, in += 4 * values, in_gradient += 4 * values, out += values, out_gradient += values)
    for (size_t i = 0; i < values; i++)
      {
        const Window window = window_of (i, block, w);
        bool         left = !stop_at_zero || out[i] > 0;

        for (int k = 0; k < 4; k++)
          {
            const bool here = left && in[window.at[k]] == out[i];

            in_gradient[window.at[k]] = here ? out_gradient[i] : 0;
            left = left && !here;
          }
      }
}

static void
upsample (const float *in, int32_t planes, int32_t h, int32_t w, int32_t block, float *out)
{
  const size_t rows = (size_t)planes * (size_t)(h / 2), values = (size_t)(w / 2) * (size_t)block;

  for (size_t y = 0; y < rows; y++, in += values, out += 4 * values)
    for (size_t i = 0; i < values; i++)
      {
        const Window window = window_of (i, block, w);

        for (int k = 0; k < 4; k++)
          out[window.at[k]] = in[i];
      }
}

static void
upsample_backward (const float *in, const float *out_gradient, int32_t planes, int32_t h, int32_t w, int32_t block,
                   bool stop_at_zero, float *in_gradient)
{
  const size_t rows = (size_t)planes * (size_t)(h / 2), values = (size_t)(w / 2) * (size_t)block;

  if (block == WCT_BLOCK)
    {
      upsample_blocks_backward (in, out_gradient, rows, w, stop_at_zero, in_gradient);
      return;
    }
  for (size_t y = 0; y < rows; y++, in += values, in_gradient += values, out_gradient += 4 * values)
    for (size_t i = 0; i < values; i++)
      {
        const Window window = window_of (i, block, w);
        const float  sum = (out_gradient[window.at[0]] + out_gradient[window.at[1]])
                          + (out_gradient[window.at[2]] + out_gradient[window.at[3]]);

        in_gradient[i] = stop_at_zero && !(in[i] > 0) ? 0 : sum;
      }
}

/* ---- Element by element ------------------------------------------------------------------------------------- */

static void
stop_at_zero (const float *result, size_t count, float *gradient)
{
  for (size_t i = 0; i < count; i += WCT_BLOCK)
    store (gradient + i, where_positive (load (gradient + i), load (result + i)));
}

/* Finite values; NaN stays NaN. */
static void
to_bf16 (const float *in, size_t count, uint16_t *out)
{
  for (size_t i = 0; i < count; i++)
    {
      uint32_t bits;

      memcpy (&bits, &in[i], sizeof bits);
      out[i] = (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
    }
}

/* Sums of so many values are made in float, lane by lane, and then added in double. */
#define FLOAT_SUM_VALUES 4096

static double
sum_of_lanes (Vector v)
{
  double sum = 0;

  for (int i = 0; i < WCT_BLOCK; i++)
    sum += v[i];
  return sum;
}

static double
squared_error (const float *a, const float *b, size_t count, float scale, bool add, float *gradient)
{
  double sum = 0;

  for (size_t first = 0; first < count; first += FLOAT_SUM_VALUES)
    {
      const size_t end = count - first < FLOAT_SUM_VALUES ? count : first + FLOAT_SUM_VALUES;
      Vector       squares = { 0 };

      for (size_t i = first; i < end; i += WCT_BLOCK)
        {
          const Vector d = load (a + i) - load (b + i);

          squares += d * d;
          if (gradient != NULL)
            store (gradient + i, add ? load (gradient + i) + 2 * scale * d : 2 * scale * d);
        }
      sum += sum_of_lanes (squares);
    }
  return sum;
}

static void
sums (const float *in, size_t count, double *sum, double *squares)
{
  for (size_t first = 0; first < count; first += FLOAT_SUM_VALUES)
    {
      const size_t end = count - first < FLOAT_SUM_VALUES ? count : first + FLOAT_SUM_VALUES;
      Vector       s = { 0 }, q = { 0 };

      for (size_t i = first; i < end; i += WCT_BLOCK)
        {
          const Vector v = load (in + i);

          s += v;
          q += v * v;
        }
      *sum += sum_of_lanes (s);
      *squares += sum_of_lanes (q);
    }
}

static void
accumulate (const float *from, size_t count, float *to)
{
  for (size_t i = 0; i < count; i += WCT_BLOCK)
    store (to + i, load (to + i) + load (from + i));
}

static void
adam (const WctAdamStep *step, const float *restrict gradient, float *restrict parameters, float *restrict first,
      float *restrict second, size_t count)
{
  const float beta1 = step->beta1, beta2 = step->beta2, scale = step->gradient_scale, epsilon = step->epsilon;
  const float rate = (float)(step->rate / step->correction1), correction2 = (float)(1 / step->correction2);

  for (size_t i = 0; i < count; i++)
    {
      const float g = gradient[i] * scale;

      first[i] = beta1 * first[i] + (1 - beta1) * g;
      second[i] = beta2 * second[i] + (1 - beta2) * g * g;
      parameters[i] -= rate * first[i] / (sqrtf (second[i] * correction2) + epsilon);
    }
}

const WctTrainingKernels WCT_ISA_NAME (wct_training_kernels) = {
  .name = WCT_ISA_LABEL,
  .block = WCT_BLOCK,
  .only_own = !WCT_HAVE_WINOGRAD,
  .winograd_scratch_floats = WCT_ISA_NAME (wct_winograd_training_scratch_floats),
  .winograd_weights = WCT_ISA_NAME (wct_winograd_weights),
  .winograd_forward = WCT_ISA_NAME (wct_winograd_forward),
  .winograd_backward_data = WCT_ISA_NAME (wct_winograd_backward_data),
  .winograd_backward_weights = WCT_ISA_NAME (wct_winograd_backward_weights),
  .winograd_weight_gradient = WCT_ISA_NAME (wct_winograd_weight_gradient),
  .thin_scratch_floats = WCT_ISA_NAME (wct_thin_scratch_floats),
  .thin_from_picture = WCT_ISA_NAME (wct_thin_from_picture),
  .thin_back_from_picture = WCT_ISA_NAME (wct_thin_back_from_picture),
  .thin_to_picture = WCT_ISA_NAME (wct_thin_to_picture),
  .thin_back_to_picture = WCT_ISA_NAME (wct_thin_back_to_picture),
  .thin_weights_gradient = WCT_ISA_NAME (wct_thin_weights_gradient),
  .pad = pad,
  .fold = fold,
  .pool = pool,
  .pool_backward = pool_backward,
  .upsample = upsample,
  .upsample_backward = upsample_backward,
  .stop_at_zero = stop_at_zero,
  .to_bf16 = to_bf16,
  .squared_error = squared_error,
  .sums = sums,
  .accumulate = accumulate,
  .adam = adam,
};
