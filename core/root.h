/* Square roots of styles' covariances, which coloring needs: made once, counted, shared between jobs and threads. */
#ifndef WCT_ROOT_H
#define WCT_ROOT_H

#include <stdint.h>

#include <wct/status.h>

#include "moments.h"

typedef struct WctRoot WctRoot;

/**
 * wct_root_new: covariance^1/2.
 * @floor: eigenvalues below it are dropped
 * @out: on WCT_OK a new root with one reference, the caller's; untouched otherwise
 * WCT_ERR_NUMERIC for moments that are not finite. Any thread.
 */
WctStatus wct_root_new (const WctMoments *moments, double floor, WctRoot **out, WctError *err);

WctRoot *wct_root_ref (WctRoot *root);
void     wct_root_unref (WctRoot **root); /* NULL is welcome; sets *root to NULL */

/* (channels, channels), borrowed; never written to. */
const double *wct_root_matrix (const WctRoot *root);
double        wct_root_floor (const WctRoot *root);

#endif
