#include "net/pass.h"

#include "base/bytes.h"
#include "base/hash.h"

#include <stdio.h>
#include <string.h>

#define PURPOSE "echoprint request 1"
#define TAG_SIZE 16
#define CHALLENGE_SIZE (8 + TAG_SIZE)
#define CHALLENGE_DIGITS (2 * CHALLENGE_SIZE)
#define SIGNATURE_DIGITS ((size_t)2 * EP_SIGNATURE_SIZE)
#define KEY_DIGITS ((size_t)2 * EP_KEY_SIZE)

_Static_assert(CHALLENGE_DIGITS + 1 == EP_CHALLENGE_TEXT, "the size of a challenge");

/* ---- challenges ---- */

static void
make_bytes(uint8_t bytes[CHALLENGE_SIZE], const uint8_t secret[EP_CHALLENGE_SECRET], uint64_t now)
{
	ep_store64(bytes, now);
	crypto_generichash(bytes + 8, TAG_SIZE, bytes, 8, secret, EP_CHALLENGE_SECRET);
}

void
ep_challenge_make(char text[EP_CHALLENGE_TEXT], const uint8_t secret[EP_CHALLENGE_SECRET],
                  uint64_t now)
{
	uint8_t bytes[CHALLENGE_SIZE];
	make_bytes(bytes, secret, now);
	sodium_bin2hex(text, EP_CHALLENGE_TEXT, bytes, sizeof bytes);
}

static bool
is_good(const char *text, const uint8_t secret[EP_CHALLENGE_SECRET], uint64_t now)
{
	uint8_t bytes[CHALLENGE_SIZE];
	uint8_t made[CHALLENGE_SIZE];
	if (!ep_hex_parse(bytes, sizeof bytes, (struct ep_text){ text, CHALLENGE_DIGITS }))
		return false;
	struct ep_reader reader = ep_reader_of(bytes, 8);
	uint64_t then = ep_read64(&reader);
	make_bytes(made, secret, then);
	return sodium_memcmp(made, bytes, sizeof made) == 0 && then <= now &&
	       now - then <= EP_CHALLENGE_S;
}

bool
ep_challenge_find(char text[EP_CHALLENGE_TEXT], const char *value)
{
	static const char front[] = EP_PASS_SCHEME "challenge=\"";
	uint8_t bytes[CHALLENGE_SIZE];
	const char *at = strstr(value, front);
	if (!at || strlen(at) < sizeof front + CHALLENGE_DIGITS)
		return false;
	at += strlen(front);
	if (!ep_hex_parse(bytes, sizeof bytes, (struct ep_text){ at, CHALLENGE_DIGITS }))
		return false;
	memcpy(text, at, CHALLENGE_DIGITS);
	text[CHALLENGE_DIGITS] = '\0';
	return true;
}

/* ---- passes ---- */

/* What is signed, as one hash. */
static void
hash_request(struct ep_hash *hash, const struct ep_pass_request *request, const char *challenge)
{
	struct ep_hasher hasher;
	ep_hasher_init(&hasher);
	ep_hasher_add_text(&hasher, ep_text_of(request->method));
	ep_hasher_add_text(&hasher, ep_text_of(request->place));
	ep_hasher_add_text(&hasher,
	                   (struct ep_text){ (const char *)request->master->bytes, EP_KEY_SIZE });
	ep_hasher_add_text(&hasher, (struct ep_text){ challenge, CHALLENGE_DIGITS });
	ep_hasher_done(hash, &hasher);
}

void
ep_pass_write(char text[EP_PASS_TEXT], const struct ep_pass_request *request,
              const struct ep_keys *keys, const char challenge[EP_CHALLENGE_TEXT])
{
	struct ep_hash hash;
	struct ep_signature signature;
	char key[EP_KEY_TEXT];
	char hex[SIGNATURE_DIGITS + 1];
	hash_request(&hash, request, challenge);
	ep_sign(&signature, keys, PURPOSE, hash.bytes, sizeof hash.bytes);
	ep_key_print(key, &keys->key);
	sodium_bin2hex(hex, sizeof hex, signature.bytes, sizeof signature.bytes);
	snprintf(text, EP_PASS_TEXT, EP_PASS_SCHEME "%s %s %s", key, challenge, hex);
}

enum ep_pass
ep_pass_check(struct ep_key *key, const char *value, const struct ep_pass_request *request,
              const uint8_t secret[EP_CHALLENGE_SECRET], uint64_t now)
{
	const size_t front = strlen(EP_PASS_SCHEME);
	struct ep_signature signature;
	struct ep_key shown;
	struct ep_hash hash;
	if (strlen(value) != EP_PASS_TEXT - 1 || memcmp(value, EP_PASS_SCHEME, front) != 0)
		return EP_PASS_WRONG;
	const char *challenge = value + front + KEY_DIGITS + 1;
	const char *hex = challenge + CHALLENGE_DIGITS + 1;
	if (challenge[-1] != ' ' || hex[-1] != ' ' ||
	    !ep_key_parse(&shown, (struct ep_text){ value + front, KEY_DIGITS }) ||
	    !ep_hex_parse(signature.bytes, sizeof signature.bytes,
	                  (struct ep_text){ hex, SIGNATURE_DIGITS }))
		return EP_PASS_WRONG;
	hash_request(&hash, request, challenge);
	if (!ep_sign_check(&signature, &shown, PURPOSE, hash.bytes, sizeof hash.bytes))
		return EP_PASS_WRONG;
	*key = shown;
	return is_good(challenge, secret, now) ? EP_PASS_GOOD : EP_PASS_EXPIRED;
}
