/* Each result by its formula, element by element, in double. */
#include "naive.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static float
at (WctShape shape, const float *map, int32_t c, int32_t y, int32_t x)
{
  return map[((size_t)c * (size_t)shape.h + (size_t)y) * (size_t)shape.w + (size_t)x];
}

/* … 2 1 0 1 2 … n-2 n-1 n-2 …: the distance to the next multiple of the period 2 (n - 1). */
static int32_t
mirrored (int32_t i, int32_t n)
{
  const int32_t period = n > 1 ? 2 * (n - 1) : 1;
  const int32_t rest = ((i % period) + period) % period;

  return rest < n ? rest : period - rest;
}

static float
convolved (const WctConv *conv, WctShape shape, const float *in, int32_t o, int32_t y, int32_t x)
{
  double sum = conv->bias[o];

  for (int32_t c = 0; c < conv->in_c; c++)
    for (int32_t ky = 0; ky < 3; ky++)
      for (int32_t kx = 0; kx < 3; kx++)
        sum += (double)conv->weight[((o * conv->in_c + c) * 3 + ky) * 3 + kx]
               * at (shape, in, c, mirrored (y + ky - 1, shape.h), mirrored (x + kx - 1, shape.w));
  return (float)(conv->relu ? fmax (sum, 0) : sum);
}

static float
element (const WctLayer *layer, WctShape shape, const float *in, int32_t c, int32_t y, int32_t x)
{
  switch (layer->kind)
    {
    case WCT_LAYER_CONV:
      return convolved (&layer->conv, shape, in, c, y, x);
    case WCT_LAYER_POOL:
      return fmaxf (fmaxf (at (shape, in, c, 2 * y, 2 * x), at (shape, in, c, 2 * y, 2 * x + 1)),
                    fmaxf (at (shape, in, c, 2 * y + 1, 2 * x), at (shape, in, c, 2 * y + 1, 2 * x + 1)));
    case WCT_LAYER_UPSAMPLE:
      return at (shape, in, c, y / 2, x / 2);
    case WCT_LAYER_EMBED:
      break;
    }
  abort ();
}

void
naive_layers (const WctLayer *layers, int count, WctShape in_shape, const float *in, float *out)
{
  Buffer map = buffer_new (count_floats (in_shape));

  memcpy (map.values, in, map.count * sizeof (float));
  for (int i = 0; i < count; i++)
    {
      const WctShape shape = wct_layer_shape (&layers[i], in_shape);
      Buffer         next = buffer_new (count_floats (shape));
      float         *value = next.values;

      for (int32_t c = 0; c < shape.c; c++)
        for (int32_t y = 0; y < shape.h; y++)
          for (int32_t x = 0; x < shape.w; x++)
            *value++ = element (&layers[i], in_shape, map.values, c, y, x);
      buffer_free (&map);
      map = next;
      in_shape = shape;
    }
  memcpy (out, map.values, map.count * sizeof (float));
  buffer_free (&map);
}

static double
weight_of (const float *weights, size_t position)
{
  return weights == NULL ? 1 : (double)weights[position];
}

void
naive_moments (WctShape shape, const float *features, const float *weights, WctMoments *out)
{
  const size_t positions = (size_t)shape.h * (size_t)shape.w, channels = (size_t)shape.c;

  memset (out->mean, 0, channels * sizeof (double));
  memset (out->covariance, 0, channels * channels * sizeof (double));
  out->weight = 0;
  for (size_t p = 0; p < positions; p++)
    out->weight += weight_of (weights, p);
  for (size_t c = 0; c < channels && out->weight > 0; c++)
    for (size_t p = 0; p < positions; p++)
      out->mean[c] += weight_of (weights, p) / out->weight * features[c * positions + p];
  for (size_t i = 0; i < channels && out->weight > 1; i++)
    for (size_t k = 0; k < channels; k++)
      for (size_t p = 0; p < positions; p++)
        out->covariance[i * channels + k] += weight_of (weights, p) * (features[i * positions + p] - out->mean[i])
                                             * (features[k * positions + p] - out->mean[k]) / (out->weight - 1);
}

void
naive_affine (WctShape shape, const float *features, const float *weights, const WctAffine *affine, float *out)
{
  const size_t positions = (size_t)shape.h * (size_t)shape.w, channels = (size_t)shape.c;

  for (size_t p = 0; p < positions; p++)
    for (size_t o = 0; o < channels; o++)
      {
        const double weight = weight_of (weights, p);
        float       *to = &out[o * positions + p];
        double       sum = affine->bias[o];

        for (size_t c = 0; c < channels; c++)
          sum += affine->matrix[o * channels + c] * (features[c * positions + p] - affine->center[c]);
        *to = (float)(weight == 1 ? sum : *to + weight * (sum - features[o * positions + p]));
      }
}
