/* Ctrl-C, and what else asks the program to stop. */
#ifndef WCT_COMMAND_INTERRUPT_H
#define WCT_COMMAND_INTERRUPT_H

#include <stdbool.h>

/* From now on the first SIGINT, SIGTERM or SIGHUP is remembered, and a second one ends the program at once. A full
 * file size limit (SIGXFSZ) becomes an error of the write that hit it. */
void wct_interrupt_install (void);

/* Was the program asked to stop? Any thread. */
bool wct_interrupted (void);

#endif
