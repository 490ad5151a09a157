/* libwct: universal style transfer by whitening and coloring transforms (Li et al., NIPS 2017).
 *
 *   WctModel *model = NULL; WctBackend *backend = NULL; WctStyle *style = NULL; WctJob *job = NULL; WctError err;
 *   WctParams params;
 *
 *   wct_params_init (&params);
 *   if (wct_model_load ("weights/wct-compact.safetensors", &model, &err)
 *       || wct_backend_open ("auto", 0, &backend, &err)
 *       || wct_style_measure (model, backend, &painting, wct_model_levels (model), NULL, &style, &err)
 *       || wct_job_new (&(WctJobSpec){ model, backend, &params, 1, &style, NULL, NULL }, &job, &err)
 *       || wct_job_run (job, &photo, &result, NULL, &err))
 *     fprintf (stderr, "%s\n", err.message);
 *   wct_job_free (&job); wct_style_unref (&style); wct_backend_close (&backend); wct_model_unref (&model);
 */
#ifndef WCT_WCT_H
#define WCT_WCT_H

#include <wct/backend.h>
#include <wct/color.h>
#include <wct/frame.h>
#include <wct/hooks.h>
#include <wct/image.h>
#include <wct/job.h>
#include <wct/memory.h>
#include <wct/model.h>
#include <wct/params.h>
#include <wct/status.h>
#include <wct/style.h>

WCT_BEGIN_C

/* "0.1.0" */
WCT_API const char *wct_version (void);

WCT_END_C

#endif
