/* The user's cache folder: XDG_CACHE_HOME/wct, or ~/.cache/wct. */
#ifndef WCT_CACHE_FOLDER_H
#define WCT_CACHE_FOLDER_H

#include <stdbool.h>

#define WCT_CACHE_PATH_SIZE 4096

/**
 * wct_cache_path: where a file of the cache is, or would be.
 * @kind: the folder in it: "styles"
 * @make: make the folders, too
 * @path: WCT_CACHE_PATH_SIZE bytes
 * False where there is no such folder, or it cannot be made.
 */
bool wct_cache_path (const char *kind, const char *name, bool make, char *path);

/* Takes away the file that was not used for longest, where there are more than @files_max. */
void wct_cache_forget_oldest (const char *kind, int files_max);

#endif
