/* A result that can be gone back to: the settings, and the preview that they gave. */
#ifndef WCT_UI_KEPT_RESULT_H
#define WCT_UI_KEPT_RESULT_H

#include "session.h"

typedef struct
{
  WctSettings  settings;
  WctPreviewed preview; /* pictures counted */
} WctKeptResult;

WctKeptResult *wct_kept_result_new (const WctSettings *settings, const WctPreviewed *preview);
WctKeptResult *wct_kept_result_copy (const WctKeptResult *kept);
void           wct_kept_result_free (WctKeptResult **kept); /* NULL is welcome; sets *kept to NULL */

#endif
