/* Style files: a .safetensors file with, for each level that was measured,
 *
 *   relu<level>_1.mean        F32 (C)
 *   relu<level>_1.covariance  F32 (C (C + 1) / 2), the rows of its upper triangle; (C, C) is read, too
 *
 * for each of these, NAME_rest, what rounding to F32 left, to be added (may be absent),
 * a thumbnail, U8 (height, width, 3), and texts: format, version, name, license, model, and for each level
 * relu<level>_1.encoder, the fingerprint of the encoder that measured it, and relu<level>_1.positions. */
#include <wct/style.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "fingerprint.h"
#include "mem.h"
#include "model.h"
#include "safetensors-writer.h"
#include "safetensors.h"
#include "style.h"
#include "whole-file.h"

#define FORMAT         "wct-style"
#define VERSION        "1"
#define WHAT           "a style is a " WCT_STYLE_EXTENSION " file"
#define FILE_BYTES_MAX 16000000 /* full width takes 2.5 MB */
#define LABEL_SIZE     200      /* leaves room in a message for the fact */
#define KEY_SIZE       32
#define TENSORS        (4 * WCT_LEVELS + 1)
#define REST           "_rest"

/* Relative to the two channels' deviations: a sum in float, taken in two orders, differs by less. */
#define SYMMETRY 1e-4

static void
level_key (char key[KEY_SIZE], int level, const char *what)
{
  snprintf (key, KEY_SIZE, "relu%d_1.%s", level, what);
}

static size_t
triangle (size_t channels)
{
  return channels * (channels + 1) / 2;
}

/* ---- Writing ------------------------------------------------------------------------------------------------ */

/* What goes into a file. */
typedef struct
{
  char          label[LABEL_SIZE];
  json_t       *texts; /* owned */
  char          names[TENSORS][KEY_SIZE];
  WctTensorPlan plans[TENSORS];
  WctPiece      pieces[1 + TENSORS]; /* the header's first */
  float        *values[TENSORS];     /* owned; NULL for the thumbnail */
  size_t        count;
} Contents;

/* Little-endian, as all machines that this builds for. */
static WctStatus
add_tensor (Contents *contents, const char *name, size_t count, float **values, WctError *err)
{
  const size_t i = contents->count;
  WctStatus    status;

  WCT_TRY (wct_alloc (count, sizeof (float), "style", &contents->values[i], err));
  snprintf (contents->names[i], KEY_SIZE, "%s", name);
  contents->plans[i] = (WctTensorPlan){ contents->names[i], WCT_TYPE_F32, 1, { (int64_t)count } };
  contents->pieces[1 + i] = (WctPiece){ contents->values[i], count * sizeof (float) };
  contents->count++;
  *values = contents->values[i];

out:
  return status;
}

static WctStatus
check_finite (const Contents *contents, WctError *err)
{
  for (size_t i = 0; i < contents->count; i++)
    for (size_t k = 0; contents->values[i] != NULL && k < wct_tensor_plan_count (&contents->plans[i]); k++)
      if (!isfinite (contents->values[i][k]))
        return wct_error_set (err, WCT_ERR_NUMERIC, "%s: %s is beyond what float can hold; nothing was written",
                              contents->label, contents->names[i]);
  return WCT_OK;
}

static void
add_text (Contents *contents, const char *key, const char *text)
{
  if (text != NULL && text[0] != '\0')
    json_object_set_new (contents->texts, key, json_string (text));
}

/* What the level's statistics depend on, and are of. */
static void
add_level_texts (Contents *contents, const WctModel *model, const WctMoments *moments, int level)
{
  char key[KEY_SIZE], text[WCT_FINGERPRINT_TEXT];

  level_key (key, level, "encoder");
  wct_model_fingerprint (model, level, text);
  add_text (contents, key, text);
  level_key (key, level, "positions");
  snprintf (text, sizeof text, "%" PRId64, (int64_t)moments->weight);
  add_text (contents, key, text);
}

/* Two tensors that add up to the values: 48 bits of them. */
static WctStatus
add_statistic (Contents *contents, int level, const char *what, size_t count, float **values, float **rest,
               WctError *err)
{
  char      key[KEY_SIZE];
  WctStatus status;

  level_key (key, level, what);
  WCT_TRY (add_tensor (contents, key, count, values, err));
  strcat (key, REST);
  WCT_TRY (add_tensor (contents, key, count, rest, err));

out:
  return status;
}

static void
split (double value, float *high, float *rest)
{
  *high = (float)value;
  *rest = (float)(value - *high);
}

static WctStatus
add_level (Contents *contents, const WctModel *model, const WctMoments *moments, int level, WctError *err)
{
  const size_t channels = (size_t)moments->channels;
  float       *mean, *mean_rest, *packed, *packed_rest;
  WctStatus    status;

  WCT_TRY (add_statistic (contents, level, "mean", channels, &mean, &mean_rest, err));
  WCT_TRY (add_statistic (contents, level, "covariance", triangle (channels), &packed, &packed_rest, err));
  for (size_t c = 0; c < channels; c++)
    split (moments->mean[c], &mean[c], &mean_rest[c]);
  for (size_t row = 0; row < channels; row++)
    for (size_t c = row; c < channels; c++)
      split (moments->covariance[row * channels + c], packed++, packed_rest++);
  add_level_texts (contents, model, moments, level);

out:
  return status;
}

static void
add_thumbnail (Contents *contents, const WctStyleCard *card)
{
  const size_t i = contents->count++;

  snprintf (contents->names[i], KEY_SIZE, "thumbnail");
  contents->plans[i] = (WctTensorPlan){ contents->names[i], WCT_TYPE_U8, 3, { card->height, card->width, 3 } };
  contents->pieces[1 + i] = (WctPiece){ card->thumbnail, wct_tensor_plan_count (&contents->plans[i]) };
}

static WctStatus
check_text (const char *label, const char *what, const char *text, WctError *err)
{
  json_t *json = json_string (text);

  if (json == NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "%s: its %s is not UTF-8; nothing was written", label, what);
  json_decref (json);
  for (const char *c = text; *c != '\0'; c++)
    if ((unsigned char)*c < ' ' || *c == 0x7F)
      return wct_error_set (err, WCT_ERR_ARGUMENT, "%s: its %s has a control character; nothing was written", label,
                            what);
  return WCT_OK;
}

static WctStatus
check_card (const char *label, const WctStyleCard *card, WctError *err)
{
  WctStatus status;

  WCT_TRY (check_text (label, "name", card->name, err));
  WCT_TRY (check_text (label, "license", card->license, err));
  if (card->thumbnail != NULL
      && (card->width < 1 || card->height < 1 || card->width > WCT_STYLE_THUMBNAIL_MAX
          || card->height > WCT_STYLE_THUMBNAIL_MAX))
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "%s: its thumbnail is %dx%d; up to %d are allowed", label,
                            card->width, card->height, WCT_STYLE_THUMBNAIL_MAX));

out:
  return status;
}

static WctStatus
fill_contents (Contents *contents, const WctStyle *style, const WctStyleCard *card, WctError *err)
{
  const WctModel *model = wct_style_model (style);
  const char     *model_name = wct_model_metadata (model, "name");
  char            shown[128];
  WctStatus       status;

  contents->texts = json_object ();
  add_text (contents, "format", FORMAT);
  add_text (contents, "version", VERSION);
  add_text (contents, "name", card->name);
  add_text (contents, "license", card->license);
  wct_text_for_sentence (model_name == NULL ? "" : model_name, shown, sizeof shown);
  add_text (contents, "model", shown);
  for (int level = 1; level <= WCT_LEVELS; level++)
    if (wct_style_moments (style, level) != NULL)
      WCT_TRY (add_level (contents, model, wct_style_moments (style, level), level, err));
  if (card->thumbnail != NULL)
    add_thumbnail (contents, card);
  WCT_TRY (check_finite (contents, err));

out:
  return status;
}

WctStatus
wct_style_save (const WctStyle *style, const WctStyleCard *card, const char *path, WctError *err)
{
  static const WctStyleCard empty;
  Contents                 *contents = NULL;
  char                     *header = NULL;
  WctStatus                 status;

  WCT_TRY (wct_alloc (1, sizeof *contents, "style", &contents, err));
  wct_text_for_sentence (path, contents->label, sizeof contents->label);
  WCT_TRY (check_card (contents->label, card == NULL ? &empty : card, err));
  WCT_TRY (fill_contents (contents, style, card == NULL ? &empty : card, err));
  WCT_TRY (wct_safetensors_make_header (contents->plans, contents->count, contents->texts, contents->label, &header,
                                        &contents->pieces[0].size, err));
  contents->pieces[0].bytes = header;
  WCT_TRY (wct_whole_file_write (path, contents->pieces, 1 + contents->count, true, err));

out:
  wct_free (&header);
  if (contents != NULL)
    {
      for (size_t i = 0; i < TENSORS; i++)
        wct_free (&contents->values[i]);
      json_decref (contents->texts);
      wct_free (&contents);
    }
  return status;
}

/* ---- Reading ------------------------------------------------------------------------------------------------- */

/* A file whose form was checked. */
typedef struct
{
  char           label[LABEL_SIZE];
  WctSafetensors file; /* owned */
  WctStyleCard   card; /* owned */
} StyleFile;

static const WctNamedTensor *
find_tensor (const StyleFile *from, int level, const char *what)
{
  char key[KEY_SIZE];

  level_key (key, level, what);
  return wct_safetensors_find (&from->file, key);
}

static const char *
find_text (const StyleFile *from, int level, const char *what)
{
  char key[KEY_SIZE];

  level_key (key, level, what);
  return wct_safetensors_metadata (&from->file, key);
}

static WctStatus
check_covariance_shape (const StyleFile *from, const WctNamedTensor *covariance, int64_t channels, WctError *err)
{
  const bool packed = covariance->rank == 1 && channels < INT32_MAX && covariance->count == triangle ((size_t)channels);
  const bool whole = covariance->rank == 2 && covariance->shape[0] == channels && covariance->shape[1] == channels;

  if (covariance->values != NULL && (packed || whole))
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_FORMAT,
                        "%s: %s: is not %" PRId64 "x%" PRId64 " numbers, or its upper triangle, as the mean's %" PRId64
                        " channels want it",
                        from->label, covariance->name, channels, channels, channels);
}

/* Without them, statistics are as exact as F32: eigenvalues under 1e-7 of the largest are noise then, and what five
 * levels make of that may show. */
static WctStatus
check_rest (const StyleFile *from, int level, const char *what, const WctNamedTensor *tensor, WctError *err)
{
  const WctNamedTensor *rest = find_tensor (from, level, what);

  if (rest == NULL
      || (rest->values != NULL && rest->rank == tensor->rank
          && memcmp (rest->shape, tensor->shape, sizeof rest->shape) == 0))
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: has another shape than %s", from->label, rest->name,
                        tensor->name);
}

static WctStatus
take_encoder (StyleFile *from, int level, WctError *err)
{
  const char *encoder = find_text (from, level, "encoder");

  if (encoder == NULL || strlen (encoder) != WCT_FINGERPRINT_TEXT - 1
      || strspn (encoder, "0123456789abcdef") != WCT_FINGERPRINT_TEXT - 1)
    return wct_error_set (err, WCT_ERR_FORMAT,
                          "%s: its metadata has no relu%d_1.encoder of %d hexadecimal digits, which says what measured "
                          "it; wct model --json prints it",
                          from->label, level, WCT_FINGERPRINT_TEXT - 1);
  memcpy (from->card.encoder[level - 1], encoder, WCT_FINGERPRINT_TEXT);
  return WCT_OK;
}

static WctStatus
check_level (StyleFile *from, int level, WctError *err)
{
  const WctNamedTensor *mean = find_tensor (from, level, "mean"), *covariance = find_tensor (from, level, "covariance");
  WctStatus             status;

  if (mean == NULL && covariance == NULL)
    return WCT_OK;
  if (mean == NULL || covariance == NULL)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: has no %s of relu%d_1, but other statistics of it", from->label,
                          mean == NULL ? "mean" : "covariance", level);
  if (mean->rank != 1 || mean->values == NULL)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: is not a list of numbers, one for each channel", from->label,
                          mean->name);
  WCT_TRY (check_covariance_shape (from, covariance, mean->shape[0], err));
  WCT_TRY (check_rest (from, level, "mean" REST, mean, err));
  WCT_TRY (check_rest (from, level, "covariance" REST, covariance, err));
  WCT_TRY (take_encoder (from, level, err));
  from->card.levels |= 1u << (level - 1);
  from->card.channels[level - 1] = (int32_t)mean->shape[0];

out:
  return status;
}

static bool
is_statistic (const StyleFile *from, const WctNamedTensor *tensor)
{
  static const char *const whats[] = { "mean", "mean" REST, "covariance", "covariance" REST };

  for (int level = 1; level <= WCT_LEVELS; level++)
    for (size_t i = 0; i < sizeof whats / sizeof whats[0] && (from->card.levels & 1u << (level - 1)); i++)
      if (find_tensor (from, level, whats[i]) == tensor)
        return true;
  return false;
}

/* What no style has is damage, or a later version's. */
static WctStatus
check_names (const StyleFile *from, WctError *err)
{
  for (size_t i = 0; i < from->file.tensor_count; i++)
    {
      const WctNamedTensor *tensor = &from->file.tensors[i];

      if (strcmp (tensor->name, "thumbnail") != 0 && !is_statistic (from, tensor))
        return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: a style has no such tensor", from->label, tensor->name);
    }
  return WCT_OK;
}

/* @text: NULL: none */
static WctStatus
take_text (const StyleFile *from, const char *what, const char *text, char out[128], WctError *err)
{
  if (text == NULL)
    text = "";
  if (strlen (text) >= 128)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: its %s has %zu bytes, up to 127 are allowed", from->label, what,
                          strlen (text));
  wct_text_for_sentence (text, out, 128);
  return WCT_OK;
}

/* "waves" of "styles/waves.wctstyle" */
static void
name_by_file (const char *path, char out[128])
{
  const char *slash = strrchr (path, '/');
  const char *base = slash == NULL ? path : slash + 1, *dot = strrchr (base, '.');
  char        name[LABEL_SIZE];

  snprintf (name, sizeof name, "%.*s", dot == NULL || dot == base ? (int)strlen (base) : (int)(dot - base), base);
  wct_text_for_sentence (name, out, 128);
}

/* The card takes the file's bytes. */
static WctStatus
take_thumbnail (StyleFile *from, WctError *err)
{
  WctNamedTensor *tensor = wct_safetensors_find (&from->file, "thumbnail");

  if (tensor == NULL)
    return WCT_OK;
  if (tensor->bytes == NULL || tensor->rank != 3 || tensor->shape[2] != 3 || tensor->shape[0] > WCT_STYLE_THUMBNAIL_MAX
      || tensor->shape[1] > WCT_STYLE_THUMBNAIL_MAX)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: thumbnail: is not height x width x 3 of U8, %d at most a side",
                          from->label, WCT_STYLE_THUMBNAIL_MAX);
  from->card.thumbnail = tensor->bytes;
  from->card.height = (int32_t)tensor->shape[0];
  from->card.width = (int32_t)tensor->shape[1];
  tensor->bytes = NULL;
  return WCT_OK;
}

static WctStatus
take_card (StyleFile *from, const char *path, WctError *err)
{
  WctStatus status;

  WCT_TRY (take_text (from, "name", wct_safetensors_metadata (&from->file, "name"), from->card.name, err));
  WCT_TRY (take_text (from, "license", wct_safetensors_metadata (&from->file, "license"), from->card.license, err));
  WCT_TRY (take_text (from, "model", wct_safetensors_metadata (&from->file, "model"), from->card.model, err));
  if (from->card.name[0] == '\0')
    name_by_file (path, from->card.name);
  WCT_TRY (take_thumbnail (from, err));

out:
  return status;
}

static void
close_file (StyleFile *from)
{
  wct_style_card_clear (&from->card);
  wct_safetensors_clear (&from->file);
}

/* @from: to be closed in any case */
static WctStatus
open_file (const char *path, StyleFile *from, WctError *err)
{
  WctStatus status;

  *from = (StyleFile){ .label = "" };
  wct_text_for_sentence (path, from->label, sizeof from->label);
  WCT_TRY (wct_safetensors_load_small (path, WHAT, FILE_BYTES_MAX, &from->file, err));
  WCT_TRY (wct_safetensors_check_metadata (&from->file, from->label, "a style", "format", FORMAT, err));
  WCT_TRY (wct_safetensors_check_metadata (&from->file, from->label, "a style", "version", VERSION, err));
  for (int level = 1; level <= WCT_LEVELS; level++)
    WCT_TRY (check_level (from, level, err));
  WCT_TRY (check_names (from, err));
  if (from->card.levels == 0)
    WCT_TRY (wct_error_set (err, WCT_ERR_FORMAT, "%s: has statistics of no level", from->label));
  WCT_TRY (take_card (from, path, err));

out:
  return status;
}

/* "the model wct-compact". @name: NULL or "": none */
static void
describe_model (const char *name, char *out, size_t size)
{
  char shown[60];

  wct_text_for_sentence (name == NULL ? "" : name, shown, sizeof shown);
  snprintf (out, size, shown[0] == '\0' ? "a model without a name%s" : "the model %s", shown);
}

/* Was the level measured with the encoder that @model has? */
static WctStatus
check_model (const StyleFile *from, const WctModel *model, int level, WctError *err)
{
  const char *measured = from->card.encoder[level - 1];
  char        own[WCT_FINGERPRINT_TEXT], with[80], not_with[80];

  wct_model_fingerprint (model, level, own);
  if (strcmp (measured, own) == 0)
    return WCT_OK;
  describe_model (from->card.model, with, sizeof with);
  describe_model (wct_model_metadata (model, "name"), not_with, sizeof not_with);
  return wct_error_set (err, WCT_ERR_UNSUPPORTED,
                        "%s: was measured with %s %.8s…, not with %s %.8s…; measure the style's picture again",
                        from->label, with, measured, not_with, own);
}

/* @rest: NULL: none */
static double
value_at (const WctNamedTensor *tensor, const WctNamedTensor *rest, size_t i)
{
  return (double)tensor->values[i] + (rest == NULL ? 0 : (double)rest->values[i]);
}

/* Row by row: a triangle, or all of it, of which both halves count. @rest: NULL: none */
static WctStatus
copy_covariance (const StyleFile *from, const WctNamedTensor *tensor, const WctNamedTensor *rest, WctMoments *moments,
                 WctError *err)
{
  const size_t channels = (size_t)moments->channels;
  const bool   packed = tensor->rank == 1;
  double      *covariance = moments->covariance;
  size_t       i = 0;

  for (size_t row = 0; row < channels; row++)
    for (size_t c = packed ? row : 0; c < channels; c++)
      {
        covariance[row * channels + c] = value_at (tensor, rest, i);
        i++;
        if (packed)
          covariance[c * channels + row] = covariance[row * channels + c];
      }
  for (size_t c = 0; c < channels; c++)
    if (covariance[c * channels + c] < 0)
      return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: the variance of channel %zu is %g; it is 0 or more",
                            from->label, tensor->name, c, covariance[c * channels + c]);
  for (size_t row = 0; row < channels; row++)
    for (size_t c = 0; c < row; c++)
      {
        double      *low = &covariance[row * channels + c], *high = &covariance[c * channels + row];
        const double scale = sqrt (covariance[row * channels + row] * covariance[c * channels + c]);

        if (fabs (*low - *high) > SYMMETRY * scale)
          return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: is not symmetric: %g and %g at channels %zu and %zu",
                                from->label, tensor->name, *low, *high, row, c);
        *low = *high = (*low + *high) / 2;
      }
  return WCT_OK;
}

static WctStatus
copy_moments (const StyleFile *from, const WctModel *model, int level, WctMoments **out, WctError *err)
{
  const WctNamedTensor *mean = find_tensor (from, level, "mean");
  const int32_t         channels = wct_model_channels (model, level);
  const char           *positions = find_text (from, level, "positions");
  WctMoments           *moments = NULL;
  WctStatus             status;

  if (mean->shape[0] != channels)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: has %" PRId64 " channels, the model has %" PRId32, from->label,
                          mean->name, mean->shape[0], channels);
  WCT_TRY (wct_moments_new (channels, &moments, err));
  moments->weight = positions == NULL || positions[0] == '-' ? 0 : (double)strtoll (positions, NULL, 10);
  for (int32_t c = 0; c < channels; c++)
    moments->mean[c] = value_at (mean, find_tensor (from, level, "mean" REST), (size_t)c);
  WCT_TRY (copy_covariance (from, find_tensor (from, level, "covariance"), find_tensor (from, level, "covariance" REST),
                            moments, err));
  *out = moments;
  moments = NULL;

out:
  wct_moments_free (&moments);
  return status;
}

/* The levels that both have. @moments: (WCT_LEVELS), written */
static WctStatus
take_levels (const StyleFile *from, const WctModel *model, WctMoments **moments, WctError *err)
{
  const unsigned levels = from->card.levels & wct_model_encoder_levels (model);
  WctStatus      status = WCT_OK;

  if (levels == 0)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED, "%s: has no level that the model's encoder reaches", from->label);
  for (int level = WCT_LEVELS; level >= 1; level--)
    if (levels & 1u << (level - 1))
      {
        WCT_TRY (check_model (from, model, level, err));
        WCT_TRY (copy_moments (from, model, level, &moments[level - 1], err));
      }

out:
  return status;
}

WctStatus
wct_style_load (WctModel *model, const char *path, WctStyle **out, WctStyleCard *card, WctError *err)
{
  WctMoments *moments[WCT_LEVELS] = { NULL };
  StyleFile   from;
  WctStatus   status;

  WCT_TRY (open_file (path, &from, err));
  WCT_TRY (take_levels (&from, model, moments, err));
  WCT_TRY (wct_style_adopt (model, moments, out, err));
  if (card != NULL)
    {
      *card = from.card;
      from.card.thumbnail = NULL;
    }

out:
  for (int i = 0; i < WCT_LEVELS; i++)
    wct_moments_free (&moments[i]);
  close_file (&from);
  return status;
}

WctStatus
wct_style_read_card (const char *path, WctStyleCard *card, WctError *err)
{
  StyleFile from;
  WctStatus status;

  WCT_TRY (open_file (path, &from, err));
  *card = from.card;
  from.card.thumbnail = NULL;

out:
  close_file (&from);
  return status;
}

void
wct_style_card_clear (WctStyleCard *card)
{
  wct_free (&card->thumbnail);
  *card = (WctStyleCard){ .thumbnail = NULL };
}
