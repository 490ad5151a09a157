/* The costly part of coloring: an eigen-decomposition for each style and level. */
#include "root.h"

#include <stdatomic.h>

#include "linalg.h"
#include "mem.h"

struct WctRoot
{
  atomic_int references;
  double     floor;
  double    *matrix; /* owned; (channels, channels) */
};

WctStatus
wct_root_new (const WctMoments *moments, double floor, WctRoot **out, WctError *err)
{
  const size_t channels = (size_t)moments->channels;
  WctRoot     *root = NULL;
  WctStatus    status;

  WCT_TRY (wct_moments_check_mean (moments, err));
  WCT_TRY (wct_alloc (1, sizeof *root, "coloring", &root, err));
  atomic_init (&root->references, 1);
  root->floor = floor;
  WCT_TRY (wct_alloc (channels * channels, sizeof (double), "coloring", &root->matrix, err));
  WCT_TRY (wct_symmetric_power (moments->channels, moments->covariance, 0.5, floor, root->matrix, err));
  *out = root;
  root = NULL;

out:
  wct_root_unref (&root);
  return status;
}

WctRoot *
wct_root_ref (WctRoot *root)
{
  atomic_fetch_add (&root->references, 1);
  return root;
}

void
wct_root_unref (WctRoot **root)
{
  if (*root != NULL && atomic_fetch_sub (&(*root)->references, 1) == 1)
    {
      wct_free (&(*root)->matrix);
      wct_free (root);
    }
  *root = NULL;
}

const double *
wct_root_matrix (const WctRoot *root)
{
  return root->matrix;
}

double
wct_root_floor (const WctRoot *root)
{
  return root->floor;
}
