/* Reads regions strictly: a key that nobody knows is a typing error that would change the picture in silence. */
#include "regions-file.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>
#include <jansson.h>

/* One entry while it is read. */
typedef struct
{
  WctRegionList *list;
  const char    *folder; /* that paths are relative to */
  int            number; /* counted from 1 */
  WctError      *err;
} Reader;

static WctStatus refuse (const Reader *reader, const char *format, ...) WCT_PRINTF (2, 3);

/* "regions.json: region 2 has no mask" */
static WctStatus
refuse (const Reader *reader, const char *format, ...)
{
  char    text[1024];
  va_list arguments;

  va_start (arguments, format);
  vsnprintf (text, sizeof text, format, arguments);
  va_end (arguments);
  return wct_error_set (reader->err, WCT_ERR_FORMAT, "%s: region %d %s", reader->list->name, reader->number, text);
}

/* ---- Styles ------------------------------------------------------------------------------------------------------ */

/* The number of a style, which is in the list once however often it is named. Negative: there is no room. */
static int
find_style (Reader *reader, const char *name)
{
  WctRegionList *list = reader->list;
  char          *path = g_canonicalize_filename (name, reader->folder);

  for (int i = 0; i < list->style_count; i++)
    if (strcmp (list->styles[i], path) == 0)
      {
        g_free (path);
        return i;
      }
  if (list->style_count == WCT_LIST_MAX)
    {
      g_free (path);
      return -1;
    }
  list->styles[list->style_count] = path;
  return list->style_count++;
}

static WctStatus
add_style (Reader *reader, WctRegionEntry *entry, const json_t *name, double weight)
{
  int style;

  if (!json_is_string (name) || json_string_length (name) == 0)
    return refuse (reader, "has a style that is not the name of a file");
  if (entry->style_count == WCT_LIST_MAX)
    return refuse (reader, "has more than %d styles", WCT_LIST_MAX);
  style = find_style (reader, json_string_value (name));
  if (style < 0)
    return refuse (reader, "names one more style than the %d that can be used in all", WCT_LIST_MAX);
  entry->styles[entry->style_count] = style;
  entry->weights[entry->style_count++] = weight;
  return WCT_OK;
}

static WctStatus
check_keys (const Reader *reader, json_t *object, const char *what, const char *const *known)
{
  const char *key;
  json_t     *value;

  json_object_foreach (object, key, value) if (!g_strv_contains (known, key))
  {
    char           *names = g_strjoinv (", ", (char **)(void *)(uintptr_t)known);
    const WctStatus status = refuse (reader, "has the key '%s'%s; known are %s", key, what, names);

    g_free (names);
    return status;
  }
  return WCT_OK;
}

/* {"file": "x.jpg", "weight": 0.5} */
static WctStatus
read_weighted_style (Reader *reader, WctRegionEntry *entry, json_t *style)
{
  static const char *const known[] = { "file", "weight", NULL };
  const json_t            *weight = json_object_get (style, "weight");
  WctStatus                status;

  if (!json_is_object (style))
    return refuse (reader, "has styles that do not look like {\"file\": \"x.jpg\", \"weight\": 0.5}");
  WCT_TRY (check_keys (reader, style, " in a style", known));
  if (weight != NULL && !(json_is_number (weight) && json_number_value (weight) >= 0))
    WCT_TRY (refuse (reader, "has a weight that is not a number of 0 or more"));
  WCT_TRY (add_style (reader, entry, json_object_get (style, "file"), weight == NULL ? 1 : json_number_value (weight)));

out:
  return status;
}

static WctStatus
read_weighted_styles (Reader *reader, WctRegionEntry *entry, json_t *styles)
{
  WctStatus status = WCT_OK;
  double    sum = 0;

  if (!json_is_array (styles) || json_array_size (styles) == 0)
    return refuse (reader, "has \"styles\" that are not a list of one or more");
  for (size_t i = 0; i < json_array_size (styles); i++)
    WCT_TRY (read_weighted_style (reader, entry, json_array_get (styles, i)));
  for (int i = 0; i < entry->style_count; i++)
    sum += entry->weights[i];
  if (!(sum > 0 && isfinite (sum)))
    WCT_TRY (refuse (reader, "has weights that are all 0; at least one must be more"));

out:
  return status;
}

static WctStatus
read_styles (Reader *reader, WctRegionEntry *entry, const json_t *region)
{
  json_t *one = json_object_get (region, "style"), *several = json_object_get (region, "styles");

  if (one != NULL && several != NULL)
    return refuse (reader, "has both \"style\" and \"styles\"; one of them says it");
  if (one == NULL && several == NULL)
    return refuse (reader, "has no style; name one with \"style\", or several with \"styles\"");
  return one != NULL ? add_style (reader, entry, one, 1) : read_weighted_styles (reader, entry, several);
}

/* ---- Strengths --------------------------------------------------------------------------------------------------- */

static WctStatus
read_strength (const Reader *reader, const json_t *value, double *out)
{
  const double strength = json_number_value (value);

  if (!json_is_number (value) || !(strength >= 0 && strength <= 1))
    return refuse (reader, "has an alpha that is not a number from 0 to 1");
  *out = strength;
  return WCT_OK;
}

/* {"5": 0.4, "4": 0.6} */
static WctStatus
read_level_strengths (const Reader *reader, WctRegionEntry *entry, json_t *alpha)
{
  const char *key;
  json_t     *value;

  json_object_foreach (alpha, key, value)
  {
    const int level = key[0] - '0';
    WctStatus status;

    if (key[0] == '\0' || key[1] != '\0' || level < 1 || level > WCT_LEVELS)
      return refuse (reader, "has an alpha for level '%s'; levels go from 1 to %d", key, WCT_LEVELS);
    status = read_strength (reader, value, &entry->alpha[level - 1]);
    if (status != WCT_OK)
      return status;
    entry->levels |= 1u << (level - 1);
  }
  return WCT_OK;
}

static WctStatus
read_alpha (const Reader *reader, WctRegionEntry *entry, json_t *alpha)
{
  double    strength = 0;
  WctStatus status;

  if (alpha == NULL)
    return WCT_OK;
  if (json_is_object (alpha))
    return read_level_strengths (reader, entry, alpha);
  status = read_strength (reader, alpha, &strength);
  for (int i = 0; i < WCT_LEVELS && status == WCT_OK; i++)
    entry->alpha[i] = strength;
  return status;
}

/* ---- Regions ----------------------------------------------------------------------------------------------------- */

static WctStatus
read_region (Reader *reader, json_t *region, WctRegionEntry *entry)
{
  static const char *const known[] = { "mask", "style", "styles", "alpha", NULL };
  const json_t            *mask = json_object_get (region, "mask");
  WctStatus                status;

  for (int i = 0; i < WCT_LEVELS; i++)
    entry->alpha[i] = NAN;
  if (!json_is_object (region))
    return refuse (reader, "does not look like {\"mask\": \"a.png\", \"style\": \"b.jpg\"}");
  WCT_TRY (check_keys (reader, region, "", known));
  if (!json_is_string (mask) || json_string_length (mask) == 0)
    WCT_TRY (refuse (reader, "has no mask; name its file with \"mask\""));
  entry->mask = g_canonicalize_filename (json_string_value (mask), reader->folder);
  WCT_TRY (read_styles (reader, entry, region));
  WCT_TRY (read_alpha (reader, entry, json_object_get (region, "alpha")));

out:
  return status;
}

static WctStatus
read_regions (Reader *reader, const json_t *regions)
{
  WctRegionList *list = reader->list;
  const size_t   count = json_array_size (regions);

  if (count == 0)
    return wct_error_set (reader->err, WCT_ERR_FORMAT,
                          "%s: holds no list of regions, as [{\"mask\": \"a.png\", \"style\": \"b.jpg\"}]", list->name);
  if (count > WCT_LIST_MAX)
    return wct_error_set (reader->err, WCT_ERR_FORMAT, "%s: has %zu regions; %d can be used", list->name, count,
                          WCT_LIST_MAX);
  list->entries = g_new0 (WctRegionEntry, count);
  for (size_t i = 0; i < count; i++)
    {
      WctStatus status;

      reader->number = ++list->count;
      status = read_region (reader, json_array_get (regions, i), &list->entries[i]);
      if (status != WCT_OK)
        return status;
    }
  return WCT_OK;
}

static WctStatus
load_json (const char *path, json_t **out, WctError *err)
{
  FILE        *file = fopen (path, "re");
  json_error_t problem;

  if (file == NULL)
    return wct_error_set (err, WCT_ERR_IO, "%s: cannot be opened: %s", path, strerror (errno));
  *out = json_loadf (file, JSON_REJECT_DUPLICATES, &problem);
  fclose (file);
  return *out != NULL
           ? WCT_OK
           : wct_error_set (err, WCT_ERR_FORMAT, "%s: line %d is no JSON: %s", path, problem.line, problem.text);
}

WctStatus
wct_regions_read (const char *path, WctRegionList *out, WctError *err)
{
  char     *named = g_path_get_dirname (path), *folder = g_canonicalize_filename (named, NULL);
  Reader    reader = { .list = out, .folder = folder, .err = err };
  json_t   *regions = NULL;
  WctStatus status;

  *out = (WctRegionList){ .name = path };
  WCT_TRY (load_json (path, &regions, err));
  WCT_TRY (read_regions (&reader, regions));

out:
  json_decref (regions);
  g_free (folder);
  g_free (named);
  return status;
}

void
wct_regions_of_masks (const char *const *masks, const char *const *styles, int count, WctRegionList *out)
{
  *out = (WctRegionList){ .entries = g_new0 (WctRegionEntry, (gsize)count), .count = count, .style_count = count };
  for (int i = 0; i < count; i++)
    {
      WctRegionEntry *entry = &out->entries[i];

      out->styles[i] = g_strdup (styles[i]);
      entry->mask = g_strdup (masks[i]);
      entry->style_count = 1;
      entry->styles[0] = i;
      entry->weights[0] = 1;
      for (int level = 0; level < WCT_LEVELS; level++)
        entry->alpha[level] = NAN;
    }
}

WctStatus
wct_regions_choose_levels (WctRegionList *list, const WctParams *params, unsigned present, WctError *err)
{
  Reader reader = { .list = list, .err = err };

  for (reader.number = 1; reader.number <= list->count; reader.number++)
    {
      WctRegionEntry *entry = &list->entries[reader.number - 1];

      for (int level = 1; level <= WCT_LEVELS; level++)
        {
          if (entry->levels & 1u << (level - 1) && !params->level_on[level - 1])
            return refuse (&reader, "has an alpha for level %d, which %s", level,
                           present & 1u << (level - 1) ? "--alpha turns off" : "the model has no decoder for");
          if (isnan (entry->alpha[level - 1]))
            entry->alpha[level - 1] = params->alpha[level - 1];
        }
    }
  return WCT_OK;
}

void
wct_regions_clear_list (WctRegionList *list)
{
  for (int i = 0; i < list->count; i++)
    g_free (list->entries[i].mask);
  for (int i = 0; i < list->style_count; i++)
    g_free (list->styles[i]);
  g_free (list->entries);
  *list = (WctRegionList){ .count = 0 };
}
