/* Rows of features that a pass kept, position by position, for who works on them between two passes. */
#ifndef WCT_KEPT_H
#define WCT_KEPT_H

#include <stdint.h>

#include <wct/backend.h>

#include "network.h"
#include "store.h"

/**
 * wct_kept_read, wct_kept_write: rows from @first on, between a pass's store and (rows, w, channels) floats.
 * @kept: of wct_pass_kept_bytes; what a pass wrote or will read
 * Any threads at once, where rows that one writes are nobody else's.
 */
WctStatus wct_kept_read (WctBackend *backend, const WctStore *kept, WctShape features, int32_t first, int32_t rows,
                         float *out, WctError *err);
WctStatus wct_kept_write (WctBackend *backend, WctStore *kept, WctShape features, int32_t first, int32_t rows,
                          const float *values, WctError *err);

#endif
