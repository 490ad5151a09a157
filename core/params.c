/* THE table of parameters. Adding one: a field in WctParams, a row here, its use in core/ or a front end. */
#include <wct/params.h>

#include <stdbool.h>
#include <string.h>

#define FIELD(name) offsetof (WctParams, name)
#define N_(text)    text /* shown translated by a front end: po/ collects it */

#define LEVEL_ROWS(n)                                                                                                  \
  {                                                                                                                    \
    "relu" #n, "Relu_" #n "_1", "Run the level relu" #n "_1.", "", WCT_PARAM_BOOL, 0, 1, 1, 1, FIELD (level_on[n - 1]) \
  },                                                                                                                   \
  {                                                                                                                    \
    "relu" #n "-alpha", "Relu_" #n "_1 strength",                                                                      \
      "How far the features of relu" #n "_1 go to the style's: 0 leaves them, 1 goes all the way.", "",                \
      WCT_PARAM_DOUBLE, 0, 1, 0.01, 0.6, FIELD (alpha[n - 1])                                                          \
  }

static const WctParamInfo table[] = {
  LEVEL_ROWS (5),
  LEVEL_ROWS (4),
  LEVEL_ROWS (3),
  LEVEL_ROWS (2),
  LEVEL_ROWS (1),
  { "content-size", "Content size", "Work at this size: the picture's longer side; 0 keeps it as it is.", "px",
    WCT_PARAM_INT, 0, 1000000, 1, 0, FIELD (content_size) },
  { "style-size", N_ ("Style size"),
    N_ ("Scale the style's longer side to this first: small styles give fine strokes, large ones coarse; 0 keeps it."),
    "px", WCT_PARAM_INT, 0, 1000000, 1, 0, FIELD (style_size) },
  { "style-scale", N_ ("Style scale"),
    N_ ("The style's size relative to the picture's, longer sides; 0 leaves it to the style size."), "%",
    WCT_PARAM_DOUBLE, 0, 1000, 1, 0, FIELD (style_scale) },
  { "style-rotation", N_ ("Style rotation"), N_ ("Turn the style by this angle first, counterclockwise."), "°",
    WCT_PARAM_DOUBLE, -180, 180, 1, 0, FIELD (style_rotation) },
  { "style-left", N_ ("Style from left"), N_ ("Where the part of the style begins that is taken, from its left."), "%",
    WCT_PARAM_DOUBLE, 0, 99, 1, 0, FIELD (style_left) },
  { "style-top", N_ ("Style from top"), N_ ("Where the part of the style begins that is taken, from its top."), "%",
    WCT_PARAM_DOUBLE, 0, 99, 1, 0, FIELD (style_top) },
  { "style-width", N_ ("Style width"), N_ ("How wide the part of the style is that is taken."), "%", WCT_PARAM_DOUBLE,
    1, 100, 1, 100, FIELD (style_width) },
  { "style-height", N_ ("Style height"), N_ ("How high the part of the style is that is taken."), "%", WCT_PARAM_DOUBLE,
    1, 100, 1, 100, FIELD (style_height) },
  { "passes", N_ ("Passes"), N_ ("Run the whole cascade this many times, each on the result of the one before."), "",
    WCT_PARAM_INT, 1, 100, 1, 1, FIELD (passes) },
  { "seed", "Seed", N_ ("The noise that a texture starts from: another number gives another texture."), "",
    WCT_PARAM_INT, 0, 2147483647, 1, 0, FIELD (seed) },
  { "eigenvalue-floor", N_ ("Eigenvalue floor"),
    N_ ("Directions of the features with less variance than this are dropped: they hold noise."), "", WCT_PARAM_DOUBLE,
    0, 1e6, 1e-5, 1e-5, FIELD (eigenvalue_floor) },
  { "damping", N_ ("Damping"),
    N_ ("Added to the variance of the content's features: 0 is the paper's transform, 0.01 keeps weak details calmer."),
    "", WCT_PARAM_DOUBLE, 0, 1e6, 0.01, 0, FIELD (damping) },
  { "transport", N_ ("Optimal transport"),
    N_ ("Move features by the optimal-transport map instead of whitening and coloring: more of the picture's structure "
        "stays."),
    "", WCT_PARAM_BOOL, 0, 1, 1, 0, FIELD (transport) },
  { "swap", N_ ("Style swap"),
    N_ (
      "How far patches of relu5_1 are replaced by the style's most similar ones: 0 leaves them, 1 takes the style's."),
    "", WCT_PARAM_DOUBLE, 0, 1, 0.01, 0, FIELD (swap) },
  { "swap-patch", N_ ("Patch size"), N_ ("The side of a patch of the style swap, in features of 16 pixels."), "",
    WCT_PARAM_INT, 1, 15, 1, 3, FIELD (swap_patch) },
  { "swap-stride", N_ ("Patch stride"), N_ ("How far apart the style's patches are, in features of 16 pixels."), "",
    WCT_PARAM_INT, 1, 15, 1, 1, FIELD (swap_stride) },
  { "keep-colors", N_ ("Keep colors"),
    N_ ("Give the result the picture's own colors back: at 100 the style decides on light and dark only."), "%",
    WCT_PARAM_DOUBLE, 0, 100, 1, 0, FIELD (keep_colors) },
  { "recolor", N_ ("Recolor the style"),
    N_ ("Give the style the picture's colors before it is measured, by their mean and covariance."), "%",
    WCT_PARAM_DOUBLE, 0, 100, 1, 0, FIELD (recolor) },
  { "recolor-histogram", N_ ("Recolor by histogram"),
    N_ ("Give the style the picture's colors before it is measured, by the histograms of red, green and blue."), "%",
    WCT_PARAM_DOUBLE, 0, 100, 1, 0, FIELD (recolor_histogram) },
  { "working-size", N_ ("Working size"),
    N_ ("Stylize the picture at this size of its longer side and bring the detail back from the original; 0 works on "
        "all pixels."),
    "px", WCT_PARAM_INT, 0, 1000000, 1, 0, FIELD (working_size) },
  { "seamless", N_ ("Seamless"), N_ ("Make the result continue at the opposite side, so that it tiles without a seam."),
    "", WCT_PARAM_BOOL, 0, 1, 1, 0, FIELD (seamless) },
  { "guide", N_ ("Guide"),
    N_ ("How much of a picture shows in the noise that a texture starts from: it leads the forms."), "%",
    WCT_PARAM_DOUBLE, 0, 100, 1, 0, FIELD (guide) },
  { "hard-masks", N_ ("Hard masks"), N_ ("Cut regions where their mask is half light, instead of mixing at its grays."),
    "", WCT_PARAM_BOOL, 0, 1, 1, 0, FIELD (hard_masks) },
};

const WctParamInfo *
wct_params_table (size_t *count)
{
  *count = sizeof table / sizeof table[0];
  return table;
}

double
wct_param_get (const WctParams *params, const WctParamInfo *info)
{
  const char *field = (const char *)params + info->offset;
  int32_t     integer;
  double      number;

  if (info->kind == WCT_PARAM_DOUBLE)
    memcpy (&number, field, sizeof number);
  else
    {
      memcpy (&integer, field, sizeof integer);
      number = integer;
    }
  return number;
}

static WctStatus
check_range (const WctParamInfo *info, double value, WctError *err)
{
  if (!(value >= info->min && value <= info->max))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "%s is %g; it goes from %g to %g", info->name, value, info->min,
                          info->max);
  if (info->kind != WCT_PARAM_DOUBLE && value != (double)(int32_t)value)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "%s is %g; it is a whole number", info->name, value);
  return WCT_OK;
}

WctStatus
wct_param_set (WctParams *params, const WctParamInfo *info, double value, WctError *err)
{
  char     *field = (char *)params + info->offset;
  WctStatus status = check_range (info, value, err);

  if (status != WCT_OK)
    return status;
  if (info->kind == WCT_PARAM_DOUBLE)
    memcpy (field, &value, sizeof value);
  else
    memcpy (field, &(int32_t){ (int32_t)value }, sizeof (int32_t));
  return WCT_OK;
}

void
wct_params_init (WctParams *params)
{
  memset (params, 0, sizeof *params);
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
    (void)wct_param_set (params, &table[i], table[i].def, NULL);
}

WctStatus
wct_params_check (const WctParams *params, WctError *err)
{
  bool any = false;

  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
    {
      WctStatus status = check_range (&table[i], wct_param_get (params, &table[i]), err);

      if (status != WCT_OK)
        return status;
    }
  for (int i = 0; i < WCT_LEVELS; i++)
    any = any || params->level_on[i];
  return any ? WCT_OK : wct_error_set (err, WCT_ERR_ARGUMENT, "no level is on; turn on at least one of relu1 to relu5");
}
