/* Reads /proc and the control group's files. Where they are missing nothing is refused: a wrong guess would be worse
 * than none. */
#include <wct/memory.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The number of kB after @key ("VmHWM:") in a file of such lines, in bytes; @missing where there is none. */
static size_t
read_kilobytes (const char *path, const char *key, size_t missing)
{
  FILE              *file = fopen (path, "re");
  char               line[256];
  unsigned long long kilobytes;
  size_t             bytes = missing;

  if (file == NULL)
    return missing;
  while (fgets (line, sizeof line, file) != NULL)
    if (strncmp (line, key, strlen (key)) == 0 && sscanf (line + strlen (key), "%llu", &kilobytes) == 1)
      {
        bytes = (size_t)kilobytes * 1024;
        break;
      }
  fclose (file);
  return bytes;
}

/* A file that holds one number; SIZE_MAX where it says "max" or is missing. */
static size_t
read_number (const char *path)
{
  FILE              *file = fopen (path, "re");
  unsigned long long number;
  size_t             value = SIZE_MAX;

  if (file == NULL)
    return SIZE_MAX;
  if (fscanf (file, "%llu", &number) == 1)
    value = (size_t)number;
  fclose (file);
  return value;
}

/* The limit of this process's control group (version 2), as containers and systemd set it. */
static size_t
group_limit (void)
{
  FILE  *file = fopen ("/proc/self/cgroup", "re");
  char   line[1024], group[1000], path[1100];
  size_t limit = read_number ("/sys/fs/cgroup/memory.max");

  if (file == NULL)
    return limit;
  while (fgets (line, sizeof line, file) != NULL)
    if (sscanf (line, "0::%999[^\n]", group) == 1)
      {
        size_t own;

        snprintf (path, sizeof path, "/sys/fs/cgroup%s/memory.max", group);
        own = read_number (path);
        limit = own < limit ? own : limit;
      }
  fclose (file);
  return limit;
}

size_t
wct_memory_available (void)
{
  const size_t free_bytes = read_kilobytes ("/proc/meminfo", "MemAvailable:", SIZE_MAX);
  const size_t limit = group_limit ();
  const size_t used = wct_memory_used ();
  const size_t below_limit = limit == SIZE_MAX ? SIZE_MAX : limit > used ? limit - used : 0;

  return free_bytes < below_limit ? free_bytes : below_limit;
}

size_t
wct_memory_used (void)
{
  return read_kilobytes ("/proc/self/status", "VmRSS:", 0);
}

size_t
wct_memory_peak (void)
{
  return read_kilobytes ("/proc/self/status", "VmHWM:", 0);
}
