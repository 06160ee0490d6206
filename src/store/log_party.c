/* Who made what: the parties of a log, and the sources that they are. */
#include "store/log_internal.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define PARTY_SIZE (EP_KEY_SIZE + 8)

struct loading {
	struct ep_party *list;
	uint32_t count;
	uint32_t room;
};

static enum ep_status
load_one(void *context, MDB_val key, MDB_val value, struct ep_error *err)
{
	struct loading *loading = context;
	uint32_t big;
	const uint8_t *bytes = value.mv_data;
	if (key.mv_size == sizeof big)
		memcpy(&big, key.mv_data, sizeof big);
	if (key.mv_size != sizeof big || value.mv_size != PARTY_SIZE ||
	    loading->count == loading->room || be32toh(big) != loading->count + 1)
		return ep_fail(err, EP_CORRUPT, "the log's list of parties is damaged");
	struct ep_party *party = &loading->list[loading->count++];
	memcpy(party->key.bytes, bytes, EP_KEY_SIZE);
	party->source = ep_load32(bytes + EP_KEY_SIZE);
	party->same_as = ep_load32(bytes + EP_KEY_SIZE + 4);
	return EP_OK;
}

enum ep_status
ep_log_parties(struct ep_party **list, uint32_t *count, const struct ep_log_read *read,
               struct ep_error *err)
{
	size_t keys;
	EP_TRY(ep_log_count_keys(&keys, read, read->log->parties, err));
	EP_FREE struct ep_party *parties = calloc(keys + 1, sizeof *parties);
	if (!parties || keys > UINT32_MAX / 4)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the list of parties");
	struct loading loading = { .list = parties, .room = (uint32_t)keys };
	EP_TRY(ep_log_each_key(read, read->log->parties, (struct ep_text){ 0 }, load_one, &loading,
	                       err));
	*list = EP_TAKE(parties);
	*count = loading.count;
	return EP_OK;
}

struct ep_parties
ep_log_parties_inside(const struct ep_log_write *write)
{
	return (struct ep_parties){ write->parties, write->party_count };
}

/* Makes room for more parties. */
static enum ep_status
grow(struct ep_log_write *write, uint32_t capacity, struct ep_error *err)
{
	if (capacity <= write->party_capacity)
		return EP_OK;
	struct ep_party *parties = realloc(write->parties, capacity * sizeof *parties);
	if (parties)
		write->parties = parties;
	uint32_t *stored = realloc(write->stored, capacity * sizeof *stored);
	if (stored)
		write->stored = stored;
	uint32_t *handles = realloc(write->handles, capacity * sizeof *handles);
	if (handles)
		write->handles = handles;
	if (!parties || !stored || !handles)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the list of parties");
	write->party_capacity = capacity;
	return EP_OK;
}

enum ep_status
ep_log_load_parties(struct ep_log_write *write, struct ep_error *err)
{
	EP_FREE struct ep_party *list = NULL;
	uint32_t count;
	EP_TRY(ep_log_parties(&list, &count, &write->inside, err));
	EP_TRY(grow(write, count + 16, err));
	memcpy(write->parties, list, count * sizeof *list);
	for (uint32_t i = 0; i < count; i++)
		write->stored[i] = write->handles[i] = i + 1;
	write->party_count = count;
	write->stored_count = count;
	return EP_OK;
}

enum ep_status
ep_log_key_party(uint32_t *party, struct ep_log_write *write, const struct ep_key *key,
                 struct ep_error *err)
{
	for (uint32_t i = 0; i < write->party_count; i++) {
		if (ep_key_equal(&write->parties[i].key, key)) {
			*party = i + 1;
			return EP_OK;
		}
	}
	if (write->party_count == write->party_capacity)
		EP_TRY(grow(write, write->party_capacity * 2, err));
	write->parties[write->party_count] = (struct ep_party){ .key = *key };
	write->stored[write->party_count] = 0;
	*party = ++write->party_count;
	return EP_OK;
}

/* Writes a party that has a number in the log. */
static enum ep_status
write_party(struct ep_log_write *write, uint32_t party, struct ep_error *err)
{
	const struct ep_party *it = &write->parties[party - 1];
	uint32_t big = htobe32(write->stored[party - 1]);
	uint8_t bytes[PARTY_SIZE];
	memcpy(bytes, it->key.bytes, EP_KEY_SIZE);
	ep_store32(bytes + EP_KEY_SIZE, it->source);
	ep_store32(bytes + EP_KEY_SIZE + 4, it->same_as ? write->stored[it->same_as - 1] : 0);
	return ep_log_put_key(write, write->inside.log->parties,
	                      (MDB_val){ .mv_data = &big, .mv_size = sizeof big },
	                      (MDB_val){ .mv_data = bytes, .mv_size = sizeof bytes }, 0, err);
}

enum ep_status
ep_log_store_party(struct ep_log_write *write, uint32_t party, struct ep_error *err)
{
	if (write->stored[party - 1])
		return EP_OK;
	write->stored[party - 1] = ++write->stored_count;
	write->handles[write->stored_count - 1] = party;
	return write_party(write, party, err);
}

/* The party that goes for a source now; 0: none. */
static uint32_t
find_source(const struct ep_log_write *write, uint32_t source)
{
	for (uint32_t i = 0; i < write->party_count; i++) {
		if (write->parties[i].source == source && write->parties[i].same_as == 0)
			return i + 1;
	}
	return EP_PARTY_NONE;
}

enum ep_status
ep_log_source_party(uint32_t *party, struct ep_log_write *write, uint32_t source,
                    struct ep_error *err)
{
	struct ep_key key;
	const char *name = NULL;
	if (source == EP_SOURCE_LOCAL || (source == EP_SOURCE_MASTER && write->follows.any)) {
		*party = source == EP_SOURCE_LOCAL ? write->self : write->master;
		return EP_OK;
	}
	*party = find_source(write, source);
	if (*party)
		return EP_OK;
	for (size_t i = 0; i < write->source_count; i++) {
		if (write->sources[i].number == source)
			name = write->sources[i].name;
	}
	if (!name)
		return ep_fail(err, EP_NOT_FOUND, "there is no source of number %u",
		               (unsigned)source);
	ep_party_of_name(&key, ep_text_of(name));
	EP_TRY(ep_log_key_party(party, write, &key, err));
	write->parties[*party - 1].source = source;
	return EP_OK;
}

#define UNKNOWN "unknown-"

/* Whether a source has its name from name_unknown. */
static bool
is_unknown(const struct ep_log_write *write, uint32_t source)
{
	for (size_t i = 0; i < write->source_count; i++) {
		if (write->sources[i].number == source)
			return strncmp(write->sources[i].name, UNKNOWN, sizeof UNKNOWN - 1) == 0;
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
	EP_TRY(write_party(write, now, err));
	for (uint32_t i = 1; i <= write->party_count; i++) {
		struct ep_party *other = &write->parties[i - 1];
		if (i == now || other->source != source)
			continue;
		other->same_as = now;
		EP_TRY(ep_log_store_party(write, i, err));
		EP_TRY(write_party(write, i, err));
	}
	return write->follows.any ? EP_OK : hand_over(write, source, now, err);
}

/* A source for an owner whose name is not known here: a master that was restored, or a packet of
 * other hands, may bring such. */
static enum ep_status
name_unknown(uint32_t *source, struct ep_log_write *write, uint32_t owner, struct ep_error *err)
{
	char name[EP_SOURCE_NAME_MAX + 1];
	char key[EP_KEY_TEXT];
	ep_key_print(key, &write->parties[owner - 1].key);
	snprintf(name, sizeof name, UNKNOWN "%.16s", key);
	EP_TRY(ep_log_source(source, write, ep_text_of(name), err));
	write->parties[owner - 1].source = *source;
	EP_TRY(ep_log_store_party(write, owner, err));
	return write_party(write, owner, err);
}

enum ep_status
ep_log_source_of(uint32_t *source, struct ep_log_write *write, uint32_t owner, struct ep_error *err)
{
	struct ep_parties parties = ep_log_parties_inside(write);
	*source = write->parties[owner - 1].source;
	if (ep_party_same(&parties, owner, write->self))
		*source = EP_SOURCE_LOCAL;
	else if (write->follows.any)
		*source = EP_SOURCE_MASTER;
	else if (!*source)
		return name_unknown(source, write, owner, err);
	return EP_OK;
}

/* ---- the master ---- */

#define FOLLOWS_SIZE (EP_KEY_SIZE + 24)

enum ep_status
ep_log_follows(struct ep_follows *follows, const struct ep_log_read *read, struct ep_error *err)
{
	struct ep_text value;
	*follows = (struct ep_follows){ 0 };
	enum ep_status status = ep_log_value(&value, read, "follows", err);
	if (status == EP_NOT_FOUND)
		return EP_OK;
	EP_TRY(status);
	if (value.size != FOLLOWS_SIZE)
		return ep_fail(err, EP_CORRUPT, "the log's value follows is damaged");
	const uint8_t *bytes = (const uint8_t *)value.at;
	memcpy(follows->key.bytes, bytes, EP_KEY_SIZE);
	follows->epoch = ep_load64(bytes + EP_KEY_SIZE);
	follows->era = ep_load64(bytes + EP_KEY_SIZE + 8);
	follows->first_era = ep_load64(bytes + EP_KEY_SIZE + 16);
	follows->any = true;
	return EP_OK;
}

enum ep_status
ep_log_epoch(struct ep_epoch *epoch, const struct ep_log_read *read, struct ep_error *err)
{
	struct ep_text value = { 0 };
	EP_TRY(ep_log_value(&value, read, "epoch", err));
	if (value.size != 16)
		return ep_fail(err, EP_CORRUPT, "the log's epoch is damaged");
	epoch->number = ep_load64((const uint8_t *)value.at);
	epoch->tag = ep_load64((const uint8_t *)value.at + 8);
	return EP_OK;
}

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
	uint8_t bytes[FOLLOWS_SIZE];
	memcpy(bytes, write->follows.key.bytes, EP_KEY_SIZE);
	ep_store64(bytes + EP_KEY_SIZE, write->follows.epoch);
	ep_store64(bytes + EP_KEY_SIZE + 8, write->follows.era);
	ep_store64(bytes + EP_KEY_SIZE + 16, write->follows.first_era);
	return ep_log_set_value(write, "follows",
	                        (struct ep_text){ (const char *)bytes, sizeof bytes }, err);
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
	return write_party(write, unnamed, err);
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
		return ep_fail(err, EP_CORRUPT, "the number of the epoch is beyond all bounds");
	write->epoch.number = (above > write->epoch.number ? above : write->epoch.number) + 1;
	randombytes_buf(&write->epoch.tag, sizeof write->epoch.tag);
	ep_store64(bytes, write->epoch.number);
	ep_store64(bytes + 8, write->epoch.tag);
	EP_TRY(ep_log_set_value(write, "epoch", (struct ep_text){ (const char *)bytes, 16 }, err));
	write->known = known;
	write->stale = false;
	EP_TRY(ep_log_remove_value(write, EP_STALE_VALUE, err));
	EP_TRY(ep_log_set_number(write, "known", known, err));
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
