/* Pixels between GIMP and the library: what a filter may change of a drawable, and where a result goes. Main thread
 * only, as all of libgimp. */
#ifndef WCT_PLUGIN_PATCH_H
#define WCT_PLUGIN_PATCH_H

#include <gegl.h>
#include <libgimp/gimp.h>

#include "picture.h"

/* A rectangle of a drawable, or beside it: a new layer may be larger. */
typedef struct
{
  gint32   drawable;
  gint     x, y, width, height; /* in the drawable's pixels */
  gboolean partly;              /* is there a selection? */
  gboolean opaque;              /* alpha is 1; FALSE: it is the drawable's */
} WctPatch;

/**
 * wct_patch_of_drawable: the bounds of what is selected of a drawable, or all of it.
 * Refuses what is not a layer (or a group of them), indexed colors, and a selection that does not touch it.
 */
WctStatus wct_patch_of_drawable (gint32 drawable, WctPatch *out, WctError *err);

/* For a new layer: the bounds of the selection, or the image's; opaque. Refuses as above. */
WctStatus wct_patch_of_image (gint32 drawable, WctPatch *out, WctError *err);

/* A part of it (in its pixels), scaled to this size. */
WctStatus wct_patch_read (const WctPatch *patch, const GeglRectangle *part, gint width, gint height, WctPicture **out,
                          WctError *err);

/**
 * wct_drawable_read: all of a drawable of any kind, whatever is selected.
 * @longer_side: scaled to this; 0: as it is
 * Where it is transparent, the mean of what is not stands in: it has no color of its own.
 */
WctStatus wct_drawable_read (gint32 drawable, gint longer_side, WctPicture **out, WctError *err);

/**
 * wct_patch_read_mask: what of a mask lies over a patch, scaled to this size; 0 where there is none of it.
 * @mask: a layer, whose light counts where it is opaque, a layer's mask, a channel or the selection, in the patch's
 * image
 * @alpha: of a layer, how opaque it is
 */
WctStatus wct_patch_read_mask (const WctPatch *patch, gint32 mask, gboolean alpha, gint width, gint height,
                               WctPicture **out, WctError *err);

/* May wct_patch_replace be asked for? A sentence where not. */
WctStatus wct_patch_check_replace (const WctPatch *patch, WctError *err);

/* The pixels go where they came from, through the selection. Alpha stays. One step of undo. */
WctStatus wct_patch_replace (const WctPatch *patch, const WctImage *image, WctError *err);

/* A new layer above the drawable, with the selection as its mask where there is one. @layer: written */
WctStatus wct_patch_add_layer (const WctPatch *patch, const WctImage *image, const char *name, gint32 *layer,
                               WctError *err);

#endif
