/* casket.h - the file of a Tokyo Tyrant (.tch), behind the protocol of the server
 *
 * Read by libtokyocabinet, in a process of its own: a damaged file can crash the library, and what
 * is at stake here is only that process. It is opened read-only, and never while a server has it.
 */
#ifndef EP_NET_LEGACY_CASKET_H
#define EP_NET_LEGACY_CASKET_H

#include "net/legacy/tyrant.h"

struct ep_casket;

/* Opens a file. It forks: call it before there are other threads. stop as for ep_tyrant_connect.
 *
 * EP_NOT_FOUND  there is no such file. EP_BAD_INPUT  it is no hash database, or a server has it.
 * EP_IO, also where the library is not installed; EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_casket_open(struct ep_casket **out, const char *path,
                                          const atomic_bool *stop, struct ep_error *err);

/* Ends the process, and closes the tyrant. */
void ep_casket_close(struct ep_casket *casket);
EP_DEFINE_OWNED(struct ep_casket, ep_casket_close)

/* What answers get, rnum and the iterator from the file; the casket's. */
struct ep_tyrant *ep_casket_tyrant(const struct ep_casket *casket);

#endif
