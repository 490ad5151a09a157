/* Files that appear whole or not at all. */
#ifndef WCT_WHOLE_FILE_H
#define WCT_WHOLE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include <wct/status.h>

typedef struct
{
  const void *bytes;
  size_t      size;
} WctPiece;

/**
 * wct_whole_file_write: the pieces, one behind the other, under a temporary name beside @path, which is then its name.
 * @path: a file that is there is replaced
 * @lasting: on the disk before this returns
 * On failure nothing stays behind, and what was there is as it was.
 */
WctStatus wct_whole_file_write (const char *path, const WctPiece *pieces, size_t count, bool lasting, WctError *err);

#endif
