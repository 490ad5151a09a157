/* How ranks find each other by TCP: the first one listens, the others come to it. */
#ifndef WCT_TRAINER_PARALLEL_MEET_H
#define WCT_TRAINER_PARALLEL_MEET_H

#include <wct/status.h>

#include "parallel-frame.h"
#include "parallel-launch.h"

/* The first rank. @peers: launch->ranks of them, by rank, fd -1; on WCT_OK all but [0] are connected. On failure those
 * that came have been told why; the caller closes them. */
WctStatus wct_meet_all (const WctLaunch *launch, WctPeer *peers, WctError *err);

/* Any other rank. @first: on WCT_OK connected to the first rank. */
WctStatus wct_meet_first (const WctLaunch *launch, WctPeer *first, WctError *err);

#endif
