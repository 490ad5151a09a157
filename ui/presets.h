/* Settings with names: the method's own, and the user's, which are kept in a file. */
#ifndef WCT_UI_PRESETS_H
#define WCT_UI_PRESETS_H

#include "settings.h"

typedef struct
{
  const char *id;             /* for tests and files */
  const char *name, *purpose; /* untranslated, marked */
  WctMode     mode;
  double      alpha[WCT_LEVELS]; /* by level - 1; below 0: off */
} WctPreset;

extern const WctPreset wct_presets[];
extern const int       wct_preset_count;

/* Levels, strengths and mode; a texture gets its passes. Style, seed, sizes and output stay. */
void wct_preset_apply (const WctPreset *preset, WctSettings *settings);

typedef struct WctUserPresets WctUserPresets;

/* Of this user; a file that cannot be read is none. The file: gimp-wct/presets.ini in the user's configuration. */
WctUserPresets *wct_user_presets_open (void);
void            wct_user_presets_free (WctUserPresets **presets);

char   **wct_user_presets_names (const WctUserPresets *presets); /* to be freed with g_strfreev */
gboolean wct_user_presets_apply (const WctUserPresets *presets, const char *name, WctSettings *settings);

/* Both write the file at once, whole. WCT_ERR_IO with a sentence; then nothing has changed. */
WctStatus wct_user_presets_save (WctUserPresets *presets, const char *name, const WctSettings *settings, WctError *err);
WctStatus wct_user_presets_delete (WctUserPresets *presets, const char *name, WctError *err);

#endif
