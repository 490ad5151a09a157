/* Pictures are kept small, in bytes; names are drawn, and all is put together, when the sheet is saved. */
#include "sheet.h"

#include <stdlib.h>
#include <string.h>

#include <vips/vips.h>

#include "picture.h"

#define COLORS 3

/* Bytes; a picture of 3 bands, or a name's ink of 1. */
typedef struct
{
  uint8_t *bytes; /* owned; NULL: none */
  int32_t  width, height;
} Tile;

struct WctSheet
{
  int     rows, columns;
  int32_t tile_px;
  char  **row_names, **column_names; /* owned; (rows) and (columns); NULL: none */
  Tile   *tiles;                     /* owned; (rows, columns); without bytes: room that is kept */
};

WctStatus
wct_sheet_new (int rows, int columns, int32_t tile_px, WctSheet **out, WctError *err)
{
  WctSheet *sheet = calloc (1, sizeof *sheet);

  if (sheet != NULL)
    *sheet = (WctSheet){ .rows = rows,
                         .columns = columns,
                         .tile_px = tile_px,
                         .row_names = calloc ((size_t)rows, sizeof (char *)),
                         .column_names = calloc ((size_t)columns, sizeof (char *)),
                         .tiles = calloc ((size_t)rows * (size_t)columns, sizeof (Tile)) };
  if (sheet == NULL || sheet->row_names == NULL || sheet->column_names == NULL || sheet->tiles == NULL)
    {
      wct_sheet_free (&sheet);
      return wct_error_set (err, WCT_ERR_NO_MEMORY, "there is not enough memory for a contact sheet");
    }
  *out = sheet;
  return WCT_OK;
}

static void
free_names (char **names, int count)
{
  for (int i = 0; names != NULL && i < count; i++)
    g_free (names[i]);
  free (names);
}

void
wct_sheet_free (WctSheet **sheet)
{
  WctSheet *old = *sheet;

  *sheet = NULL;
  if (old == NULL)
    return;
  free_names (old->row_names, old->rows);
  free_names (old->column_names, old->columns);
  for (int i = 0; old->tiles != NULL && i < old->rows * old->columns; i++)
    free (old->tiles[i].bytes);
  free (old->tiles);
  free (old);
}

static void
set_name (char **name, const char *text)
{
  g_free (*name);
  *name = g_utf8_make_valid (text, -1);
}

void
wct_sheet_name_column (WctSheet *sheet, int column, const char *text)
{
  set_name (&sheet->column_names[column], text);
}

void
wct_sheet_name_row (WctSheet *sheet, int row, const char *text)
{
  set_name (&sheet->row_names[row], text);
}

static Tile *
tile_at (const WctSheet *sheet, int row, int column)
{
  return &sheet->tiles[row * sheet->columns + column];
}

void
wct_sheet_reserve (WctSheet *sheet, int row, int column, int32_t width, int32_t height)
{
  *tile_at (sheet, row, column) = (Tile){ .width = width, .height = height };
}

/* What libvips said. */
static WctStatus
failed (WctError *err)
{
  char reason[256];

  wct_vips_reason (reason, sizeof reason);
  return wct_error_set (err, WCT_ERR_UNSUPPORTED, "the contact sheet cannot be made: %s", reason);
}

static WctStatus
no_memory (int32_t width, int32_t height, WctError *err)
{
  return wct_error_set (err, WCT_ERR_NO_MEMORY, "%d×%d pixels: there is not enough memory for the contact sheet", width,
                        height);
}

/* ---- Pictures ----------------------------------------------------------------------------------------------- */

/* Rounded as a file of that picture alone is (output.c). */
static void
to_bytes (const WctImage *picture, uint8_t *out)
{
  for (int32_t y = 0; y < picture->height; y++)
    {
      const float *row = (const float *)((const char *)picture->pixels + (size_t)y * picture->row_stride_bytes);

      for (int32_t i = 0; i < COLORS * picture->width; i++)
        {
          const double value = row[i];

          *out++ = (uint8_t)((!(value > 0) ? 0 : value < 1 ? value : 1) * 255 + 0.5);
        }
    }
}

/* The pixels of @image, which is consumed; NULL: libvips failed before. */
static WctStatus
keep_pixels (VipsImage *image, Tile *tile, WctError *err)
{
  void  *bytes = NULL;
  size_t size;

  if (image != NULL)
    bytes = vips_image_write_to_memory (image, &size);
  if (bytes != NULL)
    *tile = (Tile){ malloc (size), image->Xsize, image->Ysize };
  if (bytes != NULL && tile->bytes != NULL)
    memcpy (tile->bytes, bytes, size); /* which libvips allocated in a way of its own */
  g_clear_object (&image);
  if (bytes == NULL)
    return failed (err);
  g_free (bytes);
  return tile->bytes == NULL ? no_memory (tile->width, tile->height, err) : WCT_OK;
}

/* Made smaller, so that it fits. Takes @tile's bytes and gives others. */
static WctStatus
fit (Tile *tile, int32_t width, int32_t height, WctError *err)
{
  uint8_t   *whole = tile->bytes;
  VipsImage *image = vips_image_new_from_memory (whole, COLORS * (size_t)tile->width * (size_t)tile->height,
                                                 tile->width, tile->height, COLORS, VIPS_FORMAT_UCHAR);
  VipsImage *colored = NULL, *fitted = NULL;
  WctStatus  status;

  if (image != NULL && vips_copy (image, &colored, "interpretation", VIPS_INTERPRETATION_sRGB, NULL) == 0)
    vips_thumbnail_image (colored, &fitted, width, "height", height, "size", VIPS_SIZE_DOWN, NULL);
  tile->bytes = NULL;
  status = keep_pixels (fitted, tile, err);
  g_clear_object (&image);
  g_clear_object (&colored);
  free (whole);
  return status;
}

WctStatus
wct_sheet_put (WctSheet *sheet, int row, int column, const WctImage *picture, WctError *err)
{
  const int32_t width = picture->width, height = picture->height;
  Tile         *place = tile_at (sheet, row, column);
  const int32_t widest = place->width > 0 ? place->width : sheet->tile_px;
  const int32_t highest = place->height > 0 ? place->height : sheet->tile_px;
  Tile          tile = { malloc (COLORS * (size_t)width * (size_t)height), width, height };
  WctStatus     status;

  if (tile.bytes == NULL)
    return no_memory (width, height, err);
  to_bytes (picture, tile.bytes);
  if (width > widest || height > highest)
    WCT_TRY (fit (&tile, widest, highest, err));
  free (place->bytes);
  *place = tile;
  tile.bytes = NULL;
  status = WCT_OK;

out:
  free (tile.bytes);
  return status;
}

/* ---- Where things are --------------------------------------------------------------------------------------- */

static int32_t
gap_px (const WctSheet *sheet)
{
  return MAX (2, sheet->tile_px * 3 / 100);
}

/* Height of a line of names; 0 where there are none. */
static int32_t
names_px (const WctSheet *sheet, char *const *names, int count)
{
  for (int i = 0; i < count; i++)
    if (names[i] != NULL)
      return MAX (16, sheet->tile_px * 13 / 100);
  return 0;
}

static int32_t
column_px (const WctSheet *sheet, int column)
{
  int32_t widest = 0;

  for (int row = 0; row < sheet->rows; row++)
    widest = MAX (widest, tile_at (sheet, row, column)->width);
  return widest;
}

static int32_t
row_px (const WctSheet *sheet, int row)
{
  int32_t highest = 0;

  for (int column = 0; column < sheet->columns; column++)
    highest = MAX (highest, tile_at (sheet, row, column)->height);
  return highest;
}

/* The field that a picture lies in the middle of. One behind the last: where the next would be. */
static WctSheetPlace
field_of (const WctSheet *sheet, int row, int column)
{
  WctSheetPlace field = { .left = names_px (sheet, sheet->row_names, sheet->rows),
                          .top = names_px (sheet, sheet->column_names, sheet->columns) };

  for (int i = 0; i < column; i++)
    field.left += column_px (sheet, i) + gap_px (sheet);
  for (int i = 0; i < row; i++)
    field.top += row_px (sheet, i) + gap_px (sheet);
  field.width = column < sheet->columns ? column_px (sheet, column) : 0;
  field.height = row < sheet->rows ? row_px (sheet, row) : 0;
  return field;
}

void
wct_sheet_size (const WctSheet *sheet, int32_t *width, int32_t *height)
{
  const WctSheetPlace end = field_of (sheet, sheet->rows, sheet->columns);

  *width = MAX (1, end.left - gap_px (sheet));
  *height = MAX (1, end.top - gap_px (sheet));
}

static WctSheetPlace
center (WctSheetPlace field, int32_t width, int32_t height)
{
  return (WctSheetPlace){ field.left + (field.width - width) / 2, field.top + (field.height - height) / 2, width,
                          height };
}

WctSheetPlace
wct_sheet_place (const WctSheet *sheet, int row, int column)
{
  const Tile *tile = tile_at (sheet, row, column);

  return center (field_of (sheet, row, column), tile->width, tile->height);
}

size_t
wct_sheet_bytes (const WctSheet *sheet)
{
  int32_t width, height;
  size_t  bytes;

  wct_sheet_size (sheet, &width, &height);
  return __builtin_mul_overflow ((size_t)width * COLORS, (size_t)height, &bytes) ? SIZE_MAX : bytes;
}

/* ---- The whole ---------------------------------------------------------------------------------------------- */

typedef struct
{
  uint8_t *bytes; /* owned */
  int32_t  width, height;
} Canvas;

static uint8_t *
canvas_row (const Canvas *canvas, WctSheetPlace place, int32_t y)
{
  return canvas->bytes + ((size_t)(place.top + y) * (size_t)canvas->width + (size_t)place.left) * COLORS;
}

static void
draw_tile (const Tile *tile, WctSheetPlace place, const Canvas *canvas)
{
  const size_t row = (size_t)tile->width * COLORS;

  for (int32_t y = 0; y < tile->height && tile->bytes != NULL; y++)
    memcpy (canvas_row (canvas, place, y), tile->bytes + (size_t)y * row, row);
}

/* Ink of a line of text, no longer than @longest and no higher than @highest; upward where @upward. */
static WctStatus
ink_text (const char *text, int32_t font_px, int32_t longest, int32_t highest, bool upward, Tile *ink, WctError *err)
{
  char      *escaped = g_markup_escape_text (text, -1), *font = g_strdup_printf ("sans %d", font_px);
  VipsImage *line = NULL, *fitted = NULL, *turned = NULL;

  if (vips_text (&line, escaped, "font", font, NULL) == 0) /* 72 dots an inch: points are pixels */
    vips_resize (line, &fitted, MIN (1, MIN ((double)longest / line->Xsize, (double)highest / line->Ysize)), NULL);
  if (fitted != NULL)
    vips_rot (fitted, &turned, upward ? VIPS_ANGLE_D270 : VIPS_ANGLE_D0, NULL);
  g_free (escaped);
  g_free (font);
  g_clear_object (&line);
  g_clear_object (&fitted);
  return keep_pixels (turned, ink, err);
}

static WctStatus
draw_name (const WctSheet *sheet, const char *text, WctSheetPlace field, bool upward, const Canvas *canvas,
           WctError *err)
{
  const int32_t font_px = MAX (9, sheet->tile_px * 6 / 100);
  Tile          ink = { 0 };
  WctSheetPlace place;
  WctStatus     status;

  if (text == NULL || text[0] == '\0' || field.width < 1 || field.height < 1)
    return WCT_OK;
  WCT_TRY (ink_text (text, font_px, upward ? field.height : field.width, upward ? field.width : field.height, upward,
                     &ink, err));
  place = center (field, ink.width, ink.height);
  for (int32_t y = 0; y < ink.height; y++)
    {
      uint8_t *to = canvas_row (canvas, place, y);

      for (int32_t x = 0; x < ink.width; x++, to += COLORS)
        memset (to, 255 - ink.bytes[(size_t)y * (size_t)ink.width + (size_t)x], COLORS);
    }

out:
  free (ink.bytes);
  return status;
}

static WctStatus
draw_names (const WctSheet *sheet, const Canvas *canvas, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int column = 0; column < sheet->columns && status == WCT_OK; column++)
    {
      WctSheetPlace field = field_of (sheet, 0, column);

      field.height = field.top;
      field.top = 0;
      status = draw_name (sheet, sheet->column_names[column], field, false, canvas, err);
    }
  for (int row = 0; row < sheet->rows && status == WCT_OK; row++)
    {
      WctSheetPlace field = field_of (sheet, row, 0);

      field.width = field.left;
      field.left = 0;
      status = draw_name (sheet, sheet->row_names[row], field, true, canvas, err);
    }
  return status;
}

static WctStatus
draw_all (const WctSheet *sheet, Canvas *canvas, WctError *err)
{
  const size_t size = wct_sheet_bytes (sheet);

  wct_sheet_size (sheet, &canvas->width, &canvas->height);
  canvas->bytes = size == SIZE_MAX ? NULL : malloc (size);
  if (canvas->bytes == NULL)
    return no_memory (canvas->width, canvas->height, err);
  memset (canvas->bytes, 255, size);
  for (int row = 0; row < sheet->rows; row++)
    for (int column = 0; column < sheet->columns; column++)
      draw_tile (tile_at (sheet, row, column), wct_sheet_place (sheet, row, column), canvas);
  return draw_names (sheet, canvas, err);
}

static WctStatus
get_rows (void *user, int32_t first, WctImage *rows, WctError *err)
{
  const Canvas  *canvas = user;
  const uint8_t *from = canvas->bytes + (size_t)first * (size_t)canvas->width * COLORS;

  (void)err;
  for (size_t i = 0; i < (size_t)rows->width * (size_t)rows->height * COLORS; i++)
    rows->pixels[i] = (float)from[i] / 255;
  return WCT_OK;
}

WctStatus
wct_sheet_save (const WctSheet *sheet, const WctOutput *output, WctError *err)
{
  Canvas             canvas = { 0 };
  const WctRowSource rows = { .get = get_rows, .user = &canvas };
  WctPicture         picture;
  WctStatus          status;

  WCT_TRY (draw_all (sheet, &canvas, err));
  WCT_TRY (wct_output_check_size (output, canvas.width, canvas.height, err));
  wct_picture_describe_new (canvas.width, canvas.height, &picture);
  WCT_TRY (wct_output_save (output, &picture, &rows, err));

out:
  free (canvas.bytes);
  return status;
}
