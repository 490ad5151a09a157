/* Modules: parts that are opened by need, so that nobody else needs the libraries that they need. */
#ifndef WCT_MODULE_H
#define WCT_MODULE_H

#include <stdbool.h>

#define WCT_MODULE_PATH_SIZE 4352 /* a path and a name */

/**
 * wct_module_find: where the file of a module is.
 * @file: its name, short: "libwct-cuda.so"
 * @path: written where it is found; WCT_MODULE_PATH_SIZE bytes
 *
 * Looks into $WCT_MODULE_DIR, beside the program and beside this library, where modules lie while building, and into
 * the folder that the build was configured with (WCT_MODULES).
 */
bool wct_module_find (const char *file, char *path);

#endif
