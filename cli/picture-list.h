/* The pictures that a list of files and folders names. */
#ifndef WCT_CLI_PICTURE_LIST_H
#define WCT_CLI_PICTURE_LIST_H

#include <wct/status.h>

#include "arguments.h"

typedef struct
{
  const char *path[WCT_LIST_MAX]; /* owned, as wct_picture_list_clear knows */
  char       *name[WCT_LIST_MAX]; /* owned: what it is called, without folder and extension */
  int         count;
} WctPictureList;

/**
 * wct_picture_list_read: a file is taken as it is named; a folder stands for the files in it that are called like
 * pictures, by name, but hidden ones.
 * @option: what named them, for sentences: "contents"
 * @out: on WCT_OK to be cleared; untouched otherwise
 * No file is opened: whether it can be read is not known.
 */
WctStatus wct_picture_list_read (const WctPaths *paths, const char *option, WctPictureList *out, WctError *err);

void wct_picture_list_clear (WctPictureList *list); /* twice is welcome */

#endif
