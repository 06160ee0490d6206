#include "plays/plays_internal.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum ep_status
ep_plays_write_failed(const struct ep_plays_write *write, int rc, struct ep_error *err)
{
	const char *folder = write->inside.plays->env->folder;
	return ep_fail_mdb(err, ep_explain_write(rc, folder), "cannot write the log of plays in %s",
	                   folder);
}

enum ep_status
ep_plays_write_begin(struct ep_plays_write **out, struct ep_plays *plays, struct ep_error *err)
{
	struct ep_plays_write *write = calloc(1, sizeof *write);
	if (!write)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	write->inside.plays = plays;
	int rc = mdb_txn_begin(plays->env->mdb, NULL, 0, &write->inside.txn);
	enum ep_status status = rc ? ep_plays_write_failed(write, rc, err) : EP_OK;
	if (status == EP_OK)
		*out = write;
	else
		free(write);
	return status;
}

const struct ep_plays_read *
ep_plays_inside(const struct ep_plays_write *write)
{
	return &write->inside;
}

enum ep_status
ep_plays_commit(struct ep_plays_write *write, struct ep_error *err)
{
	int rc = mdb_txn_commit(EP_TAKE(write->inside.txn));
	enum ep_status status = rc ? ep_plays_write_failed(write, rc, err) : EP_OK;
	ep_plays_abort(write);
	return status;
}

void
ep_plays_abort(struct ep_plays_write *write)
{
	if (!write)
		return;
	mdb_txn_abort(write->inside.txn);
	ep_buffer_free(&write->bytes);
	free(write);
}

/* ---- one value ---- */

static enum ep_status
put(struct ep_plays_write *write, MDB_dbi dbi, const void *key, size_t key_size,
    struct ep_bytes value, struct ep_error *err)
{
	MDB_val key_val = ep_val_of_bytes((struct ep_bytes){ key, key_size });
	MDB_val value_val = ep_val_of_bytes(value);
	int rc = mdb_put(write->inside.txn, dbi, &key_val, &value_val, 0);
	return rc ? ep_plays_write_failed(write, rc, err) : EP_OK;
}

static enum ep_status
take_away(struct ep_plays_write *write, MDB_dbi dbi, const void *key, size_t key_size,
          struct ep_error *err)
{
	MDB_val key_val = ep_val_of_bytes((struct ep_bytes){ key, key_size });
	int rc = mdb_del(write->inside.txn, dbi, &key_val, NULL);
	return rc && rc != MDB_NOTFOUND ? ep_plays_write_failed(write, rc, err) : EP_OK;
}

static enum ep_status
put_numbered(struct ep_plays_write *write, MDB_dbi dbi, uint64_t number, struct ep_bytes value,
             struct ep_error *err)
{
	uint8_t key[8];
	ep_plays_key64(key, number);
	return put(write, dbi, key, sizeof key, value, err);
}

/* Notes in the log that one of its plays has fields: who does not know them must not read it. */
static enum ep_status
need_fields(struct ep_plays_write *write, struct ep_error *err)
{
	static const char name[] = EP_PLAYS_FORMAT_VALUE;
	struct ep_bytes value;
	uint8_t format[8];
	MDB_dbi values = write->inside.plays->values;
	EP_TRY(ep_plays_get(&value, &write->inside, values, name, sizeof name - 1, err));
	if (value.size == sizeof format && ep_load64(value.at) >= EP_PLAYS_FORMAT_FIELDS)
		return EP_OK;
	ep_store64(format, EP_PLAYS_FORMAT_FIELDS);
	return put(write, values, name, sizeof name - 1, (struct ep_bytes){ format, sizeof format },
	           err);
}

/* A value is made in write->bytes: what it is made of may be a page, which the put may change. */
static enum ep_status
put_play(struct ep_plays_write *write, const struct ep_logged_play *play, struct ep_error *err)
{
	write->bytes.size = 0;
	EP_TRY(ep_play_encode(&write->bytes, play, err));
	if (play->fields.size)
		EP_TRY(need_fields(write, err));
	return put_numbered(write, write->inside.plays->plays, play->number,
	                    ep_buffer_bytes(&write->bytes), err);
}

static enum ep_status
put_gap(struct ep_plays_write *write, const struct ep_gap *gap, struct ep_error *err)
{
	write->bytes.size = 0;
	EP_TRY(ep_gap_encode(&write->bytes, gap, err));
	return put_numbered(write, write->inside.plays->gaps, gap->number,
	                    ep_buffer_bytes(&write->bytes), err);
}

static enum ep_status
put_stream(struct ep_plays_write *write, const struct ep_logged_stream *stream,
           struct ep_error *err)
{
	uint32_t key = htobe32(stream->number);
	write->bytes.size = 0;
	EP_TRY(ep_stream_encode(&write->bytes, stream, err));
	return put(write, write->inside.plays->streams, &key, sizeof key,
	           ep_buffer_bytes(&write->bytes), err);
}

static enum ep_status
put_time(struct ep_plays_write *write, uint8_t kind, int64_t start_ms, uint64_t number,
         uint32_t stream, struct ep_error *err)
{
	uint8_t key[EP_BY_TIME_SIZE];
	uint8_t value[4];
	ep_plays_time_key(key, kind, start_ms, number);
	ep_store32(value, stream);
	return put(write, write->inside.plays->by_time, key, sizeof key,
	           (struct ep_bytes){ value, sizeof value }, err);
}

static enum ep_status
put_event(struct ep_plays_write *write, enum ep_play_event_kind kind, uint64_t play,
          struct ep_error *err)
{
	uint64_t position = 0;
	uint8_t value[9] = { (uint8_t)kind };
	ep_store64(value + 1, play);
	EP_TRY(ep_plays_position(&position, &write->inside, err));
	return put_numbered(write, write->inside.plays->events, position + 1,
	                    (struct ep_bytes){ value, sizeof value }, err);
}

/* ---- streams ---- */

static enum ep_status
set_tags(struct ep_plays_write *write, struct ep_logged_stream *stream, struct ep_text tags,
         struct ep_error *err)
{
	if (ep_text_equal(stream->tags, tags))
		return EP_OK;
	stream->tags = tags;
	return put_stream(write, stream, err);
}

enum ep_status
ep_plays_add_stream(uint32_t *number, struct ep_plays_write *write, struct ep_text name,
                    struct ep_text tags, struct ep_error *err)
{
	struct ep_logged_stream stream;
	uint64_t last = 0;
	uint8_t value[4];
	enum ep_status status = ep_plays_stream_named(&stream, &write->inside, name, err);
	if (status == EP_OK) {
		*number = stream.number;
		return set_tags(write, &stream, tags, err);
	}
	if (status != EP_NOT_FOUND)
		return status;
	EP_TRY(ep_plays_last(&last, &write->inside, write->inside.plays->streams, 4, err));
	stream = (struct ep_logged_stream){ .number = (uint32_t)last + 1,
		                            .name = name,
		                            .tags = tags };
	ep_store32(value, stream.number);
	EP_TRY(put_stream(write, &stream, err));
	EP_TRY(put(write, write->inside.plays->names, name.at, name.size,
	           (struct ep_bytes){ value, sizeof value }, err));
	*number = stream.number;
	return EP_OK;
}

enum ep_status
ep_plays_heard(struct ep_plays_write *write, uint32_t stream, int64_t heard_ms,
               struct ep_error *err)
{
	struct ep_logged_stream entry;
	EP_TRY(ep_plays_stream(&entry, &write->inside, stream, err));
	if (entry.heard_ms >= heard_ms)
		return EP_OK;
	entry.heard_ms = heard_ms;
	return put_stream(write, &entry, err);
}

/* ---- plays ---- */

/* The play of a stream that is under way; number 0: there is none. */
static enum ep_status
play_under_way(struct ep_logged_play *play, const struct ep_plays_write *write, uint32_t stream,
               struct ep_error *err)
{
	struct ep_logged_stream entry;
	EP_TRY(ep_plays_stream(&entry, &write->inside, stream, err));
	play->number = 0;
	return entry.play ? ep_plays_play(play, &write->inside, entry.play, err) : EP_OK;
}

/* Notes which play, or gap, of a stream is under way; 0: none. */
static enum ep_status
set_play(struct ep_plays_write *write, uint32_t stream, uint64_t play, struct ep_error *err)
{
	struct ep_logged_stream entry;
	EP_TRY(ep_plays_stream(&entry, &write->inside, stream, err));
	entry.play = play;
	return put_stream(write, &entry, err);
}

static enum ep_status
set_gap(struct ep_plays_write *write, uint32_t stream, uint64_t gap, struct ep_error *err)
{
	struct ep_logged_stream entry;
	EP_TRY(ep_plays_stream(&entry, &write->inside, stream, err));
	entry.gap = gap;
	return put_stream(write, &entry, err);
}

enum ep_status
ep_plays_begin(struct ep_plays_write *write, const struct ep_logged_play *play,
               struct ep_error *err)
{
	struct ep_logged_play entry = *play;
	EP_TRY(ep_plays_end(write, play->stream, INT64_MAX, err));
	EP_TRY(ep_plays_last(&entry.number, &write->inside, write->inside.plays->plays, 8, err));
	entry.number++;
	entry.ended = false;
	EP_TRY(put_play(write, &entry, err));
	EP_TRY(put_time(write, EP_BY_TIME_PLAY, entry.start_ms, entry.number, entry.stream, err));
	EP_TRY(put_event(write, EP_PLAY_BEGUN, entry.number, err));
	return set_play(write, entry.stream, entry.number, err);
}

enum ep_status
ep_plays_add(struct ep_plays_write *write, const struct ep_logged_play *play, struct ep_error *err)
{
	struct ep_logged_play entry = *play;
	EP_TRY(ep_plays_last(&entry.number, &write->inside, write->inside.plays->plays, 8, err));
	entry.number++;
	entry.ended = true;
	EP_TRY(put_play(write, &entry, err));
	EP_TRY(put_time(write, EP_BY_TIME_PLAY, entry.start_ms, entry.number, entry.stream, err));
	EP_TRY(put_event(write, EP_PLAY_BEGUN, entry.number, err));
	return put_event(write, EP_PLAY_ENDED, entry.number, err);
}

enum ep_status
ep_plays_hear(struct ep_plays_write *write, uint32_t stream, int64_t end_ms, struct ep_error *err)
{
	struct ep_logged_play play;
	EP_TRY(play_under_way(&play, write, stream, err));
	if (play.number == 0 || end_ms <= play.end_ms)
		return EP_OK;
	play.end_ms = end_ms;
	return put_play(write, &play, err);
}

enum ep_status
ep_plays_end(struct ep_plays_write *write, uint32_t stream, int64_t end_ms, struct ep_error *err)
{
	struct ep_logged_play play;
	EP_TRY(play_under_way(&play, write, stream, err));
	if (play.number == 0)
		return EP_OK;
	play.ended = true;
	if (end_ms != INT64_MAX) /* else: when it was last heard */
		play.end_ms = end_ms > play.start_ms ? end_ms : play.start_ms;
	EP_TRY(put_play(write, &play, err));
	EP_TRY(put_event(write, EP_PLAY_ENDED, play.number, err));
	return set_play(write, stream, 0, err);
}

/* ---- gaps ---- */

enum ep_status
ep_plays_lose(struct ep_plays_write *write, uint32_t stream, int64_t start_ms,
              struct ep_text reason, struct ep_error *err)
{
	struct ep_logged_stream entry;
	struct ep_gap gap = { .stream = stream, .start_ms = start_ms, .reason = reason };
	EP_TRY(ep_plays_stream(&entry, &write->inside, stream, err));
	if (entry.gap != 0)
		return EP_OK;
	EP_TRY(ep_plays_last(&gap.number, &write->inside, write->inside.plays->gaps, 8, err));
	gap.number++;
	gap.end_ms = start_ms;
	EP_TRY(put_gap(write, &gap, err));
	EP_TRY(put_time(write, EP_BY_TIME_GAP, start_ms, gap.number, stream, err));
	return set_gap(write, stream, gap.number, err);
}

/* What was sent again when the stream came back was heard without a gap. */
static enum ep_status
remove_gap(struct ep_plays_write *write, const struct ep_gap *gap, struct ep_error *err)
{
	uint8_t number[8];
	uint8_t time[EP_BY_TIME_SIZE];
	ep_plays_key64(number, gap->number);
	ep_plays_time_key(time, EP_BY_TIME_GAP, gap->start_ms, gap->number);
	EP_TRY(take_away(write, write->inside.plays->gaps, number, sizeof number, err));
	return take_away(write, write->inside.plays->by_time, time, sizeof time, err);
}

enum ep_status
ep_plays_regain(struct ep_plays_write *write, uint32_t stream, int64_t end_ms, struct ep_error *err)
{
	struct ep_logged_stream entry;
	struct ep_gap gap;
	EP_TRY(ep_plays_stream(&entry, &write->inside, stream, err));
	if (entry.gap == 0)
		return EP_OK;
	EP_TRY(ep_plays_gap(&gap, &write->inside, entry.gap, err));
	gap.ended = true;
	gap.end_ms = end_ms;
	EP_TRY(end_ms > gap.start_ms ? put_gap(write, &gap, err) : remove_gap(write, &gap, err));
	return set_gap(write, stream, 0, err);
}

/* ---- followers ---- */

enum ep_status
ep_plays_move(struct ep_plays_write *write, const char *follower, uint64_t position,
              struct ep_error *err)
{
	char name[64];
	uint8_t value[8];
	int size = snprintf(name, sizeof name, EP_PLAYS_FOLLOWER_VALUE "%s", follower);
	ep_store64(value, position);
	return put(write, write->inside.plays->values, name, (size_t)size,
	           (struct ep_bytes){ value, sizeof value }, err);
}

enum ep_status
ep_plays_forget(struct ep_plays_write *write, const char *follower, struct ep_error *err)
{
	char name[64];
	int size = snprintf(name, sizeof name, EP_PLAYS_FOLLOWER_VALUE "%s", follower);
	return take_away(write, write->inside.plays->values, name, (size_t)size, err);
}
