#include "module.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "data-folder.h"

static bool
is_in_folder (const char *folder, size_t length, const char *file, char *path)
{
  const int size = snprintf (path, WCT_MODULE_PATH_SIZE, "%.*s/%s", (int)length, folder, file);

  return size > 0 && size < WCT_MODULE_PATH_SIZE && access (path, F_OK) == 0;
}

static bool
is_beside (const char *neighbor, const char *file, char *path)
{
  const char *slash = strrchr (neighbor, '/');

  return slash != NULL && is_in_folder (neighbor, (size_t)(slash - neighbor), file, path);
}

static bool
is_beside_program (const char *file, char *path)
{
  char          program[4096];
  const ssize_t length = readlink ("/proc/self/exe", program, sizeof program - 1);

  if (length <= 0)
    return false;
  program[length] = '\0';
  return is_beside (program, file, path);
}

static bool
is_beside_library (const char *file, char *path)
{
  static const char anchor;
  Dl_info           library;

  return dladdr (&anchor, &library) != 0 && library.dli_fname != NULL && is_beside (library.dli_fname, file, path);
}

bool
wct_module_find (const char *file, char *path)
{
  const char *folder = wct_environment ("WCT_MODULE_DIR");

  return (folder != NULL && is_in_folder (folder, strlen (folder), file, path)) || is_beside_program (file, path)
         || is_beside_library (file, path) || is_in_folder (WCT_MODULES, strlen (WCT_MODULES), file, path);
}
