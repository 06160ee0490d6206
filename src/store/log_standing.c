/* How this node stands to others: whose a key is, whom it follows, and in which epoch it is. */
#include "store/log_internal.h"

#include <string.h>

/* ---- whose a key is ---- */

/* Whether a source has its name because its own was not known. */
static bool
is_unknown(const struct ep_log_write *write, uint32_t source)
{
	for (size_t i = 0; i < write->source_count; i++) {
		if (write->sources[i].number == source)
			return strncmp(write->sources[i].name, EP_SOURCE_UNKNOWN,
			               sizeof EP_SOURCE_UNKNOWN - 1) == 0;
	}
	return false;
}

static struct ep_source_info *
info_of(struct ep_log_write *write, uint32_t source)
{
	for (size_t i = 0; i < write->source_count; i++) {
		if (write->sources[i].number == source)
			return &write->sources[i];
	}
	return NULL;
}

/* Gives a source whose name was not known the name of another that has nothing; the number that has
 * this name then. */
static uint32_t
rename_unknown(struct ep_log_write *write, uint32_t unknown, uint32_t named)
{
	char name[EP_SOURCE_NAME_MAX + 1];
	struct ep_source_info *one = info_of(write, unknown);
	struct ep_source_info *other = info_of(write, named);
	if (!one || !other || one == other || other->tracks || other->tombstones)
		return named;
	memcpy(name, one->name, sizeof name);
	memcpy(one->name, other->name, sizeof name);
	memcpy(other->name, name, sizeof name);
	write->changed = true;
	return unknown;
}

/* What a source had under another key, or under its name alone, is sealed as its own: it is told
 * so. */
static enum ep_status
hand_over(struct ep_log_write *write, uint32_t source, uint32_t party, struct ep_error *err)
{
	uint64_t last = write->inside.state.position;
	for (uint64_t after = 0;;) {
		EP_OWNED(ep_log_cursor_close)
		struct ep_log_cursor *cursor = NULL;
		struct ep_entry entry;
		struct ep_register reg;
		struct ep_state state;
		EP_TRY(ep_log_cursor_open(&cursor, &write->inside, after, source, err));
		enum ep_status status = ep_log_cursor_next(&entry, cursor, err);
		if (status == EP_NOT_FOUND || (status == EP_OK && entry.position > last))
			return EP_OK;
		EP_TRY(status);
		after = entry.position;
		ep_log_cursor_close(EP_TAKE(cursor));
		EP_TRY(ep_log_load_entry(&reg, &state, write, &entry, err));
		if (state.history.owner == party || !state.history.sealed)
			continue;
		state.history.owner = party;
		state.history.sealed = state.history.count;
		EP_TRY(ep_log_store(write, &reg, &state, err));
	}
}

enum ep_status
ep_log_set_source_key(struct ep_log_write *write, uint32_t source, const struct ep_key *key,
                      struct ep_error *err)
{
	uint32_t now;
	EP_TRY(ep_log_key_party(&now, write, key, err));
	struct ep_party *party = &write->parties[now - 1];
	if (party->source && party->source != source && !is_unknown(write, party->source))
		return ep_fail(err, EP_BAD_INPUT, "another source has this key");
	/* What it brought before its name was known goes by that name now. */
	source = rename_unknown(write, party->source, source);
	/* A key that comes back: what it had become is what it is. */
	party->source = source;
	party->same_as = 0;
	EP_TRY(ep_log_store_party(write, now, err));
	EP_TRY(ep_log_write_party(write, now, err));
	for (uint32_t i = 1; i <= write->party_count; i++) {
		struct ep_party *other = &write->parties[i - 1];
		if (i == now || other->source != source)
			continue;
		other->same_as = now;
		EP_TRY(ep_log_store_party(write, i, err));
		EP_TRY(ep_log_write_party(write, i, err));
	}
	return write->follows.any ? EP_OK : hand_over(write, source, now, err);
}

/* ---- the master ---- */

void
ep_follows_begin(struct ep_follows *follows, const struct ep_key *key)
{
	uint64_t first = follows->era + 1;
	*follows = (struct ep_follows){
		.any = true, .key = *key, .first_era = first, .era = first + 1
	};
}

static enum ep_status
store_follows(struct ep_log_write *write, struct ep_error *err)
{
	uint8_t bytes[EP_FOLLOWS_SIZE];
	memcpy(bytes, write->follows.key.bytes, EP_KEY_SIZE);
	ep_store64(bytes + EP_KEY_SIZE, write->follows.epoch);
	ep_store64(bytes + EP_KEY_SIZE + 8, write->follows.era);
	ep_store64(bytes + EP_KEY_SIZE + 16, write->follows.first_era);
	return ep_log_set_value(write, EP_FOLLOWS_VALUE, (struct ep_bytes){ bytes, sizeof bytes },
	                        err);
}

/* All that is there is unconfirmed when this node begins to follow a master. */
static enum ep_status
list_all(struct ep_log_write *write, struct ep_error *err)
{
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	struct ep_entry entry;
	enum ep_status status;
	struct ep_parties parties = ep_log_parties_inside(write);
	EP_TRY(ep_log_cursor_open(&cursor, &write->inside, 0, EP_SOURCE_ANY, err));
	while ((status = ep_log_cursor_next(&entry, cursor, err)) == EP_OK) {
		struct ep_state state;
		struct ep_subject subject = { entry.id, entry.operation == EP_LINK };
		ep_arena_reset(&write->arena);
		EP_TRY(ep_log_state_of(&state, write, &entry, err));
		const struct ep_step *head = ep_history_head(&state.history);
		bool own = !head->csv && ep_party_same(&parties, head->party, write->self);
		EP_TRY(ep_log_set_wait(write, &subject, &head->id, own ? EP_WAIT_NONE : EP_WAIT_CSV,
		                       0, err));
	}
	return status == EP_NOT_FOUND ? EP_OK : status;
}

/* What CSV files of the master brought before its key was known is its own. */
static enum ep_status
name_master(struct ep_log_write *write, struct ep_error *err)
{
	struct ep_key key;
	uint32_t unnamed;
	ep_party_of_name(&key, ep_text_of("master"));
	EP_TRY(ep_log_store_party(write, write->master, err));
	EP_TRY(ep_log_key_party(&unnamed, write, &key, err));
	write->parties[unnamed - 1].same_as = write->master;
	EP_TRY(ep_log_store_party(write, unnamed, err));
	return ep_log_write_party(write, unnamed, err);
}

enum ep_status
ep_log_set_follows(struct ep_log_write *write, const struct ep_follows *follows,
                   struct ep_error *err)
{
	bool first = !write->follows.any;
	bool other = first || !ep_key_equal(&write->follows.key, &follows->key);
	write->follows = *follows;
	write->follows.any = true;
	EP_TRY(store_follows(write, err));
	if (!other)
		return EP_OK;
	EP_TRY(ep_log_key_party(&write->master, write, &follows->key, err));
	EP_TRY(name_master(write, err));
	if (!first)
		EP_TRY(ep_log_set_proofs_aside(write, err));
	return first ? list_all(write, err) : EP_OK;
}

/* ---- a new epoch ---- */

/* A tenure that began behind what is known is of the new epoch. */
static enum ep_status
renew_tenure(struct ep_log_write *write, const struct ep_entry *entry, struct ep_error *err)
{
	struct ep_register reg;
	struct ep_state state;
	EP_TRY(ep_log_load_entry(&reg, &state, write, entry, err));
	state.history.born = write->epoch.number;
	return ep_log_store(write, &reg, &state, err);
}

enum ep_status
ep_log_new_epoch(struct ep_epoch *epoch, struct ep_log_write *write, uint64_t above, uint64_t known,
                 struct ep_error *err)
{
	uint8_t bytes[16];
	uint64_t last = write->inside.state.position;
	if (above >= INT64_MAX || write->epoch.number >= INT64_MAX)
		return ep_fail(err, EP_CORRUPT, "the epoch number is too large");
	write->epoch.number = (above > write->epoch.number ? above : write->epoch.number) + 1;
	randombytes_buf(&write->epoch.tag, sizeof write->epoch.tag);
	ep_store64(bytes, write->epoch.number);
	ep_store64(bytes + 8, write->epoch.tag);
	EP_TRY(ep_log_set_value(write, EP_EPOCH_VALUE, (struct ep_bytes){ bytes, 16 }, err));
	write->known = known;
	write->stale = false;
	EP_TRY(ep_log_remove_value(write, EP_STALE_VALUE, err));
	EP_TRY(ep_log_set_number(write, EP_KNOWN_VALUE, known, err));
	for (uint64_t at = known + 1; at <= last; at++) {
		struct ep_entry entry;
		enum ep_status status = ep_log_entry_at(&entry, &write->inside, at, err);
		if (status == EP_NOT_FOUND)
			continue;
		EP_TRY(status);
		if (entry.since == 0 || entry.since > known)
			EP_TRY(renew_tenure(write, &entry, err));
	}
	*epoch = write->epoch;
	return EP_OK;
}
