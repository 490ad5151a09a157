/* Shapes and costs of layer lists. */
#include "network.h"

WctShape
wct_layer_shape (const WctLayer *layer, WctShape in)
{
  switch (layer->kind)
    {
    case WCT_LAYER_CONV:
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
      if (layers[i].kind == WCT_LAYER_CONV)
        work += 9.0 * layers[i].conv.in_c * layers[i].conv.out_c * in.h * in.w;
      in = wct_layer_shape (&layers[i], in);
    }
  return work;
}
