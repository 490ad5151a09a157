#include "sheet.h"

#include <vips/vips.h>

#include "mem.h"
#include "newfile.h"
#include "picture.h"

#define GAP_PX  6
#define NAME_PX 26 /* height of the line of names */

struct WctSheet
{
  int         rows, columns;
  int32_t     tile_px;
  VipsImage **names; /* owned; (columns); NULL: none */
  VipsImage **tiles; /* owned; (rows, columns); likewise */
};

WctStatus
wct_sheet_new (int rows, int columns, int32_t tile_px, WctSheet **out, WctError *err)
{
  WctSheet *sheet = NULL;
  WctStatus status;

  WCT_TRY (wct_alloc (1, sizeof *sheet, "contact sheet", &sheet, err));
  *sheet = (WctSheet){ .rows = rows, .columns = columns, .tile_px = tile_px };
  WCT_TRY (wct_alloc ((size_t)columns, sizeof *sheet->names, "contact sheet", &sheet->names, err));
  WCT_TRY (wct_alloc ((size_t)rows * (size_t)columns, sizeof *sheet->tiles, "contact sheet", &sheet->tiles, err));
  *out = sheet;
  sheet = NULL;

out:
  wct_sheet_free (&sheet);
  return status;
}

void
wct_sheet_free (WctSheet **sheet)
{
  if (*sheet == NULL)
    return;
  for (int i = 0; i < (*sheet)->columns && (*sheet)->names != NULL; i++)
    g_clear_object (&(*sheet)->names[i]);
  for (int i = 0; i < (*sheet)->rows * (*sheet)->columns && (*sheet)->tiles != NULL; i++)
    g_clear_object (&(*sheet)->tiles[i]);
  wct_free (&(*sheet)->names);
  wct_free (&(*sheet)->tiles);
  wct_free (sheet);
}

/* What libvips said. */
static WctStatus
failed (WctError *err)
{
  char reason[256];

  wct_vips_reason (reason, sizeof reason);
  return wct_error_set (err, WCT_ERR_UNSUPPORTED, "the contact sheet cannot be made: %s", reason);
}

/* In the middle of a white field. Takes @image. */
static VipsImage *
center (VipsImage *image, int width, int height)
{
  double           white[] = { 255, 255, 255 };
  VipsArrayDouble *background = vips_array_double_new (white, 3);
  VipsImage       *field = NULL;

  vips_gravity (image, &field, VIPS_COMPASS_DIRECTION_CENTRE, width, height, "extend", VIPS_EXTEND_BACKGROUND,
                "background", background, NULL);
  vips_area_unref (VIPS_AREA (background));
  g_object_unref (image);
  return field;
}

/* Black on white, no wider than that; NULL where it cannot be drawn. */
static VipsImage *
draw_text (const char *text, int width)
{
  char      *escaped = g_markup_escape_text (text, -1);
  VipsImage *mask = NULL, *ink = NULL, *colored = NULL, *fitted = NULL;

  if (vips_text (&mask, escaped, "font", "sans 10", NULL) == 0 && vips_invert (mask, &ink, NULL) == 0
      && vips_colourspace (ink, &colored, VIPS_INTERPRETATION_sRGB, NULL) == 0)
    vips_thumbnail_image (colored, &fitted, width, "height", NAME_PX, "size", VIPS_SIZE_DOWN, NULL);
  g_clear_object (&mask);
  g_clear_object (&ink);
  g_clear_object (&colored);
  g_free (escaped);
  return fitted;
}

WctStatus
wct_sheet_name (WctSheet *sheet, int column, const char *text, WctError *err)
{
  VipsImage *drawn = draw_text (text, sheet->tile_px - 4);

  if (drawn != NULL)
    sheet->names[column] = center (drawn, sheet->tile_px, NAME_PX);
  return sheet->names[column] == NULL ? failed (err) : WCT_OK;
}

static void
to_bytes (const WctImage *picture, uint8_t *out)
{
  for (int32_t y = 0; y < picture->height; y++)
    {
      const float *row = (const float *)((const char *)picture->pixels + (size_t)y * picture->row_stride_bytes);

      for (int32_t i = 0; i < 3 * picture->width; i++)
        *out++ = (uint8_t)(255 * (row[i] < 0 ? 0 : row[i] > 1 ? 1 : row[i]) + 0.5f);
    }
}

static VipsImage *
make_tile (const uint8_t *bytes, size_t size, int width, int height, int side)
{
  VipsImage *whole = vips_image_new_from_memory_copy (bytes, size, width, height, 3, VIPS_FORMAT_UCHAR);
  VipsImage *colored = NULL, *fitted = NULL;

  if (whole != NULL && vips_copy (whole, &colored, "interpretation", VIPS_INTERPRETATION_sRGB, NULL) == 0)
    vips_thumbnail_image (colored, &fitted, side, "height", side, "size", VIPS_SIZE_DOWN, NULL);
  g_clear_object (&whole);
  g_clear_object (&colored);
  return fitted == NULL ? NULL : center (fitted, side, side);
}

WctStatus
wct_sheet_put (WctSheet *sheet, int row, int column, const WctImage *picture, WctError *err)
{
  const size_t size = 3 * (size_t)picture->width * (size_t)picture->height;
  VipsImage  **tile = &sheet->tiles[row * sheet->columns + column];
  uint8_t     *bytes = NULL;
  WctStatus    status = wct_alloc (size, 1, "contact sheet", &bytes, err);

  if (status != WCT_OK)
    return status;
  to_bytes (picture, bytes);
  *tile = make_tile (bytes, size, picture->width, picture->height, sheet->tile_px);
  wct_free (&bytes);
  return *tile == NULL ? failed (err) : WCT_OK;
}

/* ---- The whole ---------------------------------------------------------------------------------------------- */

/* @count of @images side by side, @across in a row; where there is none, white. */
static VipsImage *
join (VipsImage *const *images, int count, int across, int width, int height)
{
  double           color[] = { 255, 255, 255 };
  VipsArrayDouble *background = vips_array_double_new (color, 3);
  VipsImage      **all = g_new0 (VipsImage *, count), *black = NULL, *white = NULL, *joined = NULL;

  if (vips_black (&black, width, height, "bands", 3, NULL) == 0
      && vips_linear1 (black, &white, 1, 255, "uchar", TRUE, NULL) == 0)
    {
      for (int i = 0; i < count; i++)
        all[i] = images[i] != NULL ? images[i] : white;
      vips_arrayjoin (all, &joined, count, "across", across, "shim", GAP_PX, "background", background, NULL);
    }
  g_clear_object (&black);
  g_clear_object (&white);
  vips_area_unref (VIPS_AREA (background));
  g_free (all);
  return joined;
}

static VipsImage *
assemble (const WctSheet *sheet)
{
  VipsImage *names = join (sheet->names, sheet->columns, sheet->columns, sheet->tile_px, NAME_PX);
  VipsImage *tiles = join (sheet->tiles, sheet->rows * sheet->columns, sheet->columns, sheet->tile_px, sheet->tile_px);
  VipsImage *whole = NULL, *colored = NULL;

  if (names != NULL && tiles != NULL)
    vips_join (names, tiles, &whole, VIPS_DIRECTION_VERTICAL, NULL);
  if (whole != NULL)
    vips_copy (whole, &colored, "interpretation", VIPS_INTERPRETATION_sRGB, NULL);
  g_clear_object (&names);
  g_clear_object (&tiles);
  g_clear_object (&whole);
  return colored;
}

WctStatus
wct_sheet_write (const WctSheet *sheet, const char *path, bool force, WctError *err)
{
  VipsImage *whole = assemble (sheet);
  void      *png = NULL;
  size_t     size;
  WctStatus  status = WCT_OK;

  if (whole == NULL || vips_pngsave_buffer (whole, &png, &size, NULL) != 0)
    status = failed (err);
  if (status == WCT_OK)
    status = wct_new_file_save (path, force, png, size, err);
  g_free (png);
  g_clear_object (&whole);
  return status;
}
