#include "store/party.h"

#include "base/hash.h"

#include <string.h>

void
ep_party_of_name(struct ep_key *key, struct ep_text name)
{
	static const char domain[] = "echoprint source 1\n";
	struct ep_hasher hasher;
	struct ep_hash hash;
	ep_hasher_init(&hasher);
	ep_hasher_add(&hasher, domain, sizeof domain - 1);
	ep_hasher_add(&hasher, name.at, name.size);
	ep_hasher_done(&hash, &hasher);
	memcpy(key->bytes, hash.bytes, EP_KEY_SIZE);
}

/* The number that a party goes by now. */
static uint32_t
present(const struct ep_parties *parties, uint32_t number)
{
	uint32_t steps = 0;
	while (number >= 1 && number <= parties->count && parties->list[number - 1].same_as &&
	       steps++ < parties->count)
		number = parties->list[number - 1].same_as;
	return number;
}

bool
ep_party_same(const struct ep_parties *parties, uint32_t one, uint32_t other)
{
	if (one == EP_PARTY_NONE || other == EP_PARTY_NONE)
		return false;
	return one == other || present(parties, one) == present(parties, other);
}
