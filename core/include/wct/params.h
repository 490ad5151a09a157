/* The parameters of a job, and the one table that names them: options, dialog rows, procedure arguments and
 * manual are made from it. */
#ifndef WCT_PARAMS_H
#define WCT_PARAMS_H

#include <stddef.h>
#include <stdint.h>

#include <wct/status.h>

WCT_BEGIN_C

#define WCT_LEVELS 5 /* relu1_1 … relu5_1; arrays are indexed by level - 1 */

typedef struct
{
  int32_t level_on[WCT_LEVELS]; /* 0 or 1: does the job run this level? */
  double  alpha[WCT_LEVELS];    /* strength of the level's transform, 0 (autoencoder alone) … 1 */
  double  eigenvalue_floor;     /* eigenvalues of a covariance below this are dropped */
  double  damping;              /* added to the diagonal of the content's covariance */
  int32_t content_size;         /* longest side in pixels, 0: as it is. Used by front ends, not by the job */
  int32_t style_size;           /* longest side in pixels, 0: as it is. Used by front ends, not by the job */
  int32_t passes;               /* how often the whole cascade runs, each on the result of the one before */
  int32_t seed;                 /* of the noise that a texture starts from. Used by front ends, not by the job */
} WctParams;

typedef enum
{
  WCT_PARAM_BOOL,  /* int32_t, 0 or 1 */
  WCT_PARAM_INT,   /* int32_t */
  WCT_PARAM_DOUBLE /* double */
} WctParamKind;

typedef struct
{
  const char  *name;  /* "relu4-alpha": option, procedure argument and settings key */
  const char  *label; /* English, translatable, with mnemonic-free text: "Relu_4_1 strength" */
  const char  *help;  /* English, translatable, one sentence on what the picture does */
  const char  *unit;  /* "px" or "" */
  WctParamKind kind;
  double       min, max, step, def;
  size_t       offset; /* of the field in WctParams */
} WctParamInfo;

/* The table, static, in the order of a dialog; *count rows. */
WCT_API const WctParamInfo *wct_params_table (size_t *count);

/* All parameters at their defaults: five levels, alpha 0.6. */
WCT_API void wct_params_init (WctParams *params);

/* Every value within its row's range (NaN is not), and at least one level on. */
WCT_API WctStatus wct_params_check (const WctParams *params, WctError *err);

/* One value by its row. wct_param_set checks the range. */
WCT_API double    wct_param_get (const WctParams *params, const WctParamInfo *info);
WCT_API WctStatus wct_param_set (WctParams *params, const WctParamInfo *info, double value, WctError *err);

WCT_END_C

#endif
