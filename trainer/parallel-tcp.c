/* Sums by plain TCP: a star around the first rank. It adds what the others send in the order of ranks, one piece after
 * the other, and sends each piece of the sum back to all: so all have the same bits, and the same as a loop over ranks
 * would make. Meant for few machines and networks that every machine has; clusters have MPI. */
#include "parallel-transport.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mem.h"

#include "parallel-frame.h"
#include "parallel-meet.h"
#include "parallel-wire.h"

#define PIECE ((size_t)1 << 20) /* bytes; a multiple of every number's size */

typedef struct
{
  int            rank, ranks;
  WctPeer       *peers; /* the first rank's: (ranks), [0] unused; another's: (1), the first rank */
  struct pollfd *polls; /* (ranks), the first rank's */
  void          *piece; /* (PIECE), what another rank sent, the first rank's */
} Star;

/* to += values, of one kind. */
typedef void (*Add) (void *to, const void *values, size_t bytes);

/* ---- Both sides --------------------------------------------------------------------------------------------- */

static WctStatus
out_of_step (int rank, const WctPeer *with, WctError *err)
{
  return wct_error_set (err, WCT_ERR_IO,
                        "rank %d and rank %d on %s are not at the same point of the run; start all ranks with the same "
                        "program, command and files",
                        rank, with->rank, with->host);
}

static bool
is_header (const WctFrame *frame, WctFrameKind kind, size_t bytes)
{
  return frame->kind == (uint32_t)kind && frame->bytes == bytes;
}

/* ---- The first rank ----------------------------------------------------------------------------------------- */

/* All others hear why. Whom it is about is not there to hear it. */
static void
tell_others (Star *star, const WctPeer *but, const char *sentence)
{
  for (int rank = 1; rank < star->ranks; rank++)
    if (&star->peers[rank] != but)
      wct_frame_send_gone (star->peers[rank].fd, sentence);
}

static WctStatus
lose (Star *star, const WctPeer *peer, int error, WctError *err)
{
  WctError  why;
  WctStatus status = wct_peer_lost (peer, error, &why);

  tell_others (star, peer, why.message);
  return wct_error_set (err, status, "%s", why.message);
}

/* Until @peer has sent something. Nobody can have gone meanwhile: all need the sum that this is for. */
static WctStatus
wait_for_peer (Star *star, const WctPeer *peer, WctError *err)
{
  for (int rank = 1; rank < star->ranks; rank++)
    star->polls[rank - 1] =
      (struct pollfd){ .fd = star->peers[rank].fd, .events = rank == peer->rank ? POLLIN | POLLRDHUP : POLLRDHUP };
  (void)wct_wire_poll (star->polls, (size_t)star->ranks - 1, WCT_WIRE_FOREVER);
  for (int rank = 1; rank < star->ranks; rank++)
    if (rank != peer->rank && star->polls[rank - 1].revents != 0)
      return lose (star, &star->peers[rank], wct_wire_error (star->peers[rank].fd), err);
  return WCT_OK;
}

static WctStatus
hear (Star *star, const WctPeer *peer, void *to, size_t bytes, WctError *err)
{
  char     *at = to;
  WctStatus status = WCT_OK;

  while (bytes > 0)
    {
      const ptrdiff_t got = wct_wire_pull (peer->fd, at, bytes);

      if (got < 0)
        return lose (star, peer, errno, err);
      if (got == 0)
        WCT_TRY (wait_for_peer (star, peer, err));
      at += got;
      bytes -= (size_t)got;
    }

out:
  return status;
}

static WctStatus
hear_header (Star *star, WctPeer *peer, WctFrameKind kind, size_t bytes, WctError *err)
{
  WctFrame  frame;
  WctError  why;
  WctStatus status;

  WCT_TRY (hear (star, peer, &frame, sizeof frame, err));
  peer->inside = is_header (&frame, kind, bytes);
  if (peer->inside)
    return WCT_OK;
  status = wct_frame_read_gone (peer->fd, &frame, &why);
  if (status == WCT_OK)
    status = out_of_step (star->rank, peer, &why);
  tell_others (star, NULL, why.message);
  return wct_error_set (err, status, "%s", why.message);

out:
  return status;
}

/* To one rank, of which all wait for this. */
static WctStatus
tell (Star *star, WctPeer *peer, const void *bytes, size_t size, WctError *err)
{
  if (!wct_wire_send (peer->fd, bytes, size, WCT_WIRE_FOREVER))
    return lose (star, peer, errno, err);
  return WCT_OK;
}

static WctStatus
tell_all (Star *star, WctFrameKind kind, const void *bytes, size_t size, WctError *err)
{
  const WctFrame frame = { .kind = kind, .bytes = size };
  WctStatus      status = WCT_OK;

  for (int rank = 1; rank < star->ranks; rank++)
    {
      WCT_TRY (tell (star, &star->peers[rank], &frame, sizeof frame, err));
      WCT_TRY (tell (star, &star->peers[rank], bytes, size, err));
    }

out:
  return status;
}

/* While one piece is added, the next ones are on their way. */
static WctStatus
sum_as_first (Star *star, WctFrameKind kind, char *values, size_t bytes, Add add, WctError *err)
{
  WctStatus status = WCT_OK;

  for (size_t at = 0; at < bytes; at += PIECE)
    {
      const size_t size = bytes - at < PIECE ? bytes - at : PIECE;

      for (int rank = 1; rank < star->ranks; rank++)
        {
          if (at == 0)
            WCT_TRY (hear_header (star, &star->peers[rank], kind, bytes, err));
          WCT_TRY (hear (star, &star->peers[rank], star->piece, size, err));
          star->peers[rank].inside = at + size < bytes;
          add (values + at, star->piece, size);
        }
      WCT_TRY (tell_all (star, kind, values + at, size, err));
    }

out:
  return status;
}

/* ---- The others --------------------------------------------------------------------------------------------- */

static WctStatus
lose_first (const Star *star, int error, WctError *err)
{
  return wct_peer_lost (&star->peers[0], error, err);
}

/* One piece from the first rank, of at most @size bytes; *@got of it. */
static WctStatus
hear_piece (Star *star, WctFrameKind kind, void *to, size_t size, size_t *got, WctError *err)
{
  const WctPeer *first = &star->peers[0];
  WctFrame       frame;

  if (!wct_wire_receive (first->fd, &frame, sizeof frame, WCT_WIRE_FOREVER))
    return lose_first (star, errno, err);
  if (wct_frame_read_gone (first->fd, &frame, err) != WCT_OK)
    return WCT_ERR_IO;
  if (frame.kind != (uint32_t)kind || frame.bytes > size)
    return out_of_step (star->rank, first, err);
  if (!wct_wire_receive (first->fd, to, frame.bytes, WCT_WIRE_FOREVER))
    return lose_first (star, errno, err);
  *got = frame.bytes;
  return WCT_OK;
}

/* Sends on while pieces of the sum come in: they take the place of values that the first rank has already. */
static WctStatus
sum_as_other (Star *star, WctFrameKind kind, char *values, size_t bytes, WctError *err)
{
  const int fd = star->peers[0].fd;
  size_t    sent = 0, heard = 0;
  WctStatus status = WCT_OK;

  if (!wct_frame_send (fd, kind, bytes, WCT_WIRE_FOREVER))
    return lose_first (star, errno, err);
  while (heard < bytes)
    {
      struct pollfd one = { .fd = fd, .events = sent < bytes ? POLLIN | POLLOUT : POLLIN };

      (void)wct_wire_poll (&one, 1, WCT_WIRE_FOREVER);
      if (one.revents & POLLOUT)
        {
          const ptrdiff_t pushed = wct_wire_push (fd, values + sent, bytes - sent);

          sent = pushed < 0 ? bytes : sent + (size_t)pushed; /* why nobody hears it comes in last */
        }
      if (one.revents & ~POLLOUT)
        {
          size_t got = 0;

          WCT_TRY (hear_piece (star, kind, values + heard, bytes - heard, &got, err));
          heard += got;
        }
    }

out:
  return status;
}

/* ---- The table ---------------------------------------------------------------------------------------------- */

static WctStatus
sum (Star *star, WctFrameKind kind, void *values, size_t bytes, Add add, WctError *err)
{
  assert (bytes > 0);
  return star->rank == 0 ? sum_as_first (star, kind, values, bytes, add, err)
                         : sum_as_other (star, kind, values, bytes, err);
}

static void
add_floats (void *to, const void *values, size_t bytes)
{
  float       *sums = to;
  const float *more = values;

  for (size_t i = 0; i < bytes / sizeof *sums; i++)
    sums[i] += more[i];
}

static void
add_doubles (void *to, const void *values, size_t bytes)
{
  double       *sums = to;
  const double *more = values;

  for (size_t i = 0; i < bytes / sizeof *sums; i++)
    sums[i] += more[i];
}

static WctStatus
sum_floats (void *ctx, float *values, size_t count, WctError *err)
{
  return sum (ctx, WCT_FRAME_FLOATS, values, count * sizeof *values, add_floats, err);
}

static WctStatus
sum_doubles (void *ctx, double *values, size_t count, WctError *err)
{
  return sum (ctx, WCT_FRAME_DOUBLES, values, count * sizeof *values, add_doubles, err);
}

static WctStatus
from_first (void *ctx, void *bytes, size_t count, WctError *err)
{
  Star     *star = ctx;
  size_t    got = 0;
  WctStatus status;

  assert (count > 0);
  if (star->rank == 0)
    return tell_all (star, WCT_FRAME_FIRST, bytes, count, err);
  WCT_TRY (hear_piece (star, WCT_FRAME_FIRST, bytes, count, &got, err));
  if (got != count)
    status = out_of_step (star->rank, &star->peers[0], err);

out:
  return status;
}

/* Does what a peer has sent, and nobody has read yet, say that a rank is gone, or has it ended itself? What else is
 * there is for the next sum, of a rank that is ahead. */
static bool
has_left (const WctPeer *peer)
{
  struct pollfd one = { .fd = peer->fd, .events = POLLRDHUP };
  WctFrame      frame;

  return wct_wire_poll (&one, 1, 0) || (wct_wire_peek (peer->fd, &frame, sizeof frame) && frame.kind == WCT_FRAME_GONE);
}

static WctStatus
check (void *ctx, WctError *err)
{
  Star *star = ctx;

  for (int rank = 1; rank < star->ranks && star->rank == 0; rank++)
    if (has_left (&star->peers[rank]))
      return lose (star, &star->peers[rank], wct_wire_error (star->peers[rank].fd), err);
  if (star->rank > 0 && has_left (&star->peers[0]))
    return lose_first (star, wct_wire_error (star->peers[0].fd), err);
  return WCT_OK;
}

static bool
usable (void)
{
  return true;
}

static void
close_star (Star **star, bool linger)
{
  const size_t count = *star == NULL || (*star)->peers == NULL ? 0 : (*star)->rank == 0 ? (size_t)(*star)->ranks : 1;

  if (*star != NULL)
    {
      wct_peers_close ((*star)->peers, count, linger);
      wct_free (&(*star)->piece);
      wct_free (&(*star)->polls);
      wct_free (&(*star)->peers);
    }
  wct_free (star);
}

static WctStatus
meet (const WctLaunch *launch, Star *star, WctError *err)
{
  return star->rank == 0 ? wct_meet_all (launch, star->peers, err) : wct_meet_first (launch, star->peers, err);
}

static WctStatus
start (const WctLaunch *launch, int *argc, char ***argv, WctMember *out, WctError *err)
{
  const size_t peers = launch->rank == 0 ? (size_t)launch->ranks : 1;
  Star        *star = NULL;
  WctStatus    status;

  (void)argc;
  (void)argv;
  WCT_TRY (wct_alloc (1, sizeof *star, "ranks", &star, err));
  star->rank = launch->rank;
  star->ranks = launch->ranks;
  WCT_TRY (wct_alloc (peers, sizeof *star->peers, "ranks", &star->peers, err));
  for (size_t i = 0; i < peers; i++)
    star->peers[i] = (WctPeer){ .fd = -1 };
  WCT_TRY (wct_alloc (peers, sizeof *star->polls, "ranks", &star->polls, err));
  WCT_TRY (wct_alloc (PIECE, 1, "a piece of a sum", &star->piece, err));
  WCT_TRY (meet (launch, star, err));
  *out = (WctMember){ .ctx = star, .rank = star->rank, .ranks = star->ranks };
  snprintf (out->detail, sizeof out->detail, "%d processes by TCP, rank 0 at %.180s, port %d", star->ranks,
            launch->host, launch->port);
  star = NULL;

out:
  close_star (&star, true);
  return status;
}

static void
end (void *ctx, bool failed)
{
  Star *star = ctx;
  char  host[WCT_HOST_SIZE], sentence[WCT_MESSAGE_SIZE];

  wct_peer_own_host (host);
  snprintf (sentence, sizeof sentence,
            failed
              ? "rank %d is gone: it ran on %s, failed, and said there why; put that right, then start all ranks anew"
              : "rank %d is gone: it ran on %s and came to its end before the others; start all ranks with the same "
                "program, command and files",
            star->rank, host);
  if (star->rank == 0)
    tell_others (star, NULL, sentence);
  else
    wct_frame_send_gone (star->peers[0].fd, sentence);
  close_star (&star, failed);
}

const WctTransport wct_transport_tcp = {
  .version = WCT_VERSION,
  .usable = usable,
  .start = start,
  .end = end,
  .sum_floats = sum_floats,
  .sum_doubles = sum_doubles,
  .from_first = from_first,
  .check = check,
};
