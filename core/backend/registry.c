/* The back ends, and how one is chosen. */
#include "backend/backend.h"

#include <stdio.h>
#include <string.h>

#include "backend/cuda-module.h"
#include "linalg.h"
#include "mem.h"
#include "pool.h"

#define THREADS_MAX 1024

static WctStatus
find_cpu (const WctBackendOps **out, WctError *err)
{
#if WCT_HAVE_CPU
  (void)err;
  *out = &wct_backend_cpu;
  return WCT_OK;
#else
  (void)out;
  return wct_error_set (err, WCT_ERR_UNSUPPORTED,
                        "cpu: this build has no oneDNN, OpenBLAS and LAPACKE; install them and build again");
#endif
}

static WctStatus
find_reference (const WctBackendOps **out, WctError *err)
{
  (void)err;
  *out = &wct_backend_reference;
  return WCT_OK;
}

/* Best first. Finding one gives its table, or says what this build would need for it. */
static const struct
{
  const char *name;
  WctStatus (*find) (const WctBackendOps **out, WctError *err);
} backends[] = {
  { "cuda", wct_cuda_module_open },
  { "cpu", find_cpu },
  { "reference", find_reference },
};

#define BACKEND_COUNT (sizeof backends / sizeof backends[0])

/* Finds one and asks whether it works here. @detail: written */
static WctStatus
try_backend (size_t index, const WctBackendOps **out, char *detail, size_t size, WctError *err)
{
  const WctBackendOps *ops = NULL;
  WctStatus            status;

  WCT_TRY (backends[index].find (&ops, err));
  WCT_TRY (ops->probe (detail, size, err));
  *out = ops;

out:
  return status;
}

static WctStatus
open_backend (size_t index, int threads, WctBackend *backend, WctError *err)
{
  WctStatus status;

  backend->ops = NULL;
  WCT_TRY (try_backend (index, &backend->ops, backend->detail, sizeof backend->detail, err));
  backend->info.threads = threads;
  WCT_TRY (backend->ops->open (&backend->info.threads, &backend->ctx, err));

out:
  return status;
}

/* One that is not here leaves the work to the next, and so does a card that cannot be opened, say because it is full. A
 * wrong setting does not, nor the processor's memory at its end. */
static bool
leaves_to_next (const WctBackend *backend, WctStatus status)
{
  return status != WCT_OK && status != WCT_ERR_ARGUMENT && (backend->ops == NULL || backend->ops->memory_of_its_own);
}

static WctStatus
open_any (int threads, WctBackend *backend, WctError *err)
{
  WctStatus status = WCT_ERR_UNSUPPORTED;

  for (size_t i = 0; i < BACKEND_COUNT && leaves_to_next (backend, status); i++)
    status = open_backend (i, threads, backend, err);
  return status;
}

static WctStatus
open_named (const char *name, int threads, WctBackend *backend, WctError *err)
{
  for (size_t i = 0; i < BACKEND_COUNT; i++)
    if (strcmp (name, backends[i].name) == 0)
      return open_backend (i, threads, backend, err);
  return wct_error_set (err, WCT_ERR_ARGUMENT, "\"%s\" is no back end; there are auto, cuda, cpu and reference", name);
}

WctStatus
wct_backend_open (const char *name, int threads, WctBackend **out, WctError *err)
{
  const int   wanted = threads > 0 ? threads : wct_processor_count ();
  WctBackend *backend = NULL;
  WctStatus   status;

  if (threads < 0 || threads > THREADS_MAX)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "%d threads: 1 to %d can be used, 0 chooses", threads, THREADS_MAX);

  WCT_TRY (wct_alloc (1, sizeof *backend, "back end", &backend, err));
  wct_linalg_use_one_thread ();
  WCT_TRY (strcmp (name, "auto") == 0 ? open_any (wanted, backend, err) : open_named (name, wanted, backend, err));
  backend->info.name = backend->ops->name;
  backend->info.detail = backend->detail;
  *out = backend;
  backend = NULL;

out:
  wct_free (&backend);
  return status;
}

const WctBackendInfo *
wct_backend_info (const WctBackend *backend)
{
  return &backend->info;
}

void
wct_backend_close (WctBackend **backend)
{
  if (*backend == NULL)
    return;
  (*backend)->ops->close (&(*backend)->ctx);
  wct_free (backend);
}

const char *
wct_backend_probe (size_t index, bool *usable, char *reason, size_t reason_size)
{
  const WctBackendOps *ops;
  WctError             err;

  if (index >= BACKEND_COUNT)
    return NULL;
  *usable = try_backend (index, &ops, reason, reason_size, &err) == WCT_OK;
  if (!*usable)
    snprintf (reason, reason_size, "%s", err.message);
  return backends[index].name;
}
