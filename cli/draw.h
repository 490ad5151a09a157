/* What chance gives a picture: a style and how far to go to it. */
#ifndef WCT_CLI_DRAW_H
#define WCT_CLI_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is drawn from. */
typedef struct
{
  int32_t seed;
  double  probability; /* that a picture is stylized at all, 0 to 1 */
  double  alpha_min, alpha_max;
  size_t  style_count; /* 1 or more */
} WctUrn;

typedef struct
{
  int32_t seed; /* of this picture alone; the rest comes from it */
  bool    stylized;
  size_t  style; /* 0 … style_count - 1 */
  double  alpha; /* in ten-thousandths, so that it can be typed */
} WctDraw;

/**
 * wct_draw: what a picture gets.
 * @path: of the picture, relative to the folder of all
 * @variant: from 1 on
 * A function of nothing else: not of the other pictures, nor of the order, the machine or the share of the work.
 */
WctDraw wct_draw (const WctUrn *urn, const char *path, int32_t variant);

#endif
