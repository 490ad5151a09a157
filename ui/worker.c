#include "worker.h"

#include <sys/resource.h>

#define NICENESS 5

/* One piece of work on its way. */
typedef struct
{
  guint64 ticket; /* 0: none */
  WctWork work;
} Job;

struct WctWorker
{
  GThread      *thread;
  GMainContext *context; /* where done is called; counted */
  WctWorkDone   done;
  gpointer      user;
  WctEngine    *engine; /* the thread's own */

  GMutex   lock;
  GCond    changed;
  gboolean leave; /* under the lock, as all below */
  Job      waiting;
  guint64  running, last_ticket; /* tickets */
  guint64  first_wanted;         /* tickets before this one are of no use */
  double   progress;             /* of the running one */
  GSource *delivery;             /* on its way to the main thread, counted; NULL: none */
};

/* A result on its way to the main thread. */
typedef struct
{
  WctWorker    *worker;
  WctWorkResult result;
  WctError      err;
  WctEngineInfo info;
} Delivery;

void
wct_work_clear (WctWork *work)
{
  for (gint i = 0; i < WCT_ENGINE_STYLES_MAX; i++)
    {
      wct_picture_unref (&work->styles[i].picture);
      g_clear_pointer (&work->styles[i].file, g_free);
    }
  for (gint i = 0; i < WCT_ENGINE_REGIONS_MAX; i++)
    wct_picture_unref (&work->regions[i].mask);
  wct_picture_unref (&work->content);
  wct_picture_unref (&work->whole);
  wct_picture_unref (&work->guide);
  g_clear_pointer (&work->save_path, g_free);
}

/* ---- The worker's thread ------------------------------------------------------------------------------------ */

static void
set_progress (void *user, double done)
{
  WctWorker *worker = user;

  g_mutex_lock (&worker->lock);
  worker->progress = done;
  g_mutex_unlock (&worker->lock);
}

static bool
is_canceled (void *user)
{
  WctWorker *worker = user;
  bool       canceled;

  g_mutex_lock (&worker->lock);
  canceled = worker->leave || worker->running < worker->first_wanted;
  g_mutex_unlock (&worker->lock);
  return canceled;
}

/* What a texture starts from: noise, and of the guide as much as the parameters say. */
static WctStatus
fill_noise (const WctWork *work, WctError *err)
{
  const WctImage *noise = &work->content->image;
  WctStatus       status = WCT_OK;

  wct_noise_fill (noise, (uint64_t)work->params.seed);
  if (work->guide == NULL)
    return WCT_OK;
  if (work->params.seamless) /* noise would hide its seam from the job */
    WCT_TRY (wct_image_fade_seam (&work->guide->image, err));
  wct_noise_guide_rows (noise, 0, noise->height, &work->guide->image, work->params.guide / 100);

out:
  return status;
}

static WctStatus
run_engine (WctWorker *worker, const WctWork *work, const WctHooks *hooks, Delivery *delivery)
{
  WctEngineStyle  styles[WCT_ENGINE_STYLES_MAX];
  WctEngineRegion regions[WCT_ENGINE_REGIONS_MAX];

  for (gint i = 0; i < work->style_count; i++)
    styles[i] = (WctEngineStyle){ work->styles[i].picture, work->styles[i].file, work->styles[i].weight };
  for (gint i = 0; i < work->region_count; i++)
    regions[i] = (WctEngineRegion){ work->regions[i].mask, work->regions[i].style, work->regions[i].strength };
  return wct_engine_run (worker->engine,
                         &(WctEngineRun){ .params = &work->params,
                                          .style_count = work->style_count,
                                          .styles = styles,
                                          .region_count = work->region_count,
                                          .regions = regions,
                                          .content = work->content,
                                          .whole = work->whole,
                                          .whole_working_size = work->whole_working_size,
                                          .check_memory = work->check_memory },
                         hooks, &delivery->result.result, &delivery->err);
}

static WctStatus
compute (WctWorker *worker, const WctWork *work, Delivery *delivery)
{
  const WctHooks hooks = { worker, set_progress, is_canceled };
  WctStatus      status;

  WCT_TRY (wct_engine_open (worker->engine, &delivery->info, &delivery->err));
  delivery->result.info = &delivery->info;
  if (work->save_path != NULL)
    return wct_engine_save_style (worker->engine, work->styles[0].picture, work->save_path, &hooks, &delivery->err);
  if (work->content != NULL)
    {
      if (work->noise)
        WCT_TRY (fill_noise (work, &delivery->err));
      WCT_TRY (run_engine (worker, work, &hooks, delivery));
    }
  if (work->whole_width > 0 && !is_canceled (worker))
    WCT_TRY (wct_engine_memory (worker->engine, &work->params, work->whole_width, work->whole_height,
                                &delivery->result.whole_memory, &delivery->err));

out:
  return status;
}

static void
free_delivery (gpointer data)
{
  Delivery *delivery = data;

  wct_picture_unref (&delivery->result.content);
  wct_picture_unref (&delivery->result.result);
  g_free (delivery);
}

/* On the main thread. What was canceled after it had been computed is dropped here. */
static gboolean
deliver (gpointer data)
{
  Delivery  *delivery = data;
  WctWorker *worker = delivery->worker;
  gboolean   wanted;

  g_mutex_lock (&worker->lock);
  wanted = delivery->result.ticket >= worker->first_wanted;
  g_mutex_unlock (&worker->lock);
  if (wanted)
    worker->done (worker->user, &delivery->result);
  return G_SOURCE_REMOVE;
}

static void
drop_delivery (WctWorker *worker)
{
  if (worker->delivery == NULL)
    return;
  g_source_destroy (worker->delivery);
  g_clear_pointer (&worker->delivery, g_source_unref);
}

/* With the lock. An earlier one has arrived, or is late: nobody needs it any more. */
static void
send (WctWorker *worker, Delivery *delivery)
{
  drop_delivery (worker);
  worker->delivery = g_idle_source_new ();
  g_source_set_priority (worker->delivery, G_PRIORITY_DEFAULT);
  g_source_set_callback (worker->delivery, deliver, delivery, free_delivery);
  g_source_attach (worker->delivery, worker->context);
}

/* With the lock, which is free while it computes. */
static void
run_waiting (WctWorker *worker)
{
  Delivery *delivery = g_new0 (Delivery, 1);
  WctWork   work = worker->waiting.work;

  worker->running = worker->waiting.ticket;
  worker->waiting = (Job){ .ticket = 0 };
  worker->progress = 0;
  g_mutex_unlock (&worker->lock);
  delivery->worker = worker;
  delivery->result.ticket = worker->running;
  delivery->result.status = compute (worker, &work, delivery);
  delivery->result.sentence = delivery->err.message;
  delivery->result.content = work.content;
  work.content = NULL;
  wct_work_clear (&work);
  g_mutex_lock (&worker->lock);
  if (worker->leave || worker->running < worker->first_wanted)
    free_delivery (delivery);
  else
    send (worker, delivery);
  worker->running = 0;
}

static gpointer
work_thread (gpointer data)
{
  WctWorker *worker = data;

  /* On Linux this is the thread's own, and of those that it starts: however many compute, the window goes first. */
  setpriority (PRIO_PROCESS, 0, NICENESS);
  g_mutex_lock (&worker->lock);
  while (!worker->leave)
    if (worker->waiting.ticket == 0)
      g_cond_wait (&worker->changed, &worker->lock);
    else
      run_waiting (worker);
  g_mutex_unlock (&worker->lock);
  return NULL;
}

/* ---- The main thread ---------------------------------------------------------------------------------------- */

WctWorker *
wct_worker_new (int threads, WctWorkDone done, gpointer user)
{
  WctWorker *worker = g_new0 (WctWorker, 1);

  worker->context = g_main_context_ref_thread_default ();
  worker->done = done;
  worker->user = user;
  worker->engine = wct_engine_new (threads);
  g_mutex_init (&worker->lock);
  g_cond_init (&worker->changed);
  worker->thread = g_thread_new ("wct", work_thread, worker);
  return worker;
}

void
wct_worker_free (WctWorker **worker_pointer)
{
  WctWorker *worker = *worker_pointer;

  if (worker == NULL)
    return;
  g_mutex_lock (&worker->lock);
  worker->leave = TRUE;
  g_cond_signal (&worker->changed);
  g_mutex_unlock (&worker->lock);
  g_thread_join (worker->thread);
  drop_delivery (worker);
  wct_work_clear (&worker->waiting.work);
  wct_engine_free (&worker->engine);
  g_cond_clear (&worker->changed);
  g_mutex_clear (&worker->lock);
  g_main_context_unref (worker->context);
  g_free (worker);
  *worker_pointer = NULL;
}

guint64
wct_worker_submit (WctWorker *worker, WctWork work, gboolean urgent)
{
  guint64 ticket;

  g_mutex_lock (&worker->lock);
  wct_work_clear (&worker->waiting.work);
  ticket = ++worker->last_ticket;
  worker->waiting = (Job){ ticket, work };
  if (urgent)
    worker->first_wanted = ticket;
  g_cond_signal (&worker->changed);
  g_mutex_unlock (&worker->lock);
  return ticket;
}

void
wct_worker_cancel (WctWorker *worker)
{
  g_mutex_lock (&worker->lock);
  wct_work_clear (&worker->waiting.work);
  worker->waiting = (Job){ .ticket = 0 };
  worker->first_wanted = worker->last_ticket + 1;
  g_mutex_unlock (&worker->lock);
}

double
wct_worker_progress (WctWorker *worker, guint64 ticket)
{
  double progress;

  g_mutex_lock (&worker->lock);
  progress = worker->running == ticket ? worker->progress : 0;
  g_mutex_unlock (&worker->lock);
  return progress;
}
