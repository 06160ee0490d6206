#include "sound/live.h"

#include "base/bytes.h"
#include "base/file.h"
#include "sound/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A message of a live decoder is no larger: samples, or what a file ends with. */
#define MESSAGE_MAX (EP_WIRE_HEADER + EP_WIRE_DONE_FIXED + EP_WIRE_TEXTS * (2 + EP_WIRE_TEXT_MAX))

struct ep_live {
	struct ep_decoder_process process;
	size_t got; /* bytes of the message that is coming */
	_Alignas(int16_t) uint8_t message[MESSAGE_MAX + 1];
	int16_t samples[EP_WIRE_LIVE_MAX / 2];
};

/* Bytes of the message: its header alone where that is not there yet. */
static size_t
expected(const struct ep_live *live)
{
	if (live->got < EP_WIRE_HEADER)
		return EP_WIRE_HEADER;
	return EP_WIRE_HEADER + (size_t)ep_load32(live->message + 1);
}

static enum ep_status
fail_invalid(struct ep_error *err)
{
	return ep_fail(err, EP_BAD_INPUT, "the decoder sent invalid data for it");
}

static enum ep_status
ask(struct ep_live *live, int fd, const struct ep_live_options *options, struct ep_error *err)
{
	uint8_t payload[EP_WIRE_ASK_FIXED + EP_WIRE_NAME_MAX];
	const char *name = options->name ? options->name : "";
	size_t whole = strlen(name);
	size_t size = whole < EP_WIRE_NAME_MAX ? whole : EP_WIRE_NAME_MAX;
	payload[0] = (uint8_t)(EP_WIRE_LIVE | (options->raw ? EP_WIRE_RAW : 0));
	ep_store64(payload + 1, (uint64_t)(options->start_s * 1e6));
	ep_store64(payload + 9, 0);
	memcpy(payload + EP_WIRE_ASK_FIXED, name + whole - size, size);
	return ep_wire_send(live->process.socket, EP_WIRE_ASK, payload, EP_WIRE_ASK_FIXED + size,
	                    fd, err);
}

enum ep_status
ep_live_open(struct ep_live **out, struct ep_nursery *nursery, int fd,
             const struct ep_live_options *options, struct ep_error *err)
{
	EP_OWNED(ep_live_close)
	struct ep_live *live = malloc(sizeof *live);
	if (!live)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	live->process = EP_DECODER_PROCESS_NONE;
	live->got = 0;
	EP_TRY(ep_nursery_make(&live->process, nursery, err));
	EP_TRY(ask(live, fd, options, err));
	*out = EP_TAKE(live);
	return EP_OK;
}

void
ep_live_close(struct ep_live *live)
{
	if (!live)
		return;
	ep_decoder_process_end(&live->process, false);
	free(live);
}

int
ep_live_socket(const struct ep_live *live)
{
	return live->process.socket;
}

/* Reads what there is of the message; *whole once there is all of it. */
static enum ep_status
read_message(bool *whole, struct ep_live *live, struct ep_error *err)
{
	*whole = false;
	while (!*whole) {
		size_t wanted = expected(live);
		if (wanted > MESSAGE_MAX)
			return fail_invalid(err);
		ssize_t got = live->got < wanted
		                      ? recv(live->process.socket, live->message + live->got,
		                             wanted - live->got, MSG_DONTWAIT)
		                      : 0;
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return EP_OK;
		if (got < 0 || (got == 0 && live->got < wanted))
			return ep_decoder_process_tell_death(&live->process, err);
		live->got += (size_t)got;
		*whole = live->got >= EP_WIRE_HEADER && live->got == expected(live);
	}
	return EP_OK;
}

static enum ep_status
take_samples(struct ep_live_news *news, struct ep_live *live, const uint8_t *payload, size_t size,
             struct ep_error *err)
{
	if (size > sizeof live->samples || size % 2)
		return fail_invalid(err);
	for (size_t i = 0; i < size / 2; i++)
		live->samples[i] = (int16_t)ep_load16(payload + 2 * i);
	news->kind = EP_LIVE_SAMPLES;
	news->samples = live->samples;
	news->count = size / 2;
	return EP_OK;
}

static enum ep_status
take_format(struct ep_live_news *news, const uint8_t *payload, size_t size, struct ep_error *err)
{
	if (size < EP_WIRE_FORMAT_FIXED)
		return fail_invalid(err);
	news->kind = EP_LIVE_FORMAT;
	news->sample_rate = ep_load32(payload);
	news->bit_rate = ep_load32(payload + 4);
	news->text = (struct ep_text){ (const char *)payload + EP_WIRE_FORMAT_FIXED,
		                       size - EP_WIRE_FORMAT_FIXED };
	return EP_OK;
}

enum ep_status
ep_live_take(struct ep_live_news *news, struct ep_live *live, struct ep_error *err)
{
	bool whole;
	*news = (struct ep_live_news){ .kind = EP_LIVE_NOTHING };
	if (live->process.socket < 0)
		return ep_fail(err, EP_BAD_INPUT, "the decoder has ended");
	EP_TRY(read_message(&whole, live, err));
	if (!whole)
		return EP_OK;
	const uint8_t *payload = live->message + EP_WIRE_HEADER;
	size_t size = live->got - EP_WIRE_HEADER;
	const struct ep_text words = { (const char *)payload, size };
	live->got = 0;
	switch (live->message[0]) {
	case EP_WIRE_SAMPLES:
		return take_samples(news, live, payload, size, err);
	case EP_WIRE_FORMAT:
		return take_format(news, payload, size, err);
	case EP_WIRE_TITLE:
		news->kind = EP_LIVE_TITLE;
		news->text = words;
		return EP_OK;
	case EP_WIRE_DONE:
		news->kind = EP_LIVE_END;
		return EP_OK;
	case EP_WIRE_NONE:
		return ep_fail(err, EP_NOT_FOUND, "%.*s", ep_text_print_size(words), words.at);
	case EP_WIRE_FAILED:
		return ep_fail(err, EP_BAD_INPUT, "%.*s", ep_text_print_size(words), words.at);
	default:
		return fail_invalid(err);
	}
}
