/* The GIMP plug-in: what happens when it is called. A process for each call. */
#include <gegl.h>
#include <libgimp/gimp.h>

#include "dialog.h"
#include "gimp-host.h"
#include "i18n.h"
#include "procedures.h"
#include "window.h"

static void
query (void)
{
  gimp_plugin_domain_register (GETTEXT_PACKAGE, wct_locale_dir ());
  wct_procedures_install ();
}

/* ---- Without a window --------------------------------------------------------------------------------------- */

typedef struct
{
  GMainLoop *loop;
  gboolean   ended;
  WctStatus  status;
  WctError  *err;
} Outcome;

static void
ended (gpointer user, WctStatus status, const char *sentence)
{
  Outcome *outcome = user;

  outcome->ended = TRUE;
  outcome->status = status;
  if (status != WCT_OK)
    wct_error_set (outcome->err, status, "%s", sentence);
  g_main_loop_quit (outcome->loop);
}

static WctStatus
run_alone (WctHost *host, const WctSettings *settings, WctError *err)
{
  static const WctSessionEvents events = { .ended = ended };
  Outcome                       outcome = { .loop = g_main_loop_new (NULL, FALSE), .err = err };
  WctSession                   *session = wct_session_new (host, settings, &events, &outcome);

  wct_session_apply (session);
  /* What is refused at once has ended already. */
  if (!outcome.ended)
    g_main_loop_run (outcome.loop);
  wct_session_free (&session);
  g_main_loop_unref (outcome.loop);
  return outcome.status;
}

/* ---- With one ----------------------------------------------------------------------------------------------- */

static WctStatus
run_dialog (WctHost *host, WctSettings *settings, WctError *err)
{
  WctDialog *dialog;
  gboolean   applied;

  if (!wct_window_init ())
    return wct_error_set (err, WCT_ERR_UNSUPPORTED, "%s",
                          _ ("There is no display for the dialog: please call it with RUN-NONINTERACTIVE."));
  dialog = wct_dialog_new (host, settings);
  wct_window_set_over_gimp (wct_dialog_window (dialog));
  applied = wct_dialog_run (dialog, settings);
  wct_dialog_free (&dialog);
  return applied ? WCT_OK : WCT_CANCELED;
}

/* ---- A call ------------------------------------------------------------------------------------------------- */

static gboolean
is_there (const WctStyleChoice *style)
{
  return style->id == WCT_STYLE_NONE ? style->file[0] != '\0' : gimp_item_is_valid (style->id);
}

/* GIMP's own check has seen that the drawable was there. */
static WctStatus
check_styles (const WctSettings *settings, WctError *err)
{
  gboolean all = wct_settings_have_style (settings);

  for (gint i = 0; i < settings->style_count; i++)
    all = all && is_there (&settings->styles[i]);
  if (all)
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_ARGUMENT, "%s", _ ("The style is missing: please choose a layer for it."));
}

/* Of another image, regions mean nothing; the selection and files do. */
static gboolean
is_mask_there (const WctMaskChoice *mask, gint32 image)
{
  return (mask->kind != WCT_MASK_GRAY && mask->kind != WCT_MASK_ALPHA)
         || (gimp_item_is_valid (mask->id) && gimp_item_get_image (mask->id) == image);
}

static void
drop_places_that_are_gone (gint32 image, WctSettings *settings)
{
  gint kept = 0;

  for (gint i = 0; i < settings->place_count; i++)
    if (is_mask_there (&settings->places[i].mask, image))
      settings->places[kept++] = settings->places[i];
  settings->place_count = kept;
}

/* Those that are gone, and the layer itself, which has its own style. */
static void
drop_styles_that_are_gone (gint32 drawable, WctSettings *settings)
{
  for (gint i = settings->style_count - 1; i >= 0; i--)
    if (!is_there (&settings->styles[i]) || settings->styles[i].id == drawable)
      wct_settings_remove_style (settings, i);
}

/* What the dialog starts with: as last time, but for what is gone. */
static void
prepare_dialog (const WctProcedure *procedure, int count, const GimpParam *params, WctGimpHost *host,
                WctSettings *settings)
{
  const gint32 given = wct_procedure_style (count, params);

  wct_procedure_load_last (procedure, settings);
  drop_styles_that_are_gone (host->drawable, settings);
  drop_places_that_are_gone (host->image, settings);
  if (gimp_item_is_valid (given))
    wct_settings_set_style (settings, given, NULL);
  else if (!wct_settings_have_style (settings))
    wct_settings_set_style (settings, wct_gimp_host_default_style (host), NULL);
}

static WctStatus
call (const WctProcedure *procedure, int count, const GimpParam *params, WctError *err)
{
  WctGimpHost host;
  WctSettings settings;
  WctStatus   status;

  wct_settings_init (procedure->mode, &settings);
  wct_gimp_host_init (wct_procedure_drawable (params), &host);
  switch ((GimpRunMode)params[0].data.d_int32)
    {
    case GIMP_RUN_INTERACTIVE:
      prepare_dialog (procedure, count, params, &host, &settings);
      WCT_TRY (run_dialog (&host.host, &settings, err));
      break;
    case GIMP_RUN_WITH_LAST_VALS:
      wct_procedure_load_last (procedure, &settings);
      WCT_TRY (check_styles (&settings, err));
      WCT_TRY (run_alone (&host.host, &settings, err));
      break;
    case GIMP_RUN_NONINTERACTIVE:
    default:
      WCT_TRY (wct_procedure_read (procedure, count, params, &settings, err));
      WCT_TRY (check_styles (&settings, err));
      WCT_TRY (run_alone (&host.host, &settings, err));
      break;
    }
  wct_procedure_save_last (&settings);

out:
  return status;
}

static GimpPDBStatusType
pdb_status (WctStatus status)
{
  switch (status)
    {
    case WCT_OK:
      return GIMP_PDB_SUCCESS;
    case WCT_CANCELED:
      return GIMP_PDB_CANCEL;
    default:
      return GIMP_PDB_EXECUTION_ERROR;
    }
}

/* Buffers are all that is used of GEGL: without the operations, which are some hundred libraries, GIMP waits for the
 * dialog a quarter of a second less. */
static void
init_gegl (void)
{
  g_setenv ("GEGL_PATH", "/dev/null", TRUE);
  gegl_init (NULL, NULL);
}

/* What is returned must outlive the call: it is read when run is left. */
static void
run (const gchar *name, gint count, const GimpParam *params, gint *return_count, GimpParam **return_values)
{
  static GimpParam values[2];
  static WctError  err;
  WctStatus        status;

  wct_i18n_init ();
  init_gegl ();
  status = call (wct_procedure_find (name), count, params, &err);
  gegl_exit ();
  values[0].type = GIMP_PDB_STATUS;
  values[0].data.d_status = pdb_status (status);
  values[1].type = GIMP_PDB_STRING;
  values[1].data.d_string = err.message;
  *return_count = values[0].data.d_status == GIMP_PDB_EXECUTION_ERROR ? 2 : 1;
  *return_values = values;
}

const GimpPlugInInfo PLUG_IN_INFO = { NULL, NULL, query, run };

MAIN ()
