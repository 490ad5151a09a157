/* The JSON header of a .safetensors file, as tables.
 *
 * jansson takes up to a hundred times a text's size for it ("{},{},{}"), so it never sees the whole header: that is cut
 * into its members by counting brackets outside strings, and each member, which has a length limit, is parsed alone.
 * Two passes: the first checks and counts, so that the second fills tables of the right size. */
#include "safetensors-header.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "mem.h"

/* VGG-19 with a trunk for each level and all embeddings has 188 tensors. */
#define TENSORS_MAX  512
#define METADATA_MAX 64

/* What jansson makes of one member fits in 64 KB: 80 times the first (nothing but "{},"), 3 times the second (a string,
 * and the buffer that held it, which doubles). The longest member that a model needs has about 200 bytes. */
#define TENSOR_BYTES_MAX   400
#define METADATA_BYTES_MAX 16384

#define NAME_BYTES_MAX 100

/* Brackets that may be open at once: the header, a tensor, its shape. Metadata: its own. */
#define HEADER_DEPTH   3
#define METADATA_DEPTH 1

#define METADATA_KEY "\"__metadata__\""

typedef struct
{
  const char *label;
  char       *text;
  size_t      length;
  size_t      data_bytes;
  bool        with_bytes;

  size_t tensor_count, metadata_count, text_bytes; /* met in this pass */
  bool   metadata_seen;                            /* in this pass */

  WctSafetensors *file; /* NULL in the first pass */
  WctExtent      *extents;
} Header;

/* A member of an object lies between @open, its '{' or ',', and @close, its ',' or '}'. */
typedef WctStatus (*VisitMember) (Header *header, size_t open, size_t close, WctError *err);

static const struct
{
  const char *name;
  size_t      bytes;
} types[] = {
  [WCT_TYPE_F32] = { "F32", 4 },
  [WCT_TYPE_F16] = { "F16", 2 },
  [WCT_TYPE_BF16] = { "BF16", 2 },
  [WCT_TYPE_U8] = { "U8", 1 },
};

size_t
wct_tensor_type_bytes (WctTensorType type)
{
  return types[type].bytes;
}

const char *
wct_tensor_type_name (WctTensorType type)
{
  return types[type].name;
}

static WctStatus
refuse_syntax (const Header *header, size_t position, WctError *err)
{
  return wct_error_set (err, WCT_ERR_FORMAT,
                        "%s: the header is not JSON near byte %zu; this is no safetensors file, or it is damaged",
                        header->label, position);
}

/* ---- Members ------------------------------------------------------------------------------------------------ */

static size_t
skip_blanks (const Header *header, size_t i)
{
  while (i < header->length && header->text[i] != '\0' && strchr (" \t\n\r", header->text[i]) != NULL)
    i++;
  return i;
}

/* Where does the member after @open end? Strings are passed over whole. */
static WctStatus
find_close (const Header *header, size_t open, int depth_max, size_t *close, WctError *err)
{
  bool in_string = false;
  int  depth = 1;

  for (size_t i = open + 1; i < header->length; i++)
    {
      const char c = header->text[i];

      if (c == '"')
        in_string = !in_string;
      else if (in_string)
        i += c == '\\';
      else if (c == '{' || c == '[')
        {
          if (++depth > depth_max)
            return wct_error_set (err, WCT_ERR_FORMAT,
                                  "%s: the header has a list or object where none belongs, at byte %zu", header->label,
                                  i);
        }
      else if (((c == '}' || c == ']') && --depth == 0) || (c == ',' && depth == 1))
        {
          *close = i;
          return c == ']' ? refuse_syntax (header, i, err) : WCT_OK;
        }
    }
  return wct_error_set (err, WCT_ERR_FORMAT, "%s: the header ends in the middle of a word or list", header->label);
}

/* Visits the members of the object whose '{' is at @open; @end: its '}'. */
static WctStatus
walk_members (Header *header, size_t open, int depth_max, VisitMember visit, size_t *end, WctError *err)
{
  size_t    close = open;
  WctStatus status;

  do
    {
      WCT_TRY (find_close (header, open, depth_max, &close, err));
      const bool empty_object =
        header->text[open] == '{' && header->text[close] == '}' && skip_blanks (header, open + 1) == close;
      if (!empty_object)
        WCT_TRY (visit (header, open, close, err));
      open = close;
    }
  while (header->text[close] == ',');
  *end = close;

out:
  return status;
}

static WctStatus
refuse_json (const Header *header, size_t open, const json_error_t *error, WctError *err)
{
  const size_t position = open + (error->position > 0 ? (size_t)error->position - 1 : 0);

  switch (json_error_code (error))
    {
    case json_error_out_of_memory:
      return wct_error_set (err, WCT_ERR_NO_MEMORY, "%s: out of memory while the header was read", header->label);
    case json_error_invalid_utf8:
      return wct_error_set (err, WCT_ERR_FORMAT, "%s: the header is not UTF-8 near byte %zu", header->label, position);
    case json_error_duplicate_key:
      return wct_error_set (err, WCT_ERR_FORMAT, "%s: the header has a key twice, near byte %zu", header->label,
                            position);
    case json_error_numeric_overflow:
      return wct_error_set (err, WCT_ERR_FORMAT, "%s: the header has a number that is too large, near byte %zu",
                            header->label, position);
    case json_error_null_character:
    case json_error_null_byte_in_key:
      return wct_error_set (err, WCT_ERR_FORMAT, "%s: the header has a text with a zero byte, near byte %zu",
                            header->label, position);
    default:
      return refuse_syntax (header, position, err);
    }
}

/* One member as an object of its own: for the parser's sake its bounds become braces. */
static WctStatus
parse_member (Header *header, size_t open, size_t close, json_t **out, WctError *err)
{
  char *const  text = header->text;
  const char   before = text[open], after = text[close];
  json_error_t error;

  text[open] = '{';
  text[close] = '}';
  json_t *object = json_loadb (text + open, close - open + 1, JSON_REJECT_DUPLICATES, &error);
  text[open] = before;
  text[close] = after;

  if (object == NULL)
    return refuse_json (header, open, &error, err);
  if (json_object_size (object) != 1)
    {
      json_decref (object);
      return refuse_syntax (header, close, err);
    }
  *out = object;
  return WCT_OK;
}

/* The second pass keeps texts: moves @text into the file's. */
static char *
keep_text (Header *header, const char *text)
{
  const size_t size = strlen (text) + 1;
  char        *kept = header->file->text + header->text_bytes;

  header->text_bytes += size;
  return memcpy (kept, text, size);
}

/* ---- Metadata ----------------------------------------------------------------------------------------------- */

static WctStatus
keep_metadata (Header *header, const char *key, const char *value, WctError *err)
{
  WctSafetensors *file = header->file;

  for (size_t i = 0; i < header->metadata_count; i++)
    if (strcmp (file->metadata[i].key, key) == 0)
      {
        char shown[60];

        wct_text_for_sentence (key, shown, sizeof shown);
        return wct_error_set (err, WCT_ERR_FORMAT, "%s: __metadata__ has \"%s\" twice", header->label, shown);
      }
  file->metadata[header->metadata_count].key = keep_text (header, key);
  file->metadata[header->metadata_count].value = keep_text (header, value);
  return WCT_OK;
}

static WctStatus
take_metadata (Header *header, const char *key, const json_t *value, WctError *err)
{
  WctStatus status = WCT_OK;
  char      shown[60];

  wct_text_for_sentence (key, shown, sizeof shown);
  if (!json_is_string (value))
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: __metadata__ \"%s\" is not text", header->label, shown);
  if (header->metadata_count == METADATA_MAX)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: __metadata__ has more than %d entries", header->label,
                          METADATA_MAX);

  if (header->file != NULL)
    WCT_TRY (keep_metadata (header, key, json_string_value (value), err));
  else
    header->text_bytes += strlen (key) + 1 + strlen (json_string_value (value)) + 1;
  header->metadata_count++;

out:
  return status;
}

static WctStatus
visit_text (Header *header, size_t open, size_t close, WctError *err)
{
  json_t   *object = NULL;
  WctStatus status;

  const size_t bytes = close - open - 1;

  if (bytes > METADATA_BYTES_MAX)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: __metadata__ has a text of %zu bytes, %d are allowed",
                          header->label, bytes, METADATA_BYTES_MAX);

  WCT_TRY (parse_member (header, open, close, &object, err));
  void *member = json_object_iter (object);
  WCT_TRY (take_metadata (header, json_object_iter_key (member), json_object_iter_value (member), err));

out:
  json_decref (object);
  return status;
}

/* The member whose key ends at @colon or before it. */
static WctStatus
visit_metadata (Header *header, size_t colon, size_t close, WctError *err)
{
  size_t    end;
  WctStatus status;

  if (header->metadata_seen)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: __metadata__ is in the header twice", header->label);
  header->metadata_seen = true;

  colon = skip_blanks (header, colon);
  if (header->text[colon] != ':')
    return refuse_syntax (header, colon, err);
  const size_t open = skip_blanks (header, colon + 1);
  if (header->text[open] != '{')
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: __metadata__ is not an object of texts", header->label);

  WCT_TRY (walk_members (header, open, METADATA_DEPTH, visit_text, &end, err));
  if (skip_blanks (header, end + 1) != close)
    return refuse_syntax (header, end + 1, err);

out:
  return status;
}

/* ---- Tensors ------------------------------------------------------------------------------------------------ */

static WctStatus
check_name (const Header *header, const char *name, WctError *err)
{
  char shown[60];

  wct_text_for_sentence (name, shown, sizeof shown);
  if (strlen (name) > NAME_BYTES_MAX)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: the name of a tensor has %zu bytes, %d are allowed: %s",
                          header->label, strlen (name), NAME_BYTES_MAX, shown);
  for (const char *c = name; *c != '\0'; c++)
    if (*c < ' ' || *c > '~')
      return wct_error_set (err, WCT_ERR_FORMAT, "%s: the name of a tensor is not printable ASCII: %s", header->label,
                            shown);
  return WCT_OK;
}

#define FIELD_COUNT 3

/* All three fields, and no other. Where there is another, none is kept: it is what is left without the three.
 * (json_object_foreach would do. It calls json_object_iter_next, which json-glib has too, with other arguments: in a
 * process that has both, as GIMP's plug-ins do, the wrong one is called.) */
static WctStatus
check_fields (const Header *header, const char *name, json_t *fields, WctError *err)
{
  static const char *const known[FIELD_COUNT] = { "dtype", "shape", "data_offsets" };
  char                     shown[60];

  if (!json_is_object (fields))
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: is not described by an object", header->label, name);
  for (int i = 0; i < FIELD_COUNT; i++)
    if (json_object_get (fields, known[i]) == NULL)
      return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: has no %s", header->label, name, known[i]);
  if (json_object_size (fields) == FIELD_COUNT)
    return WCT_OK;
  for (int i = 0; i < FIELD_COUNT; i++)
    json_object_del (fields, known[i]);
  wct_text_for_sentence (json_object_iter_key (json_object_iter (fields)), shown, sizeof shown);
  return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: has an unknown field \"%s\"", header->label, name, shown);
}

static WctStatus
read_type (const Header *header, const char *name, const json_t *dtype, WctTensorType *type, WctError *err)
{
  const char *text = json_string_value (dtype);
  char        shown[60];

  if (text == NULL)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: its dtype is not text", header->label, name);
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
    if (strcmp (text, types[i].name) == 0 && (i != WCT_TYPE_U8 || header->with_bytes))
      {
        *type = (WctTensorType)i;
        return WCT_OK;
      }
  wct_text_for_sentence (text, shown, sizeof shown);
  return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: its values are %s; F32, F16 and BF16 are known, convert it first",
                        header->label, name, shown);
}

static WctStatus
read_shape (const Header *header, const char *name, const json_t *shape, WctNamedTensor *tensor, WctError *err)
{
  if (!json_is_array (shape))
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: its shape is not a list", header->label, name);
  if (json_array_size (shape) > WCT_TENSOR_RANK_MAX)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: has %zu dimensions, up to %d are allowed", header->label, name,
                          json_array_size (shape), WCT_TENSOR_RANK_MAX);

  tensor->rank = (int)json_array_size (shape);
  tensor->count = 1;
  for (int i = 0; i < tensor->rank; i++)
    {
      const json_t *size = json_array_get (shape, (size_t)i);

      if (!json_is_integer (size) || json_integer_value (size) < 1)
        return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: dimension %d of its shape is not a whole number from 1 on",
                              header->label, name, i + 1);
      tensor->shape[i] = json_integer_value (size);
      if (!wct_size_mul (tensor->count, (size_t)tensor->shape[i], &tensor->count))
        return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: its shape has more values than can be counted",
                              header->label, name);
    }
  return WCT_OK;
}

static bool
read_offset (const json_t *offsets, size_t index, size_t *offset)
{
  const json_t *value = json_array_get (offsets, index);

  if (!json_is_integer (value) || json_integer_value (value) < 0
      || (uint64_t)json_integer_value (value) > (uint64_t)SIZE_MAX)
    return false;
  *offset = (size_t)json_integer_value (value);
  return true;
}

static WctStatus
read_extent (const Header *header, const char *name, const json_t *offsets, const WctNamedTensor *tensor,
             WctExtent *extent, WctError *err)
{
  size_t bytes;

  if (json_array_size (offsets) != 2 || !read_offset (offsets, 0, &extent->begin)
      || !read_offset (offsets, 1, &extent->end))
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: its data_offsets are not two whole numbers from 0 on",
                          header->label, name);
  if (extent->begin > extent->end)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: its data_offsets run backward, from %zu to %zu", header->label,
                          name, extent->begin, extent->end);
  if (extent->end > header->data_bytes)
    return wct_error_set (err, WCT_ERR_FORMAT,
                          "%s: %s: ends at byte %zu of the data, of which the file has %zu; was it cut short?",
                          header->label, name, extent->end, header->data_bytes);
  if (!wct_size_mul (tensor->count, wct_tensor_type_bytes (extent->type), &bytes))
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: its shape has more values than can be counted", header->label,
                          name);
  if (bytes != extent->end - extent->begin)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: its shape needs %zu bytes, its data_offsets span %zu",
                          header->label, name, bytes, extent->end - extent->begin);
  return WCT_OK;
}

static WctStatus
take_tensor (Header *header, const char *name, json_t *fields, WctError *err)
{
  WctNamedTensor tensor = { .rank = 0 };
  WctExtent      extent = { .begin = 0 };
  WctStatus      status;

  WCT_TRY (check_name (header, name, err));
  WCT_TRY (check_fields (header, name, fields, err));
  WCT_TRY (read_type (header, name, json_object_get (fields, "dtype"), &extent.type, err));
  WCT_TRY (read_shape (header, name, json_object_get (fields, "shape"), &tensor, err));
  WCT_TRY (read_extent (header, name, json_object_get (fields, "data_offsets"), &tensor, &extent, err));
  if (header->tensor_count == TENSORS_MAX)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: has more than %d tensors, a model has fewer", header->label,
                          TENSORS_MAX);

  if (header->file != NULL)
    {
      extent.name = tensor.name = keep_text (header, name);
      header->file->tensors[header->tensor_count] = tensor;
      header->extents[header->tensor_count] = extent;
    }
  else
    header->text_bytes += strlen (name) + 1;
  header->tensor_count++;

out:
  return status;
}

static WctStatus
visit_tensor (Header *header, size_t open, size_t close, WctError *err)
{
  const size_t start = skip_blanks (header, open + 1);
  const size_t bytes = close - open - 1;
  const size_t key_bytes = strlen (METADATA_KEY);
  json_t      *object = NULL;
  WctStatus    status;

  if (close - start > key_bytes && memcmp (header->text + start, METADATA_KEY, key_bytes) == 0)
    return visit_metadata (header, start + key_bytes, close, err);
  if (bytes > TENSOR_BYTES_MAX)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: the header describes a tensor in %zu bytes, at byte %zu; %d do",
                          header->label, bytes, start, TENSOR_BYTES_MAX);

  WCT_TRY (parse_member (header, open, close, &object, err));
  void *member = json_object_iter (object);
  WCT_TRY (take_tensor (header, json_object_iter_key (member), json_object_iter_value (member), err));

out:
  json_decref (object);
  return status;
}

/* ---- The whole ---------------------------------------------------------------------------------------------- */

static WctStatus
pass (Header *header, WctError *err)
{
  size_t    end;
  WctStatus status;

  header->tensor_count = header->metadata_count = header->text_bytes = 0;
  header->metadata_seen = false;
  if (header->length < 2 || header->text[0] != '{')
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: the header does not begin with {; this is no safetensors file",
                          header->label);

  WCT_TRY (walk_members (header, 0, HEADER_DEPTH, visit_tensor, &end, err));
  for (size_t i = end + 1; i < header->length; i++)
    if (header->text[i] != ' ')
      return wct_error_set (err, WCT_ERR_FORMAT, "%s: the header goes on after its end, at byte %zu", header->label, i);

out:
  return status;
}

static int
compare_names (const void *a, const void *b)
{
  return strcmp (((const WctNamedTensor *)a)->name, ((const WctNamedTensor *)b)->name);
}

static WctStatus
sort_tensors (Header *header, WctError *err)
{
  WctNamedTensor *tensors = header->file->tensors;

  qsort (tensors, header->tensor_count, sizeof *tensors, compare_names);
  for (size_t i = 1; i < header->tensor_count; i++)
    if (strcmp (tensors[i - 1].name, tensors[i].name) == 0)
      return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: is in the header twice", header->label, tensors[i].name);
  return WCT_OK;
}

static int
compare_extents (const void *a, const void *b)
{
  const WctExtent *left = a, *right = b;

  if (left->begin != right->begin)
    return left->begin < right->begin ? -1 : 1;
  return strcmp (left->name, right->name);
}

/* The tensors fill the data: nothing hides between or behind them, and no two share a byte. */
static WctStatus
check_layout (Header *header, WctError *err)
{
  const WctExtent *extents = header->extents;
  size_t           end = 0;

  qsort (header->extents, header->tensor_count, sizeof *extents, compare_extents);
  for (size_t i = 0; i < header->tensor_count; i++)
    {
      if (extents[i].begin < end)
        return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: begins %zu bytes before %s ends", header->label,
                              extents[i].name, end - extents[i].begin, extents[i - 1].name);
      if (extents[i].begin > end)
        return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: %zu bytes before it belong to no tensor", header->label,
                              extents[i].name, extents[i].begin - end);
      end = extents[i].end;
    }
  if (end < header->data_bytes)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: %zu bytes at its end belong to no tensor", header->label,
                          header->data_bytes - end);
  return WCT_OK;
}

WctStatus
wct_safetensors_read_header (char *text, size_t length, size_t data_bytes, const char *label, bool with_bytes,
                             WctSafetensors *file, WctExtent **extents, WctError *err)
{
  Header header = {
    .label = label, .text = text, .length = length, .data_bytes = data_bytes, .with_bytes = with_bytes
  };
  WctStatus status;

  WCT_TRY (pass (&header, err));

  WCT_TRY (wct_alloc (header.text_bytes, 1, "names of tensors", &file->text, err));
  WCT_TRY (wct_alloc (header.tensor_count, sizeof *file->tensors, "table of tensors", &file->tensors, err));
  WCT_TRY (wct_alloc (header.metadata_count, sizeof *file->metadata, "metadata", &file->metadata, err));
  WCT_TRY (wct_alloc (header.tensor_count, sizeof *header.extents, "table of tensors", &header.extents, err));
  header.file = file;
  WCT_TRY (pass (&header, err));
  file->tensor_count = header.tensor_count;
  file->metadata_count = header.metadata_count;

  WCT_TRY (sort_tensors (&header, err));
  WCT_TRY (check_layout (&header, err));
  *extents = header.extents;
  header.extents = NULL;

out:
  wct_free (&header.extents);
  return status;
}
