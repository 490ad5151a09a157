/* Pictures that tile: they continue at their opposite side. A convolution that wraps around needs no padding of its own
 * in the back ends: the picture gets a halo that shows what is at the opposite side, as wide as a pixel of the result
 * sees, and only what is inside counts. */
#ifndef WCT_PERIOD_H
#define WCT_PERIOD_H

#include <stdint.h>

#include "backend/pass.h"
#include "network.h"
#include "store.h"

/* Index @i, which may be negative, of a side of @count that repeats. */
int32_t wct_wrap (int32_t i, int32_t count);

/**
 * wct_period_halo: how far a pixel sees that goes through both networks, in pixels.
 * Exact, by the span that each pixel of a feature's cell needs; rounded up to whole features, so that pooling cuts the
 * halo as it cuts the opposite side.
 */
int32_t wct_period_halo (const WctNetwork *encoder, const WctNetwork *decoder);

/* One period of a picture in a store, with @halo pixels around it: rows of (3, shape.w + 2 halo). */
typedef struct
{
  WctStore *store; /* borrowed */
  WctShape  shape; /* (3, h, w) of the period */
  int32_t   halo;
} WctPeriod;

/* Its shape with the halo. */
WctShape wct_period_extended (WctShape shape, int32_t halo);

/* Row @y of the period: (3, w). Writing one continues it on the left and on the right. */
WctStatus wct_period_read_row (const WctPeriod *period, int32_t y, float *planes, WctError *err);
WctStatus wct_period_write_row (const WctPeriod *period, int32_t y, const float *planes, WctError *err);

/* Once its rows are there: continues them above and below. */
WctStatus wct_period_extend (const WctPeriod *period, WctError *err);

/**
 * wct_period_move: the same period, with another halo, which is made anew.
 * @from, @to: of equal shapes; may be in one store
 */
WctStatus wct_period_move (const WctPeriod *from, const WctPeriod *to, WctError *err);

/* A period's features, which are measured, within their halo, which is not. */
typedef struct
{
  int32_t width, height, halo; /* of the period, in features */
} WctPeriodInside;

/* One region: what is inside. @inside: borrowed for as long as the result is used */
WctRegionWeights wct_period_weights (const WctPeriodInside *inside);

#endif
