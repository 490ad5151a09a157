/* Runs a fuzz target over files and folders, with any compiler: the corpus is part of the test suite. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size);

static int
replay_file (const char *path)
{
  FILE *stream = fopen (path, "rbe");

  if (stream == NULL || fseek (stream, 0, SEEK_END) != 0)
    {
      perror (path);
      return -1;
    }

  const long size = ftell (stream);
  uint8_t   *bytes = malloc (size > 0 ? (size_t)size : 1); /* exactly: sanitizers see a step beyond */
  rewind (stream);
  const size_t got = bytes == NULL ? 0 : fread (bytes, 1, (size_t)size, stream);
  fclose (stream);
  printf ("%s\n", path); /* the last one before a crash */
  fflush (stdout);
  LLVMFuzzerTestOneInput (bytes, got);
  free (bytes);
  return 1;
}

/* How many files ran, or -1. */
static int
replay_folder (const char *folder)
{
  struct dirent **entries;
  const int       count = scandir (folder, &entries, NULL, alphasort);
  int             done = 0;

  if (count < 0)
    perror (folder);
  for (int i = 0; i < count; i++)
    {
      char path[4096];

      snprintf (path, sizeof path, "%s/%s", folder, entries[i]->d_name);
      if (entries[i]->d_name[0] != '.' && done >= 0)
        done = replay_file (path) < 0 ? -1 : done + 1;
      free (entries[i]);
    }
  if (count >= 0)
    free (entries);
  return count < 0 ? -1 : done;
}

int
main (int argc, char **argv)
{
  for (int i = 1; i < argc; i++)
    {
      const int done = replay_folder (argv[i]);

      if (done <= 0)
        {
          fprintf (stderr, "%s: expected files to replay, got %d\n", argv[i], done);
          return 1;
        }
      printf ("%s: %d files\n", argv[i], done);
    }
  return argc > 1 ? 0 : 2;
}
