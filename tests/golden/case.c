#include "case.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

static bool
read_case_picture (const Case *golden, const json_t *name, int channels, WctImage *out)
{
  char path[8192];

  snprintf (path, sizeof path, "%s/%s", golden->folder, json_string_value (name));
  return read_picture (path, channels, out);
}

static bool
read_pictures (Case *golden)
{
  const json_t *content = json_object_get (golden->description, "content");
  const json_t *noise = json_object_get (golden->description, "noise");
  const json_t *styles = json_object_get (golden->description, "styles");
  const json_t *masks = json_object_get (golden->description, "masks");
  char          path[8192];

  if (json_array_size (styles) > STYLES_MAX || json_array_size (masks) > STYLES_MAX
      || !read_case_picture (golden, content != NULL ? content : noise, 3, &golden->content))
    return false;
  for (; golden->style_count < json_array_size (styles); golden->style_count++)
    if (!read_case_picture (golden, json_array_get (styles, golden->style_count), 3,
                            &golden->styles[golden->style_count]))
      return false;
  for (; golden->mask_count < json_array_size (masks); golden->mask_count++)
    if (!read_case_picture (golden, json_array_get (masks, golden->mask_count), 1, &golden->masks[golden->mask_count]))
      return false;
  snprintf (path, sizeof path, "%s/expected.npy", golden->folder);
  return read_expected (path, &golden->expected);
}

static void
read_params (Case *golden)
{
  const json_t *alphas = json_object_get (golden->description, "alpha");
  const json_t *weights = json_object_get (golden->description, "style_weights");
  const json_t *passes = json_object_get (golden->description, "passes");

  wct_params_init (&golden->params);
  golden->params.hard_masks = 1;
  for (int level = 1; level <= WCT_LEVELS; level++)
    {
      const json_t *alpha = json_object_get (alphas, (const char[]){ (char)('0' + level), '\0' });

      golden->params.level_on[level - 1] = alpha != NULL;
      golden->params.alpha[level - 1] = json_number_value (alpha);
    }
  for (; golden->weight_count < json_array_size (weights); golden->weight_count++)
    golden->weights[golden->weight_count] = json_number_value (json_array_get (weights, golden->weight_count));
  if (passes != NULL)
    golden->params.passes = (int32_t)json_integer_value (passes);
}

bool
read_case (const char *shared, const char *name, Case *golden)
{
  char         path[8192];
  json_error_t problem;
  WctError     err;

  golden->name = name;
  snprintf (golden->folder, sizeof golden->folder, "%s/golden/%s", shared, name);
  snprintf (path, sizeof path, "%s/case.json", golden->folder);
  golden->description = json_load_file (path, JSON_REJECT_DUPLICATES, &problem);
  if (golden->description == NULL)
    {
      printf ("%s: %s\n", path, problem.text);
      return false;
    }
  if (!read_pictures (golden))
    return false;
  read_params (golden);
  snprintf (path, sizeof path, "%s/%s", shared, json_string_value (json_object_get (golden->description, "model")));
  if (wct_model_load (path, &golden->model, &err) != WCT_OK)
    {
      printf ("%s\n", err.message);
      return false;
    }
  golden->result = new_picture (golden->content.width, golden->content.height, 3);
  return true;
}

void
free_case (Case *golden)
{
  for (size_t i = 0; i < STYLES_MAX; i++)
    {
      free (golden->styles[i].pixels);
      free (golden->masks[i].pixels);
    }
  free (golden->result.pixels);
  free (golden->expected.pixels);
  free (golden->content.pixels);
  wct_model_unref (&golden->model);
  json_decref (golden->description);
}

const char *
job_of_case (const Case *golden)
{
  return json_string_value (json_object_get (golden->description, "job"));
}

static int
is_case (const struct dirent *entry)
{
  return entry->d_name[0] != '.';
}

int
check_cases (const char *shared, const char *only, CheckCase *check, void *user)
{
  struct dirent **entries = NULL;
  char            folder[4096];
  int             count, failures = 0, checked = 0;

  snprintf (folder, sizeof folder, "%s/golden", shared);
  count = scandir (folder, &entries, is_case, alphasort);
  for (int i = 0; i < count; i++)
    {
      if (only == NULL || strcmp (only, entries[i]->d_name) == 0)
        {
          failures += !check (user, entries[i]->d_name);
          checked++;
        }
      free (entries[i]);
    }
  free (entries);
  if (checked == 0 && only != NULL)
    {
      printf ("FAIL: %s has no case %s\n", folder, only);
      return EXIT_FAILURE;
    }
  if (checked == 0)
    {
      printf ("SKIP: no golden cases in %s; WCT_SHARED can name another folder\n", folder);
      return EXIT_SKIPPED;
    }
  return failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

WctStatus
new_job_of_case (Case *golden, WctBackend *backend, const WctParams *params, WctJob **out, WctError *err)
{
  WctStyle        *styles[STYLES_MAX] = { NULL };
  WctRegion        regions[STYLES_MAX];
  const WctJobSpec spec = {
    .model = golden->model,
    .backend = backend,
    .params = params,
    .style_count = golden->style_count,
    .styles = styles,
    .weights = golden->weight_count > 0 ? golden->weights : NULL,
    .region_count = golden->mask_count,
    .regions = regions,
  };
  unsigned  levels = 0;
  WctStatus status = WCT_OK;

  for (size_t i = 0; i < golden->mask_count; i++)
    regions[i] = (WctRegion){ .mask = golden->masks[i], .style_count = 1, .styles = &styles[i] };
  for (int i = 0; i < WCT_LEVELS; i++)
    levels |= params->level_on[i] ? 1u << i : 0;
  for (size_t i = 0; i < golden->style_count && status == WCT_OK; i++)
    status = wct_style_measure (golden->model, backend, &golden->styles[i], levels, NULL, &styles[i], err);
  if (status == WCT_OK)
    status = wct_job_new (&spec, out, err);
  for (size_t i = 0; i < golden->style_count; i++)
    wct_style_unref (&styles[i]);
  return status;
}
