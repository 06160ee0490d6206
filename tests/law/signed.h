/* signed.h - any bytes as what somebody has signed, so that a fuzzer gets behind the signature */
#ifndef EP_TESTS_LAW_SIGNED_H
#define EP_TESTS_LAW_SIGNED_H

#include "base/buffer.h"
#include "base/sign.h"
#include "tests/must.h"

#include <sodium.h>
#include <string.h>

static inline struct ep_keys
test_keys(void)
{
	static const uint8_t seed[crypto_sign_SEEDBYTES] = "seed of the keys of all tests..";
	struct ep_keys keys;
	must(sodium_init() >= 0);
	crypto_sign_seed_keypair(keys.key.bytes, keys.secret, seed);
	return keys;
}

/* Puts the body behind a signature, as signed_json.h says. */
static inline struct ep_text
sign_body(struct ep_buffer *out, const struct ep_keys *keys, const char *purpose,
          const uint8_t *body, size_t size)
{
	struct ep_signature signature;
	char hex[2 * EP_SIGNATURE_SIZE + 1];
	ep_sign(&signature, keys, purpose, body, size);
	sodium_bin2hex(hex, sizeof hex, signature.bytes, EP_SIGNATURE_SIZE);
	out->size = 0;
	must_equal(ep_buffer_append(out, "{\"signature\":\"", 14, NULL), EP_OK);
	must_equal(ep_buffer_append(out, hex, strlen(hex), NULL), EP_OK);
	must_equal(ep_buffer_append(out, "\",\n", 3, NULL), EP_OK);
	must_equal(ep_buffer_append(out, body, size, NULL), EP_OK);
	return (struct ep_text){ (const char *)out->data, out->size };
}

#endif
