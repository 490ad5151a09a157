/* Names are known from the start, pixels are fetched; what fails is marked, so that nobody tries it twice. */
#include "pictures.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "checksum.h"
#include "decode.h"
#include "folder.h"
#include "mem.h"
#include "safetensors.h"
#include "shard.h"

struct WctPictureSet
{
  char     *path;  /* owned, as are the others */
  WctNames  names; /* of a folder's pictures */
  WctShard *shard; /* NULL: it is a folder */
  int32_t   count;

  atomic_bool    *unreadable; /* (count) */
  atomic_int      unreadable_count;
  pthread_mutex_t lock; /* of what follows */
  WctNames        complaints;
  size_t          reported;   /* complaints that were taken */
  size_t          of_listing; /* complaints that came before any picture was tried */
};

/* ---- Opening ------------------------------------------------------------------------------------------------ */

static WctStatus
list_folder (WctPictureSet *set, WctError *err)
{
  const WctStatus status = wct_folder_list (set->path, &set->names, &set->complaints, err);

  if (status != WCT_OK)
    return status;
  set->of_listing = set->complaints.count;
  if (set->names.count == 0)
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "%s: there are no pictures in this folder or below (files called .jpg, .png, .tif, .webp …)",
                          set->path);
  if (set->names.count > INT32_MAX)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "%s: %zu pictures are too many; train on a part of them", set->path,
                          set->names.count);
  set->count = (int32_t)set->names.count;
  return WCT_OK;
}

static WctStatus
open_shard (WctPictureSet *set, WctError *err)
{
  const WctStatus status = wct_shard_open (set->path, &set->shard, err);

  if (status == WCT_OK)
    set->count = wct_shard_count (set->shard);
  return status;
}

static WctStatus
list_pictures (WctPictureSet *set, WctError *err)
{
  struct stat about;

  if (stat (set->path, &about) != 0)
    return wct_error_set (err, WCT_ERR_IO, "%s: cannot be opened: %s", set->path, strerror (errno));
  return S_ISDIR (about.st_mode) ? list_folder (set, err) : open_shard (set, err);
}

WctStatus
wct_picture_set_open (const char *path, WctPictureSet **out, WctError *err)
{
  WctPictureSet *set = NULL;
  WctStatus      status;

  WCT_TRY (wct_alloc (1, sizeof *set, "set of pictures", &set, err));
  pthread_mutex_init (&set->lock, NULL);
  WCT_TRY (wct_strdup (path, &set->path, err));
  WCT_TRY (list_pictures (set, err));
  WCT_TRY (wct_alloc ((size_t)set->count, sizeof *set->unreadable, "set of pictures", &set->unreadable, err));
  *out = set;
  set = NULL;

out:
  wct_picture_set_free (&set);
  return status;
}

void
wct_picture_set_free (WctPictureSet **set_pointer)
{
  WctPictureSet *set = *set_pointer;

  if (set == NULL)
    return;
  wct_names_clear (&set->names);
  wct_names_clear (&set->complaints);
  wct_shard_close (&set->shard);
  wct_free (&set->unreadable);
  wct_free (&set->path);
  pthread_mutex_destroy (&set->lock);
  wct_free (set_pointer);
}

int32_t
wct_picture_set_count (const WctPictureSet *set)
{
  return set->count;
}

const char *
wct_picture_set_name (const WctPictureSet *set, int32_t index)
{
  return set->shard != NULL ? wct_shard_name (set->shard, index) : wct_names_get (&set->names, (size_t)index);
}

const char *
wct_picture_set_path (const WctPictureSet *set)
{
  return set->path;
}

/* ---- Lists -------------------------------------------------------------------------------------------------- */

void
wct_picture_list_clear (WctPictureList *list)
{
  wct_free (&list->indices);
  *list = (WctPictureList){ 0 };
}

WctStatus
wct_picture_list_first (const WctPictureSet *set, int32_t count, WctPictureList *out, WctError *err)
{
  WctPictureList list = { .count = count < 0 || count > set->count ? set->count : count };
  WctStatus      status = wct_alloc ((size_t)list.count, sizeof *list.indices, "list of pictures", &list.indices, err);

  if (status != WCT_OK)
    return status;
  for (int32_t i = 0; i < list.count; i++)
    list.indices[i] = i;
  *out = list;
  return WCT_OK;
}

static uint64_t
rank_of (const WctPictureSet *set, int32_t index, uint64_t seed)
{
  const char *name = wct_picture_set_name (set, index);

  return wct_checksum (seed, name, strlen (name));
}

/* Which rank is the last to be held out, so that neither part is empty where there are two pictures. */
static uint64_t
last_rank (const WctPictureSet *set, double test_fraction, uint64_t seed)
{
  const uint64_t wanted = (uint64_t)(test_fraction * 0x1p64);
  uint64_t       lowest = UINT64_MAX, second_highest = 0, highest = 0;

  for (int32_t i = 0; i < set->count; i++)
    {
      const uint64_t rank = rank_of (set, i, seed);

      lowest = rank < lowest ? rank : lowest;
      second_highest = rank > highest ? highest : rank > second_highest ? rank : second_highest;
      highest = rank > highest ? rank : highest;
    }
  if (wanted < lowest)
    return lowest;
  return wanted >= highest ? second_highest : wanted;
}

WctStatus
wct_picture_set_split (const WctPictureSet *set, double test_fraction, uint64_t seed, WctPictureList *train,
                       WctPictureList *test, WctError *err)
{
  const bool     hold_out = test_fraction > 0 && set->count > 1;
  const uint64_t last = hold_out ? last_rank (set, test_fraction, seed) : 0;
  WctPictureList parts[2] = { 0 };
  WctStatus      status;

  assert (test_fraction >= 0 && test_fraction < 1);
  for (int part = 0; part < 2; part++)
    WCT_TRY (
      wct_alloc ((size_t)set->count, sizeof *parts[part].indices, "list of pictures", &parts[part].indices, err));
  for (int32_t i = 0; i < set->count; i++)
    {
      WctPictureList *part = &parts[hold_out && rank_of (set, i, seed) <= last];

      part->indices[part->count++] = i;
    }
  *train = parts[0];
  *test = parts[1];
  memset (parts, 0, sizeof parts);

out:
  wct_picture_list_clear (&parts[0]);
  wct_picture_list_clear (&parts[1]);
  return status;
}

/* ---- Pixels ------------------------------------------------------------------------------------------------- */

static WctStatus
fetch (WctPictureSet *set, int32_t index, int32_t side_max, WctPixels *out, WctError *err)
{
  char     *path = NULL;
  WctStatus status;

  if (set->shard != NULL)
    return wct_shard_read (set->shard, index, out, err);
  WCT_TRY (wct_folder_join (set->path, wct_picture_set_name (set, index), &path, err));
  WCT_TRY (wct_decode (path, side_max, out, err));

out:
  free (path);
  return status;
}

static WctStatus
fetch_and_fit (WctPictureSet *set, int32_t index, int32_t side_min, int32_t side_max, WctPixels *out, WctError *err)
{
  WctPixels pixels = { 0 };
  WctStatus status;

  WCT_TRY (fetch (set, index, side_max, &pixels, err));
  WCT_TRY (wct_pixels_fit (&pixels, side_min, side_max, wct_picture_set_name (set, index), err));
  *out = pixels;
  pixels = (WctPixels){ 0 };

out:
  wct_pixels_free (&pixels);
  return status;
}

/* File names may hold anything; a log holds lines of UTF-8. */
static void
make_printable (WctError *error)
{
  char    text[WCT_MESSAGE_SIZE];
  json_t *utf8;

  wct_text_for_sentence (error->message, text, sizeof text);
  utf8 = json_string (text);
  if (utf8 == NULL)
    for (char *byte = text; *byte != '\0'; byte++)
      *byte = (unsigned char)*byte < 0x80 ? *byte : '?';
  json_decref (utf8);
  memcpy (error->message, text, sizeof text);
}

static WctStatus
mark_unreadable (WctPictureSet *set, int32_t index, const WctError *why, WctError *err)
{
  WctStatus status = WCT_OK;

  pthread_mutex_lock (&set->lock);
  if (!atomic_load (&set->unreadable[index])) /* another thread may have been faster */
    {
      WCT_TRY (wct_names_add (&set->complaints, "", why->message, err));
      atomic_store (&set->unreadable[index], true);
      atomic_fetch_add (&set->unreadable_count, 1);
    }

out:
  pthread_mutex_unlock (&set->lock);
  return status;
}

WctStatus
wct_picture_set_decode (WctPictureSet *set, int32_t index, int32_t side_min, int32_t side_max, WctPixels *out,
                        WctError *err)
{
  WctError  why;
  WctStatus status;

  assert (index >= 0 && index < set->count && side_min <= side_max);
  if (wct_picture_set_unreadable (set, index))
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: could not be read before", wct_picture_set_name (set, index));
  status = fetch_and_fit (set, index, side_min, side_max, out, &why);
  if (status == WCT_OK)
    return WCT_OK;
  make_printable (&why);
  if (status != WCT_ERR_NO_MEMORY && status != WCT_CANCELED)
    WCT_TRY (mark_unreadable (set, index, &why, err));
  return wct_error_set (err, why.status, "%s", why.message);

out:
  return status;
}

bool
wct_picture_set_unreadable (const WctPictureSet *set, int32_t index)
{
  return atomic_load (&set->unreadable[index]);
}

int32_t
wct_picture_set_unreadable_count (const WctPictureSet *set)
{
  return atomic_load (&set->unreadable_count);
}

bool
wct_picture_set_next_complaint (WctPictureSet *set, WctError *complaint)
{
  bool found;

  pthread_mutex_lock (&set->lock);
  found = set->reported < set->complaints.count;
  if (found)
    wct_error_set (complaint, WCT_ERR_FORMAT, "%s", wct_names_get (&set->complaints, set->reported++));
  pthread_mutex_unlock (&set->lock);
  return found;
}

WctStatus
wct_picture_set_none_readable (WctPictureSet *set, WctError *err)
{
  char first[WCT_MESSAGE_SIZE / 2] = "";

  pthread_mutex_lock (&set->lock);
  if (set->of_listing < set->complaints.count)
    wct_text_for_sentence (wct_names_get (&set->complaints, set->of_listing), first, sizeof first);
  pthread_mutex_unlock (&set->lock);
  return wct_error_set (err, WCT_ERR_FORMAT, "%s: no picture in it can be read; the first that was tried: %s",
                        set->path, first);
}
