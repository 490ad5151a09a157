/* Tensors bound to networks: names say which layers there are, shapes must chain from picture to features and back, and
 * every tensor must have its place. docs/WEIGHTS.md has the names. */
#include "binding.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "mem.h"

#define PICTURE_CHANNELS       3
#define CHANNELS_MAX           8192 /* a covariance of as many takes 512 MB */
#define BLOCK_CONVOLUTIONS_MAX 8
#define NAME_SIZE              40
#define SHAPE_TEXT_SIZE        100
#define ANY                    0 /* a side of a shape that the file may choose */

/* "encoder4.conv3_2_aux.bias", taken apart. */
typedef struct
{
  bool decoder;
  int  level;  /* 0: the trunk that all levels share */
  int  block;  /* 0: conv0 */
  int  number; /* of the convolution in its block, from 1 */
  bool aux;
} TensorName;

typedef struct
{
  WctSafetensors *file;
  const char     *label;
  WctBinding     *out;
  bool           *used; /* owned; one for each tensor */
  bool            shared_trunk, own_trunk;
  unsigned        encoders, decoders;           /* bit (level - 1) for each that the names speak of */
  int             convolutions[WCT_LEVELS + 1]; /* in a block that is passed through whole */
} Binder;

/* ---- Names -------------------------------------------------------------------------------------------------- */

static bool
skip_text (const char **cursor, const char *text)
{
  if (strncmp (*cursor, text, strlen (text)) != 0)
    return false;
  *cursor += strlen (text);
  return true;
}

/* A digit from 1 to @max, or 0 where there is none. */
static int
skip_digit (const char **cursor, int max)
{
  const int digit = **cursor - '0';

  if (digit < 1 || digit > max)
    return 0;
  *cursor += 1;
  return digit;
}

static bool
parse_name (const char *text, TensorName *name)
{
  const char *cursor = text;

  *name = (TensorName){ .decoder = skip_text (&cursor, "decoder") };
  if (!name->decoder && !skip_text (&cursor, "encoder"))
    return false;
  name->level = skip_digit (&cursor, WCT_LEVELS);
  if ((name->decoder && name->level == 0) || !skip_text (&cursor, ".conv"))
    return false;

  if (name->decoder || !skip_text (&cursor, "0"))
    {
      name->block = skip_digit (&cursor, WCT_LEVELS);
      if (name->block == 0 || !skip_text (&cursor, "_"))
        return false;
      name->number = skip_digit (&cursor, BLOCK_CONVOLUTIONS_MAX);
      if (name->number == 0)
        return false;
      name->aux = !name->decoder && name->number == 1 && skip_text (&cursor, "_aux");
    }
  return strcmp (cursor, ".weight") == 0 || strcmp (cursor, ".bias") == 0;
}

static void
note_name (Binder *binder, const TensorName *name)
{
  if (name->decoder)
    binder->decoders |= 1u << (name->level - 1);
  else if (name->level > 0)
    {
      binder->own_trunk = true;
      binder->encoders |= 1u << (name->level - 1);
    }
  else
    {
      binder->shared_trunk = true;
      for (int block = 1; block <= name->block && !name->aux; block++)
        binder->encoders |= 1u << (block - 1);
    }
  if (!name->aux && name->number > binder->convolutions[name->block])
    binder->convolutions[name->block] = name->number;
}

static WctStatus
survey (Binder *binder, WctError *err)
{
  for (size_t i = 0; i < binder->file->tensor_count; i++)
    {
      const char *text = binder->file->tensors[i].name;
      TensorName  name;

      if (!parse_name (text, &name))
        return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: no tensor of a model has this name", binder->label, text);
      note_name (binder, &name);
    }
  if (binder->shared_trunk && binder->own_trunk)
    return wct_error_set (err, WCT_ERR_FORMAT,
                          "%s: has a shared trunk (encoder.) and trunks for single levels (encoder1. …); a model has "
                          "one kind",
                          binder->label);
  if (!binder->shared_trunk && !binder->own_trunk)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: has no encoder; no tensor is called encoder.conv1_1.weight",
                          binder->label);
  return WCT_OK;
}

/* How many convolutions a block has where the topology says so, else 0. The deepest level taps its block's first. */
static int
topology_convolutions (const char *topology, int block)
{
  static const int vgg19[WCT_LEVELS + 1] = { 0, 2, 2, 4, 4, 0 }, vgg16[WCT_LEVELS + 1] = { 0, 2, 2, 3, 3, 0 };

  if (topology != NULL && strcmp (topology, "vgg19") == 0)
    return vgg19[block];
  if (topology != NULL && strcmp (topology, "vgg16") == 0)
    return vgg16[block];
  return 0;
}

static WctStatus
check_topology (const Binder *binder, WctError *err)
{
  const char *topology = wct_safetensors_metadata (binder->file, "topology");

  for (int block = 1; binder->encoders >> block != 0; block++) /* there are deeper levels */
    {
      const int expected = topology_convolutions (topology, block);

      if (expected != 0 && binder->convolutions[block] != expected)
        return wct_error_set (err, WCT_ERR_FORMAT,
                              "%s: says its topology is %s, which has %d convolutions in block %d; the names of its "
                              "tensors have %d",
                              binder->label, topology, expected, block, binder->convolutions[block]);
    }
  return WCT_OK;
}

/* ---- Tensors ------------------------------------------------------------------------------------------------ */

static void
shape_text (int rank, const int64_t *shape, char text[SHAPE_TEXT_SIZE])
{
  int length = 0;

  snprintf (text, SHAPE_TEXT_SIZE, "a single value");
  for (int i = 0; i < rank; i++)
    {
      const char *cross = i > 0 ? "x" : "";

      if (shape[i] == ANY)
        length += snprintf (text + length, (size_t)(SHAPE_TEXT_SIZE - length), "%sN", cross);
      else
        length += snprintf (text + length, (size_t)(SHAPE_TEXT_SIZE - length), "%s%" PRId64, cross, shape[i]);
    }
}

static WctStatus
check_shape (const Binder *binder, const WctNamedTensor *tensor, int rank, const int64_t *shape, WctError *err)
{
  bool fits = tensor->rank == rank;
  char have[SHAPE_TEXT_SIZE], need[SHAPE_TEXT_SIZE];

  for (int i = 0; fits && i < rank; i++)
    fits = shape[i] == ANY || tensor->shape[i] == shape[i];
  if (!fits)
    {
      shape_text (tensor->rank, tensor->shape, have);
      shape_text (rank, shape, need);
      return wct_error_set (err, WCT_ERR_FORMAT,
                            "%s: %s: file has %s, network needs %s; was it exported from another model?", binder->label,
                            tensor->name, have, need);
    }
  if (tensor->shape[0] > CHANNELS_MAX)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: makes %" PRId64 " channels, up to %d are allowed",
                          binder->label, tensor->name, tensor->shape[0], CHANNELS_MAX);
  return WCT_OK;
}

/* The tensor @layer followed by @part, of @shape; from now on it has its place. */
static WctStatus
take_tensor (Binder *binder, const char *layer, const char *part, int rank, const int64_t *shape,
             WctNamedTensor **tensor, WctError *err)
{
  char name[NAME_SIZE + 8];

  snprintf (name, sizeof name, "%s%s", layer, part);
  *tensor = wct_safetensors_find (binder->file, name);
  if (*tensor == NULL)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: is missing; the file is incomplete or of another model",
                          binder->label, name);
  binder->used[*tensor - binder->file->tensors] = true;
  return check_shape (binder, *tensor, rank, shape, err);
}

/* @layer.weight of @weight_shape and @layer.bias, as long as the weight has output channels. */
static WctStatus
take_layer (Binder *binder, const char *layer, const int64_t weight_shape[4], WctNamedTensor **weight,
            WctNamedTensor **bias, WctError *err)
{
  WctStatus status;

  WCT_TRY (take_tensor (binder, layer, ".weight", 4, weight_shape, weight, err));
  WCT_TRY (take_tensor (binder, layer, ".bias", 1, (*weight)->shape, bias, err));

out:
  return status;
}

/* "encoder4.conv3_2"; level 0 is the shared trunk. */
static void
layer_name (const char *side, int level, int block, int number, char name[NAME_SIZE])
{
  const char trunk[2] = { level > 0 ? (char)('0' + level) : '\0', '\0' };

  if (block == 0)
    snprintf (name, NAME_SIZE, "%s%s.conv0", side, trunk);
  else
    snprintf (name, NAME_SIZE, "%s%s.conv%d_%d", side, trunk, block, number);
}

/* ---- Layers ------------------------------------------------------------------------------------------------- */

static WctStatus
add_layer (const Binder *binder, const char *side, WctNetwork *network, WctLayerKind kind, WctError *err)
{
  if (network->count == WCT_NETWORK_LAYERS_MAX)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: an %s has more than %d layers, which no back end takes",
                          binder->label, side, WCT_NETWORK_LAYERS_MAX);
  network->layers[network->count++].kind = kind;
  return WCT_OK;
}

/* @channels: of what comes in; becomes what goes out. @out_c: what must go out, or ANY. */
static WctStatus
add_conv (Binder *binder, const char *name, const char *side, int64_t out_c, int32_t *channels, WctNetwork *network,
          WctError *err)
{
  const int64_t   shape[4] = { out_c, *channels, 3, 3 };
  WctNamedTensor *weight, *bias;
  WctStatus       status;

  WCT_TRY (take_layer (binder, name, shape, &weight, &bias, err));
  WCT_TRY (add_layer (binder, side, network, WCT_LAYER_CONV, err));
  WctConv *conv = &network->layers[network->count - 1].conv;
  *conv = (WctConv){
    .in_c = *channels, .out_c = (int32_t)weight->shape[0], .weight = weight->values, .bias = bias->values, .relu = true
  };
  snprintf (conv->name, sizeof conv->name, "%s", name);
  *channels = conv->out_c;

out:
  return status;
}

/* A block that is passed through whole has as many convolutions as the names of the file say anywhere. */
static int
block_convolutions (const Binder *binder, int block)
{
  return binder->convolutions[block] > 0 ? binder->convolutions[block] : 1;
}

static WctStatus
build_encoder (Binder *binder, int level, WctNetwork *network, WctError *err)
{
  const int trunk = binder->shared_trunk ? 0 : level;
  int32_t   channels = PICTURE_CHANNELS;
  char      name[NAME_SIZE];
  WctStatus status = WCT_OK;

  for (int block = 1; block <= level; block++)
    {
      const int last = block == level ? 1 : block_convolutions (binder, block);

      if (block > 1)
        WCT_TRY (add_layer (binder, "encoder", network, WCT_LAYER_POOL, err));
      for (int number = 1; number <= last; number++)
        {
          layer_name ("encoder", trunk, block, number, name);
          WCT_TRY (add_conv (binder, name, "encoder", ANY, &channels, network, err));
        }
    }

out:
  return status;
}

static WctStatus
build_decoder (Binder *binder, int level, int32_t channels, WctNetwork *network, WctError *err)
{
  char      name[NAME_SIZE];
  WctStatus status = WCT_OK;

  for (int block = level; block >= 1; block--)
    {
      const int first = block == level ? 1 : block_convolutions (binder, block);

      if (block < level)
        WCT_TRY (add_layer (binder, "decoder", network, WCT_LAYER_UPSAMPLE, err));
      for (int number = first; number >= 1; number--)
        {
          const bool last = block == 1 && number == 1;

          layer_name ("decoder", level, block, number, name);
          WCT_TRY (add_conv (binder, name, "decoder", last ? PICTURE_CHANNELS : ANY, &channels, network, err));
        }
    }

out:
  return status;
}

static uint64_t
network_parameters (const WctNetwork *network)
{
  uint64_t count = 0;

  for (int i = 0; i < network->count; i++)
    if (network->layers[i].kind == WCT_LAYER_CONV)
      count += (uint64_t)network->layers[i].conv.out_c * ((uint64_t)network->layers[i].conv.in_c * 9 + 1);
  return count;
}

static int32_t
tap_channels (const WctNetwork *encoder)
{
  return encoder->layers[encoder->count - 1].conv.out_c;
}

static WctStatus
bind_encoder (Binder *binder, int level, WctError *err)
{
  WctNetwork **network = &binder->out->encoders[level - 1];
  WctStatus    status;

  WCT_TRY (wct_alloc (1, sizeof **network, "encoder", network, err));
  WCT_TRY (build_encoder (binder, level, *network, err));
  binder->out->encoder_parameters[level - 1] = network_parameters (*network);

out:
  return status;
}

/* Whether the last convolution is followed by ReLU, too. */
static WctStatus
read_final_relu (const Binder *binder, bool *final_relu, WctError *err)
{
  const char *text = wct_safetensors_metadata (binder->file, "decoder_final_relu");
  char        shown[60];

  *final_relu = text != NULL && strcmp (text, "true") == 0;
  if (text == NULL || *final_relu || strcmp (text, "false") == 0)
    return WCT_OK;
  wct_text_for_sentence (text, shown, sizeof shown);
  return wct_error_set (err, WCT_ERR_FORMAT, "%s: says decoder_final_relu is \"%s\"; it may be \"true\" or \"false\"",
                        binder->label, shown);
}

static WctStatus
bind_decoder (Binder *binder, int level, WctError *err)
{
  const WctNetwork *encoder = binder->out->encoders[level - 1];
  WctNetwork      **network = &binder->out->decoders[level - 1];
  bool              final_relu;
  char              name[NAME_SIZE];
  WctStatus         status;

  layer_name ("encoder", binder->shared_trunk ? 0 : level, level, 1, name);
  if (encoder == NULL)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s.weight: is missing; decoder%d has no encoder", binder->label,
                          name, level);
  WCT_TRY (read_final_relu (binder, &final_relu, err));
  WCT_TRY (wct_alloc (1, sizeof **network, "decoder", network, err));
  WCT_TRY (build_decoder (binder, level, tap_channels (encoder), *network, err));
  (*network)->layers[(*network)->count - 1].conv.relu = final_relu;
  binder->out->decoder_parameters[level - 1] = network_parameters (*network);

out:
  return status;
}

static WctStatus
bind_networks (Binder *binder, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int level = 1; level <= WCT_LEVELS; level++)
    if (binder->encoders & 1u << (level - 1))
      WCT_TRY (bind_encoder (binder, level, err));
  for (int level = 1; level <= WCT_LEVELS; level++)
    if (binder->decoders & 1u << (level - 1))
      WCT_TRY (bind_decoder (binder, level, err));

out:
  return status;
}

/* ---- conv0 and embeddings ------------------------------------------------------------------------------------ */

/* conv1_1 after conv0 (1×1, no ReLU) is one convolution: w'[o][j] = Σi w[o][i] m[i][j] at each of the 9 places, and
 * b'[o] = b[o] + Σ w[o] · (conv0's bias). A 1×1 convolution commutes with reflection padding, so borders agree, too.
 * In double, rounded once. */
static bool
fold_output (const float *matrix, const float *offset, float *weight, float *bias)
{
  double folded[PICTURE_CHANNELS * 9] = { 0 };
  double shifted = *bias;
  bool   finite = true;

  for (int i = 0; i < PICTURE_CHANNELS; i++)
    for (int place = 0; place < 9; place++)
      {
        const double w = weight[i * 9 + place];

        for (int j = 0; j < PICTURE_CHANNELS; j++)
          folded[j * 9 + place] += w * matrix[i * PICTURE_CHANNELS + j];
        shifted += w * offset[i];
      }
  for (int i = 0; i < PICTURE_CHANNELS * 9; i++)
    {
      weight[i] = (float)folded[i];
      finite = finite && isfinite (weight[i]);
    }
  *bias = (float)shifted;
  return finite && isfinite (*bias);
}

/* @trunk: 0 for the shared one. */
static WctStatus
fold_color (Binder *binder, int trunk, WctError *err)
{
  static const int64_t color_shape[4] = { PICTURE_CHANNELS, PICTURE_CHANNELS, 1, 1 };
  static const int64_t first_shape[4] = { ANY, PICTURE_CHANNELS, 3, 3 };
  WctNamedTensor      *matrix, *offset, *weight, *bias;
  char                 name[NAME_SIZE];
  WctStatus            status;

  layer_name ("encoder", trunk, 0, 0, name);
  WCT_TRY (take_layer (binder, name, color_shape, &matrix, &offset, err));
  layer_name ("encoder", trunk, 1, 1, name);
  WCT_TRY (take_layer (binder, name, first_shape, &weight, &bias, err));
  for (int64_t o = 0; o < weight->shape[0]; o++)
    if (!fold_output (matrix->values, offset->values, weight->values + o * PICTURE_CHANNELS * 9, bias->values + o))
      return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: conv0 makes its weights infinite", binder->label, name);

out:
  return status;
}

/* A linear map to a teacher's channels, used in distillation: checked, then dropped. */
static WctStatus
drop_aux (Binder *binder, const TensorName *tensor, WctError *err)
{
  static const int64_t any_conv[4] = { ANY, ANY, 3, 3 };
  WctNamedTensor      *weight, *bias, *embedded, *embedded_bias;
  char                 name[NAME_SIZE];
  WctStatus            status;

  layer_name ("encoder", tensor->level, tensor->block, 1, name);
  WCT_TRY (take_layer (binder, name, any_conv, &embedded, &embedded_bias, err));
  strcat (name, "_aux");
  const int64_t shape[4] = { ANY, embedded->shape[0], 1, 1 };
  WCT_TRY (take_layer (binder, name, shape, &weight, &bias, err));
  wct_free (&weight->values);
  wct_free (&bias->values);

out:
  return status;
}

/* Whatever else the file has: conv0, embeddings, and what no network took. */
static WctStatus
bind_rest (Binder *binder, WctError *err)
{
  WctStatus status = WCT_OK;

  for (size_t i = 0; i < binder->file->tensor_count; i++)
    {
      const WctNamedTensor *tensor = &binder->file->tensors[i];
      TensorName            name;

      parse_name (tensor->name, &name);
      if (!name.aux)
        binder->out->parameters += tensor->count;
      if (binder->used[i])
        continue;
      if (name.aux)
        WCT_TRY (drop_aux (binder, &name, err));
      else if (name.block == 0)
        WCT_TRY (fold_color (binder, name.level, err));
      else
        return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: no level needs it; was it exported from another model?",
                              binder->label, tensor->name);
    }

out:
  return status;
}

/* conv0 is gone from the networks, but it is among the parameters. */
static void
count_color (Binder *binder)
{
  for (int level = 1; level <= WCT_LEVELS; level++)
    {
      char name[NAME_SIZE + 8];

      layer_name ("encoder", binder->shared_trunk ? 0 : level, 0, 0, name);
      strcat (name, ".bias");
      if (binder->out->encoders[level - 1] != NULL && wct_safetensors_find (binder->file, name) != NULL)
        binder->out->encoder_parameters[level - 1] += PICTURE_CHANNELS * (PICTURE_CHANNELS + 1);
    }
}

WctStatus
wct_binding_make (WctSafetensors *file, const char *label, WctBinding *out, WctError *err)
{
  Binder    binder = { .file = file, .label = label, .out = out };
  WctStatus status;

  WCT_TRY (survey (&binder, err));
  WCT_TRY (check_topology (&binder, err));
  WCT_TRY (wct_alloc (file->tensor_count, sizeof *binder.used, "table of tensors", &binder.used, err));
  WCT_TRY (bind_networks (&binder, err));
  WCT_TRY (bind_rest (&binder, err));
  count_color (&binder);
  out->shared_trunk = binder.shared_trunk;

out:
  wct_free (&binder.used);
  return status;
}

void
wct_binding_clear (WctBinding *binding)
{
  for (int i = 0; i < WCT_LEVELS; i++)
    {
      wct_free (&binding->encoders[i]);
      wct_free (&binding->decoders[i]);
    }
}
