/* Bytes that wait between two passes: in memory, or in a temporary file where memory is short. */
#ifndef WCT_STORE_H
#define WCT_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include <wct/status.h>

typedef struct WctStore WctStore;

/**
 * wct_store_new: room for @size bytes, zero at first.
 * @in_file: in a file of $TMPDIR (/var/tmp where that is not set) instead of memory. It has no name, so that nothing
 * stays behind, however the process ends; its room on the disk is taken here, and a full disk is told here.
 * @what: names the thing in sentences: "picture"
 */
WctStatus wct_store_new (size_t size, bool in_file, const char *what, WctStore **out, WctError *err);
void      wct_store_free (WctStore **store);

/* Any threads at once, where what they write does not overlap with what others read or write. */
WctStatus wct_store_read (const WctStore *store, size_t offset, size_t size, void *out, WctError *err);
WctStatus wct_store_write (WctStore *store, size_t offset, size_t size, const void *bytes, WctError *err);

/* A copy of a store's bytes elsewhere, on a graphics card: a back end makes it, and it goes with the store. Where it is
 * ahead, the next reader or writer takes its bytes first, all of them. */
typedef struct WctStoreMirror
{
  WctStatus (*fetch) (struct WctStoreMirror *mirror, void *bytes, size_t size, WctError *err);
  void (*free) (struct WctStoreMirror *mirror);
  bool ahead;  /* the store's bytes are older than its own */
  bool behind; /* the store's are newer */
} WctStoreMirror;

WctStoreMirror *wct_store_mirror (const WctStore *store);

/* The store's from now on, which has none yet and is in memory. */
void wct_store_set_mirror (WctStore *store, WctStoreMirror *mirror);

/* Takes what is ahead and frees it; the store has none then. Not beside readers. */
WctStatus wct_store_drop_mirror (WctStore *store, WctError *err);

/* All bytes of a store in memory; NULL where they are in a file. As they are: a mirror is not asked. */
void  *wct_store_bytes (const WctStore *store);
size_t wct_store_size (const WctStore *store);

#endif
