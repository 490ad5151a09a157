/* One file for each convolution: XDG_CACHE_HOME/wct/cuda/KEY, with a magic number, a sum over what follows, and cuDNN's
 * text. Files appear whole or not at all. A cache must never stand in the way: whatever fails here, engines are timed.
 */
#include "choice.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache-folder.h"
#include "fingerprint.h"
#include "mem.h"
#include "whole-file.h"

#define FOLDER    "cuda"
#define FILES_MAX 4000    /* of some 3 KB; a size of picture takes up to 60 */
#define BYTES_MAX 1000000 /* more is damaged */

static const char magic[8] = "wctcuda1";

typedef struct
{
  char           magic[8];
  WctFingerprint sum;
} Header;

static bool
find_path (const char *card, const WctConvolutionShape *shape, WctGraphKind kind, bool make, char *path)
{
  const int32_t numbers[] = {
    (int32_t)shape->element, shape->exact,    shape->relu,      shape->side,  shape->count, shape->rows,
    shape->columns,          shape->in_lanes, shape->out_lanes, (int32_t)kind
  };
  WctFingerprint key = { { 5, 6 } };
  char           name[WCT_FINGERPRINT_TEXT];

  wct_fingerprint_bytes (&key, card, strlen (card));
  wct_fingerprint_word (&key, cudnnGetVersion ());
  wct_fingerprint_bytes (&key, numbers, sizeof numbers);
  wct_fingerprint_print (&key, name);
  return wct_cache_path (FOLDER, name, make, path);
}

static WctFingerprint
sum_of (const char *text, size_t size)
{
  WctFingerprint sum = { { 7, 8 } };

  wct_fingerprint_bytes (&sum, text, size);
  return sum;
}

/* The text of a file that is whole; by wct_alloc. */
static bool
read_text (const char *path, char **out, size_t *out_size)
{
  const int   file = open (path, O_RDONLY | O_CLOEXEC);
  struct stat about;
  char       *text = NULL;
  size_t      size = 0;
  Header      header;
  bool        good;

  if (file < 0)
    return false;
  good = fstat (file, &about) == 0 && about.st_size > (off_t)sizeof header && about.st_size < BYTES_MAX;
  if (good)
    {
      size = (size_t)about.st_size - sizeof header;
      good = wct_alloc (size, 1, "convolution's plan", &text, NULL) == WCT_OK
             && read (file, &header, sizeof header) == (ssize_t)sizeof header
             && read (file, text, size) == (ssize_t)size && memcmp (header.magic, magic, sizeof magic) == 0;
    }
  if (good)
    {
      const WctFingerprint sum = sum_of (text, size);

      good = memcmp (&header.sum, &sum, sizeof sum) == 0;
    }
  if (good)
    {
      futimens (file, NULL); /* used now */
      *out = text;
      *out_size = size;
      text = NULL;
    }
  wct_free (&text);
  close (file);
  return good;
}

bool
wct_choice_find (const char *card, const WctConvolutionShape *shape, WctGraphKind kind, WctGraph *graph)
{
  char   path[WCT_CACHE_PATH_SIZE], *text = NULL;
  size_t size = 0;
  bool   found;

  found =
    find_path (card, shape, kind, false, path) && read_text (path, &text, &size) && wct_graph_read (graph, text, size);
  wct_free (&text);
  return found;
}

void
wct_choice_keep (const char *card, const WctConvolutionShape *shape, WctGraphKind kind, const WctEngine *engine)
{
  char     path[WCT_CACHE_PATH_SIZE], *text = NULL;
  size_t   size = 0;
  Header   header;
  WctError ignored;

  if (!find_path (card, shape, kind, true, path) || !wct_engine_write (engine, &text, &size))
    return;
  memcpy (header.magic, magic, sizeof magic);
  header.sum = sum_of (text, size);
  if (wct_whole_file_write (path, (const WctPiece[]){ { &header, sizeof header }, { text, size } }, 2, false, &ignored)
      == WCT_OK)
    wct_cache_forget_oldest (FOLDER, FILES_MAX);
  wct_free (&text);
}
