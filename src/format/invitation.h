/* invitation.h - one line of text by which a slave finds and recognises its master, and is admitted
 *
 *     URL#echoprint1:NAME:KEY:SECRET:CHECK
 *
 * KEY is the master's public key (64 hex digits), SECRET 16 random bytes that are good for one
 * slave (32 hex digits), CHECK the CRC-32 of all before its colon (8 hex digits).
 *
 * The keys of the invitation are derived from the secret. Whoever has the line can sign with them;
 * the master keeps only the public one, so reading its log does not let anybody join.
 */
#ifndef EP_FORMAT_INVITATION_H
#define EP_FORMAT_INVITATION_H

#include "base/hash.h"
#include "base/sign.h"

#define EP_SECRET_SIZE 16
#define EP_URL_MAX 1024

struct ep_invitation {
	char url[EP_URL_MAX + 1]; /* of the master; may be empty */
	char name[65]; /* of the slave, as the master will call it */
	struct ep_key key; /* of the master */
	uint8_t secret[EP_SECRET_SIZE];
};

#define EP_INVITATION_TEXT (EP_URL_MAX + 256)

/* Writes the line, ended by NUL, without a line feed. */
void ep_invitation_print(char text[EP_INVITATION_TEXT], const struct ep_invitation *invitation);

/* Reads a line; blanks around it are skipped. EP_BAD_INPUT with what is wrong. */
EP_MUST_USE enum ep_status ep_invitation_parse(struct ep_invitation *invitation,
                                               struct ep_text text, struct ep_error *err);

/* The keys of the invitation with this secret. Their seed is BLAKE2b-256, keyed with the secret, of
 * "echoprint invitation 1" and a line feed. */
void ep_invitation_keys(struct ep_keys *keys, const uint8_t secret[EP_SECRET_SIZE]);

#endif
