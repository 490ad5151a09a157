#include "chart-page.h"

#include <vips/vips.h>

#include "newfile.h"
#include "picture.h"

#define PANEL_WIDTH  620
#define PANEL_HEIGHT 400
#define ACROSS       2
#define PNG_SCALE    1.5

WctStatus
wct_chart_page_check (const char *path, WctError *err)
{
  if (g_str_has_suffix (path, ".png") || g_str_has_suffix (path, ".svg"))
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_ARGUMENT, "%s: a plot is a .png or a .svg file", path);
}

static GString *
draw (const WctChart *charts, int count)
{
  const int width = ACROSS * PANEL_WIDTH, height = (count + ACROSS - 1) / ACROSS * PANEL_HEIGHT;
  GString  *svg = g_string_new (NULL);

  g_string_append_printf (svg,
                          "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' viewBox='0 0 %d %d'>\n"
                          "<rect width='100%%' height='100%%' fill='white'/>\n",
                          width, height, width, height);
  for (int i = 0; i < count; i++)
    wct_chart_draw (&charts[i], i % ACROSS * PANEL_WIDTH, i / ACROSS * PANEL_HEIGHT, PANEL_WIDTH, PANEL_HEIGHT, svg);
  g_string_append (svg, "</svg>\n");
  return svg;
}

static WctStatus
rasterize (const GString *svg, void **png, size_t *size, WctError *err)
{
  VipsImage *image = NULL;
  char       reason[256];
  int        failed = vips_svgload_buffer (svg->str, svg->len, &image, "scale", PNG_SCALE, NULL);

  failed = failed || vips_pngsave_buffer (image, png, size, NULL);
  g_clear_object (&image);
  if (!failed)
    return WCT_OK;
  wct_vips_reason (reason, sizeof reason);
  return wct_error_set (err, WCT_ERR_UNSUPPORTED, "the plot cannot be made a PNG: %s; name a .svg file", reason);
}

WctStatus
wct_chart_page_write (const WctChart *charts, int count, const char *path, bool force, WctError *err)
{
  GString  *svg = draw (charts, count);
  void     *png = NULL;
  size_t    size;
  WctStatus status;

  if (g_str_has_suffix (path, ".svg"))
    status = wct_new_file_save (path, force, svg->str, svg->len, err);
  else if ((status = rasterize (svg, &png, &size, err)) == WCT_OK)
    status = wct_new_file_save (path, force, png, size, err);
  g_free (png);
  g_string_free (svg, TRUE);
  return status;
}
