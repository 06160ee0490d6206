#include "peer/peer.h"

#include "base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LAYOUT 2
#define PEER_LAYOUT 3
#define VALUE_NAME (sizeof EP_PEER_VALUE + EP_SOURCE_NAME_MAX + 1)

/* ---- a record as bytes: fields in order ---- */

static enum ep_status
put_number(struct ep_buffer *out, uint64_t number, struct ep_error *err)
{
	uint8_t bytes[8];
	ep_store64(bytes, number);
	return ep_buffer_append(out, bytes, sizeof bytes, err);
}

/* Reads a text of at most size - 1 bytes. */
static void
read_text(struct ep_reader *reader, char *text, size_t size)
{
	uint64_t has = ep_read_varint(reader);
	const uint8_t *at = ep_read_bytes(reader, has);
	if (has >= size)
		reader->ok = false;
	else if (at)
		memcpy(text, at, has);
}

static enum ep_status
check(const struct ep_reader *reader, const char *name, struct ep_error *err)
{
	return reader->ok && ep_reader_left(reader) == 0
	               ? EP_OK
	               : ep_fail(err, EP_CORRUPT, "the log's value %s is damaged", name);
}

/* Begins to read a value of this layout; what a later version wrote is refused. */
static enum ep_status
open_value(struct ep_reader *reader, const struct ep_log_read *read, const char *name, int known,
           struct ep_error *err)
{
	struct ep_bytes value = { 0 };
	EP_TRY(ep_log_value(&value, read, name, err));
	*reader = ep_reader_of(value.at, value.size);
	uint8_t layout = ep_read8(reader);
	return layout == known
	               ? EP_OK
	               : ep_fail(err, layout > known ? EP_NEWER : EP_CORRUPT,
	                         "the log's value %s has layout %d, but this program knows only %d",
	                         name, layout, known);
}

/* ---- slaves ---- */

static enum ep_status
encode_peer(struct ep_buffer *out, const struct ep_peer *peer, struct ep_error *err)
{
	uint8_t head[2] = { PEER_LAYOUT, (uint8_t)(peer->has_key | peer->invited << 1) };
	EP_TRY(ep_buffer_append(out, head, sizeof head, err));
	EP_TRY(ep_buffer_append(out, peer->key.bytes, EP_KEY_SIZE, err));
	EP_TRY(ep_buffer_append(out, peer->invitation.bytes, EP_KEY_SIZE, err));
	EP_TRY(put_number(out, peer->position, err));
	EP_TRY(put_number(out, peer->tracks_max, err));
	EP_TRY(put_number(out, peer->bytes_max, err));
	EP_TRY(put_number(out, peer->fetched, err));
	EP_TRY(put_number(out, (uint64_t)peer->fetched_at, err));
	EP_TRY(put_number(out, (uint64_t)peer->contact, err));
	return ep_put_text(out, ep_text_of(peer->error), err);
}

enum ep_status
ep_peer_load(struct ep_peer *peer, const struct ep_log_read *read, const char *name,
             struct ep_error *err)
{
	char value[VALUE_NAME];
	struct ep_reader reader;
	struct ep_peer loaded = { 0 };
	snprintf(value, sizeof value, EP_PEER_VALUE "%s", name);
	enum ep_status status = open_value(&reader, read, value, PEER_LAYOUT, err);
	if (status == EP_NOT_FOUND)
		return ep_fail(err, EP_NOT_FOUND, "there is no source %s that may contribute",
		               name);
	EP_TRY(status);
	snprintf(loaded.name, sizeof loaded.name, "%s", name);
	uint8_t flags = ep_read8(&reader);
	loaded.has_key = flags & 1;
	loaded.invited = flags & 2;
	ep_read_into(&reader, loaded.key.bytes, EP_KEY_SIZE);
	ep_read_into(&reader, loaded.invitation.bytes, EP_KEY_SIZE);
	loaded.position = ep_read64(&reader);
	loaded.tracks_max = ep_read64(&reader);
	loaded.bytes_max = ep_read64(&reader);
	loaded.fetched = ep_read64(&reader);
	loaded.fetched_at = (int64_t)ep_read64(&reader);
	loaded.contact = (int64_t)ep_read64(&reader);
	read_text(&reader, loaded.error, sizeof loaded.error);
	EP_TRY(check(&reader, value, err));
	*peer = loaded;
	return EP_OK;
}

enum ep_status
ep_peer_store(struct ep_log_write *write, const struct ep_peer *peer, struct ep_error *err)
{
	char value[VALUE_NAME];
	EP_BUFFER struct ep_buffer bytes = { 0 };
	snprintf(value, sizeof value, EP_PEER_VALUE "%s", peer->name);
	EP_TRY(encode_peer(&bytes, peer, err));
	return ep_log_set_value(write, value, ep_buffer_bytes(&bytes), err);
}

enum ep_status
ep_peer_name_key(struct ep_log_write *write, const struct ep_peer *peer, struct ep_error *err)
{
	uint32_t source;
	EP_TRY(ep_log_source(&source, write, ep_text_of(peer->name), err));
	return ep_log_set_source_key(write, source, &peer->key, err);
}

enum ep_status
ep_peer_remove(struct ep_log_write *write, const char *name, struct ep_error *err)
{
	char value[VALUE_NAME];
	snprintf(value, sizeof value, EP_PEER_VALUE "%s", name);
	return ep_log_remove_value(write, value, err);
}

enum ep_status
ep_peers(struct ep_peer **out, size_t *out_count, const struct ep_log_read *read,
         struct ep_error *err)
{
	EP_FREE struct ep_source_info *sources = NULL;
	size_t source_count;
	EP_TRY(ep_log_sources(&sources, &source_count, read, err));
	EP_FREE struct ep_peer *peers = calloc(source_count + 1, sizeof *peers);
	if (!peers)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the list of sources");
	size_t count = 0;
	for (size_t i = 0; i < source_count; i++) {
		enum ep_status status = ep_peer_load(&peers[count], read, sources[i].name, err);
		count += status == EP_OK;
		if (status != EP_OK && status != EP_NOT_FOUND)
			return status;
	}
	*out = EP_TAKE(peers);
	*out_count = count;
	return EP_OK;
}

enum ep_status
ep_peer_of_key(struct ep_peer *peer, const struct ep_log_read *read, const struct ep_key *key,
               struct ep_error *err)
{
	EP_FREE struct ep_peer *peers = NULL;
	size_t count;
	EP_TRY(ep_peers(&peers, &count, read, err));
	for (size_t i = 0; i < count; i++) {
		if (peers[i].has_key && ep_key_equal(&peers[i].key, key)) {
			*peer = peers[i];
			return EP_OK;
		}
	}
	return ep_fail(
		err, EP_NOT_FOUND,
		"no source has this key; admit the slave with `source add NAME` on the master");
}

static enum ep_status
check_new_name(const struct ep_log_read *read, const char *name, struct ep_error *err)
{
	EP_FREE struct ep_source_info *sources = NULL;
	size_t count;
	EP_TRY(ep_log_sources(&sources, &count, read, err));
	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(sources[i].name, name) == 0 && strcmp(sources[i].name, name) != 0)
			return ep_fail(err, EP_BAD_INPUT,
			               "source %s already exists: names must differ in more than "
			               "upper and lower case",
			               sources[i].name);
	}
	return EP_OK;
}

enum ep_status
ep_peer_check_new(const struct ep_log_read *read, const char *name, const struct ep_key *key,
                  const struct ep_key *own, struct ep_error *err)
{
	struct ep_peer other;
	if (name)
		EP_TRY(check_new_name(read, name, err));
	if (!key)
		return EP_OK;
	if (ep_key_equal(key, own))
		return ep_fail(err, EP_BAD_INPUT,
		               "this is the master's own key: a slave needs a key of its own, not "
		               "a copy of the file `key`");
	enum ep_status status = ep_peer_of_key(&other, read, key, err);
	if (status == EP_OK)
		return ep_fail(err, EP_BAD_INPUT,
		               "source %s already has this key: each slave needs a key of its own",
		               other.name);
	return status == EP_NOT_FOUND ? EP_OK : status;
}

/* ---- the master ---- */

static enum ep_status
encode_master(struct ep_buffer *out, const struct ep_master *master, struct ep_error *err)
{
	uint8_t head[2] = { LAYOUT, (uint8_t)(master->shows | master->restarting << 1) };
	uint64_t numbers[] = {
		master->epoch.number,
		master->epoch.tag,
		master->position,
		master->answered,
		(uint64_t)master->answered_at,
		(uint64_t)master->feed_time,
		(uint64_t)master->contact,
		master->conflicts,
		master->rejected,
		master->seen.position,
	};
	EP_TRY(ep_buffer_append(out, head, sizeof head, err));
	EP_TRY(ep_put_text(out, ep_text_of(master->url), err));
	EP_TRY(ep_put_text(out, ep_text_of(master->mirror), err));
	EP_TRY(ep_put_text(out, ep_text_of(master->source), err));
	EP_TRY(ep_buffer_append(out, master->key.bytes, EP_KEY_SIZE, err));
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		EP_TRY(put_number(out, numbers[i], err));
	EP_TRY(ep_buffer_append(out, master->seen.hash, EP_MARK_SIZE, err));
	EP_TRY(ep_put_sized(out, (struct ep_bytes){ master->head, master->head_size }, err));
	return ep_put_text(out, ep_text_of(master->error), err);
}

enum ep_status
ep_master_load(struct ep_master *master, const struct ep_log_read *read, struct ep_error *err)
{
	struct ep_reader reader;
	struct ep_master loaded = { 0 };
	enum ep_status status = open_value(&reader, read, EP_MASTER_VALUE, LAYOUT, err);
	if (status == EP_NOT_FOUND)
		return ep_fail(
			err, EP_NOT_FOUND,
			"this node has not joined a master; run `echoprint join URL INVITATION`");
	EP_TRY(status);
	uint8_t flags = ep_read8(&reader);
	loaded.shows = flags & 1;
	loaded.restarting = flags & 2;
	read_text(&reader, loaded.url, sizeof loaded.url);
	read_text(&reader, loaded.mirror, sizeof loaded.mirror);
	read_text(&reader, loaded.source, sizeof loaded.source);
	ep_read_into(&reader, loaded.key.bytes, EP_KEY_SIZE);
	loaded.epoch.number = ep_read64(&reader);
	loaded.epoch.tag = ep_read64(&reader);
	loaded.position = ep_read64(&reader);
	loaded.answered = ep_read64(&reader);
	loaded.answered_at = (int64_t)ep_read64(&reader);
	loaded.feed_time = (int64_t)ep_read64(&reader);
	loaded.contact = (int64_t)ep_read64(&reader);
	loaded.conflicts = ep_read64(&reader);
	loaded.rejected = ep_read64(&reader);
	loaded.seen.position = ep_read64(&reader);
	ep_read_into(&reader, loaded.seen.hash, EP_MARK_SIZE);
	struct ep_bytes head = ep_read_sized(&reader);
	if (head.size > sizeof loaded.head)
		reader.ok = false;
	else if (head.size)
		memcpy(loaded.head, head.at, head.size);
	loaded.head_size = head.size;
	read_text(&reader, loaded.error, sizeof loaded.error);
	EP_TRY(check(&reader, EP_MASTER_VALUE, err));
	*master = loaded;
	return EP_OK;
}

enum ep_status
ep_master_store(struct ep_log_write *write, const struct ep_master *master, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer bytes = { 0 };
	EP_TRY(encode_master(&bytes, master, err));
	return ep_log_set_value(write, EP_MASTER_VALUE, ep_buffer_bytes(&bytes), err);
}

enum ep_status
ep_check_own(const struct ep_log_read *read, struct ep_text track, struct ep_error *err)
{
	struct ep_master master;
	struct ep_entry entry;
	enum ep_status status = ep_master_load(&master, read, err);
	if (status == EP_NOT_FOUND)
		return EP_OK;
	EP_TRY(status);
	status = ep_log_find(&entry, read, track, err);
	if (status == EP_NOT_FOUND)
		return EP_OK;
	EP_TRY(status);
	if (entry.operation == EP_PUT && entry.source == EP_SOURCE_MASTER)
		return ep_fail(
			err, EP_BAD_INPUT,
			"track %.*s belongs to the master: it can be changed only there, at %s",
			ep_text_print_size(track), track.at, master.url);
	return EP_OK;
}

enum ep_status
ep_master_forget(struct ep_log_write *write, struct ep_error *err)
{
	return ep_log_remove_value(write, EP_MASTER_VALUE, err);
}
