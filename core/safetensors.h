/* A bounded, strict reader of .safetensors files: it knows tensors, not networks. */
#ifndef WCT_SAFETENSORS_H
#define WCT_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include <wct/status.h>

#include "text.h"

#define WCT_TENSOR_RANK_MAX 4

typedef struct
{
  char    *name;                       /* printable ASCII, borrowed from the file's text */
  int      rank;                       /* 0 … WCT_TENSOR_RANK_MAX */
  int64_t  shape[WCT_TENSOR_RANK_MAX]; /* each 1 or more */
  size_t   count;                      /* product of shape */
  float   *values;                     /* owned; count of them, finite, row-major; whatever the file's type was */
  uint8_t *bytes;                      /* owned; in their place where the type is U8. Else NULL */
} WctNamedTensor;

typedef struct
{
  char *key, *value; /* UTF-8, borrowed from the file's text */
} WctMetadata;

typedef struct
{
  WctNamedTensor *tensors; /* sorted by name */
  size_t          tensor_count;
  WctMetadata    *metadata; /* in the file's order */
  size_t          metadata_count;
  char           *text; /* owned; every name, key and value */
} WctSafetensors;

/**
 * wct_safetensors_load: read and check a whole file.
 * @out: on WCT_OK the caller's, to be cleared by wct_safetensors_clear; untouched otherwise
 *
 * Types F32, F16 and BF16, converted to float. Refused, each with a sentence that names the tensor and the fact: header
 * length out of bounds, not UTF-8, not JSON, duplicate keys, metadata that is not strings, unknown fields or types,
 * negative or empty shapes, rank over 4, size other than shape × type (with overflow), offsets with holes, overlaps,
 * misorder or beyond the end, trailing bytes, NaN and infinity, a file that is shorter or longer than it was when
 * opened, and anything that is not a regular file. Also what no model needs and would make the bookkeeping larger than
 * the file: more than 512 tensors or 64 texts, names over 100 bytes or not ASCII, texts over 16 KB. Never allocates
 * more than twice the file's size plus 64 KB.
 */
WctStatus wct_safetensors_load (const char *path, WctSafetensors *out, WctError *err);

/**
 * wct_safetensors_load_small: the same of a file that is no model: tensors of U8 are welcome too, as bytes.
 * @what: for sentences: "a style is a .wctstyle file"
 * @size_max: what is larger is refused before it is read
 */
WctStatus wct_safetensors_load_small (const char *path, const char *what, size_t size_max, WctSafetensors *out,
                                      WctError *err);

/* The same from memory: @bytes is borrowed for the call; @name stands for the path in sentences. */
WctStatus wct_safetensors_parse (const void *bytes, size_t size, const char *name, WctSafetensors *out, WctError *err);

/* The same from a file that is open at its start and that fstat said has @size bytes. */
WctStatus wct_safetensors_read (int fd, size_t size, const char *name, WctSafetensors *out, WctError *err);

/* Frees all and zeroes @file; a zeroed one is welcome. Values that were freed before are NULL. */
void wct_safetensors_clear (WctSafetensors *file);

/* The tensor of that name, borrowed; NULL where there is none. */
WctNamedTensor *wct_safetensors_find (const WctSafetensors *file, const char *name);

/* The metadata's text for @key, borrowed; NULL where there is none. */
const char *wct_safetensors_metadata (const WctSafetensors *file, const char *key);

/* Is the metadata's text for @key @expected? @what: "a model"; @label stands for the path in sentences */
WctStatus wct_safetensors_check_metadata (const WctSafetensors *file, const char *label, const char *what,
                                          const char *key, const char *expected, WctError *err);

#endif
