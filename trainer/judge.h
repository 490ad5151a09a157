/* A fixed network that looks at pictures: its features at relu1_1 … relu4_1, and the terms of a loss on them.
 *
 * What a picture should look like, its content and its style, is shown first; results are then judged, any number of
 * them, and the gradient at each result comes back. */
#ifndef WCT_TRAINER_JUDGE_H
#define WCT_TRAINER_JUDGE_H

#include <stdint.h>

#include <wct/model.h>
#include <wct/status.h>

#include "backend/backend.h"

#define WCT_JUDGE_TAPS 4

typedef struct WctJudge WctJudge;

/**
 * wct_judge_new: for pictures of (count, 3, crop, crop).
 * @first: another judge of the same model, whose packed weights are borrowed until it is freed; NULL: none yet
 * Refuses a model that does not reach relu4_1.
 */
WctStatus wct_judge_new (WctBackend *backend, const WctModel *model, WctPrecision precision, int32_t count,
                         int32_t crop, const WctJudge *first, WctJudge **out, WctError *err);
void      wct_judge_free (WctJudge **judge);

/* Pictures on this side are copied into features, or measured: they may change afterwards. */
WctStatus wct_judge_show_content (WctJudge *judge, const WctBatch *pictures, WctError *err);
WctStatus wct_judge_show_style (WctJudge *judge, const WctBatch *pictures, WctError *err);

/* What each picture's terms count for; the terms come with it. */
typedef struct
{
  double style;     /* how far the moments are from those of the style */
  double likeness;  /* how far the features are from those of the content */
  double structure; /* how differently they are laid out, whatever their style */
} WctJudgment;

/**
 * wct_judge_results: what is wrong with them? Of each picture
 *
 *   style      the mean over taps of |μ - μ_style|² / |μ_style|² + min (|Σ - Σ_style|² / |Σ_style|², 20)
 *   likeness   the mean over taps of |f - f_content|² over |f_content|², the latter's mean over the pictures
 *   structure  1 - the mean cosine of standardized features at relu4_1, the result's and the content's
 *
 * @weights: of the terms. 0 leaves a term out, and what it would be compared with need not have been shown
 * @terms: added to: of all pictures
 * @gradient: written, at @results
 */
WctStatus wct_judge_results (WctJudge *judge, const WctBatch *results, const WctJudgment *weights, WctBatch *gradient,
                             WctJudgment *terms, WctError *err);

#endif
