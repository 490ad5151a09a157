/* No byte sequence crashes the model reader, leaks, or makes it allocate more than twice its size. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wct/wct.h>

#include "../models/accounting.h"
#include "mem.h"
#include "model.h"

int LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size);

static void
claim (int holds, const char *what, size_t got, size_t allowed)
{
  if (holds)
    return;
  fprintf (stderr, "%s: got %zu, allowed %zu\n", what, got, allowed);
  abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size)
{
  const size_t used = wct_mem_used ();
  WctModel    *model = NULL;
  WctError     err = { .status = WCT_OK };

  accounting_start (0);
  const WctStatus status = wct_model_parse (bytes, size, "fuzz", &model, &err);

  claim (accounting_peak () - used <= MEMORY_ALLOWED (size), "memory", accounting_peak () - used,
         MEMORY_ALLOWED (size));
  claim ((status == WCT_OK) == (model != NULL), "model", model != NULL, status == WCT_OK);
  claim (status == WCT_OK || (err.status == status && strlen (err.message) > 10), "sentence", strlen (err.message), 0);
  wct_model_unref (&model);
  claim (wct_mem_used () == used && json_used == 0, "memory left behind", wct_mem_used () - used + json_used, 0);
  return 0;
}
