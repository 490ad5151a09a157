/* Inner loops of training besides convolutions. */
#include "training-kernels.h"

#include <math.h>
#include <string.h>

#include "training-fold.h"
#include "vector.h"

#if WCT_HAVE_WINOGRAD
#  include "winograd-training.h"
#endif

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
pool (const float *in, int32_t planes, int32_t h, int32_t w, float *out)
{
  const size_t row_floats = (size_t)w * WCT_BLOCK;

  for (size_t y = 0; y < (size_t)planes * (size_t)(h / 2); y++, in += 2 * row_floats)
    for (int32_t x = 0; x < w / 2; x++, out += WCT_BLOCK)
      {
        const float *at = in + (size_t)(2 * x) * WCT_BLOCK;

        store (out, larger (larger (load (at), load (at + WCT_BLOCK)),
                            larger (load (at + row_floats), load (at + row_floats + WCT_BLOCK))));
      }
}

/* The first of the four that is the maximum takes all. */
static void
pool_backward (const float *in, const float *out, const float *out_gradient, int32_t planes, int32_t h, int32_t w,
               bool stop_at_zero, float *in_gradient)
{
  typedef int32_t Mask __attribute__ ((vector_size (sizeof (Vector))));
  const size_t    row_floats = (size_t)w * WCT_BLOCK, places[4] = { 0, WCT_BLOCK, row_floats, row_floats + WCT_BLOCK };

  for (size_t y = 0; y < (size_t)planes * (size_t)(h / 2); y++, in += 2 * row_floats, in_gradient += 2 * row_floats)
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
upsample (const float *in, int32_t planes, int32_t h, int32_t w, float *out)
{
  for (int32_t plane = 0; plane < planes; plane++, in += (size_t)(h / 2) * (size_t)(w / 2) * WCT_BLOCK)
    for (int32_t y = 0; y < h; y++, out += (size_t)w * WCT_BLOCK)
      copy_line (in + (size_t)(y / 2) * (size_t)(w / 2) * WCT_BLOCK, w, true, out);
}

static void
upsample_backward (const float *in, const float *out_gradient, int32_t planes, int32_t h, int32_t w, bool stop_at_zero,
                   float *in_gradient)
{
  const size_t row_floats = (size_t)w * WCT_BLOCK;

  for (size_t y = 0; y < (size_t)planes * (size_t)(h / 2); y++, out_gradient += 2 * row_floats)
    for (int32_t x = 0; x < w / 2; x++, in += WCT_BLOCK, in_gradient += WCT_BLOCK)
      {
        const float *at = out_gradient + (size_t)(2 * x) * WCT_BLOCK;
        const Vector sum =
          (load (at) + load (at + WCT_BLOCK)) + (load (at + row_floats) + load (at + row_floats + WCT_BLOCK));

        store (in_gradient, stop_at_zero ? where_positive (sum, load (in)) : sum);
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
#if WCT_HAVE_WINOGRAD
  .winograd_scratch_floats = WCT_ISA_NAME (wct_winograd_training_scratch_floats),
  .winograd_weights = WCT_ISA_NAME (wct_winograd_weights),
  .winograd_forward = WCT_ISA_NAME (wct_winograd_forward),
  .winograd_backward_data = WCT_ISA_NAME (wct_winograd_backward_data),
  .winograd_backward_weights = WCT_ISA_NAME (wct_winograd_backward_weights),
  .winograd_weight_gradient = WCT_ISA_NAME (wct_winograd_weight_gradient),
#endif
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
