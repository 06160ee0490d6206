/* tyrant.h - the key/value server of 2011, Tokyo Tyrant, in its binary protocol
 *
 *     command    request                                answer
 *     put        c8 10 ksiz vsiz key value              status
 *     out        c8 20 ksiz key                         status (1: it was not there)
 *     get        c8 30 ksiz key                         status, and if that is 0: vsiz value
 *     iterinit   c8 50                                  status
 *     iternext   c8 51                                  status, and if that is 0: ksiz key
 *     rnum       c8 80                                  status count
 *
 * Sizes have 32 bits, the count 64, all big-endian; a status is a byte, 0 or 1. Requests are sent
 * a few ahead of their answers, which come in the same order. The server keeps codes under the id
 * of their document, as plain code strings, and the time of the last dump under "lastdump".
 */
#ifndef EP_NET_LEGACY_TYRANT_H
#define EP_NET_LEGACY_TYRANT_H

#include "base/buffer.h"
#include "base/text.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Where the server listens if the address does not say. */
#define EP_TYRANT_PORT "1978"

/* The key that holds no codes. */
#define EP_TYRANT_LASTDUMP "lastdump"

/* A larger value is skipped: no field of a row may be larger. A key cannot be larger than
 * EP_TYRANT_KEY_MAX, or the answer is damaged. */
#define EP_TYRANT_VALUE_MAX ((size_t)16 << 20)
#define EP_TYRANT_KEY_MAX ((size_t)1 << 16)

struct ep_tyrant;

/* Connects to HOST:PORT, [HOST]:PORT or HOST. stop: once true, whatever waits for the server ends
 * with EP_INTERRUPTED; borrowed, may be NULL. EP_UNREACHABLE, EP_USAGE, EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_tyrant_connect(struct ep_tyrant **out, const char *address,
                                             const atomic_bool *stop, struct ep_error *err);

/* The same over a connected socket, which becomes the tyrant's, on failure too. name is for
 * messages, and copied. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_tyrant_of_socket(struct ep_tyrant **out, int fd, const char *name,
                                               const atomic_bool *stop, struct ep_error *err);
void ep_tyrant_close(struct ep_tyrant *tyrant);
EP_DEFINE_OWNED(struct ep_tyrant, ep_tyrant_close)

/* Each of the following fails with EP_UNREACHABLE (the server is gone, or is silent for a minute),
 * EP_CORRUPT (it answers what is not its protocol), EP_INTERRUPTED or EP_NO_MEMORY; then nothing
 * more can be asked. */

/* What the server has under a key. */
struct ep_tyrant_value {
	bool there;
	bool too_large; /* it is there, and was skipped */
	struct ep_bytes bytes; /* borrowed during the call */
};

/* Gets values and tells them in the order of keys; ends with what each fails with. */
EP_MUST_USE enum ep_status
ep_tyrant_get(struct ep_tyrant *tyrant, const struct ep_text *keys, size_t count,
              enum ep_status (*each)(void *context, size_t i, const struct ep_tyrant_value *value,
                                     struct ep_error *err),
              void *context, struct ep_error *err);

/* Puts values[i] under keys[i], replacing what is there. On EP_OK the server has answered all.
 * EP_IO  it refuses one. */
EP_MUST_USE enum ep_status ep_tyrant_put(struct ep_tyrant *tyrant, const struct ep_text *keys,
                                         const struct ep_text *values, size_t count,
                                         struct ep_error *err);

/* Removes keys, whether they are there or not. */
EP_MUST_USE enum ep_status ep_tyrant_out(struct ep_tyrant *tyrant, const struct ep_text *keys,
                                         size_t count, struct ep_error *err);

/* How many keys the server has. */
EP_MUST_USE enum ep_status ep_tyrant_count(uint64_t *count, struct ep_tyrant *tyrant,
                                           struct ep_error *err);

/* Tells every key. The server has one iterator for all its clients: if another one uses it
 * meanwhile, keys are told twice, or not at all. Ends with what each fails with. */
EP_MUST_USE enum ep_status
ep_tyrant_each_key(struct ep_tyrant *tyrant,
                   enum ep_status (*each)(void *context, struct ep_text key, struct ep_error *err),
                   void *context, struct ep_error *err);

#endif
