/* Random lists of layers, from a single one to whole networks. */
#ifndef CHECKOP_LAYER_CASE_H
#define CHECKOP_LAYER_CASE_H

#include "checkop.h"

typedef struct
{
  WctLayer layers[WCT_NETWORK_LAYERS_MAX];
  Buffer   weights[WCT_NETWORK_LAYERS_MAX], biases[WCT_NETWORK_LAYERS_MAX];
  int      count;
  WctShape in, out;
} LayerCase;

void begin_case (LayerCase *layers, int32_t channels, int32_t height, int32_t width);
void add_resampling (LayerCase *layers, WctLayerKind kind);
void add_convolution (Checker *checker, LayerCase *layers, int32_t out_c, bool relu);
void add_embedding (Checker *checker, LayerCase *layers, int32_t out_c, bool relu);
void free_case (LayerCase *layers);

/* Into checker->what. */
void describe (Checker *checker, const LayerCase *layers);

/* Two blocks of random widths; of features that are height × width. */
void make_encoder (Checker *checker, LayerCase *layers, int32_t height, int32_t width);
void make_decoder (Checker *checker, LayerCase *layers, int32_t height, int32_t width);

/* The networks of VGG-19's plan with @channels in its five blocks, for pictures of height × width, up to relu<level>_1
 * and back. */
void make_whole_encoder (Checker *checker, LayerCase *layers, const int32_t channels[5], int level, int32_t height,
                         int32_t width);
void make_whole_decoder (Checker *checker, LayerCase *layers, const int32_t channels[5], int level, int32_t height,
                         int32_t width);

/* Sides are halved until a convolution costs no more than @work multiply-adds, or to 1. */
void limit_work (double work, int32_t in_c, int32_t out_c, int32_t *height, int32_t *width);

#endif
