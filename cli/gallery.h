/* The styles of a folder, each measured when it is first wanted. */
#ifndef WCT_CLI_GALLERY_H
#define WCT_CLI_GALLERY_H

#include <stddef.h>
#include <stdint.h>

#include <wct/wct.h>

#include "folder.h"

typedef struct WctGallery WctGallery;

typedef struct
{
  const char     *folder;
  const WctNames *names; /* of the styles, relative to it */
  WctModel       *model;
  WctBackend     *backend;
  unsigned        levels;       /* to measure: bit (level - 1) */
  int32_t         style_size;   /* that they are read at: longest side in pixels, 0: their own */
  size_t          memory_limit; /* bytes; what was not used for longest is forgotten beyond it */
} WctGallerySpec;

/* @spec: all in it is borrowed and must outlive the gallery. To be freed with wct_gallery_free. */
WctGallery *wct_gallery_new (const WctGallerySpec *spec);

/**
 * wct_gallery_style: one of them.
 * @index: 0 … names - 1
 * @out: on WCT_OK borrowed until the next call; untouched otherwise
 * Where one cannot be read, that is remembered: the next call fails at once, with the same sentence.
 */
WctStatus wct_gallery_style (WctGallery *gallery, size_t index, WctStyle **out, WctError *err);

void wct_gallery_free (WctGallery **gallery); /* NULL is welcome */

#endif
