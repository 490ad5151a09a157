/* What the pictures of a folder are called in another one. */
#ifndef WCT_CLI_NAMING_H
#define WCT_CLI_NAMING_H

#include <stdint.h>

#include <wct/status.h>

#include "folder.h"

typedef enum
{
  WCT_NAMING_KEEP, /* the extension stays where pictures of the kind can be written, and becomes .png elsewhere */
  WCT_NAMING_PNG,
  WCT_NAMING_JPG
} WctNaming;

/* For the table of options, in the enum's order. */
extern const char *const wct_naming_names[];

/**
 * wct_naming_make: the name of a result.
 * @source: relative to the folder of all; its own folder stays
 * @variant, @variants: where there is more than one, "a.jpg" becomes "a-1.jpg", "a-2.jpg"
 * To be freed with g_free.
 */
char *wct_naming_make (WctNaming naming, const char *source, int32_t variant, int32_t variants);

/* Are no two results called the same? @folder: of the sources, for the sentence */
WctStatus wct_naming_check (WctNaming naming, const char *folder, const WctNames *sources, WctError *err);

/* Can all names stand in a text of UTF-8? */
WctStatus wct_naming_check_utf8 (const char *folder, const WctNames *names, WctError *err);

#endif
