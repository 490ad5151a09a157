/* The thread that computes. It knows neither GTK nor the host: pictures go in, pictures come out. */
#ifndef WCT_UI_WORKER_H
#define WCT_UI_WORKER_H

#include "engine.h"

typedef struct WctWorker WctWorker;

/* A reference, or a text, which the worker takes over. */
typedef struct
{
  WctPicture *picture;
  char       *file; /* NULL: picture */
  double      weight;
} WctWorkStyle;

typedef struct
{
  WctPicture *mask; /* a reference, which the worker takes over */
  gint        style;
  double      strength;
} WctWorkRegion;

typedef struct
{
  WctParams     params;
  gint          style_count;
  WctWorkStyle  styles[WCT_ENGINE_STYLES_MAX];
  gint          region_count;
  WctWorkRegion regions[WCT_ENGINE_REGIONS_MAX];
  WctPicture   *content;            /* NULL: only what the engine says is asked for; taken over, as all pictures */
  WctPicture   *whole;              /* NULL, or what content is a part of: statistics are taken from it */
  gint          whole_working_size; /* params has the content's */
  WctPicture   *guide;              /* NULL, or of the content's size: mixed into the noise */
  gboolean      noise;              /* fill content with it first: nobody else looks at it yet */
  gboolean      check_memory;
  char *save_path; /* NULL, or taken over: the first style, a picture, goes to this file, and nothing else is done */
  gint  whole_width, whole_height; /* how much memory would take a run on this? 0: nobody asks */
} WctWork;

/* What came of it. Pictures are borrowed for the call. */
typedef struct
{
  guint64              ticket;
  WctStatus            status;
  const char          *sentence; /* where status is an error */
  WctPicture          *content, *result;
  const WctEngineInfo *info;         /* NULL where the engine could not be opened */
  size_t               whole_memory; /* 0: unknown */
} WctWorkResult;

typedef void (*WctWorkDone) (gpointer user, const WctWorkResult *result);

void wct_work_clear (WctWork *work); /* work that was not submitted after all */

/* @done: called in the thread-default main context of the caller, which is the thread that owns the worker; never for
 * work that was canceled, or dropped for later work */
WctWorker *wct_worker_new (int threads, WctWorkDone done, gpointer user);

/* Cancels, waits for the thread, frees. @done is not called any more. NULL is welcome. */
void wct_worker_free (WctWorker **worker);

/**
 * wct_worker_submit: do this next.
 * @work: taken over
 * @urgent: what is running has no use any more: it is canceled. Otherwise it may end, so that something is seen while
 *          new work comes in faster than it is done.
 * What still waits is dropped. Returns the ticket that the result will carry, above all before.
 */
guint64 wct_worker_submit (WctWorker *worker, WctWork work, gboolean urgent);

/* Nothing of what was submitted so far will be heard of. At once: what is running ends by itself. */
void wct_worker_cancel (WctWorker *worker);

/* Of this ticket, 0 to 1; 0 before it has begun. */
double wct_worker_progress (WctWorker *worker, guint64 ticket);

#endif
