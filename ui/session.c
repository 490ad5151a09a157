#include "session.h"

#include <string.h>

#include "i18n.h"
#include "style-frame.h"
#include "worker.h"

/* The longer side of a style for a preview. */
#define PROXY_STYLE_SIDE 768
#define STYLE_SIDE_MIN   32
#define PROGRESS_MS      50

typedef enum
{
  NOTHING,
  ACCURATE, /* a preview on all pixels of what is seen */
  SAVE,     /* a style, to a file */
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

/* One that was read for the last preview. */
typedef struct
{
  WctStyleChoice choice;
  gint           side;
  WctParams      params;  /* of its frame */
  WctPicture    *picture; /* NULL: to be read */
} ReadStyle;

typedef struct
{
  WctMaskChoice choice;
  gint          width, height; /* of the content that it was read for */
  WctPicture   *picture;       /* NULL: to be read */
} ReadMask;

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
  ReadStyle   styles[WCT_STYLES_MAX];
  gboolean    styles_exact; /* not made smaller than the settings say */
  ReadMask    masks[WCT_PLACES_MAX];

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

/* ---- The styles --------------------------------------------------------------------------------------------- */

static WctStatus
check_styles (const WctSettings *settings, WctError *err)
{
  double sum = 0;

  if (!wct_settings_have_style (settings))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "%s",
                          _ ("Please choose a style: a layer of an open image, or a picture file."));
  for (gint i = 0; i < settings->style_count; i++)
    sum += settings->styles[i].weight;
  if (settings->style_count > 1 && !(sum > 0))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "%s", _ ("No style has any weight: please give at least one some."));
  return WCT_OK;
}

static gboolean
is_statistics (const WctStyleChoice *choice)
{
  return choice->id == WCT_STYLE_NONE && wct_is_style_file (choice->file);
}

/* At which size the settings want it for a content of this size: its own, or the one that was asked for. */
static WctStatus
style_size (WctSession *session, const WctStyleChoice *choice, gint content_width, gint content_height, gint *width,
            gint *height, WctError *err)
{
  const WctParams *params = &session->settings.params;
  WctStatus        status = WCT_OK;

  if (choice->id != WCT_STYLE_NONE)
    WCT_TRY (session->host->source_size (session->host, choice->id, width, height, err));
  else if (!wct_picture_file_size (choice->file, width, height))
    WCT_TRY (
      wct_error_set (err, WCT_ERR_IO, _ ("The style %s cannot be read: please choose another picture."), choice->file));
  wct_size_fit (wct_style_frame_side (params, *width, *height, content_width, content_height), width, height);

out:
  return status;
}

static WctStatus
read_style (WctSession *session, const WctStyleChoice *choice, gint side, WctPicture **out, WctError *err)
{
  WctPicture *picture = NULL;
  WctStatus   status;

  if (choice->id != WCT_STYLE_NONE)
    WCT_TRY (session->host->read_source (session->host, choice->id, side, &picture, err));
  else
    WCT_TRY (wct_picture_load (choice->file, side, &picture, err));
  WCT_TRY (wct_style_frame_take (&session->settings.params, &picture, err));
  *out = picture;
  picture = NULL;

out:
  wct_picture_unref (&picture);
  return status;
}

/* The largest of them, as measuring it takes memory, too. */
static WctStatus
largest_style (WctSession *session, gint content_width, gint content_height, gint *width, gint *height, WctError *err)
{
  const WctSettings *settings = &session->settings;
  WctStatus          status;

  *width = *height = 0;
  WCT_TRY (check_styles (settings, err));
  for (gint i = 0; i < settings->style_count; i++)
    if (!is_statistics (&settings->styles[i]))
      {
        gint own_width, own_height;

        WCT_TRY (
          style_size (session, &settings->styles[i], content_width, content_height, &own_width, &own_height, err));
        if ((double)own_width * own_height > (double)*width * *height)
          {
            *width = own_width;
            *height = own_height;
          }
      }

out:
  return status;
}

static gboolean
is_read (const ReadStyle *style, const WctStyleChoice *choice, gint side, const WctParams *params)
{
  return style->picture != NULL && wct_style_choice_same (&style->choice, choice) && style->side == side
         && wct_style_frame_same (&style->params, params);
}

/* For a preview at this scale: strokes keep their size beside the content's. */
static WctStatus
preview_style (WctSession *session, gint index, double scale, gboolean accurate, WctError *err)
{
  const WctStyleChoice *choice = &session->settings.styles[index];
  const WctParams      *params = &session->settings.params;
  ReadStyle            *style = &session->styles[index];
  gint                  width, height, wanted, side;
  WctStatus             status = WCT_OK;

  WCT_TRY (style_size (session, choice, session->preview.width, session->preview.height, &width, &height, err));
  wanted = MAX (width, height);
  side = accurate ? wanted : MIN (MAX ((gint)(wanted * scale + 0.5), MIN (wanted, STYLE_SIDE_MIN)), PROXY_STYLE_SIDE);
  session->styles_exact = session->styles_exact && side == wanted;
  if (is_read (style, choice, side, params))
    return WCT_OK;
  wct_picture_unref (&style->picture);
  WCT_TRY (read_style (session, choice, side, &style->picture, err));
  style->choice = *choice;
  style->side = side;
  style->params = *params;

out:
  return status;
}

static WctStatus
preview_styles (WctSession *session, double scale, gboolean accurate, WctWork *work, WctError *err)
{
  const WctSettings *settings = &session->settings;
  WctStatus          status;

  WCT_TRY (check_styles (settings, err));
  session->styles_exact = TRUE;
  for (gint i = 0; i < settings->style_count; i++)
    {
      work->styles[i].weight = settings->styles[i].weight;
      if (is_statistics (&settings->styles[i]))
        work->styles[i].file = g_strdup (settings->styles[i].file);
      else
        {
          WCT_TRY (preview_style (session, i, scale, accurate, err));
          work->styles[i].picture = wct_picture_ref (session->styles[i].picture);
        }
    }
  work->style_count = settings->style_count;

out:
  return status;
}

static WctStatus
applied_styles (WctSession *session, gint content_width, gint content_height, WctWork *work, WctError *err)
{
  const WctSettings *settings = &session->settings;
  WctStatus          status;

  WCT_TRY (check_styles (settings, err));
  for (gint i = 0; i < settings->style_count; i++)
    {
      const WctStyleChoice *choice = &settings->styles[i];
      gint                  width, height;

      work->styles[i].weight = choice->weight;
      if (is_statistics (choice))
        {
          work->styles[i].file = g_strdup (choice->file);
          continue;
        }
      WCT_TRY (style_size (session, choice, content_width, content_height, &width, &height, err));
      WCT_TRY (read_style (session, choice, MAX (width, height), &work->styles[i].picture, err));
    }
  work->style_count = settings->style_count;

out:
  return status;
}

static void
forget_styles (WctSession *session)
{
  for (gint i = 0; i < WCT_STYLES_MAX; i++)
    wct_picture_unref (&session->styles[i].picture);
}

/* ---- Regions ------------------------------------------------------------------------------------------------ */

/* Only pictures have them. */
static gboolean
has_regions (const WctSettings *settings)
{
  return settings->mode == WCT_MODE_STYLIZE && settings->place_count > 0;
}

/* A file keeps its own size where that is the smaller, or everything is to be exact: the job stretches it. */
static WctStatus
read_mask_file (const char *path, gint longest, WctPicture **out, WctError *err)
{
  gint        width, height;
  WctPicture *picture = NULL;
  WctStatus   status;

  if (!wct_picture_file_size (path, &width, &height))
    return wct_error_set (err, WCT_ERR_IO, _ ("The mask %s cannot be read: please choose another picture."), path);
  WCT_TRY (wct_picture_load (path, longest > 0 && MAX (width, height) > longest ? longest : 0, &picture, err));
  WCT_TRY (wct_picture_mask_of (picture, out, err));

out:
  wct_picture_unref (&picture);
  return status;
}

static WctStatus
make_full_mask (WctPicture **out, WctError *err)
{
  const WctStatus status = wct_picture_new_mask (1, 1, out, err);

  if (status == WCT_OK)
    (*out)->image.pixels[0] = 1;
  return status;
}

static WctStatus
read_mask (WctSession *session, const WctMaskChoice *mask, gint width, gint height, gboolean exact, WctPicture **out,
           WctError *err)
{
  if (mask->kind == WCT_MASK_ALL)
    return make_full_mask (out, err);
  if (mask->kind == WCT_MASK_FILE)
    return read_mask_file (mask->file, exact ? 0 : MAX (width, height), out, err);
  if (session->host->read_mask == NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "%s",
                          _ ("A region's mask is not there any more: please choose another."));
  return session->host->read_mask (session->host, mask, width, height, out, err);
}

static WctStatus
preview_mask (WctSession *session, gint index, gint width, gint height, WctError *err)
{
  const WctMaskChoice *choice = &session->settings.places[index].mask;
  ReadMask            *mask = &session->masks[index];
  WctStatus            status = WCT_OK;

  if (mask->picture != NULL && wct_mask_choice_same (&mask->choice, choice) && mask->width == width
      && mask->height == height)
    return WCT_OK;
  wct_picture_unref (&mask->picture);
  WCT_TRY (read_mask (session, choice, width, height, FALSE, &mask->picture, err));
  mask->choice = *choice;
  mask->width = width;
  mask->height = height;

out:
  return status;
}

/* @exact: for applying; else what was read for the last preview is used again */
static WctStatus
add_regions (WctSession *session, gint width, gint height, gboolean exact, WctWork *work, WctError *err)
{
  const WctSettings *settings = &session->settings;
  WctStatus          status = WCT_OK;

  for (gint i = 0; has_regions (settings) && i < settings->place_count; i++)
    {
      const WctPlace *place = &settings->places[i];

      work->regions[i].style = MIN (place->style, settings->style_count - 1);
      work->regions[i].strength = place->strength;
      if (exact)
        WCT_TRY (read_mask (session, &place->mask, width, height, TRUE, &work->regions[i].mask, err));
      else
        {
          WCT_TRY (preview_mask (session, i, width, height, err));
          work->regions[i].mask = wct_picture_ref (session->masks[i].picture);
        }
      work->region_count = i + 1;
    }

out:
  return status;
}

static void
forget_masks (WctSession *session)
{
  for (gint i = 0; i < WCT_PLACES_MAX; i++)
    wct_picture_unref (&session->masks[i].picture);
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

/* Is there anything that a part alone does not show? Regions have statistics of their own over all of the picture, and
 * only all of it can continue at the opposite side. */
static gboolean
needs_whole (const WctSettings *settings)
{
  return has_regions (settings) || settings->params.seamless;
}

/* Which part, at which size, a preview is computed on. */
static void
preview_size (const WctSession *session, gint whole_width, gint whole_height, gboolean accurate, WctPart *part,
              gint *width, gint *height)
{
  const gboolean whole = session->whole || needs_whole (&session->settings);

  *part = whole ? (WctPart){ 0, 0, whole_width, whole_height } : session->part;
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
      const double scale = whole ? 1 : MIN (session->scale, 1);
      const gint   longer = MAX (*width, *height);

      wct_size_fit (MIN ((gint)(longer * scale + 0.5), WCT_PREVIEW_SIDE), width, height);
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
  wct_size_fit (MIN (MAX (width, height), WCT_PREVIEW_SIDE), &width, &height);
  return session->host->read_content (session->host, &whole, width, height, &session->proxy, err);
}

/* That part of a texture, in the picture that leads its forms, which is stretched over it. */
static WctStatus
read_guide (WctSession *session, const WctPart *part, gint width, gint height, WctPicture **out, WctError *err)
{
  WctSettings of_picture = session->settings;
  gint        whole_width, whole_height, guide_width, guide_height;
  WctPart     of_guide;
  WctStatus   status;

  of_picture.mode = WCT_MODE_STYLIZE;
  WCT_TRY (session->host->content_size (session->host, &session->settings, &whole_width, &whole_height, err));
  WCT_TRY (session->host->content_size (session->host, &of_picture, &guide_width, &guide_height, err));
  of_guide.x = (gint)((double)part->x * guide_width / whole_width);
  of_guide.y = (gint)((double)part->y * guide_height / whole_height);
  of_guide.width = CLAMP ((gint)((double)part->width * guide_width / whole_width + 0.5), 1, guide_width - of_guide.x);
  of_guide.height =
    CLAMP ((gint)((double)part->height * guide_height / whole_height + 0.5), 1, guide_height - of_guide.y);
  WCT_TRY (session->host->read_content (session->host, &of_guide, width, height, out, err));

out:
  return status;
}

static WctStatus
add_guide (WctSession *session, const WctPart *part, gint width, gint height, WctWork *work, WctError *err)
{
  if (session->settings.mode != WCT_MODE_TEXTURE || session->settings.params.guide <= 0)
    return WCT_OK;
  return read_guide (session, part, width, height, &work->guide, err);
}

static void
forget_content (WctSession *session)
{
  wct_picture_unref (&session->content);
  wct_picture_unref (&session->proxy);
  forget_masks (session);
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

static gboolean
have_statistics (const WctSettings *settings)
{
  gboolean any = FALSE;

  for (gint i = 0; i < settings->style_count; i++)
    any = any || is_statistics (&settings->styles[i]);
  return any;
}

/* What the job would refuse, in the user's language. */
static const char *
what_does_not_go_together (const WctSettings *settings)
{
  const WctParams *params = &settings->params;

  if (params->seamless && params->swap > 0)
    return _ ("The style swap cannot be seamless: please turn one of them off.");
  if (params->seamless && params->working_size > 0)
    return _ ("Seamless works on all pixels: please set the working size to 0.");
  if (params->swap > 0 && settings->place_count > 0)
    return _ ("The style swap is for whole pictures: please remove the regions, or set it to 0.");
  if (params->swap > 0 && have_statistics (settings))
    return _ ("The style swap needs the style's picture: please choose a picture, or set it to 0.");
  return NULL;
}

static WctStatus
check_settings (const WctSettings *settings, WctError *err)
{
  const char *together = what_does_not_go_together (settings);

  if (wct_params_check (&settings->params, NULL) != WCT_OK)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "%s", _ ("No level is on: please turn on at least one."));
  if (together != NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "%s", together);
  return WCT_OK;
}

/* New work takes a waiting question's place, and its answer's where that is still on its way: it is asked again. */
static void
forget_question (WctSession *session)
{
  if (session->memory_ticket != 0)
    session->memory_asked = (Whole){ .width = 0 };
  session->memory_ticket = 0;
}

/* How large a preview's pictures are beside those that are worked on: a working size makes both smaller, until the
 * preview has all pixels that there will be. */
static double
fit_working_size (const WctSession *session, gint longer_side, WctParams *params)
{
  const WctPreviewed *preview = &session->preview;
  const double        part = MAX (preview->part.width, preview->part.height);
  const double        whole = MAX (preview->width, preview->height);
  const double        worked =
    params->working_size > 0 && params->working_size < whole && session->settings.mode == WCT_MODE_STYLIZE
             ? params->working_size * part / whole
             : part;

  params->working_size = worked < longer_side ? MAX (1, (gint32)(worked + 0.5)) : 0;
  return MIN (longer_side, worked) / worked;
}

/* Statistics of a part are the whole's, which is worked on at the settings' size, unless it is smaller already. */
static void
add_whole (const WctSession *session, WctWork *work)
{
  const WctImage *proxy = &session->proxy->image;
  const gint      wanted = session->settings.params.working_size;

  work->whole = wct_picture_ref (session->proxy);
  work->whole_working_size = wanted < MAX (proxy->width, proxy->height) ? wanted : 0;
}

static gboolean
takes_all_of_it (const WctPreviewed *preview)
{
  return preview->part.width == preview->width && preview->part.height == preview->height;
}

/* @work: to be cleared by the caller where this fails */
static WctStatus
fill_preview (WctSession *session, gboolean accurate, WctWork *work, WctError *err)
{
  const WctSettings *settings = &session->settings;
  WctPreviewed      *preview = &session->preview;
  const gboolean     of_picture = settings->mode == WCT_MODE_STYLIZE;
  gint               width, height;
  double             scale;
  WctStatus          status;

  WCT_TRY (session->host->content_size (session->host, settings, &preview->width, &preview->height, err));
  WCT_TRY (check_settings (settings, err));
  preview_size (session, preview->width, preview->height, accurate, &preview->part, &width, &height);
  scale = fit_working_size (session, MAX (width, height), &work->params);
  WCT_TRY (preview_styles (session, scale, accurate, work, err));
  WCT_TRY (preview_content (session, &preview->part, width, height, err));
  if (!takes_all_of_it (preview) && of_picture)
    WCT_TRY (preview_proxy (session, preview->width, preview->height, err));
  WCT_TRY (add_regions (session, width, height, accurate, work, err));
  WCT_TRY (add_guide (session, &preview->part, width, height, work, err));
  preview->full_size = session->styles_exact && width == preview->part.width && height == preview->part.height;
  preview->exact = preview->full_size && takes_all_of_it (preview);
  work->content = wct_picture_ref (session->content);
  if (!takes_all_of_it (preview) && of_picture)
    add_whole (session, work);
  work->noise = !of_picture;

out:
  return status;
}

static WctStatus
submit_preview (WctSession *session, gboolean accurate, gboolean urgent, WctError *err)
{
  WctWork         work = { .params = session->settings.params, .check_memory = accurate };
  const WctStatus status = fill_preview (session, accurate, &work, err);

  if (status != WCT_OK)
    {
      wct_work_clear (&work);
      return status;
    }
  forget_question (session);
  session->ticket = wct_worker_submit (session->worker, work, urgent);
  return WCT_OK;
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
  forget_styles (session);
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

  if (asked->of_style || asked->width != session->preview.width || asked->height != session->preview.height
      || !wct_engine_same_cost (&asked->params, &session->settings.params))
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
  preview.newest = result->ticket == session->ticket;
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

/* @work: to be cleared by the caller where this fails */
static WctStatus
fill_apply (WctSession *session, WctWork *work, WctError *err)
{
  gint      width, height;
  WctStatus status;

  WCT_TRY (session->host->content_size (session->host, &session->settings, &width, &height, err));
  WCT_TRY (applied_styles (session, width, height, work, err));
  WCT_TRY (session->host->begin (session->host, &session->settings, &work->content, err));
  WCT_TRY (add_regions (session, width, height, TRUE, work, err));
  WCT_TRY (add_guide (session, &(WctPart){ 0, 0, width, height }, width, height, work, err));
  work->noise = session->settings.mode == WCT_MODE_TEXTURE;

out:
  return status;
}

static WctStatus
submit_apply (WctSession *session, WctError *err)
{
  WctWork         work = { .params = session->settings.params, .check_memory = TRUE };
  const WctStatus status = fill_apply (session, &work, err);

  if (status != WCT_OK)
    wct_work_clear (&work);
  else
    start_progress (session, APPLY, wct_worker_submit (session->worker, work, TRUE));
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

  WCT_TRY (check_settings (&session->settings, err));
  WCT_TRY (session->host->content_size (session->host, &session->settings, &width, &height, err));
  WCT_TRY (largest_style (session, width, height, &style_width, &style_height, err));
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

/* ---- Saving styles ------------------------------------------------------------------------------------------- */

static WctStatus
submit_save (WctSession *session, gint index, const char *path, WctError *err)
{
  const WctStyleChoice *choice = &session->settings.styles[index];
  WctWork               work = { .params = session->settings.params };
  gint                  width, height;
  WctStatus             status;

  WCT_TRY (session->host->content_size (session->host, &session->settings, &width, &height, err));
  WCT_TRY (style_size (session, choice, width, height, &width, &height, err));
  WCT_TRY (read_style (session, choice, MAX (width, height), &work.styles[0].picture, err));
  work.style_count = 1;
  work.save_path = g_strdup (path);
  forget_question (session);
  start_progress (session, SAVE, wct_worker_submit (session->worker, work, FALSE));

out:
  return status;
}

void
wct_session_save_style (WctSession *session, gint index, const char *path)
{
  WctError  err;
  WctStatus status;

  if (session->busy != NOTHING || index >= session->settings.style_count)
    return;
  status = submit_save (session, index, path, &err);
  if (status != WCT_OK)
    end (session, status, err.message);
}

/* A preview that waited was dropped for it. */
static void
take_saved (WctSession *session, const WctWorkResult *result)
{
  end (session, result->status, result->sentence);
  ask_for_preview (session, FALSE);
}

/* ---- Answers -------------------------------------------------------------------------------------------------- */

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
  if (session->busy == SAVE && result->ticket == session->busy_ticket)
    take_saved (session, result);
  else if (result->content == NULL)
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
  forget_styles (session);
  g_free (session);
  *session_pointer = NULL;
}

const WctSettings *
wct_session_settings (const WctSession *session)
{
  return &session->settings;
}

static gboolean
other_styles (const WctSettings *a, const WctSettings *b)
{
  gboolean same = a->style_count == b->style_count;

  for (gint i = 0; i < a->style_count && same; i++)
    same = wct_style_choice_same (&a->styles[i], &b->styles[i]);
  return !same;
}

void
wct_session_set (WctSession *session, const WctSettings *settings)
{
  const WctSettings *before = &session->settings;
  const gboolean     styles = other_styles (before, settings);
  const gboolean     content = before->mode != settings->mode || before->output != settings->output
                           || before->width != settings->width || before->height != settings->height;

  session->settings = *settings;
  if (content)
    forget_content (session);
  ask_for_preview (session, styles || content);
}
