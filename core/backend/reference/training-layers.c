/* Layers run backward, and embeddings. Each is the adjoint of its forward loop: where that reads a value and adds it
 * with a weight, this adds the gradient with the same weight. Sums are made in double and rounded once. */
#include "reference.h"

#include <string.h>

static size_t
plane_of (WctShape shape)
{
  return (size_t)shape.h * (size_t)shape.w;
}

static const float *
row_of (const float *planes, WctShape shape, int32_t c, int32_t y)
{
  return planes + (size_t)c * plane_of (shape) + (size_t)y * (size_t)shape.w;
}

static float *
row_to_write (float *planes, WctShape shape, int32_t c, int32_t y)
{
  return planes + (size_t)c * plane_of (shape) + (size_t)y * (size_t)shape.w;
}

void
wct_reference_stop_at_zero (size_t count, const float *result, float *gradient)
{
  for (size_t i = 0; i < count; i++)
    if (!(result[i] > 0))
      gradient[i] = 0;
}

/* ---- Convolution: the input's gradient ----------------------------------------------------------------------- */

/* Adds to a padded row (w + 2) what one gradient row gives through three weights side by side. */
static void
spread_row (const float *weight, const float *gradient, int32_t columns, double *restrict padded)
{
  for (int kx = 0; kx < 3; kx++)
    for (int32_t x = 0; x < columns; x++)
      padded[x + kx] += (double)weight[kx] * gradient[x];
}

/* The border's gradient belongs to the columns that it repeats. */
static void
fold_row (const double *padded, int32_t columns, double *restrict row, float *out)
{
  for (int32_t x = 0; x < columns; x++)
    row[x] = padded[x + 1];
  row[wct_reference_reflect (-1, columns)] += padded[0];
  row[wct_reference_reflect (columns, columns)] += padded[columns + 1];
  for (int32_t x = 0; x < columns; x++)
    out[x] = (float)row[x];
}

/* Input row @y of channel @c was read as row y + ky - 1 of the padding by every output row that reflects onto it. */
static void
gather_row_gradient (const WctConv *conv, WctShape out_shape, const float *out_gradient, int32_t c, int32_t y,
                     double *padded)
{
  for (int32_t from = y - 2 < 0 ? 0 : y - 2; from <= y + 2 && from < out_shape.h; from++)
    for (int32_t ky = 0; ky < 3; ky++)
      if (wct_reference_reflect (from + ky - 1, out_shape.h) == y)
        for (int32_t o = 0; o < conv->out_c; o++)
          spread_row (conv->weight + (((size_t)o * (size_t)conv->in_c + (size_t)c) * 3 + (size_t)ky) * 3,
                      row_of (out_gradient, out_shape, o, from), out_shape.w, padded);
}

void
wct_reference_convolve_back (const WctConv *conv, WctShape in_shape, const float *out_gradient, float *in_gradient,
                             double *rows)
{
  const WctShape out_shape = { conv->out_c, in_shape.h, in_shape.w };
  const size_t   padded_columns = (size_t)in_shape.w + 2;

  for (int32_t c = 0; c < in_shape.c; c++)
    for (int32_t y = 0; y < in_shape.h; y++)
      {
        memset (rows, 0, padded_columns * sizeof *rows);
        gather_row_gradient (conv, out_shape, out_gradient, c, y, rows);
        fold_row (rows, in_shape.w, rows + padded_columns, row_to_write (in_gradient, in_shape, c, y));
      }
}

/* ---- Convolution: the weights' gradient ---------------------------------------------------------------------- */

/* What a row gives to the nine weights between two channels. @rows: (3, stride), padded input; @sums: (3, 3) */
static void
correlate_rows (const double *rows, size_t stride, const float *gradient, int32_t columns, double *sums)
{
  double row_sums[9] = { 0 };

  for (int32_t x = 0; x < columns; x++)
    for (size_t ky = 0; ky < 3; ky++)
      for (size_t kx = 0; kx < 3; kx++)
        row_sums[ky * 3 + kx] += gradient[x] * rows[ky * stride + (size_t)x + kx];
  for (int i = 0; i < 9; i++)
    sums[i] += row_sums[i];
}

void
wct_reference_convolve_weights_back (const WctConv *conv, WctShape in_shape, const float *in, const float *out_gradient,
                                     double *rows, double *sums)
{
  const WctShape out_shape = { conv->out_c, in_shape.h, in_shape.w };
  const size_t   in_c = (size_t)conv->in_c, out_c = (size_t)conv->out_c, stride = (size_t)in_shape.w + 2;
  double        *bias_sums = sums + out_c * in_c * 9;

  for (int32_t y = 0; y < in_shape.h; y++)
    {
      wct_reference_gather_rows (in_shape, in, y, rows);
      for (size_t o = 0; o < out_c; o++)
        {
          const float *gradient = row_of (out_gradient, out_shape, (int32_t)o, y);

          for (size_t c = 0; c < in_c; c++)
            correlate_rows (rows + c * 3 * stride, stride, gradient, in_shape.w, sums + (o * in_c + c) * 9);
          for (int32_t x = 0; x < in_shape.w; x++)
            bias_sums[o] += gradient[x];
        }
    }
}

/* ---- Embedding: a matrix at each position --------------------------------------------------------------------- */

void
wct_reference_embed (const WctConv *conv, WctShape in_shape, const float *in, float *out)
{
  const size_t positions = plane_of (in_shape), in_c = (size_t)conv->in_c;

  for (size_t o = 0; o < (size_t)conv->out_c; o++)
    for (size_t p = 0; p < positions; p++)
      {
        double sum = conv->bias[o];

        for (size_t c = 0; c < in_c; c++)
          sum += (double)conv->weight[o * in_c + c] * in[c * positions + p];
        out[o * positions + p] = (float)(conv->relu && sum < 0 ? 0 : sum);
      }
}

void
wct_reference_embed_back (const WctConv *conv, WctShape in_shape, const float *out_gradient, float *in_gradient)
{
  const size_t positions = plane_of (in_shape), in_c = (size_t)conv->in_c;

  for (size_t c = 0; c < in_c; c++)
    for (size_t p = 0; p < positions; p++)
      {
        double sum = 0;

        for (size_t o = 0; o < (size_t)conv->out_c; o++)
          sum += (double)conv->weight[o * in_c + c] * out_gradient[o * positions + p];
        in_gradient[c * positions + p] = (float)sum;
      }
}

void
wct_reference_embed_weights_back (const WctConv *conv, WctShape in_shape, const float *in, const float *out_gradient,
                                  double *sums)
{
  const size_t positions = plane_of (in_shape), in_c = (size_t)conv->in_c, out_c = (size_t)conv->out_c;
  double      *bias_sums = sums + out_c * in_c;

  for (size_t o = 0; o < out_c; o++)
    for (size_t p = 0; p < positions; p++)
      {
        const double gradient = out_gradient[o * positions + p];

        for (size_t c = 0; c < in_c; c++)
          sums[o * in_c + c] += gradient * in[c * positions + p];
        bias_sums[o] += gradient;
      }
}

/* ---- Resampling --------------------------------------------------------------------------------------------- */

/* The first maximum of a window in row-major order takes the gradient. A last odd row or column is in no window. */
void
wct_reference_pool_back (WctShape in_shape, const float *in, const float *out_gradient, float *in_gradient)
{
  const WctShape out_shape = { in_shape.c, in_shape.h / 2, in_shape.w / 2 };

  memset (in_gradient, 0, (size_t)in_shape.c * plane_of (in_shape) * sizeof *in_gradient);
  for (int32_t c = 0; c < out_shape.c; c++)
    for (int32_t y = 0; y < out_shape.h; y++)
      for (int32_t x = 0; x < out_shape.w; x++)
        {
          const float *window = row_of (in, in_shape, c, 2 * y) + 2 * x;
          const size_t places[4] = { 0, 1, (size_t)in_shape.w, (size_t)in_shape.w + 1 };
          size_t       first = places[0];

          for (int i = 1; i < 4; i++)
            if (window[places[i]] > window[first])
              first = places[i];
          row_to_write (in_gradient, in_shape, c, 2 * y)[2 * (size_t)x + first] =
            row_of (out_gradient, out_shape, c, y)[x];
        }
}

void
wct_reference_upsample_back (WctShape in_shape, const float *out_gradient, float *in_gradient)
{
  const WctShape out_shape = { in_shape.c, in_shape.h * 2, in_shape.w * 2 };

  for (int32_t c = 0; c < in_shape.c; c++)
    for (int32_t y = 0; y < in_shape.h; y++)
      {
        const float *upper = row_of (out_gradient, out_shape, c, 2 * y);
        const float *lower = row_of (out_gradient, out_shape, c, 2 * y + 1);
        float       *row = row_to_write (in_gradient, in_shape, c, y);

        for (int32_t x = 0; x < in_shape.w; x++)
          row[x] = (float)((double)upper[2 * x] + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1]);
      }
}
