/* tyrant_internal.h - what the parts of tyrant.h share: a connection, and its bytes */
#ifndef EP_NET_LEGACY_TYRANT_INTERNAL_H
#define EP_NET_LEGACY_TYRANT_INTERNAL_H

#include "net/legacy/tyrant.h"

struct ep_tyrant {
	int fd;
	char name[300]; /* for messages */
	const atomic_bool *stop;
	uint8_t *bytes; /* read and not yet taken: from begin to end */
	size_t begin;
	size_t end;
	struct ep_buffer request;
	struct ep_buffer value;
};

/* Sends bytes. EP_UNREACHABLE, EP_INTERRUPTED. */
EP_MUST_USE enum ep_status ep_tyrant_send(struct ep_tyrant *tyrant, struct ep_bytes bytes,
                                          struct ep_error *err);

/* Takes size bytes of the answers; out may be NULL, to skip them. The same failures. */
EP_MUST_USE enum ep_status ep_tyrant_take(struct ep_tyrant *tyrant, void *out, size_t size,
                                          struct ep_error *err);

#endif
