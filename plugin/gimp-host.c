#include "gimp-host.h"

#include "i18n.h"
#include "manual.h"

#define PARASITE       "gimp-wct"
#define PARASITE_GROUP "gimp-wct"
#define THUMBNAIL_MAX  512

/* ---- Sources ------------------------------------------------------------------------------------------------ */

static char *
source_name (gint32 image, gint32 layer)
{
  char *image_name = gimp_image_get_name (image), *layer_name = gimp_item_get_name (layer);
  char *name = g_strdup_printf ("%s / %s", layer_name, image_name);

  g_free (image_name);
  g_free (layer_name);
  return name;
}

/* A layer, and below a group its own. */
static void
add_layers (GPtrArray *found, gint32 image, const gint *layers, gint count)
{
  for (gint i = 0; i < count; i++)
    {
      WctSource *source = g_new0 (WctSource, 1);

      source->id = layers[i];
      source->name = source_name (image, layers[i]);
      g_ptr_array_add (found, source);
      if (gimp_item_is_group (layers[i]))
        {
          gint  child_count;
          gint *children = gimp_item_get_children (layers[i], &child_count);

          add_layers (found, image, children, child_count);
          g_free (children);
        }
    }
}

static GPtrArray *
sources (WctHost *host)
{
  GPtrArray *found = g_ptr_array_new_with_free_func (wct_source_free);
  gint       count, layer_count;
  gint      *images = gimp_image_list (&count);

  (void)host;
  for (gint i = 0; i < count; i++)
    {
      gint *layers = gimp_image_get_layers (images[i], &layer_count);

      add_layers (found, images[i], layers, layer_count);
      g_free (layers);
    }
  g_free (images);
  return found;
}

static GdkPixbuf *
thumbnail (WctHost *host, gint id, gint size)
{
  (void)host;
  if (!gimp_item_is_valid (id))
    return NULL;
  return gimp_drawable_get_thumbnail (id, MIN (size, THUMBNAIL_MAX), MIN (size, THUMBNAIL_MAX),
                                      GIMP_PIXBUF_SMALL_CHECKS);
}

static WctStatus
check_source (gint id, WctError *err)
{
  if (gimp_item_is_valid (id) && gimp_item_is_drawable (id))
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_ARGUMENT, "%s", _ ("The style is not there any more: please choose another."));
}

static WctStatus
source_size (WctHost *host, gint id, gint *width, gint *height, WctError *err)
{
  WctStatus status;

  (void)host;
  WCT_TRY (check_source (id, err));
  *width = gimp_drawable_width (id);
  *height = gimp_drawable_height (id);

out:
  return status;
}

static WctStatus
read_source (WctHost *host, gint id, gint longer_side, WctPicture **out, WctError *err)
{
  WctStatus status;

  (void)host;
  WCT_TRY (check_source (id, err));
  WCT_TRY (wct_drawable_read (id, longer_side, out, err));

out:
  return status;
}

gint
wct_gimp_host_default_style (WctGimpHost *host)
{
  GPtrArray *all = sources (&host->host);
  gint       style = WCT_STYLE_NONE;

  for (int pass = 0; pass < 2 && style == WCT_STYLE_NONE; pass++)
    for (guint i = 0; i < all->len && style == WCT_STYLE_NONE; i++)
      {
        const gint     id = ((const WctSource *)g_ptr_array_index (all, i))->id;
        const gboolean here = gimp_item_get_image (id) == host->image;

        if (id != host->drawable && here == (pass == 0))
          style = id;
      }
  g_ptr_array_unref (all);
  return style;
}

/* ---- Content ------------------------------------------------------------------------------------------------ */

static WctStatus
find_patch (WctGimpHost *host, const WctSettings *settings, WctPatch *patch, WctError *err)
{
  const gboolean beside = settings->mode == WCT_MODE_TEXTURE && settings->output == WCT_OUTPUT_LAYER;
  WctStatus      status;

  if (!gimp_image_is_valid (host->image))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "%s", _ ("The image was closed: please start again on another."));
  WCT_TRY (beside ? wct_patch_of_image (host->drawable, patch, err)
                  : wct_patch_of_drawable (host->drawable, patch, err));
  if (beside && (settings->width > 0 || settings->height > 0))
    {
      patch->width = settings->width > 0 ? settings->width : patch->width;
      patch->height = settings->height > 0 ? settings->height : patch->height;
      patch->partly = FALSE;
    }

out:
  return status;
}

static WctStatus
content_size (WctHost *host, const WctSettings *settings, gint *width, gint *height, WctError *err)
{
  WctPatch  patch;
  WctStatus status;

  WCT_TRY (find_patch ((WctGimpHost *)host, settings, &patch, err));
  *width = patch.width;
  *height = patch.height;

out:
  return status;
}

static WctStatus
read_content (WctHost *host, const WctPart *part, gint width, gint height, WctPicture **out, WctError *err)
{
  static const WctSettings stylize = { .mode = WCT_MODE_STYLIZE };
  const GeglRectangle      rectangle = { part->x, part->y, part->width, part->height };
  WctPatch                 patch;
  WctStatus                status;

  WCT_TRY (find_patch ((WctGimpHost *)host, &stylize, &patch, err));
  WCT_TRY (wct_patch_read (&patch, &rectangle, width, height, out, err));

out:
  return status;
}

/* ---- Masks -------------------------------------------------------------------------------------------------- */

/* @name: taken over */
static void
add_mask (GPtrArray *found, WctMaskKind kind, gint32 id, char *name)
{
  WctMaskSource *source = g_new0 (WctMaskSource, 1);

  source->kind = kind;
  source->id = id;
  source->name = name;
  g_ptr_array_add (found, source);
}

static void
add_masks_of_layer (GPtrArray *found, gint32 layer)
{
  const gint32 mask = gimp_item_is_layer (layer) ? gimp_layer_get_mask (layer) : -1;
  char        *name = gimp_item_get_name (layer);

  if (mask != -1)
    /* Translators: of the layer with this name. */
    add_mask (found, WCT_MASK_GRAY, mask, g_strdup_printf (_ ("Mask of %s"), name));
  /* Translators: how light and dark the layer with this name is. */
  add_mask (found, WCT_MASK_GRAY, layer, g_strdup_printf (_ ("Light of %s"), name));
  if (gimp_drawable_has_alpha (layer))
    /* Translators: how opaque the layer with this name is. */
    add_mask (found, WCT_MASK_ALPHA, layer, g_strdup_printf (_ ("Opacity of %s"), name));
  g_free (name);
}

static void
add_masks_of_layers (GPtrArray *found, const gint *layers, gint count)
{
  for (gint i = 0; i < count; i++)
    {
      add_masks_of_layer (found, layers[i]);
      if (gimp_item_is_group (layers[i]))
        {
          gint  child_count;
          gint *children = gimp_item_get_children (layers[i], &child_count);

          add_masks_of_layers (found, children, child_count);
          g_free (children);
        }
    }
}

/* Of this image: others have pixels elsewhere. */
static GPtrArray *
masks (WctHost *host)
{
  const gint32 image = ((WctGimpHost *)host)->image;
  GPtrArray   *found = g_ptr_array_new_with_free_func (wct_mask_source_free);
  gint         count;
  gint        *items;

  if (!gimp_image_is_valid (image))
    return found;
  if (!gimp_selection_is_empty (image))
    add_mask (found, WCT_MASK_SELECTION, 0, g_strdup (_ ("Selection")));
  items = gimp_image_get_channels (image, &count);
  for (gint i = 0; i < count; i++)
    add_mask (found, WCT_MASK_GRAY, items[i], gimp_item_get_name (items[i]));
  g_free (items);
  items = gimp_image_get_layers (image, &count);
  add_masks_of_layers (found, items, count);
  g_free (items);
  return found;
}

static WctStatus
read_mask (WctHost *host, const WctMaskChoice *mask, gint width, gint height, WctPicture **out, WctError *err)
{
  static const WctSettings stylize = { .mode = WCT_MODE_STYLIZE };
  WctGimpHost             *own = (WctGimpHost *)host;
  WctPatch                 patch;
  gint32                   id;
  WctStatus                status;

  WCT_TRY (find_patch (own, &stylize, &patch, err));
  id = mask->kind == WCT_MASK_SELECTION ? gimp_image_get_selection (own->image) : mask->id;
  if (!gimp_item_is_valid (id) || !gimp_item_is_drawable (id))
    WCT_TRY (
      wct_error_set (err, WCT_ERR_ARGUMENT, "%s", _ ("A region's mask is not there any more: please choose another.")));
  if (gimp_item_get_image (id) != own->image)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "%s",
                            _ ("A region's mask is of another image: please choose one of this image.")));
  WCT_TRY (wct_patch_read_mask (&patch, id, mask->kind == WCT_MASK_ALPHA, width, height, out, err));

out:
  return status;
}

/* ---- A run -------------------------------------------------------------------------------------------------- */

static WctStatus
begin (WctHost *host, const WctSettings *settings, WctPicture **content, WctError *err)
{
  WctGimpHost *own = (WctGimpHost *)host;
  WctPatch     patch;
  WctStatus    status;

  WCT_TRY (find_patch (own, settings, &patch, err));
  if (settings->output == WCT_OUTPUT_REPLACE)
    WCT_TRY (wct_patch_check_replace (&patch, err));
  if (settings->mode == WCT_MODE_TEXTURE)
    WCT_TRY (wct_picture_new (patch.width, patch.height, content, err));
  else
    WCT_TRY (wct_patch_read (&patch, GEGL_RECTANGLE (0, 0, patch.width, patch.height), patch.width, patch.height,
                             content, err));
  own->patch = patch;

out:
  return status;
}

static char *
name_of_style (const WctStyleChoice *style)
{
  if (style->id == WCT_STYLE_NONE)
    return g_filename_display_basename (style->file);
  return gimp_item_is_valid (style->id) ? gimp_item_get_name (style->id) : g_strdup (_ ("Deleted layer"));
}

static char *
style_name (const WctSettings *settings)
{
  GString *names = g_string_new (NULL);

  for (gint i = 0; i < settings->style_count; i++)
    {
      char *name = name_of_style (&settings->styles[i]);

      g_string_append_printf (names, "%s%s", i > 0 ? " + " : "", name);
      g_free (name);
    }
  return g_string_free (names, FALSE);
}

/* What made it, on the layer: a key file. It can be undone, as the layer: otherwise GIMP says that it cannot. */
static void
attach_settings (gint32 layer, const WctSettings *settings, const char *style, const char *model)
{
  GKeyFile     *file = g_key_file_new ();
  char         *base = g_path_get_basename (model), *text;
  gsize         length;
  GimpParasite *parasite;

  wct_settings_write (settings, file, PARASITE_GROUP);
  g_key_file_set_string (file, PARASITE_GROUP, "style", style);
  g_key_file_set_string (file, PARASITE_GROUP, "model", base);
  text = g_key_file_to_data (file, &length, NULL);
  parasite = gimp_parasite_new (PARASITE, GIMP_PARASITE_PERSISTENT | GIMP_PARASITE_UNDOABLE, (guint32)length + 1, text);
  gimp_item_attach_parasite (layer, parasite);
  gimp_parasite_free (parasite);
  g_free (text);
  g_free (base);
  g_key_file_free (file);
}

static WctStatus
add_layer (WctGimpHost *host, const WctSettings *settings, const WctImage *result, const char *model, WctError *err)
{
  char     *style = style_name (settings), *name = wct_settings_name (settings, style);
  gint32    layer = -1;
  WctStatus status = wct_patch_add_layer (&host->patch, result, name, &layer, err);

  if (status == WCT_OK)
    attach_settings (layer, settings, style, model);
  g_free (name);
  g_free (style);
  return status;
}

/* All of it is one step of undo. The image may have been closed, and its layer changed, while we computed. */
static WctStatus
finish (WctHost *host, const WctSettings *settings, const WctPicture *result, const char *model, WctError *err)
{
  WctGimpHost *own = (WctGimpHost *)host;
  WctPatch     patch;
  WctStatus    status;

  WCT_TRY (find_patch (own, settings, &patch, err));
  if (patch.width != result->image.width || patch.height != result->image.height)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "%s",
                            _ ("The selection or the layer has changed meanwhile: please apply once more.")));
  own->patch = patch;
  gimp_image_undo_group_start (own->image);
  if (settings->output == WCT_OUTPUT_REPLACE)
    status = wct_patch_replace (&own->patch, &result->image, err);
  else
    status = add_layer (own, settings, &result->image, model, err);
  gimp_image_undo_group_end (own->image);
  gimp_displays_flush ();

out:
  return status;
}

static void
progress (WctHost *host, double done)
{
  WctGimpHost *own = (WctGimpHost *)host;

  if (done < 0 && own->shows)
    gimp_progress_end ();
  else if (done >= 0 && !own->shows)
    gimp_progress_init (_ ("Transferring style"));
  own->shows = done >= 0;
  if (done >= 0)
    gimp_progress_update (done);
}

/* ---- The rest ----------------------------------------------------------------------------------------------- */

static gboolean
read_settings (gint32 layer, WctSettings *settings)
{
  GimpParasite *parasite = gimp_item_is_valid (layer) ? gimp_item_get_parasite (layer, PARASITE) : NULL;
  GKeyFile     *file;
  gboolean      good;

  if (parasite == NULL)
    return FALSE;
  file = g_key_file_new ();
  good = g_key_file_load_from_data (file, gimp_parasite_data (parasite),
                                    strnlen (gimp_parasite_data (parasite), (gsize)gimp_parasite_data_size (parasite)),
                                    G_KEY_FILE_NONE, NULL)
         && wct_settings_read (settings, file, PARASITE_GROUP);
  g_key_file_free (file);
  gimp_parasite_free (parasite);
  return good;
}

static gboolean
reuse (WctHost *host, WctSettings *settings)
{
  return read_settings (((WctGimpHost *)host)->drawable, settings) || read_settings (settings->styles[0].id, settings);
}

static WctStatus
help (WctHost *host, WctError *err)
{
  (void)host;
  return wct_manual_show (err);
}

/* What the preferences allow plug-ins. */
static int
thread_count (void)
{
  gint threads = 0;

  g_object_get (gegl_config (), "threads", &threads, NULL);
  return threads;
}

void
wct_gimp_host_init (gint32 drawable, WctGimpHost *host)
{
  *host = (WctGimpHost){ .host = { .threads = thread_count (),
                                   .sources = sources,
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
                         .image = gimp_item_get_image (drawable),
                         .drawable = drawable };
}
