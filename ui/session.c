#include "session.h"

#include <string.h>

#include "i18n.h"
#include "worker.h"

/* The longer side of what a preview is computed on, and of the style for it. */
#define PROXY_SIDE       512
#define PROXY_STYLE_SIDE 768
#define STYLE_SIDE_MIN   32
#define PROGRESS_MS      50

typedef enum
{
  NOTHING,
  ACCURATE, /* a preview on all pixels of what is seen */
  ASK,      /* how much memory applying will take: it begins after that */
  APPLY
} Busy;

/* What a run on all of the content takes. */
typedef struct
{
  gint      width, height;
  gboolean  of_style;
  WctParams params;
} Whole;

struct WctSession
{
  WctHost         *host;
  WctWorker       *worker;
  WctSessionEvents events;
  gpointer         user;
  WctSettings      settings;

  gboolean viewed; /* is there a view? */
  gboolean whole;  /* is it all of the content? */
  WctPart  part;   /* else this, at scale */
  double   scale;

  WctPicture *content; /* of the last preview; NULL: to be read */
  WctPart     content_part;
  WctPicture *proxy; /* all of it, small: a part's statistics; NULL: to be read */
  WctPicture *style; /* of the last preview; NULL: to be read */
  gint        style_side;
  gboolean    style_exact; /* not made smaller than the settings say */

  guint64      ticket; /* of the last preview */
  WctPreviewed preview;
  guint64      memory_ticket; /* of the last question for it; 0: none on its way */
  Whole        memory_asked;  /* by it */
  Busy         busy;
  guint64      busy_ticket;
  guint        timer;
  WctSettings  applied; /* what the busy work was begun with */
};

/* ---- Telling ------------------------------------------------------------------------------------------------ */

static void
refuse (WctSession *session, const WctError *err)
{
  if (session->events.refused != NULL)
    session->events.refused (session->user, err->message);
}

static void
stop_progress (WctSession *session)
{
  g_clear_handle_id (&session->timer, g_source_remove);
  if (session->busy == ASK || session->busy == APPLY)
    session->host->progress (session->host, -1);
  session->busy = NOTHING;
}

static void
end (WctSession *session, WctStatus status, const char *sentence)
{
  stop_progress (session);
  if (session->events.ended != NULL)
    session->events.ended (session->user, status, sentence);
}

static gboolean
tell_progress (gpointer data)
{
  WctSession  *session = data;
  const double done = wct_worker_progress (session->worker, session->busy_ticket);

  if (session->busy == ASK || session->busy == APPLY)
    session->host->progress (session->host, done);
  if (session->events.progressed != NULL)
    session->events.progressed (session->user, done);
  return G_SOURCE_CONTINUE;
}

static void
start_progress (WctSession *session, Busy busy, guint64 ticket)
{
  session->busy = busy;
  session->busy_ticket = ticket;
  tell_progress (session);
  g_clear_handle_id (&session->timer, g_source_remove);
  session->timer = g_timeout_add (PROGRESS_MS, tell_progress, session);
}

/* ---- The style ---------------------------------------------------------------------------------------------- */

static WctStatus
check_style (const WctSettings *settings, WctError *err)
{
  if (wct_settings_have_style (settings))
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_ARGUMENT, "%s",
                        _ ("Please choose a style: a layer of an open image, or a picture file."));
}

/* As the settings want it: its own size, or the one that was asked for. */
static WctStatus
style_size (WctSession *session, gint *width, gint *height, WctError *err)
{
  const WctSettings *settings = &session->settings;
  WctStatus          status;

  WCT_TRY (check_style (settings, err));
  if (settings->style != WCT_STYLE_NONE)
    WCT_TRY (session->host->source_size (session->host, settings->style, width, height, err));
  else if (!wct_picture_file_size (settings->style_file, width, height))
    WCT_TRY (wct_error_set (err, WCT_ERR_IO, _ ("The style %s cannot be read: please choose another picture."),
                            settings->style_file));
  wct_size_fit (settings->params.style_size, width, height);

out:
  return status;
}

static WctStatus
read_style (WctSession *session, gint side, WctPicture **out, WctError *err)
{
  if (session->settings.style != WCT_STYLE_NONE)
    return session->host->read_source (session->host, session->settings.style, side, out, err);
  return wct_picture_load (session->settings.style_file, side, out, err);
}

/* For a preview at this scale: strokes keep their size beside the content's. */
static WctStatus
preview_style (WctSession *session, double scale, gboolean accurate, WctError *err)
{
  gint      width, height, wanted, side;
  WctStatus status;

  WCT_TRY (style_size (session, &width, &height, err));
  wanted = MAX (width, height);
  side = accurate ? wanted : MIN (MAX ((gint)(wanted * scale + 0.5), MIN (wanted, STYLE_SIDE_MIN)), PROXY_STYLE_SIDE);
  session->style_exact = side == wanted;
  if (session->style != NULL && session->style_side == side)
    return WCT_OK;
  wct_picture_unref (&session->style);
  WCT_TRY (read_style (session, side, &session->style, err));
  session->style_side = side;

out:
  return status;
}

/* ---- The content -------------------------------------------------------------------------------------------- */

static gboolean
same_part (const WctPart *a, const WctPart *b)
{
  return a->x == b->x && a->y == b->y && a->width == b->width && a->height == b->height;
}

/* Steps of the deepest level: a part that begins on one is encoded as it is in the whole. */
static void
align_down (gint *from, gint *size)
{
  const gint more = *from % 16;

  *from -= more;
  *size += more;
}

/* Which part, at which size, a preview is computed on. */
static void
preview_size (const WctSession *session, gint whole_width, gint whole_height, gboolean accurate, WctPart *part,
              gint *width, gint *height)
{
  *part = session->whole ? (WctPart){ 0, 0, whole_width, whole_height } : session->part;
  part->x = CLAMP (part->x, 0, whole_width - 1);
  part->y = CLAMP (part->y, 0, whole_height - 1);
  part->width = CLAMP (part->width, 1, whole_width - part->x);
  part->height = CLAMP (part->height, 1, whole_height - part->y);
  align_down (&part->x, &part->width);
  align_down (&part->y, &part->height);
  *width = part->width;
  *height = part->height;
  if (!accurate)
    {
      const double scale = session->whole ? 1 : MIN (session->scale, 1);
      const gint   longer = MAX (*width, *height);

      wct_size_fit (MIN ((gint)(longer * scale + 0.5), PROXY_SIDE), width, height);
    }
}

/* Of what is seen, and of all of it where that is more. Noise looks the same everywhere, and has no whole. */
static WctStatus
preview_content (WctSession *session, const WctPart *part, gint width, gint height, WctError *err)
{
  const gboolean same = session->content != NULL && same_part (part, &session->content_part)
                        && session->content->image.width == width && session->content->image.height == height;
  WctStatus status;

  if (same && session->settings.mode == WCT_MODE_STYLIZE)
    return WCT_OK;
  wct_picture_unref (&session->content);
  if (session->settings.mode == WCT_MODE_TEXTURE)
    WCT_TRY (wct_picture_new (width, height, &session->content, err));
  else
    WCT_TRY (session->host->read_content (session->host, part, width, height, &session->content, err));
  session->content_part = *part;

out:
  return status;
}

static WctStatus
preview_proxy (WctSession *session, gint width, gint height, WctError *err)
{
  const WctPart whole = { 0, 0, width, height };

  if (session->proxy != NULL)
    return WCT_OK;
  wct_size_fit (MIN (MAX (width, height), PROXY_SIDE), &width, &height);
  return session->host->read_content (session->host, &whole, width, height, &session->proxy, err);
}

static void
forget_content (WctSession *session)
{
  wct_picture_unref (&session->content);
  wct_picture_unref (&session->proxy);
}

gboolean
wct_session_content_size (WctSession *session, gint *width, gint *height)
{
  WctError        err;
  const WctStatus status = session->host->content_size (session->host, &session->settings, width, height, &err);

  if (status != WCT_OK)
    refuse (session, &err);
  return status == WCT_OK;
}

/* ---- Previews ----------------------------------------------------------------------------------------------- */

static WctStatus
check_levels (const WctSettings *settings, WctError *err)
{
  if (wct_params_check (&settings->params, NULL) == WCT_OK)
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_ARGUMENT, "%s", _ ("No level is on: please turn on at least one."));
}

/* New work takes a waiting question's place, and its answer's where that is still on its way: it is asked again. */
static void
forget_question (WctSession *session)
{
  if (session->memory_ticket != 0)
    session->memory_asked = (Whole){ .width = 0 };
  session->memory_ticket = 0;
}

static WctStatus
submit_preview (WctSession *session, gboolean accurate, gboolean urgent, WctError *err)
{
  const WctSettings *settings = &session->settings;
  WctPreviewed      *preview = &session->preview;
  gint               width, height;
  gboolean           all;
  WctWork            work = { .params = settings->params, .check_memory = accurate };
  WctStatus          status;

  WCT_TRY (session->host->content_size (session->host, settings, &preview->width, &preview->height, err));
  WCT_TRY (check_levels (settings, err));
  preview_size (session, preview->width, preview->height, accurate, &preview->part, &width, &height);
  all = preview->part.width == preview->width && preview->part.height == preview->height;
  WCT_TRY (preview_style (session, (double)width / preview->part.width, accurate, err));
  WCT_TRY (preview_content (session, &preview->part, width, height, err));
  if (!all && settings->mode == WCT_MODE_STYLIZE)
    WCT_TRY (preview_proxy (session, preview->width, preview->height, err));
  preview->full_size = session->style_exact && width == preview->part.width && height == preview->part.height;
  preview->exact = preview->full_size && all;
  work.style = wct_picture_ref (session->style);
  work.content = wct_picture_ref (session->content);
  work.whole = !all && settings->mode == WCT_MODE_STYLIZE ? wct_picture_ref (session->proxy) : NULL;
  work.noise = settings->mode == WCT_MODE_TEXTURE;
  forget_question (session);
  session->ticket = wct_worker_submit (session->worker, work, urgent);

out:
  return status;
}

static void
ask_for_preview (WctSession *session, gboolean urgent)
{
  WctError err;

  if (!session->viewed || session->busy != NOTHING)
    return;
  if (submit_preview (session, FALSE, urgent, &err) != WCT_OK)
    {
      wct_worker_cancel (session->worker);
      refuse (session, &err);
    }
}

void
wct_session_accurate (WctSession *session)
{
  WctError err;

  if (!session->viewed || session->busy != NOTHING)
    return;
  if (submit_preview (session, TRUE, TRUE, &err) != WCT_OK)
    refuse (session, &err);
  else
    start_progress (session, ACCURATE, session->ticket);
}

void
wct_session_view (WctSession *session, const WctPart *part, double scale)
{
  const gboolean same = session->viewed && session->whole && part == NULL;

  session->viewed = TRUE;
  session->whole = part == NULL;
  if (part != NULL)
    session->part = *part;
  session->scale = scale;
  /* All of it is computed at one size, however large it is shown. */
  if (!same)
    ask_for_preview (session, TRUE);
}

void
wct_session_refresh (WctSession *session)
{
  forget_content (session);
  wct_picture_unref (&session->style);
  ask_for_preview (session, TRUE);
}

/* ---- Memory ------------------------------------------------------------------------------------------------- */

/* Asks once for each size and kind of run. The answer is told by `described`. */
static void
ask_for_memory (WctSession *session, gint width, gint height, gboolean of_style)
{
  const WctWork work = { .params = session->settings.params, .whole_width = width, .whole_height = height };

  session->memory_asked = (Whole){ width, height, of_style, work.params };
  session->memory_ticket = wct_worker_submit (session->worker, work, FALSE);
}

/* When the newest preview has come, and the worker has time. */
static void
update_memory (WctSession *session)
{
  const Whole *asked = &session->memory_asked;
  gboolean     known = !asked->of_style && asked->width == session->preview.width
                   && asked->height == session->preview.height
                   && asked->params.passes == session->settings.params.passes;

  for (int i = 0; i < WCT_LEVELS; i++)
    known = known && asked->params.level_on[i] == session->settings.params.level_on[i];
  if (!known)
    ask_for_memory (session, session->preview.width, session->preview.height, FALSE);
}

/* ---- Results ------------------------------------------------------------------------------------------------ */

static void
take_preview (WctSession *session, const WctWorkResult *result)
{
  WctPreviewed preview = session->preview;

  if (session->busy == ACCURATE)
    end (session, result->status, result->sentence);
  else if (result->status != WCT_OK && session->events.refused != NULL)
    session->events.refused (session->user, result->sentence);
  if (result->status != WCT_OK || session->events.previewed == NULL)
    return;
  /* An older result of the same view, while the newest is computed: what it was made from is gone already. */
  preview.exact = preview.exact && result->ticket == session->ticket;
  preview.full_size = preview.full_size && result->ticket == session->ticket;
  preview.before = result->content;
  preview.after = result->result;
  session->events.previewed (session->user, &preview);
  if (result->ticket == session->ticket)
    update_memory (session);
}

static void
take_applied (WctSession *session, const WctWorkResult *result)
{
  WctError  err = { WCT_OK, "" };
  WctStatus status = result->status;

  if (status != WCT_OK)
    wct_error_set (&err, status, "%s", result->sentence);
  else
    status = session->host->finish (session->host, &session->applied, result->result, result->info->model, &err);
  end (session, status, err.message);
  if (status == WCT_OK)
    wct_session_refresh (session);
}

/* ---- Applying ----------------------------------------------------------------------------------------------- */

static WctStatus
submit_apply (WctSession *session, WctError *err)
{
  WctWork   work = { .params = session->settings.params, .check_memory = TRUE };
  gint      width, height;
  WctStatus status;

  WCT_TRY (style_size (session, &width, &height, err));
  WCT_TRY (read_style (session, MAX (width, height), &work.style, err));
  WCT_TRY (session->host->begin (session->host, &session->settings, &work.content, err));
  work.noise = session->settings.mode == WCT_MODE_TEXTURE;
  start_progress (session, APPLY, wct_worker_submit (session->worker, work, TRUE));
  work.style = NULL;

out:
  wct_picture_unref (&work.style);
  return status;
}

/* Pixels are read only where there is room for what comes of them. */
static void
begin_apply (WctSession *session, const WctWorkResult *result)
{
  WctError  err = { WCT_OK, "" };
  WctStatus status = result->status;

  if (status != WCT_OK)
    wct_error_set (&err, status, "%s", result->sentence);
  else
    status = wct_engine_check_memory (result->whole_memory, session->memory_asked.width, session->memory_asked.height,
                                      session->memory_asked.of_style, &err);
  if (status == WCT_OK)
    status = submit_apply (session, &err);
  if (status != WCT_OK)
    end (session, status, err.message);
}

/* The larger of content and style decides: measuring the one takes no more than working on the other. */
static WctStatus
ask_to_apply (WctSession *session, WctError *err)
{
  gint      width, height, style_width, style_height;
  gboolean  of_style;
  WctStatus status;

  WCT_TRY (check_levels (&session->settings, err));
  WCT_TRY (style_size (session, &style_width, &style_height, err));
  WCT_TRY (session->host->content_size (session->host, &session->settings, &width, &height, err));
  of_style = (double)style_width * style_height > (double)width * height;
  wct_worker_cancel (session->worker);
  ask_for_memory (session, of_style ? style_width : width, of_style ? style_height : height, of_style);
  session->applied = session->settings;
  start_progress (session, ASK, session->memory_ticket);

out:
  return status;
}

void
wct_session_apply (WctSession *session)
{
  WctError  err;
  WctStatus status;

  if (session->busy != NOTHING)
    return;
  status = ask_to_apply (session, &err);
  if (status != WCT_OK)
    end (session, status, err.message);
}

/* An answer about memory has no picture. */
static void
take_answer (WctSession *session, const WctWorkResult *result)
{
  if (result->ticket != session->memory_ticket)
    return;
  session->memory_ticket = 0;
  if (session->busy == ASK)
    begin_apply (session, result);
}

static void
take_result (gpointer user, const WctWorkResult *result)
{
  WctSession *session = user;

  if (result->info != NULL && session->events.described != NULL)
    session->events.described (session->user, result->info, session->memory_asked.of_style ? 0 : result->whole_memory);
  if (result->content == NULL)
    take_answer (session, result);
  else if (session->busy == APPLY && result->ticket == session->busy_ticket)
    take_applied (session, result);
  else if (session->busy == NOTHING || session->busy == ACCURATE)
    take_preview (session, result);
}

gboolean
wct_session_busy (const WctSession *session)
{
  return session->busy != NOTHING;
}

void
wct_session_cancel (WctSession *session)
{
  if (session->busy == NOTHING)
    return;
  wct_worker_cancel (session->worker);
  end (session, WCT_CANCELED, "");
  wct_session_refresh (session);
}

/* ---- The session -------------------------------------------------------------------------------------------- */

WctSession *
wct_session_new (WctHost *host, const WctSettings *settings, const WctSessionEvents *events, gpointer user)
{
  WctSession *session = g_new0 (WctSession, 1);

  session->host = host;
  session->settings = *settings;
  session->events = *events;
  session->user = user;
  session->whole = TRUE;
  session->worker = wct_worker_new (host->threads, take_result, session);
  return session;
}

void
wct_session_free (WctSession **session_pointer)
{
  WctSession *session = *session_pointer;

  if (session == NULL)
    return;
  stop_progress (session);
  wct_worker_free (&session->worker);
  forget_content (session);
  wct_picture_unref (&session->style);
  g_free (session);
  *session_pointer = NULL;
}

const WctSettings *
wct_session_settings (const WctSession *session)
{
  return &session->settings;
}

void
wct_session_set (WctSession *session, const WctSettings *settings)
{
  const WctSettings before = session->settings;
  const gboolean other_style = before.style != settings->style || strcmp (before.style_file, settings->style_file) != 0;
  const gboolean other_content = before.mode != settings->mode || before.output != settings->output
                                 || before.width != settings->width || before.height != settings->height;

  session->settings = *settings;
  if (other_style)
    wct_picture_unref (&session->style);
  if (other_content)
    forget_content (session);
  ask_for_preview (session, other_style || other_content);
}
