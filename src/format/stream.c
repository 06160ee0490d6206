#include "format/stream.h"

#include "format/decoder.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_SIZE ((size_t)128 << 10)

/* With so many bytes, an input that is packed is told from one that is plain. */
#define FRONT_TELLING 4

struct ep_stream {
	struct ep_source raw;
	const struct ep_decoder *decoder; /* NULL: plain */
	void *state; /* of the decoder */
	uint64_t raw_bytes;
	bool raw_ended;
	bool in_stream; /* bytes of a compressed stream were taken, and its end not seen */
	enum ep_status failed; /* for good */
	struct ep_error error;

	/* Bytes taken from raw and not used yet: the front of a plain input, or packed bytes. */
	size_t input_at;
	size_t input_size;
	uint8_t input[]; /* EP_DECODER_FRONT_MAX bytes where plain, else INPUT_SIZE */
};

static enum ep_status
read_raw(struct ep_stream *stream, void *bytes, size_t size, size_t *got, struct ep_error *err)
{
	size_t count = 0;
	if (!stream->raw_ended) {
		EP_TRY(stream->raw.read(stream->raw.context, bytes, size, &count, err));
		assert(count <= size);
		stream->raw_ended = count == 0;
		stream->raw_bytes += count;
	}
	*got = count;
	return EP_OK;
}

/* Reads until the front of the input is there, or it can be none, or the input has ended. */
static enum ep_status
read_front(struct ep_stream *stream, struct ep_error *err)
{
	while (stream->input_size < EP_DECODER_FRONT_MAX && !stream->raw_ended &&
	       (stream->input_size < FRONT_TELLING ||
	        ep_decoder_for(stream->input, stream->input_size))) {
		size_t got = 0;
		EP_TRY(read_raw(stream, stream->input + stream->input_size,
		                EP_DECODER_FRONT_MAX - stream->input_size, &got, err));
		stream->input_size += got;
	}
	return EP_OK;
}

/* Makes *stream one that unpacks, if its input starts as a packed one does. */
static enum ep_status
choose_decoder(struct ep_stream **stream, struct ep_error *err)
{
	const struct ep_decoder *decoder = ep_decoder_for((*stream)->input, (*stream)->input_size);
	if (!decoder)
		return EP_OK;
	struct ep_stream *larger = realloc(*stream, sizeof *larger + INPUT_SIZE);
	if (!larger)
		return ep_fail(err, EP_NO_MEMORY, "out of memory to decompress %s", decoder->name);
	*stream = larger;
	if (decoder->open(&larger->state) != EP_OK)
		return ep_fail(err, EP_NO_MEMORY, "out of memory to decompress %s", decoder->name);
	larger->decoder = decoder;
	return EP_OK;
}

enum ep_status
ep_stream_open(struct ep_stream **out, struct ep_source raw, struct ep_error *err)
{
	EP_OWNED(ep_stream_close)
	struct ep_stream *stream = calloc(1, sizeof *stream + EP_DECODER_FRONT_MAX);
	if (!stream)
		return ep_fail(err, EP_NO_MEMORY, "out of memory to read a file");
	stream->raw = raw;
	EP_TRY(read_front(stream, err));
	EP_TRY(choose_decoder(&stream, err));

	*out = EP_TAKE(stream);
	return EP_OK;
}

static enum ep_status
read_plain(struct ep_stream *stream, void *bytes, size_t size, size_t *got, struct ep_error *err)
{
	size_t left = stream->input_size - stream->input_at;
	if (left == 0)
		return read_raw(stream, bytes, size, got, err);
	size_t count = left < size ? left : size;
	memcpy(bytes, stream->input + stream->input_at, count);
	stream->input_at += count;
	*got = count;
	return EP_OK;
}

/* Takes more packed bytes when all are used up. */
static enum ep_status
refill(struct ep_stream *stream, struct ep_error *err)
{
	if (stream->input_at < stream->input_size)
		return EP_OK;
	stream->input_at = stream->input_size = 0;
	return read_raw(stream, stream->input, INPUT_SIZE, &stream->input_size, err);
}

static enum ep_status
fail_step(const struct ep_stream *stream, enum ep_status status, const char *reason,
          struct ep_error *err)
{
	const char *name = stream->decoder->name;
	uint64_t place = stream->raw_bytes - (stream->input_size - stream->input_at);
	if (status == EP_NO_MEMORY)
		return ep_fail(err, status, "out of memory to decompress %s", name);
	return ep_fail(err, status, "the %s data is damaged before byte %llu: %s", name,
	               (unsigned long long)place, reason);
}

/* Lets the decoder take one step; *got is what it wrote. */
static enum ep_status
step(struct ep_stream *stream, void *bytes, size_t size, size_t *got, struct ep_error *err)
{
	const char *reason = "its bytes are wrong";
	bool stream_ended = false;
	struct ep_decoder_io io = { stream->input + stream->input_at,
		                    stream->input_size - stream->input_at, stream->raw_ended, bytes,
		                    size };
	if (io.in_size > 0)
		stream->in_stream = true;
	enum ep_status status = stream->decoder->step(stream->state, &io, &stream_ended, &reason);
	if (status != EP_OK)
		return fail_step(stream, status, reason, err);
	bool moved = io.out_size < size || io.in_size < stream->input_size - stream->input_at;
	stream->input_at = stream->input_size - io.in_size;
	*got = size - io.out_size;
	if (stream_ended)
		stream->in_stream = false;
	else if (!moved && stream->raw_ended)
		return ep_fail(err, EP_BAD_INPUT,
		               "the %s data is truncated: it ends inside a stream, at byte %llu",
		               stream->decoder->name, (unsigned long long)stream->raw_bytes);
	return EP_OK;
}

static enum ep_status
unpack(struct ep_stream *stream, void *bytes, size_t size, size_t *got, struct ep_error *err)
{
	size_t count = 0;
	while (count == 0) {
		EP_TRY(refill(stream, err));
		if (stream->input_at == stream->input_size && !stream->in_stream)
			break;
		EP_TRY(step(stream, bytes, size, &count, err));
	}
	*got = count;
	return EP_OK;
}

enum ep_status
ep_stream_read(struct ep_stream *stream, void *bytes, size_t size, size_t *got,
               struct ep_error *err)
{
	assert(size > 0);
	if (stream->failed == EP_OK) {
		stream->failed = stream->decoder
		                         ? unpack(stream, bytes, size, got, &stream->error)
		                         : read_plain(stream, bytes, size, got, &stream->error);
	}
	if (stream->failed != EP_OK && err)
		*err = stream->error;
	return stream->failed;
}

static enum ep_status
read_stream(void *context, void *bytes, size_t size, size_t *got, struct ep_error *err)
{
	return ep_stream_read(context, bytes, size, got, err);
}

/* A packed stream may have bytes in its decoder, so only a plain one is asked. */
static bool
stream_stalls(void *context)
{
	struct ep_stream *stream = context;
	return !stream->decoder && stream->input_at == stream->input_size &&
	       ep_source_stalls(&stream->raw);
}

struct ep_source
ep_stream_source(struct ep_stream *stream)
{
	return (struct ep_source){ read_stream, stream, stream_stalls };
}

const char *
ep_stream_format_name(const struct ep_stream *stream)
{
	return stream->decoder ? stream->decoder->name : "plain";
}

void
ep_stream_close(struct ep_stream *stream)
{
	if (!stream)
		return;
	if (stream->decoder)
		stream->decoder->close(stream->state);
	free(stream);
}
