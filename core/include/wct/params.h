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
  double  swap;                 /* how far patches of relu5_1 go to the style's most similar ones, 0 … 1 */
  double  keep_colors;          /* percent of the content's chroma that the result is given back */
  double  recolor;              /* percent, how far styles are recolored to the content by mean and covariance,
                                   before they are measured. Used by front ends (wct/color.h), not by the job */
  double recolor_histogram;     /* the same by histograms */
  double style_scale;           /* the style's longer side in percent of the content's; 0: style_size says it. Used, as
                                   all that is about the style's picture, by front ends (wct/frame.h), not by the job */
  double  style_rotation;       /* degrees, counterclockwise */
  double  style_left;           /* the part of the style that is taken, in percent of its sides */
  double  style_top;
  double  style_width;
  double  style_height;
  double  guide;        /* percent of the guide picture in what a texture starts from. Used by front ends */
  int32_t transport;    /* 0: whitening and coloring, 1: the optimal-transport map */
  int32_t swap_patch;   /* side of a patch, in features */
  int32_t swap_stride;  /* from one of the style's patches to the next, in features */
  int32_t working_size; /* longest side in pixels that is stylized, detail comes from the original; 0: all */
  int32_t seamless;     /* 1: every convolution wraps around, so that the result tiles */
  int32_t hard_masks;   /* 1: a mask is on or off, as it is above 0.5 or not; 0: masks are weights */
  int32_t content_size; /* longest side in pixels, 0: as it is. Used by front ends, not by the job */
  int32_t style_size;   /* longest side in pixels, 0: as it is. Used by front ends, not by the job */
  int32_t passes;       /* how often the whole cascade runs, each on the result of the one before */
  int32_t seed;         /* of the noise that a texture starts from. Used by front ends, not by the job */
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
  const char  *unit;  /* "px", "%", "°" or "" */
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
