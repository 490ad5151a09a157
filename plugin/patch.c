#include "patch.h"

#include <math.h>
#include <string.h>

#include "i18n.h"

#define STRIP_ROWS 64

/* ---- Where -------------------------------------------------------------------------------------------------- */

static WctStatus
check_kind (gint32 drawable, WctError *err)
{
  if (!gimp_item_is_valid (drawable))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "%s", _ ("The layer is not there any more: please start again."));
  if (!gimp_item_is_layer (drawable))
    return wct_error_set (err, WCT_ERR_UNSUPPORTED, "%s",
                          _ ("Only layers can be stylized: please choose one, not a mask or a channel."));
  if (gimp_drawable_is_indexed (drawable))
    return wct_error_set (err, WCT_ERR_UNSUPPORTED, "%s",
                          _ ("The image has indexed colors: please change it to RGB first (Image, Mode, RGB)."));
  return WCT_OK;
}

WctStatus
wct_patch_of_drawable (gint32 drawable, WctPatch *out, WctError *err)
{
  WctPatch  patch = { .drawable = drawable };
  WctStatus status;

  WCT_TRY (check_kind (drawable, err));
  if (!gimp_drawable_mask_intersect (drawable, &patch.x, &patch.y, &patch.width, &patch.height))
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "%s",
                            _ ("Nothing of the layer is selected: please select some of it, or clear the selection.")));
  patch.partly = !gimp_selection_is_empty (gimp_item_get_image (drawable));
  *out = patch;

out:
  return status;
}

WctStatus
wct_patch_of_image (gint32 drawable, WctPatch *out, WctError *err)
{
  WctPatch  patch = { .drawable = drawable, .opaque = TRUE };
  gint32    image;
  gint      right, bottom, layer_x, layer_y;
  gboolean  selected;
  WctStatus status;

  WCT_TRY (check_kind (drawable, err));
  image = gimp_item_get_image (drawable);
  /* Where nothing is selected, the bounds are the image's. */
  gimp_selection_bounds (image, &selected, &patch.x, &patch.y, &right, &bottom);
  gimp_drawable_offsets (drawable, &layer_x, &layer_y);
  patch.width = right - patch.x;
  patch.height = bottom - patch.y;
  patch.x -= layer_x;
  patch.y -= layer_y;
  patch.partly = selected;
  *out = patch;

out:
  return status;
}

/* Light beyond white or below black is no color of a style, and floats may hold what is no number at all. */
static void
clip (gsize count, const float *from, float *to)
{
  for (gsize i = 0; i < count; i++)
    to[i] = from[i] >= 0 ? MIN (from[i], 1.0f) : 0.0f;
}

/* ---- Reading ------------------------------------------------------------------------------------------------ */

WctStatus
wct_patch_read (const WctPatch *patch, const GeglRectangle *part, gint width, gint height, WctPicture **out,
                WctError *err)
{
  const double scale = (double)width / part->width;
  GeglBuffer  *buffer;
  WctPicture  *picture;
  WctStatus    status;

  WCT_TRY (wct_picture_new (width, height, &picture, err));
  buffer = gimp_drawable_get_buffer (patch->drawable);
  gegl_buffer_get (
    buffer, GEGL_RECTANGLE ((gint)((patch->x + part->x) * scale), (gint)((patch->y + part->y) * scale), width, height),
    scale, babl_format ("R'G'B' float"), picture->image.pixels, GEGL_AUTO_ROWSTRIDE, GEGL_ABYSS_CLAMP);
  g_object_unref (buffer);
  clip ((gsize)width * (gsize)height * 3, picture->image.pixels, picture->image.pixels);
  *out = picture;

out:
  return status;
}

WctStatus
wct_drawable_read (gint32 drawable, gint longer_side, WctPicture **out, WctError *err)
{
  gint        width, height, full_width;
  GeglBuffer *buffer;
  WctPicture *picture = NULL;
  float      *rgba = NULL;
  WctStatus   status;

  full_width = width = gimp_drawable_width (drawable);
  height = gimp_drawable_height (drawable);
  wct_size_fit (longer_side, &width, &height);
  rgba = g_try_malloc_n ((gsize)width * (gsize)height, 4 * sizeof (float));
  if (rgba == NULL)
    WCT_TRY (wct_error_set (err, WCT_ERR_NO_MEMORY, _ ("There is not enough memory for %d×%d pixels."), width, height));
  WCT_TRY (wct_picture_new (width, height, &picture, err));
  buffer = gimp_drawable_get_buffer (drawable);
  gegl_buffer_get (buffer, GEGL_RECTANGLE (0, 0, width, height), (double)width / full_width,
                   babl_format ("R'G'B'A float"), rgba, GEGL_AUTO_ROWSTRIDE, GEGL_ABYSS_CLAMP);
  g_object_unref (buffer);
  clip ((gsize)width * (gsize)height * 4, rgba, rgba);
  wct_picture_fill_transparent (rgba, (gsize)width * (gsize)height, picture->image.pixels);
  *out = picture;

out:
  g_free (rgba);
  return status;
}

/* Masks hold their values as they are, which GIMP calls linear; a layer's light is as people see it. */
static WctStatus
read_light (gint32 mask, const GeglRectangle *part, double scale, WctPicture *picture, WctError *err)
{
  GeglBuffer *buffer = gimp_drawable_get_buffer (mask);

  (void)err;
  gegl_buffer_get (buffer, part, scale, babl_format ("Y float"), picture->image.pixels, GEGL_AUTO_ROWSTRIDE,
                   GEGL_ABYSS_NONE);
  g_object_unref (buffer);
  return WCT_OK;
}

static WctStatus
read_layer (gint32 layer, gboolean alpha, const GeglRectangle *part, double scale, WctPicture *picture, WctError *err)
{
  const gsize count = (gsize)part->width * (gsize)part->height;
  float      *pixels = g_try_malloc_n (count, 2 * sizeof (float));
  GeglBuffer *buffer;

  if (pixels == NULL)
    return wct_error_set (err, WCT_ERR_NO_MEMORY, _ ("There is not enough memory for %d×%d pixels."), part->width,
                          part->height);
  buffer = gimp_drawable_get_buffer (layer);
  gegl_buffer_get (buffer, part, scale, babl_format ("Y'A float"), pixels, GEGL_AUTO_ROWSTRIDE, GEGL_ABYSS_NONE);
  g_object_unref (buffer);
  for (gsize i = 0; i < count; i++)
    picture->image.pixels[i] = pixels[2 * i + 1] * (alpha ? 1 : pixels[2 * i]);
  g_free (pixels);
  return WCT_OK;
}

WctStatus
wct_patch_read_mask (const WctPatch *patch, gint32 mask, gboolean alpha, gint width, gint height, WctPicture **out,
                     WctError *err)
{
  const double  scale = (double)width / patch->width;
  gint          x, y, mask_x, mask_y;
  GeglRectangle part;
  WctPicture   *picture = NULL;
  WctStatus     status;

  gimp_drawable_offsets (patch->drawable, &x, &y);
  gimp_drawable_offsets (mask, &mask_x, &mask_y);
  part = (GeglRectangle){ (gint)floor ((patch->x + x - mask_x) * scale), (gint)floor ((patch->y + y - mask_y) * scale),
                          width, height };
  WCT_TRY (wct_picture_new_mask (width, height, &picture, err));
  WCT_TRY (gimp_item_is_layer (mask) ? read_layer (mask, alpha, &part, scale, picture, err)
                                     : read_light (mask, &part, scale, picture, err));
  clip ((gsize)width * (gsize)height, picture->image.pixels, picture->image.pixels);
  *out = picture;
  picture = NULL;

out:
  wct_picture_unref (&picture);
  return status;
}

/* ---- Writing ------------------------------------------------------------------------------------------------ */

/* Alpha is the last component of GIMP's formats, and is copied as it is: floats would round 32 bits. */
static void
copy_alpha (const Babl *format, gsize count, const guchar *from, guchar *to)
{
  const gsize pixel = (gsize)babl_format_get_bytes_per_pixel (format);
  const gsize component = pixel / (gsize)babl_format_get_n_components (format);

  if (babl_format_has_alpha (format))
    for (gsize i = 1; i <= count; i++)
      memcpy (to + i * pixel - component, from + i * pixel - component, component);
}

static WctStatus
refuse_memory (const WctPatch *patch, WctError *err)
{
  return wct_error_set (err, WCT_ERR_NO_MEMORY, _ ("There is not enough memory for %d×%d pixels."), patch->width,
                        patch->height);
}

/* Rows first to last of the image: their place in a patch at @x, @y. */
static GeglRectangle
strip_of (const WctImage *image, gint row, gint x, gint y)
{
  return (GeglRectangle){ x, y + row, image->width, MIN (STRIP_ROWS, image->height - row) };
}

/* Into @buffer at @x, @y, in its own format, strip by strip: there may be no room for another copy of all of it. */
static WctStatus
write_pixels (const WctPatch *patch, const WctImage *image, GeglBuffer *buffer, gint x, gint y, WctError *err)
{
  const Babl *format = gegl_buffer_get_format (buffer), *colors = babl_format ("R'G'B' float");
  const Babl *fish = babl_fish (colors, format);
  const gsize pixel = (gsize)babl_format_get_bytes_per_pixel (format), most = (gsize)image->width * STRIP_ROWS;
  GeglBuffer *source = gimp_drawable_get_buffer (patch->drawable);
  float      *clipped = g_try_malloc_n (most, 3 * sizeof (float));
  guchar     *before = g_try_malloc_n (most, pixel), *after = g_try_malloc_n (most, pixel);
  WctStatus   status = WCT_OK;

  if (clipped == NULL || before == NULL || after == NULL)
    WCT_TRY (refuse_memory (patch, err));
  for (gint row = 0; row < image->height; row += STRIP_ROWS)
    {
      const GeglRectangle from = strip_of (image, row, patch->x, patch->y), to = strip_of (image, row, x, y);
      const gsize         count = (gsize)to.width * (gsize)to.height;

      clip (count * 3, image->pixels + (gsize)row * (gsize)image->width * 3, clipped);
      babl_process (fish, clipped, after, (glong)count);
      if (!patch->opaque && babl_format_has_alpha (format))
        {
          gegl_buffer_get (source, &from, 1, format, before, GEGL_AUTO_ROWSTRIDE, GEGL_ABYSS_NONE);
          copy_alpha (format, count, before, after);
        }
      gegl_buffer_set (buffer, &to, 0, format, after, GEGL_AUTO_ROWSTRIDE);
    }
  gegl_buffer_flush (buffer);

out:
  g_object_unref (source);
  g_free (clipped);
  g_free (before);
  g_free (after);
  return status;
}

/* A group's lock is its layers', too. */
static gboolean
is_locked (gint32 item)
{
  while (item >= 0 && !gimp_item_get_lock_content (item))
    item = gimp_item_get_parent (item);
  return item >= 0;
}

static WctStatus
refuse_locked (WctError *err)
{
  return wct_error_set (err, WCT_ERR_UNSUPPORTED, "%s",
                        _ ("The layer's pixels are locked: please unlock them, or let the result be a new layer."));
}

WctStatus
wct_patch_check_replace (const WctPatch *patch, WctError *err)
{
  if (gimp_item_is_group (patch->drawable))
    return wct_error_set (err, WCT_ERR_UNSUPPORTED, "%s",
                          _ ("A layer group has no pixels of its own: please let the result be a new layer."));
  if (is_locked (patch->drawable))
    return refuse_locked (err);
  return WCT_OK;
}

/* GIMP merges through a selection in floats, which rounds 32 bits: alpha, and what is not selected, are put back. The
 * step of undo that the merge has made holds all of this already. @before, @after, @selected: room for all pixels */
static void
mend_rounding (const WctPatch *patch, const Babl *format, const guchar *before, guchar *after, guchar *selected)
{
  const GeglRectangle own = { patch->x, patch->y, patch->width, patch->height };
  const gsize         count = (gsize)patch->width * (gsize)patch->height;
  const gsize         pixel = (gsize)babl_format_get_bytes_per_pixel (format);
  GeglBuffer         *buffer = gimp_drawable_get_buffer (patch->drawable);
  GeglBuffer *mask = gimp_drawable_get_buffer (gimp_image_get_selection (gimp_item_get_image (patch->drawable)));
  gint        x, y;

  gimp_drawable_offsets (patch->drawable, &x, &y);
  gegl_buffer_get (mask, GEGL_RECTANGLE (x + own.x, y + own.y, own.width, own.height), 1, babl_format ("Y u8"),
                   selected, GEGL_AUTO_ROWSTRIDE, GEGL_ABYSS_NONE);
  gegl_buffer_get (buffer, &own, 1, format, after, GEGL_AUTO_ROWSTRIDE, GEGL_ABYSS_NONE);
  copy_alpha (format, count, before, after);
  for (gsize i = 0; i < count; i++)
    if (selected[i] == 0)
      memcpy (after + i * pixel, before + i * pixel, pixel);
  gegl_buffer_set (buffer, &own, 0, format, after, GEGL_AUTO_ROWSTRIDE);
  g_object_unref (mask);
  g_object_unref (buffer);
}

/* Through the selection. */
static WctStatus
merge_partly (const WctPatch *patch, const Babl *format, WctError *err)
{
  const gsize count = (gsize)patch->width * (gsize)patch->height;
  const gsize pixel = (gsize)babl_format_get_bytes_per_pixel (format);
  guchar     *before = g_try_malloc_n (count, pixel), *after = g_try_malloc_n (count, pixel);
  guchar     *selected = g_try_malloc (count);
  GeglBuffer *source = gimp_drawable_get_buffer (patch->drawable);
  WctStatus   status = WCT_OK;

  if (before == NULL || after == NULL || selected == NULL)
    WCT_TRY (refuse_memory (patch, err));
  gegl_buffer_get (source, GEGL_RECTANGLE (patch->x, patch->y, patch->width, patch->height), 1, format, before,
                   GEGL_AUTO_ROWSTRIDE, GEGL_ABYSS_NONE);
  if (!gimp_drawable_merge_shadow (patch->drawable, TRUE))
    WCT_TRY (refuse_locked (err));
  mend_rounding (patch, format, before, after, selected);

out:
  g_object_unref (source);
  g_free (before);
  g_free (after);
  g_free (selected);
  return status;
}

WctStatus
wct_patch_replace (const WctPatch *patch, const WctImage *image, WctError *err)
{
  GeglBuffer *shadow = gimp_drawable_get_shadow_buffer (patch->drawable);
  const Babl *format = gegl_buffer_get_format (shadow);
  WctStatus   status = write_pixels (patch, image, shadow, patch->x, patch->y, err);

  g_object_unref (shadow);
  if (status == WCT_OK && patch->partly)
    status = merge_partly (patch, format, err);
  else if (status == WCT_OK && !gimp_drawable_merge_shadow (patch->drawable, TRUE))
    status = refuse_locked (err);
  if (status != WCT_OK)
    gimp_drawable_free_shadow (patch->drawable);
  else
    gimp_drawable_update (patch->drawable, patch->x, patch->y, patch->width, patch->height);
  return status;
}

static GimpImageType
layer_type (const WctPatch *patch, gint32 image)
{
  if (!patch->opaque)
    return gimp_drawable_type (patch->drawable);
  return gimp_image_base_type (image) == GIMP_GRAY ? GIMP_GRAYA_IMAGE : GIMP_RGBA_IMAGE;
}

/* Not in the image yet: in a group whose pixels are locked it can be put, but not painted on. */
static WctStatus
make_layer (const WctPatch *patch, const WctImage *image, const char *name, gint32 *layer, WctError *err)
{
  const gint32 owner = gimp_item_get_image (patch->drawable);
  const gint32 made = gimp_layer_new (owner, name, patch->width, patch->height, layer_type (patch, owner), 100,
                                      gimp_image_get_default_new_layer_mode (owner));
  GeglBuffer  *buffer = gimp_drawable_get_buffer (made);
  WctStatus    status = write_pixels (patch, image, buffer, 0, 0, err);

  g_object_unref (buffer);
  if (status != WCT_OK)
    gimp_item_delete (made);
  else
    *layer = made;
  return status;
}

static void
insert_layer (const WctPatch *patch, gint32 layer)
{
  const gint32 image = gimp_item_get_image (patch->drawable);
  gint         x, y;

  gimp_drawable_offsets (patch->drawable, &x, &y);
  gimp_image_insert_layer (image, layer, gimp_item_get_parent (patch->drawable),
                           gimp_image_get_item_position (image, patch->drawable));
  gimp_layer_set_offsets (layer, x + patch->x, y + patch->y);
  if (patch->partly)
    gimp_layer_add_mask (layer, gimp_layer_create_mask (layer, GIMP_ADD_MASK_SELECTION));
  gimp_drawable_update (layer, 0, 0, patch->width, patch->height);
}

WctStatus
wct_patch_add_layer (const WctPatch *patch, const WctImage *image, const char *name, gint32 *layer, WctError *err)
{
  WctStatus status;

  WCT_TRY (make_layer (patch, image, name, layer, err));
  insert_layer (patch, *layer);

out:
  return status;
}
