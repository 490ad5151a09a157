/* Listening, connecting, hellos; strangers and ranks of other runs are sent away. */
#include "parallel-meet.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "parallel-wire.h"

#define RETRY_MS     100
#define CONNECT_MS   5000 /* for one attempt */
#define HELLO_MS     2000 /* for a newcomer to say who it is */
#define PORT_BUSY_MS 3000

static WctHello
own_hello (const WctLaunch *launch)
{
  WctHello hello = {
    .magic = WCT_HELLO_MAGIC, .run = launch->run, .rank = (uint32_t)launch->rank, .ranks = (uint32_t)launch->ranks
  };

  wct_peer_own_host (hello.host);
  return hello;
}

static void
pause_until (int64_t until)
{
  (void)wct_wire_poll (NULL, 0, until);
}

static int64_t
sooner (int64_t a, int64_t b)
{
  return a < b ? a : b;
}

/* ---- The first rank ----------------------------------------------------------------------------------------- */

/* A name for this machine only, as ranks on one machine use it: then nobody from outside needs to come in. */
static bool
is_loopback (const char *host)
{
  return strcmp (host, "localhost") == 0 || strncmp (host, "127.", 4) == 0 || strcmp (host, "::1") == 0;
}

static int
listen_at (const struct addrinfo *address)
{
  const int fd = socket (address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int yes = 1, no = 0;

  if (fd < 0)
    return -1;
  (void)setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (address->ai_family == AF_INET6)
    (void)setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  if (bind (fd, address->ai_addr, address->ai_addrlen) == 0 && listen (fd, SOMAXCONN) == 0)
    return fd;

  const int error = errno;

  close (fd);
  errno = error;
  return -1;
}

/* IPv6 first where it is there: its sockets take IPv4, too. */
static int
listen_at_any (const struct addrinfo *addresses)
{
  static const int families[] = { AF_INET6, AF_INET };
  int              fd = -1;

  for (size_t i = 0; i < 2 && fd < 0; i++)
    for (const struct addrinfo *a = addresses; a != NULL && fd < 0; a = a->ai_next)
      if (a->ai_family == families[i])
        fd = listen_at (a);
  return fd;
}

static WctStatus
open_listener (const WctLaunch *launch, int *out, WctError *err)
{
  const struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
  const int64_t         until = wct_wire_now () + PORT_BUSY_MS;
  struct addrinfo      *addresses = NULL;
  char                  port[16];
  int                   fd = -1;

  snprintf (port, sizeof port, "%d", launch->port);
  const int error = getaddrinfo (is_loopback (launch->host) ? launch->host : NULL, port, &hints, &addresses);

  if (error != 0)
    return wct_error_set (err, WCT_ERR_IO, "%s: rank 0 cannot listen there: %s", launch->host, gai_strerror (error));
  while ((fd = listen_at_any (addresses)) < 0 && errno == EADDRINUSE && wct_wire_now () < until)
    pause_until (wct_wire_now () + RETRY_MS); /* a run before this one may be closing */
  freeaddrinfo (addresses);
  if (fd < 0)
    return wct_error_set (err, WCT_ERR_IO,
                          "rank 0 cannot listen on port %d of its host: %s; another one can be set as $WCT_PORT, the "
                          "same for all ranks",
                          launch->port, strerror (errno));
  *out = fd;
  return WCT_OK;
}

/* Says why and closes. */
static void
send_away (int fd, WctError *why)
{
  WctPeer peer = { .fd = fd };

  wct_frame_send_gone (fd, why->message);
  wct_peers_close (&peer, 1, true);
}

/* Is the newcomer a rank of this run, and of whom nobody has heard? */
static WctStatus
check_hello (const WctLaunch *launch, const WctPeer *peers, const WctHello *hello, WctError *err)
{
  if (hello->run != launch->run || hello->ranks != (uint32_t)launch->ranks)
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "rank %u on %s came to port %d, where another run meets; set another port as $WCT_PORT for "
                          "one of the two",
                          hello->rank, hello->host, launch->port);
  if (hello->rank == 0 || hello->rank >= hello->ranks)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "rank %u on %s cannot come to rank 0 of %d ranks", hello->rank,
                          hello->host, launch->ranks);
  if (peers[hello->rank].fd >= 0)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "rank %u came twice, from %s and from %s; give each a rank of its own",
                          hello->rank, peers[hello->rank].host, hello->host);
  return WCT_OK;
}

/* Anyone may knock: who does not say hello in time is nobody. */
static void
let_in (const WctLaunch *launch, WctPeer *peers, int fd, int64_t until, int *come)
{
  WctHello hello;
  WctError why;

  wct_wire_prepare (fd);
  if (!wct_wire_receive (fd, &hello, sizeof hello, sooner (until, wct_wire_now () + HELLO_MS))
      || hello.magic != WCT_HELLO_MAGIC)
    {
      close (fd);
      return;
    }
  hello.host[WCT_HOST_SIZE - 1] = '\0';
  if (check_hello (launch, peers, &hello, &why) != WCT_OK)
    {
      send_away (fd, &why);
      return;
    }
  if (!wct_frame_send (fd, WCT_FRAME_HERE, 0, until))
    {
      close (fd);
      return;
    }
  peers[hello.rank].fd = fd;
  peers[hello.rank].rank = (int)hello.rank;
  memcpy (peers[hello.rank].host, hello.host, WCT_HOST_SIZE);
  *come += 1;
}

/* Ranks that came and went again before all were here. */
static WctStatus
check_presence (const WctLaunch *launch, const WctPeer *peers, WctError *err)
{
  for (int rank = 1; rank < launch->ranks; rank++)
    {
      struct pollfd one = { .fd = peers[rank].fd, .events = POLLIN | POLLRDHUP };

      if (peers[rank].fd >= 0 && wct_wire_poll (&one, 1, 0))
        return wct_peer_lost (&peers[rank], wct_wire_error (peers[rank].fd), err);
    }
  return WCT_OK;
}

static WctStatus
never_came (const WctLaunch *launch, const WctPeer *peers, int come, WctError *err)
{
  char host[WCT_HOST_SIZE];
  int  missing = 1;

  wct_peer_own_host (host);
  while (peers[missing].fd >= 0)
    missing++;
  return wct_error_set (err, WCT_ERR_IO,
                        "rank %d has not come to rank 0 on %s, port %d, within %d s (%d of %d ranks are here); does it "
                        "run, and can it reach that port? $WCT_CONNECT_TIMEOUT gives it more seconds",
                        missing, host, launch->port, launch->timeout_seconds, come, launch->ranks);
}

static WctStatus
wait_for_all (const WctLaunch *launch, int listener, WctPeer *peers, WctError *err)
{
  const int64_t until = wct_wire_now () + 1000 * (int64_t)launch->timeout_seconds;
  int           come = 1;
  WctStatus     status = WCT_OK;

  while (come < launch->ranks)
    {
      struct pollfd door = { .fd = listener, .events = POLLIN };
      int           fd;

      if (wct_wire_now () >= until)
        return never_came (launch, peers, come, err);
      WCT_TRY (check_presence (launch, peers, err));
      if (!wct_wire_poll (&door, 1, sooner (until, wct_wire_now () + 1000)))
        continue;
      fd = accept4 (listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (fd >= 0)
        let_in (launch, peers, fd, until, &come);
      else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
        return wct_error_set (err, WCT_ERR_IO, "rank 0 cannot take %d ranks: %s", launch->ranks, strerror (errno));
    }

out:
  return status;
}

static void
tell_all (const WctLaunch *launch, const WctPeer *peers, const WctError *failed)
{
  for (int rank = 1; rank < launch->ranks; rank++)
    if (peers[rank].fd >= 0 && failed != NULL)
      wct_frame_send_gone (peers[rank].fd, failed->message);
    else if (peers[rank].fd >= 0)
      (void)wct_frame_send (peers[rank].fd, WCT_FRAME_ALL, 0, WCT_WIRE_FOREVER);
}

WctStatus
wct_meet_all (const WctLaunch *launch, WctPeer *peers, WctError *err)
{
  int       listener = -1;
  WctError  failed;
  WctStatus status;

  WCT_TRY (open_listener (launch, &listener, err));
  status = wait_for_all (launch, listener, peers, &failed);
  tell_all (launch, peers, status == WCT_OK ? NULL : &failed);
  if (status != WCT_OK)
    status = wct_error_set (err, status, "%s", failed.message);

out:
  if (listener >= 0)
    close (listener);
  return status;
}

/* ---- The others --------------------------------------------------------------------------------------------- */

/* With nobody listening, a port that the system gives to connections may be given to this very one: then it is
 * connected with itself. */
static bool
talks_to_itself (int fd)
{
  struct sockaddr_storage here, there;
  socklen_t               here_size = sizeof here, there_size = sizeof there;

  memset (&here, 0, sizeof here);
  memset (&there, 0, sizeof there);
  return getsockname (fd, (struct sockaddr *)&here, &here_size) == 0
         && getpeername (fd, (struct sockaddr *)&there, &there_size) == 0 && here_size == there_size
         && memcmp (&here, &there, here_size) == 0;
}

/* The error of a connection attempt, 0 for success. */
static int
finish_connecting (int fd, int64_t until)
{
  struct pollfd one = { .fd = fd, .events = POLLOUT };
  int           error = 0;
  socklen_t     size = sizeof error;

  if (!wct_wire_poll (&one, 1, until))
    return ETIMEDOUT;
  if (getsockopt (fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
    return errno;
  return error == 0 && talks_to_itself (fd) ? ECONNREFUSED : error;
}

static int
connect_to (const struct addrinfo *address, int64_t until, int *out)
{
  const int fd = socket (address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int       error = 0;

  if (fd < 0)
    return errno;
  if (connect (fd, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS && errno != EINTR)
    error = errno;
  if (error == 0)
    error = finish_connecting (fd, until);
  if (error == 0)
    *out = fd;
  else
    close (fd);
  return error;
}

/* One attempt at all addresses of the host. False with the reason in words. */
static bool
try_to_connect (const WctLaunch *launch, int64_t until, int *out, const char **reason)
{
  const struct addrinfo hints = { .ai_flags = AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
  struct addrinfo      *addresses = NULL;
  char                  port[16];
  int                   error = ECONNREFUSED;

  snprintf (port, sizeof port, "%d", launch->port);
  const int unknown = getaddrinfo (launch->host, port, &hints, &addresses);

  if (unknown != 0)
    {
      *reason = gai_strerror (unknown);
      return false;
    }
  for (const struct addrinfo *a = addresses; a != NULL && error != 0; a = a->ai_next)
    error = connect_to (a, sooner (until, wct_wire_now () + CONNECT_MS), out);
  freeaddrinfo (addresses);
  *reason = strerror (error);
  return error == 0;
}

/* Says hello and hears whether it is welcome. WCT_ERR_IO without a sentence: nobody who knows the protocol was there.
 */
static WctStatus
say_hello (const WctLaunch *launch, int fd, int64_t until, bool *here, WctError *err)
{
  const WctHello hello = own_hello (launch);
  WctFrame       frame = { .kind = 0 };

  wct_wire_prepare (fd);
  *here = wct_wire_send (fd, &hello, sizeof hello, until) && wct_wire_receive (fd, &frame, sizeof frame, until)
          && frame.kind == WCT_FRAME_HERE;
  return *here ? WCT_OK : wct_frame_read_gone (fd, &frame, err);
}

static WctStatus
no_answer (const WctLaunch *launch, const char *reason, WctError *err)
{
  char host[WCT_HOST_SIZE];

  wct_peer_own_host (host);
  return wct_error_set (err, WCT_ERR_IO,
                        "rank %d on %s found no rank 0 at %s, port %d, within %d s: %s; does it run, and can that port "
                        "be reached? $WCT_CONNECT_TIMEOUT gives it more seconds",
                        launch->rank, host, launch->host, launch->port, launch->timeout_seconds, reason);
}

static WctStatus
find_first (const WctLaunch *launch, WctPeer *first, WctError *err)
{
  const int64_t until = wct_wire_now () + 1000 * (int64_t)launch->timeout_seconds;
  const char   *reason = "";
  WctStatus     status = WCT_OK;

  while (first->fd < 0)
    {
      int  fd = -1;
      bool here = false;

      if (try_to_connect (launch, until, &fd, &reason))
        {
          status = say_hello (launch, fd, until, &here, err);
          reason = "who answers there is not rank 0 of this program";
        }
      if (here)
        first->fd = fd;
      else if (fd >= 0)
        close (fd);
      if (status != WCT_OK)
        return status;
      if (!here && wct_wire_now () >= until)
        return no_answer (launch, reason, err);
      if (!here)
        pause_until (sooner (until, wct_wire_now () + RETRY_MS));
    }
  return WCT_OK;
}

/* The first rank counts the time for the others: it says when all are there, or who is not. */
static WctStatus
wait_for_others (const WctPeer *first, WctError *err)
{
  WctFrame frame;

  if (!wct_wire_receive (first->fd, &frame, sizeof frame, WCT_WIRE_FOREVER))
    return wct_peer_lost (first, errno, err);
  if (frame.kind == WCT_FRAME_ALL)
    return WCT_OK;
  if (wct_frame_read_gone (first->fd, &frame, err) != WCT_OK)
    return WCT_ERR_IO;
  return wct_peer_lost (first, EPROTO, err);
}

WctStatus
wct_meet_first (const WctLaunch *launch, WctPeer *first, WctError *err)
{
  WctStatus status;

  first->rank = 0;
  snprintf (first->host, sizeof first->host, "%.63s", launch->host);
  WCT_TRY (find_first (launch, first, err));
  WCT_TRY (wait_for_others (first, err));

out:
  return status;
}
