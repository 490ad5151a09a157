/* Where the arithmetic runs. */
#ifndef WCT_BACKEND_H
#define WCT_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

#include <wct/status.h>

WCT_BEGIN_C

typedef struct WctBackend WctBackend;

typedef struct
{
  const char *name;    /* "cpu" */
  const char *detail;  /* "oneDNN 2.6.3, avx512_core, OpenBLAS 0.3.21"; never NULL */
  int         threads; /* that one job uses */
} WctBackendInfo;

/**
 * wct_backend_open: make a back end ready.
 * @name: "auto" (the first that works), "cuda", "cpu" or "reference"
 * @threads: 1 or more; 0 means one for each processor that this process may use. Results do not depend on it.
 * @out: on WCT_OK the caller's; close it when no job uses it
 *
 * WCT_ERR_UNSUPPORTED with the reason where it cannot be used here. A back end runs one job at a time; different
 * back ends may run on different threads. Opening one tells OpenBLAS to use one thread in this process: the back
 * end's own threads share the work instead, so that two pools do not fight.
 */
WCT_API WctStatus wct_backend_open (const char *name, int threads, WctBackend **out, WctError *err);

/* Owned by the back end. */
WCT_API const WctBackendInfo *wct_backend_info (const WctBackend *backend);

WCT_API void wct_backend_close (WctBackend **backend); /* NULL is welcome; sets *backend to NULL */

/**
 * wct_backend_probe: the back ends that this program knows, best first, and whether they work here.
 * @index: 0, 1, … until it returns NULL
 * @usable: written
 * @reason: written: a detail ("oneDNN 2.6.3, avx512_core, …") where usable, else a sentence on why not
 * Returns the name, static.
 */
WCT_API const char *wct_backend_probe (size_t index, bool *usable, char *reason, size_t reason_size);

WCT_END_C

#endif
