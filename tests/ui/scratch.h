/* A folder of the test's own, which is the user's configuration, too, while the program runs. */
#ifndef WCT_TEST_SCRATCH_H
#define WCT_TEST_SCRATCH_H

#include <stddef.h>

/* Before anything else, as GLib asks for the configuration's place once. For cmocka's groups, as are their like. */
int scratch_open (void **state);
int scratch_close (void **state); /* removes it with all that is in it */

/* Empties it. For the set-up of a test. */
int scratch_clear (void **state);

char *scratch_path (const char *name);                                   /* to be freed with g_free */
char *scratch_write (const char *name, const void *bytes, size_t count); /* as scratch_path, of a new file */
char *scratch_read (const char *name, size_t *count);                    /* NULL: there is none */
char *sample_path (const char *name);                                    /* in data/samples; to be freed with g_free */

#endif
