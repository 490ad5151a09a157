/* A picture that threads share: counted, and not changed once others have it. */
#ifndef WCT_UI_PICTURE_H
#define WCT_UI_PICTURE_H

#include <glib.h>

#include <wct/image.h>

typedef struct
{
  WctImage image; /* owned; R'G'B', sRGB; a mask: one channel */
  guint64  key;   /* no two pictures of a process have the same */
} WctPicture;

/* One reference, the caller's; pixels are not set. WCT_ERR_NO_MEMORY with a sentence. Any thread. */
WctStatus wct_picture_new (gint width, gint height, WctPicture **out, WctError *err);

/* The same with one channel: a mask, 0 to 1. */
WctStatus wct_picture_new_mask (gint width, gint height, WctPicture **out, WctError *err);

/* The light of a picture, R'G'B', as a mask of its size. */
WctStatus wct_picture_mask_of (const WctPicture *picture, WctPicture **out, WctError *err);

/**
 * wct_picture_load: a file of any format that gdk-pixbuf reads, turned as its EXIF data says.
 * @longer_side: scaled to this; 0: as it is
 */
WctStatus wct_picture_load (const char *path, gint longer_side, WctPicture **out, WctError *err);

/* The size of a picture in a file, not turned: sides may be exchanged. FALSE where it could not be read. */
gboolean wct_picture_file_size (const char *path, gint *width, gint *height);

/* From four floats a pixel (R'G'B'A, not premultiplied): where it is transparent, the mean of what shows stands in, as
 * nothing has no color of its own. @count pixels. */
void wct_picture_fill_transparent (const float *rgba, gsize count, float *rgb);

/* The longer side made @longer_side, both at least 1. 0: as they are. */
void wct_size_fit (gint longer_side, gint *width, gint *height);

WctPicture *wct_picture_ref (WctPicture *picture);
void        wct_picture_unref (WctPicture **picture); /* NULL is welcome; sets *picture to NULL */

#endif
