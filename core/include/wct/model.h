/* A model: encoders, decoders and what its file says about itself. Immutable once loaded, counted, shared
 * between threads. */
#ifndef WCT_MODEL_H
#define WCT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wct/params.h>
#include <wct/status.h>

WCT_BEGIN_C

typedef struct WctModel WctModel;

/**
 * wct_model_load: read a .safetensors model (docs/WEIGHTS.md has the format).
 * @path: the file; read once, not kept open
 * @out: on WCT_OK a new model with one reference, the caller's; untouched otherwise
 *
 * Strict: header, offsets, shapes, chains of channels and values are checked, and nothing is allocated on the
 * file's word: memory stays under twice the file's size (F16 and BF16 grow to F32) plus a few pages. WCT_ERR_FORMAT
 * and a sentence that names the tensor and the fact otherwise; WCT_ERR_IO for a file that cannot be read or that
 * shrinks meanwhile. Any thread.
 */
WCT_API WctStatus wct_model_load (const char *path, WctModel **out, WctError *err);

/**
 * wct_model_find: where is the model to use when none was named?
 * @named: a path from the user, or NULL. A path that does not exist is an error, not a reason to search on.
 * @path: on WCT_OK the path of an existing file
 * @size: of @path in bytes; 4096 does
 *
 * In this order: @named, $WCT_MODEL, then wct-compact.safetensors in $XDG_DATA_HOME/wct/models (~/.local/share
 * where unset), each of $XDG_DATA_DIRS/wct/models (/usr/local/share:/usr/share where unset), the data folder that
 * was configured at build time, and weights/ of the source tree while running uninstalled. In each folder
 * wct-compact.safetensors comes first, then any single other *.safetensors in alphabetical order. The sentence of
 * WCT_ERR_IO lists where it looked.
 */
WCT_API WctStatus wct_model_find (const char *named, char *path, size_t size, WctError *err);

/**
 * wct_model_folder: the folders that wct_model_find looks into, for messages.
 * @index: 0, 1, … until it returns false
 */
WCT_API bool wct_model_folder (size_t index, char *path, size_t size);

WCT_API WctModel *wct_model_ref (WctModel *model);
WCT_API void      wct_model_unref (WctModel **model); /* NULL is welcome; sets *model to NULL */

/* Bit (level - 1) is set for each level that has a decoder. 0 for an encoder alone. */
WCT_API unsigned wct_model_levels (const WctModel *model);

/* Bit (level - 1) is set for each level that the encoder reaches. */
WCT_API unsigned wct_model_encoder_levels (const WctModel *model);

/* Does every level tap the same trunk? */
WCT_API bool wct_model_shared_trunk (const WctModel *model);

/* Feature channels at a level's tap; 0 where the encoder does not reach. @level: 1 … WCT_LEVELS */
WCT_API int32_t wct_model_channels (const WctModel *model, int level);

/* Parameters in the file, and those of them in an encoder (level's own or the shared trunk up to its tap) and
 * decoder. conv0 counts, aux embeddings do not. */
WCT_API uint64_t wct_model_parameter_count (const WctModel *model);
WCT_API uint64_t wct_model_encoder_parameter_count (const WctModel *model, int level);
WCT_API uint64_t wct_model_decoder_parameter_count (const WctModel *model, int level);

/**
 * wct_model_fingerprint: what tells whether two models' encoders up to a level are equal, whatever their decoders.
 * @text: 33 bytes; written: 32 hexadecimal digits that depend on kinds and weights of the layers up to relu<level>_1
 * Returns false where the encoder does not reach the level. Reads all those weights: some milliseconds.
 */
WCT_API bool wct_model_fingerprint (const WctModel *model, int level, char *text);

/* The file's own words: "name", "license", "source", "topology", …; NULL where absent. Owned by the model. */
WCT_API const char *wct_model_metadata (const WctModel *model, const char *key);
WCT_API bool        wct_model_metadata_at (const WctModel *model, size_t index, const char **key, const char **value);

WCT_END_C

#endif
