/* A style that was measured takes some squares of doubles; thousands of styles are forgotten and recalled. */
#include "gallery.h"

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "exit-status.h"
#include "fetch.h"

typedef struct
{
  WctStyle *style;   /* counted; NULL: not measured */
  WctError *refused; /* owned; NULL: nothing is known against it */
  uint64_t  used_at;
} Entry;

struct WctGallery
{
  WctGallerySpec spec;
  Entry         *entries;        /* (names) */
  size_t         held, held_max; /* measured now, and at most */
  uint64_t       clock;
};

/* Mean and covariance of each level. */
static size_t
style_bytes (const WctGallerySpec *spec)
{
  size_t bytes = 0;

  for (int level = 1; level <= WCT_LEVELS; level++)
    if (spec->levels & 1u << (level - 1))
      {
        const size_t channels = (size_t)wct_model_channels (spec->model, level);

        bytes += (channels + 1) * channels * sizeof (double);
      }
  return bytes;
}

WctGallery *
wct_gallery_new (const WctGallerySpec *spec)
{
  WctGallery *gallery = g_new0 (WctGallery, 1);

  gallery->spec = *spec;
  gallery->entries = g_new0 (Entry, spec->names->count);
  gallery->held_max = 1 + spec->memory_limit / (1 + style_bytes (spec));
  return gallery;
}

static void
forget_oldest (WctGallery *gallery)
{
  Entry *oldest = NULL;

  for (size_t i = 0; i < gallery->spec.names->count; i++)
    {
      Entry *entry = &gallery->entries[i];

      if (entry->style != NULL && (oldest == NULL || entry->used_at < oldest->used_at))
        oldest = entry;
    }
  wct_style_unref (&oldest->style);
  gallery->held--;
}

static WctStatus
measure (const WctGallerySpec *spec, size_t index, WctStyle **out, WctError *err)
{
  char      *path = NULL;
  WctPicture picture = { 0 };
  WctStatus  status;

  WCT_TRY (wct_folder_join (spec->folder, wct_names_get (spec->names, index), &path, err));
  WCT_TRY (wct_fetch_picture (path, spec->style_size, "--style-size", NULL, NULL, &picture, err));
  WCT_TRY (wct_style_recall (spec->model, spec->backend, &picture.image, spec->levels, NULL, out, err));

out:
  wct_picture_clear (&picture);
  g_free (path);
  return status;
}

static WctStatus
fetch (WctGallery *gallery, size_t index, WctError *err)
{
  Entry    *entry = &gallery->entries[index];
  WctError  why;
  WctStatus status;

  while (gallery->held >= gallery->held_max)
    forget_oldest (gallery);
  status = measure (&gallery->spec, index, &entry->style, &why);
  if (status == WCT_OK)
    gallery->held++;
  else if (status != WCT_CANCELED)
    {
      entry->refused = g_new (WctError, 1);
      *entry->refused = why;
    }
  return status == WCT_OK ? WCT_OK : wct_error_set (err, status, "%s", why.message);
}

WctStatus
wct_gallery_style (WctGallery *gallery, size_t index, WctStyle **out, WctError *err)
{
  Entry    *entry = &gallery->entries[index];
  WctStatus status = WCT_OK;

  if (entry->refused != NULL)
    return wct_error_set (err, entry->refused->status, "%s", entry->refused->message);
  if (entry->style == NULL)
    WCT_TRY (fetch (gallery, index, err));
  entry->used_at = ++gallery->clock;
  *out = entry->style;

out:
  return status;
}

void
wct_gallery_free (WctGallery **gallery_pointer)
{
  WctGallery *gallery = *gallery_pointer;

  if (gallery == NULL)
    return;
  for (size_t i = 0; i < gallery->spec.names->count; i++)
    {
      wct_style_unref (&gallery->entries[i].style);
      g_free (gallery->entries[i].refused);
    }
  g_free (gallery->entries);
  g_free (gallery);
  *gallery_pointer = NULL;
}
