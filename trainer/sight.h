/* How far apart pictures are in style and in content, as a fixed network sees them: a judge that was not trained on the
 * models that it compares. */
#ifndef WCT_TRAINER_SIGHT_H
#define WCT_TRAINER_SIGHT_H

#include <wct/image.h>
#include <wct/model.h>

#include "backend/backend.h"

typedef struct WctEye   WctEye;   /* the network, for one thread */
typedef struct WctSight WctSight; /* what it saw: moments at relu1_1 … relu5_1, and the features at relu4_1 */

/* @judge: borrowed until free. Refuses one that does not reach relu5_1. */
WctStatus wct_eye_new (WctBackend *backend, const WctModel *judge, WctEye **out, WctError *err);
void      wct_eye_free (WctEye **eye);

/**
 * wct_eye_look: at one picture.
 * @picture: 3 channels, in [0,1], sides of WCT_EYE_SIDE_MIN at least. Of each side, what goes beyond a multiple of 16
 * is not looked at
 * @out: on WCT_OK to be freed with wct_sight_free, before the eye; untouched otherwise
 */
WctStatus wct_eye_look (WctEye *eye, const WctImage *picture, WctSight **out, WctError *err);
void      wct_sight_free (WctSight **sight);

/* The mean over the five taps of |μ - μ'| / |μ'| + |Σ - Σ'| / |Σ'|, Frobenius. @style: what was wanted */
double wct_style_distance (const WctSight *result, const WctSight *style);

/* 1 - the mean cosine of standardized features at relu4_1 (training.h, cosine_error), of pictures of one size. */
WctStatus wct_content_distance (const WctSight *result, const WctSight *content, double *out, WctError *err);

#endif
