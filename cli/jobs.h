/* Jobs for pictures of changing sizes and styles: plans are kept for the sizes that come again. */
#ifndef WCT_CLI_JOBS_H
#define WCT_CLI_JOBS_H

#include <stddef.h>

#include <wct/wct.h>

typedef struct WctJobs WctJobs;

/* @memory_limit: bytes that the jobs may take together. Model and back end are borrowed. */
WctJobs *wct_jobs_new (WctModel *model, WctBackend *backend, size_t memory_limit);

/**
 * wct_jobs_run: stylize @image, in place.
 * @style: measured at the levels of @params; levels and eigenvalue floor are those of every other call
 * @name: of the picture, for sentences
 * A picture that there is not enough memory for is refused.
 */
WctStatus wct_jobs_run (WctJobs *jobs, const WctParams *params, WctStyle *style, const char *name, WctImage *image,
                        WctError *err);

void wct_jobs_free (WctJobs **jobs); /* NULL is welcome */

#endif
