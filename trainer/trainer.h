/* The training loop's arithmetic: what a step does, whatever is trained.
 *
 * A rank's share of the batch is cut into lanes, which are computed side by side and whose gradients are summed in
 * order: the result depends on the number of lanes, which is the run's, not on the number of threads, which is the
 * machine's. A lane goes through its share in pieces. */
#ifndef WCT_TRAINER_TRAINER_H
#define WCT_TRAINER_TRAINER_H

#include <wct/model.h>
#include <wct/params.h>

#include "config.h"
#include "learner.h"
#include "parallel-reduce.h"
#include "pool.h"

#define WCT_LEARNERS_MAX (3 * WCT_LEVELS)

/* What is measured of a step, for each level: the terms of the loss, as they count in it. The last two are of
 * transformed features. */
typedef struct
{
  double pixel[WCT_LEVELS], feature[WCT_LEVELS], style[WCT_LEVELS], structure[WCT_LEVELS];
} WctTerms;

/* What is computed at once: pictures that follow each other in the batch. */
typedef struct
{
  const float *images; /* (piece, 3, crop, crop) */
  const float *styles; /* the same; NULL: the run has none */
  int32_t      first;  /* of its pictures, in the batch of all ranks */
  bool         last;   /* of its lane */
} WctPiece;

/* A share of a batch. */
typedef struct
{
  const float *images; /* (share, 3, crop, crop) */
  const float *styles; /* the same; NULL: the run has none */
} WctShare;

/* Variances that squared errors are divided by; 1 with WCT_LOSS_RAW. */
typedef struct
{
  double pixel, feature[WCT_LEVELS];
} WctScales;

typedef struct WctTrainer WctTrainer;

/* What is particular to a task: decoder.c, encoder.c. */
typedef struct
{
  /* Makes the learners, at zero. */
  WctStatus (*prepare) (WctTrainer *trainer, WctError *err);

  /* Gives them values to start from. @images: (count, 3, crop, crop) of the training part */
  WctStatus (*start) (WctTrainer *trainer, const float *images, int32_t count, WctError *err);

  /* What @thread needs: chains and batches; and frees it. Called one after the other. */
  WctStatus (*worker_new) (WctTrainer *trainer, void **worker, WctError *err);
  void (*worker_free) (WctTrainer *trainer, void **worker);

  /* Adds the variances' sums of one piece: scales are of the data, not of what is learned. */
  WctStatus (*measure) (WctTrainer *trainer, void *worker, const WctPiece *piece, WctScales *sums, WctScales *squares,
                        WctError *err);

  /* One piece forward and backward: adds to the lane's gradients and to @terms. */
  WctStatus (*piece) (WctTrainer *trainer, void *worker, int lane, const WctPiece *piece, WctTerms *terms,
                      WctError *err);
} WctTaskOps;

extern const WctTaskOps wct_task_decoder, wct_task_transformed, wct_task_encoder;

struct WctTrainer
{
  const WctConfig  *config; /* borrowed */
  const WctTaskOps *task;
  WctModel         *model;                      /* counted: the encoder, or the teacher */
  WctModel         *start_model;                /* counted; NULL */
  WctModel         *judge;                      /* counted; NULL */
  WctBackend       *backend;                    /* owned */
  WctPool          *pool;                       /* owned */
  WctReducer       *reducer;                    /* owned */
  void            **workers;                    /* owned; one for each thread */
  WctLearner       *learners[WCT_LEARNERS_MAX]; /* owned */
  int               learner_count;
  int               lanes, pieces; /* pieces of a lane */
  int32_t           piece;         /* pictures in it */
  int32_t           share;         /* pictures of this rank in a step */
  WctScales         scales;
  WctScales         scale_sums, scale_squares; /* of what was measured so far */
  double            scale_pictures;
  WctTerms         *lane_terms; /* owned */
  int64_t           step;       /* done */
  int64_t           skipped;    /* of them: nothing was learned, as gradients left f16's range */
  int               skipped_in_row;
};

/**
 * wct_trainer_new: everything but values.
 * @config: borrowed until free; checked
 * Refuses what the machine's memory cannot hold, before it is allocated where that can be foreseen.
 */
WctStatus wct_trainer_new (const WctConfig *config, WctTrainer **out, WctError *err);
void      wct_trainer_free (WctTrainer **trainer);

/* Values to start from. @images: the first pictures of the first batch of all ranks, (start_pictures, 3, crop, crop):
 * the same, however many ranks there are */
int32_t   wct_trainer_start_pictures (const WctConfig *config);
WctStatus wct_trainer_start (WctTrainer *trainer, const float *images, WctError *err);

/* Scales, from one more batch: they are of the data, and settle with some hundred pictures. Once at least, before the
 * first step; nothing with WCT_LOSS_RAW. */
WctStatus wct_trainer_measure (WctTrainer *trainer, const WctShare *share, WctError *err);

/* One step of the optimizer, on this rank's share of a batch. @terms: of the whole batch. With f16 a step whose
 * gradient is not finite is skipped: the back end scales gradients less in the next. */
WctStatus wct_trainer_step (WctTrainer *trainer, const WctShare *share, WctTerms *terms, WctError *err);

/* For tasks, after a piece's last share of a learner's gradient: where the gradient is complete with that, its sum over
 * all ranks begins, beside what is still to be computed. Every rank must come here for the same learners in the same
 * order; who does not come is summed at the end. */
WctStatus wct_trainer_gradient_done (WctTrainer *trainer, const WctPiece *piece, WctLearner *learner, WctError *err);

/* What learns at a level, by the start of its name: "decoder", "encoder"; NULL: nothing. */
WctLearner *wct_trainer_learner (const WctTrainer *trainer, const char *kind, int level);

/* After values were read from a checkpoint. */
WctStatus wct_trainer_pack (WctTrainer *trainer, WctError *err);

/* The learning rate of a step, from 0 on, where levels have no factor of their own. */
double wct_trainer_rate (const WctConfig *config, int64_t step);

/* Sum of all terms: the loss. */
double wct_terms_loss (const WctTerms *terms);

/* What a squared error of @values values counts for, with the whole batch. */
float wct_trainer_scale (const WctTrainer *trainer, double weight, double variance, size_t values_of_picture);

#endif
