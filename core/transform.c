/* Whitening-coloring transform: the affine map that moves features with the content's moments to the style's, with
 * strength (Li et al. 2017, whitening, then coloring), or by the optimal-transport map.
 * Eigenvalues under the floor are cut: noise there would be amplified. */
#include "transform.h"

#include <string.h>

#include "linalg.h"
#include "mem.h"
#include "transport.h"

WctStatus
wct_affine_new (int32_t channels, WctAffine **out, WctError *err)
{
  const size_t count = (size_t)channels;
  WctAffine   *affine = NULL;
  WctStatus    status;

  WCT_TRY (wct_alloc (1, sizeof *affine, "transform", &affine, err));
  affine->channels = channels;
  WCT_TRY (wct_alloc (count * count, sizeof (double), "transform", &affine->matrix, err));
  WCT_TRY (wct_alloc (count, sizeof (double), "transform", &affine->center, err));
  WCT_TRY (wct_alloc (count, sizeof (double), "transform", &affine->bias, err));
  *out = affine;
  affine = NULL;

out:
  wct_affine_free (&affine);
  return status;
}

void
wct_affine_free (WctAffine **affine)
{
  if (*affine == NULL)
    return;
  wct_free (&(*affine)->bias);
  wct_free (&(*affine)->center);
  wct_free (&(*affine)->matrix);
  wct_free (affine);
}

void
wct_affine_copy (const WctAffine *from, WctAffine *to)
{
  const size_t row = (size_t)from->channels * sizeof (double);

  memcpy (to->matrix, from->matrix, row * (size_t)from->channels);
  memcpy (to->center, from->center, row);
  memcpy (to->bias, from->bias, row);
}

/* ---- The style's side --------------------------------------------------------------------------------------- */

static WctStatus
new_coloring (int32_t channels, WctColoring **out, WctError *err)
{
  const size_t count = (size_t)channels;
  WctColoring *coloring = NULL;
  WctStatus    status;

  WCT_TRY (wct_alloc (1, sizeof *coloring, "coloring", &coloring, err));
  coloring->channels = channels;
  WCT_TRY (wct_alloc (count * count, sizeof (double), "coloring", &coloring->root, err));
  WCT_TRY (wct_alloc (count, sizeof (double), "coloring", &coloring->mean, err));
  *out = coloring;
  coloring = NULL;

out:
  wct_coloring_free (&coloring);
  return status;
}

static void
add_style (WctColoring *coloring, const WctMoments *style, const WctRoot *root, double weight)
{
  const size_t  channels = (size_t)style->channels;
  const double *matrix = wct_root_matrix (root);

  for (size_t i = 0; i < channels * channels; i++)
    coloring->root[i] += weight * matrix[i];
  for (size_t c = 0; c < channels; c++)
    coloring->mean[c] += weight * style->mean[c];
}

WctStatus
wct_coloring_new (const WctMoments *const *styles, const double *weights, int count, double floor, WctColoring **out,
                  WctError *err)
{
  WctColoring *coloring = NULL;
  WctRoot     *root = NULL;
  WctStatus    status;

  WCT_TRY (new_coloring (styles[0]->channels, &coloring, err));
  for (int i = 0; i < count; i++)
    {
      WCT_TRY (wct_root_new (styles[i], floor, &root, err));
      add_style (coloring, styles[i], root, weights[i]);
      wct_root_unref (&root);
    }
  *out = coloring;
  coloring = NULL;

out:
  wct_root_unref (&root);
  wct_coloring_free (&coloring);
  return status;
}

WctStatus
wct_coloring_blend (const WctMoments *const *styles, WctRoot *const *roots, const double *weights, int count,
                    WctColoring **out, WctError *err)
{
  WctColoring *coloring = NULL;
  WctStatus    status;

  WCT_TRY (new_coloring (styles[0]->channels, &coloring, err));
  for (int i = 0; i < count; i++)
    add_style (coloring, styles[i], roots[i], weights[i]);
  *out = coloring;

out:
  return status;
}

void
wct_coloring_free (WctColoring **coloring)
{
  if (*coloring == NULL)
    return;
  wct_free (&(*coloring)->mean);
  wct_free (&(*coloring)->root);
  wct_free (coloring);
}

/* ---- Content and style together ----------------------------------------------------------------------------- */

/* Σc + damping, (channels, channels), the caller's. */
static WctStatus
damped_covariance (const WctMoments *content, double damping, double **out, WctError *err)
{
  const size_t channels = (size_t)content->channels;
  WctStatus    status = wct_alloc (channels * channels, sizeof (double), "whitening", out, err);

  if (status != WCT_OK)
    return status;
  memcpy (*out, content->covariance, channels * channels * sizeof (double));
  for (size_t c = 0; c < channels; c++)
    (*out)[c * channels + c] += damping;
  return WCT_OK;
}

WctStatus
wct_whitening_solve (const WctMoments *content, double floor, double damping, WctAffine *out, WctError *err)
{
  const size_t row = (size_t)content->channels * sizeof (double);
  double      *covariance = NULL;
  WctStatus    status;

  WCT_TRY (wct_moments_check_mean (content, err));
  WCT_TRY (damped_covariance (content, damping, &covariance, err));
  WCT_TRY (wct_symmetric_power (content->channels, covariance, -0.5, floor, out->matrix, err));
  memcpy (out->center, content->mean, row);
  memset (out->bias, 0, row);

out:
  wct_free (&covariance);
  return status;
}

WctStatus
wct_affine_solve (const WctMoments *content, const WctColoring *style, double alpha, double floor, double damping,
                  bool transport, const WctEigenSolver *solver, WctAffine *out, WctError *err)
{
  const size_t channels = (size_t)content->channels;
  double      *covariance = NULL, *whitening = NULL;
  WctStatus    status;

  WCT_TRY (wct_moments_check_mean (content, err));
  WCT_TRY (damped_covariance (content, damping, &covariance, err));
  WCT_TRY (wct_alloc (channels * channels, sizeof (double), "whitening", &whitening, err));
  WCT_TRY (wct_symmetric_power_by (solver, content->channels, covariance, -0.5, floor, whitening, err));
  if (transport)
    WCT_TRY (wct_transport_matrix (solver, content->channels, covariance, whitening, style->root, out->matrix, err));
  else
    wct_matrix_multiply (content->channels, style->root, whitening, out->matrix);

  /* α (M (f - μc) + μs) + (1 - α) f, sorted by f - μc and the rest */
  for (size_t i = 0; i < channels * channels; i++)
    out->matrix[i] *= alpha;
  for (size_t c = 0; c < channels; c++)
    {
      out->matrix[c * channels + c] += 1 - alpha;
      out->center[c] = content->mean[c];
      out->bias[c] = alpha * style->mean[c] + (1 - alpha) * content->mean[c];
    }

out:
  wct_free (&whitening);
  wct_free (&covariance);
  return status;
}
