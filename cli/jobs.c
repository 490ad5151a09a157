/* Making plans takes as long as stylizing a small picture (docs/BATCHES.md), and a data set has few sizes that most of
 * its pictures have: the jobs of the last sizes stay. */
#include "jobs.h"

#include <stdint.h>

#include <glib.h>

#include "exit-status.h"
#include "memory-check.h"

#define JOBS_MAX 8

typedef struct
{
  int32_t width, height;
  WctJob *job;    /* owned; NULL: this place is free */
  size_t  memory; /* bytes at its peak, which is more than what it keeps */
} Place;

struct WctJobs
{
  WctModel   *model;   /* counted */
  WctBackend *backend; /* borrowed */
  size_t      memory_limit;
  Place       places[JOBS_MAX]; /* the one that was used last comes first; free ones come last */
};

WctJobs *
wct_jobs_new (WctModel *model, WctBackend *backend, size_t memory_limit)
{
  WctJobs *jobs = g_new0 (WctJobs, 1);

  jobs->model = wct_model_ref (model);
  jobs->backend = backend;
  jobs->memory_limit = memory_limit;
  return jobs;
}

/* Moves place @index to the front. */
static void
bring_forward (WctJobs *jobs, int index)
{
  const Place place = jobs->places[index];

  for (int i = index; i > 0; i--)
    jobs->places[i] = jobs->places[i - 1];
  jobs->places[0] = place;
}

/* The place of that size, or -1. */
static int
find_place (const WctJobs *jobs, const WctImage *image)
{
  for (int i = 0; i < JOBS_MAX; i++)
    if (jobs->places[i].job != NULL && jobs->places[i].width == image->width && jobs->places[i].height == image->height)
      return i;
  return -1;
}

/* Lets old jobs go until the first one may take its memory. */
static void
make_room (WctJobs *jobs)
{
  size_t sum = jobs->places[0].memory;

  for (int i = 1; i < JOBS_MAX; i++)
    if (jobs->places[i].job != NULL && jobs->places[i].memory <= jobs->memory_limit - sum)
      sum += jobs->places[i].memory;
    else
      for (; i < JOBS_MAX; i++)
        wct_job_free (&jobs->places[i].job);
}

static WctStatus
make_job (WctJobs *jobs, const WctParams *params, WctStyle *style, const char *name, const WctImage *image,
          WctError *err)
{
  const WctJobSpec spec = {
    .model = jobs->model, .backend = jobs->backend, .params = params, .style_count = 1, .styles = &style
  };
  Place     place = { .width = image->width, .height = image->height };
  WctStatus status;

  wct_job_free (&jobs->places[JOBS_MAX - 1].job);
  WCT_TRY (wct_job_new (&spec, &place.job, err));
  wct_job_limit_memory (place.job, jobs->memory_limit);
  WCT_TRY (wct_job_memory (place.job, image->width, image->height, &place.memory, err));
  WCT_TRY (wct_memory_check (name, place.memory, jobs->memory_limit, image->width, image->height, "--content-size",
                             true, err));
  bring_forward (jobs, JOBS_MAX - 1);
  jobs->places[0] = place;
  place.job = NULL;
  make_room (jobs);

out:
  wct_job_free (&place.job);
  return status;
}

WctStatus
wct_jobs_run (WctJobs *jobs, const WctParams *params, WctStyle *style, const char *name, WctImage *image, WctError *err)
{
  const int there = find_place (jobs, image);
  WctStatus status;

  if (there < 0)
    WCT_TRY (make_job (jobs, params, style, name, image, err));
  else
    {
      bring_forward (jobs, there);
      WCT_TRY (wct_job_set_styles (jobs->places[0].job, 1, &style, NULL, err));
      WCT_TRY (wct_job_set_params (jobs->places[0].job, params, err));
    }
  WCT_TRY (wct_job_run (jobs->places[0].job, image, image, NULL, err));

out:
  return status;
}

void
wct_jobs_free (WctJobs **jobs_pointer)
{
  WctJobs *jobs = *jobs_pointer;

  if (jobs == NULL)
    return;
  for (int i = 0; i < JOBS_MAX; i++)
    wct_job_free (&jobs->places[i].job);
  wct_model_unref (&jobs->model);
  g_free (jobs);
  *jobs_pointer = NULL;
}
