/* wct grid: one sheet of many results.
 *
 *   contents × styles           a row for each content, a column for each style; originals in the first ones
 *   contents × styles × alphas  a row for each content with each style, originals at its beginning; a column for each
 * alpha
 *
 * Every picture is read once, for its own place, before anything is computed: what cannot be read is refused then. */
#include "commands.h"

#include <string.h>

#include <glib.h>
#include <jansson.h>

#include "exit-status.h"
#include "memory-check.h"
#include "picture-list.h"
#include "sheet.h"
#include "studio.h"
#include "style-picture.h"

#define COLORS     3
#define MIDDLE_DOT " \xc2\xb7 "
#define ALPHA      "\xce\xb1 = "

typedef struct
{
  WctStudio           studio;
  const WctArguments *arguments; /* borrowed */
  WctPictureList      contents, styles;
  int32_t             side; /* longer one of what is stylized, px */
  WctSheet           *sheet;
  size_t              limit; /* of a job's memory */
  json_t             *cells; /* for the report */
  int                 done;  /* cells */
} Grid;

/* ---- Where things go ---------------------------------------------------------------------------------------- */

static bool
varies_alpha (const Grid *grid)
{
  return grid->arguments->alpha_count > 0;
}

/* Results for a content with a style. */
static int
alpha_count (const Grid *grid)
{
  return varies_alpha (grid) ? grid->arguments->alpha_count : 1;
}

typedef struct
{
  int row, column;
} Place;

static Place
place_of_result (const Grid *grid, int content, int style, int alpha)
{
  return varies_alpha (grid) ? (Place){ content * grid->styles.count + style, 2 + alpha }
                             : (Place){ 1 + content, 1 + style };
}

static const char *
name_or (const WctPictureList *list, const char *kind)
{
  return list->count == 1 ? list->name[0] : kind;
}

/* Content, style, and the strengths; beside a row what is not the same in all. */
static void
name_strengths (const Grid *grid)
{
  const WctPictureList *contents = &grid->contents, *styles = &grid->styles;
  char                  number[G_ASCII_DTOSTR_BUF_SIZE];

  wct_sheet_name_column (grid->sheet, 0, name_or (contents, "content"));
  wct_sheet_name_column (grid->sheet, 1, name_or (styles, "style"));
  for (int i = 0; i < grid->arguments->alpha_count; i++)
    {
      char *text = g_strconcat (ALPHA, g_ascii_formatd (number, sizeof number, "%g", grid->arguments->alphas[i]), NULL);

      wct_sheet_name_column (grid->sheet, 2 + i, text);
      g_free (text);
    }
  for (int i = 0; i < contents->count * styles->count && contents->count * styles->count > 1; i++)
    {
      const char *content = contents->count > 1 ? contents->name[i / styles->count] : "";
      const char *style = styles->count > 1 ? styles->name[i % styles->count] : "";
      char       *text = g_strconcat (content, content[0] != '\0' && style[0] != '\0' ? MIDDLE_DOT : "", style, NULL);

      wct_sheet_name_row (grid->sheet, i, text);
      g_free (text);
    }
}

static void
name_pictures (const Grid *grid)
{
  for (int i = 0; i < grid->contents.count; i++)
    wct_sheet_name_row (grid->sheet, 1 + i, grid->contents.name[i]);
  for (int i = 0; i < grid->styles.count; i++)
    wct_sheet_name_column (grid->sheet, 1 + i, grid->styles.name[i]);
}

static WctStatus
begin_sheet (Grid *grid, WctError *err)
{
  const int contents = grid->contents.count, styles = grid->styles.count;
  WctStatus status;

  if (varies_alpha (grid))
    WCT_TRY (wct_sheet_new (contents * styles, 2 + alpha_count (grid), grid->arguments->cell, &grid->sheet, err));
  else
    WCT_TRY (wct_sheet_new (1 + contents, 1 + styles, grid->arguments->cell, &grid->sheet, err));
  if (grid->arguments->no_names)
    goto out;
  if (varies_alpha (grid))
    name_strengths (grid);
  else
    name_pictures (grid);

out:
  return status;
}

/* ---- The originals ------------------------------------------------------------------------------------------ */

/* A content at this longer side. */
static WctStatus
read_content (const char *path, int32_t side, WctPicture *picture, WctError *err)
{
  WctPictureFile file = { 0 };
  WctStatus      status;

  WCT_TRY (wct_picture_open (path, side, &file, err));
  WCT_TRY (
    wct_memory_check (file.name, wct_picture_bytes (&file), 0, file.width, file.height, "--content-size", false, err));
  WCT_TRY (wct_picture_read (&file, picture, err));

out:
  wct_picture_close (&file);
  return status;
}

/* Beside it is room for what becomes of it, which is as large, and for a style that is not higher. */
static WctStatus
show_content (Grid *grid, int content, WctError *err)
{
  const int32_t cell = grid->arguments->cell;
  WctPicture    picture = { 0 };
  WctStatus     status;

  WCT_TRY (read_content (grid->contents.path[content], MIN (cell, grid->side), &picture, err));
  for (int style = 0; style < grid->styles.count; style++)
    {
      const Place first = place_of_result (grid, content, style, 0);

      for (int alpha = 0; alpha < alpha_count (grid); alpha++)
        wct_sheet_reserve (grid->sheet, first.row, first.column + alpha, picture.image.width, picture.image.height);
      if (varies_alpha (grid))
        wct_sheet_reserve (grid->sheet, first.row, 1, cell, picture.image.height);
      if (style == 0 || varies_alpha (grid))
        WCT_TRY (wct_sheet_put (grid->sheet, first.row, 0, &picture.image, err));
    }

out:
  wct_picture_clear (&picture);
  return status;
}

static WctStatus
read_thumbnail (const char *path, WctPicture *picture, WctError *err)
{
  WctStyleCard card = { .thumbnail = NULL };
  WctStatus    status;

  WCT_TRY (wct_style_read_card (path, &card, err));
  if (card.thumbnail == NULL)
    goto out;
  WCT_TRY (wct_picture_new (card.width, card.height, picture, err));
  for (size_t i = 0; i < (size_t)card.width * (size_t)card.height * COLORS; i++)
    picture->image.pixels[i] = (float)card.thumbnail[i] / 255;

out:
  wct_style_card_clear (&card);
  return status;
}

/* As it is framed; of a style file, its thumbnail. */
static WctStatus
read_style (const Grid *grid, int style, WctPicture *picture, WctError *err)
{
  WctParams fitted = grid->arguments->params;
  char      file[4096];

  if (wct_studio_find_style_file (grid->styles.path[style], file, sizeof file))
    return read_thumbnail (file, picture, err);
  fitted.style_scale = 0;
  fitted.style_size = grid->arguments->cell;
  return wct_style_picture_read (grid->styles.path[style], &fitted, &grid->studio.picture.image, picture, err);
}

static WctStatus
show_style (Grid *grid, int style, WctError *err)
{
  WctPicture picture = { 0 };
  WctStatus  status;

  WCT_TRY (read_style (grid, style, &picture, err));
  if (picture.image.pixels == NULL)
    goto out;
  if (!varies_alpha (grid))
    WCT_TRY (wct_sheet_put (grid->sheet, 0, 1 + style, &picture.image, err));
  for (int content = 0; content < grid->contents.count && varies_alpha (grid); content++)
    WCT_TRY (wct_sheet_put (grid->sheet, place_of_result (grid, content, style, 0).row, 1, &picture.image, err));

out:
  wct_picture_clear (&picture);
  return status;
}

static WctStatus
show_originals (Grid *grid, WctError *err)
{
  const int      count = grid->contents.count + grid->styles.count;
  const WctHooks hooks = wct_progress_hooks (&grid->studio.progress);
  WctStatus      status = WCT_OK;

  wct_progress_begin (&grid->studio.progress, "pictures", 0);
  for (int i = 0; i < count; i++)
    {
      WCT_TRY (i < grid->contents.count ? show_content (grid, i, err)
                                        : show_style (grid, i - grid->contents.count, err));
      hooks.progress (hooks.user, (i + 1.0) / count);
    }

out:
  return status;
}

/* The sheet's size is known now. Its pictures are kept until they are drawn. */
static WctStatus
check_sheet (const Grid *grid, WctError *err)
{
  const size_t bytes = wct_sheet_bytes (grid->sheet);
  int32_t      width, height;
  WctStatus    status;

  wct_sheet_size (grid->sheet, &width, &height);
  WCT_TRY (wct_output_check_size (&grid->studio.output, width, height, err));
  WCT_TRY (wct_memory_check ("the sheet", bytes > SIZE_MAX / 2 ? SIZE_MAX : 2 * bytes, 0, width, height, "--cell",
                             false, err));

out:
  return status;
}

/* ---- The results -------------------------------------------------------------------------------------------- */

/* A job for this style and contents of this size, and what it takes beyond what is in use. */
static WctStatus
make_job (Grid *grid, int style, const WctImage *content, size_t *needed, WctError *err)
{
  WctStudio *studio = &grid->studio;
  WctStatus  status;

  wct_job_free (&studio->job);
  WCT_TRY (wct_job_new (&(WctJobSpec){ .model = studio->model,
                                       .backend = studio->backend,
                                       .params = &studio->params,
                                       .style_count = 1,
                                       .styles = &studio->styles[style] },
                        &studio->job, err));
  wct_job_limit_memory (studio->job, grid->limit);
  WCT_TRY (wct_job_memory (studio->job, content->width, content->height, needed, err));
  studio->report.uses_files = studio->report.uses_files || wct_job_uses_files (studio->job);

out:
  return status;
}

/* @size: the size of the content with the most pixels, and @path it */
static WctStatus
find_largest (const Grid *grid, WctImage *size, const char **path, WctError *err)
{
  WctStatus status = WCT_OK;

  *size = (WctImage){ .channels = COLORS };
  for (int i = 0; i < grid->contents.count; i++)
    {
      WctPictureFile file = { 0 };

      WCT_TRY (wct_picture_open (grid->contents.path[i], grid->side, &file, err));
      if ((int64_t)file.width * file.height > (int64_t)size->width * size->height)
        {
          size->width = file.width;
          size->height = file.height;
          *path = grid->contents.path[i];
        }
      wct_picture_close (&file);
    }

out:
  return status;
}

/* Where the largest content fits beside its result, all do. Asked for once, before the first cell: later, what earlier
 * jobs gave back still counts as in use. */
static WctStatus
check_memory (Grid *grid, WctError *err)
{
  const size_t before = wct_memory_used (), limit = wct_studio_memory (&grid->studio);
  WctImage     size;
  const char  *path = NULL;
  size_t       needed, pictures;
  WctStatus    status;

  WCT_TRY (find_largest (grid, &size, &path, err));
  pictures = 2 * (size_t)size.width * (size_t)size.height * COLORS * sizeof (float);
  grid->limit = limit > pictures ? limit - pictures : 1;
  WCT_TRY (make_job (grid, 0, &size, &needed, err));
  WCT_TRY (wct_memory_check (path, needed + pictures, limit, size.width, size.height, "--content-size", true, err));
  grid->studio.report.estimated_memory = before + needed + pictures;

out:
  return status;
}

static void
report_cell (Grid *grid, int content, int style, int alpha)
{
  json_t *cell = json_object ();

  json_object_set_new (cell, "content", wct_json_text (grid->contents.path[content]));
  json_object_set_new (cell, "style", wct_json_text (grid->styles.path[style]));
  if (varies_alpha (grid))
    json_object_set_new (cell, "alpha", json_real (grid->arguments->alphas[alpha]));
  json_array_append_new (grid->cells, cell);
}

static void
report_progress (void *user, double done)
{
  Grid          *grid = user;
  const WctHooks hooks = wct_progress_hooks (&grid->studio.progress);
  const int      count = grid->contents.count * grid->styles.count * alpha_count (grid);

  hooks.progress (hooks.user, (grid->done + done) / count);
}

static bool
ask_canceled (void *user)
{
  const WctHooks hooks = wct_progress_hooks (&((Grid *)user)->studio.progress);

  return hooks.canceled (hooks.user);
}

/* One result, by the job that is there. @result: room for it */
static WctStatus
fill_cell (Grid *grid, int content, int style, int alpha, const WctImage *picture, WctImage *result, WctError *err)
{
  const WctHooks hooks = { .user = grid, .progress = report_progress, .canceled = ask_canceled };
  const Place    place = place_of_result (grid, content, style, alpha);
  WctParams      params = grid->studio.params;
  WctStatus      status;

  for (int i = 0; i < WCT_LEVELS && varies_alpha (grid); i++)
    params.alpha[i] = grid->arguments->alphas[alpha];
  WCT_TRY (wct_job_set_params (grid->studio.job, &params, err));
  WCT_TRY (wct_job_run (grid->studio.job, picture, result, &hooks, err));
  WCT_TRY (wct_sheet_put (grid->sheet, place.row, place.column, result, err));
  report_cell (grid, content, style, alpha);
  grid->done++;

out:
  return status;
}

/* One content in all styles. */
static WctStatus
fill_cells (Grid *grid, int content, WctError *err)
{
  WctPicture picture = { 0 }, result = { 0 };
  size_t     needed;
  WctStatus  status;

  wct_report_stage (&grid->studio.report, WCT_STAGE_LOAD);
  WCT_TRY (read_content (grid->contents.path[content], grid->side, &picture, err));
  WCT_TRY (wct_picture_new (picture.image.width, picture.image.height, &result, err));
  wct_report_stage (&grid->studio.report, WCT_STAGE_STYLIZE);
  for (int style = 0; style < grid->styles.count; style++)
    {
      WCT_TRY (make_job (grid, style, &picture.image, &needed, err));
      for (int alpha = 0; alpha < alpha_count (grid); alpha++)
        WCT_TRY (fill_cell (grid, content, style, alpha, &picture.image, &result.image, err));
    }

out:
  wct_picture_clear (&result);
  wct_picture_clear (&picture);
  return status;
}

static WctStatus
fill_sheet (Grid *grid, WctError *err)
{
  WctStatus status = WCT_OK;

  wct_progress_begin (&grid->studio.progress, "stylize", grid->studio.report.estimated_memory);
  for (int i = 0; i < grid->contents.count; i++)
    WCT_TRY (fill_cells (grid, i, err));

out:
  return status;
}

/* ---- The end ------------------------------------------------------------------------------------------------ */

/* Where each cell is, in the order in which they were made. */
static void
report_places (const Grid *grid)
{
  for (int i = 0; i < grid->done; i++)
    {
      const int     alpha = i % alpha_count (grid), pair = i / alpha_count (grid);
      const Place   place = place_of_result (grid, pair / grid->styles.count, pair % grid->styles.count, alpha);
      json_t       *cell = json_array_get (grid->cells, (size_t)i);
      WctSheetPlace where = wct_sheet_place (grid->sheet, place.row, place.column);

      json_object_set_new (cell, "left", json_integer (where.left));
      json_object_set_new (cell, "top", json_integer (where.top));
      json_object_set_new (cell, "width", json_integer (where.width));
      json_object_set_new (cell, "height", json_integer (where.height));
    }
}

static WctStatus
print_report (Grid *grid, WctError *err)
{
  json_t   *more = json_object ();
  WctStatus status;

  report_places (grid);
  json_object_set (more, "cells", grid->cells);
  if (varies_alpha (grid)) /* there is none for all; each cell tells its own */
    json_object_set_new (more, "alpha", json_object ());
  grid->studio.report.params = &grid->studio.params;
  grid->studio.report.more = more;
  status = wct_studio_report (&grid->studio, err);
  json_decref (more);
  return status;
}

static WctStatus
finish (Grid *grid, WctError *err)
{
  WctStudio *studio = &grid->studio;
  int32_t    width, height;
  WctStatus  status;

  wct_sheet_size (grid->sheet, &width, &height);
  wct_picture_describe_new (width, height, &studio->picture);
  wct_report_stage (&studio->report, WCT_STAGE_SAVE);
  wct_progress_begin (&studio->progress, "save", 0);
  WCT_TRY (wct_sheet_save (grid->sheet, &studio->output, err));
  WCT_TRY (print_report (grid, err));

out:
  return status;
}

WctStatus
wct_command_grid (const WctArguments *arguments, WctError *err)
{
  Grid      grid = { .arguments = arguments, .cells = json_array () };
  WctStatus status;

  grid.side = arguments->params.content_size > 0 ? arguments->params.content_size : arguments->cell;
  WCT_TRY (wct_studio_open (&grid.studio, arguments, err));
  wct_picture_describe_new (grid.side, grid.side, &grid.studio.picture); /* styles go by the contents' longer side */
  WCT_TRY (wct_picture_list_read (&arguments->contents, "contents", &grid.contents, err));
  WCT_TRY (wct_picture_list_read (&arguments->styles, "styles", &grid.styles, err));
  WCT_TRY (begin_sheet (&grid, err));
  WCT_TRY (show_originals (&grid, err));
  WCT_TRY (check_sheet (&grid, err));
  WCT_TRY (wct_studio_load_model (&grid.studio, err));
  WCT_TRY (wct_studio_choose_levels (&grid.studio, err));
  WCT_TRY (wct_studio_measure_styles (&grid.studio, grid.styles.path, grid.styles.count, err));
  WCT_TRY (check_memory (&grid, err));
  WCT_TRY (fill_sheet (&grid, err));
  WCT_TRY (finish (&grid, err));

out:
  wct_studio_close (&grid.studio);
  wct_sheet_free (&grid.sheet);
  wct_picture_list_clear (&grid.contents);
  wct_picture_list_clear (&grid.styles);
  json_decref (grid.cells);
  return status;
}
