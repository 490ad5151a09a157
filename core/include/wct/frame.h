/* The frame of a style: how large, which part of it and how turned it is looked at. Front ends frame a style's picture
 * before it is measured: they read it at wct_frame_side, and where wct_frame_is_set, take the part by wct_frame_take.
 *
 * Of the parameters, style_left, style_top, style_width and style_height say which part is taken, style_scale or
 * style_size the longer side of that part, and style_rotation how far it is turned, in this order. What reaches beyond
 * the picture is cut at its edge. All values are within the ranges of their rows (wct_params_check). Any thread. */
#ifndef WCT_FRAME_H
#define WCT_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include <wct/image.h>
#include <wct/params.h>
#include <wct/status.h>

WCT_BEGIN_C

/**
 * wct_frame_side: the longer side, in pixels, that the whole style picture is to be read at, so that the part that is
 * taken has the size that is wanted, up to the rounding of sides to pixels.
 * @style_width, @style_height: the picture's own size
 * @content_width, @content_height: of what is stylized; used where style_scale is not 0
 *
 * The picture's own longer side where neither style_scale nor style_size is set. At least 1; may be more than
 * WCT_IMAGE_SIDE_MAX, which the reader refuses.
 */
WCT_API int32_t wct_frame_side (const WctParams *params, int32_t style_width, int32_t style_height,
                                int32_t content_width, int32_t content_height);

/* Is anything to be done with a picture that was read at wct_frame_side: cut, or turned? Else it is the style. */
WCT_API bool wct_frame_is_set (const WctParams *params);

/**
 * wct_frame_size: the size of what wct_frame_take gives.
 * @width, @height: of the picture as it was read
 *
 * At least 1×1. Turned by other than right angles: the largest rectangle of upright sides in the turned part, and
 * 16×16 at least where there is one so large in it.
 */
WCT_API void wct_frame_size (const WctParams *params, int32_t width, int32_t height, int32_t *out_width,
                             int32_t *out_height);

/**
 * wct_frame_take: cut the part out and turn it, counterclockwise.
 * @picture: borrowed; 3 channels in [0,1], as it was read
 * @out: 3 channels of wct_frame_size; its pixels are the caller's and are written on WCT_OK. Not @picture's pixels
 *
 * Right angles and cuts keep every pixel's bits. Other angles interpolate by cubic convolution (Keys 1981, a = -1/2:
 * sharper than by lines, exact for ramps) around the part's center and clip to [0,1]; no pixel beyond the part is seen.
 * WCT_ERR_ARGUMENT where a picture or size cannot be used.
 */
WCT_API WctStatus wct_frame_take (const WctParams *params, const WctImage *picture, WctImage *out, WctError *err);

WCT_END_C

#endif
