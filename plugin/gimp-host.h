/* GIMP as the dialog's host: a layer of an image is worked on. */
#ifndef WCT_PLUGIN_GIMP_HOST_H
#define WCT_PLUGIN_GIMP_HOST_H

#include "host.h"
#include "patch.h"

typedef struct
{
  WctHost  host;
  gint32   image, drawable;
  WctPatch patch; /* of what was begun */
  gboolean shows; /* GIMP's progress bar is ours at present */
} WctGimpHost;

/* Opens nothing; nothing to be closed. */
void wct_gimp_host_init (gint32 drawable, WctGimpHost *host);

/* The layer a style is taken from if nobody chose one: one of this image that is not worked on, else of another; none
 * where there is no other layer. */
gint wct_gimp_host_default_style (WctGimpHost *host);

#endif
