/* Where data of users and installations is: the XDG base directory specification, the prefix, and the source tree. */
#ifndef WCT_DATA_FOLDER_H
#define WCT_DATA_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

/**
 * wct_data_folder: the folders for one kind of data, the first to be looked into first.
 * @index: 0, 1, … until it returns false
 * @name: of the folder in each data folder's wct/
 * @in_source: its place in the source tree; it counts where it exists
 * @path: written; @size bytes
 */
bool wct_data_folder (size_t index, const char *name, const char *in_source, char *path, size_t size);

/* A variable's value; NULL where it is empty, too. */
const char *wct_environment (const char *name);

#endif
