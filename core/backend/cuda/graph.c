/* What the graphs are, dimensions in cuDNN's order (maps, lanes, rows, columns), in memory lanes come first:
 *
 *   forward       (map, weights, bias) -> convolution -> + bias -> ReLU -> result; sums are float
 *   data back     (gradient, weights) -> gradient of the padded map
 *   weights back  (map, gradient) -> gradient of the weights
 *
 * Everything is of the shape's element, the bias, too: engines that cuDNN has ready-made take no other, and compiling
 * one takes a third of a second for each shape. Maps come padded, so no convolution pads. Calls of cuDNN are many and
 * small: a failure is remembered, and the calls after it do nothing, so that what describes a graph reads as a
 * description. */
#include "graph.h"

#include <string.h>

#include "engine.h"
#include "mem.h"

#define PARTS_MAX 16
#define ALIGNMENT 16 /* bytes: 8 lanes of 2 */

enum
{
  FIRST = 1,
  SECOND,
  BIAS,
  RESULT,
  SUMS, /* between the operations, in no memory */
  BIASED
};

struct WctGraph
{
  WctGraphTarget           target; /* borrowed */
  WctGraphKind             kind;
  WctConvolutionShape      shape;
  cudnnBackendDescriptor_t parts[PARTS_MAX]; /* owned; the operations are made of them, and the last of them */
  int                      part_count;
  cudnnStatus_t            status; /* of the first call that failed */
  WctEngines               engines;
};

/* ---- Descriptors ------------------------------------------------------------------------------------------------ */

static cudnnBackendDescriptor_t
begin (WctGraph *graph, cudnnBackendDescriptorType_t type)
{
  cudnnBackendDescriptor_t part = NULL;

  if (graph->status == CUDNN_STATUS_SUCCESS)
    graph->status = cudnnBackendCreateDescriptor (type, &part);
  if (graph->status == CUDNN_STATUS_SUCCESS)
    graph->parts[graph->part_count++] = part;
  return part;
}

static void
set (WctGraph *graph, cudnnBackendDescriptor_t part, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
     int64_t count, const void *values)
{
  if (graph->status == CUDNN_STATUS_SUCCESS)
    graph->status = cudnnBackendSetAttribute (part, name, type, count, values);
}

static void
set_part (WctGraph *graph, cudnnBackendDescriptor_t part, cudnnBackendAttributeName_t name,
          cudnnBackendDescriptor_t value)
{
  set (graph, part, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value);
}

static void
set_type (WctGraph *graph, cudnnBackendDescriptor_t part, cudnnBackendAttributeName_t name, cudnnDataType_t value)
{
  set (graph, part, name, CUDNN_TYPE_DATA_TYPE, 1, &value);
}

static void
finish (WctGraph *graph, cudnnBackendDescriptor_t part)
{
  if (graph->status == CUDNN_STATUS_SUCCESS)
    graph->status = cudnnBackendFinalize (part);
}

/* ---- Tensors ---------------------------------------------------------------------------------------------------- */

static cudnnDataType_t
data_type (WctElement element)
{
  return element == WCT_ELEMENT_F16    ? CUDNN_DATA_HALF
         : element == WCT_ELEMENT_BF16 ? CUDNN_DATA_BFLOAT16
                                       : CUDNN_DATA_FLOAT;
}

static cudnnBackendDescriptor_t
tensor (WctGraph *graph, int64_t id, cudnnDataType_t type, const int64_t size[4])
{
  const cudnnBackendDescriptor_t part = begin (graph, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  const int64_t                  strides[4] = { size[2] * size[3] * size[1], 1, size[3] * size[1], size[1] };
  const int64_t                  alignment = ALIGNMENT;
  const bool                     inside = id == SUMS || id == BIASED;

  set_type (graph, part, CUDNN_ATTR_TENSOR_DATA_TYPE, type);
  set (graph, part, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, size);
  set (graph, part, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides);
  set (graph, part, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &id);
  set (graph, part, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment);
  set (graph, part, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &inside);
  finish (graph, part);
  return part;
}

/* What is convolved: (count, in_lanes, rows + 2, columns + 2) */
static cudnnBackendDescriptor_t
padded_map (WctGraph *graph, int64_t id)
{
  const WctConvolutionShape *s = &graph->shape;

  return tensor (graph, id, data_type (s->element),
                 (const int64_t[]){ s->count, s->in_lanes, s->rows + s->side - 1, s->columns + s->side - 1 });
}

static cudnnBackendDescriptor_t
result_map (WctGraph *graph, int64_t id, cudnnDataType_t type)
{
  const WctConvolutionShape *s = &graph->shape;

  return tensor (graph, id, type, (const int64_t[]){ s->count, s->out_lanes, s->rows, s->columns });
}

static cudnnBackendDescriptor_t
weights (WctGraph *graph, int64_t id)
{
  const WctConvolutionShape *s = &graph->shape;

  return tensor (graph, id, data_type (s->element), (const int64_t[]){ s->out_lanes, s->in_lanes, s->side, s->side });
}

/* ---- Operations ------------------------------------------------------------------------------------------------- */

static cudnnBackendDescriptor_t
convolution (WctGraph *graph)
{
  const cudnnBackendDescriptor_t part = begin (graph, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  const cudnnConvolutionMode_t   mode = CUDNN_CROSS_CORRELATION;
  const int64_t                  dimensions = 2, ones[2] = { 1, 1 }, zeros[2] = { 0, 0 };

  set_type (graph, part, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT);
  set (graph, part, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
  set (graph, part, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &dimensions);
  set (graph, part, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, ones);
  set (graph, part, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, ones);
  set (graph, part, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, zeros);
  set (graph, part, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, zeros);
  finish (graph, part);
  return part;
}

/* The names of a convolution's attributes in each direction. */
static const struct
{
  cudnnBackendDescriptorType_t type;
  cudnnBackendAttributeName_t  convolution, alpha, beta, map, weights, result;
} names[WCT_GRAPH_KINDS] = {
  [WCT_GRAPH_FORWARD] = { CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,
                          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y },
  [WCT_GRAPH_DATA_BACK] = { CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY },
  [WCT_GRAPH_WEIGHTS_BACK] = { CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY },
};

static cudnnBackendDescriptor_t
convolve (WctGraph *graph, cudnnBackendDescriptor_t map, cudnnBackendDescriptor_t filter,
          cudnnBackendDescriptor_t result)
{
  const cudnnBackendDescriptor_t kind = convolution (graph), part = begin (graph, names[graph->kind].type);
  const float                    one = 1.0f, zero = 0.0f;

  set_part (graph, part, names[graph->kind].convolution, kind);
  set_part (graph, part, names[graph->kind].map, map);
  set_part (graph, part, names[graph->kind].weights, filter);
  set_part (graph, part, names[graph->kind].result, result);
  set (graph, part, names[graph->kind].alpha, CUDNN_TYPE_FLOAT, 1, &one);
  set (graph, part, names[graph->kind].beta, CUDNN_TYPE_FLOAT, 1, &zero);
  finish (graph, part);
  return part;
}

/* @second: NULL where the function has one argument. */
static cudnnBackendDescriptor_t
pointwise (WctGraph *graph, cudnnPointwiseMode_t mode, cudnnBackendDescriptor_t in, cudnnBackendDescriptor_t second,
           cudnnBackendDescriptor_t out)
{
  const cudnnBackendDescriptor_t kind = begin (graph, CUDNN_BACKEND_POINTWISE_DESCRIPTOR);

  set (graph, kind, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
  set_type (graph, kind, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
  finish (graph, kind);

  const cudnnBackendDescriptor_t part = begin (graph, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);

  set_part (graph, part, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, kind);
  set_part (graph, part, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, in);
  if (second != NULL)
    set_part (graph, part, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, second);
  set_part (graph, part, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, out);
  finish (graph, part);
  return part;
}

static void
describe_forward (WctGraph *graph, cudnnBackendDescriptor_t *list, int64_t *count)
{
  const bool                     relu = graph->shape.relu;
  const cudnnDataType_t          element = data_type (graph->shape.element);
  const cudnnBackendDescriptor_t map = padded_map (graph, FIRST);
  const cudnnBackendDescriptor_t filter = weights (graph, SECOND);
  const cudnnBackendDescriptor_t sums = result_map (graph, SUMS, CUDNN_DATA_FLOAT);
  const cudnnBackendDescriptor_t bias =
    tensor (graph, BIAS, element, (const int64_t[]){ 1, graph->shape.out_lanes, 1, 1 });
  const cudnnBackendDescriptor_t result = result_map (graph, RESULT, element);
  const cudnnBackendDescriptor_t biased = relu ? result_map (graph, BIASED, CUDNN_DATA_FLOAT) : result;

  list[(*count)++] = convolve (graph, map, filter, sums);
  list[(*count)++] = pointwise (graph, CUDNN_POINTWISE_ADD, sums, bias, biased);
  if (relu)
    list[(*count)++] = pointwise (graph, CUDNN_POINTWISE_RELU_FWD, biased, NULL, result);
}

static void
describe (WctGraph *graph)
{
  const cudnnDataType_t    element = data_type (graph->shape.element);
  cudnnBackendDescriptor_t list[3], first, second;
  int64_t                  count = 0;

  switch (graph->kind)
    {
    case WCT_GRAPH_FORWARD:
      describe_forward (graph, list, &count);
      break;
    case WCT_GRAPH_DATA_BACK:
      first = result_map (graph, FIRST, element);
      second = weights (graph, SECOND);
      list[count++] = convolve (graph, padded_map (graph, RESULT), second, first);
      break;
    case WCT_GRAPH_WEIGHTS_BACK:
      first = padded_map (graph, FIRST);
      second = result_map (graph, SECOND, element);
      list[count++] = convolve (graph, first, weights (graph, RESULT), second);
      break;
    }

  const cudnnBackendDescriptor_t all = begin (graph, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);

  set (graph, all, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, count, list);
  finish (graph, all);
}

/* ---- Making and running ----------------------------------------------------------------------------------------- */

static WctStatus
refuse (const char *what, cudnnStatus_t status, WctError *err)
{
  return wct_error_set (err, WCT_ERR_DEVICE, "cuDNN: %s: %s", what, cudnnGetErrorString (status));
}

static WctStatus
make_target (cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, size_t count, const void *value,
             WctGraphTarget *out, WctError *err)
{
  cudnnBackendDescriptor_t target = NULL;
  cudnnStatus_t            status = cudnnBackendCreateDescriptor (CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &target);

  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendSetAttribute (target, name, type, (int64_t)count, value);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendFinalize (target);
  if (status != CUDNN_STATUS_SUCCESS)
    {
      wct_engine_drop (&target);
      return refuse ("the card's description is not taken", status, err);
    }
  *out = target;
  return WCT_OK;
}

WctStatus
wct_graph_target_of_handle (cudnnHandle_t handle, WctGraphTarget *out, WctError *err)
{
  return make_target (CUDNN_ATTR_DEVICEPROP_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle, out, err);
}

WctStatus
wct_graph_target_of_json (const char *json, WctGraphTarget *out, WctError *err)
{
  return make_target (CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, strlen (json), json, out, err);
}

void
wct_graph_target_free (WctGraphTarget *target)
{
  wct_engine_drop (target);
}

WctStatus
wct_graph_new (WctGraphTarget target, const WctConvolutionShape *shape, WctGraphKind kind, WctGraph **out,
               WctError *err)
{
  WctGraph *graph = NULL;
  WctStatus status;

  WCT_TRY (wct_alloc (1, sizeof *graph, "convolution", &graph, err));
  graph->target = target;
  graph->shape = *shape;
  graph->kind = kind;
  describe (graph);
  if (graph->status != CUDNN_STATUS_SUCCESS)
    {
      status = refuse ("a convolution cannot be described", graph->status, err);
      goto out;
    }
  *out = graph;
  graph = NULL;

out:
  wct_graph_free (&graph);
  return status;
}

void
wct_graph_free (WctGraph **graph)
{
  if (*graph == NULL)
    return;
  wct_engines_clear (&(*graph)->engines);
  while ((*graph)->part_count > 0)
    wct_engine_drop (&(*graph)->parts[--(*graph)->part_count]);
  wct_free (graph);
}

WctEngines *
wct_graph_engines (WctGraph *graph)
{
  return &graph->engines;
}

int
wct_graph_plan (WctGraph *graph, int count)
{
  return wct_engines_find (&graph->engines, graph->target, graph->parts[graph->part_count - 1], &graph->shape, count);
}

bool
wct_graph_read (WctGraph *graph, const char *json, size_t size)
{
  return wct_engines_read (&graph->engines, graph->target, json, size);
}

WctStatus
wct_graph_run (WctGraph *graph, int engine, cudnnHandle_t handle, const void *first, const void *second,
               const void *bias, void *result, void *workspace, WctError *err)
{
  const int64_t            ids[] = { FIRST, SECOND, RESULT, BIAS };
  const void *const        blocks[] = { first, second, result, bias };
  const int64_t            count = bias == NULL ? 3 : 4;
  cudnnBackendDescriptor_t pack = NULL;
  cudnnStatus_t            status = cudnnBackendCreateDescriptor (CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, &pack);

  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendSetAttribute (pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, count, ids);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendSetAttribute (pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, count, blocks);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendSetAttribute (pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendFinalize (pack);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendExecute (handle, graph->engines.list[engine].plan, pack);
  wct_engine_drop (&pack);
  return status == CUDNN_STATUS_SUCCESS ? WCT_OK : refuse ("a convolution failed", status, err);
}
