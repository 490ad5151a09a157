/* Headers, last words, and the sentence about a rank that is gone. */
#include "parallel-frame.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "parallel-wire.h"

#define LAST_WORDS_MS 1000
#define LINGER_MS     2000

void
wct_peer_own_host (char host[WCT_HOST_SIZE])
{
  memset (host, 0, WCT_HOST_SIZE);
  if (gethostname (host, WCT_HOST_SIZE - 1) != 0 || host[0] == '\0')
    strcpy (host, "this host");
}

bool
wct_frame_send (int fd, WctFrameKind kind, uint64_t bytes, int64_t until)
{
  const WctFrame frame = { .kind = kind, .bytes = bytes };

  return wct_wire_send (fd, &frame, sizeof frame, until);
}

void
wct_frame_send_gone (int fd, const char *sentence)
{
  const int64_t until = wct_wire_now () + LAST_WORDS_MS;

  if (wct_frame_send (fd, WCT_FRAME_GONE, strlen (sentence), until))
    (void)wct_wire_send (fd, sentence, strlen (sentence), until);
}

WctStatus
wct_frame_read_gone (int fd, const WctFrame *frame, WctError *err)
{
  char sentence[WCT_MESSAGE_SIZE];

  if (frame->kind != WCT_FRAME_GONE || frame->bytes >= sizeof sentence)
    return WCT_OK;
  if (!wct_wire_receive (fd, sentence, frame->bytes, wct_wire_now () + LAST_WORDS_MS))
    return WCT_OK;
  sentence[frame->bytes] = '\0';
  return wct_error_set (err, WCT_ERR_IO, "%s", sentence);
}

static WctStatus
ended_without_a_word (const WctPeer *peer, int error, WctError *err)
{
  if (error == 0 || error == ECONNRESET || error == EPIPE)
    return wct_error_set (err, WCT_ERR_IO,
                          "rank %d is gone: it ran on %s, and its process ended without a word (killed?); see what "
                          "became of it there, then start all ranks anew",
                          peer->rank, peer->host);
  return wct_error_set (
    err, WCT_ERR_IO,
    "rank %d is gone: it ran on %s, and its connection broke off (%s); see whether that machine and "
    "the network work, then start all ranks anew",
    peer->rank, peer->host, strerror (error));
}

WctStatus
wct_peer_lost (const WctPeer *peer, int error, WctError *err)
{
  WctFrame frame;

  if (!peer->inside && wct_wire_receive (peer->fd, &frame, sizeof frame, wct_wire_now () + LAST_WORDS_MS)
      && wct_frame_read_gone (peer->fd, &frame, err) != WCT_OK)
    return WCT_ERR_IO;
  return ended_without_a_word (peer, error, err);
}

/* Closing with bytes unread would reset the connection, and with it what was said and not yet read over there. */
static void
drain (int fd, int64_t until)
{
  char nobody_wants[4096];

  while (wct_wire_now () < until && wct_wire_receive (fd, nobody_wants, 1, until))
    while (wct_wire_pull (fd, nobody_wants, sizeof nobody_wants) > 0)
      ;
}

void
wct_peers_close (WctPeer *peers, size_t count, bool linger)
{
  const int64_t until = wct_wire_now () + LINGER_MS;

  for (size_t i = 0; i < count && linger; i++)
    if (peers[i].fd >= 0)
      shutdown (peers[i].fd, SHUT_WR);
  for (size_t i = 0; i < count; i++)
    if (peers[i].fd >= 0)
      {
        if (linger)
          drain (peers[i].fd, until);
        close (peers[i].fd);
        peers[i].fd = -1;
      }
}
