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

enum ep_status
ep_log_write_party(struct ep_log_write *write, uint32_t party, struct ep_error *err)
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
	return ep_log_write_party(write, party, err);
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
		return ep_fail(err, EP_NOT_FOUND, "there is no source with number %u",
		               (unsigned)source);
	ep_party_of_name(&key, ep_text_of(name));
	EP_TRY(ep_log_key_party(party, write, &key, err));
	write->parties[*party - 1].source = source;
	return EP_OK;
}

/* A source for an owner whose name is not known here: a master that was restored, or a packet of
 * other hands, may bring such. */
static enum ep_status
name_unknown(uint32_t *source, struct ep_log_write *write, uint32_t owner, struct ep_error *err)
{
	char name[EP_SOURCE_NAME_MAX + 1];
	char key[EP_KEY_TEXT];
	ep_key_print(key, &write->parties[owner - 1].key);
	snprintf(name, sizeof name, EP_SOURCE_UNKNOWN "%.16s", key);
	EP_TRY(ep_log_source(source, write, ep_text_of(name), err));
	write->parties[owner - 1].source = *source;
	EP_TRY(ep_log_store_party(write, owner, err));
	return ep_log_write_party(write, owner, err);
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

enum ep_status
ep_log_follows(struct ep_follows *follows, const struct ep_log_read *read, struct ep_error *err)
{
	struct ep_bytes value;
	*follows = (struct ep_follows){ 0 };
	enum ep_status status = ep_log_value(&value, read, EP_FOLLOWS_VALUE, err);
	if (status == EP_NOT_FOUND)
		return EP_OK;
	EP_TRY(status);
	if (value.size != EP_FOLLOWS_SIZE)
		return ep_fail(err, EP_CORRUPT, "the log's value follows is damaged");
	const uint8_t *bytes = value.at;
	memcpy(follows->key.bytes, bytes, EP_KEY_SIZE);
	follows->epoch = ep_load64(bytes + EP_KEY_SIZE);
	follows->era = ep_load64(bytes + EP_KEY_SIZE + 8);
	follows->first_era = ep_load64(bytes + EP_KEY_SIZE + 16);
	follows->any = true;
	return EP_OK;
}

enum ep_status
ep_log_node_id(uint8_t id[EP_NODE_ID_SIZE], const struct ep_log_read *read, struct ep_error *err)
{
	struct ep_bytes value = { 0 };
	EP_TRY(ep_log_value(&value, read, EP_ID_VALUE, err));
	if (value.size != EP_NODE_ID_SIZE)
		return ep_fail(err, EP_CORRUPT, "the log's id is damaged");
	memcpy(id, value.at, EP_NODE_ID_SIZE);
	return EP_OK;
}

enum ep_status
ep_log_epoch(struct ep_epoch *epoch, const struct ep_log_read *read, struct ep_error *err)
{
	struct ep_bytes value = { 0 };
	EP_TRY(ep_log_value(&value, read, EP_EPOCH_VALUE, err));
	if (value.size != 16)
		return ep_fail(err, EP_CORRUPT, "the log's epoch is damaged");
	epoch->number = ep_load64(value.at);
	epoch->tag = ep_load64(value.at + 8);
	return EP_OK;
}
