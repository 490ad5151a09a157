/* Times the dialog's preview as a user sees it: from a slider's move until the new picture is on the screen, and for
 * how long nothing else could happen meanwhile. Needs a display (tests/ui/with-display makes one).
 *
 *   bench-preview CONTENT STYLE [--moves N] [--seconds N] [--large] [--threads N]
 *
 * --large: a picture of 4000x3000 is made of CONTENT first. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <glib/gstdio.h>

#include "dialog.h"
#include "picture-host.h"

#define TICK_MS      5
#define DRAG_MS      16
#define LARGE_WIDTH  4000
#define LARGE_HEIGHT 3000

typedef struct
{
  const char *content, *style;
  int         moves, seconds, threads;
  gboolean    large;
} Options;

/* Who comes every TICK_MS notices when it could not. */
typedef struct
{
  gint64 last, longest;      /* us */
  gint64 last_cpu, most_cpu; /* us: how long this thread worked between two ticks; the rest it waited for a processor */
} Watch;

typedef struct
{
  WctPictureHost host;
  WctDialog     *dialog;
  Watch          watch;
} Bench;

static void
give_up (const char *sentence)
{
  fprintf (stderr, "bench-preview: %s\n", sentence);
  exit (1);
}

/* ---- The main loop ------------------------------------------------------------------------------------------ */

static gint64
thread_cpu (void)
{
  struct timespec used;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &used);
  return used.tv_sec * G_USEC_PER_SEC + used.tv_nsec / 1000;
}

static gboolean
tick (gpointer user)
{
  Watch       *watch = user;
  const gint64 now = g_get_monotonic_time (), cpu = thread_cpu ();

  watch->longest = MAX (watch->longest, now - watch->last);
  watch->most_cpu = MAX (watch->most_cpu, cpu - watch->last_cpu);
  watch->last = now;
  watch->last_cpu = cpu;
  return G_SOURCE_CONTINUE;
}

static void
start_watch (Watch *watch)
{
  *watch = (Watch){ .last = g_get_monotonic_time (), .last_cpu = thread_cpu () };
}

/* How late the loop was; and the longest that it worked at a stretch, which other programs do not make longer. */
static void
print_freeze (const Watch *watch)
{
  printf ("; longest freeze %.0f ms, longest work %.0f ms\n", MAX (0, (double)watch->longest * 1e-3 - TICK_MS),
          (double)watch->most_cpu * 1e-3);
}

static guint64
drawn (const Bench *bench)
{
  return wct_preview_drawn (wct_dialog_preview (bench->dialog));
}

/* Until nothing has been drawn for a second: all that was asked for is there. */
static void
settle (const Bench *bench)
{
  guint64 last = drawn (bench);

  for (gint64 since = g_get_monotonic_time (); g_get_monotonic_time () - since < G_USEC_PER_SEC;)
    {
      g_main_context_iteration (NULL, TRUE);
      if (drawn (bench) != last)
        since = g_get_monotonic_time ();
      last = drawn (bench);
    }
}

/* ---- Widgets ------------------------------------------------------------------------------------------------ */

typedef struct
{
  const char *name;
  GtkWidget  *found;
} Search;

static void
look (GtkWidget *widget, gpointer user)
{
  Search *search = user;

  if (strcmp (gtk_widget_get_name (widget), search->name) == 0)
    search->found = widget;
  if (GTK_IS_CONTAINER (widget))
    gtk_container_forall (GTK_CONTAINER (widget), look, search);
}

static GtkRange *
find_scale (const Bench *bench, const char *name)
{
  Search search = { name, NULL };

  look (wct_dialog_window (bench->dialog), &search);
  if (search.found == NULL)
    give_up ("the dialog has no such slider");
  return GTK_RANGE (search.found);
}

/* ---- Single moves ------------------------------------------------------------------------------------------- */

static int
by_value (const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

/* Each waits for its picture; then the next. */
static void
time_moves (Bench *bench, const char *name, int count)
{
  GtkRange *scale = find_scale (bench, name);
  double   *ms = g_new (double, (gsize)count);

  settle (bench);
  start_watch (&bench->watch);
  for (int i = 0; i < count; i++)
    {
      const guint64 before = drawn (bench);
      const gint64  began = g_get_monotonic_time ();

      gtk_range_set_value (scale, 0.2 + 0.6 * ((i * 17) % count) / count);
      while (drawn (bench) == before)
        g_main_context_iteration (NULL, TRUE);
      ms[i] = (double)(g_get_monotonic_time () - began) * 1e-3;
    }
  qsort (ms, (gsize)count, sizeof ms[0], by_value);
  printf ("%-12s %d moves: median %.0f ms, best %.0f ms, maximum %.0f ms", name, count, ms[count / 2], ms[0],
          ms[count - 1]);
  print_freeze (&bench->watch);
  g_free (ms);
}

/* ---- A drag ------------------------------------------------------------------------------------------------- */

typedef struct
{
  GtkRange *scale;
  int       steps;
} Drag;

static gboolean
drag (gpointer user)
{
  Drag *hand = user;

  hand->steps++;
  gtk_range_set_value (hand->scale, 0.5 + 0.4 * ((hand->steps % 101) / 50.0 - 1));
  return G_SOURCE_CONTINUE;
}

static void
time_drag (Bench *bench, const char *name, int seconds)
{
  Drag    hand = { find_scale (bench, name), 0 };
  guint64 before;
  guint   timer;
  gint64  began;

  settle (bench);
  before = drawn (bench);
  began = g_get_monotonic_time ();
  timer = g_timeout_add (DRAG_MS, drag, &hand);
  start_watch (&bench->watch);
  while (g_get_monotonic_time () - began < seconds * G_USEC_PER_SEC)
    g_main_context_iteration (NULL, TRUE);
  printf ("%-12s drag of %d s: %d values, %.1f previews per second", name, seconds, hand.steps,
          (double)(drawn (bench) - before) / seconds);
  print_freeze (&bench->watch);
  g_source_remove (timer);
}

/* ---- All of it ---------------------------------------------------------------------------------------------- */

static char *
make_large (const char *path)
{
  GError    *error = NULL;
  GdkPixbuf *pixbuf = gdk_pixbuf_new_from_file_at_scale (path, LARGE_WIDTH, LARGE_HEIGHT, FALSE, &error);
  char      *large = NULL;
  int        file = pixbuf == NULL ? -1 : g_file_open_tmp ("bench-preview-XXXXXX.png", &large, &error);

  if (file < 0 || !gdk_pixbuf_save (pixbuf, large, "png", &error, "compression", "0", NULL))
    give_up (error->message);
  g_close (file, NULL);
  g_object_unref (pixbuf);
  return large;
}

static void
run (const Options *options)
{
  Bench       bench = { .dialog = NULL };
  char       *large = options->large ? make_large (options->content) : NULL;
  char       *paths[] = { (char *)(large != NULL ? large : options->content), (char *)options->style };
  WctSettings settings;
  WctError    err;
  gint64      began;
  guint       watch;

  if (wct_picture_host_open (&bench.host, 2, paths, NULL, &err) != WCT_OK)
    give_up (err.message);
  if (large != NULL)
    g_remove (large); /* it is in memory */
  bench.host.host.threads = options->threads;
  wct_settings_init (WCT_MODE_STYLIZE, &settings);
  wct_settings_set_style (&settings, 1, NULL);
  printf ("%dx%d\n", bench.host.content->image.width, bench.host.content->image.height);
  began = g_get_monotonic_time ();
  bench.dialog = wct_dialog_new (&bench.host.host, &settings);
  start_watch (&bench.watch);
  watch = g_timeout_add_full (G_PRIORITY_HIGH, TICK_MS, tick, &bench.watch, NULL);
  gtk_widget_show (wct_dialog_window (bench.dialog));
  while (drawn (&bench) == 0)
    g_main_context_iteration (NULL, TRUE);
  printf ("first preview after %.0f ms", (double)(g_get_monotonic_time () - began) * 1e-3);
  print_freeze (&bench.watch);
  time_moves (&bench, "relu5-scale", options->moves);
  time_moves (&bench, "relu4-scale", options->moves);
  time_moves (&bench, "relu1-scale", options->moves);
  time_drag (&bench, "relu5-scale", options->seconds);
  time_drag (&bench, "relu4-scale", options->seconds);
  time_drag (&bench, "relu1-scale", options->seconds);
  g_source_remove (watch);
  wct_dialog_free (&bench.dialog);
  wct_picture_host_close (&bench.host);
  g_free (large);
}

static Options
parse (int argc, char **argv)
{
  static const struct option known[] = { { "moves", required_argument, NULL, 'm' },
                                         { "seconds", required_argument, NULL, 's' },
                                         { "threads", required_argument, NULL, 't' },
                                         { "large", no_argument, NULL, 'l' },
                                         { NULL, 0, NULL, 0 } };
  Options                    options = { .moves = 40, .seconds = 5 };
  int                        which;

  while ((which = getopt_long (argc, argv, "", known, NULL)) != -1)
    switch (which)
      {
      case 'm':
        options.moves = atoi (optarg);
        break;
      case 's':
        options.seconds = atoi (optarg);
        break;
      case 't':
        options.threads = atoi (optarg);
        break;
      case 'l':
        options.large = TRUE;
        break;
      default:
        exit (2);
      }
  if (argc - optind != 2 || options.moves < 1 || options.seconds < 1)
    {
      fprintf (stderr, "Usage: bench-preview CONTENT STYLE [--moves N] [--seconds N] [--large] [--threads N]\n");
      exit (2);
    }
  options.content = argv[optind];
  options.style = argv[optind + 1];
  return options;
}

int
main (int argc, char **argv)
{
  Options options;

  if (!gtk_init_check (&argc, &argv))
    give_up ("there is no display to show a window on");
  options = parse (argc, argv);
  setvbuf (stdout, NULL, _IOLBF, 0);
  run (&options);
  return 0;
}
