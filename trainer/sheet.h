/* Contact sheets: pictures in rows and columns, each column with its name. */
#ifndef WCT_TRAINER_SHEET_H
#define WCT_TRAINER_SHEET_H

#include <stdbool.h>

#include <wct/image.h>
#include <wct/status.h>

typedef struct WctSheet WctSheet;

/* @tile_px: side of the square that each picture is fitted into; larger ones are made smaller */
WctStatus wct_sheet_new (int rows, int columns, int32_t tile_px, WctSheet **out, WctError *err);
void      wct_sheet_free (WctSheet **sheet);

/* Above a column, in one line. What is too long is made smaller. */
WctStatus wct_sheet_name (WctSheet *sheet, int column, const char *text, WctError *err);

/* @picture: 3 channels; clipped to [0,1]; copied. Places may be filled from different threads, each once at most; what
 * is not stays white. */
WctStatus wct_sheet_put (WctSheet *sheet, int row, int column, const WctImage *picture, WctError *err);

/* A PNG. */
WctStatus wct_sheet_write (const WctSheet *sheet, const char *path, bool force, WctError *err);

#endif
