/* The picture files of a folder tree. */
#ifndef WCT_COMMAND_FOLDER_H
#define WCT_COMMAND_FOLDER_H

#include <stddef.h>

#include <wct/status.h>

/* Texts, in the order of their bytes. */
typedef struct
{
  char   *text;    /* owned: each ended by a zero */
  size_t *offsets; /* owned: where each begins */
  size_t  count;
  size_t  text_bytes, text_room, offset_room;
} WctNames;

WctStatus   wct_names_add (WctNames *names, const char *folder, const char *name, WctError *err); /* FOLDER/NAME */
void        wct_names_clear (WctNames *names);                                                    /* twice is welcome */
const char *wct_names_get (const WctNames *names, size_t index);                                  /* borrowed */

/**
 * wct_folder_list: every file in @path and below that is called like a picture.
 * @pictures: on WCT_OK to be cleared; untouched otherwise
 * @complaints: likewise; a sentence on each folder below that could not be read
 *
 * Hidden files and folders are left out. Symbolic links are followed; a folder that was entered already is not entered
 * again, so loops end.
 */
WctStatus wct_folder_list (const char *path, WctNames *pictures, WctNames *complaints, WctError *err);

/* FOLDER/NAME, to be freed with free. */
WctStatus wct_folder_join (const char *folder, const char *name, char **out, WctError *err);

#endif
