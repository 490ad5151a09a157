#include "picture.h"

#include <gdk-pixbuf/gdk-pixbuf.h>

#include "i18n.h"

static void
free_pixels (gpointer data)
{
  WctPicture *picture = data;

  g_free (picture->image.pixels);
}

static WctStatus
new_picture (gint width, gint height, gint channels, WctPicture **out, WctError *err)
{
  static gint  last_key = 0;
  const gsize  row = (gsize)width * (gsize)channels * sizeof (float);
  WctPicture  *picture;
  float *const pixels = g_try_malloc_n ((gsize)height, row);

  if (pixels == NULL)
    return wct_error_set (err, WCT_ERR_NO_MEMORY, _ ("There is not enough memory for %d×%d pixels."), width, height);
  picture = g_atomic_rc_box_new0 (WctPicture);
  picture->image = (WctImage){ pixels, width, height, channels, row };
  picture->key = (guint64)g_atomic_int_add (&last_key, 1) + 1;
  *out = picture;
  return WCT_OK;
}

WctStatus
wct_picture_new (gint width, gint height, WctPicture **out, WctError *err)
{
  return new_picture (width, height, 3, out, err);
}

WctStatus
wct_picture_new_mask (gint width, gint height, WctPicture **out, WctError *err)
{
  return new_picture (width, height, 1, out, err);
}

WctStatus
wct_picture_mask_of (const WctPicture *picture, WctPicture **out, WctError *err)
{
  const WctImage *image = &picture->image;
  const gsize     count = (gsize)image->width * (gsize)image->height;
  WctPicture     *mask = NULL;
  WctStatus       status;

  WCT_TRY (wct_picture_new_mask (image->width, image->height, &mask, err));
  /* As the program wct reads a mask's file. */
  for (gsize i = 0; i < count; i++)
    mask->image.pixels[i] =
      0.299f * image->pixels[3 * i] + 0.587f * image->pixels[3 * i + 1] + 0.114f * image->pixels[3 * i + 2];
  *out = mask;

out:
  return status;
}

WctPicture *
wct_picture_ref (WctPicture *picture)
{
  return g_atomic_rc_box_acquire (picture);
}

void
wct_picture_unref (WctPicture **picture)
{
  if (*picture != NULL)
    g_atomic_rc_box_release_full (*picture, free_pixels);
  *picture = NULL;
}

void
wct_size_fit (gint longer_side, gint *width, gint *height)
{
  const double scale = longer_side > 0 ? (double)longer_side / MAX (*width, *height) : 1;

  *width = MAX (1, (gint)(*width * scale + 0.5));
  *height = MAX (1, (gint)(*height * scale + 0.5));
}

void
wct_picture_fill_transparent (const float *rgba, gsize count, float *rgb)
{
  double sum[3] = { 0, 0, 0 }, weight = 0;

  for (gsize i = 0; i < count; i++)
    {
      for (int c = 0; c < 3; c++)
        sum[c] += (double)rgba[4 * i + 3] * rgba[4 * i + c];
      weight += rgba[4 * i + 3];
    }
  for (gsize i = 0; i < count; i++)
    for (int c = 0; c < 3; c++)
      {
        const float alpha = rgba[4 * i + 3], mean = weight > 0 ? (float)(sum[c] / weight) : 0;

        rgb[3 * i + c] = alpha * rgba[4 * i + c] + (1 - alpha) * mean;
      }
}

/* ---- Files -------------------------------------------------------------------------------------------------- */

static WctStatus
from_pixbuf (const GdkPixbuf *pixbuf, WctPicture **out, WctError *err)
{
  const gint    width = gdk_pixbuf_get_width (pixbuf), height = gdk_pixbuf_get_height (pixbuf);
  const gint    channels = gdk_pixbuf_get_n_channels (pixbuf), stride = gdk_pixbuf_get_rowstride (pixbuf);
  const guchar *bytes = gdk_pixbuf_read_pixels (pixbuf);
  float        *rgba = g_try_malloc_n ((gsize)width * (gsize)height, 4 * sizeof (float));
  WctPicture   *picture = NULL;
  WctStatus     status;

  if (rgba == NULL)
    return wct_error_set (err, WCT_ERR_NO_MEMORY, _ ("There is not enough memory for %d×%d pixels."), width, height);
  WCT_TRY (wct_picture_new (width, height, &picture, err));
  for (gint y = 0; y < height; y++)
    for (gint x = 0; x < width; x++)
      for (gint c = 0; c < 4; c++)
        rgba[((gsize)y * (gsize)width + (gsize)x) * 4 + (gsize)c] =
          c < channels ? (float)bytes[(gsize)y * (gsize)stride + (gsize)x * (gsize)channels + (gsize)c] / 255 : 1;
  wct_picture_fill_transparent (rgba, (gsize)width * (gsize)height, picture->image.pixels);
  *out = picture;

out:
  g_free (rgba);
  return status;
}

static GdkPixbuf *
scaled (GdkPixbuf *pixbuf, gint longer_side)
{
  gint       width = gdk_pixbuf_get_width (pixbuf), height = gdk_pixbuf_get_height (pixbuf);
  GdkPixbuf *result;

  wct_size_fit (longer_side, &width, &height);
  result = gdk_pixbuf_scale_simple (pixbuf, width, height, GDK_INTERP_BILINEAR);
  g_object_unref (pixbuf);
  return result;
}

WctStatus
wct_picture_load (const char *path, gint longer_side, WctPicture **out, WctError *err)
{
  GError    *error = NULL;
  GdkPixbuf *raw = gdk_pixbuf_new_from_file (path, &error), *pixbuf;
  WctStatus  status;

  if (raw == NULL)
    {
      status = wct_error_set (err, WCT_ERR_IO, _ ("The picture cannot be read: %s"), error->message);
      g_error_free (error);
      return status;
    }
  pixbuf = gdk_pixbuf_apply_embedded_orientation (raw);
  g_object_unref (raw);
  if (longer_side > 0)
    pixbuf = scaled (pixbuf, longer_side);
  if (pixbuf == NULL)
    return wct_error_set (err, WCT_ERR_NO_MEMORY, _ ("There is not enough memory for the picture %s."), path);
  status = from_pixbuf (pixbuf, out, err);
  g_object_unref (pixbuf);
  return status;
}

gboolean
wct_picture_file_size (const char *path, gint *width, gint *height)
{
  return gdk_pixbuf_get_file_info (path, width, height) != NULL;
}
