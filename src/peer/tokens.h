/* tokens.h - who may use the HTTP interface: names, roles, and what it takes to know their secrets
 *
 * Kept as named values "token.NAME" of the log, so that a token that was removed is refused from
 * the next request on. The log has only the hash of a token. It is random and long, so that a plain
 * hash is enough: nobody can try them all.
 */
#ifndef EP_PEER_TOKENS_H
#define EP_PEER_TOKENS_H

#include "base/hash.h"
#include "store/log.h"

/* What a role may do; each may do what those before it may. The numbers are those of the log. */
enum ep_role {
	EP_ROLE_NONE, /* an outsider */
	EP_ROLE_QUERY, /* identify, read the catalogue and the state */
	EP_ROLE_INGEST, /* put tracks */
	EP_ROLE_ADMIN /* change and delete tracks; sources, copies, conflicts */
};

/* "query", "ingest", "admin"; "none". */
const char *ep_role_name(enum ep_role role);

/* The role of that name; EP_ROLE_NONE where there is none. */
enum ep_role ep_role_of_name(const char *name);

struct ep_token {
	char name[EP_SOURCE_NAME_MAX + 1];
	enum ep_role role;
	int64_t created; /* seconds since 1970 */
	struct ep_hash hash;
};

/* The text of a token, with its NUL. */
#define EP_TOKEN_TEXT 45

/* Makes a token, and keeps what it takes to know it again: text is the only copy.
 * EP_BAD_INPUT  the name is not valid, or has a token already. EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_token_add(char text[EP_TOKEN_TEXT], struct ep_log *log,
                                        const char *name, enum ep_role role, struct ep_error *err);

/* EP_NOT_FOUND  there is no such token. EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_token_remove(struct ep_log *log, const char *name,
                                           struct ep_error *err);

/* All tokens in the order of their names; an array for free(). EP_NEWER, EP_CORRUPT, EP_IO,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_tokens(struct ep_token **tokens, size_t *count,
                                     const struct ep_log_read *read, struct ep_error *err);

/* Finds whose a text is. EP_NOT_FOUND  nobody's. As ep_tokens. */
EP_MUST_USE enum ep_status ep_token_find(struct ep_token *token, const struct ep_log_read *read,
                                         struct ep_text text, struct ep_error *err);

#endif
