/* The module for MPI: where it is, and is it this program's? Opened by need, so that nobody else needs an MPI. */
#include "parallel-transport.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODULE    "wct-train-mpi.so"
#define PATH_SIZE 4352 /* a path and the name */

/* While building, the module lies beside the program. */
static void
beside_program (char *path)
{
  char          program[4096];
  const ssize_t length = readlink ("/proc/self/exe", program, sizeof program - 1);
  char         *slash;

  path[0] = '\0';
  if (length <= 0)
    return;
  program[length] = '\0';
  slash = strrchr (program, '/');
  if (slash != NULL)
    snprintf (path, PATH_SIZE, "%.*s/" MODULE, (int)(slash - program), program);
}

static WctStatus
find_module (char *path, WctError *err)
{
  const char *folder = getenv ("WCT_MODULE_DIR");

  if (folder != NULL && folder[0] != '\0')
    {
      snprintf (path, PATH_SIZE, "%.4096s/" MODULE, folder);
      if (access (path, F_OK) == 0)
        return WCT_OK;
    }
  beside_program (path);
  if (path[0] != '\0' && access (path, F_OK) == 0)
    return WCT_OK;
  snprintf (path, PATH_SIZE, "%s/" MODULE, WCT_MODULES);
  if (access (path, F_OK) == 0)
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_UNSUPPORTED,
                        "there is no %s beside the program or in %s: it was built without MPI; build it where Open MPI "
                        "(libopenmpi-dev) or another MPI is installed, or start the ranks with torchrun or srun",
                        MODULE, WCT_MODULES);
}

WctStatus
wct_transport_open_mpi (const WctTransport **out, WctError *err)
{
  char                path[PATH_SIZE];
  void               *module;
  const WctTransport *transport;
  WctStatus           status;

  WCT_TRY (find_module (path, err));
  /* Global: Open MPI's own plug-ins look for its symbols there. */
  module = dlopen (path, RTLD_NOW | RTLD_GLOBAL);
  if (module == NULL)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED, "%.300s; is the MPI that this was built with installed?",
                          dlerror ());
  transport = dlsym (module, WCT_TRANSPORT_MPI_SYMBOL);
  if (transport == NULL || strcmp (transport->version, WCT_VERSION) != 0)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED,
                          "%.300s: was built for wct-train %.20s, and this is %s; install both anew", path,
                          transport == NULL ? "of another age" : transport->version, WCT_VERSION);
  *out = transport;

out:
  return status;
}
