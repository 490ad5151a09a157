/* What ranks say to each other over TCP: a header, then as many bytes as it says. All ranks run the same program on
 * machines of one kind, so numbers go as they are in memory; the first number of all, the magic, is the proof. */
#ifndef WCT_TRAINER_PARALLEL_FRAME_H
#define WCT_TRAINER_PARALLEL_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wct/status.h>

typedef enum
{
  WCT_FRAME_HERE = 0x57435401, /* the first rank has taken the newcomer down */
  WCT_FRAME_ALL,               /* all ranks are here */
  WCT_FRAME_FLOATS,            /* to be summed; back from the first rank: a part of the sum */
  WCT_FRAME_DOUBLES,
  WCT_FRAME_FIRST, /* the first rank's bytes */
  WCT_FRAME_GONE   /* a rank is gone: the sentence that all fail with */
} WctFrameKind;

typedef struct
{
  uint32_t kind;
  uint32_t reserved;
  uint64_t bytes; /* that follow */
} WctFrame;

#define WCT_HELLO_MAGIC 0x3130746b6e617277u
#define WCT_HOST_SIZE   64

/* The first thing a rank says when it comes. */
typedef struct
{
  uint64_t magic;
  uint64_t run;
  uint32_t rank, ranks;
  char     host[WCT_HOST_SIZE]; /* where it runs, for sentences */
} WctHello;

/* One end of a connection to a rank. */
typedef struct
{
  int  fd; /* -1: none */
  int  rank;
  char host[WCT_HOST_SIZE];
  bool inside; /* more of what it sends is to come before the next header */
} WctPeer;

/* This machine's name. */
void wct_peer_own_host (char host[WCT_HOST_SIZE]);

bool wct_frame_send (int fd, WctFrameKind kind, uint64_t bytes, int64_t until);

/* To say why all must end; the other side may be gone itself, so nobody waits long. */
void wct_frame_send_gone (int fd, const char *sentence);

/* The sentence after a header of WCT_FRAME_GONE, into @err: WCT_ERR_IO. WCT_OK where none could be read. */
WctStatus wct_frame_read_gone (int fd, const WctFrame *frame, WctError *err);

/* A peer does not answer any more: what it said at last, else what @error says. WCT_ERR_IO. */
WctStatus wct_peer_lost (const WctPeer *peer, int error, WctError *err);

/* Of @count peers, those that are there. @linger: wait a moment, once for all, until they have read what was said. */
void wct_peers_close (WctPeer *peers, size_t count, bool linger);

#endif
