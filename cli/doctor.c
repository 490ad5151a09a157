/* wct doctor: what works on this machine, and what to do about the rest. */
#include "commands.h"

#include <dirent.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vips/vips.h>

#include <wct/wct.h>

#include "exit-status.h"

static bool
report_backends (void)
{
  char        reason[512];
  const char *name;
  bool        usable, any = false;

  printf ("Back ends\n");
  for (size_t i = 0; (name = wct_backend_probe (i, &usable, reason, sizeof reason)) != NULL; i++)
    {
      printf ("  %-10s %s%s\n", name, usable ? (any ? "works: " : "used by default: ") : "not used: ", reason);
      any = any || usable;
    }
  return any;
}

static void
report_threads (void)
{
  WctBackend *backend = NULL;

  if (wct_backend_open ("auto", 0, &backend, NULL) == WCT_OK)
    printf ("Threads      %d, one for each processor that may be used\n", wct_backend_info (backend)->threads);
  wct_backend_close (&backend);
}

static int
is_model (const struct dirent *entry)
{
  return g_str_has_suffix (entry->d_name, ".safetensors");
}

static void
report_folder (const char *folder)
{
  struct dirent **entries;
  const int       count = scandir (folder, &entries, is_model, alphasort);

  printf ("  %s: %s\n", folder, count < 0 ? "not there" : count == 0 ? "no models" : "");
  for (int i = 0; i < count; i++)
    {
      printf ("    %s\n", entries[i]->d_name);
      free (entries[i]);
    }
  if (count >= 0)
    free (entries);
}

static bool
report_models (WctError *err)
{
  char        path[4096];
  const char *named = getenv ("WCT_MODEL");
  WctModel   *model = NULL;

  printf ("\nModels\n  $WCT_MODEL: %s\n", named == NULL || named[0] == '\0' ? "not set" : named);
  for (size_t i = 0; wct_model_folder (i, path, sizeof path); i++)
    report_folder (path);
  if (wct_model_find (NULL, path, sizeof path, err) != WCT_OK || wct_model_load (path, &model, err) != WCT_OK)
    {
      printf ("  used: none\n");
      return false;
    }
  printf ("  used: %s\n", path);
  if (wct_model_levels (model) == 0)
    wct_error_set (err, WCT_ERR_UNSUPPORTED, "%s: is an encoder without decoders and cannot stylize", path);
  const bool stylizes = wct_model_levels (model) != 0;
  wct_model_unref (&model);
  return stylizes;
}

static void
report_pictures (void)
{
  static const struct
  {
    const char *name, *loader, *saver;
  } formats[] = { { "PNG", "VipsForeignLoadPng", "VipsForeignSavePng" },
                  { "JPEG", "VipsForeignLoadJpeg", "VipsForeignSaveJpeg" },
                  { "TIFF", "VipsForeignLoadTiff", "VipsForeignSaveTiff" },
                  { "WebP", "VipsForeignLoadWebp", "VipsForeignSaveWebp" } };

  printf ("\nPictures     libvips %d.%d.%d\n", vips_version (0), vips_version (1), vips_version (2));
  for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
    printf ("  %-10s read: %s, write: %s\n", formats[i].name,
            g_type_from_name (formats[i].loader) != 0 ? "yes" : "no (libvips was built without it)",
            g_type_from_name (formats[i].saver) != 0 ? "yes" : "no (libvips was built without it)");
}

/* A file or folder of GIMP's plug-in folder that is ours. */
static bool
has_plugin (const char *folder)
{
  struct dirent **entries;
  const int       count = scandir (folder, &entries, NULL, NULL);
  bool            found = false;

  for (int i = 0; i < count; i++)
    {
      found =
        found || g_str_has_prefix (entries[i]->d_name, "gimp-wct") || g_str_has_prefix (entries[i]->d_name, "wct");
      free (entries[i]);
    }
  if (count >= 0)
    free (entries);
  return found;
}

static void
report_gimp (void)
{
  char             *user = g_build_filename (g_get_user_config_dir (), "GIMP", "*", "plug-ins", NULL);
  const char *const patterns[] = { user, "/usr/lib*/gimp/*/plug-ins", "/usr/lib/*/gimp/*/plug-ins",
                                   "/usr/local/lib*/gimp/*/plug-ins" };
  bool              any = false;

  printf ("\nGIMP plug-in folders\n");
  for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
    {
      glob_t found;

      if (glob (patterns[i], 0, NULL, &found) != 0)
        continue;
      for (size_t k = 0; k < found.gl_pathc; k++)
        printf ("  %s: the WCT plug-in is %s\n", found.gl_pathv[k],
                has_plugin (found.gl_pathv[k]) ? "installed" : "not installed");
      any = any || found.gl_pathc > 0;
      globfree (&found);
    }
  if (!any)
    printf ("  none: GIMP is not installed, or was not started yet\n");
  g_free (user);
}

WctStatus
wct_command_doctor (const WctArguments *arguments, WctError *err)
{
  WctError model_error = { .status = WCT_OK };
  bool     backends, models;

  (void)arguments;
  printf ("wct %s\n\n", wct_version ());
  backends = report_backends ();
  report_threads ();
  models = report_models (&model_error);
  report_pictures ();
  report_gimp ();
  fflush (stdout);
  if (!backends)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED,
                          "no back end works here; reinstall wct with oneDNN and OpenBLAS, or see the reasons above");
  if (!models)
    {
      *err = model_error;
      return err->status;
    }
  printf ("\nwct can stylize here.\n");
  return WCT_OK;
}
