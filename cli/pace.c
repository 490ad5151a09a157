/* Draws over its own line, as progress.c does. */
#include "pace.h"

#include <stdio.h>
#include <time.h>

#include "progress.h"

#define LINE_CELLS 60

static double
now (void)
{
  struct timespec time;

  clock_gettime (CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* "2:05" or "1:02:05" */
static void
name_time (double seconds, char *text, size_t size)
{
  const long whole = (long)(seconds + 0.5);

  if (whole >= 3600)
    snprintf (text, size, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  else
    snprintf (text, size, "%ld:%02ld", whole / 60, whole % 60);
}

static void
draw (const WctPace *pace)
{
  const double rate = wct_pace_rate (pace);
  char         left[32] = "?", line[96];

  if (!pace->shown)
    return;
  if (rate > 0)
    name_time ((double)(pace->count - pace->done) / rate, left, sizeof left);
  snprintf (line, sizeof line, "%zu of %zu pictures, %.1f a second, %s left", pace->done, pace->count, rate, left);
  fprintf (stderr, "\r%-*s", LINE_CELLS, line);
  fflush (stderr);
}

void
wct_pace_begin (WctPace *pace, bool quiet, size_t count)
{
  WctProgress progress;

  wct_progress_init (&progress, quiet);
  *pace = (WctPace){ .shown = progress.shown, .count = count, .began = now () };
  draw (pace);
}

void
wct_pace_advance (WctPace *pace)
{
  pace->done++;
  draw (pace);
}

void
wct_pace_hide (const WctPace *pace)
{
  if (pace->shown)
    fprintf (stderr, "\r%*s\r", LINE_CELLS, "");
}

double
wct_pace_seconds (const WctPace *pace)
{
  return pace->began > 0 ? now () - pace->began : 0;
}

double
wct_pace_rate (const WctPace *pace)
{
  const double seconds = wct_pace_seconds (pace);

  return seconds > 0 ? (double)pace->done / seconds : 0;
}
