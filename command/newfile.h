/* A file that appears whole or not at all: written under a temporary name in the same folder, then renamed. */
#ifndef WCT_COMMAND_NEWFILE_H
#define WCT_COMMAND_NEWFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wct/status.h>

typedef struct
{
  char *path, *temporary; /* owned */
  int   descriptor;       /* -1: none */
  bool  force;
} WctNewFile;

#define WCT_NEW_FILE_NONE \
  {                       \
    .descriptor = -1      \
  }

/* May a file of that name be made: is nothing there, or a regular file that @force lets be replaced? A link is not
 * followed. */
WctStatus wct_new_file_check (const char *path, bool force, WctError *err);

/**
 * wct_new_file_open: begin.
 * @path: a symbolic link is followed
 * @force: may a file of that name be replaced? Where not, one that is there, or appears meanwhile, stays
 * @out: on WCT_OK to be committed and closed; untouched otherwise
 */
WctStatus wct_new_file_open (const char *path, bool force, WctNewFile *out, WctError *err);

/* Behind what was written so far. */
WctStatus wct_new_file_write (WctNewFile *file, const void *bytes, size_t size, WctError *err);

/* Over what was written before, at @offset. */
WctStatus wct_new_file_rewrite (WctNewFile *file, uint64_t offset, const void *bytes, size_t size, WctError *err);

/* On the disk, and under its name. */
WctStatus wct_new_file_commit (WctNewFile *file, WctError *err);

/* Takes away what was not committed. Twice is welcome. */
void wct_new_file_close (WctNewFile *file);

#define WCT_NEW_FILE_STEM_MAX 200 /* bytes of a name that its temporary one has */

/* Is @name, without its folder, a temporary one, which a program leaves behind that was killed? How many bytes of the
 * file's own name are in it, from @name + 1 on; 0: it is not. */
size_t wct_new_file_leftover (const char *name);

/* All of that at once. */
WctStatus wct_new_file_save (const char *path, bool force, const void *bytes, size_t size, WctError *err);

#endif
