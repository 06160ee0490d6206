#include "format/invitation.h"

#include "base/bytes.h"

#include <stdio.h>
#include <string.h>

#define MARK "#echoprint1:"
#define MARK_SIZE (sizeof MARK - 1)

static void
print_check(char text[9], const char *line, size_t size)
{
	snprintf(text, 9, "%08x", ep_crc32(line, size));
}

void
ep_invitation_print(char text[EP_INVITATION_TEXT], const struct ep_invitation *invitation)
{
	char key[EP_KEY_TEXT];
	char secret[2 * EP_SECRET_SIZE + 1];
	char check[9];
	ep_key_print(key, &invitation->key);
	sodium_bin2hex(secret, sizeof secret, invitation->secret, EP_SECRET_SIZE);
	int size = snprintf(text, EP_INVITATION_TEXT, "%s" MARK "%s:%s:%s", invitation->url,
	                    invitation->name, key, secret);
	print_check(check, text, (size_t)size);
	snprintf(text + size, EP_INVITATION_TEXT - (size_t)size, ":%s", check);
}

/* Cuts the field before the next colon, or the rest, off the front of text. */
static struct ep_text
cut_field(struct ep_text *text)
{
	const char *colon = text->size ? memchr(text->at, ':', text->size) : NULL;
	struct ep_text field = *text;
	field.size = colon ? (size_t)(colon - text->at) : text->size;
	size_t used = colon ? field.size + 1 : field.size;
	text->at += used;
	text->size -= used;
	return field;
}

static struct ep_text
trim(struct ep_text text)
{
	while (text.size && (unsigned char)text.at[0] <= ' ') {
		text.at++;
		text.size--;
	}
	while (text.size && (unsigned char)text.at[text.size - 1] <= ' ')
		text.size--;
	return text;
}

enum ep_status
ep_invitation_parse(struct ep_invitation *invitation, struct ep_text given, struct ep_error *err)
{
	struct ep_text text = trim(given);
	struct ep_invitation read = { 0 };
	const char *mark = text.size ? memmem(text.at, text.size, MARK, MARK_SIZE) : NULL;
	size_t url_size = mark ? (size_t)(mark - text.at) : 0;
	if (!mark || url_size > EP_URL_MAX)
		return ep_fail(err, EP_BAD_INPUT,
		               "this is not an invitation: get one with `echoprint source add "
		               "NAME` on the master");
	struct ep_text rest = { mark + MARK_SIZE, text.size - url_size - MARK_SIZE };
	struct ep_text name = cut_field(&rest);
	struct ep_text key = cut_field(&rest);
	struct ep_text secret = cut_field(&rest);
	struct ep_text check = rest;
	char wanted[9];
	if (check.size != 8)
		return ep_fail(err, EP_BAD_INPUT, "the invitation is truncated");
	print_check(wanted, text.at, (size_t)(check.at - text.at) - 1);
	if (memcmp(check.at, wanted, 8) != 0)
		return ep_fail(err, EP_BAD_INPUT,
		               "the invitation is damaged: its checksum is wrong");
	if (name.size == 0 || name.size >= sizeof read.name || !ep_key_parse(&read.key, key) ||
	    !ep_hex_parse(read.secret, EP_SECRET_SIZE, secret) || memchr(text.at, 0, text.size))
		return ep_fail(err, EP_BAD_INPUT, "the invitation is not valid");
	memcpy(read.url, text.at, url_size);
	memcpy(read.name, name.at, name.size);
	*invitation = read;
	return EP_OK;
}

void
ep_invitation_keys(struct ep_keys *keys, const uint8_t secret[EP_SECRET_SIZE])
{
	static const uint8_t purpose[] = "echoprint invitation 1\n";
	uint8_t seed[EP_SEED_SIZE];
	crypto_generichash(seed, sizeof seed, purpose, sizeof purpose - 1, secret, EP_SECRET_SIZE);
	ep_keys_of_seed(keys, seed);
	sodium_memzero(seed, sizeof seed);
}
