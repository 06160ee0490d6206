#include "plays/plays_internal.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum ep_status
ep_plays_read_failed(const struct ep_plays_read *read, int rc, struct ep_error *err)
{
	return ep_fail_mdb(err, rc, "cannot read the log of plays in %s", read->plays->env->folder);
}

static enum ep_status
damaged(const struct ep_plays_read *read, const char *what, uint64_t number, struct ep_error *err)
{
	return ep_fail(err, EP_CORRUPT, "the log of plays in %s is damaged: %s %llu is not one",
	               read->plays->env->folder, what, (unsigned long long)number);
}

enum ep_status
ep_plays_read_begin(struct ep_plays_read **out, struct ep_plays *plays, struct ep_error *err)
{
	struct ep_plays_read *read = calloc(1, sizeof *read);
	if (!read)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	read->plays = plays;
	int rc = mdb_txn_begin(plays->env->mdb, NULL, MDB_RDONLY, &read->txn);
	enum ep_status status = rc ? ep_plays_read_failed(read, rc, err) : EP_OK;
	if (status == EP_OK)
		*out = read;
	else
		free(read);
	return status;
}

void
ep_plays_read_end(struct ep_plays_read *read)
{
	if (!read)
		return;
	mdb_txn_abort(read->txn);
	free(read);
}

void
ep_plays_check_readers(struct ep_plays *plays)
{
	int dead;
	(void)mdb_reader_check(plays->env->mdb, &dead);
}

/* ---- one value ---- */

enum ep_status
ep_plays_get(struct ep_bytes *value, const struct ep_plays_read *read, MDB_dbi dbi, const void *key,
             size_t key_size, struct ep_error *err)
{
	MDB_val key_val = ep_val_of_bytes((struct ep_bytes){ key, key_size });
	MDB_val found;
	int rc = mdb_get(read->txn, dbi, &key_val, &found);
	if (rc == MDB_NOTFOUND)
		return ep_fail(err, EP_NOT_FOUND, "the log of plays does not have it");
	if (rc)
		return ep_plays_read_failed(read, rc, err);
	*value = (struct ep_bytes){ found.mv_data, found.mv_size };
	return EP_OK;
}

static enum ep_status
get_numbered(struct ep_bytes *value, const struct ep_plays_read *read, MDB_dbi dbi, uint64_t number,
             struct ep_error *err)
{
	uint8_t key[8];
	ep_plays_key64(key, number);
	return ep_plays_get(value, read, dbi, key, sizeof key, err);
}

enum ep_status
ep_plays_last(uint64_t *number, const struct ep_plays_read *read, MDB_dbi dbi, size_t key_size,
              struct ep_error *err)
{
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
	int rc = mdb_cursor_open(read->txn, dbi, &cursor);
	if (rc)
		return ep_plays_read_failed(read, rc, err);
	rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
	uint8_t bytes[8] = { 0 };
	if (!rc && key.mv_size == key_size)
		memcpy(bytes + sizeof bytes - key_size, key.mv_data, key_size);
	mdb_cursor_close(cursor);
	if (rc && rc != MDB_NOTFOUND)
		return ep_plays_read_failed(read, rc, err);
	*number = ep_plays_key64_of(bytes);
	return EP_OK;
}

enum ep_status
ep_plays_play(struct ep_logged_play *play, const struct ep_plays_read *read, uint64_t number,
              struct ep_error *err)
{
	struct ep_bytes value = { 0 };
	struct ep_logged_play got = { .number = number };
	EP_TRY(get_numbered(&value, read, read->plays->plays, number, err));
	if (!ep_play_decode(&got, value))
		return damaged(read, "play", number, err);
	*play = got;
	return EP_OK;
}

enum ep_status
ep_plays_gap(struct ep_gap *gap, const struct ep_plays_read *read, uint64_t number,
             struct ep_error *err)
{
	struct ep_bytes value = { 0 };
	struct ep_gap got = { .number = number };
	EP_TRY(get_numbered(&value, read, read->plays->gaps, number, err));
	if (!ep_gap_decode(&got, value))
		return damaged(read, "gap", number, err);
	*gap = got;
	return EP_OK;
}

enum ep_status
ep_plays_stream(struct ep_logged_stream *stream, const struct ep_plays_read *read, uint32_t number,
                struct ep_error *err)
{
	struct ep_bytes value = { 0 };
	struct ep_logged_stream got = { .number = number };
	uint32_t key = htobe32(number);
	EP_TRY(ep_plays_get(&value, read, read->plays->streams, &key, sizeof key, err));
	if (!ep_stream_decode(&got, value))
		return damaged(read, "stream", number, err);
	*stream = got;
	return EP_OK;
}

enum ep_status
ep_plays_stream_named(struct ep_logged_stream *stream, const struct ep_plays_read *read,
                      struct ep_text name, struct ep_error *err)
{
	struct ep_bytes value = { 0 };
	if (name.size == 0 || name.size > EP_STREAM_NAME_MAX)
		return ep_fail(err, EP_NOT_FOUND, "no stream has this name");
	EP_TRY(ep_plays_get(&value, read, read->plays->names, name.at, name.size, err));
	if (value.size != 4)
		return damaged(read, "a name's number", 0, err);
	return ep_plays_stream(stream, read, ep_load32(value.at), err);
}

enum ep_status
ep_plays_each_stream(const struct ep_plays_read *read, ep_stream_sink *sink, void *context,
                     struct ep_error *err)
{
	struct ep_logged_stream stream;
	uint64_t last = 0;
	EP_TRY(ep_plays_last(&last, read, read->plays->streams, 4, err));
	for (uint32_t number = 1; number <= last; number++) {
		EP_TRY(ep_plays_stream(&stream, read, number, err));
		EP_TRY(sink(context, &stream, err));
	}
	return EP_OK;
}

enum ep_status
ep_plays_id(char id[EP_PLAYS_ID_TEXT], const struct ep_plays_read *read, struct ep_error *err)
{
	struct ep_bytes value = { 0 };
	EP_TRY(ep_plays_get(&value, read, read->plays->values, EP_PLAYS_ID_VALUE,
	                    sizeof EP_PLAYS_ID_VALUE - 1, err));
	if (value.size != 8)
		return damaged(read, "id", 0, err);
	snprintf(id, EP_PLAYS_ID_TEXT, "%016llx", (unsigned long long)ep_plays_key64_of(value.at));
	return EP_OK;
}

/* ---- those of a range ---- */

/* Whom a walk tells: one of the two. */
struct walk {
	const struct ep_plays_read *read;
	ep_play_sink *on_play;
	ep_gap_sink *on_gap;
	void *context;
};

static enum ep_status
tell(const struct walk *walk, uint64_t number, struct ep_error *err)
{
	struct ep_logged_play play;
	struct ep_gap gap;
	if (walk->on_play) {
		EP_TRY(ep_plays_play(&play, walk->read, number, err));
		return walk->on_play(walk->context, &play, err);
	}
	EP_TRY(ep_plays_gap(&gap, walk->read, number, err));
	return walk->on_gap(walk->context, &gap, err);
}

static enum ep_status
walk_cursor(const struct walk *walk, MDB_cursor *cursor, uint8_t kind,
            const struct ep_plays_range *range, struct ep_error *err)
{
	uint8_t first[EP_BY_TIME_SIZE];
	uint8_t end[EP_BY_TIME_SIZE];
	ep_plays_time_key(first, kind, range->from_ms, range->after + 1);
	ep_plays_time_key(end, kind, range->to_ms, 0);
	MDB_val key = { .mv_data = first, .mv_size = sizeof first };
	MDB_val value;
	uint64_t told = 0;
	int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	for (; !rc; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
		if (key.mv_size != sizeof end || value.mv_size != 4)
			return damaged(walk->read, "a key of by_time", 0, err);
		if (memcmp(key.mv_data, end, sizeof end) >= 0)
			return EP_OK;
		if (range->stream && range->stream != ep_load32(value.mv_data))
			continue;
		EP_TRY(tell(walk, ep_plays_key64_of((uint8_t *)key.mv_data + 9), err));
		if (++told == range->most)
			return EP_OK;
	}
	return rc == MDB_NOTFOUND ? EP_OK : ep_plays_read_failed(walk->read, rc, err);
}

static enum ep_status
walk_range(const struct walk *walk, uint8_t kind, const struct ep_plays_range *range,
           struct ep_error *err)
{
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(walk->read->txn, walk->read->plays->by_time, &cursor);
	if (rc)
		return ep_plays_read_failed(walk->read, rc, err);
	enum ep_status status = walk_cursor(walk, cursor, kind, range, err);
	mdb_cursor_close(cursor);
	return status;
}

enum ep_status
ep_plays_each_play(const struct ep_plays_read *read, const struct ep_plays_range *range,
                   ep_play_sink *sink, void *context, struct ep_error *err)
{
	struct walk walk = { .read = read, .on_play = sink, .context = context };
	return walk_range(&walk, EP_BY_TIME_PLAY, range, err);
}

enum ep_status
ep_plays_each_gap(const struct ep_plays_read *read, const struct ep_plays_range *range,
                  ep_gap_sink *sink, void *context, struct ep_error *err)
{
	struct walk walk = { .read = read, .on_gap = sink, .context = context };
	return walk_range(&walk, EP_BY_TIME_GAP, range, err);
}

/* ---- followers ---- */

enum ep_status
ep_plays_next_event(struct ep_play_event *event, const struct ep_plays_read *read, uint64_t after,
                    struct ep_error *err)
{
	struct ep_bytes value = { 0 };
	EP_TRY(get_numbered(&value, read, read->plays->events, after + 1, err));
	if (value.size != 9 || (value.at[0] != EP_PLAY_BEGUN && value.at[0] != EP_PLAY_ENDED))
		return damaged(read, "event", after + 1, err);
	event->position = after + 1;
	event->kind = value.at[0];
	event->play = ep_load64(value.at + 1);
	return EP_OK;
}

enum ep_status
ep_plays_position(uint64_t *position, const struct ep_plays_read *read, struct ep_error *err)
{
	return ep_plays_last(position, read, read->plays->events, 8, err);
}

enum ep_status
ep_plays_watermark(uint64_t *position, const struct ep_plays_read *read, const char *follower,
                   struct ep_error *err)
{
	struct ep_bytes value = { 0 };
	char name[64];
	int size = snprintf(name, sizeof name, EP_PLAYS_FOLLOWER_VALUE "%s", follower);
	EP_TRY(ep_plays_get(&value, read, read->plays->values, name, (size_t)size, err));
	if (value.size != 8)
		return damaged(read, "watermark", 0, err);
	*position = ep_load64(value.at);
	return EP_OK;
}
