/* Convolutions as cuDNN's graphs: what is computed is described, and cuDNN offers engines for it. All of it but
 * wct_graph_run works without a card, too, from a card's description. */
#ifndef WCT_CUDA_GRAPH_H
#define WCT_CUDA_GRAPH_H

#include <stddef.h>

#include <cudnn.h>

#include "device.h"
#include "engine.h"

typedef enum
{
  WCT_GRAPH_FORWARD,
  WCT_GRAPH_DATA_BACK,
  WCT_GRAPH_WEIGHTS_BACK
} WctGraphKind;

#define WCT_GRAPH_KINDS 3

typedef struct WctGraph WctGraph; /* one convolution in one direction, with engines for it */

/* What plans are made for. cuDNN's own, free it by wct_graph_target_free. */
typedef cudnnBackendDescriptor_t WctGraphTarget;

WctStatus wct_graph_target_of_handle (cudnnHandle_t handle, WctGraphTarget *out, WctError *err);

/* @json: what cuDNN wrote about a card (CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION) */
WctStatus wct_graph_target_of_json (const char *json, WctGraphTarget *out, WctError *err);
void      wct_graph_target_free (WctGraphTarget *target);

/**
 * wct_graph_new: describe the convolution; it has no engines yet.
 * @target: borrowed until the graph is freed
 */
WctStatus wct_graph_new (WctGraphTarget target, const WctConvolutionShape *shape, WctGraphKind kind, WctGraph **out,
                         WctError *err);
void      wct_graph_free (WctGraph **graph);

/* Finds engines for it, as wct_engines_find does, and as wct_engines_read. */
int  wct_graph_plan (WctGraph *graph, int count);
bool wct_graph_read (WctGraph *graph, const char *json, size_t size);

WctEngines *wct_graph_engines (WctGraph *graph);

/**
 * wct_graph_run: put the work into the handle's stream.
 * @first, @second: forward: map, weights; data back: gradient, weights; weights back: map, gradient
 * @bias: forward only, else NULL
 * @result: all of the shape's element, in device memory
 * @workspace: as many bytes as the engine wants; may be NULL where that is 0
 */
WctStatus wct_graph_run (WctGraph *graph, int engine, cudnnHandle_t handle, const void *first, const void *second,
                         const void *bias, void *result, void *workspace, WctError *err);

#endif
