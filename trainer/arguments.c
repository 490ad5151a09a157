/* THE table of wct-train's options. Adding one: a field in WctConfig or WctArguments, a row here; for a field of
 * WctConfig a row in config.c's table too, so that a run remembers it. */
#include "arguments.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "mem.h"

#define DECODER (unsigned)WCT_COMMAND_DECODER
#define ENCODER (unsigned)WCT_COMMAND_ENCODER
#define RESUME  (unsigned)WCT_COMMAND_RESUME
#define EXPORT  (unsigned)WCT_COMMAND_EXPORT
#define EVAL    (unsigned)WCT_COMMAND_EVAL
#define PLOT    (unsigned)WCT_COMMAND_PLOT
#define PACK    (unsigned)WCT_COMMAND_PACK
#define TRAIN   (DECODER | ENCODER)
#define ALL     (TRAIN | RESUME | EXPORT | EVAL | PLOT | PACK)

#define OF(field)         .offset = offsetof (WctArguments, field)
#define OF_CONFIG(field)  .offset = offsetof (WctArguments, config.field)
#define FROM_TO(from, to) .min = (from), .max = (to)

#define STEPS_MAX 1e12

/* ---- Values that are not numbers, words or texts ------------------------------------------------------------ */

static WctStatus
take_levels (void *data, const WctOption *option, const char *value, WctError *err)
{
  WctArguments *arguments = data;
  char        **parts;
  unsigned      levels = 0;
  bool          good = true;

  if (strcmp (value, "all") == 0)
    {
      arguments->config.levels = (1u << WCT_LEVELS) - 1;
      return WCT_OK;
    }
  parts = g_strsplit (value, ",", -1);
  for (char **part = parts; *part != NULL && good; part++)
    {
      int64_t level;

      good = wct_read_integer (*part, 1, WCT_LEVELS, &level);
      levels |= good ? 1u << (level - 1) : 0;
    }
  g_strfreev (parts);
  if (!good || levels == 0)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--%s takes levels from 1 to %d with commas, or all, not '%s'",
                          option->name, WCT_LEVELS, value);
  arguments->config.levels = levels;
  return WCT_OK;
}

static WctStatus
take_channels (void *data, const WctOption *option, const char *value, WctError *err)
{
  WctArguments *arguments = data;
  char        **parts = g_strsplit (value, ",", -1);
  bool          good = g_strv_length (parts) == WCT_LEVELS;

  for (int i = 0; i < WCT_LEVELS && good; i++)
    {
      int64_t channels;

      good = wct_read_integer (parts[i], 1, 512, &channels);
      arguments->config.channels[i] = good ? (int32_t)channels : 0;
    }
  g_strfreev (parts);
  if (good)
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_ARGUMENT,
                        "--%s takes a number from 1 to 512 for each of the %d blocks, as 16,32,64,128,128, not '%s'",
                        option->name, WCT_LEVELS, value);
}

static WctStatus
take_weights (void *data, const WctOption *option, const char *value, WctError *err)
{
  double *weights = (double *)(void *)((char *)data + option->offset);
  char  **parts = g_strsplit (value, ",", -1);
  bool    good = g_strv_length (parts) == WCT_LEVELS;

  for (int i = 0; i < WCT_LEVELS && good; i++)
    good = wct_read_double (parts[i], &weights[i]) && weights[i] >= 0;
  g_strfreev (parts);
  if (good)
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_ARGUMENT, "--%s takes %d numbers of 0 or more with commas, not '%s'", option->name,
                        WCT_LEVELS, value);
}

/* ---- The table ---------------------------------------------------------------------------------------------- */

static const char *const dtypes[] = { "f32", "f16", NULL };
static const char *const places[] = { "center", "top-left", NULL };

static const WctOption options[] = {
  { DECODER, "What to train", "encoder", 0, "MODEL", "The model whose encoder the decoders are for (.safetensors).",
    .take = wct_take_text, OF (model) },
  { DECODER, "What to train", "level", 0, "L,L,...|all",
    "Levels whose decoders are trained, 1 to 5, on the same batches (default all).", .take = take_levels },
  { ENCODER, "What to train", "teacher", 0, "MODEL", "The model whose encoder the compact trunk learns from.",
    .take = wct_take_text, OF (model) },
  { ENCODER, "What to train", "channels", 0, "C,C,C,C,C",
    "Channels of the trunk's five blocks (default 16,32,64,128,128).", .take = take_channels },
  { TRAIN, "What to train", "start", 0, "HOW",
    "Values to start from: data (scaled layer by layer on real pictures; least squares where there is one layer), he "
    "(random), model (--start-model's) (default data).",
    .take = wct_take_choice, OF_CONFIG (start), .choices = wct_config_starts },
  { TRAIN, "What to train", "start-model", 0, "MODEL", "The model to start from, with --start model.",
    .take = wct_take_text, OF (start_model) },

  { TRAIN | EVAL, "Pictures", "data", 0, "PATH", "A folder of pictures, taken with all below it, or a shard of 'pack'.",
    .take = wct_take_text, OF (data) },
  { TRAIN, "Pictures", "test-data", 0, "PATH", "Held-out pictures (default: a share of --data).", .take = wct_take_text,
    OF (test_data) },
  { TRAIN, "Pictures", "test-fraction", 0, "X", "The share of --data that is held out, 0 to 0.9 (default 0.2).",
    .take = wct_take_number, OF_CONFIG (test_fraction), FROM_TO (0, 0.9) },
  { TRAIN, "Pictures", "crop", 0, "PX", "Side of the squares that are cut out, a multiple of 16 (default 256).",
    .take = wct_take_int32, OF_CONFIG (crop), FROM_TO (16, 4096) },
  { TRAIN, "Pictures", "scale-min", 0, "X",
    "Pictures are scaled by a random factor from here to 1 before, as far as the crop fits (default 0.5).",
    .take = wct_take_number, OF_CONFIG (scale_min), FROM_TO (0.0625, 1) },
  { TRAIN, "Pictures", "no-flip", 0, NULL, "Do not mirror every other picture.", .take = wct_clear_flag,
    OF_CONFIG (flip) },
  { TRAIN, "Pictures", "fixed", 0, NULL,
    "Take the same batch at every step, the center crops of the first pictures in order: to compare trainers, or to "
    "see "
    "whether a network can learn at all.",
    .take = wct_take_flag, OF_CONFIG (fixed) },

  { DECODER, "Loss", "lambda", 0, "X", "What the feature term counts for beside the pixel term (default 1; 0: none).",
    .take = wct_take_number, OF_CONFIG (lambda), FROM_TO (0, 1e6) },
  { ENCODER, "Loss", "reconstruct", 0, "X",
    "What decoders, learned beside the trunk, count for: they keep in it what makes a picture (default 0.2; 0: none).",
    .take = wct_take_number, OF_CONFIG (reconstruct), FROM_TO (0, 1e6) },
  { ENCODER, "Loss", "imitate", 0, "X",
    "Share of what those decoders should make that is the picture of the teacher's decoder, not the original, but for "
    "relu1_1 (default 0).",
    .take = wct_take_number, OF_CONFIG (imitate), FROM_TO (0, 1) },
  { TRAIN, "Loss", "pixel-weights", 0, "W,W,W,W,W",
    "What the pixel term counts for at relu1_1 to relu5_1, besides (default 1,1,1,1,1).", .take = take_weights,
    OF_CONFIG (pixel_weights) },
  { TRAIN, "Loss", "loss-scale", 0, "HOW",
    "raw: mean squared errors, as published; variance: each over its target's variance, so that pixels and features of "
    "any scale count alike (default variance).",
    .take = wct_take_choice, OF_CONFIG (loss_scale), .choices = wct_config_loss_scales },

  { DECODER, "Transformed features", "transformed", 0, "X",
    "Share of what decoders are given that is transformed, as when a picture is stylized, and judged by --judge; the "
    "rest keeps them autoencoders (default 0: none).",
    .take = wct_take_number, OF_CONFIG (transformed), FROM_TO (0, 1) },
  { DECODER | EVAL, "Transformed features", "styles", 0, "PATH", "Pictures whose style is taken: a folder, or a shard.",
    .take = wct_take_text, OF (styles) },
  { DECODER | EVAL, "Transformed features", "judge", 0, "MODEL", "The model whose encoder judges results.",
    .take = wct_take_text, OF (judge) },
  { EVAL, "Transformed features", "pairs", 0, "N",
    "Stylize N pairs of --data and --styles, and measure how far results are from either (default 0: measure how "
    "pictures come back).",
    .take = wct_take_int32, OF (pairs), FROM_TO (0, 1e6) },
  { EVAL, "Transformed features", "transport", 0, NULL,
    "Stylize by the optimal-transport map instead of whitening and coloring.", .take = wct_take_flag, OF (transport) },
  { EVAL, "Transformed features", "textures", 0, "N",
    "Make textures of N of --styles from noise, and measure how far they are from them (default 0: none).",
    .take = wct_take_int32, OF (textures), FROM_TO (0, 1e6) },
  { DECODER, "Transformed features", "cascade", 0, "X",
    "Share of the transformed that has been through the deeper levels before, with the decoders as they are by then "
    "(default 0.6).",
    .take = wct_take_number, OF_CONFIG (cascade), FROM_TO (0, 1) },
  { DECODER, "Transformed features", "texture", 0, "X",
    "Share of the transformed that was noise, not a picture: for textures (default 0).", .take = wct_take_number,
    OF_CONFIG (texture), FROM_TO (0, 1) },
  { DECODER, "Transformed features", "tune-encoder", 0, "X",
    "The encoder learns, too, at X times the learning rate: a shared trunk from the first --level on, else the trunks "
    "of "
    "the levels that are trained (default 0: it stays as it is).",
    .take = wct_take_number, OF_CONFIG (tune_encoder), FROM_TO (0, 1e3) },
  { DECODER, "Transformed features", "alpha-min", 0, "X", "Strengths are drawn from here to 1 (default 0.4).",
    .take = wct_take_number, OF_CONFIG (alpha_min), FROM_TO (0, 1) },
  { DECODER, "Transformed features", "style-weight", 0, "X",
    "What the distance from the style's moments counts for (default 1).", .take = wct_take_number,
    OF_CONFIG (style_weight), FROM_TO (0, 1e6) },
  { DECODER, "Transformed features", "structure-weight", 0, "X",
    "What the distance from the content's structure counts for (default 2).", .take = wct_take_number,
    OF_CONFIG (structure_weight), FROM_TO (0, 1e6) },
  { DECODER, "Transformed features", "own-structure", 0, "X",
    "What it counts for where features are not transformed (default 0).", .take = wct_take_number,
    OF_CONFIG (own_structure), FROM_TO (0, 1e6) },

  { TRAIN, "Optimizer (Adam)", "epochs", 0, "X", "Passes over the pictures (default 500).", .take = wct_take_number,
    OF_CONFIG (epochs), FROM_TO (0.001, 1e6) },
  { TRAIN, "Optimizer (Adam)", "steps", 0, "N", "Steps, instead of --epochs.", .take = wct_take_int64,
    OF_CONFIG (steps), FROM_TO (1, STEPS_MAX) },
  { RESUME, "Optimizer (Adam)", "steps", 0, "N", "Go on to this step instead of the run's own last one.",
    .take = wct_take_int64, OF (steps), FROM_TO (1, STEPS_MAX) },
  { TRAIN, "Optimizer (Adam)", "batch", 0, "N", "Pictures of a step, of all processes together (default 128).",
    .take = wct_take_int32, OF_CONFIG (batch), FROM_TO (1, 65536) },
  { TRAIN, "Optimizer (Adam)", "lanes", 0, "N",
    "Parts of a process's share that are computed side by side, summed in order: results depend on their number, not "
    "on "
    "--threads (default 8, or what divides the batch; on a graphics card 1).",
    .take = wct_take_int32, OF_CONFIG (lanes), FROM_TO (1, 1024) },
  { TRAIN, "Optimizer (Adam)", "accumulate", 0, "N",
    "Pieces of a lane that are computed one after the other: less memory (default 1).", .take = wct_take_int32,
    OF_CONFIG (accumulate), FROM_TO (1, 65536) },
  { TRAIN, "Optimizer (Adam)", "learning-rate", 0, "X", "The highest learning rate (default 1e-4).",
    .take = wct_take_number, OF_CONFIG (rate), FROM_TO (1e-12, 1) },
  { TRAIN, "Optimizer (Adam)", "lr", 0, "X", "The same.", .take = wct_take_number, OF_CONFIG (rate),
    FROM_TO (1e-12, 1) },
  { TRAIN, "Optimizer (Adam)", "rate-end", 0, "X", "The last learning rate of --schedule cosine (default 1e-6).",
    .take = wct_take_number, OF_CONFIG (rate_end), FROM_TO (0, 1) },
  { TRAIN, "Optimizer (Adam)", "level-rates", 0, "X,X,X,X,X",
    "What the learning rate is multiplied by at relu1_1 to relu5_1 (default 1,1,1,1,1).", .take = take_weights,
    OF_CONFIG (level_rates) },
  { TRAIN, "Optimizer (Adam)", "schedule", 0, "HOW", "constant or cosine (default cosine).", .take = wct_take_choice,
    OF_CONFIG (schedule), .choices = wct_config_schedules },
  { TRAIN, "Optimizer (Adam)", "warmup", 0, "N", "Steps in which the rate rises from 0 (default 100).",
    .take = wct_take_int64, OF_CONFIG (warmup), FROM_TO (0, STEPS_MAX) },
  { TRAIN, "Optimizer (Adam)", "beta1", 0, "X", "Decay of the gradient's mean (default 0.9).", .take = wct_take_number,
    OF_CONFIG (beta1), FROM_TO (0, 0.999999) },
  { TRAIN, "Optimizer (Adam)", "beta2", 0, "X", "Decay of its square's mean (default 0.999).", .take = wct_take_number,
    OF_CONFIG (beta2), FROM_TO (0, 0.999999) },
  { TRAIN, "Optimizer (Adam)", "epsilon", 0, "X", "Added to the root of that (default 1e-8).", .take = wct_take_number,
    OF_CONFIG (epsilon), FROM_TO (1e-30, 1) },
  { TRAIN, "Optimizer (Adam)", "clip", 0, "X", "Largest norm of a network's gradient (default 0: any).",
    .take = wct_take_number, OF_CONFIG (clip), FROM_TO (0, 1e12) },
  { TRAIN, "Optimizer (Adam)", "average", 0, "X",
    "Decay of the averaged weights, which are what is tested and exported (default 0.999; 0: none).",
    .take = wct_take_number, OF_CONFIG (average), FROM_TO (0, 0.999999) },
  { TRAIN, "Optimizer (Adam)", "seed", 0, "N", "Of everything random (default 1).", .take = wct_take_int64,
    OF_CONFIG (seed), FROM_TO (0, 9e15) },

  { TRAIN, "Run", "output", 'o', "RUN", "The folder of the run; it must not be there, or be empty.",
    .take = wct_take_text, OF (output) },
  { TRAIN, "Run", "checkpoint-every", 0, "N", "Steps between checkpoints (default 500).", .take = wct_take_int64,
    OF_CONFIG (checkpoint_every), FROM_TO (1, STEPS_MAX) },
  { TRAIN, "Run", "keep", 0, "N", "Checkpoints that are kept (default 3).", .take = wct_take_int32, OF_CONFIG (keep),
    FROM_TO (1, 1e6) },
  { TRAIN, "Run", "test-every", 0, "N", "Steps between tests on held-out pictures (default 0: an epoch).",
    .take = wct_take_int64, OF_CONFIG (test_every), FROM_TO (0, STEPS_MAX) },
  { TRAIN, "Run", "test-count", 0, "N", "Held-out pictures of a test (default 64; 0: all).", .take = wct_take_int32,
    OF_CONFIG (test_count), FROM_TO (0, 1e6) },

  { EXPORT, "Model", "output", 'o', "MODEL", "The model to write (.safetensors).", .take = wct_take_text, OF (output) },
  { EXPORT, "Model", "dtype", 0, "TYPE", "f32 or f16 (default f32).", .take = wct_take_choice, OF (dtype),
    .choices = dtypes },
  { EXPORT, "Model", "name", 0, "TEXT", "Its name, for its metadata (default: the encoder's).", .take = wct_take_text,
    OF (name) },
  { EXPORT, "Model", "license", 0, "TEXT", "Its license.", .take = wct_take_text, OF (license) },
  { EXPORT, "Model", "source", 0, "TEXT", "Where it comes from.", .take = wct_take_text, OF (source) },

  { EVAL, "Pictures", "count", 0, "N", "The first N pictures only (default 0: all).", .take = wct_take_int32,
    OF (count), FROM_TO (0, 1e9) },
  { EVAL, "Pictures", "crop", 0, "PX", "Side of the squares that are measured, a multiple of 16 (default 256).",
    .take = wct_take_int32, OF (size), FROM_TO (16, 4096) },
  { EVAL, "Pictures", "place", 0, "WHERE", "center or top-left (default center).", .take = wct_take_choice, OF (place),
    .choices = places },
  { EVAL, "Output", "sheet", 0, "FILE", "Put all pictures on a contact sheet, beside each other (.png).",
    .take = wct_take_text, OF (sheet) },
  { EVAL, "Output", "pareto", 0, "FILE",
    "With --pairs: measure strengths from 0.2 to 1, and draw content over style distance (.png or .svg).",
    .take = wct_take_text, OF (pareto) },
  { EVAL, "Output", "json", 0, NULL, "Print one line of JSON.", .take = wct_take_flag, OF (json) },

  { PLOT, "Output", "output", 'o', "FILE", "The plot, .png or .svg (default: curves.png in the first run).",
    .take = wct_take_text, OF (output) },
  { PACK, "Output", "output", 'o', "SHARD", "The file to write: 3 bytes a pixel.", .take = wct_take_text, OF (output) },
  { PACK, "Output", "size", 0, "PX",
    "Larger pictures are brought down to this shorter side (default 512, what crops up to 256 are cut from).",
    .take = wct_take_int32, OF (size), FROM_TO (16, 65536) },
  { EXPORT | EVAL | PLOT | PACK, "Output", "force", 0, NULL, "Replace the file where it exists.", .take = wct_take_flag,
    OF (force) },
  { TRAIN | RESUME | PACK, "Output", "quiet", 0, NULL, "Tell nothing on the way.", .take = wct_take_flag, OF (quiet) },

  { TRAIN, "Machine", "precision", 0, "P", "f32, bf16 or f16, of what convolutions multiply (default f32).",
    .take = wct_take_choice, OF_CONFIG (precision), .choices = wct_config_precisions },
  { TRAIN | EVAL, "Machine", "device", 0, "NAME",
    "The back end: auto, cuda, cpu or reference (default auto: the fastest that works).", .take = wct_take_text,
    OF (backend) },
  { TRAIN | RESUME | EVAL, "Machine", "threads", 0, "N", "Threads to use (default 0: one for each processor).",
    .take = wct_take_int32, OF_CONFIG (threads), FROM_TO (0, 1024) },

  { ALL, "Other", "help", 'h', NULL, "Show this help.", .take = wct_take_help },
};

const WctProgram wct_program = { .name = "wct-train",
                                 .options = options,
                                 .option_count = sizeof options / sizeof options[0] };

/* ---- Parsing ------------------------------------------------------------------------------------------------ */

/* A run can be resumed from anywhere: its paths are absolute. One that is not there is the business of who opens it. */
static WctStatus
own_path (const char *path, char **out, WctError *err)
{
  char absolute[PATH_MAX];

  if (path == NULL)
    return WCT_OK;
  return wct_strdup (realpath (path, absolute) == NULL ? path : absolute, out, err);
}

static WctStatus
own_strings (WctArguments *arguments, WctError *err)
{
  WctConfig *config = &arguments->config;
  WctStatus  status;

  WCT_TRY (own_path (arguments->model, &config->model, err));
  WCT_TRY (own_path (arguments->start_model, &config->start_model, err));
  WCT_TRY (own_path (arguments->data, &config->data, err));
  WCT_TRY (own_path (arguments->test_data, &config->test_data, err));
  WCT_TRY (own_path (arguments->styles, &config->styles, err));
  WCT_TRY (own_path (arguments->judge, &config->judge, err));
  WCT_TRY (wct_strdup (arguments->backend, &config->backend, err));

out:
  return status;
}

static WctStatus
check_training (const WctCommand *command, const WctArguments *arguments, WctError *err)
{
  const bool decoder = command->line.bit == DECODER;

  if (arguments->model == NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "it needs --%s, a model with the encoder",
                          decoder ? "encoder" : "teacher");
  if (arguments->data == NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "it needs --data, a folder of pictures or a shard");
  if (arguments->output == NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "it needs -o RUN, the folder to make");
  if ((arguments->config.start == WCT_START_MODEL) != (arguments->start_model != NULL))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--start model and --start-model go together");
  return wct_config_check (&arguments->config, err);
}

static WctStatus
check_eval (const WctArguments *arguments, WctError *err)
{
  const bool stylizes = arguments->pairs > 0 || arguments->textures > 0;

  if (arguments->pairs > 0 && arguments->textures > 0)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--pairs and --textures are measured apart; give one of them");
  if (arguments->data == NULL && arguments->textures == 0)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "it needs --data, a folder of pictures or a shard");
  if (stylizes && (arguments->styles == NULL || arguments->judge == NULL))
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "--%s needs --styles, a folder of pictures or a shard, and --judge, a model whose encoder "
                          "judges results",
                          arguments->pairs > 0 ? "pairs" : "textures");
  if (!stylizes && (arguments->styles != NULL || arguments->judge != NULL || arguments->sheet != NULL))
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "--styles, --judge and --sheet are for stylizing: give --pairs or --textures, a number");
  if (arguments->transport && !stylizes)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--transport is for stylizing: give --pairs or --textures, a number");
  if (arguments->pareto != NULL && arguments->pairs == 0)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--pareto is drawn of --pairs: give a number of them");
  if (!stylizes && arguments->operand_count > 1)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "one model at a time, but with --pairs or --textures");
  if (arguments->size % 16 != 0)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--crop: %d is not a multiple of 16", arguments->size);
  return WCT_OK;
}

static WctStatus
check_together (const WctCommand *command, const WctArguments *arguments, WctError *err)
{
  const unsigned bit = command->line.bit;

  if (bit & TRAIN)
    return check_training (command, arguments, err);
  if ((bit & (EXPORT | PACK)) != 0 && arguments->output == NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "it needs -o %s, the file to write",
                          bit == EXPORT ? "MODEL" : "SHARD");
  return bit == EVAL ? check_eval (arguments, err) : WCT_OK;
}

static void
set_defaults (const WctCommand *command, WctArguments *arguments)
{
  memset (arguments, 0, sizeof *arguments);
  wct_config_defaults (command->line.bit == ENCODER ? WCT_TASK_ENCODER : WCT_TASK_DECODER, &arguments->config);
  arguments->backend = "auto";
  arguments->size = command->line.bit == EVAL ? 256 : 0;
}

WctStatus
wct_arguments_parse (const WctCommand *command, int argc, char **argv, WctArguments *out, WctError *err)
{
  WctOperands operands = { out->operands, 0 };
  WctStatus   status;

  set_defaults (command, out);
  WCT_TRY (wct_options_parse (&wct_program, &command->line, argc, argv, out, &operands, &out->help, err));
  out->operand_count = operands.count;
  if (out->help)
    return WCT_OK;
  WCT_TRY (own_strings (out, err));
  WCT_TRY (check_together (command, out, err));

out:
  if (status != WCT_OK)
    wct_arguments_clear (out);
  return status;
}

void
wct_arguments_clear (WctArguments *arguments)
{
  wct_config_clear (&arguments->config);
}
