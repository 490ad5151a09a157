/* Code that must end its process, run in a child. */
#ifndef CHILDREN_H
#define CHILDREN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined __SANITIZE_ADDRESS__
#  define TEST_ASAN 1
#elif defined __has_feature
#  if __has_feature(address_sanitizer)
#    define TEST_ASAN 1
#  endif
#endif
#ifndef TEST_ASAN
#  define TEST_ASAN 0
#endif

/* True where @function ended its process, having said @words on the way; else prints what it said. */
static inline int
aborts_with (void (*function) (void), const char *words)
{
  char   said[4096];
  size_t length = 0;
  int    ends[2], status = 0;

  if (pipe (ends) != 0)
    return 0;
  fflush (NULL);

  const pid_t child = fork ();
  if (child == 0)
    {
      dup2 (ends[1], STDERR_FILENO);
      function ();
      _exit (0);
    }
  close (ends[1]);
  for (ssize_t got = 1; got > 0 && length < sizeof said - 1; length += (size_t)(got > 0 ? got : 0))
    got = read (ends[0], said + length, sizeof said - 1 - length);
  said[length] = '\0';
  close (ends[0]);
  waitpid (child, &status, 0);
  if (status != 0 && strstr (said, words) != NULL)
    return 1;
  fprintf (stderr, "expected an end with \"%s\", got status %#x and \"%s\"\n", words, (unsigned)status, said);
  return 0;
}

#endif
