/* Inside a style, for the library's own files. */
#ifndef WCT_STYLE_INTERNAL_H
#define WCT_STYLE_INTERNAL_H

#include <wct/params.h>
#include <wct/style.h>

#include "moments.h"
#include "network.h"
#include "root.h"

/* Borrowed from the style; NULL where the level was not measured. */
const WctMoments *wct_style_moments (const WctStyle *style, int level);
const WctModel   *wct_style_model (const WctStyle *style);

/* The features of relu5_1, (h, w, channels), borrowed; NULL where it was measured without WCT_STYLE_PATCHES. */
const float *wct_style_patches (const WctStyle *style);
WctShape     wct_style_patches_shape (const WctStyle *style);
/**
 * wct_style_root: the root of a level's covariance.
 * @level: one that was measured
 * @floor: eigenvalues below it are dropped
 * @out: on WCT_OK a reference, the caller's
 *
 * Made when it is first asked for and kept with the style, for one floor at each level: the last that was asked for.
 * Roots that others hold stay as they are. Any thread; who asks while another thread makes it waits.
 */
WctStatus wct_style_root (WctStyle *style, int level, double floor, WctRoot **out, WctError *err);

/* A style of these moments, which it takes: the array's members become NULL. On failure they stay the caller's. */
WctStatus wct_style_adopt (WctModel *model, WctMoments *moments[WCT_LEVELS], WctStyle **out, WctError *err);

#endif
