/* What a run is: everything that decides its numbers. Given on the command line, printed first, stored as config.json
 * in the run's folder, and read back from there by resume, export and plot. */
#ifndef WCT_TRAINER_CONFIG_H
#define WCT_TRAINER_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include <wct/params.h>
#include <wct/status.h>

#include "backend/training.h"

typedef enum
{
  WCT_TASK_DECODER, /* decoders of a fixed encoder, each alone */
  WCT_TASK_ENCODER  /* a compact trunk that learns a teacher's features */
} WctTask;

/* What a squared error is divided by. */
typedef enum
{
  WCT_LOSS_RAW,     /* the number of values: means, as Li et al. trained */
  WCT_LOSS_VARIANCE /* that and the target's variance: pixels and features of any scale count alike */
} WctLossScale;

typedef enum
{
  WCT_START_DATA, /* LSUV (Mishkin and Matas 2016); at relu1_1 by least squares */
  WCT_START_HE,   /* He et al. 2015, normal */
  WCT_START_MODEL /* from the decoders or the trunk of another model */
} WctStart;

typedef enum
{
  WCT_SCHEDULE_CONSTANT,
  WCT_SCHEDULE_COSINE /* down to rate_end */
} WctSchedule;

typedef struct
{
  char    *version, *commit; /* owned; of the program that began the run; NULL: this one */
  WctTask  task;
  char    *model;                /* owned; --encoder or --teacher, absolute */
  char    *start_model;          /* owned; with WCT_START_MODEL, else NULL */
  char    *data;                 /* owned; folder or shard, absolute */
  char    *test_data;            /* owned; NULL: a share of data is held out */
  char    *styles;               /* owned; folder or shard, absolute; NULL but with transformed */
  char    *judge;                /* owned; absolute; likewise */
  unsigned levels;               /* bit (level - 1): which decoders, which taps */
  int32_t  channels[WCT_LEVELS]; /* of a compact trunk's blocks; 0 for decoders */

  int64_t steps; /* 0: as many as epochs makes */
  double  epochs;
  int32_t batch;      /* of all ranks together, a step of the optimizer */
  int32_t accumulate; /* parts that a rank's share is computed in, one after the other: less memory, same result */
  int32_t lanes;      /* parts of a rank's share that are computed side by side and summed in order, so that results do
                         not depend on threads; 0: to be chosen by wct_config_choose_lanes */
  int32_t crop;       /* pixels, a multiple of 16 */
  double  scale_min;  /* pictures are scaled by a random factor in [scale_min, 1] before the crop is taken, as far as it
                         fits */
  bool   flip;
  bool   fixed; /* the same batch at every step: center crops of the first pictures, in name order */
  double test_fraction;

  double      rate, rate_end, beta1, beta2, epsilon;
  int64_t     warmup; /* steps */
  WctSchedule schedule;
  double      clip;    /* largest norm of a level's gradient; 0: none */
  double      average; /* decay of the averaged weights (EMA); 0: none */
  double      lambda;
  double      reconstruct; /* encoders: what the pixel term of decoders learned beside the trunk counts for; 0: none */
  double      imitate;     /* encoders: share of those decoders' target that is the teacher's picture */
  double      pixel_weights[WCT_LEVELS]; /* what the pixel term of each level counts for besides */
  double      level_rates[WCT_LEVELS];   /* what the learning rate of each level is multiplied by */
  double      transformed;               /* decoders: share of what they are given that is transformed; 0: none */
  double      cascade;                   /* share of that which has been through the deeper levels before */
  double      texture;                   /* share of that which was noise */
  double      tune_encoder;              /* what the learning rate of a trunk that learns, too, is multiplied by; 0: it
stays */
  double       alpha_min;                /* least strength of a transform, up to 1 */
  double       style_weight, structure_weight; /* of transformed features' terms */
  double       own_structure;                  /* of the structure term where features are the picture's own */
  WctLossScale loss_scale;
  WctStart     start;
  WctPrecision precision;
  uint64_t     seed;

  int64_t checkpoint_every; /* steps */
  int64_t test_every;       /* steps; 0: each epoch */
  int32_t test_count;       /* pictures of the held-out part that are measured; 0: all */
  int32_t keep;             /* checkpoints */
  char   *backend;          /* owned */
  int32_t threads;          /* 0: all processors */
} WctConfig;

/* Names of the choices, in order; NULL ends them. */
extern const char *const wct_config_starts[], *const wct_config_loss_scales[], *const wct_config_schedules[],
                                                                                 *const wct_config_precisions[];

void wct_config_defaults (WctTask task, WctConfig *config);
void wct_config_clear (WctConfig *config);

/* Does a back end of that name compute on a graphics card? With "auto": the one that it stands for here. */
bool wct_config_on_card (const char *backend);

/* As many lanes as cut the share of one of @ranks evenly, up to 8, where none were asked for. On a card one: it
 * computes all of a lane at once, and one lane after the other. */
void wct_config_choose_lanes (WctConfig *config, int ranks);

/* Both ways without loss; the sentence names the key that is wrong. */
json_t   *wct_config_to_json (const WctConfig *config);
WctStatus wct_config_from_json (const json_t *json, WctConfig *out, WctError *err);

/* Do the values fit each other (crop and the deepest level, batch and lanes, …)? The sentence names the option. */
WctStatus wct_config_check (const WctConfig *config, WctError *err);

#endif
