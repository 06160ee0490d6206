#include "plays/plays_internal.h"

#include "base/bytes.h"
#include "store/track_fields.h"

#include <endian.h>
#include <string.h>

/* ---- keys ---- */

void
ep_plays_key64(uint8_t key[8], uint64_t number)
{
	number = htobe64(number);
	memcpy(key, &number, sizeof number);
}

uint64_t
ep_plays_key64_of(const uint8_t *key)
{
	uint64_t number;
	memcpy(&number, key, sizeof number);
	return be64toh(number);
}

void
ep_plays_time_key(uint8_t key[EP_BY_TIME_SIZE], uint8_t kind, int64_t start_ms, uint64_t number)
{
	key[0] = kind;
	ep_plays_key64(key + 1, (uint64_t)start_ms ^ UINT64_C(1) << 63);
	ep_plays_key64(key + 9, number);
}

/* ---- values ---- */

static enum ep_status
put64(struct ep_buffer *out, uint64_t number, struct ep_error *err)
{
	uint8_t bytes[8];
	ep_store64(bytes, number);
	return ep_buffer_append(out, bytes, sizeof bytes, err);
}

static enum ep_status
put8(struct ep_buffer *out, uint8_t byte, struct ep_error *err)
{
	return ep_buffer_append(out, &byte, 1, err);
}

/* What plays and gaps begin with: stream, whether it ended, start and end. */
static enum ep_status
put_span(struct ep_buffer *out, uint32_t stream, bool ended, int64_t start_ms, int64_t end_ms,
         struct ep_error *err)
{
	EP_TRY(ep_buffer_varint(out, stream, err));
	EP_TRY(put8(out, ended, err));
	EP_TRY(put64(out, (uint64_t)start_ms, err));
	return put64(out, (uint64_t)end_ms, err);
}

static void
read_span(struct ep_reader *reader, uint32_t *stream, bool *ended, int64_t *start_ms,
          int64_t *end_ms)
{
	uint64_t number = ep_read_varint(reader);
	uint8_t flags = ep_read8(reader);
	reader->ok &= number > 0 && number <= UINT32_MAX && flags <= 1;
	*stream = (uint32_t)number;
	*ended = flags;
	*start_ms = (int64_t)ep_read64(reader);
	*end_ms = (int64_t)ep_read64(reader);
}

enum ep_status
ep_play_encode(struct ep_buffer *out, const struct ep_logged_play *play, struct ep_error *err)
{
	uint8_t offset[4];
	ep_store32(offset, (uint32_t)play->offset_ms);
	EP_TRY(put_span(out, play->stream, play->ended, play->start_ms, play->end_ms, err));
	EP_TRY(ep_buffer_append(out, offset, sizeof offset, err));
	EP_TRY(ep_buffer_varint(out, play->score, err));
	EP_TRY(ep_put_text(out, play->track_id, err));
	EP_TRY(ep_put_text(out, play->artist, err));
	EP_TRY(ep_put_text(out, play->release, err));
	EP_TRY(ep_put_text(out, play->track, err));
	return ep_buffer_append(out, play->fields.at, play->fields.size, err);
}

/* Takes the fields, which are all that is left, if anything is. */
static void
read_fields(struct ep_text *fields, struct ep_reader *reader)
{
	EP_ARENA struct ep_arena arena = { 0 };
	struct ep_fields read;
	struct ep_text left = ep_text_of_bytes(ep_reader_rest(reader));
	if (!reader->ok || !left.size)
		return;
	reader->ok = ep_fields_read(&read, reader, &arena, NULL) == EP_OK;
	*fields = left;
}

bool
ep_play_decode(struct ep_logged_play *play, struct ep_bytes bytes)
{
	struct ep_reader reader = ep_reader_of(bytes.at, bytes.size);
	struct ep_logged_play got = { .number = play->number };
	read_span(&reader, &got.stream, &got.ended, &got.start_ms, &got.end_ms);
	got.offset_ms = (int32_t)ep_read32(&reader);
	uint64_t score = ep_read_varint(&reader);
	got.score = (uint32_t)score;
	got.track_id = ep_read_text(&reader);
	got.artist = ep_read_text(&reader);
	got.release = ep_read_text(&reader);
	got.track = ep_read_text(&reader);
	read_fields(&got.fields, &reader);
	if (!reader.ok || ep_reader_left(&reader) || score > UINT32_MAX)
		return false;
	*play = got;
	return true;
}

enum ep_status
ep_gap_encode(struct ep_buffer *out, const struct ep_gap *gap, struct ep_error *err)
{
	EP_TRY(put_span(out, gap->stream, gap->ended, gap->start_ms, gap->end_ms, err));
	return ep_put_text(out, gap->reason, err);
}

bool
ep_gap_decode(struct ep_gap *gap, struct ep_bytes bytes)
{
	struct ep_reader reader = ep_reader_of(bytes.at, bytes.size);
	struct ep_gap got = { .number = gap->number };
	read_span(&reader, &got.stream, &got.ended, &got.start_ms, &got.end_ms);
	got.reason = ep_read_text(&reader);
	if (!reader.ok || ep_reader_left(&reader))
		return false;
	*gap = got;
	return true;
}

enum ep_status
ep_stream_encode(struct ep_buffer *out, const struct ep_logged_stream *stream, struct ep_error *err)
{
	EP_TRY(put64(out, stream->play, err));
	EP_TRY(put64(out, stream->gap, err));
	EP_TRY(put64(out, (uint64_t)stream->heard_ms, err));
	EP_TRY(ep_put_text(out, stream->name, err));
	return ep_put_text(out, stream->tags, err);
}

bool
ep_stream_decode(struct ep_logged_stream *stream, struct ep_bytes bytes)
{
	struct ep_reader reader = ep_reader_of(bytes.at, bytes.size);
	struct ep_logged_stream got = { .number = stream->number };
	got.play = ep_read64(&reader);
	got.gap = ep_read64(&reader);
	got.heard_ms = (int64_t)ep_read64(&reader);
	got.name = ep_read_text(&reader);
	got.tags = ep_read_text(&reader);
	if (!reader.ok || ep_reader_left(&reader))
		return false;
	*stream = got;
	return true;
}
