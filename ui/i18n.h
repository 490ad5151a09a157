/* Texts in the user's language. */
#ifndef WCT_UI_I18N_H
#define WCT_UI_I18N_H

#include <libintl.h>

#define _(text)  gettext (text)
#define N_(text) text

/* Where catalogs are: where they were installed, or $WCT_LOCALE_DIR, for a build that is not installed. */
const char *wct_locale_dir (void);

/* After setlocale, before the first text. */
void wct_i18n_init (void);

#endif
