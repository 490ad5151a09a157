/* What a program that was killed left of the files it was writing. */
#ifndef WCT_CLI_LEFTOVERS_H
#define WCT_CLI_LEFTOVERS_H

#include <stddef.h>

/**
 * wct_leftovers_remove: removes the temporary files of these files, and no others.
 * @folder: that the names are relative to
 * @names: (count) files that nobody else is writing
 * What cannot be read or removed stays, which does no harm.
 */
void wct_leftovers_remove (const char *folder, const char *const *names, size_t count);

#endif
