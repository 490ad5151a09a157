/* Bytes over a TCP connection: all of them or a reason, whatever signals come and however they are split. Nothing here
 * raises SIGPIPE. Times are milliseconds of wct_wire_now; WCT_WIRE_FOREVER never comes. */
#ifndef WCT_TRAINER_PARALLEL_WIRE_H
#define WCT_TRAINER_PARALLEL_WIRE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WCT_WIRE_FOREVER INT64_MAX

int64_t wct_wire_now (void);

/* poll until something happens or it is @until; false where nothing did. */
bool wct_wire_poll (struct pollfd *polls, size_t count, int64_t until);

/* Sets a connection up: small things go at once, and a machine that vanishes is noticed within half a minute. */
void wct_wire_prepare (int fd);

/* As much as goes without waiting: 0 where nothing does, -1 with errno; 0 for errno means that the other side ended. */
ptrdiff_t wct_wire_push (int fd, const void *bytes, size_t size);
ptrdiff_t wct_wire_pull (int fd, void *bytes, size_t size);

/* Are that many bytes there? Then they are copied, and stay. */
bool wct_wire_peek (int fd, void *bytes, size_t size);

/* All of it until @until. On false errno says why: ETIMEDOUT, or 0 where the other side ended. */
bool wct_wire_send (int fd, const void *bytes, size_t size, int64_t until);
bool wct_wire_receive (int fd, void *bytes, size_t size, int64_t until);

/* What is wrong with a connection that poll complained about; 0 where the other side just ended. */
int wct_wire_error (int fd);

#endif
