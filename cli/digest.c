/* GLib computes; the file is read in blocks. */
#include "digest.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

WctStatus
wct_digest_file (const char *path, char *text, int64_t *bytes, WctError *err)
{
  GChecksum    *checksum = g_checksum_new (G_CHECKSUM_SHA256);
  FILE         *stream = fopen (path, "rbe");
  unsigned char block[65536];
  int64_t       size = 0;
  size_t        count;
  bool          failed = stream == NULL;

  while (!failed && (count = fread (block, 1, sizeof block, stream)) > 0)
    {
      g_checksum_update (checksum, block, (gssize)count);
      size += (int64_t)count;
    }
  failed = failed || ferror (stream);
  if (stream != NULL)
    fclose (stream);
  snprintf (text, WCT_DIGEST_SIZE, "%s", g_checksum_get_string (checksum));
  g_checksum_free (checksum);
  if (bytes != NULL)
    *bytes = size;
  return failed ? wct_error_set (err, WCT_ERR_IO, "%s: cannot be read: %s", path, strerror (errno)) : WCT_OK;
}
