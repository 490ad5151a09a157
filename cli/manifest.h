/* What was done to each picture of a folder: lines of JSON. They are what a run that was ended goes on from. */
#ifndef WCT_CLI_MANIFEST_H
#define WCT_CLI_MANIFEST_H

#include <stdbool.h>

#include <jansson.h>

#include <wct/status.h>

#include "share.h"

typedef struct WctManifest WctManifest;

typedef enum
{
  WCT_OUTCOME_NONE, /* there is no line */
  WCT_OUTCOME_STYLIZED,
  WCT_OUTCOME_PLAIN, /* written as it was */
  WCT_OUTCOME_FAILED /* refused, with a sentence */
} WctOutcome;

/* "stylized"; NULL for WCT_OUTCOME_NONE. Static. */
const char *wct_outcome_name (WctOutcome outcome);

/**
 * wct_manifest_open: read all parts, and hold the own one: manifest.jsonl, or manifest.I-of-N.jsonl of a share.
 * @folder: borrowed; it exists
 * @out: on WCT_OK to be closed with wct_manifest_close; untouched otherwise
 *
 * A line that a program which was killed left unfinished is cut off. Where another process holds the part, or the part
 * of a run with other shares, that is an error: two would do the same work.
 */
WctStatus wct_manifest_open (const char *folder, const WctShare *share, WctManifest **out, WctError *err);

/* Reads only, whoever writes meanwhile. A folder that is not there is empty. */
WctStatus wct_manifest_read (const char *folder, WctManifest **out, WctError *err);

/* What the lines that were there at first say of @output, a name relative to the folder. Any thread. */
WctOutcome wct_manifest_outcome (const WctManifest *manifest, const char *output);

/**
 * wct_manifest_append: one line, whole or not at all.
 * @line: consumed. Has "output" and "status", and what it says must be true by now: nobody looks again
 */
WctStatus wct_manifest_append (WctManifest *manifest, json_t *line, WctError *err);

void wct_manifest_close (WctManifest **manifest); /* NULL is welcome */

#endif
