/* What a user chose: for one run, for the session, for a preset, and to be read back from a layer. */
#ifndef WCT_UI_SETTINGS_H
#define WCT_UI_SETTINGS_H

#include <glib.h>

#include <wct/params.h>

typedef enum
{
  WCT_MODE_STYLIZE, /* the content is a picture */
  WCT_MODE_TEXTURE  /* the content is noise */
} WctMode;

typedef enum
{
  WCT_OUTPUT_LAYER, /* a new one, above */
  WCT_OUTPUT_REPLACE
} WctOutputMode;

#define WCT_STYLE_NONE       (-1)
#define WCT_TEXTURE_SIDE_MAX 65536

typedef struct
{
  WctMode       mode;
  gint          style; /* of the host's sources; WCT_STYLE_NONE: style_file, and no style where that is empty */
  char          style_file[4096]; /* a path, in the file system's encoding */
  WctOutputMode output;
  gint          width, height; /* of a texture in a new layer, px; 0: as the host says */
  WctParams     params;
} WctSettings;

/* What is used where nothing was said. A texture: all the way at all levels, three passes. No style. */
void wct_settings_init (WctMode mode, WctSettings *settings);

/* Has this mode the row of the table? Sizes of pictures are the host's, and only noise has a seed. */
gboolean wct_mode_has (WctMode mode, const WctParamInfo *info);

gboolean wct_settings_have_style (const WctSettings *settings);

/* Everything but the style, as a group of a key file: names of the table, numbers as in C. */
void wct_settings_write (const WctSettings *settings, GKeyFile *file, const char *group);

/**
 * wct_settings_read: what wct_settings_write wrote.
 * @settings: changed where FALSE is not returned; the style stays
 * FALSE where the group is missing or holds what cannot be used. Keys that are missing leave what @settings has.
 */
gboolean wct_settings_read (WctSettings *settings, GKeyFile *file, const char *group);

/* "Night, style (0.6)": what a layer made with them is called; to be freed with g_free. */
char *wct_settings_name (const WctSettings *settings, const char *style);

#endif
