/* What --json tells about a run. */
#ifndef WCT_CLI_REPORT_H
#define WCT_CLI_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <wct/params.h>
#include <wct/status.h>

typedef enum
{
  WCT_STAGE_LOAD, /* pictures, model, back end */
  WCT_STAGE_STYLE,
  WCT_STAGE_STYLIZE,
  WCT_STAGE_SAVE,
  WCT_STAGES
} WctStage;

typedef struct
{
  double           seconds[WCT_STAGES];
  double           stage_began;
  WctStage         stage;
  size_t           estimated_memory; /* of the whole process at its peak, as foreseen; 0: not known */
  bool             uses_files;       /* did pictures or features wait in temporary files? */
  const char      *backend, *backend_detail;
  int              threads;
  const char      *model;
  const WctParams *params; /* levels and their alpha; NULL for a reconstruction */
  int              level;  /* of a reconstruction */
  bool             seeded; /* does the picture depend on params->seed? */
  int32_t          width, height;
  const char      *output;
  json_t          *more; /* borrowed: members that only this command has; NULL: none */
} WctReport;

/* Time counts for this stage from now on. */
void wct_report_stage (WctReport *report, WctStage stage);

/* One line of JSON on standard output. Ends the stage that runs. */
WctStatus wct_report_print (WctReport *report, WctError *err);

/* Prints @json, which is consumed, as one line on standard output. */
WctStatus wct_json_print (json_t *json, WctError *err);

/* A string for JSON: what is not UTF-8 in it is replaced. NULL gives null. */
json_t *wct_json_text (const char *text);

#endif
