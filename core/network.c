/* Shapes and costs of layer lists. */
#include "network.h"

int32_t
wct_layer_side (const WctLayer *layer)
{
  return layer->kind == WCT_LAYER_CONV ? 3 : layer->kind == WCT_LAYER_EMBED ? 1 : 0;
}

size_t
wct_layer_parameters (const WctLayer *layer)
{
  const size_t side = (size_t)wct_layer_side (layer);

  return side == 0 ? 0 : ((size_t)layer->conv.in_c * side * side + 1) * (size_t)layer->conv.out_c;
}

size_t
wct_layers_parameters (const WctLayer *layers, int count)
{
  size_t parameters = 0;

  for (int i = 0; i < count; i++)
    parameters += wct_layer_parameters (&layers[i]);
  return parameters;
}

WctShape
wct_layer_shape (const WctLayer *layer, WctShape in)
{
  switch (layer->kind)
    {
    case WCT_LAYER_CONV:
    case WCT_LAYER_EMBED:
      in.c = layer->conv.out_c;
      break;
    case WCT_LAYER_POOL:
      in.h /= 2;
      in.w /= 2;
      break;
    case WCT_LAYER_UPSAMPLE:
      in.h *= 2;
      in.w *= 2;
      break;
    }
  return in;
}

WctShape
wct_layers_shape (const WctLayer *layers, int count, WctShape in)
{
  for (int i = 0; i < count; i++)
    in = wct_layer_shape (&layers[i], in);
  return in;
}

double
wct_layers_work (const WctLayer *layers, int count, WctShape in)
{
  double work = 0;

  for (int i = 0; i < count; i++)
    {
      const double side = wct_layer_side (&layers[i]);

      if (side > 0)
        work += side * side * layers[i].conv.in_c * layers[i].conv.out_c * in.h * in.w;
      in = wct_layer_shape (&layers[i], in);
    }
  return work;
}
