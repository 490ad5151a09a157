/* wct augment: every picture of a folder in a random style of another one, to train networks on. */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "conveyor.h"
#include "digest.h"
#include "draw.h"
#include "exit-status.h"
#include "fetch.h"
#include "folder.h"
#include "gallery.h"
#include "interrupt.h"
#include "jobs.h"
#include "leftovers.h"
#include "manifest.h"
#include "naming.h"
#include "pace.h"
#include "recipe.h"
#include "share.h"
#include "studio.h"

/* A result to make. */
typedef struct
{
  const char *source; /* relative to the content's folder; borrowed */
  int32_t     variant;
  char       *output; /* owned; relative to the folder of results */
} Task;

/* One on its way over the conveyor. */
typedef struct
{
  WctDraw    draw;
  WctOutput  output;
  WctPicture picture;
  int32_t    source_size[2];
  WctStatus  status; /* of this picture alone */
  WctError   error;
} Item;

typedef struct
{
  const char  *content, *style, *folder; /* borrowed */
  WctStudio    studio;
  char         model_digest[WCT_DIGEST_SIZE];
  WctShare     share;
  WctUrn       urn;
  WctNames     sources, styles;
  WctManifest *manifest;
  GArray      *tasks;  /* of Task: what is left to do */
  size_t       before; /* of this share, done by runs before */
  size_t       counts[WCT_OUTCOME_FAILED + 1];
  size_t       unread_folders;
  WctGallery  *gallery;
  WctJobs     *jobs;
  Item         items[WCT_CONVEYOR_SLOTS];
  WctPace      pace;
} Batch;

/* ---- What is there ------------------------------------------------------------------------------------------ */

/* Folders below that cannot be read are told; the rest is done. */
static WctStatus
list_pictures (Batch *batch, const char *folder, WctNames *names, WctError *err)
{
  WctNames  complaints = { 0 };
  WctStatus status;

  WCT_TRY (wct_folder_list (folder, names, &complaints, err));
  for (size_t i = 0; i < complaints.count; i++)
    wct_print_sentence ("wct", wct_names_get (&complaints, i), "");
  batch->unread_folders += complaints.count;
  if (names->count == 0)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "%s: there is no picture in it", folder));

out:
  wct_names_clear (&complaints);
  return status;
}

/* @inner: which may not be there yet */
static bool
lies_in (const char *inner, const char *outer)
{
  char *whole_outer = realpath (outer, NULL), *at = g_canonicalize_filename (inner, NULL), *real;
  bool  inside = false;

  while ((real = realpath (at, NULL)) == NULL && strcmp (at, "/") != 0)
    {
      char *above = g_path_get_dirname (at);

      g_free (at);
      at = above;
    }
  if (real != NULL && whole_outer != NULL)
    inside =
      g_str_has_prefix (real, whole_outer)
      && (real[strlen (whole_outer)] == '/' || real[strlen (whole_outer)] == '\0' || strcmp (whole_outer, "/") == 0);
  free (real);
  free (whole_outer);
  g_free (at);
  return inside;
}

static WctStatus
check_folders (const Batch *batch, WctError *err)
{
  const char *inputs[] = { batch->content, batch->style };

  for (int i = 0; i < 2; i++)
    if (lies_in (batch->folder, inputs[i]))
      return wct_error_set (
        err, WCT_ERR_ARGUMENT,
        "%s: lies in %s, and the results would be taken for pictures of it; name a folder elsewhere", batch->folder,
        inputs[i]);
  return WCT_OK;
}

static WctStatus
look_around (Batch *batch, WctError *err)
{
  const WctArguments *arguments = batch->studio.arguments;
  WctStatus           status;

  WCT_TRY (wct_share_find (arguments->share, &batch->share, err));
  WCT_TRY (check_folders (batch, err));
  WCT_TRY (list_pictures (batch, batch->content, &batch->sources, err));
  WCT_TRY (list_pictures (batch, batch->style, &batch->styles, err));
  WCT_TRY (wct_naming_check (arguments->naming, batch->content, &batch->sources, err));
  WCT_TRY (wct_naming_check_utf8 (batch->content, &batch->sources, err));
  WCT_TRY (wct_naming_check_utf8 (batch->style, &batch->styles, err));
  batch->urn = (WctUrn){ .seed = arguments->params.seed,
                         .probability = arguments->probability,
                         .alpha_min = arguments->alpha_range[0],
                         .alpha_max = arguments->alpha_range[1],
                         .style_count = batch->styles.count };

out:
  return status;
}

/* ---- What is to be done ------------------------------------------------------------------------------------- */

static void
clear_task (void *task)
{
  g_free (((Task *)task)->output);
}

/* Of this share. What has a line is done. */
static void
list_tasks (Batch *batch)
{
  const WctArguments *arguments = batch->studio.arguments;
  const size_t        variants = (size_t)arguments->variants, count = batch->sources.count * variants;

  batch->tasks = g_array_new (FALSE, FALSE, sizeof (Task));
  g_array_set_clear_func (batch->tasks, clear_task);
  for (size_t i = 0; i < count; i++)
    if (wct_share_has (&batch->share, i))
      {
        const char      *source = wct_names_get (&batch->sources, i / variants);
        const Task       task = { .source = source,
                                  .variant = (int32_t)(i % variants) + 1,
                                  .output = wct_naming_make (arguments->naming, source, (int32_t)(i % variants) + 1,
                                                             arguments->variants) };
        const WctOutcome outcome = wct_manifest_outcome (batch->manifest, task.output);

        batch->before += outcome != WCT_OUTCOME_NONE;
        batch->counts[outcome]++;
        if (outcome == WCT_OUTCOME_NONE)
          g_array_append_val (batch->tasks, task);
        else
          g_free (task.output);
      }
}

static const Task *
task_at (const Batch *batch, size_t index)
{
  return &g_array_index (batch->tasks, Task, index);
}

static WctStatus
make_folder_of (const Batch *batch, const char *output, WctError *err)
{
  char     *path = g_build_filename (batch->folder, output, NULL), *folder = g_path_get_dirname (path);
  WctStatus status = WCT_OK;

  if (g_mkdir_with_parents (folder, 0777) != 0)
    status = wct_error_set (err, WCT_ERR_IO, "%s: the folder cannot be made: %s", folder, strerror (errno));
  g_free (folder);
  g_free (path);
  return status;
}

/* Temporary files of runs that were killed are only where something is left to do. */
static void
clean_up (const Batch *batch)
{
  const char **names = g_new (const char *, batch->tasks->len + 1);

  for (size_t i = 0; i < batch->tasks->len; i++)
    names[i] = task_at (batch, i)->output;
  wct_leftovers_remove (batch->folder, names, batch->tasks->len);
  g_free (names);
}

/* ---- A picture ---------------------------------------------------------------------------------------------- */

static Item *
item_at (Batch *batch, size_t index)
{
  return &batch->items[index % WCT_CONVEYOR_SLOTS];
}

static void
clear_item (Item *item)
{
  wct_picture_clear (&item->picture);
  wct_output_clear (&item->output);
}

/* Does a failure concern this picture alone? */
static bool
is_its_own (WctStatus status)
{
  return status != WCT_OK && status != WCT_CANCELED && status != WCT_ERR_DEVICE;
}

/* A place that cannot be written is everybody's trouble. */
static WctStatus
open_output (const Batch *batch, const Task *task, Item *item, WctError *err)
{
  char     *path = g_build_filename (batch->folder, task->output, NULL);
  WctStatus status;

  WCT_TRY (make_folder_of (batch, task->output, err));
  WCT_TRY (wct_output_open (path, true, &item->output, err));
  item->output.finish = true;

out:
  g_free (path);
  return status;
}

static WctStatus
read_source (const Batch *batch, const Task *task, Item *item, WctError *err)
{
  const WctPicture *picture = &item->picture;
  char             *path = NULL;
  WctStatus         status;

  WCT_TRY (wct_folder_join (batch->content, task->source, &path, err));
  WCT_TRY (wct_fetch_picture (path, batch->studio.params.content_size, "--content-size", &item->output,
                              item->source_size, &item->picture, err));
  WCT_TRY (wct_output_check_alpha (&item->output, picture->alpha,
                                   (size_t)picture->image.width * (size_t)picture->image.height, picture->alpha_max,
                                   err));

out:
  free (path);
  return status;
}

static WctStatus
read_station (void *user, size_t index, WctError *err)
{
  Batch      *batch = user;
  const Task *task = task_at (batch, index);
  Item       *item = item_at (batch, index);
  WctStatus   status;

  if (wct_interrupted ())
    return wct_error_set (err, WCT_CANCELED, "canceled");
  clear_item (item);
  item->draw = wct_draw (&batch->urn, task->source, task->variant);
  WCT_TRY (open_output (batch, task, item, err));
  item->status = read_source (batch, task, item, &item->error);
  if (item->status != WCT_OK && !is_its_own (item->status))
    WCT_TRY (wct_error_set (err, item->status, "%s", item->error.message));

out:
  return status;
}

static WctStatus
stylize (Batch *batch, const Task *task, Item *item, WctError *err)
{
  WctParams params = batch->studio.params;
  WctStyle *style;
  WctStatus status;

  for (int i = 0; i < WCT_LEVELS; i++)
    params.alpha[i] *= item->draw.alpha;
  WCT_TRY (wct_gallery_style (batch->gallery, item->draw.style, &style, err));
  WCT_TRY (wct_jobs_run (batch->jobs, &params, style, task->source, &item->picture.image, err));

out:
  return status;
}

static WctStatus
stylize_station (void *user, size_t index, WctError *err)
{
  Batch *batch = user;
  Item  *item = item_at (batch, index);

  if (wct_interrupted ())
    return wct_error_set (err, WCT_CANCELED, "canceled");
  if (item->status != WCT_OK || !item->draw.stylized)
    return WCT_OK;
  item->status = stylize (batch, task_at (batch, index), item, &item->error);
  if (item->status != WCT_OK && !is_its_own (item->status))
    return wct_error_set (err, item->status, "%s", item->error.message);
  return WCT_OK;
}

/* What was drawn, which a dry run tells, too. */
static json_t *
describe_task (const Batch *batch, const Task *task, const WctDraw *draw)
{
  json_t *line = json_object ();

  json_object_set_new (line, "source", json_string (task->source));
  json_object_set_new (line, "output", json_string (task->output));
  json_object_set_new (line, "seed", json_integer (draw->seed));
  json_object_set_new (line, "style",
                       draw->stylized ? json_string (wct_names_get (&batch->styles, draw->style)) : json_null ());
  json_object_set_new (line, "alpha", draw->stylized ? json_real (draw->alpha) : json_null ());
  json_object_set_new (line, "model", json_string (batch->model_digest));
  return line;
}

static json_t *
describe_item (const Batch *batch, const Task *task, const Item *item, WctOutcome outcome)
{
  json_t *line = describe_task (batch, task, &item->draw);

  json_object_set_new (line, "status", json_string (wct_outcome_name (outcome)));
  if (outcome == WCT_OUTCOME_FAILED)
    {
      json_object_set_new (line, "error", wct_json_text (item->error.message));
      return line;
    }
  json_object_set_new (line, "source_width", json_integer (item->source_size[0]));
  json_object_set_new (line, "source_height", json_integer (item->source_size[1]));
  json_object_set_new (line, "width", json_integer (item->picture.image.width));
  json_object_set_new (line, "height", json_integer (item->picture.image.height));
  return line;
}

/* The picture first, then its line: see manifest.c. */
static WctStatus
write_station (void *user, size_t index, WctError *err)
{
  Batch           *batch = user;
  const Task      *task = task_at (batch, index);
  Item            *item = item_at (batch, index);
  const WctOutcome outcome = item->status != WCT_OK ? WCT_OUTCOME_FAILED
                             : item->draw.stylized  ? WCT_OUTCOME_STYLIZED
                                                    : WCT_OUTCOME_PLAIN;
  WctStatus        status;

  if (outcome == WCT_OUTCOME_FAILED)
    {
      wct_pace_hide (&batch->pace);
      wct_print_sentence ("wct", item->error.message, "");
    }
  else
    WCT_TRY (wct_output_save (&item->output, &item->picture, NULL, err));
  WCT_TRY (wct_manifest_append (batch->manifest, describe_item (batch, task, item, outcome), err));
  batch->counts[outcome]++;
  wct_pace_advance (&batch->pace);

out:
  clear_item (item);
  return status;
}

/* ---- All of them -------------------------------------------------------------------------------------------- */

/* A quarter for styles that were measured, the rest for jobs; ranks beside this one need theirs. */
static void
set_up (Batch *batch)
{
  WctStudio   *studio = &batch->studio;
  const size_t given = wct_studio_memory (studio);
  const size_t memory = studio->arguments->memory > 0 ? given : given / (size_t)batch->share.local_count;

  batch->gallery = wct_gallery_new (&(WctGallerySpec){ .folder = batch->style,
                                                       .names = &batch->styles,
                                                       .model = studio->model,
                                                       .backend = studio->backend,
                                                       .levels = wct_studio_levels (studio),
                                                       .style_size = studio->params.style_size,
                                                       .memory_limit = memory / 4 });
  batch->jobs = wct_jobs_new (studio->model, studio->backend, memory - memory / 4);
}

/* With one thread all is done on that one: as many ranks as processors have no use for more. */
static WctStatus
work_off (Batch *batch, WctError *err)
{
  static WctStation *const stations[WCT_STATIONS] = { read_station, stylize_station, write_station };
  const bool               side_by_side = wct_backend_info (batch->studio.backend)->threads > 1;
  WctStatus                status;

  clean_up (batch);
  set_up (batch);
  wct_pace_begin (&batch->pace, batch->studio.arguments->quiet, batch->tasks->len);
  status = wct_conveyor_run (batch->tasks->len, side_by_side, stations, batch, err);
  wct_pace_hide (&batch->pace);
  return status;
}

/* Without a word on threads, ranks of one machine share its processors; a launcher may have bound them to their own. */
static void
choose_threads (WctArguments *arguments, const WctShare *share)
{
  const int own = (int)g_get_num_processors (), each = (int)sysconf (_SC_NPROCESSORS_ONLN) / share->local_count;
  const int fair = each < own ? each : own;

  if (arguments->threads == 0 && share->local_count > 1)
    arguments->threads = fair > 1 ? fair : 1;
}

static WctStatus
prepare (Batch *batch, json_t **recipe, WctError *err)
{
  WctStudio *studio = &batch->studio;
  WctStatus  status;

  WCT_TRY (wct_studio_load_model (studio, err));
  WCT_TRY (wct_studio_choose_levels (studio, err));
  WCT_TRY (wct_digest_file (studio->model_path, batch->model_digest, NULL, err));
  *recipe = wct_recipe_new (studio, &batch->urn, batch->model_digest, batch->style, &batch->styles);
  if (*recipe == NULL)
    WCT_TRY (wct_error_set (err, WCT_ERR_NO_MEMORY, "there is not enough memory for the list of styles"));

out:
  return status;
}

/* ---- What is told ------------------------------------------------------------------------------------------- */

static WctStatus
print_tasks (const Batch *batch, WctError *err)
{
  WctStatus status = WCT_OK;

  for (size_t i = 0; i < batch->tasks->len && status == WCT_OK; i++)
    {
      const Task   *task = task_at (batch, i);
      const WctDraw draw = wct_draw (&batch->urn, task->source, task->variant);

      status = wct_json_print (describe_task (batch, task, &draw), err);
    }
  return status;
}

static WctStatus
print_summary (const Batch *batch, WctError *err)
{
  char    share[32];
  json_t *summary = json_object ();

  snprintf (share, sizeof share, "%d/%d", batch->share.index, batch->share.count);
  json_object_set_new (summary, "shard", json_string (share));
  for (WctOutcome i = WCT_OUTCOME_STYLIZED; i <= WCT_OUTCOME_FAILED; i++)
    json_object_set_new (summary, wct_outcome_name (i), json_integer ((json_int_t)batch->counts[i]));
  json_object_set_new (summary, "before", json_integer ((json_int_t)batch->before));
  json_object_set_new (summary, "seconds", json_real (wct_pace_seconds (&batch->pace)));
  json_object_set_new (summary, "pictures_per_second", json_real (wct_pace_rate (&batch->pace)));
  json_object_set_new (summary, "peak_memory_bytes", json_integer ((json_int_t)wct_memory_peak ()));
  json_object_set_new (summary, "backend", json_string (wct_backend_info (batch->studio.backend)->name));
  json_object_set_new (summary, "threads", json_integer (wct_backend_info (batch->studio.backend)->threads));
  json_object_set_new (summary, "model", wct_json_text (batch->studio.model_path));
  json_object_set_new (summary, "output", wct_json_text (batch->folder));
  return wct_json_print (summary, err);
}

/* Where a launcher ends all ranks when one fails, those that work on must not pay for a picture: it is only told. */
static WctStatus
tell_failures (const Batch *batch, WctError *err)
{
  const size_t failed = batch->counts[WCT_OUTCOME_FAILED] + batch->unread_folders;
  WctError     sentence;

  if (failed == 0)
    return WCT_OK;
  wct_error_set (&sentence, WCT_ERR_FORMAT,
                 "%s: %zu of %zu pictures could not be stylized; the lines of its manifest with \"failed\" say why",
                 batch->folder, batch->counts[WCT_OUTCOME_FAILED], batch->before + batch->pace.done);
  if (batch->counts[WCT_OUTCOME_FAILED] == 0)
    wct_error_set (&sentence, WCT_ERR_IO, "%zu folders could not be read", batch->unread_folders);
  if (!batch->share.launched)
    return wct_error_set (err, sentence.status, "%s", sentence.message);
  wct_print_sentence ("wct", sentence.message, "");
  return WCT_OK;
}

/* ---- The command -------------------------------------------------------------------------------------------- */

static WctStatus
do_work (Batch *batch, const json_t *recipe, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_recipe_settle (recipe, batch->folder, err));
  WCT_TRY (wct_manifest_open (batch->folder, &batch->share, &batch->manifest, err));
  list_tasks (batch);
  WCT_TRY (work_off (batch, err));
  if (batch->studio.arguments->json)
    WCT_TRY (print_summary (batch, err));
  WCT_TRY (tell_failures (batch, err));

out:
  return status;
}

static WctStatus
show_work (Batch *batch, const json_t *recipe, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_recipe_check (recipe, batch->folder, err));
  WCT_TRY (wct_manifest_read (batch->folder, &batch->manifest, err));
  list_tasks (batch);
  WCT_TRY (print_tasks (batch, err));

out:
  return status;
}

static void
clear_batch (Batch *batch)
{
  for (int i = 0; i < WCT_CONVEYOR_SLOTS; i++)
    clear_item (&batch->items[i]);
  wct_gallery_free (&batch->gallery);
  wct_jobs_free (&batch->jobs);
  if (batch->tasks != NULL)
    g_array_free (batch->tasks, TRUE);
  wct_manifest_close (&batch->manifest);
  wct_names_clear (&batch->styles);
  wct_names_clear (&batch->sources);
  wct_studio_close (&batch->studio);
}

WctStatus
wct_command_augment (const WctArguments *given, WctError *err)
{
  WctArguments arguments = *given;
  Batch        batch = { .content = given->operands[0], .style = given->operands[1], .folder = given->output };
  json_t      *recipe = NULL;
  WctStatus    status;

  wct_studio_begin (&batch.studio, &arguments);
  WCT_TRY (look_around (&batch, err));
  choose_threads (&arguments, &batch.share);
  WCT_TRY (prepare (&batch, &recipe, err));
  WCT_TRY (arguments.dry_run ? show_work (&batch, recipe, err) : do_work (&batch, recipe, err));

out:
  json_decref (recipe);
  clear_batch (&batch);
  return status;
}
