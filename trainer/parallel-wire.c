/* Sockets that never block, and poll to wait for them. */
#include "parallel-wire.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* A rank may compute for hours while others wait, so silence means nothing; an unanswered probe does. */
#define PROBE_AFTER_SECONDS 10
#define PROBE_EVERY_SECONDS 5
#define PROBES              4
#define UNANSWERED_MS       30000

int64_t
wct_wire_now (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int
milliseconds_left (int64_t until)
{
  const int64_t left = until - wct_wire_now ();

  if (until == WCT_WIRE_FOREVER)
    return -1;
  return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

bool
wct_wire_poll (struct pollfd *polls, size_t count, int64_t until)
{
  int happened;

  do
    happened = poll (polls, count, milliseconds_left (until));
  while (happened < 0 && (errno == EINTR || errno == EAGAIN));
  return happened > 0;
}

static void
set_option (int fd, int level, int name, int value)
{
  (void)setsockopt (fd, level, name, &value, sizeof value); /* a system without it notices lost machines later */
}

void
wct_wire_prepare (int fd)
{
  set_option (fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option (fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option (fd, IPPROTO_TCP, TCP_KEEPIDLE, PROBE_AFTER_SECONDS);
  set_option (fd, IPPROTO_TCP, TCP_KEEPINTVL, PROBE_EVERY_SECONDS);
  set_option (fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
  set_option (fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNANSWERED_MS);
}

static bool
would_wait (void)
{
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

ptrdiff_t
wct_wire_push (int fd, const void *bytes, size_t size)
{
  const ptrdiff_t sent = send (fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);

  return sent < 0 && would_wait () ? 0 : sent;
}

ptrdiff_t
wct_wire_pull (int fd, void *bytes, size_t size)
{
  const ptrdiff_t got = recv (fd, bytes, size, MSG_DONTWAIT);

  if (got < 0)
    return would_wait () ? 0 : -1;
  if (got == 0 && size > 0)
    {
      errno = 0;
      return -1;
    }
  return got;
}

bool
wct_wire_peek (int fd, void *bytes, size_t size)
{
  return recv (fd, bytes, size, MSG_PEEK | MSG_DONTWAIT) == (ptrdiff_t)size;
}

/* Until @events are there; errors wake it, too, and the next call on the socket tells them. */
static bool
wait_for (int fd, short events, int64_t until)
{
  struct pollfd one = { .fd = fd, .events = events };

  if (wct_wire_poll (&one, 1, until))
    return true;
  errno = ETIMEDOUT;
  return false;
}

bool
wct_wire_send (int fd, const void *bytes, size_t size, int64_t until)
{
  const char *from = bytes;

  while (size > 0)
    {
      const ptrdiff_t sent = wct_wire_push (fd, from, size);

      if (sent < 0 || (sent == 0 && !wait_for (fd, POLLOUT, until)))
        return false;
      from += sent;
      size -= (size_t)sent;
    }
  return true;
}

bool
wct_wire_receive (int fd, void *bytes, size_t size, int64_t until)
{
  char *to = bytes;

  while (size > 0)
    {
      const ptrdiff_t got = wct_wire_pull (fd, to, size);

      if (got < 0 || (got == 0 && !wait_for (fd, POLLIN, until)))
        return false;
      to += got;
      size -= (size_t)got;
    }
  return true;
}

int
wct_wire_error (int fd)
{
  int       error = 0;
  socklen_t size = sizeof error;

  return getsockopt (fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}
