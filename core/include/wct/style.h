/* A style: the statistics of a picture's features. Immutable once measured, counted, shared between threads. */
#ifndef WCT_STYLE_H
#define WCT_STYLE_H

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

WCT_API WctStyle *wct_style_ref (WctStyle *style);
WCT_API void      wct_style_unref (WctStyle **style); /* NULL is welcome; sets *style to NULL */

/* Bit (level - 1) for each level measured; WCT_STYLE_PATCHES where it keeps them. */
WCT_API unsigned wct_style_levels (const WctStyle *style);

WCT_END_C

#endif
