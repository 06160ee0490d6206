#include "peer/tokens.h"

#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAYOUT 1
#define FRONT "ept_"
#define SECRET_SIZE 20
#define VALUE_NAME (sizeof EP_TOKEN_VALUE + EP_SOURCE_NAME_MAX + 1)

_Static_assert(sizeof FRONT + 2 * SECRET_SIZE == EP_TOKEN_TEXT, "the size of a token");

static const char *const role_names[] = { "none", "query", "ingest", "admin" };

const char *
ep_role_name(enum ep_role role)
{
	return role_names[role];
}

enum ep_role
ep_role_of_name(const char *name)
{
	for (int role = EP_ROLE_QUERY; role <= EP_ROLE_ADMIN; role++) {
		if (strcmp(name, role_names[role]) == 0)
			return (enum ep_role)role;
	}
	return EP_ROLE_NONE;
}

static void
hash_of(struct ep_hash *hash, struct ep_text text)
{
	struct ep_hasher hasher;
	ep_hasher_init(&hasher);
	ep_hasher_add(&hasher, text.at, text.size);
	ep_hasher_done(hash, &hasher);
}

/* ---- changing ---- */

static void
make_text(char text[EP_TOKEN_TEXT])
{
	uint8_t secret[SECRET_SIZE];
	randombytes_buf(secret, sizeof secret);
	memcpy(text, FRONT, sizeof FRONT);
	sodium_bin2hex(text + strlen(FRONT), EP_TOKEN_TEXT - strlen(FRONT), secret, sizeof secret);
	sodium_memzero(secret, sizeof secret);
}

enum ep_status
ep_token_add(char text[EP_TOKEN_TEXT], struct ep_log *log, const char *name, enum ep_role role,
             struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	char value[VALUE_NAME];
	uint8_t bytes[10 + EP_HASH_SIZE] = { LAYOUT, (uint8_t)role };
	struct ep_bytes known;
	struct ep_hash hash;
	if (!ep_source_name_ok(ep_text_of(name)))
		return ep_fail(err, EP_BAD_INPUT,
		               "\"%.64s\" is not a name: it must have 1 to %d of A-Z a-z 0-9 . _ -",
		               name, EP_SOURCE_NAME_MAX);
	snprintf(value, sizeof value, EP_TOKEN_VALUE "%s", name);
	EP_TRY(ep_log_write_begin(&write, log, err));
	enum ep_status status = ep_log_value(&known, ep_log_inside(write), value, err);
	if (status == EP_OK)
		return ep_fail(
			err, EP_BAD_INPUT,
			"there is a token %s already; remove it first, or choose another name",
			name);
	if (status != EP_NOT_FOUND)
		return status;
	make_text(text);
	hash_of(&hash, ep_text_of(text));
	ep_store64(bytes + 2, (uint64_t)ep_time_now());
	memcpy(bytes + 10, hash.bytes, sizeof hash.bytes);
	EP_TRY(ep_log_set_value(write, value, (struct ep_bytes){ bytes, sizeof bytes }, err));
	return ep_log_commit(&write, err);
}

enum ep_status
ep_token_remove(struct ep_log *log, const char *name, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	char value[VALUE_NAME];
	struct ep_bytes known;
	snprintf(value, sizeof value, EP_TOKEN_VALUE "%.*s", EP_SOURCE_NAME_MAX, name);
	EP_TRY(ep_log_write_begin(&write, log, err));
	enum ep_status status = ep_source_name_ok(ep_text_of(name))
	                                ? ep_log_value(&known, ep_log_inside(write), value, err)
	                                : EP_NOT_FOUND;
	if (status == EP_NOT_FOUND)
		return ep_fail(err, EP_NOT_FOUND, "there is no token %.64s", name);
	EP_TRY(status);
	EP_TRY(ep_log_remove_value(write, value, err));
	return ep_log_commit(&write, err);
}

/* ---- reading ---- */

static enum ep_status
decode(struct ep_token *token, struct ep_text name, struct ep_bytes value, struct ep_error *err)
{
	struct ep_reader reader = ep_reader_of(value.at, value.size);
	uint8_t layout = ep_read8(&reader);
	uint8_t role = ep_read8(&reader);
	token->created = (int64_t)ep_read64(&reader);
	ep_read_into(&reader, token->hash.bytes, EP_HASH_SIZE);
	if (layout > LAYOUT)
		return ep_fail(err, EP_NEWER,
		               "a token has layout %d, but this program knows only %d", layout,
		               LAYOUT);
	if (!reader.ok || ep_reader_left(&reader) != 0 || layout != LAYOUT ||
	    role < EP_ROLE_QUERY || role > EP_ROLE_ADMIN || name.size > EP_SOURCE_NAME_MAX)
		return ep_fail(err, EP_CORRUPT, "the log's value " EP_TOKEN_VALUE "%.*s is damaged",
		               ep_text_print_size(name), name.at);
	token->role = (enum ep_role)role;
	memcpy(token->name, name.at, name.size);
	token->name[name.size] = '\0';
	return EP_OK;
}

static enum ep_status
add_to_list(void *context, struct ep_text name, struct ep_bytes value, struct ep_error *err)
{
	struct ep_token token = { 0 };
	EP_TRY(decode(&token, name, value, err));
	return ep_buffer_append(context, &token, sizeof token, err);
}

enum ep_status
ep_tokens(struct ep_token **tokens, size_t *count, const struct ep_log_read *read,
          struct ep_error *err)
{
	EP_BUFFER struct ep_buffer list = { 0 };
	EP_TRY(ep_log_each_value(read, EP_TOKEN_VALUE, add_to_list, &list, err));
	EP_FREE struct ep_token *made = calloc(list.size / sizeof *made + 1, sizeof *made);
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the list of tokens");
	if (list.size)
		memcpy(made, list.data, list.size);
	*count = list.size / sizeof *made;
	*tokens = EP_TAKE(made);
	return EP_OK;
}

/* What is looked for, and what was found. */
struct search {
	struct ep_hash hash;
	struct ep_token found;
};

/* All are compared, each in constant time. One that cannot be read opens nothing. */
static enum ep_status
compare(void *context, struct ep_text name, struct ep_bytes value, struct ep_error *err)
{
	(void)err;
	struct search *search = context;
	struct ep_token token = { 0 };
	if (decode(&token, name, value, NULL) == EP_OK &&
	    sodium_memcmp(token.hash.bytes, search->hash.bytes, EP_HASH_SIZE) == 0)
		search->found = token;
	return EP_OK;
}

enum ep_status
ep_token_find(struct ep_token *token, const struct ep_log_read *read, struct ep_text text,
              struct ep_error *err)
{
	struct search search = { 0 };
	hash_of(&search.hash, text);
	EP_TRY(ep_log_each_value(read, EP_TOKEN_VALUE, compare, &search, err));
	if (search.found.role == EP_ROLE_NONE)
		return ep_fail(err, EP_NOT_FOUND, "this token is not known here");
	*token = search.found;
	return EP_OK;
}
