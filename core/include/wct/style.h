/* A style: the statistics of a picture's features. Immutable once measured, counted, shared between threads. */
#ifndef WCT_STYLE_H
#define WCT_STYLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wct/backend.h>
#include <wct/hooks.h>
#include <wct/image.h>
#include <wct/model.h>
#include <wct/status.h>

WCT_BEGIN_C

typedef struct WctStyle WctStyle;

/* Beside levels, in what is measured: also keep relu5_1's features, for the style swap. */
#define WCT_STYLE_PATCHES (1u << 5)

/**
 * wct_style_measure: take the statistics of a style picture.
 * @model: the style takes a reference
 * @picture: borrowed; 3 channels, any size
 * @levels: bit (level - 1) for each level to measure; levels that the model's encoder does not reach are an error.
 *          With WCT_STYLE_PATCHES, which needs level 5, the style keeps that level's features, too: C floats for every
 *          16×16 pixels
 * @hooks: may be NULL
 * @out: on WCT_OK a new style with one reference, the caller's; untouched otherwise
 *
 * For each level the mean (C) and covariance (C × C, divided by N - 1) of the features over N = h·w positions, in
 * double. Costs one encoder pass (one for each level where the model has a trunk for each); keep it and use it for
 * every content. Any thread; @backend must not be running a job.
 */
WCT_API WctStatus wct_style_measure (WctModel *model, WctBackend *backend, const WctImage *picture, unsigned levels,
                                     const WctHooks *hooks, WctStyle **out, WctError *err);

/**
 * wct_style_recall: the same, from the user's cache folder where the picture was measured before.
 * Keyed by the picture's pixels, the encoders' weights and what computes, in $XDG_CACHE_HOME/wct/styles (~/.cache); the
 * same bits as measured. Where nothing can be read or written there, or a file is damaged, it is measured; and so is a
 * style with WCT_STYLE_PATCHES, which would be much larger than statistics are.
 */
WCT_API WctStatus wct_style_recall (WctModel *model, WctBackend *backend, const WctImage *picture, unsigned levels,
                                    const WctHooks *hooks, WctStyle **out, WctError *err);

/* ---- Style files: statistics without their picture (docs/STYLES.md has the format) ------------------------------ */

#define WCT_STYLE_EXTENSION ".wctstyle"

/* What a style file says about itself. */
typedef struct
{
  char     name[128];     /* UTF-8, one line; "": none */
  char     license[128];  /* likewise */
  uint8_t *thumbnail;     /* (height, width, 3), sRGB; NULL: none. Of a card that was read: owned by it */
  int32_t  width, height; /* of the thumbnail, at most WCT_STYLE_THUMBNAIL_MAX; 0 where there is none */

  /* Of a file that was read; wct_style_save knows these itself. */
  char     model[128];              /* the name of the model that measured it; "": none */
  unsigned levels;                  /* bit (level - 1) for each level */
  int32_t  channels[WCT_LEVELS];    /* 0 where there is no level */
  char     encoder[WCT_LEVELS][33]; /* as wct_model_fingerprint; "" where there is no level */
} WctStyleCard;

#define WCT_STYLE_THUMBNAIL_MAX 128 /* px */

/**
 * wct_style_save: write a style's statistics to a file that fits every model with these encoders.
 * @card: borrowed; NULL: nothing is said
 * @path: its extension should be WCT_STYLE_EXTENSION; a file that is there is replaced, once the new one is complete
 *
 * Each number keeps 48 bits, in two floats: what is stylized with the saved style is within 1e-4 of white of what its
 * picture would give, mostly the same.
 * WCT_ERR_ARGUMENT for a card that does not hold to its limits, WCT_ERR_NUMERIC for statistics beyond float, WCT_ERR_IO
 * where the file cannot be written; nothing stays behind then. Any thread.
 */
WCT_API WctStatus wct_style_save (const WctStyle *style, const WctStyleCard *card, const char *path, WctError *err);

/**
 * wct_style_load: the style of a file, for @model.
 * @model: the style takes a reference. Its encoders must be those that the style was measured with, at each level that
 *         both have; decoders do not matter
 * @out: on WCT_OK a new style with one reference, the caller's, of the levels that both have; untouched otherwise
 * @card: NULL, or written on WCT_OK, to be cleared with wct_style_card_clear
 *
 * A file is a stranger's: sizes, shapes, values and symmetry are checked, and memory stays under some times the file's
 * size, of which 16 MB are allowed. WCT_ERR_FORMAT for what is no style, WCT_ERR_UNSUPPORTED for one of another model,
 * with a sentence that names both; WCT_ERR_IO for a file that cannot be read. Any thread.
 */
WCT_API WctStatus wct_style_load (WctModel *model, const char *path, WctStyle **out, WctStyleCard *card, WctError *err);

/* The card alone, whatever the model; the file is checked as above. @card: to be cleared by the caller on WCT_OK. Where
 * the file says no name, it is the file's own. */
WCT_API WctStatus wct_style_read_card (const char *path, WctStyleCard *card, WctError *err);

WCT_API void wct_style_card_clear (WctStyleCard *card); /* of a card that was read; twice is welcome */

/**
 * wct_style_folder: where style files are looked for, as wct_model_folder says it of models.
 * @index: 0, 1, … until it returns false
 *
 * $WCT_STYLES, then $XDG_DATA_HOME/wct/styles (~/.local/share where unset), each of $XDG_DATA_DIRS/wct/styles, the data
 * folder that was configured at build time, and data/styles/ of the source tree while running uninstalled.
 */
WCT_API bool wct_style_folder (int index, char *folder, size_t size);

/* The first file NAME.wctstyle in these folders: true where there is one. @name: without folder; with or without the
 * extension */
WCT_API bool wct_style_find (const char *name, char *path, size_t size);

WCT_API WctStyle *wct_style_ref (WctStyle *style);
WCT_API void      wct_style_unref (WctStyle **style); /* NULL is welcome; sets *style to NULL */

/* Bit (level - 1) for each level measured; WCT_STYLE_PATCHES where it keeps them. */
WCT_API unsigned wct_style_levels (const WctStyle *style);

WCT_END_C

#endif
