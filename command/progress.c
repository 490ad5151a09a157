/* Draws over its own line; nothing is ever drawn into a pipe or a file. */
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interrupt.h"

#define BAR_CELLS   40
#define LABEL_CELLS 16

void
wct_progress_init (WctProgress *progress, bool quiet)
{
  const char *terminal = getenv ("TERM");

  progress->shown = !quiet && isatty (STDERR_FILENO) && (terminal == NULL || strcmp (terminal, "dumb") != 0);
  progress->label[0] = '\0';
  progress->percent = -1;
}

static void
draw (WctProgress *progress, int percent)
{
  char      bar[BAR_CELLS + 1];
  const int full = percent * BAR_CELLS / 100;

  memset (bar, '.', BAR_CELLS);
  memset (bar, '#', (size_t)full);
  bar[BAR_CELLS] = '\0';
  fprintf (stderr, "\r%-*s [%s] %3d %%", LABEL_CELLS, progress->label, bar, percent);
  fflush (stderr);
  progress->percent = percent;
}

void
wct_progress_begin (WctProgress *progress, const char *label, size_t memory)
{
  if (memory > 0)
    snprintf (progress->label, sizeof progress->label, "%s, %.1f GB", label, (double)memory / 1e9);
  else
    snprintf (progress->label, sizeof progress->label, "%s", label);
  if (progress->shown)
    draw (progress, 0);
}

void
wct_progress_end (WctProgress *progress)
{
  if (progress->shown && progress->percent >= 0)
    fprintf (stderr, "\r%*s\r", LABEL_CELLS + BAR_CELLS + 10, "");
  fflush (stderr);
  progress->percent = -1;
}

static void
report_progress (void *user, double done)
{
  WctProgress *progress = user;
  const int    percent = (int)(done * 100 + 0.5);

  if (progress->shown && percent > progress->percent)
    draw (progress, percent);
}

static bool
ask_canceled (void *user)
{
  (void)user;
  return wct_interrupted ();
}

WctHooks
wct_progress_hooks (WctProgress *progress)
{
  return (WctHooks){ .user = progress, .progress = report_progress, .canceled = ask_canceled };
}
