/* wct style: styles as files of their own: save, show, list. */
#include "commands.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <glib.h>

#include "exit-status.h"
#include "newfile.h"
#include "report.h"
#include "studio.h"
#include "thumbnail.h"

#define THUMBNAIL_SIDE 96 /* px; as large as a list shows them, and a quarter of the file */

/* ---- Showing ------------------------------------------------------------------------------------------------ */

static json_t *
levels_json (const WctStyleCard *card)
{
  json_t *levels = json_array ();

  for (int i = WCT_LEVELS - 1; i >= 0; i--)
    if (card->levels & 1u << i)
      json_array_append_new (levels, json_pack ("{s:i, s:i, s:s}", "level", i + 1, "channels", (int)card->channels[i],
                                                "encoder", card->encoder[i]));
  return levels;
}

static json_t *
card_json (const char *path, const WctStyleCard *card)
{
  json_t *json = json_object ();

  json_object_set_new (json, "file", wct_json_text (path));
  json_object_set_new (json, "name", wct_json_text (card->name));
  json_object_set_new (json, "license", wct_json_text (card->license[0] == '\0' ? NULL : card->license));
  json_object_set_new (json, "model", wct_json_text (card->model[0] == '\0' ? NULL : card->model));
  json_object_set_new (json, "levels", levels_json (card));
  json_object_set_new (json, "thumbnail",
                       card->thumbnail == NULL ? json_null () : json_pack ("[i, i]", card->width, card->height));
  return json;
}

static const char *
or_not_said (const char *text)
{
  return text[0] == '\0' ? "not said" : text;
}

static void
print_card (const char *path, const WctStyleCard *card)
{
  printf ("File       %s\n", path);
  printf ("Name       %s\n", card->name);
  printf ("License    %s\n", or_not_said (card->license));
  printf ("Model      %s\n", or_not_said (card->model));
  if (card->thumbnail != NULL)
    printf ("Thumbnail  %dx%d\n", card->width, card->height);
  printf ("\n%-10s%10s  %s\n", "Level", "channels", "encoder");
  for (int i = WCT_LEVELS - 1; i >= 0; i--)
    if (card->levels & 1u << i)
      printf ("relu%d_1   %10d  %s\n", i + 1, card->channels[i], card->encoder[i]);
}

static WctStatus
show (const char *path, bool json, WctError *err)
{
  WctStyleCard card = { .thumbnail = NULL };
  WctStatus    status;

  WCT_TRY (wct_style_read_card (path, &card, err));
  if (json)
    WCT_TRY (wct_json_print (card_json (path, &card), err));
  else
    print_card (path, &card);

out:
  wct_style_card_clear (&card);
  return status;
}

/* A file, or the name of one in the style folders. */
static WctStatus
show_named (const WctArguments *arguments, WctError *err)
{
  const char *named = arguments->operands[1];
  char        path[4096];
  struct stat about;

  if (stat (named, &about) != 0 && wct_style_find (named, path, sizeof path))
    return show (path, arguments->json, err);
  return show (named, arguments->json, err);
}

/* ---- Listing ------------------------------------------------------------------------------------------------ */

static int
compare_names (const void *a, const void *b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

/* Names of style files of a folder, sorted; to be freed with g_strfreev. */
static char **
names_in (const char *folder)
{
  GPtrArray  *names = g_ptr_array_new ();
  GDir       *files = g_dir_open (folder, 0, NULL);
  const char *name;

  while (files != NULL && (name = g_dir_read_name (files)) != NULL)
    if (name[0] != '.' && g_str_has_suffix (name, WCT_STYLE_EXTENSION))
      g_ptr_array_add (names, g_strndup (name, strlen (name) - strlen (WCT_STYLE_EXTENSION)));
  if (files != NULL)
    g_dir_close (files);
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return (char **)g_ptr_array_free (names, FALSE);
}

/* One line, or one member of @json: what the file says, or why it cannot be used. */
static void
list_file (const char *id, const char *path, json_t *json)
{
  WctStyleCard card = { .thumbnail = NULL };
  WctError     err;
  const bool   good = wct_style_read_card (path, &card, &err) == WCT_OK;
  json_t      *row = NULL;

  if (json == NULL)
    printf ("%-20s %s\n", id, good ? card.name : err.message);
  else
    {
      row = good ? card_json (path, &card) : json_object ();
      json_object_set_new (row, "id", wct_json_text (id));
      if (!good)
        json_object_set_new (row, "error", wct_json_text (err.message));
      json_array_append_new (json, row);
    }
  wct_style_card_clear (&card);
}

static void
list_folder (const char *folder, GHashTable *seen, json_t *json)
{
  char **names = names_in (folder);

  if (json == NULL && names[0] != NULL)
    printf ("%s\n", folder);
  for (char **name = names; *name != NULL; name++)
    {
      char *path = g_strdup_printf ("%s/%s" WCT_STYLE_EXTENSION, folder, *name);

      if (g_hash_table_add (seen, g_strdup (*name))) /* the first of a name is the one that is used */
        list_file (*name, path, json);
      g_free (path);
    }
  g_strfreev (names);
}

static WctStatus
list (const WctArguments *arguments, WctError *err)
{
  GHashTable *seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  json_t     *json = arguments->json ? json_array () : NULL;
  char        folder[4096];

  for (int i = 0; wct_style_folder (i, folder, sizeof folder); i++)
    list_folder (folder, seen, json);
  g_hash_table_unref (seen);
  return json == NULL ? WCT_OK : wct_json_print (json, err);
}

/* ---- Saving ------------------------------------------------------------------------------------------------- */

/* "waves" of "pictures/waves.jpg" */
static char *
name_by_picture (const char *path)
{
  char *name = g_path_get_basename (path), *dot = strrchr (name, '.');

  if (dot != NULL && dot != name)
    *dot = '\0';
  return name;
}

static WctStatus
take_text (const char *option, const char *text, char *out, WctError *err)
{
  if (text == NULL || g_strlcpy (out, text, 128) < 128)
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_ARGUMENT, "--%s has %zu bytes; up to 127 are allowed", option, strlen (text));
}

static WctStatus
write_style (const WctArguments *arguments, const WctStyle *style, const WctImage *picture, WctError *err)
{
  WctStyleCard card = { .thumbnail = NULL };
  WctThumbnail thumbnail = { .pixels = NULL };
  char        *name = arguments->name != NULL ? g_strdup (arguments->name) : name_by_picture (arguments->operands[1]);
  WctStatus    status;

  WCT_TRY (take_text ("name", name, card.name, err));
  WCT_TRY (take_text ("license", arguments->license, card.license, err));
  WCT_TRY (wct_thumbnail_make (picture, THUMBNAIL_SIDE, &thumbnail, err));
  card.thumbnail = thumbnail.pixels;
  card.width = thumbnail.width;
  card.height = thumbnail.height;
  WCT_TRY (wct_style_save (style, &card, arguments->output, err));

out:
  wct_thumbnail_clear (&thumbnail);
  g_free (name);
  return status;
}

static WctStatus
choose_levels (const WctStudio *studio, unsigned *levels, WctError *err)
{
  const unsigned present = wct_model_encoder_levels (studio->model), wanted = studio->arguments->levels;

  *levels = wanted == 0 ? present : wanted;
  for (int level = 1; level <= WCT_LEVELS; level++)
    if (wanted & ~present & 1u << (level - 1))
      return wct_error_set (err, WCT_ERR_UNSUPPORTED, "%s: its encoder does not reach level %d, which --levels names",
                            studio->model_path, level);
  return WCT_OK;
}

static WctStatus
measure (WctStudio *studio, unsigned levels, const WctPicture *picture, WctStyle **out, WctError *err)
{
  const WctHooks hooks = wct_progress_hooks (&studio->progress);
  WctStatus      status;

  wct_progress_begin (&studio->progress, "style", 0);
  status = wct_style_recall (studio->model, studio->backend, &picture->image, levels, &hooks, out, err);
  wct_progress_end (&studio->progress);
  return status;
}

static WctStatus
save (const WctArguments *arguments, WctError *err)
{
  WctStudio  studio = { .arguments = arguments, .params = arguments->params };
  WctPicture picture = { 0 };
  unsigned   levels;
  WctStatus  status;

  wct_progress_init (&studio.progress, arguments->quiet);
  WCT_TRY (wct_new_file_check (arguments->output, arguments->force, err));
  WCT_TRY (wct_studio_read_style (&studio, arguments->operands[1], &picture, err));
  WCT_TRY (wct_studio_load_model (&studio, err));
  WCT_TRY (choose_levels (&studio, &levels, err));
  WCT_TRY (measure (&studio, levels, &picture, &studio.styles[0], err));
  WCT_TRY (write_style (arguments, studio.styles[0], &picture.image, err));
  if (arguments->json)
    WCT_TRY (show (arguments->output, true, err));

out:
  wct_picture_clear (&picture);
  wct_studio_close (&studio);
  return status;
}

WctStatus
wct_command_style (const WctArguments *arguments, WctError *err)
{
  const char *what = arguments->operands[0];

  if (strcmp (what, "save") == 0)
    return save (arguments, err);
  return strcmp (what, "show") == 0 ? show_named (arguments, err) : list (arguments, err);
}
