/* Inside a style, for the library's own files. */
#ifndef WCT_STYLE_INTERNAL_H
#define WCT_STYLE_INTERNAL_H

#include <wct/style.h>

#include "moments.h"

/* Borrowed from the style; NULL where the level was not measured. */
const WctMoments *wct_style_moments (const WctStyle *style, int level);
const WctModel   *wct_style_model (const WctStyle *style);

#endif
