/* The two things that the plug-in does, as GIMP's procedure database knows them. */
#ifndef WCT_PLUGIN_PROCEDURES_H
#define WCT_PLUGIN_PROCEDURES_H

#include <libgimp/gimp.h>

#include "settings.h"

typedef struct
{
  const char *name, *menu_label, *menu_path, *blurb, *help; /* for people: untranslated, marked */
  WctMode     mode;
} WctProcedure;

/* All of them, with GIMP. */
void wct_procedures_install (void);

/* NULL where there is none of this name. */
const WctProcedure *wct_procedure_find (const char *name);

/* The drawable among a call's arguments. */
gint32 wct_procedure_drawable (const GimpParam *params);

/* The style among them; -1 where there is none: from its menus, GIMP gives the first three only. */
gint32 wct_procedure_style (int count, const GimpParam *params);

/**
 * wct_procedure_read: the settings in the arguments of a call that is not interactive.
 * @settings: at their defaults; written
 * Refuses values outside of the table's ranges; whether any level is on is not looked at.
 */
WctStatus wct_procedure_read (const WctProcedure *procedure, int count, const GimpParam *params, WctSettings *settings,
                              WctError *err);

/* GIMP's memory of the session: what the last call that ended well was given. FALSE: nothing, @settings stays. */
gboolean wct_procedure_load_last (const WctProcedure *procedure, WctSettings *settings);
void     wct_procedure_save_last (const WctSettings *settings);

#endif
