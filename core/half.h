/* IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. */
#ifndef WCT_HALF_H
#define WCT_HALF_H

#include <stdint.h>

/* Exact: every one is a float. */
float wct_float_of_half (uint16_t half);

/* To nearest, ties to even; what is too large becomes infinite. */
uint16_t wct_half_of_float (float value);

#endif
