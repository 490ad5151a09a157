/* The manual, for Help. */
#ifndef WCT_UI_MANUAL_H
#define WCT_UI_MANUAL_H

#include <wct/status.h>

/* Opens it in the user's browser. WCT_ERR_IO with a sentence where there is none, or no manual. */
WctStatus wct_manual_show (WctError *err);

#endif
