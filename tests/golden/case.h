/* A golden case: a folder with a description, pictures, and what the reference implementation made of them. */
#ifndef GOLDEN_CASE_H
#define GOLDEN_CASE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include <wct/wct.h>

#define STYLES_MAX 8

typedef struct
{
  const char *name;
  char        folder[4096];
  json_t     *description; /* owned */
  WctImage    content, expected, result;
  WctImage    styles[STYLES_MAX], masks[STYLES_MAX];
  double      weights[STYLES_MAX];
  size_t      style_count, mask_count, weight_count;
  WctParams   params;
  WctModel   *model;
} Case;

/* Reads @shared/golden/@name, its model included. False where it cannot, and prints why; to be freed all the same. */
bool read_case (const char *shared, const char *name, Case *golden);
void free_case (Case *golden);

/* "stylize", "texture" or "reconstruct". */
const char *job_of_case (const Case *golden);

/* Is the case as it should be? Prints. */
typedef bool CheckCase (void *user, const char *name);

/* All cases in order, or the one that is named @only; NULL: all. Returns the program's exit status: 77, and a line that
 * says so, where there are none. */
int check_cases (const char *shared, const char *only, CheckCase *check, void *user);

#define EXIT_SKIPPED 77

/* Makes a job of a case that stylizes, with @params, and what it needs: measured on this back end. */
WctStatus new_job_of_case (Case *golden, WctBackend *backend, const WctParams *params, WctJob **out, WctError *err);

#endif
