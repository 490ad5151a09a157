/* Charts on a page, two beside each other: a .png or a .svg file. */
#ifndef WCT_TRAINER_CHART_PAGE_H
#define WCT_TRAINER_CHART_PAGE_H

#include <wct/status.h>

#include "chart.h"

/* Does the path name a kind of file that a page can be? */
WctStatus wct_chart_page_check (const char *path, WctError *err);

WctStatus wct_chart_page_write (const WctChart *charts, int count, const char *path, bool force, WctError *err);

#endif
