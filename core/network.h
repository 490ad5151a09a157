/* Layer lists: what a back end makes plans for. */
#ifndef WCT_NETWORK_H
#define WCT_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* N is always 1: (channels, rows, columns). */
typedef struct
{
  int32_t c, h, w;
} WctShape;

/* A 3×3 convolution, stride 1, preceded by reflection padding of 1 (a side of 1 repeats its pixel). In an embedding
 * 1×1, and no padding. */
typedef struct
{
  char         name[40]; /* the tensors' name without .weight: "encoder4.conv3_2" */
  int32_t      in_c, out_c;
  const float *weight; /* (out_c, in_c, side, side), borrowed from the model */
  const float *bias;   /* (out_c) */
  bool         relu;   /* is the result clamped at 0? */
} WctConv;

typedef enum
{
  WCT_LAYER_CONV,
  WCT_LAYER_POOL,     /* 2×2 maximum, stride 2; sides are even */
  WCT_LAYER_UPSAMPLE, /* nearest, ×2 */
  WCT_LAYER_EMBED     /* a 1×1 convolution: for training only, where a thin network learns from a wide one */
} WctLayerKind;

typedef struct
{
  WctLayerKind kind;
  WctConv      conv; /* where kind is WCT_LAYER_CONV or WCT_LAYER_EMBED */
} WctLayer;

#define WCT_NETWORK_LAYERS_MAX 32

typedef struct
{
  WctLayer layers[WCT_NETWORK_LAYERS_MAX];
  int      count;
} WctNetwork;

/* The side of a layer's kernel: 3 or 1; 0 where it has none. */
int32_t wct_layer_side (const WctLayer *layer);

/* Weights and biases of a layer, and of all convolutions. */
size_t wct_layer_parameters (const WctLayer *layer);
size_t wct_layers_parameters (const WctLayer *layers, int count);

/* The shape after one layer, and after all. */
WctShape wct_layer_shape (const WctLayer *layer, WctShape in);
WctShape wct_layers_shape (const WctLayer *layers, int count, WctShape in);

/* Multiply-adds of the convolutions: what progress is measured in. */
double wct_layers_work (const WctLayer *layers, int count, WctShape in);

#endif
