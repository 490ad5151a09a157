/* What a folder of results is made with. It is written down when the folder is begun, and must stay. */
#ifndef WCT_CLI_RECIPE_H
#define WCT_CLI_RECIPE_H

#include <jansson.h>

#include <wct/status.h>

#include "draw.h"
#include "folder.h"
#include "studio.h"

/**
 * wct_recipe_new: everything that a result depends on, but its source.
 * @studio: with its model loaded and its levels chosen
 * @model_digest: SHA-256
 * @folder, @styles: the styles, of which names and sizes count
 * NULL where memory is lacking.
 */
json_t *wct_recipe_new (const WctStudio *studio, const WctUrn *urn, const char *model_digest, const char *folder,
                        const WctNames *styles);

/**
 * wct_recipe_check: is @folder one that this recipe goes on with, or one to begin?
 * A folder that is not there, or empty, is one to begin. Writes nothing. The sentence names what differs.
 */
WctStatus wct_recipe_check (const json_t *recipe, const char *folder, WctError *err);

/* The same, and writes it down where it was not: makes the folder. Several processes may begin it at once. */
WctStatus wct_recipe_settle (const json_t *recipe, const char *folder, WctError *err);

#endif
