#include "base/hash.h"

#include "base/bytes.h"

#include <libdeflate.h>

enum ep_status
ep_hash_start(struct ep_error *err)
{
	return sodium_init() < 0 ? ep_fail(err, EP_IO, "cannot start libsodium") : EP_OK;
}

void
ep_hasher_init(struct ep_hasher *hasher)
{
	crypto_generichash_init(&hasher->state, NULL, 0, EP_HASH_SIZE);
}

void
ep_hasher_add(struct ep_hasher *hasher, const void *bytes, size_t size)
{
	crypto_generichash_update(&hasher->state, bytes, size);
}

void
ep_hasher_add_text(struct ep_hasher *hasher, struct ep_text text)
{
	uint8_t size[4];
	ep_store32(size, (uint32_t)text.size);
	ep_hasher_add(hasher, size, sizeof size);
	if (text.size)
		ep_hasher_add(hasher, text.at, text.size);
}

void
ep_hasher_done(struct ep_hash *out, struct ep_hasher *hasher)
{
	crypto_generichash_final(&hasher->state, out->bytes, EP_HASH_SIZE);
}

uint32_t
ep_crc32(const void *bytes, size_t size)
{
	return ep_crc32_add(0, bytes, size);
}

uint32_t
ep_crc32_add(uint32_t crc, const void *bytes, size_t size)
{
	return libdeflate_crc32(crc, bytes, size);
}

void
ep_sha256_init(struct ep_sha256 *sha)
{
	sha256_init(&sha->state);
}

void
ep_sha256_add(struct ep_sha256 *sha, const void *bytes, size_t size)
{
	sha256_update(&sha->state, size, bytes);
}

void
ep_sha256_done(struct ep_hash *out, struct ep_sha256 *sha)
{
	sha256_digest(&sha->state, EP_HASH_SIZE, out->bytes);
}

void
ep_hmac_sha256(struct ep_hash *out, struct ep_bytes key, struct ep_bytes message)
{
	crypto_auth_hmacsha256_state state;
	crypto_auth_hmacsha256_init(&state, key.at, key.size);
	crypto_auth_hmacsha256_update(&state, message.at, message.size);
	crypto_auth_hmacsha256_final(&state, out->bytes);
}

void
ep_hash_print(char text[EP_HASH_TEXT], const struct ep_hash *hash)
{
	sodium_bin2hex(text, EP_HASH_TEXT, hash->bytes, EP_HASH_SIZE);
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
ep_hex_parse(uint8_t *bytes, size_t size, struct ep_text text)
{
	if (text.size != 2 * size)
		return false;
	for (size_t i = 0; i < size; i++) {
		int high = hex_digit(text.at[2 * i]);
		int low = hex_digit(text.at[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
