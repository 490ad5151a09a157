/* What the dialog asks of the program around it: GIMP, the demo, a test. All calls come on the main thread. */
#ifndef WCT_UI_HOST_H
#define WCT_UI_HOST_H

#include <gdk-pixbuf/gdk-pixbuf.h>

#include "picture.h"
#include "settings.h"

/* A picture that a style can be taken from. */
typedef struct
{
  gint  id;   /* 0 or more */
  char *name; /* "portrait.png / Background" */
} WctSource;

void wct_source_free (gpointer source); /* for arrays of them */

/* A mask that a region can have. */
typedef struct
{
  WctMaskKind kind;
  gint        id;
  char       *name;
} WctMaskSource;

void wct_mask_source_free (gpointer source); /* for arrays of them */

/* A part of the content, in its pixels. */
typedef struct
{
  gint x, y, width, height;
} WctPart;

typedef struct WctHost WctHost;

/* A host has this as its first member. Failing calls leave what they would write, and say one sentence. */
struct WctHost
{
  int threads; /* to compute with; 0: one for each processor */

  /* All there are now, in a new array of WctSource. */
  GPtrArray *(*sources) (WctHost *host);
  /* At most @size px wide and high; NULL where there is none. */
  GdkPixbuf *(*thumbnail) (WctHost *host, gint id, gint size);
  WctStatus (*source_size) (WctHost *host, gint id, gint *width, gint *height, WctError *err);
  WctStatus (*read_source) (WctHost *host, gint id, gint longer_side, WctPicture **out, WctError *err);

  /* What would be worked on with these settings: for a texture, how large it would be. */
  WctStatus (*content_size) (WctHost *host, const WctSettings *settings, gint *width, gint *height, WctError *err);
  /* A part of what would be stylized, scaled to this size; of a texture: of its guide. */
  WctStatus (*read_content) (WctHost *host, const WctPart *part, gint width, gint height, WctPicture **out,
                             WctError *err);

  /* Masks that there are now, in a new array of WctMaskSource. NULL: the host has none but files. */
  GPtrArray *(*masks) (WctHost *host);
  /* Over all of the content, scaled to this size. Not asked for a file. */
  WctStatus (*read_mask) (WctHost *host, const WctMaskChoice *mask, gint width, gint height, WctPicture **out,
                          WctError *err);

  /* Before the work: may it be done, and on which pixels? For a texture those are not set. */
  WctStatus (*begin) (WctHost *host, const WctSettings *settings, WctPicture **content, WctError *err);
  /* After it: the result of what was begun last goes to where the settings say. One step of undo. */
  WctStatus (*finish) (WctHost *host, const WctSettings *settings, const WctPicture *result, const char *model,
                       WctError *err);
  /* From 0 to 1; below 0: it has ended. */
  void (*progress) (WctHost *host, double done);

  /* The settings that what is worked on, or what is chosen as style, was made with. FALSE: none. NULL: never. */
  gboolean (*reuse) (WctHost *host, WctSettings *settings);
  WctStatus (*help) (WctHost *host, WctError *err); /* NULL: no help */
};

#endif
