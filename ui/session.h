/* What happens between a user's hands and the worker: settings change, previews follow, a result is applied. No
 * widgets. Main thread. */
#ifndef WCT_UI_SESSION_H
#define WCT_UI_SESSION_H

#include "engine.h"
#include "host.h"

/* The longer side of what a preview is computed on, unless it is to be accurate. */
#define WCT_PREVIEW_SIDE 512

typedef struct WctSession WctSession;

/* A preview, with what it was made from. Pictures are borrowed. */
typedef struct
{
  WctPart     part;           /* of the content that is seen */
  gint        width, height;  /* of all the content */
  WctPicture *before, *after; /* of equal size */
  gboolean    full_size; /* no pixel was left out; of a part, statistics are the whole's, taken where it is small */
  gboolean    exact;     /* the very pixels that applying would make */
  gboolean    newest;    /* of the settings as they are now */
} WctPreviewed;

typedef struct
{
  void (*previewed) (gpointer user, const WctPreviewed *preview);
  void (*refused) (gpointer user, const char *sentence); /* no preview, as this is missing */
  void (*described) (gpointer user, const WctEngineInfo *info, size_t whole_memory); /* memory 0: as before */
  void (*progressed) (gpointer user, double done);                       /* while applying or computing accurately */
  void (*ended) (gpointer user, WctStatus status, const char *sentence); /* of applying, also when canceled */
} WctSessionEvents;

/* @events: any may be NULL; called with @user. No preview before there is a view. */
WctSession *wct_session_new (WctHost *host, const WctSettings *settings, const WctSessionEvents *events, gpointer user);
void        wct_session_free (WctSession **session); /* NULL is welcome; nothing is called any more */

const WctSettings *wct_session_settings (const WctSession *session);
void               wct_session_set (WctSession *session, const WctSettings *settings);

/* How large the content is with these settings; FALSE, and `refused`, where there is none. */
gboolean wct_session_content_size (WctSession *session, gint *width, gint *height);

/**
 * wct_session_view: what of the content is looked at.
 * @part: NULL: all
 * @scale: screen pixels for a pixel, at most 1 is used, and less where the part is large
 */
void wct_session_view (WctSession *session, const WctPart *part, double scale);

/* The preview once more, on all pixels of what is looked at. */
void wct_session_accurate (WctSession *session);

/* Writes one of the styles, a picture, to a style file, as large and framed as the settings want it. `ended` tells how
 * it went. */
void wct_session_save_style (WctSession *session, gint index, const char *path);

/* Pixels, layers or the selection may have changed: look again. */
void wct_session_refresh (WctSession *session);

void     wct_session_apply (WctSession *session);
gboolean wct_session_busy (const WctSession *session); /* applying, or computing accurately */

/* What it is busy with ends, and has no effect. `ended` is called before this returns. */
void wct_session_cancel (WctSession *session);

#endif
