#include "chart.h"

#include <math.h>
#include <string.h>

/* Told apart by most eyes (Okabe and Ito 2008). */
static const char *const colors[] = { "#202020", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9" };
static const char *const dashes[] = { "", "6 3", "2 3", "8 3 2 3" };

#define COLOR_COUNT (sizeof colors / sizeof colors[0])
#define DASH_COUNT  (sizeof dashes / sizeof dashes[0])

#define MARGIN_LEFT   64
#define MARGIN_RIGHT  150 /* the legend's */
#define MARGIN_TOP    34
#define MARGIN_BOTTOM 46
#define LEGEND_ROW    16

/* ---- Lines -------------------------------------------------------------------------------------------------- */

WctLine *
wct_line_new (const char *label, int color, int dash, bool smooth)
{
  WctLine *line = g_new0 (WctLine, 1);

  g_strlcpy (line->label, label, sizeof line->label);
  line->color = color;
  line->dash = dash;
  line->smooth = smooth;
  line->x = g_array_new (FALSE, FALSE, sizeof (double));
  line->y = g_array_new (FALSE, FALSE, sizeof (double));
  return line;
}

void
wct_line_free (void *data)
{
  WctLine *line = data;

  g_array_free (line->x, TRUE);
  g_array_free (line->y, TRUE);
  g_free (line);
}

void
wct_line_add (WctLine *line, double x, double y)
{
  if (!isfinite (x) || !isfinite (y))
    return;
  g_array_append_val (line->x, x);
  g_array_append_val (line->y, y);
}

static double
value_at (const GArray *values, guint i)
{
  return g_array_index (values, double, i);
}

/* ---- Axes --------------------------------------------------------------------------------------------------- */

/* An axis in its own scale: values, or their logarithms. */
typedef struct
{
  bool   log;
  double from, to;         /* scaled */
  double start, direction; /* on the page; its length, negative upwards */
} Axis;

static double
scaled (const Axis *axis, double value)
{
  return axis->log ? log10 (value) : value;
}

static double
place (const Axis *axis, double value)
{
  return axis->start + axis->direction * (scaled (axis, value) - axis->from) / (axis->to - axis->from);
}

static bool
shown (const WctChart *chart, double x, double y)
{
  return (!chart->log_x || x > 0) && (!chart->log_y || y > 0);
}

static void
include (Axis *axis, double value)
{
  axis->from = fmin (axis->from, scaled (axis, value));
  axis->to = fmax (axis->to, scaled (axis, value));
}

/* False where there is nothing to show. */
static bool
find_ranges (const WctChart *chart, Axis *x, Axis *y)
{
  *x = (Axis){ .log = chart->log_x, .from = INFINITY, .to = -INFINITY };
  *y = (Axis){ .log = chart->log_y, .from = INFINITY, .to = -INFINITY };
  for (guint k = 0; k < chart->lines->len; k++)
    {
      const WctLine *line = g_ptr_array_index (chart->lines, k);

      for (guint i = 0; i < line->x->len; i++)
        if (shown (chart, value_at (line->x, i), value_at (line->y, i)))
          {
            include (x, value_at (line->x, i));
            include (y, value_at (line->y, i));
          }
    }
  if (!isfinite (x->from))
    return false;
  if (x->to - x->from < 1e-9)
    x->to = x->from + 1;
  if (y->to - y->from < 1e-9)
    {
      y->from -= 0.5;
      y->to += 0.5;
    }
  const double air = 0.04 * (y->to - y->from);
  y->from -= air;
  y->to += air;
  return true;
}

/* 1, 2 or 5 times a power of ten, for about @count ticks. */
static double
tick_step (double range, int count)
{
  const double rough = range / count, power = pow (10, floor (log10 (rough))), part = rough / power;

  return (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10) * power;
}

static void
format_tick (double value, char *text, size_t size)
{
  g_snprintf (text, (gulong)size, "%.6g", value);
}

typedef void DrawTick (const Axis *axis, double value, bool labeled, const double frame[4], GString *svg);

/* Decades, with 2 and 5 between them where there are few. */
static void
log_ticks (const Axis *axis, DrawTick *draw, const double frame[4], GString *svg)
{
  const bool few = axis->to - axis->from < 2.5;

  for (int decade = (int)floor (axis->from); decade <= (int)ceil (axis->to); decade++)
    for (int digit = 1; digit <= 9; digit++)
      {
        const double value = digit * pow (10, decade), at = log10 (value);

        if (at >= axis->from && at <= axis->to)
          draw (axis, value, digit == 1 || (few && (digit == 2 || digit == 5)), frame, svg);
      }
}

static void
linear_ticks (const Axis *axis, DrawTick *draw, const double frame[4], GString *svg)
{
  const double step = tick_step (axis->to - axis->from, 6);

  for (double value = ceil (axis->from / step) * step; value <= axis->to + 1e-9 * step; value += step)
    draw (axis, fabs (value) < 1e-9 * step ? 0 : value, true, frame, svg);
}

static void
draw_x_tick (const Axis *axis, double value, bool labeled, const double frame[4], GString *svg)
{
  const double x = place (axis, value);
  char         text[32];

  g_string_append_printf (svg, "<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' stroke='%s'/>\n", x, frame[1], x,
                          frame[3], labeled ? "#d8d8d8" : "#f0f0f0");
  format_tick (value, text, sizeof text);
  if (labeled)
    g_string_append_printf (svg, "<text x='%.1f' y='%.1f' text-anchor='middle'>%s</text>\n", x, frame[3] + 15, text);
}

static void
draw_y_tick (const Axis *axis, double value, bool labeled, const double frame[4], GString *svg)
{
  const double y = place (axis, value);
  char         text[32];

  g_string_append_printf (svg, "<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' stroke='%s'/>\n", frame[0], y, frame[2],
                          y, labeled ? "#d8d8d8" : "#f0f0f0");
  format_tick (value, text, sizeof text);
  if (labeled)
    g_string_append_printf (svg, "<text x='%.1f' y='%.1f' text-anchor='end'>%s</text>\n", frame[0] - 6, y + 4, text);
}

static void
draw_ticks (const Axis *axis, DrawTick *draw, const double frame[4], GString *svg)
{
  (axis->log ? log_ticks : linear_ticks) (axis, draw, frame, svg);
}

/* ---- Curves ------------------------------------------------------------------------------------------------- */

/* The mean over a window that grows with the run: of equal width on a logarithmic axis. */
static double
running_mean (const GArray *values, guint i)
{
  const guint reach = i / 16 + 1, from = i > reach ? i - reach : 0;
  const guint to = i + reach < values->len ? i + reach : values->len - 1;
  double      sum = 0;

  for (guint k = from; k <= to; k++)
    sum += value_at (values, k);
  return sum / (to - from + 1);
}

/* Points that are nearer to each other than this, in x, are one to the eye. */
#define POINT_DISTANCE 0.4

static void
draw_path (const WctChart *chart, const WctLine *line, const Axis *x, const Axis *y, bool mean, GString *svg)
{
  double drawn = -INFINITY;

  g_string_append (svg, "<path fill='none' d='");
  for (guint i = 0; i < line->x->len; i++)
    {
      const double value = mean ? running_mean (line->y, i) : value_at (line->y, i), step = value_at (line->x, i);

      if (!shown (chart, step, value) || (fabs (place (x, step) - drawn) < POINT_DISTANCE && i + 1 < line->x->len))
        continue;
      g_string_append_printf (svg, "%c%.1f %.1f", isfinite (drawn) ? 'L' : 'M', place (x, step), place (y, value));
      drawn = place (x, step);
    }
  g_string_append_printf (svg, "' stroke='%s' stroke-width='%s' stroke-opacity='%s' stroke-dasharray='%s'/>\n",
                          colors[(size_t)line->color % COLOR_COUNT], line->smooth && !mean ? "0.8" : "1.8",
                          line->smooth && !mean ? "0.25" : "1", dashes[(size_t)line->dash % DASH_COUNT]);
}

static void
draw_dots (const WctChart *chart, const WctLine *line, const Axis *x, const Axis *y, GString *svg)
{
  for (guint i = 0; i < line->x->len; i++)
    if (shown (chart, value_at (line->x, i), value_at (line->y, i)))
      g_string_append_printf (svg, "<circle cx='%.1f' cy='%.1f' r='3' fill='%s'/>\n", place (x, value_at (line->x, i)),
                              place (y, value_at (line->y, i)), colors[(size_t)line->color % COLOR_COUNT]);
}

static void
draw_legend (const WctChart *chart, const double frame[4], GString *svg)
{
  double y = frame[1] + 12;

  for (guint k = 0; k < chart->lines->len; k++)
    {
      const WctLine *line = g_ptr_array_index (chart->lines, k);
      char          *label = g_markup_escape_text (line->label, -1);

      if (line->x->len > 0)
        {
          g_string_append_printf (svg,
                                  "<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' stroke='%s' stroke-width='1.8' "
                                  "stroke-dasharray='%s'/>\n<text x='%.1f' y='%.1f'>%s</text>\n",
                                  frame[2] + 8, y - 4, frame[2] + 32, y - 4, colors[(size_t)line->color % COLOR_COUNT],
                                  dashes[(size_t)line->dash % DASH_COUNT], frame[2] + 38, y, label);
          y += LEGEND_ROW;
        }
      g_free (label);
    }
}

static void
draw_frame (const WctChart *chart, const double frame[4], GString *svg)
{
  const double middle = (frame[0] + frame[2]) / 2, half = (frame[1] + frame[3]) / 2;

  g_string_append_printf (svg, "<rect x='%.1f' y='%.1f' width='%.1f' height='%.1f' fill='none' stroke='#808080'/>\n",
                          frame[0], frame[1], frame[2] - frame[0], frame[3] - frame[1]);
  g_string_append_printf (svg,
                          "<text x='%.1f' y='%.1f' text-anchor='middle' font-size='14' font-weight='bold'>%s</text>\n",
                          middle, frame[1] - 10, chart->title);
  g_string_append_printf (svg, "<text x='%.1f' y='%.1f' text-anchor='middle'>%s</text>\n", middle, frame[3] + 33,
                          chart->x_label);
  g_string_append_printf (svg, "<text transform='translate(%.1f %.1f) rotate(-90)' text-anchor='middle'>%s</text>\n",
                          frame[0] - 48, half, chart->y_label);
}

void
wct_chart_draw (const WctChart *chart, double left, double top, double width, double height, GString *svg)
{
  const double frame[4] = { left + MARGIN_LEFT, top + MARGIN_TOP, left + width - MARGIN_RIGHT,
                            top + height - MARGIN_BOTTOM };
  Axis         x, y;

  g_string_append (svg, "<g font-family='sans-serif' font-size='11' fill='#202020'>\n");
  if (find_ranges (chart, &x, &y))
    {
      x.start = frame[0];
      x.direction = frame[2] - frame[0];
      y.start = frame[3];
      y.direction = frame[1] - frame[3];
      draw_ticks (&x, draw_x_tick, frame, svg);
      draw_ticks (&y, draw_y_tick, frame, svg);
      for (guint k = 0; k < chart->lines->len; k++)
        {
          const WctLine *line = g_ptr_array_index (chart->lines, k);

          if (line->x->len > 0)
            draw_path (chart, line, &x, &y, false, svg);
          if (line->x->len > 0 && line->smooth)
            draw_path (chart, line, &x, &y, true, svg);
          if (line->dots)
            draw_dots (chart, line, &x, &y, svg);
        }
      draw_legend (chart, frame, svg);
    }
  draw_frame (chart, frame, svg);
  g_string_append (svg, "</g>\n");
}
