/* digest.h - a hash over a set that changes, by adding and subtracting the hashes of its members
 *
 * The homomorphic hash LtHash (Bellare and Micciancio 1997; Lewi et al. 2019) with 1,024 lanes of
 * 16 bits: a member's 32-byte hash is stretched by ChaCha20 to 2,048 bytes, and lanes are added
 * modulo 2^16. At this width nobody can construct another set with the same sum (at least 2^200
 * steps), where a sum of 32-byte hashes could be forged. Any order of the same members gives the
 * same sum.
 */
#ifndef EP_STORE_DIGEST_H
#define EP_STORE_DIGEST_H

#include "base/hash.h"

#include <stdint.h>

#define EP_DIGEST_LANES 1024
#define EP_DIGEST_BYTES (2 * EP_DIGEST_LANES)

/* A zeroed struct is the digest of the empty set. */
struct ep_digest {
	uint16_t lanes[EP_DIGEST_LANES];
};

void ep_digest_add(struct ep_digest *digest, const struct ep_hash *member);
void ep_digest_subtract(struct ep_digest *digest, const struct ep_hash *member);

/* To and from EP_DIGEST_BYTES bytes, lanes little-endian. */
void ep_digest_store(uint8_t *bytes, const struct ep_digest *digest);
void ep_digest_load(struct ep_digest *digest, const uint8_t *bytes);

/* The short name of the digest, which is shown and compared: BLAKE2b-256 of its bytes. */
void ep_digest_name(struct ep_hash *out, const struct ep_digest *digest);

#endif
