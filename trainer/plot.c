/* wct-train plot: the curves of one run, or of several over each other. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <vips/vips.h>

#include "chart.h"
#include "commands.h"
#include "newfile.h"
#include "picture.h"

#define PANEL_WIDTH  620
#define PANEL_HEIGHT 400

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

static GString *
draw (const Curves *curves)
{
  const WctChart charts[] = {
    { "Loss", "step", "loss", true, true, curves->loss },
    { "Terms of the loss", "step", "term", true, true, curves->terms },
    { "Held-out pictures", "step", "PSNR, dB", false, false, curves->psnr },
    { "Learning rate", "step", "rate", false, true, curves->rate },
  };
  GString *svg = g_string_new (NULL);

  g_string_append_printf (svg,
                          "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' viewBox='0 0 %d %d'>\n"
                          "<rect width='100%%' height='100%%' fill='white'/>\n",
                          2 * PANEL_WIDTH, 2 * PANEL_HEIGHT, 2 * PANEL_WIDTH, 2 * PANEL_HEIGHT);
  for (int i = 0; i < 4; i++)
    wct_chart_draw (&charts[i], i % 2 * PANEL_WIDTH, i / 2 * PANEL_HEIGHT, PANEL_WIDTH, PANEL_HEIGHT, svg);
  g_string_append (svg, "</svg>\n");
  return svg;
}

/* ---- Files -------------------------------------------------------------------------------------------------- */

static WctStatus
write_bytes (const char *path, bool force, const void *bytes, size_t size, WctError *err)
{
  WctNewFile file = WCT_NEW_FILE_NONE;
  WctStatus  status;

  WCT_TRY (wct_new_file_open (path, force, &file, err));
  WCT_TRY (wct_new_file_write (&file, bytes, size, err));
  WCT_TRY (wct_new_file_commit (&file, err));

out:
  wct_new_file_close (&file);
  return status;
}

static WctStatus
rasterize (const GString *svg, void **png, size_t *size, WctError *err)
{
  VipsImage *image = NULL;
  char       reason[256];
  int        failed = vips_svgload_buffer (svg->str, svg->len, &image, "scale", 1.5, NULL);

  failed = failed || vips_pngsave_buffer (image, png, size, NULL);
  g_clear_object (&image);
  if (!failed)
    return WCT_OK;
  wct_vips_reason (reason, sizeof reason);
  return wct_error_set (err, WCT_ERR_UNSUPPORTED, "the plot cannot be made a PNG: %s; name a .svg file", reason);
}

static WctStatus
write_plot (const GString *svg, const char *path, bool force, WctError *err)
{
  void     *png = NULL;
  size_t    size;
  WctStatus status;

  if (g_str_has_suffix (path, ".svg"))
    return write_bytes (path, force, svg->str, svg->len, err);
  status = rasterize (svg, &png, &size, err);
  if (status == WCT_OK)
    status = write_bytes (path, force, png, size, err);
  g_free (png);
  return status;
}

static WctStatus
choose_path (const WctArguments *arguments, char *path, size_t size, WctError *err)
{
  if (arguments->output == NULL)
    g_snprintf (path, (gulong)size, "%s/curves.png", arguments->operands[0]);
  else
    g_strlcpy (path, arguments->output, size);
  if (g_str_has_suffix (path, ".png") || g_str_has_suffix (path, ".svg"))
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_ARGUMENT, "%s: a plot is a .png or a .svg file", path);
}

WctStatus
wct_command_plot (WctArguments *arguments, WctError *err)
{
  Curves    curves = { g_ptr_array_new_with_free_func (wct_line_free), g_ptr_array_new_with_free_func (wct_line_free),
                       g_ptr_array_new_with_free_func (wct_line_free), g_ptr_array_new_with_free_func (wct_line_free) };
  GString  *svg = NULL;
  char      path[PATH_MAX];
  WctStatus status;

  WCT_TRY (choose_path (arguments, path, sizeof path, err));
  WCT_TRY (read_runs (arguments, &curves, err));
  svg = draw (&curves);
  /* The run's own plot is drawn again and again. */
  WCT_TRY (write_plot (svg, path, arguments->force || arguments->output == NULL, err));

out:
  if (svg != NULL)
    g_string_free (svg, TRUE);
  g_ptr_array_free (curves.loss, TRUE);
  g_ptr_array_free (curves.terms, TRUE);
  g_ptr_array_free (curves.psnr, TRUE);
  g_ptr_array_free (curves.rate, TRUE);
  return status;
}
