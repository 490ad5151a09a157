/* The back ends of this build, best first, and how one is chosen. */
#include "backend/backend.h"

#include <stdio.h>
#include <string.h>

#include "linalg.h"
#include "mem.h"
#include "pool.h"

#define THREADS_MAX 1024

static const WctBackendOps *const backends[] = {
#if WCT_HAVE_CPU
  &wct_backend_cpu,
#endif
  &wct_backend_reference,
};

#define BACKEND_COUNT (sizeof backends / sizeof backends[0])

/* What a back end that exists, but not in this build, would need. */
static const char cpu_missing[] = "cpu: this build has no oneDNN, OpenBLAS and LAPACKE; install them and build again";

static WctStatus
find_ops (const char *name, const WctBackendOps **out, WctError *err)
{
  char detail[sizeof ((WctBackend *)0)->detail];

  for (size_t i = 0; i < BACKEND_COUNT; i++)
    if (strcmp (name, "auto") == 0 ? backends[i]->probe (detail, sizeof detail, NULL) == WCT_OK
                                   : strcmp (name, backends[i]->name) == 0)
      {
        *out = backends[i];
        return WCT_OK;
      }
  if (strcmp (name, "cpu") == 0)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED, "%s", cpu_missing);
  return wct_error_set (err, WCT_ERR_ARGUMENT, "\"%s\" is no back end; there are auto, cpu and reference", name);
}

WctStatus
wct_backend_open (const char *name, int threads, WctBackend **out, WctError *err)
{
  const WctBackendOps *ops = NULL;
  WctBackend          *backend = NULL;
  WctStatus            status;

  if (threads < 0 || threads > THREADS_MAX)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "%d threads: 1 to %d can be used, 0 chooses", threads, THREADS_MAX);

  WCT_TRY (find_ops (name, &ops, err));
  WCT_TRY (wct_alloc (1, sizeof *backend, "back end", &backend, err));
  backend->ops = ops;
  WCT_TRY (ops->probe (backend->detail, sizeof backend->detail, err));
  backend->info.threads = threads > 0 ? threads : wct_processor_count ();
  wct_linalg_use_one_thread ();
  WCT_TRY (ops->open (&backend->info.threads, &backend->ctx, err));
  backend->info.name = ops->name;
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
  WctError err;

  if (index < BACKEND_COUNT)
    {
      *usable = backends[index]->probe (reason, reason_size, &err) == WCT_OK;
      if (!*usable)
        snprintf (reason, reason_size, "%s", err.message);
      return backends[index]->name;
    }
#if !WCT_HAVE_CPU
  if (index == BACKEND_COUNT)
    {
      *usable = false;
      snprintf (reason, reason_size, "%s", cpu_missing);
      return "cpu";
    }
#endif
  return NULL;
}
