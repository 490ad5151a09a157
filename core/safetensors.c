/* A bounded, strict reader of .safetensors files: 8 bytes that say how long the header is (little-endian), the header,
 * a JSON object, and the values of all tensors.
 *
 * Files are read, not mapped: a mapped file that shrinks kills the process. Values go from the file in small pieces
 * straight to where they stay, so that F16 and BF16, which grow, need no second copy. */
#include "safetensors.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "half.h"
#include "mem.h"
#include "safetensors-header.h"

#define LENGTH_BYTES     8
#define HEADER_BYTES_MAX 100000000 /* what other readers of the format allow */
#define PIECE_BYTES      16384
#define LABEL_SIZE       200 /* leaves room in a message for the fact */

/* A file, or bytes in memory. */
typedef struct
{
  char                 label[LABEL_SIZE]; /* the path as sentences show it */
  int                  fd;
  const unsigned char *bytes;      /* borrowed; NULL: read from fd */
  size_t               left;       /* bytes that are still to come */
  bool                 with_bytes; /* are tensors of U8 welcome? */
} Source;

/* ---- Bytes -------------------------------------------------------------------------------------------------- */

static WctStatus
source_read_file (Source *source, unsigned char *to, size_t count, WctError *err)
{
  while (count > 0)
    {
      const ssize_t got = read (source->fd, to, count);

      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        return wct_error_set (err, WCT_ERR_IO, "%s: cannot be read: %s", source->label, strerror (errno));
      if (got == 0)
        return wct_error_set (err, WCT_ERR_IO, "%s: became shorter while it was read; try again once it is complete",
                              source->label);
      to += got;
      count -= (size_t)got;
    }
  return WCT_OK;
}

/* The caller asks for what is left, not for more. */
static WctStatus
source_read (Source *source, void *to, size_t count, WctError *err)
{
  assert (count <= source->left);
  source->left -= count;
  if (source->bytes == NULL)
    return source_read_file (source, to, count, err);
  memcpy (to, source->bytes, count);
  source->bytes += count;
  return WCT_OK;
}

/* Everything was read: is there more than there was when the file was opened? */
static WctStatus
source_check_end (const Source *source, WctError *err)
{
  char    more;
  ssize_t got = 0;

  if (source->bytes == NULL)
    do
      got = read (source->fd, &more, 1);
    while (got < 0 && errno == EINTR);
  return got <= 0 ? WCT_OK
                  : wct_error_set (err, WCT_ERR_IO,
                                   "%s: became longer while it was read; try again once it is complete", source->label);
}

/* ---- Values ------------------------------------------------------------------------------------------------- */

static float
float_of_bits (uint32_t bits)
{
  float value;

  memcpy (&value, &bits, sizeof value);
  return value;
}

/* Bytes in the file are little-endian whatever this machine is. */
static float
decode (const unsigned char *bytes, WctTensorType type)
{
  const uint32_t low = bytes[0] | (uint32_t)bytes[1] << 8;

  switch (type)
    {
    case WCT_TYPE_F16:
      return wct_float_of_half ((uint16_t)low);
    case WCT_TYPE_BF16:
      return float_of_bits (low << 16);
    case WCT_TYPE_F32:
    case WCT_TYPE_U8: /* has no numbers */
      break;
    }
  return float_of_bits (low | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24);
}

static WctStatus
read_values (Source *source, WctNamedTensor *tensor, WctTensorType type, WctError *err)
{
  const size_t  width = wct_tensor_type_bytes (type);
  unsigned char piece[PIECE_BYTES];
  WctStatus     status;

  WCT_TRY (wct_alloc (tensor->count, sizeof (float), tensor->name, &tensor->values, err));
  for (size_t first = 0; first < tensor->count; first += PIECE_BYTES / width)
    {
      const size_t left = tensor->count - first;
      const size_t count = left < PIECE_BYTES / width ? left : PIECE_BYTES / width;

      WCT_TRY (source_read (source, piece, count * width, err));
      for (size_t i = 0; i < count; i++)
        {
          const float value = decode (piece + i * width, type);

          if (!isfinite (value))
            return wct_error_set (err, WCT_ERR_FORMAT, "%s: %s: value %zu of %zu is %s; the file is damaged",
                                  source->label, tensor->name, first + i + 1, tensor->count,
                                  isnan (value) ? "not a number" : "infinite");
          tensor->values[first + i] = value;
        }
    }

out:
  return status;
}

static WctStatus
read_bytes (Source *source, WctNamedTensor *tensor, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_alloc (tensor->count, 1, tensor->name, &tensor->bytes, err));
  WCT_TRY (source_read (source, tensor->bytes, tensor->count, err));

out:
  return status;
}

static WctStatus
read_all_values (Source *source, WctSafetensors *file, const WctExtent *extents, WctError *err)
{
  WctStatus status;

  for (size_t i = 0; i < file->tensor_count; i++)
    {
      WctNamedTensor *tensor = wct_safetensors_find (file, extents[i].name);

      WCT_TRY (extents[i].type == WCT_TYPE_U8 ? read_bytes (source, tensor, err)
                                              : read_values (source, tensor, extents[i].type, err));
    }
  WCT_TRY (source_check_end (source, err));

out:
  return status;
}

/* ---- Files -------------------------------------------------------------------------------------------------- */

/* The first 8 bytes are a stranger's word: believed only as far as the file's own size goes. */
static WctStatus
read_header_length (Source *source, size_t *length, WctError *err)
{
  unsigned char bytes[LENGTH_BYTES];
  uint64_t      said = 0;
  WctStatus     status;

  if (source->left < LENGTH_BYTES)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: has %zu bytes; this is no safetensors file", source->label,
                          source->left);
  WCT_TRY (source_read (source, bytes, sizeof bytes, err));
  for (size_t i = 0; i < LENGTH_BYTES; i++)
    said |= (uint64_t)bytes[i] << 8 * i;
  if (said > source->left)
    return wct_error_set (err, WCT_ERR_FORMAT,
                          "%s: says its header has %llu bytes, but only %zu follow; this is no safetensors file, or "
                          "it was cut short",
                          source->label, (unsigned long long)said, source->left);
  if (said > HEADER_BYTES_MAX)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: says its header has %llu bytes, %d are allowed", source->label,
                          (unsigned long long)said, HEADER_BYTES_MAX);
  *length = (size_t)said;

out:
  return status;
}

static WctStatus
read_whole (Source *source, WctSafetensors *out, WctError *err)
{
  WctSafetensors file = { .tensors = NULL };
  WctExtent     *extents = NULL;
  char          *header = NULL;
  size_t         length = 0;
  WctStatus      status;

  WCT_TRY (read_header_length (source, &length, err));
  WCT_TRY (wct_alloc (length, 1, "header of the model", &header, err));
  WCT_TRY (source_read (source, header, length, err));
  WCT_TRY (wct_safetensors_read_header (header, length, source->left, source->label, source->with_bytes, &file,
                                        &extents, err));
  wct_free (&header); /* before the values need room */
  WCT_TRY (read_all_values (source, &file, extents, err));
  *out = file;
  file = (WctSafetensors){ .tensors = NULL };

out:
  wct_free (&header);
  wct_free (&extents);
  wct_safetensors_clear (&file);
  return status;
}

WctStatus
wct_safetensors_parse (const void *bytes, size_t size, const char *name, WctSafetensors *out, WctError *err)
{
  Source source = { .fd = -1, .bytes = bytes, .left = size };

  wct_text_for_sentence (name, source.label, sizeof source.label);
  return read_whole (&source, out, err);
}

WctStatus
wct_safetensors_read (int fd, size_t size, const char *name, WctSafetensors *out, WctError *err)
{
  Source source = { .fd = fd, .left = size };

  wct_text_for_sentence (name, source.label, sizeof source.label);
  return read_whole (&source, out, err);
}

/* Opens without waiting (a pipe would) and says at once what cannot be it. @what: "a model is a .safetensors file" */
static WctStatus
open_regular (const char *path, const char *what, int *fd, size_t *size, WctError *err)
{
  char        label[LABEL_SIZE];
  struct stat facts;

  wct_text_for_sentence (path, label, sizeof label);
  *fd = open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (*fd < 0 || fstat (*fd, &facts) != 0)
    return wct_error_set (err, WCT_ERR_IO, "%s: cannot be opened: %s", label, strerror (errno));
  if (!S_ISREG (facts.st_mode))
    return wct_error_set (err, WCT_ERR_IO, "%s: is %s; %s", label,
                          S_ISDIR (facts.st_mode) ? "a folder" : "not a regular file", what);
  if ((uint64_t)facts.st_size > SIZE_MAX)
    return wct_error_set (err, WCT_ERR_NO_MEMORY, "%s: is larger than this machine can address", label);
  *size = (size_t)facts.st_size;
  return WCT_OK;
}

WctStatus
wct_safetensors_load (const char *path, WctSafetensors *out, WctError *err)
{
  int       fd = -1;
  size_t    size;
  WctStatus status;

  WCT_TRY (open_regular (path, "a model is a .safetensors file", &fd, &size, err));
  WCT_TRY (wct_safetensors_read (fd, size, path, out, err));

out:
  if (fd >= 0)
    close (fd);
  return status;
}

WctStatus
wct_safetensors_load_small (const char *path, const char *what, size_t size_max, WctSafetensors *out, WctError *err)
{
  Source    source = { .fd = -1, .with_bytes = true };
  WctStatus status;

  wct_text_for_sentence (path, source.label, sizeof source.label);
  WCT_TRY (open_regular (path, what, &source.fd, &source.left, err));
  if (source.left > size_max)
    WCT_TRY (wct_error_set (err, WCT_ERR_FORMAT, "%s: has %zu bytes, up to %zu are allowed; %s", source.label,
                            source.left, size_max, what));
  WCT_TRY (read_whole (&source, out, err));

out:
  if (source.fd >= 0)
    close (source.fd);
  return status;
}

void
wct_safetensors_clear (WctSafetensors *file)
{
  for (size_t i = 0; i < file->tensor_count; i++)
    {
      wct_free (&file->tensors[i].values);
      wct_free (&file->tensors[i].bytes);
    }
  wct_free (&file->tensors);
  wct_free (&file->metadata);
  wct_free (&file->text);
  *file = (WctSafetensors){ .tensors = NULL };
}

static int
compare_to_name (const void *name, const void *tensor)
{
  return strcmp (name, ((const WctNamedTensor *)tensor)->name);
}

WctNamedTensor *
wct_safetensors_find (const WctSafetensors *file, const char *name)
{
  return bsearch (name, file->tensors, file->tensor_count, sizeof *file->tensors, compare_to_name);
}

const char *
wct_safetensors_metadata (const WctSafetensors *file, const char *key)
{
  for (size_t i = 0; i < file->metadata_count; i++)
    if (strcmp (file->metadata[i].key, key) == 0)
      return file->metadata[i].value;
  return NULL;
}

WctStatus
wct_safetensors_check_metadata (const WctSafetensors *file, const char *label, const char *what, const char *key,
                                const char *expected, WctError *err)
{
  const char *found = wct_safetensors_metadata (file, key);
  char        shown[60];

  if (found == NULL)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: its metadata has no %s, which is \"%s\" in %s for wct", label, key,
                          expected, what);
  if (strcmp (found, expected) != 0)
    {
      wct_text_for_sentence (found, shown, sizeof shown);
      return wct_error_set (err, WCT_ERR_FORMAT, "%s: says its %s is \"%s\"; this program knows \"%s\" only", label,
                            key, shown, expected);
    }
  return WCT_OK;
}
