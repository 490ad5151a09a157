/* Equal settings, equal pixels: where they are not, what differs is printed, and the test has failed. */
#ifndef WCT_TEST_SAME_H
#define WCT_TEST_SAME_H

#include "picture.h"
#include "settings.h"

void assert_same_settings (const WctSettings *expected, const WctSettings *got);
void assert_same_params (const WctParams *expected, const WctParams *got);

/* Bit for bit: what is computed does not depend on what was computed before, nor on threads. */
void assert_same_pixels (const WctImage *expected, const WctImage *got);

/* The largest difference of two values; infinite where sizes differ. */
double largest_difference (const WctImage *a, const WctImage *b);

/* Of pictures of one size. */
double mean_difference (const WctImage *a, const WctImage *b);

/* A sentence for people: not empty, on one line. */
void assert_sentence (const char *sentence);

#endif
