/* What stylize, texture and reconstruct have in common: a model, a back end, the picture that is worked on and the
 * file that it goes to. */
#ifndef WCT_CLI_STUDIO_H
#define WCT_CLI_STUDIO_H

#include <stdbool.h>
#include <stddef.h>

#include <wct/wct.h>

#include "arguments.h"
#include "output.h"
#include "picture.h"
#include "progress.h"
#include "regions-file.h"
#include "report.h"

typedef struct
{
  const WctArguments *arguments; /* borrowed */
  WctParams           params;    /* the arguments', with the levels that the model has */
  WctOutput           output;
  const char         *name;       /* of the picture, for sentences; borrowed */
  const char         *option;     /* that makes it smaller; NULL: none does. Static */
  WctPictureFile      file;       /* that its rows come from; closed once they are read */
  int32_t             file_size;  /* that it was opened at */
  bool                keep_alpha; /* does the file's go into the result? */
  WctPicture          picture;    /* the content or the noise, then the result; without pixels where rows stream */
  char                model_path[4096];
  WctModel           *model;
  WctBackend         *backend;
  WctColors          *colors; /* of the content, that styles are given; NULL: they keep theirs */
  WctStyle           *styles[WCT_LIST_MAX];
  WctJob             *job;
  bool                computing;           /* is the back end at work? */
  WctRegionList       regions;             /* of --masks or --regions; else none */
  WctPictureFile      masks[WCT_LIST_MAX]; /* of these; closed once they are read */
  WctPicture          guide;               /* of a texture; without pixels where there is none */
  WctProgress         progress;
  WctReport           report;
} WctStudio;

/* A command from its arguments to its output. @card_failed: written: wct_studio_card_failed */
typedef WctStatus WctStudioCommand (const WctArguments *arguments, bool *card_failed, WctError *err);

/* Runs @command. Where a graphics card that nobody asked for by name fails on the way, one line says so, and the
 * processor does it from the beginning. */
WctStatus wct_studio_run (WctStudioCommand *command, const WctArguments *arguments, WctError *err);

/* Before it is closed: was it such a card's failure that ended the command with @status? */
bool wct_studio_card_failed (const WctStudio *studio, WctStatus status);

/* The steps, in this order. Each is cleaned up by wct_studio_close, whether it was reached or not. */

/* Nothing but what is borrowed: for work that has no one output. */
void wct_studio_begin (WctStudio *studio, const WctArguments *arguments);

/* Begins, and makes sure that the output can be written; nothing else is done before. */
WctStatus wct_studio_open (WctStudio *studio, const WctArguments *arguments, WctError *err);

/* Opens the picture to work on, whose rows wct_studio_load reads. @option: the option that makes it smaller. */
WctStatus wct_studio_open_picture (WctStudio *studio, const char *path, int32_t size, const char *option,
                                   WctError *err);

/* Reads all of it at once. */
WctStatus wct_studio_read_picture (WctStudio *studio, const char *path, int32_t size, const char *option,
                                   WctError *err);

/* Finds and loads the model, opens the back end. */
WctStatus wct_studio_load_model (WctStudio *studio, WctError *err);

/* Decides which levels run, and how strongly. */
WctStatus wct_studio_choose_levels (WctStudio *studio, WctError *err);

/* Those that run, then: bit (level - 1). */
unsigned wct_studio_levels (const WctStudio *studio);

/* Learns what regions there are, and opens their masks, whose rows wct_studio_prepare reads. */
WctStatus wct_studio_open_regions (WctStudio *studio, WctError *err);

/* Where styles are to be recolored: reads the open picture once more for its colors. */
WctStatus wct_studio_take_colors (WctStudio *studio, WctError *err);

/* Is @named a style file, by its name or the name of one in the style folders? A file that is there comes first. */
bool wct_studio_find_style_file (const char *named, char *path, size_t size);

/* A style's picture, as the options want it. */
WctStatus wct_studio_read_style (WctStudio *studio, const char *path, WctPicture *picture, WctError *err);

/* Measures one style for each path, or reads its style file, at the levels that are on. What is no file may be the name
 * of a style that lies in one of the style folders. */
WctStatus wct_studio_measure_styles (WctStudio *studio, const char *const *paths, int count, WctError *err);

/* Makes the job, and refuses a size that there is not enough memory for. */
WctStatus wct_studio_prepare (WctStudio *studio, int style_count, WctError *err);

/* Memory that jobs may take, in bytes: half of what is free, or what --memory leaves beside what is in use. */
size_t wct_studio_memory (const WctStudio *studio);

/* Gives the job its rows: the open picture's, or noise. */
WctStatus wct_studio_load (WctStudio *studio, WctError *err);

/* Runs the job. */
WctStatus wct_studio_stylize (WctStudio *studio, WctError *err);

/* How much memory a job may take: half of what is free, or what --memory leaves beside what is in use. */
size_t wct_studio_memory (const WctStudio *studio);

/* Prints the report where --json asks for it. */
WctStatus wct_studio_report (WctStudio *studio, WctError *err);

/* Writes the picture, and the report. */
WctStatus wct_studio_finish (WctStudio *studio, WctError *err);

void wct_studio_close (WctStudio *studio);

#endif
