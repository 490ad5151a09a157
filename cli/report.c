/* Seconds are of the monotonic clock; memory is the process's high-water mark. */
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <glib.h>
#include <jansson.h>

#include <wct/memory.h>

static const char *const stage_names[WCT_STAGES] = { "load", "style", "stylize", "save" };

static double
now (void)
{
  struct timespec time;

  clock_gettime (CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

void
wct_report_stage (WctReport *report, WctStage stage)
{
  const double time = now ();

  if (report->stage_began > 0)
    report->seconds[report->stage] += time - report->stage_began;
  report->stage_began = time;
  report->stage = stage;
}

json_t *
wct_json_text (const char *text)
{
  char   *valid;
  json_t *json;

  if (text == NULL)
    return json_null ();
  valid = g_utf8_make_valid (text, -1);
  json = json_string (valid);
  g_free (valid);
  return json;
}

static json_t *
seconds_json (const WctReport *report)
{
  json_t *seconds = json_object ();

  for (int i = 0; i < WCT_STAGES; i++)
    json_object_set_new (seconds, stage_names[i], json_real (report->seconds[i]));
  return seconds;
}

/* The levels that ran, in their order, and each one's alpha. */
static void
add_levels (json_t *json, const WctReport *report)
{
  json_t *levels = json_array (), *alphas = json_object ();

  for (int level = WCT_LEVELS; level >= 1; level--)
    {
      char key[2] = { (char)('0' + level), '\0' };

      if (report->params != NULL ? report->params->level_on[level - 1] == 0 : report->level != level)
        continue;
      json_array_append_new (levels, json_integer (level));
      if (report->params != NULL)
        json_object_set_new (alphas, key, json_real (report->params->alpha[level - 1]));
    }
  json_object_set_new (json, "levels", levels);
  json_object_set_new (json, "alpha", alphas);
  if (report->params != NULL)
    json_object_set_new (json, "passes", json_integer (report->params->passes));
  if (report->seeded)
    json_object_set_new (json, "seed", json_integer (report->params->seed));
}

WctStatus
wct_json_print (json_t *json, WctError *err)
{
  char     *line = json_dumps (json, JSON_COMPACT | JSON_REAL_PRECISION (6));
  WctStatus status = WCT_OK;

  json_decref (json);
  if (line == NULL)
    return wct_error_set (err, WCT_ERR_NO_MEMORY, "there is not enough memory to print JSON");
  if (puts (line) == EOF || fflush (stdout) != 0)
    status = wct_error_set (err, WCT_ERR_IO, "standard output cannot be written: %s", strerror (errno));
  free (line);
  return status;
}

WctStatus
wct_report_print (WctReport *report, WctError *err)
{
  json_t *json = json_object ();

  wct_report_stage (report, report->stage);
  json_object_set_new (json, "seconds", seconds_json (report));
  json_object_set_new (json, "peak_memory_bytes", json_integer ((json_int_t)wct_memory_peak ()));
  json_object_set_new (json, "estimated_memory_bytes", json_integer ((json_int_t)report->estimated_memory));
  json_object_set_new (json, "temporary_files", json_boolean (report->uses_files));
  json_object_set_new (json, "backend", wct_json_text (report->backend));
  json_object_set_new (json, "backend_detail", wct_json_text (report->backend_detail));
  json_object_set_new (json, "threads", json_integer (report->threads));
  json_object_set_new (json, "model", wct_json_text (report->model));
  add_levels (json, report);
  json_object_set_new (json, "width", json_integer (report->width));
  json_object_set_new (json, "height", json_integer (report->height));
  json_object_set_new (json, "output", wct_json_text (report->output));
  if (report->more != NULL)
    json_object_update (json, report->more);
  return wct_json_print (json, err);
}
