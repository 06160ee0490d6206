/* party.h - who made something: parties by number, as one log or packet counts them
 *
 * A party is a node, known by its public key; or a source that has none yet, whose "key" is made of
 * its name. Logs and packets number their parties from 1, and say who by number.
 */
#ifndef EP_STORE_PARTY_H
#define EP_STORE_PARTY_H

#include "base/sign.h"

#include <stdbool.h>
#include <stdint.h>

enum { EP_PARTY_NONE = 0 };

struct ep_party {
	struct ep_key key;
	uint32_t source; /* number of the source that it is here; 0: none of its own */
	uint32_t same_as; /* the party that it has become since (a source got a key); 0: none */
};

/* Parties 1..count, at list[0..count). Borrowed. */
struct ep_parties {
	const struct ep_party *list;
	uint32_t count;
};

/* What stands for the key of a source that has none: BLAKE2b-256 of "echoprint source 1", a line
 * feed and the name. */
void ep_party_of_name(struct ep_key *key, struct ep_text name);

/* Whether two numbers are of one party, as far as is known now. False if one of them is not a
 * party. */
bool ep_party_same(const struct ep_parties *parties, uint32_t one, uint32_t other);

#endif
