#include "base/sign.h"

#include "base/file.h"
#include "base/hash.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool
ep_key_equal(const struct ep_key *one, const struct ep_key *other)
{
	return sodium_memcmp(one->bytes, other->bytes, EP_KEY_SIZE) == 0;
}

void
ep_key_print(char text[EP_KEY_TEXT], const struct ep_key *key)
{
	sodium_bin2hex(text, EP_KEY_TEXT, key->bytes, EP_KEY_SIZE);
}

bool
ep_key_parse(struct ep_key *key, struct ep_text text)
{
	struct ep_key read;
	if (!ep_hex_parse(read.bytes, EP_KEY_SIZE, text))
		return false;
	*key = read;
	return true;
}

/* The longest purpose, in bytes. */
#define PURPOSE_MAX 64

/* What is signed: the purpose, a line feed, and the BLAKE2b-256 of the bytes. Gives its size. */
static size_t
make_message(uint8_t message[PURPOSE_MAX + 1 + EP_HASH_SIZE], const char *purpose,
             const void *bytes, size_t size)
{
	size_t purpose_size = strlen(purpose);
	assert(purpose_size <= PURPOSE_MAX);
	for (size_t i = 0; i < purpose_size; i++)
		message[i] = (uint8_t)purpose[i];
	message[purpose_size] = '\n';
	crypto_generichash(message + purpose_size + 1, EP_HASH_SIZE, bytes, size, NULL, 0);
	return purpose_size + 1 + EP_HASH_SIZE;
}

void
ep_sign(struct ep_signature *signature, const struct ep_keys *keys, const char *purpose,
        const void *bytes, size_t size)
{
	uint8_t message[PURPOSE_MAX + 1 + EP_HASH_SIZE];
	size_t message_size = make_message(message, purpose, bytes, size);
	crypto_sign_detached(signature->bytes, NULL, message, message_size, keys->secret);
}

bool
ep_sign_check(const struct ep_signature *signature, const struct ep_key *key, const char *purpose,
              const void *bytes, size_t size)
{
	uint8_t message[PURPOSE_MAX + 1 + EP_HASH_SIZE];
	size_t message_size = make_message(message, purpose, bytes, size);
	return crypto_sign_verify_detached(signature->bytes, message, message_size, key->bytes) ==
	       0;
}

void
ep_keys_of_seed(struct ep_keys *keys, const uint8_t seed[EP_SEED_SIZE])
{
	_Static_assert(EP_SEED_SIZE == crypto_sign_SEEDBYTES, "the size of a seed");
	crypto_sign_seed_keypair(keys->key.bytes, keys->secret, seed);
}

/* ---- the file ---- */

#define SECRET_TEXT (2 * EP_SECRET_KEY_SIZE + 1)

static enum ep_status
read_keys(struct ep_keys *keys, const char *path, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	EP_TRY(ep_read_file(&text, path, 4096, err));
	struct ep_text digits = ep_buffer_text(&text);
	if (digits.size && digits.at[digits.size - 1] == '\n')
		digits.size--;
	struct ep_keys read;
	if (!ep_hex_parse(read.secret, sizeof read.secret, digits))
		return ep_fail(err, EP_CORRUPT, "%s is damaged: it does not contain a key", path);
	memcpy(read.key.bytes, read.secret + EP_SECRET_KEY_SIZE - EP_KEY_SIZE, EP_KEY_SIZE);
	sodium_memzero(text.data, text.size);
	*keys = read;
	return EP_OK;
}

/* Makes the file, complete or not at all, unless somebody else was faster. */
static enum ep_status
make_keys(const char *path, struct ep_error *err)
{
	uint8_t public[EP_KEY_SIZE];
	uint8_t secret[EP_SECRET_KEY_SIZE];
	char text[SECRET_TEXT + 1];
	crypto_sign_keypair(public, secret);
	sodium_bin2hex(text, SECRET_TEXT, secret, sizeof secret);
	text[SECRET_TEXT - 1] = '\n';
	enum ep_status status = ep_make_file(path, text, SECRET_TEXT, 0600, err);
	sodium_memzero(secret, sizeof secret);
	sodium_memzero(text, sizeof text);
	return status;
}

enum ep_status
ep_keys_open(struct ep_keys *keys, const char *folder, struct ep_error *err)
{
	EP_FREE char *path = ep_path_join(folder, "key");
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	if (eaccess(path, F_OK) != 0)
		EP_TRY(make_keys(path, err));
	return read_keys(keys, path, err);
}
