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
#define WCT_STYLE_BLEND      (-1)
#define WCT_STRENGTH_AS_SET  (-1.0)
#define WCT_PATH_SIZE        4096
#define WCT_STYLES_MAX       8
#define WCT_PLACES_MAX       8
#define WCT_TEXTURE_SIDE_MAX 65536

/* One of the styles. */
typedef struct
{
  gint   id;                  /* of the host's sources; WCT_STYLE_NONE: file */
  char   file[WCT_PATH_SIZE]; /* a path, in the file system's encoding */
  double weight;              /* in the blend, 0 to 1; of one style alone it does not matter */
} WctStyleChoice;

typedef enum
{
  WCT_MASK_GRAY,      /* the light of a drawable: a selection, a channel, a layer's mask, a layer */
  WCT_MASK_ALPHA,     /* how opaque a layer is */
  WCT_MASK_SELECTION, /* what is selected, whatever that is when it is looked at */
  WCT_MASK_FILE,      /* the light of a picture, stretched over the content */
  WCT_MASK_ALL        /* everything */
} WctMaskKind;

/* Where a mask comes from. */
typedef struct
{
  WctMaskKind kind;
  gint        id;                  /* of the host's masks; only for gray and alpha */
  char        file[WCT_PATH_SIZE]; /* a path, likewise */
} WctMaskChoice;

/* A part of the picture with a style of its own: a later one covers the ones before it. */
typedef struct
{
  WctMaskChoice mask;
  gint          style;    /* index among the styles; WCT_STYLE_BLEND: all, by their weights */
  double        strength; /* the levels' strengths are taken times this, 0 to 1; WCT_STRENGTH_AS_SET: as they are */
} WctPlace;

typedef struct
{
  WctMode        mode;
  gint           style_count; /* 0: no style */
  WctStyleChoice styles[WCT_STYLES_MAX];
  gint           place_count; /* 0: the styles are for the whole picture */
  WctPlace       places[WCT_PLACES_MAX];
  WctOutputMode  output;
  gint           width, height; /* of a texture in a new layer, px; 0: as the host says */
  WctParams      params;
} WctSettings;

/* What is used where nothing was said. A texture: all the way at all levels, three passes. No style. */
void wct_settings_init (WctMode mode, WctSettings *settings);

/* Has this mode the row of the table? Sizes of pictures are the host's, only noise has a seed and can be guided, and it
 * has neither colors nor details nor places to keep. */
gboolean wct_mode_has (WctMode mode, const WctParamInfo *info);

gboolean wct_settings_have_style (const WctSettings *settings);

/* This style alone. @file: NULL or "": the source @id; with both none, no style */
void wct_settings_set_style (WctSettings *settings, gint id, const char *file);

/* One more, with all its weight; FALSE where there are WCT_STYLES_MAX already. */
gboolean wct_settings_add_style (WctSettings *settings, gint id, const char *file);

/* Places that had it get the blend. */
void wct_settings_remove_style (WctSettings *settings, gint index);

/* @from's styles with their weights, and its places. */
void wct_settings_copy_styles (const WctSettings *from, WctSettings *to);

gboolean wct_style_choice_same (const WctStyleChoice *a, const WctStyleChoice *b); /* whatever their weights */
gboolean wct_mask_choice_same (const WctMaskChoice *a, const WctMaskChoice *b);
gboolean wct_settings_same (const WctSettings *a, const WctSettings *b);

/* A file of statistics (wct/style.h) rather than a picture? */
gboolean wct_is_style_file (const char *path);

/* Everything but styles and places, as a group of a key file: names of the table, numbers as in C. The weights, where
 * there are several styles. */
void wct_settings_write (const WctSettings *settings, GKeyFile *file, const char *group);

/**
 * wct_settings_read: what wct_settings_write wrote.
 * @settings: changed where FALSE is not returned; styles and places stay, and take the weights where they are as many
 * FALSE where the group is missing or holds what cannot be used. Keys that are missing leave what @settings has.
 */
gboolean wct_settings_read (WctSettings *settings, GKeyFile *file, const char *group);

/* Other strengths, damping and style scale within what is worth looking at, and of a texture another noise: the same
 * for the same @seed. Levels may be turned off, never all. */
void wct_settings_randomize (WctSettings *settings, guint32 seed);

/* "Night, style (0.6)": what a layer made with them is called; to be freed with g_free. */
char *wct_settings_name (const WctSettings *settings, const char *style);

#endif
