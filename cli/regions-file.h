/* Which parts of a picture get which styles: from a file of JSON, or one mask for each style.
 *
 *   [ { "mask": "sky.png", "style": "clouds.jpg" },
 *     { "mask": "ground.png", "styles": [ { "file": "a.jpg", "weight": 2 }, { "file": "b.jpg" } ],
 *       "alpha": { "5": 0.4, "4": 0.6 } } ]
 */
#ifndef WCT_CLI_REGIONS_FILE_H
#define WCT_CLI_REGIONS_FILE_H

#include <wct/params.h>
#include <wct/status.h>

#include "arguments.h"

typedef struct
{
  char    *mask; /* owned: a path */
  int      style_count;
  int      styles[WCT_LIST_MAX]; /* of the list's */
  double   weights[WCT_LIST_MAX];
  unsigned levels;            /* bit (level - 1) for each that has a strength of its own here */
  double   alpha[WCT_LEVELS]; /* these; once wct_regions_choose_levels was called, all */
} WctRegionEntry;

typedef struct
{
  const char     *name;    /* of the file, for sentences; borrowed. NULL: there is none */
  WctRegionEntry *entries; /* owned; (count) */
  int             count;
  char           *styles[WCT_LIST_MAX]; /* owned: paths, each once */
  int             style_count;
} WctRegionList;

/**
 * wct_regions_read: the regions that a file describes.
 * @path: borrowed for as long as the list is used. Paths in the file are relative to its folder
 * @out: to be cleared with wct_regions_clear_list in any case
 * WCT_ERR_FORMAT with the file and the region where something in it is wrong.
 */
WctStatus wct_regions_read (const char *path, WctRegionList *out, WctError *err);

/* One mask for each style: @count of both. */
void wct_regions_of_masks (const char *const *masks, const char *const *styles, int count, WctRegionList *out);

/* Gives each region the strengths of @params where it has none of its own. WCT_ERR_ARGUMENT where it names a level that
 * is off there; @present: bits of those that the model has. */
WctStatus wct_regions_choose_levels (WctRegionList *list, const WctParams *params, unsigned present, WctError *err);

void wct_regions_clear_list (WctRegionList *list); /* twice is welcome */

#endif
