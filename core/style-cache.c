/* One file for each style: XDG_CACHE_HOME/wct/styles/KEY. A cache must never stand in the way: whatever fails here, the
 * style is measured. Files appear whole or not at all, and hold a sum of their own bytes. */
#include "style-cache.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/backend.h"
#include "cache-folder.h"
#include "mem.h"
#include "model.h"
#include "style.h"
#include "whole-file.h"

#define FILES_MAX 200 /* some 0.2 MB each for compact models, 2.4 MB for full width */

static const char magic[8] = "wctstyl2";

WctStyleKey
wct_style_key (const WctModel *model, const WctBackend *backend, const WctImage *picture, unsigned levels)
{
  const WctBackendInfo *info = wct_backend_info (backend);
  WctStyleKey           key = { { 1, 2 } };

  wct_fingerprint_word (&key, levels);
  wct_fingerprint_bytes (&key, info->name, strlen (info->name));
  wct_fingerprint_bytes (&key, info->detail, strlen (info->detail));
  wct_fingerprint_word (&key, (uint64_t)picture->width);
  for (int32_t y = 0; y < picture->height; y++)
    wct_fingerprint_bytes (&key, (const char *)picture->pixels + (size_t)y * picture->row_stride_bytes,
                           (size_t)picture->width * 3 * sizeof *picture->pixels);
  for (int level = WCT_LEVELS; level >= 1; level--)
    if (levels & 1u << (level - 1))
      {
        wct_fingerprint_network (&key, wct_model_encoder (model, level));
        if (wct_model_shared_trunk (model))
          break;
      }
  return key;
}

/* ---- Files ---------------------------------------------------------------------------------------------------- */

static bool
find_path (WctStyleKey key, bool make, char *path)
{
  char name[WCT_FINGERPRINT_TEXT];

  wct_fingerprint_print (&key, name);
  return wct_cache_path ("styles", name, make, path);
}

/* ---- Contents: magic, then for each level count, mean and covariance, then the sum of all that ------------------- */

static size_t
moments_bytes (int32_t channels)
{
  const size_t c = (size_t)channels;

  return (1 + c + c * c) * sizeof (double);
}

static size_t
contents_bytes (const WctModel *model, unsigned levels)
{
  size_t bytes = sizeof magic + sizeof (WctStyleKey);

  for (int level = 1; level <= WCT_LEVELS; level++)
    if (levels & 1u << (level - 1))
      bytes += moments_bytes (wct_model_channels (model, level));
  return bytes;
}

/* Copies to or from @at, which is moved on. */
static void
copy (char **at, void *field, size_t size, bool out)
{
  memcpy (out ? *at : (char *)field, out ? (char *)field : *at, size);
  *at += size;
}

static void
copy_moments (char **at, WctMoments *moments, bool out)
{
  const size_t c = (size_t)moments->channels;

  copy (at, &moments->weight, sizeof moments->weight, out);
  copy (at, moments->mean, c * sizeof *moments->mean, out);
  copy (at, moments->covariance, c * c * sizeof *moments->covariance, out);
}

static WctStyleKey
sum_of (const char *contents, size_t size)
{
  WctStyleKey sum = { { 3, 4 } };

  wct_fingerprint_bytes (&sum, contents, size - sizeof sum);
  return sum;
}

static bool
read_file (const char *path, char *contents, size_t size)
{
  FILE *file = fopen (path, "re");
  char  more;
  bool  good;

  if (file == NULL)
    return false;
  good = fread (contents, 1, size, file) == size && fread (&more, 1, 1, file) == 0;
  if (good)
    futimens (fileno (file), NULL); /* used now */
  fclose (file);
  if (!good || memcmp (contents, magic, sizeof magic) != 0)
    return false;

  const WctStyleKey sum = sum_of (contents, size);
  return memcmp (contents + size - sizeof sum, &sum, sizeof sum) == 0;
}

WctStyle *
wct_style_cache_find (WctModel *model, WctStyleKey key, unsigned levels)
{
  const size_t size = contents_bytes (model, levels);
  WctMoments  *moments[WCT_LEVELS] = { NULL };
  WctStyle    *style = NULL;
  char         path[WCT_CACHE_PATH_SIZE], *contents = NULL, *at;
  WctError     ignored;
  WctStatus    status;

  if (!find_path (key, false, path) || access (path, R_OK) != 0)
    return NULL;
  WCT_TRY (wct_alloc (size, 1, "style", &contents, &ignored));
  if (!read_file (path, contents, size))
    goto out;
  at = contents + sizeof magic;
  for (int i = 0; i < WCT_LEVELS; i++)
    if (levels & 1u << i)
      {
        WCT_TRY (wct_moments_new (wct_model_channels (model, i + 1), &moments[i], &ignored));
        copy_moments (&at, moments[i], false);
      }
  WCT_TRY (wct_style_adopt (model, moments, &style, &ignored));

out:
  for (int i = 0; i < WCT_LEVELS; i++)
    wct_moments_free (&moments[i]);
  wct_free (&contents);
  return style;
}

void
wct_style_cache_keep (const WctStyle *style, WctStyleKey key)
{
  const WctModel *model = wct_style_model (style);
  const unsigned  levels = wct_style_levels (style);
  const size_t    size = contents_bytes (model, levels);
  char            path[WCT_CACHE_PATH_SIZE], *contents = NULL, *at;
  WctStyleKey     sum;
  WctError        ignored;

  if (!find_path (key, true, path) || wct_alloc (size, 1, "style", &contents, &ignored) != WCT_OK)
    return;
  memcpy (contents, magic, sizeof magic);
  at = contents + sizeof magic;
  for (int level = 1; level <= WCT_LEVELS; level++)
    if (levels & 1u << (level - 1))
      copy_moments (&at, (WctMoments *)wct_style_moments (style, level), true);
  sum = sum_of (contents, size);
  memcpy (at, &sum, sizeof sum);
  if (wct_whole_file_write (path, &(WctPiece){ contents, size }, 1, false, &ignored) == WCT_OK)
    wct_cache_forget_oldest ("styles", FILES_MAX);
  wct_free (&contents);
}
