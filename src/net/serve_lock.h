/* serve_lock.h - one `serve` for each data folder, and where it listens */
#ifndef EP_NET_SERVE_LOCK_H
#define EP_NET_SERVE_LOCK_H

#include "base/status.h"

#include <stdbool.h>

/* Takes the lock, a file whose text is the address: *fd is to be closed at the end.
 * EP_BAD_INPUT  another process has it. EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_serve_lock(int *fd, const char *folder, const char *listen,
                                         struct ep_error *err);

/* Whether `serve` runs on a data folder, and listens for this machine alone. */
bool ep_serve_is_local(const char *folder);

#endif
