/* Statistics of styles that were measured before, in the user's cache folder. */
#ifndef WCT_STYLE_CACHE_H
#define WCT_STYLE_CACHE_H

#include <stdbool.h>

#include <wct/style.h>

#include "fingerprint.h"

/* What statistics depend on. */
typedef WctFingerprint WctStyleKey;

/* Of the pixels, the weights of the encoders up to @levels, and what computes. */
WctStyleKey wct_style_key (const WctModel *model, const WctBackend *backend, const WctImage *picture, unsigned levels);

/* The style that was kept under @key; NULL where there is none, or it is damaged. */
WctStyle *wct_style_cache_find (WctModel *model, WctStyleKey key, unsigned levels);

/* Keeps it, where that can be done; takes away what was not used for longest. */
void wct_style_cache_keep (const WctStyle *style, WctStyleKey key);

#endif
