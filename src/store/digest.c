#include "store/digest.h"

#include "base/bytes.h"

#include <string.h>

static void
stretch(uint8_t bytes[EP_DIGEST_BYTES], const struct ep_hash *member)
{
	static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES] = { 0 };
	_Static_assert(EP_HASH_SIZE == crypto_stream_chacha20_KEYBYTES, "a hash is a key");
	crypto_stream_chacha20(bytes, EP_DIGEST_BYTES, nonce, member->bytes);
}

void
ep_digest_add(struct ep_digest *digest, const struct ep_hash *member)
{
	uint8_t bytes[EP_DIGEST_BYTES];
	stretch(bytes, member);
	for (size_t i = 0; i < EP_DIGEST_LANES; i++)
		digest->lanes[i] = (uint16_t)(digest->lanes[i] + ep_load16(bytes + 2 * i));
}

void
ep_digest_subtract(struct ep_digest *digest, const struct ep_hash *member)
{
	uint8_t bytes[EP_DIGEST_BYTES];
	stretch(bytes, member);
	for (size_t i = 0; i < EP_DIGEST_LANES; i++)
		digest->lanes[i] = (uint16_t)(digest->lanes[i] - ep_load16(bytes + 2 * i));
}

void
ep_digest_store(uint8_t *bytes, const struct ep_digest *digest)
{
	for (size_t i = 0; i < EP_DIGEST_LANES; i++)
		ep_store16(bytes + 2 * i, digest->lanes[i]);
}

void
ep_digest_load(struct ep_digest *digest, const uint8_t *bytes)
{
	for (size_t i = 0; i < EP_DIGEST_LANES; i++)
		digest->lanes[i] = ep_load16(bytes + 2 * i);
}

void
ep_digest_name(struct ep_hash *out, const struct ep_digest *digest)
{
	uint8_t bytes[EP_DIGEST_BYTES];
	ep_digest_store(bytes, digest);
	struct ep_hasher hasher;
	ep_hasher_init(&hasher);
	ep_hasher_add(&hasher, bytes, sizeof bytes);
	ep_hasher_done(out, &hasher);
}
