/* hash.h - the hashes of this program: BLAKE2b-256 to know contents again, CRC-32 to see damage,
 * SHA-256 for sums that users check with other tools */
#ifndef EP_BASE_HASH_H
#define EP_BASE_HASH_H

#include "base/text.h"

#include <nettle/sha2.h>
#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes libsodium ready, before anything of it is used; any thread may call it, any number of
 * times. EP_IO  it has no random numbers. */
EP_MUST_USE enum ep_status ep_hash_start(struct ep_error *err);

#define EP_HASH_SIZE 32

struct ep_hash {
	uint8_t bytes[EP_HASH_SIZE];
};

/* BLAKE2b with 32 bytes of output and no key (RFC 7693), fed piece by piece. */
struct ep_hasher {
	crypto_generichash_state state;
};
void ep_hasher_init(struct ep_hasher *hasher);
void ep_hasher_add(struct ep_hasher *hasher, const void *bytes, size_t size);

/* Adds the size of a text in 4 bytes, little-endian, then the text: so no two lists are alike. */
void ep_hasher_add_text(struct ep_hasher *hasher, struct ep_text text);

void ep_hasher_done(struct ep_hash *out, struct ep_hasher *hasher);

/* CRC-32 as zlib and gzip have it. */
uint32_t ep_crc32(const void *bytes, size_t size);

/* Goes on with a CRC-32, that of nothing being 0. */
uint32_t ep_crc32_add(uint32_t crc, const void *bytes, size_t size);

/* SHA-256 (FIPS 180-4), fed piece by piece. */
struct ep_sha256 {
	struct sha256_ctx state;
};
void ep_sha256_init(struct ep_sha256 *sha);
void ep_sha256_add(struct ep_sha256 *sha, const void *bytes, size_t size);
void ep_sha256_done(struct ep_hash *out, struct ep_sha256 *sha);

/* HMAC-SHA256 (RFC 2104) of a message, by which who knows the key knows the sender. */
void ep_hmac_sha256(struct ep_hash *out, struct ep_bytes key, struct ep_bytes message);

/* Lower-case hex, ended by NUL. */
#define EP_HASH_TEXT (2 * EP_HASH_SIZE + 1)
void ep_hash_print(char text[EP_HASH_TEXT], const struct ep_hash *hash);

/* Reads size bytes from text, which must be 2 * size lower-case hex digits; else false. */
bool ep_hex_parse(uint8_t *bytes, size_t size, struct ep_text text);

#endif
