/* One frame is run for its statistics; a second job is frozen to its maps (wct_job_freeze) and runs on all. */
#include "frames.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "conveyor.h"
#include "exit-status.h"
#include "fetch.h"
#include "folder.h"
#include "interrupt.h"
#include "leftovers.h"
#include "naming.h"
#include "pace.h"
#include "studio.h"

/* One on its way over the conveyor. */
typedef struct
{
  WctOutput  output;
  WctPicture picture;
} Item;

typedef struct
{
  const char *content, *folder; /* borrowed */
  int         lock;             /* the folder, held; -1: not */
  WctStudio   studio;           /* its picture is the frame that statistics come from, without its pixels */
  WctNames    frames;           /* those right in the folder */
  GPtrArray  *outputs;          /* of char *, owned */
  GArray     *tasks;            /* of guint: the frames to do */
  Item        items[WCT_CONVEYOR_SLOTS];
  WctPace     pace;
} Sequence;

/* ---- What is there ------------------------------------------------------------------------------------------ */

static WctStatus
list_frames (Sequence *sequence, WctError *err)
{
  WctNames  all = { 0 }, complaints = { 0 };
  WctStatus status;

  WCT_TRY (wct_folder_list (sequence->content, &all, &complaints, err));
  for (size_t i = 0; i < all.count; i++)
    if (strchr (wct_names_get (&all, i), '/') == NULL)
      WCT_TRY (wct_names_add (&sequence->frames, "", wct_names_get (&all, i), err));
  if (sequence->frames.count == 0)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "%s: there is no picture in it", sequence->content));
  WCT_TRY (wct_naming_check (WCT_NAMING_KEEP, sequence->content, &sequence->frames, err));
  if ((size_t)sequence->studio.arguments->frames_from > sequence->frames.count)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "--frames-from is %d, and %s has %zu frames",
                            sequence->studio.arguments->frames_from, sequence->content, sequence->frames.count));

out:
  wct_names_clear (&complaints);
  wct_names_clear (&all);
  return status;
}

static bool
is_same_folder (const char *a, const char *b)
{
  struct stat first, second;

  return stat (a, &first) == 0 && stat (b, &second) == 0 && first.st_dev == second.st_dev
         && first.st_ino == second.st_ino;
}

/* Some file systems lock no folders: then nobody is kept out. */
static WctStatus
hold_folder (Sequence *sequence, WctError *err)
{
  if (g_mkdir_with_parents (sequence->folder, 0777) != 0)
    return wct_error_set (err, WCT_ERR_IO, "%s: the folder cannot be made: %s", sequence->folder, strerror (errno));
  if (is_same_folder (sequence->content, sequence->folder))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "%s: is the folder of the frames; name another one for the results",
                          sequence->folder);
  sequence->lock = open (sequence->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (sequence->lock >= 0 && flock (sequence->lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    return wct_error_set (err, WCT_ERR_IO, "%s: another run is writing to it; wait for its end", sequence->folder);
  return WCT_OK;
}

static char *
output_path (const Sequence *sequence, guint frame)
{
  return g_build_filename (sequence->folder, g_ptr_array_index (sequence->outputs, frame), NULL);
}

static void
list_tasks (Sequence *sequence)
{
  sequence->tasks = g_array_new (FALSE, FALSE, sizeof (guint));
  sequence->outputs = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < sequence->frames.count; i++)
    {
      char *path;

      g_ptr_array_add (sequence->outputs,
                       wct_naming_make (WCT_NAMING_KEEP, wct_names_get (&sequence->frames, i), 1, 1));
      path = output_path (sequence, i);

      if (sequence->studio.arguments->force || !g_file_test (path, G_FILE_TEST_EXISTS))
        g_array_append_val (sequence->tasks, i);
      g_free (path);
    }
}

static guint
frame_of (const Sequence *sequence, size_t task)
{
  return g_array_index (sequence->tasks, guint, task);
}

/* ---- The map ------------------------------------------------------------------------------------------------ */

static WctStatus
open_frame (Sequence *sequence, guint frame, WctError *err)
{
  WctStudio *studio = &sequence->studio;
  char      *source = NULL, *output = output_path (sequence, frame);
  WctStatus  status;

  WCT_TRY (wct_output_open (output, true, &studio->output, err));
  WCT_TRY (wct_folder_join (sequence->content, wct_names_get (&sequence->frames, frame), &source, err));
  status = wct_studio_open_picture (studio, source, studio->params.content_size, "--content-size", err);
  studio->name = wct_names_get (&sequence->frames, frame); /* the path does not last */

out:
  free (source);
  g_free (output);
  return status;
}

/* Two jobs for a moment: the one that ran gives its maps to the one that stays. */
static WctStatus
freeze (WctStudio *studio, int style_count, WctError *err)
{
  WctJob   *solved = NULL;
  WctStatus status;

  WCT_TRY (wct_studio_load (studio, err));
  WCT_TRY (wct_studio_stylize (studio, err));
  wct_progress_end (&studio->progress);
  solved = studio->job;
  studio->job = NULL;
  WCT_TRY (wct_studio_prepare (studio, style_count, err));
  WCT_TRY (wct_job_freeze (studio->job, solved, err));

out:
  wct_job_free (&solved);
  return status;
}

static WctStatus
prepare_job (Sequence *sequence, WctError *err)
{
  WctStudio          *studio = &sequence->studio;
  const WctArguments *arguments = studio->arguments;
  const int           style_count = arguments->operand_count - 1;
  const bool          frozen = arguments->frames_from > 0;
  WctStatus           status;

  WCT_TRY (open_frame (sequence, frozen ? (guint)arguments->frames_from - 1 : frame_of (sequence, 0), err));
  WCT_TRY (wct_studio_load_model (studio, err));
  WCT_TRY (wct_studio_choose_levels (studio, err));
  WCT_TRY (wct_studio_measure_styles (studio, arguments->operands + 1, style_count, err));
  WCT_TRY (wct_studio_prepare (studio, style_count, err));
  if (frozen)
    WCT_TRY (freeze (studio, style_count, err));
  wct_progress_end (&studio->progress);
  wct_picture_close (&studio->file);

out:
  return status;
}

/* ---- A frame ------------------------------------------------------------------------------------------------ */

static void
clear_item (Item *item)
{
  wct_picture_clear (&item->picture);
  wct_output_clear (&item->output);
}

static WctStatus
check_size (const Sequence *sequence, const char *name, const WctImage *image, WctError *err)
{
  const WctImage *first = &sequence->studio.picture.image;

  if (image->width == first->width && image->height == first->height)
    return WCT_OK;
  return wct_error_set (
    err, WCT_ERR_ARGUMENT, "%s/%s: has %d×%d pixels and %s has %d×%d; frames of one sequence have one size",
    sequence->content, name, image->width, image->height, sequence->studio.name, first->width, first->height);
}

static WctStatus
read_station (void *user, size_t index, WctError *err)
{
  Sequence   *sequence = user;
  const guint frame = frame_of (sequence, index);
  const char *name = wct_names_get (&sequence->frames, frame);
  Item       *item = &sequence->items[index % WCT_CONVEYOR_SLOTS];
  WctPicture *picture = &item->picture;
  char       *source = NULL, *output = output_path (sequence, frame);
  WctStatus   status;

  clear_item (item);
  WCT_TRY (wct_output_open (output, true, &item->output, err));
  WCT_TRY (wct_folder_join (sequence->content, name, &source, err));
  WCT_TRY (wct_fetch_picture (source, sequence->studio.params.content_size, "--content-size", &item->output, NULL,
                              picture, err));
  WCT_TRY (check_size (sequence, name, &picture->image, err));
  WCT_TRY (wct_output_check_alpha (&item->output, picture->alpha,
                                   (size_t)picture->image.width * (size_t)picture->image.height, picture->alpha_max,
                                   err));

out:
  free (source);
  g_free (output);
  return status;
}

static bool
ask_canceled (void *user)
{
  (void)user;
  return wct_interrupted ();
}

static WctStatus
stylize_station (void *user, size_t index, WctError *err)
{
  Sequence      *sequence = user;
  WctImage      *image = &sequence->items[index % WCT_CONVEYOR_SLOTS].picture.image;
  const WctHooks hooks = { .canceled = ask_canceled };

  return wct_job_run (sequence->studio.job, image, image, &hooks, err);
}

static WctStatus
write_station (void *user, size_t index, WctError *err)
{
  Sequence *sequence = user;
  Item     *item = &sequence->items[index % WCT_CONVEYOR_SLOTS];
  WctStatus status;

  WCT_TRY (wct_output_save (&item->output, &item->picture, NULL, err));
  wct_pace_advance (&sequence->pace);

out:
  clear_item (item);
  return status;
}

/* ---- All of them -------------------------------------------------------------------------------------------- */

static WctStatus
work_off (Sequence *sequence, WctError *err)
{
  static WctStation *const stations[WCT_STATIONS] = { read_station, stylize_station, write_station };
  const bool               side_by_side = wct_backend_info (sequence->studio.backend)->threads > 1;
  WctStatus                status;

  wct_leftovers_remove (sequence->folder, (const char *const *)sequence->outputs->pdata, sequence->outputs->len);
  wct_pace_begin (&sequence->pace, sequence->studio.arguments->quiet, sequence->tasks->len);
  status = wct_conveyor_run (sequence->tasks->len, side_by_side, stations, sequence, err);
  wct_pace_hide (&sequence->pace);
  return status;
}

static WctStatus
print_summary (const Sequence *sequence, WctError *err)
{
  json_t *summary = json_object ();

  json_object_set_new (summary, "frames", json_integer ((json_int_t)sequence->frames.count));
  json_object_set_new (summary, "before", json_integer ((json_int_t)(sequence->frames.count - sequence->tasks->len)));
  json_object_set_new (summary, "seconds", json_real (wct_pace_seconds (&sequence->pace)));
  json_object_set_new (summary, "frames_per_second", json_real (wct_pace_rate (&sequence->pace)));
  json_object_set_new (summary, "peak_memory_bytes", json_integer ((json_int_t)wct_memory_peak ()));
  json_object_set_new (summary, "output", wct_json_text (sequence->folder));
  return wct_json_print (summary, err);
}

static void
clear_sequence (Sequence *sequence)
{
  for (int i = 0; i < WCT_CONVEYOR_SLOTS; i++)
    clear_item (&sequence->items[i]);
  if (sequence->tasks != NULL)
    g_array_free (sequence->tasks, TRUE);
  if (sequence->outputs != NULL)
    g_ptr_array_free (sequence->outputs, TRUE);
  wct_names_clear (&sequence->frames);
  wct_studio_close (&sequence->studio);
  if (sequence->lock >= 0)
    close (sequence->lock);
}

WctStatus
wct_frames_stylize (const WctArguments *arguments, WctError *err)
{
  Sequence  sequence = { .content = arguments->operands[0], .folder = arguments->output, .lock = -1 };
  WctStatus status;

  wct_studio_begin (&sequence.studio, arguments);
  WCT_TRY (list_frames (&sequence, err));
  WCT_TRY (hold_folder (&sequence, err));
  list_tasks (&sequence);
  if (sequence.tasks->len > 0)
    {
      WCT_TRY (prepare_job (&sequence, err));
      WCT_TRY (work_off (&sequence, err));
    }
  if (arguments->json)
    WCT_TRY (print_summary (&sequence, err));

out:
  clear_sequence (&sequence);
  return status;
}
