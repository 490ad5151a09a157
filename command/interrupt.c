/* A signal only sets a flag; long work looks at it between its pieces, stops and cleans up. */
#include "interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t interrupted = 0;

static void
remember (int signal_number)
{
  (void)signal_number;
  interrupted = 1;
}

void
wct_interrupt_install (void)
{
  static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
  struct sigaction action = { .sa_handler = remember, .sa_flags = SA_RESETHAND | SA_RESTART };
  struct sigaction ignore = { .sa_handler = SIG_IGN };
  struct sigaction before;

  sigemptyset (&action.sa_mask);
  sigemptyset (&ignore.sa_mask);
  for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
    if (sigaction (signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) /* as under nohup */
      sigaction (signals[i], &action, NULL);
  sigaction (SIGXFSZ, &ignore, NULL);
}

bool
wct_interrupted (void)
{
  return interrupted != 0;
}
