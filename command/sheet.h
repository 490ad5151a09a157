/* Contact sheets: pictures in rows and columns on white, each row and column with its name. */
#ifndef WCT_COMMAND_SHEET_H
#define WCT_COMMAND_SHEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wct/image.h>
#include <wct/status.h>

#include "output.h"

typedef struct WctSheet WctSheet;

/* A rectangle of the sheet, in pixels. */
typedef struct
{
  int32_t left, top, width, height;
} WctSheetPlace;

/* @tile_px: side of the square that each picture is fitted into; larger ones are made smaller. Rows are as high and
 * columns as wide as what is in them; names and the gaps go with @tile_px. */
WctStatus wct_sheet_new (int rows, int columns, int32_t tile_px, WctSheet **out, WctError *err);
void      wct_sheet_free (WctSheet **sheet); /* NULL is welcome */

/* Above a column, and beside a row, upward. In one line: what is too long is made smaller. */
void wct_sheet_name_column (WctSheet *sheet, int column, const char *text);
void wct_sheet_name_row (WctSheet *sheet, int row, const char *text);

/* Keeps room for a picture of this size, so that the sheet's size is known before the pictures are, and a picture that
 * comes is fitted into it instead of the square. */
void wct_sheet_reserve (WctSheet *sheet, int row, int column, int32_t width, int32_t height);

/* @picture: 3 channels; clipped to [0,1]; copied. Places may be filled from different threads, each once at most; what
 * is not stays white. */
WctStatus wct_sheet_put (WctSheet *sheet, int row, int column, const WctImage *picture, WctError *err);

/* The whole as far as it is known, and where the picture is in it. */
void          wct_sheet_size (const WctSheet *sheet, int32_t *width, int32_t *height);
WctSheetPlace wct_sheet_place (const WctSheet *sheet, int row, int column);

/* What wct_sheet_save takes beside the pictures, in bytes; SIZE_MAX where that does not fit. */
size_t wct_sheet_bytes (const WctSheet *sheet);

/* In 8 bits, as wct_output_save. */
WctStatus wct_sheet_save (const WctSheet *sheet, const WctOutput *output, WctError *err);

#endif
