/* wct-train plot: the curves of one run, or of several over each other. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "chart-page.h"
#include "commands.h"

/* Four charts, and the lines that each of them shows. */
typedef struct
{
  GPtrArray *loss, *terms, *psnr, *rate;
} Curves;

/* Of the loss, as metrics.jsonl calls them. */
static const char *const term_names[] = { "pixel", "feature", "style", "structure" };

#define TERM_COUNT 4

/* One run's lines, borrowed from the charts; by level where there are levels. */
typedef struct
{
  WctLine *loss, *test_loss[WCT_LEVELS], *terms[TERM_COUNT][WCT_LEVELS], *psnr[WCT_LEVELS], *rate;
} RunLines;

static WctLine *
add_line (GPtrArray *lines, const char *label, int color, int dash, bool smooth)
{
  WctLine *line = wct_line_new (label, color, dash, smooth);

  g_ptr_array_add (lines, line);
  return line;
}

/* @run: its place; @name: what tells it apart in the legends, empty where it is the only one */
static void
add_run_lines (Curves *curves, int run, const char *name, RunLines *lines)
{
  char label[64];

  g_snprintf (label, sizeof label, "%s%strain loss", name, name[0] == '\0' ? "" : " ");
  lines->loss = add_line (curves->loss, label, 0, run, true);
  lines->rate = add_line (curves->rate, name[0] == '\0' ? "learning rate" : name, 0, run, false);
  for (int i = 0; i < WCT_LEVELS; i++)
    {
      g_snprintf (label, sizeof label, "%s%stest relu%d_1", name, name[0] == '\0' ? "" : " ", i + 1);
      lines->test_loss[i] = add_line (curves->loss, label, i + 1, run, false);
      for (int term = 0; term < TERM_COUNT; term++)
        {
          g_snprintf (label, sizeof label, "%s%srelu%d_1 %s", name, name[0] == '\0' ? "" : " ", i + 1,
                      term_names[term]);
          lines->terms[term][i] = add_line (curves->terms, label, i + 1, 2 * run + term, true);
        }
      g_snprintf (label, sizeof label, "%s%srelu%d_1", name, name[0] == '\0' ? "" : " ", i + 1);
      lines->psnr[i] = add_line (curves->psnr, label, i + 1, run, false);
    }
}

static double
number (const json_t *object, const char *key)
{
  const json_t *value = json_object_get (object, key);

  return json_is_number (value) ? json_number_value (value) : (double)NAN;
}

static int
level_of (const json_t *object, const char *key)
{
  const json_int_t level = json_integer_value (json_object_get (object, key));

  return level >= 1 && level <= WCT_LEVELS ? (int)level : 0;
}

/* Terms that are 0 are not part of the loss. */
static void
add_term (WctLine *line, double step, double value)
{
  if (value > 0)
    wct_line_add (line, step, value);
}

static void
add_metrics (const json_t *object, RunLines *lines)
{
  const double  step = number (object, "step");
  const int     tested = level_of (object, "test");
  const json_t *terms = json_object_get (object, "levels");

  if (tested > 0)
    {
      wct_line_add (lines->psnr[tested - 1], step, number (object, "psnr"));
      add_term (lines->test_loss[tested - 1], step, number (object, "loss"));
      return;
    }
  wct_line_add (lines->loss, step, number (object, "loss"));
  wct_line_add (lines->rate, step, number (object, "rate"));
  for (size_t i = 0; i < json_array_size (terms); i++)
    {
      const json_t *term = json_array_get (terms, i);
      const int     level = level_of (term, "level");

      if (level == 0)
        continue;
      for (int k = 0; k < TERM_COUNT; k++)
        add_term (lines->terms[k][level - 1], step, number (term, term_names[k]));
    }
}

static WctStatus
read_metrics (const char *run, RunLines *lines, WctError *err)
{
  char    path[PATH_MAX], *line = NULL;
  size_t  room = 0;
  ssize_t length;
  int64_t count = 0;
  FILE   *file;

  snprintf (path, sizeof path, "%.4000s/metrics.jsonl", run);
  file = fopen (path, "re");
  if (file == NULL)
    return wct_error_set (err, WCT_ERR_IO, "%s: cannot be read; is %s the folder of a run?", path, run);
  while ((length = getline (&line, &room, file)) > 0)
    {
      json_t *object = json_loadb (line, (size_t)length, 0, NULL);

      if (json_is_object (object)) /* the last line of a run that is under way may be half */
        {
          add_metrics (object, lines);
          count++;
        }
      json_decref (object);
    }
  free (line);
  fclose (file);
  return count > 0 ? WCT_OK : wct_error_set (err, WCT_ERR_FORMAT, "%s: has no metrics yet", path);
}

static WctStatus
read_runs (const WctArguments *arguments, Curves *curves, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int i = 0; i < arguments->operand_count && status == WCT_OK; i++)
    {
      char    *name = g_path_get_basename (arguments->operands[i]);
      RunLines lines;

      add_run_lines (curves, i, arguments->operand_count > 1 ? name : "", &lines);
      status = read_metrics (arguments->operands[i], &lines, err);
      g_free (name);
    }
  return status;
}

static WctStatus
choose_path (const WctArguments *arguments, char *path, size_t size, WctError *err)
{
  if (arguments->output == NULL)
    g_snprintf (path, (gulong)size, "%s/curves.png", arguments->operands[0]);
  else
    g_strlcpy (path, arguments->output, size);
  return wct_chart_page_check (path, err);
}

WctStatus
wct_command_plot (WctArguments *arguments, WctError *err)
{
  Curves curves = { g_ptr_array_new_with_free_func (wct_line_free), g_ptr_array_new_with_free_func (wct_line_free),
                    g_ptr_array_new_with_free_func (wct_line_free), g_ptr_array_new_with_free_func (wct_line_free) };
  const WctChart charts[] = {
    { "Loss", "step", "loss", true, true, curves.loss },
    { "Terms of the loss", "step", "term", true, true, curves.terms },
    { "Held-out pictures", "step", "PSNR, dB", false, false, curves.psnr },
    { "Learning rate", "step", "rate", false, true, curves.rate },
  };
  const int chart_count = sizeof charts / sizeof charts[0];
  char      path[PATH_MAX];
  WctStatus status;

  WCT_TRY (choose_path (arguments, path, sizeof path, err));
  WCT_TRY (read_runs (arguments, &curves, err));
  /* The run's own plot is drawn again and again. */
  WCT_TRY (wct_chart_page_write (charts, chart_count, path, arguments->force || arguments->output == NULL, err));

out:
  for (int i = 0; i < chart_count; i++)
    g_ptr_array_free (charts[i].lines, TRUE);
  return status;
}
