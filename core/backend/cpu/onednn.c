/* Convolutions by oneDNN, through the 2.x or the 3.x C API: they differ in how descriptors are made, not in what is
 * computed. */
#include "onednn.h"

#include <stdio.h>
#include <string.h>

#include <oneapi/dnnl/dnnl_version.h>

#include "mem.h"

#define DNNL_IS_3 (DNNL_VERSION_MAJOR >= 3)

#if DNNL_IS_3
typedef dnnl_memory_desc_t       Descriptor;         /* opaque, owned */
typedef const_dnnl_memory_desc_t BorrowedDescriptor; /* owned by a primitive descriptor */
#else
typedef dnnl_memory_desc_t        Descriptor;
typedef const dnnl_memory_desc_t *BorrowedDescriptor;
#endif

typedef enum
{
  SOURCE,
  WEIGHTS,
  BIAS,
  DESTINATION,
  DESCRIPTOR_COUNT
} DescriptorRole;

struct WctDnnlConv
{
  WctDnnlConvShape      shape;
  dnnl_engine_t         engine; /* borrowed from the back end */
  dnnl_primitive_desc_t description;
  dnnl_primitive_t      primitive;
  char                  implementation[64];
};

struct WctDnnlWeights
{
  WctDnnlConvShape      shape;       /* channels and side count */
  dnnl_engine_t         engine;      /* borrowed from the back end */
  dnnl_primitive_desc_t description; /* a clone: keeps the layout's descriptor alive */
  void                 *data;        /* owned */
};

/* libgomp's, which oneDNN's OpenMP build runs on. Declared here: <omp.h> would be the compiler's own runtime's. */
#if WCT_HAVE_GOMP
int  omp_get_max_threads (void);
void omp_set_num_threads (int count);
#endif

int
wct_dnnl_begin_single_thread (void)
{
#if WCT_HAVE_GOMP
  const int before = omp_get_max_threads ();
  if (before != 1)
    omp_set_num_threads (1);
  return before;
#else
  return 1;
#endif
}

void
wct_dnnl_end_single_thread (int before)
{
#if WCT_HAVE_GOMP
  if (before != 1)
    omp_set_num_threads (before);
#else
  (void)before;
#endif
}

static WctStatus
failed (const char *name, const char *call, dnnl_status_t code, WctError *err)
{
  if (code == dnnl_out_of_memory)
    return wct_error_set (err, WCT_ERR_NO_MEMORY, "%s: oneDNN is out of memory; use a smaller size", name);
  return wct_error_set (err, WCT_ERR_DEVICE, "%s: oneDNN's %s failed with code %d; try --backend reference", name, call,
                        (int)code);
}

const char *
wct_dnnl_version (void)
{
  static char           text[32];
  const dnnl_version_t *version = dnnl_version ();

  snprintf (text, sizeof text, "%d.%d.%d", version->major, version->minor, version->patch);
  return text;
}

static bool
has_isa (dnnl_cpu_isa_t wanted)
{
  return ((unsigned)dnnl_get_effective_cpu_isa () & (unsigned)wanted) == (unsigned)wanted;
}

bool
wct_dnnl_has_avx512 (void)
{
  return has_isa (dnnl_cpu_isa_avx512_core);
}

bool
wct_dnnl_has_avx2 (void)
{
  return has_isa (dnnl_cpu_isa_avx2);
}

bool
wct_dnnl_has_bf16 (void)
{
  return has_isa (dnnl_cpu_isa_avx512_core_bf16);
}

const char *
wct_dnnl_isa (void)
{
  return wct_dnnl_has_avx512 () ? "AVX-512" : wct_dnnl_has_avx2 () ? "AVX2" : "SSE4.1";
}

WctStatus
wct_dnnl_engine_new (dnnl_engine_t *out, WctError *err)
{
  const dnnl_status_t code = dnnl_engine_create (out, dnnl_cpu, 0);

  return code == dnnl_success ? WCT_OK : failed ("cpu", "dnnl_engine_create", code, err);
}

void
wct_dnnl_engine_free (dnnl_engine_t *engine)
{
  if (*engine != NULL)
    dnnl_engine_destroy (*engine);
  *engine = NULL;
}

/* ---- The four descriptors of a convolution ------------------------------------------------------------------ */

static dnnl_status_t
describe (Descriptor *out, int rank, const dnnl_dims_t dims, dnnl_data_type_t type, dnnl_format_tag_t tag)
{
#if DNNL_IS_3
  return dnnl_memory_desc_create_with_tag (out, rank, dims, type, tag);
#else
  return dnnl_memory_desc_init_by_tag (out, rank, dims, type, tag);
#endif
}

static void
forget_descriptors (Descriptor descriptors[DESCRIPTOR_COUNT])
{
#if DNNL_IS_3
  for (int i = 0; i < DESCRIPTOR_COUNT; i++)
    if (descriptors[i] != NULL)
      dnnl_memory_desc_destroy (descriptors[i]);
#else
  (void)descriptors;
#endif
}

static dnnl_status_t
describe_all (const WctDnnlConvShape *shape, Descriptor descriptors[DESCRIPTOR_COUNT])
{
  const dnnl_format_tag_t blocked = shape->block == 16 ? dnnl_nChw16c : shape->block == 8 ? dnnl_nChw8c : dnnl_nchw;
  const dnnl_dims_t       source = { shape->count, shape->in_c, shape->rows + shape->side - 1,
                                     shape->columns + shape->side - 1 };
  const dnnl_dims_t       weights = { shape->out_c, shape->in_c, shape->side, shape->side };
  const dnnl_dims_t       bias = { shape->out_c };
  const dnnl_dims_t       destination = { shape->count, shape->out_c, shape->rows, shape->columns };
  const dnnl_data_type_t  factor = shape->bf16 ? dnnl_bf16 : dnnl_f32;
  dnnl_status_t           code;

  memset (descriptors, 0, DESCRIPTOR_COUNT * sizeof *descriptors);
  code = describe (&descriptors[SOURCE], 4, source, shape->direction == WCT_DNNL_BACKWARD_DATA ? dnnl_f32 : factor,
                   shape->planar_source ? dnnl_nchw : blocked);
  if (code == dnnl_success)
    code = describe (&descriptors[WEIGHTS], 4, weights,
                     shape->direction == WCT_DNNL_BACKWARD_WEIGHTS ? dnnl_f32 : factor, dnnl_format_tag_any);
  if (code == dnnl_success)
    code = describe (&descriptors[BIAS], 1, bias, dnnl_f32, dnnl_x);
  if (code == dnnl_success)
    code = describe (&descriptors[DESTINATION], 4, destination,
                     shape->direction == WCT_DNNL_FORWARD ? dnnl_f32 : factor, blocked);
  return code;
}

/* ReLU after the sum, and scratch memory from the caller: oneDNN's own would be kept for each primitive. */
static dnnl_status_t
make_attributes (bool relu, dnnl_primitive_attr_t *out)
{
  dnnl_post_ops_t post = NULL;
  dnnl_status_t   code = dnnl_primitive_attr_create (out);

  if (code == dnnl_success)
    code = dnnl_primitive_attr_set_scratchpad_mode (*out, dnnl_scratchpad_mode_user);
  if (code == dnnl_success && relu)
    {
      code = dnnl_post_ops_create (&post);
#if DNNL_IS_3
      if (code == dnnl_success)
        code = dnnl_post_ops_append_eltwise (post, dnnl_eltwise_relu, 0.f, 0.f);
#else
      if (code == dnnl_success)
        code = dnnl_post_ops_append_eltwise (post, 1.f, dnnl_eltwise_relu, 0.f, 0.f);
#endif
      if (code == dnnl_success)
        code = dnnl_primitive_attr_set_post_ops (*out, post);
      if (post != NULL)
        dnnl_post_ops_destroy (post);
    }
  return code;
}

static const char *
implementation_of (dnnl_primitive_desc_t description)
{
  const char *name = "";

  dnnl_primitive_desc_query (description, dnnl_query_impl_info_str, 0, &name);
  return name;
}

/* Reference implementations are hundreds of times slower; and of Winograd's, F(2,3) stands before F(4,3) in oneDNN's
 * list but saves less: 64 to 64 channels, 10 layers, 15.5 against 13.4 ms. */
static bool
is_slow (dnnl_primitive_desc_t description)
{
  const char *name = implementation_of (description);

  return strncmp (name, "ref", 3) == 0 || strncmp (name, "simple", 6) == 0 || strstr (name, "wino_2x3") != NULL;
}

static const dnnl_dims_t strides = { 1, 1 }, no_padding = { 0, 0 };

/* Of any direction. @hint: a description of the forward pass, for those that go back */
#if DNNL_IS_3
static dnnl_status_t
describe_direction (dnnl_engine_t engine, WctDnnlDirection direction, dnnl_prop_kind_t forward,
                    dnnl_alg_kind_t algorithm, const Descriptor d[DESCRIPTOR_COUNT], const_dnnl_primitive_desc_t hint,
                    dnnl_primitive_attr_t attributes, dnnl_primitive_desc_t *out)
{
  switch (direction)
    {
    case WCT_DNNL_FORWARD:
      return dnnl_convolution_forward_primitive_desc_create (out, engine, forward, algorithm, d[SOURCE], d[WEIGHTS],
                                                             d[BIAS], d[DESTINATION], strides, no_padding, no_padding,
                                                             no_padding, attributes);
    case WCT_DNNL_BACKWARD_DATA:
      return dnnl_convolution_backward_data_primitive_desc_create (out, engine, algorithm, d[SOURCE], d[WEIGHTS],
                                                                   d[DESTINATION], strides, no_padding, no_padding,
                                                                   no_padding, hint, attributes);
    case WCT_DNNL_BACKWARD_WEIGHTS:
      return dnnl_convolution_backward_weights_primitive_desc_create (out, engine, algorithm, d[SOURCE], d[WEIGHTS],
                                                                      d[BIAS], d[DESTINATION], strides, no_padding,
                                                                      no_padding, no_padding, hint, attributes);
    }
  return dnnl_invalid_arguments;
}

static dnnl_status_t
choose (dnnl_engine_t engine, WctDnnlDirection direction, dnnl_prop_kind_t forward, dnnl_alg_kind_t algorithm,
        const Descriptor d[DESCRIPTOR_COUNT], const_dnnl_primitive_desc_t hint, dnnl_primitive_attr_t attributes,
        dnnl_primitive_desc_t *out)
{
  dnnl_status_t code = describe_direction (engine, direction, forward, algorithm, d, hint, attributes, out);

  while (code == dnnl_success && is_slow (*out))
    code = dnnl_primitive_desc_next_impl (*out) == dnnl_success ? dnnl_success : dnnl_unimplemented;
  return code;
}
#else
static dnnl_status_t
describe_direction (WctDnnlDirection direction, dnnl_prop_kind_t forward, dnnl_alg_kind_t algorithm,
                    const Descriptor d[DESCRIPTOR_COUNT], dnnl_convolution_desc_t *out)
{
  switch (direction)
    {
    case WCT_DNNL_FORWARD:
      return dnnl_convolution_forward_desc_init (out, forward, algorithm, &d[SOURCE], &d[WEIGHTS], &d[BIAS],
                                                 &d[DESTINATION], strides, no_padding, no_padding);
    case WCT_DNNL_BACKWARD_DATA:
      return dnnl_convolution_backward_data_desc_init (out, algorithm, &d[SOURCE], &d[WEIGHTS], &d[DESTINATION],
                                                       strides, no_padding, no_padding);
    case WCT_DNNL_BACKWARD_WEIGHTS:
      return dnnl_convolution_backward_weights_desc_init (out, algorithm, &d[SOURCE], &d[WEIGHTS], &d[BIAS],
                                                          &d[DESTINATION], strides, no_padding, no_padding);
    }
  return dnnl_invalid_arguments;
}

static dnnl_status_t
choose (dnnl_engine_t engine, WctDnnlDirection direction, dnnl_prop_kind_t forward, dnnl_alg_kind_t algorithm,
        const Descriptor d[DESCRIPTOR_COUNT], const_dnnl_primitive_desc_t hint, dnnl_primitive_attr_t attributes,
        dnnl_primitive_desc_t *out)
{
  dnnl_convolution_desc_t        operation;
  dnnl_primitive_desc_iterator_t iterator = NULL;
  dnnl_status_t                  code = describe_direction (direction, forward, algorithm, d, &operation);

  if (code == dnnl_success)
    code = dnnl_primitive_desc_iterator_create (&iterator, &operation, attributes, engine, hint);
  while (code == dnnl_success)
    {
      *out = dnnl_primitive_desc_iterator_fetch (iterator);
      if (*out == NULL || !is_slow (*out))
        break;
      dnnl_primitive_desc_destroy (*out);
      *out = NULL;
      code = dnnl_primitive_desc_iterator_next (iterator) == dnnl_success ? dnnl_success : dnnl_unimplemented;
    }
  if (iterator != NULL)
    dnnl_primitive_desc_iterator_destroy (iterator);
  return code == dnnl_success && *out == NULL ? dnnl_out_of_memory : code;
}
#endif

/* What the ways back want to know of the forward pass: the same shapes and types of factors. */
static dnnl_status_t
make_hint (dnnl_engine_t engine, const WctDnnlConvShape *shape, dnnl_alg_kind_t algorithm, dnnl_primitive_desc_t *out)
{
  WctDnnlConvShape forward = *shape;
  Descriptor       descriptors[DESCRIPTOR_COUNT];
  dnnl_status_t    code;

  forward.direction = WCT_DNNL_FORWARD;
  code = describe_all (&forward, descriptors);
  if (code == dnnl_success)
    code = choose (engine, WCT_DNNL_FORWARD, dnnl_forward_training, algorithm, descriptors, NULL, NULL, out);
  forget_descriptors (descriptors);
  return code;
}

/* The first implementation that is not slow; dnnl_unimplemented where there is none. */
static dnnl_status_t
choose_implementation (dnnl_engine_t engine, const WctDnnlConvShape *shape,
                       const Descriptor descriptors[DESCRIPTOR_COUNT], dnnl_primitive_attr_t attributes,
                       dnnl_primitive_desc_t *out)
{
  const dnnl_alg_kind_t algorithm = shape->winograd ? dnnl_convolution_winograd : dnnl_convolution_direct;
  dnnl_primitive_desc_t hint = NULL;
  dnnl_status_t         code = dnnl_success;

  if (shape->direction != WCT_DNNL_FORWARD)
    code = make_hint (engine, shape, algorithm, &hint);
  if (code == dnnl_success)
    code = choose (engine, shape->direction, dnnl_forward_inference, algorithm, descriptors, hint, attributes, out);
  if (hint != NULL)
    dnnl_primitive_desc_destroy (hint);
  return code;
}

static WctStatus
describe_convolution (WctDnnlConv *conv, const char *name, WctError *err)
{
  Descriptor            descriptors[DESCRIPTOR_COUNT];
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_status_t         code = describe_all (&conv->shape, descriptors);

  if (code == dnnl_success)
    code = make_attributes (conv->shape.relu && conv->shape.direction == WCT_DNNL_FORWARD, &attributes);
  if (code == dnnl_success)
    code = choose_implementation (conv->engine, &conv->shape, descriptors, attributes, &conv->description);
  if (attributes != NULL)
    dnnl_primitive_attr_destroy (attributes);
  forget_descriptors (descriptors);

  if (code == dnnl_unimplemented || code == dnnl_invalid_arguments)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED,
                          "%s: oneDNN has no fast convolution %d -> %d for this processor; try --backend reference",
                          name, conv->shape.in_c, conv->shape.out_c);
  return code == dnnl_success ? WCT_OK : failed (name, "convolution descriptor", code, err);
}

WctStatus
wct_dnnl_conv_new (dnnl_engine_t engine, const WctDnnlConvShape *shape, const char *name, WctDnnlConv **out,
                   WctError *err)
{
  WctDnnlConv  *conv = NULL;
  dnnl_status_t code;
  WctStatus     status;

  WCT_TRY (wct_alloc (1, sizeof *conv, name, &conv, err));
  conv->engine = engine;
  conv->shape = *shape;
  WCT_TRY (describe_convolution (conv, name, err));
  snprintf (conv->implementation, sizeof conv->implementation, "%s", implementation_of (conv->description));
  code = dnnl_primitive_create (&conv->primitive, conv->description);
  if (code != dnnl_success)
    WCT_TRY (failed (name, "dnnl_primitive_create", code, err));
  *out = conv;
  conv = NULL;

out:
  wct_dnnl_conv_free (&conv);
  return status;
}

void
wct_dnnl_conv_free (WctDnnlConv **conv)
{
  if (*conv == NULL)
    return;
  if ((*conv)->primitive != NULL)
    dnnl_primitive_destroy ((*conv)->primitive);
  if ((*conv)->description != NULL)
    dnnl_primitive_desc_destroy ((*conv)->description);
  wct_free (conv);
}

const WctDnnlConvShape *
wct_dnnl_conv_shape (const WctDnnlConv *conv)
{
  return &conv->shape;
}

const char *
wct_dnnl_conv_implementation (const WctDnnlConv *conv)
{
  return conv->implementation;
}

static BorrowedDescriptor
descriptor_of (dnnl_primitive_desc_t description, dnnl_query_t what, int index)
{
  return dnnl_primitive_desc_query_md (description, what, index);
}

size_t
wct_dnnl_conv_scratch_bytes (const WctDnnlConv *conv)
{
  const BorrowedDescriptor scratch = descriptor_of (conv->description, dnnl_query_scratchpad_md, 0);

  return scratch == NULL ? 0 : dnnl_memory_desc_get_size (scratch);
}

static BorrowedDescriptor
weights_layout (const WctDnnlConv *conv)
{
  return descriptor_of (
    conv->description,
    conv->shape.direction == WCT_DNNL_BACKWARD_WEIGHTS ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0);
}

size_t
wct_dnnl_conv_weight_bytes (const WctDnnlConv *conv)
{
  return dnnl_memory_desc_get_size (weights_layout (conv));
}

/* ---- Weights ------------------------------------------------------------------------------------------------ */

static dnnl_status_t
run_reorder (dnnl_engine_t engine, dnnl_memory_t from, BorrowedDescriptor from_layout, dnnl_memory_t to,
             BorrowedDescriptor to_layout)
{
  dnnl_primitive_desc_t description = NULL;
  dnnl_primitive_t      primitive = NULL;
  dnnl_stream_t         stream = NULL;
  const dnnl_exec_arg_t arguments[] = { { DNNL_ARG_FROM, from }, { DNNL_ARG_TO, to } };
  dnnl_status_t code = dnnl_reorder_primitive_desc_create (&description, from_layout, engine, to_layout, engine, NULL);

  if (code == dnnl_success)
    code = dnnl_primitive_create (&primitive, description);
  if (code == dnnl_success)
    code = dnnl_stream_create (&stream, engine, dnnl_stream_default_flags);
  if (code == dnnl_success)
    code = dnnl_primitive_execute (primitive, stream, 2, arguments);
  if (code == dnnl_success)
    code = dnnl_stream_wait (stream);
  if (stream != NULL)
    dnnl_stream_destroy (stream);
  if (primitive != NULL)
    dnnl_primitive_destroy (primitive);
  if (description != NULL)
    dnnl_primitive_desc_destroy (description);
  return code;
}

/* Between (out_c, in_c, side, side) and a primitive's layout, either way. */
static dnnl_status_t
reorder_weights (dnnl_engine_t engine, const WctDnnlConvShape *shape, float *plain, BorrowedDescriptor packed_layout,
                 void *packed, bool to_plain)
{
  const dnnl_dims_t dims = { shape->out_c, shape->in_c, shape->side, shape->side };
  Descriptor        described;
  dnnl_memory_t     plain_memory = NULL, packed_memory = NULL;
  dnnl_status_t     code = describe (&described, 4, dims, dnnl_f32, dnnl_oihw);

  if (code != dnnl_success)
    return code;
#if DNNL_IS_3
  const BorrowedDescriptor plain_layout = described;
#else
  const BorrowedDescriptor plain_layout = &described;
#endif
  code = dnnl_memory_create (&plain_memory, plain_layout, engine, plain);
  if (code == dnnl_success)
    code = dnnl_memory_create (&packed_memory, packed_layout, engine, packed);
  if (code == dnnl_success && to_plain)
    code = run_reorder (engine, packed_memory, packed_layout, plain_memory, plain_layout);
  else if (code == dnnl_success)
    code = run_reorder (engine, plain_memory, plain_layout, packed_memory, packed_layout);
  if (packed_memory != NULL)
    dnnl_memory_destroy (packed_memory);
  if (plain_memory != NULL)
    dnnl_memory_destroy (plain_memory);
#if DNNL_IS_3
  dnnl_memory_desc_destroy (described);
#endif
  return code;
}

WctStatus
wct_dnnl_weights_renew (WctDnnlWeights *weights, const float *weight, WctError *err)
{
  const dnnl_status_t code =
    reorder_weights (weights->engine, &weights->shape, (float *)(uintptr_t)weight,
                     descriptor_of (weights->description, dnnl_query_weights_md, 0), weights->data, false);

  return code == dnnl_success ? WCT_OK : failed ("packed weights", "reorder", code, err);
}

WctStatus
wct_dnnl_weight_gradient_read (const WctDnnlConv *conv, const float *weight_gradient, float *out, WctError *err)
{
  const dnnl_status_t code =
    reorder_weights (conv->engine, &conv->shape, out, weights_layout (conv), (void *)(uintptr_t)weight_gradient, true);

  return code == dnnl_success ? WCT_OK : failed ("weight gradient", "reorder", code, err);
}

WctStatus
wct_dnnl_weights_new (const WctDnnlConv *conv, const float *weight, WctDnnlWeights **out, WctError *err)
{
  WctDnnlWeights *weights = NULL;
  dnnl_status_t   code;
  WctStatus       status;

  WCT_TRY (wct_alloc (1, sizeof *weights, "packed weights", &weights, err));
  WCT_TRY (wct_alloc (wct_dnnl_conv_weight_bytes (conv), 1, "packed weights", &weights->data, err));
  code = dnnl_primitive_desc_clone (&weights->description, conv->description);
  if (code != dnnl_success)
    WCT_TRY (failed ("packed weights", "dnnl_primitive_desc_clone", code, err));
  weights->shape = conv->shape;
  weights->engine = conv->engine;
  WCT_TRY (wct_dnnl_weights_renew (weights, weight, err));
  *out = weights;
  weights = NULL;

out:
  wct_dnnl_weights_free (&weights);
  return status;
}

void
wct_dnnl_weights_free (WctDnnlWeights **weights)
{
  if (*weights == NULL)
    return;
  if ((*weights)->description != NULL)
    dnnl_primitive_desc_destroy ((*weights)->description);
  wct_free (&(*weights)->data);
  wct_free (weights);
}

bool
wct_dnnl_weights_fit (const WctDnnlWeights *weights, const WctDnnlConv *conv)
{
  return dnnl_memory_desc_equal (descriptor_of (weights->description, dnnl_query_weights_md, 0),
                                 descriptor_of (conv->description, dnnl_query_weights_md, 0))
         != 0;
}

/* ---- Running ------------------------------------------------------------------------------------------------ */

typedef struct
{
  int          role;
  dnnl_query_t layout;
  int          index;
  const void  *data;
} Argument;

#define ARGUMENTS_MAX 6

static int
list_arguments (const WctDnnlConv *conv, const WctDnnlWeights *weights, const WctDnnlBuffers *buffers,
                Argument list[ARGUMENTS_MAX])
{
  const void *packed = weights == NULL ? NULL : weights->data;
  int         count = 0;

  switch (conv->shape.direction)
    {
    case WCT_DNNL_FORWARD:
      list[count++] = (Argument){ DNNL_ARG_SRC, dnnl_query_src_md, 0, buffers->source };
      list[count++] = (Argument){ DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, packed };
      list[count++] = (Argument){ DNNL_ARG_BIAS, dnnl_query_weights_md, 1, buffers->bias };
      list[count++] = (Argument){ DNNL_ARG_DST, dnnl_query_dst_md, 0, buffers->result };
      break;
    case WCT_DNNL_BACKWARD_DATA:
      list[count++] = (Argument){ DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0, buffers->result };
      list[count++] = (Argument){ DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, packed };
      list[count++] = (Argument){ DNNL_ARG_DIFF_SRC, dnnl_query_diff_src_md, 0, buffers->source_gradient };
      break;
    case WCT_DNNL_BACKWARD_WEIGHTS:
      list[count++] = (Argument){ DNNL_ARG_SRC, dnnl_query_src_md, 0, buffers->source };
      list[count++] = (Argument){ DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0, buffers->result };
      list[count++] = (Argument){ DNNL_ARG_DIFF_WEIGHTS, dnnl_query_diff_weights_md, 0, buffers->weight_gradient };
      list[count++] = (Argument){ DNNL_ARG_DIFF_BIAS, dnnl_query_diff_weights_md, 1, buffers->bias };
      break;
    }
  list[count++] = (Argument){ DNNL_ARG_SCRATCHPAD, dnnl_query_scratchpad_md, 0, buffers->scratch };
  return count;
}

WctStatus
wct_dnnl_conv_run (const WctDnnlConv *conv, const WctDnnlWeights *weights, const WctDnnlBuffers *buffers, WctError *err)
{
  Argument        list[ARGUMENTS_MAX];
  dnnl_exec_arg_t arguments[ARGUMENTS_MAX] = { { 0, NULL } };
  const int       count = list_arguments (conv, weights, buffers, list);
  dnnl_stream_t   stream = NULL;
  dnnl_status_t   code = dnnl_stream_create (&stream, conv->engine, dnnl_stream_default_flags);

  for (int i = 0; i < count && code == dnnl_success; i++)
    {
      arguments[i].arg = list[i].role;
      code = dnnl_memory_create (&arguments[i].memory, descriptor_of (conv->description, list[i].layout, list[i].index),
                                 conv->engine, (void *)(uintptr_t)list[i].data);
    }
  if (code == dnnl_success)
    code = dnnl_primitive_execute (conv->primitive, stream, count, arguments);
  if (code == dnnl_success)
    code = dnnl_stream_wait (stream);
  for (int i = 0; i < count; i++)
    if (arguments[i].memory != NULL)
      dnnl_memory_destroy (arguments[i].memory);
  if (stream != NULL)
    dnnl_stream_destroy (stream);
  return code == dnnl_success ? WCT_OK : failed (conv->implementation, "dnnl_primitive_execute", code, err);
}
