/* Random weights of one variance; plans of layers as models have them. */
#include "layer-case.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void
begin_case (LayerCase *layers, int32_t channels, int32_t height, int32_t width)
{
  memset (layers, 0, sizeof *layers);
  layers->in = layers->out = (WctShape){ channels, height, width };
}

void
add_resampling (LayerCase *layers, WctLayerKind kind)
{
  WctLayer *layer = &layers->layers[layers->count++];

  layer->kind = kind;
  layers->out = wct_layer_shape (layer, layers->out);
}

static void
add_kernel (Checker *checker, LayerCase *layers, WctLayerKind kind, int32_t out_c, bool relu)
{
  const int index = layers->count++;
  WctLayer *layer = &layers->layers[index];

  layer->kind = kind;
  const size_t in_c = (size_t)layers->out.c, taps = (size_t)(wct_layer_side (layer) * wct_layer_side (layer));
  const double spread = sqrt (3.0 / (double)(in_c * taps)); /* a variance of 1 / n keeps values near 1 in any list */
  layers->weights[index] = buffer_new ((size_t)out_c * in_c * taps);
  layers->biases[index] = buffer_new ((size_t)out_c);
  buffer_fill (checker, &layers->weights[index], -spread, spread);
  buffer_fill (checker, &layers->biases[index], -0.5, 0.5);
  layer->conv = (WctConv){ .in_c = (int32_t)in_c,
                           .out_c = out_c,
                           .weight = layers->weights[index].values,
                           .bias = layers->biases[index].values,
                           .relu = relu };
  snprintf (layer->conv.name, sizeof layer->conv.name, "checkop.conv%d", index);
  layers->out = wct_layer_shape (layer, layers->out);
}

void
add_convolution (Checker *checker, LayerCase *layers, int32_t out_c, bool relu)
{
  add_kernel (checker, layers, WCT_LAYER_CONV, out_c, relu);
}

void
add_embedding (Checker *checker, LayerCase *layers, int32_t out_c, bool relu)
{
  add_kernel (checker, layers, WCT_LAYER_EMBED, out_c, relu);
}

void
free_case (LayerCase *layers)
{
  for (int i = 0; i < layers->count; i++)
    {
      buffer_free (&layers->weights[i]);
      buffer_free (&layers->biases[i]);
    }
}

void
describe (Checker *checker, const LayerCase *layers)
{
  size_t used =
    (size_t)snprintf (checker->what, sizeof checker->what, "%dx%dx%d", layers->in.c, layers->in.h, layers->in.w);

  for (int i = 0; i < layers->count && used < sizeof checker->what; i++)
    {
      const WctLayer *layer = &layers->layers[i];
      char           *end = checker->what + used;
      const size_t    left = sizeof checker->what - used;

      if (wct_layer_side (layer) > 0)
        used +=
          (size_t)snprintf (end, left, ", %s to %d%s", layer->kind == WCT_LAYER_CONV ? "convolution" : "embedding",
                            layer->conv.out_c, layer->conv.relu ? " relu" : "");
      else
        used += (size_t)snprintf (end, left, layer->kind == WCT_LAYER_POOL ? ", pool" : ", upsample");
    }
}

void
limit_work (double work, int32_t in_c, int32_t out_c, int32_t *height, int32_t *width)
{
  while (*height * *width > 1 && 9.0 * in_c * out_c * *height * *width > work)
    {
      int32_t *longer = *height > *width ? height : width;

      *longer /= 2;
    }
}

static int32_t
random_width (Checker *checker)
{
  const int32_t widths[] = { 3, 8, 16, 21, 32, 48 };

  return widths[random_integer (checker, 0, 5)];
}

void
make_encoder (Checker *checker, LayerCase *layers, int32_t height, int32_t width)
{
  begin_case (layers, 3, height * 4, width * 4);
  for (int block = 0; block < 2; block++)
    {
      const int convolutions = random_integer (checker, 1, 2);

      for (int i = 0; i < convolutions; i++)
        add_convolution (checker, layers, random_width (checker), true);
      add_resampling (layers, WCT_LAYER_POOL);
    }
  add_convolution (checker, layers, random_width (checker), true);
}

void
make_decoder (Checker *checker, LayerCase *layers, int32_t height, int32_t width)
{
  begin_case (layers, random_width (checker), height, width);
  add_convolution (checker, layers, random_width (checker), true);
  for (int block = 0; block < 2; block++)
    {
      const int convolutions = random_integer (checker, 0, 2);

      add_resampling (layers, WCT_LAYER_UPSAMPLE);
      for (int i = 0; i < convolutions; i++)
        add_convolution (checker, layers, random_width (checker), true);
    }
  add_convolution (checker, layers, 3, random_integer (checker, 0, 1));
}

static const int block_convolutions[5] = { 2, 2, 4, 4, 1 }; /* VGG-19's; the deepest level taps its block's first */

void
make_whole_encoder (Checker *checker, LayerCase *layers, const int32_t channels[5], int level, int32_t height,
                    int32_t width)
{
  begin_case (layers, 3, height, width);
  for (int block = 1; block < level; block++)
    {
      for (int i = 0; i < block_convolutions[block - 1]; i++)
        add_convolution (checker, layers, channels[block - 1], true);
      add_resampling (layers, WCT_LAYER_POOL);
    }
  add_convolution (checker, layers, channels[level - 1], true);
}

void
make_whole_decoder (Checker *checker, LayerCase *layers, const int32_t channels[5], int level, int32_t height,
                    int32_t width)
{
  begin_case (layers, channels[level - 1], height >> (level - 1), width >> (level - 1));
  for (int block = level; block >= 1; block--)
    {
      const int32_t next = block > 1 ? channels[block - 2] : 3;

      if (block < level)
        {
          add_resampling (layers, WCT_LAYER_UPSAMPLE);
          for (int i = 1; i < block_convolutions[block - 1]; i++)
            add_convolution (checker, layers, channels[block - 1], true);
        }
      add_convolution (checker, layers, next, block > 1);
    }
}
