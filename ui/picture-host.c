#include "picture-host.h"

#include "i18n.h"
#include "manual.h"

static const char *
path_of (WctHost *host, gint id)
{
  GPtrArray *paths = ((WctPictureHost *)host)->paths;

  return id >= 0 && (guint)id < paths->len ? g_ptr_array_index (paths, (guint)id) : NULL;
}

static GPtrArray *
sources (WctHost *host)
{
  GPtrArray *found = g_ptr_array_new_with_free_func (wct_source_free);
  GPtrArray *paths = ((WctPictureHost *)host)->paths;

  for (guint i = 0; i < paths->len; i++)
    {
      WctSource *source = g_new0 (WctSource, 1);

      source->id = (gint)i;
      source->name = g_filename_display_basename (g_ptr_array_index (paths, i));
      g_ptr_array_add (found, source);
    }
  return found;
}

static GdkPixbuf *
thumbnail (WctHost *host, gint id, gint size)
{
  const char *path = path_of (host, id);

  return path == NULL ? NULL : gdk_pixbuf_new_from_file_at_size (path, size, size, NULL);
}

static WctStatus
refuse_gone (WctError *err)
{
  return wct_error_set (err, WCT_ERR_ARGUMENT, "%s", _ ("The style is not there any more: please choose another."));
}

static WctStatus
source_size (WctHost *host, gint id, gint *width, gint *height, WctError *err)
{
  const char *path = path_of (host, id);

  return path != NULL && wct_picture_file_size (path, width, height) ? WCT_OK : refuse_gone (err);
}

static WctStatus
read_source (WctHost *host, gint id, gint longer_side, WctPicture **out, WctError *err)
{
  const char *path = path_of (host, id);

  return path == NULL ? refuse_gone (err) : wct_picture_load (path, longer_side, out, err);
}

static WctStatus
content_size (WctHost *host, const WctSettings *settings, gint *width, gint *height, WctError *err)
{
  const WctImage *content = &((WctPictureHost *)host)->content->image;
  const gboolean  own = settings->mode == WCT_MODE_TEXTURE && settings->output == WCT_OUTPUT_LAYER;

  (void)err;
  *width = own && settings->width > 0 ? settings->width : content->width;
  *height = own && settings->height > 0 ? settings->height : content->height;
  return WCT_OK;
}

/* Means over the pixels that fall into one: as good as what a host's own scaling does. */
static void
shrink (const WctImage *from, const WctPart *part, WctImage *to)
{
  for (gint y = 0; y < to->height; y++)
    for (gint x = 0; x < to->width; x++)
      {
        const gint left = part->x + x * part->width / to->width, top = part->y + y * part->height / to->height;
        const gint right = MAX (left + 1, part->x + (x + 1) * part->width / to->width);
        const gint bottom = MAX (top + 1, part->y + (y + 1) * part->height / to->height);

        for (gint c = 0; c < 3; c++)
          {
            double sum = 0;

            for (gint j = top; j < bottom; j++)
              for (gint i = left; i < right; i++)
                sum += from->pixels[((gsize)j * (gsize)from->width + (gsize)i) * 3 + (gsize)c];
            to->pixels[((gsize)y * (gsize)to->width + (gsize)x) * 3 + (gsize)c] =
              (float)(sum / ((bottom - top) * (right - left)));
          }
      }
}

static WctStatus
read_content (WctHost *host, const WctPart *part, gint width, gint height, WctPicture **out, WctError *err)
{
  WctPicture *picture;
  WctStatus   status;

  WCT_TRY (wct_picture_new (width, height, &picture, err));
  shrink (&((WctPictureHost *)host)->content->image, part, &picture->image);
  *out = picture;

out:
  return status;
}

/* Each file's light. */
static GPtrArray *
masks (WctHost *host)
{
  GPtrArray *found = g_ptr_array_new_with_free_func (wct_mask_source_free);
  GPtrArray *paths = ((WctPictureHost *)host)->paths;

  for (guint i = 0; i < paths->len; i++)
    {
      WctMaskSource *source = g_new0 (WctMaskSource, 1);

      source->kind = WCT_MASK_GRAY;
      source->id = (gint)i;
      source->name = g_filename_display_basename (g_ptr_array_index (paths, i));
      g_ptr_array_add (found, source);
    }
  return found;
}

/* It keeps its own shape: who uses it stretches it. */
static WctStatus
read_mask (WctHost *host, const WctMaskChoice *mask, gint width, gint height, WctPicture **out, WctError *err)
{
  const char *path = mask->kind == WCT_MASK_GRAY ? path_of (host, mask->id) : NULL;
  WctPicture *picture = NULL;
  WctStatus   status;

  if (path == NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "%s",
                          _ ("A region's mask is not there any more: please choose another."));
  WCT_TRY (wct_picture_load (path, MAX (width, height), &picture, err));
  WCT_TRY (wct_picture_mask_of (picture, out, err));

out:
  wct_picture_unref (&picture);
  return status;
}

static WctStatus
begin (WctHost *host, const WctSettings *settings, WctPicture **content, WctError *err)
{
  gint width = 0, height = 0;

  content_size (host, settings, &width, &height, err);
  if (settings->mode == WCT_MODE_TEXTURE)
    return wct_picture_new (width, height, content, err);
  *content = wct_picture_ref (((WctPictureHost *)host)->content);
  return WCT_OK;
}

static GdkPixbuf *
pixbuf_of (const WctImage *image)
{
  GdkPixbuf  *pixbuf = gdk_pixbuf_new (GDK_COLORSPACE_RGB, FALSE, 8, image->width, image->height);
  guchar     *bytes = gdk_pixbuf_get_pixels (pixbuf);
  const gsize stride = (gsize)gdk_pixbuf_get_rowstride (pixbuf), row = (gsize)image->width * 3;

  for (gsize y = 0; y < (gsize)image->height; y++)
    for (gsize i = 0; i < row; i++)
      bytes[y * stride + i] = (guchar)(CLAMP (image->pixels[y * row + i], 0, 1) * 255 + 0.5f);
  return pixbuf;
}

static WctStatus
finish (WctHost *host, const WctSettings *settings, const WctPicture *result, const char *model, WctError *err)
{
  WctPictureHost *own = (WctPictureHost *)host;
  GdkPixbuf      *pixbuf = pixbuf_of (&result->image);
  GError         *error = NULL;
  WctStatus       status = WCT_OK;

  (void)model;
  if (own->output != NULL && !gdk_pixbuf_save (pixbuf, own->output, "png", &error, NULL))
    {
      status = wct_error_set (err, WCT_ERR_IO, "%s", error->message);
      g_error_free (error);
    }
  g_object_unref (pixbuf);
  if (status != WCT_OK)
    return status;
  own->finished++;
  own->made = *settings;
  if (settings->output == WCT_OUTPUT_REPLACE)
    {
      wct_picture_unref (&own->content);
      own->content = wct_picture_ref ((WctPicture *)result);
    }
  return WCT_OK;
}

static void
progress (WctHost *host, double done)
{
  ((WctPictureHost *)host)->progress = done;
}

static gboolean
reuse (WctHost *host, WctSettings *settings)
{
  const WctPictureHost *own = (WctPictureHost *)host;
  const WctSettings     now = *settings;

  if (own->finished == 0)
    return FALSE;
  *settings = own->made;
  wct_settings_copy_styles (&now, settings);
  return TRUE;
}

static WctStatus
help (WctHost *host, WctError *err)
{
  (void)host;
  return wct_manual_show (err);
}

WctStatus
wct_picture_host_open (WctPictureHost *host, int count, char **paths, const char *output, WctError *err)
{
  WctPicture *content = NULL;
  WctStatus   status;

  WCT_TRY (wct_picture_load (paths[0], 0, &content, err));
  *host = (WctPictureHost){
    .host = { .sources = sources,
              .thumbnail = thumbnail,
              .source_size = source_size,
              .read_source = read_source,
              .content_size = content_size,
              .read_content = read_content,
              .masks = masks,
              .read_mask = read_mask,
              .begin = begin,
              .finish = finish,
              .progress = progress,
              .reuse = reuse,
              .help = help },
    .paths = g_ptr_array_new_with_free_func (g_free),
    .content = content,
    .output = g_strdup (output),
  };
  for (int i = 0; i < count; i++)
    g_ptr_array_add (host->paths, g_strdup (paths[i]));

out:
  return status;
}

void
wct_picture_host_close (WctPictureHost *host)
{
  g_clear_pointer (&host->paths, g_ptr_array_unref);
  wct_picture_unref (&host->content);
  g_clear_pointer (&host->output, g_free);
}
