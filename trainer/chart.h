/* Line charts as SVG text. */
#ifndef WCT_TRAINER_CHART_H
#define WCT_TRAINER_CHART_H

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

/* A line; values in order of x. */
typedef struct
{
  char    label[64];
  int     color;  /* an index; levels of one kind have one color */
  int     dash;   /* 0: solid; others tell runs apart */
  bool    dots;   /* mark the values */
  bool    smooth; /* draw the values faintly, and their running mean over them */
  GArray *x, *y;  /* of double; owned */
} WctLine;

typedef struct
{
  const char *title, *x_label, *y_label;
  bool        log_x, log_y;
  GPtrArray  *lines; /* of WctLine *; borrowed */
} WctChart;

WctLine *wct_line_new (const char *label, int color, int dash, bool smooth);
void     wct_line_free (void *line);
void     wct_line_add (WctLine *line, double x, double y); /* values that are not finite are left out */

/* Appends the chart to @svg, in the rectangle given. Lines without a point are left out. */
void wct_chart_draw (const WctChart *chart, double left, double top, double width, double height, GString *svg);

#endif
