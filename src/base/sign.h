/* sign.h - signatures by Ed25519 (RFC 8032), made with libsodium
 *
 * What is signed is a purpose (at most 64 bytes), a line feed and the BLAKE2b-256 of the bytes, so
 * that a signature for one purpose is not valid for another.
 */
#ifndef EP_BASE_SIGN_H
#define EP_BASE_SIGN_H

#include "base/status.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the random number that tells one node's log from all others. */
#define EP_NODE_ID_SIZE 8

#define EP_KEY_SIZE 32
#define EP_SECRET_KEY_SIZE 64
#define EP_SIGNATURE_SIZE 64

/* The public key, by which a node is known. */
struct ep_key {
	uint8_t bytes[EP_KEY_SIZE];
};

/* A node's own keys; the public one is the second half of the secret one. */
struct ep_keys {
	struct ep_key key;
	uint8_t secret[EP_SECRET_KEY_SIZE];
};

struct ep_signature {
	uint8_t bytes[EP_SIGNATURE_SIZE];
};

bool ep_key_equal(const struct ep_key *one, const struct ep_key *other);

/* Lower-case hex with its NUL, and back; false if the text is not one. */
#define EP_KEY_TEXT (2 * EP_KEY_SIZE + 1)
void ep_key_print(char text[EP_KEY_TEXT], const struct ep_key *key);
bool ep_key_parse(struct ep_key *key, struct ep_text text);

/* Signs bytes[0..size) for a purpose. */
void ep_sign(struct ep_signature *signature, const struct ep_keys *keys, const char *purpose,
             const void *bytes, size_t size);

/* Whether the signature is that of key over the same purpose and bytes. */
bool ep_sign_check(const struct ep_signature *signature, const struct ep_key *key,
                   const char *purpose, const void *bytes, size_t size);

/* Makes the keys that follow from a seed: the same from the same seed. */
#define EP_SEED_SIZE 32
void ep_keys_of_seed(struct ep_keys *keys, const uint8_t seed[EP_SEED_SIZE]);

/* Reads the keys of the node from folder/key, made on the first call: a file that only its owner
 * may read. EP_CORRUPT  the file holds no key. EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_keys_open(struct ep_keys *keys, const char *folder,
                                        struct ep_error *err);

#endif
