#include "sound/sound.h"

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/time.h"
#include "sound/process.h"
#include "sound/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long a wait lasts before it is looked whether to stop. */
#define WAIT_MS 100

struct ep_sound {
	const char *decoder;
	struct ep_decoder_process process;
	uint8_t payload[EP_WIRE_MAX];
	struct ep_buffer texts;
};

/* One file on its way. */
struct job {
	struct ep_sound *sound;
	const struct ep_sound_options *options;
	ep_sound_sink *sink;
	void *context;
	uint64_t samples;
	double began_s;
	double heard_s; /* when something last came */
};

enum ep_status
ep_sound_open(struct ep_sound **out, const char *decoder, struct ep_error *err)
{
	struct ep_sound *sound = calloc(1, sizeof *sound);
	if (!sound)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	sound->decoder = decoder;
	sound->process = EP_DECODER_PROCESS_NONE;
	*out = sound;
	return EP_OK;
}

void
ep_sound_close(struct ep_sound *sound)
{
	if (!sound)
		return;
	ep_decoder_process_end(&sound->process, false);
	ep_buffer_free(&sound->texts);
	free(sound);
}

/* Waits until the decoder says something. */
static enum ep_status
wait_for_decoder(struct job *job, struct ep_error *err)
{
	struct pollfd wanted = { .fd = job->sound->process.socket, .events = POLLIN };
	const atomic_bool *stop = job->options->stop;
	for (;;) {
		if (stop && atomic_load(stop))
			return ep_fail(err, EP_INTERRUPTED, "interrupted");
		int ready = poll(&wanted, 1, WAIT_MS);
		double now = ep_clock_s();
		double lasts = (double)job->samples / EP_SOUND_RATE;
		if (ready > 0)
			job->heard_s = now;
		if (now - job->heard_s > EP_SOUND_PATIENCE_S ||
		    now - job->began_s > 2 * EP_SOUND_PATIENCE_S + lasts)
			return ep_fail(err, EP_BAD_INPUT, "decoding took too long and was stopped");
		if (ready > 0)
			return EP_OK;
		if (ready < 0 && errno != EINTR)
			return ep_fail_errno(err, errno, "cannot wait for the decoder");
	}
}

static enum ep_status
read_exactly(struct job *job, void *bytes, size_t size, struct ep_error *err)
{
	uint8_t *at = bytes;
	while (size > 0) {
		EP_TRY(wait_for_decoder(job, err));
		ssize_t got = read(job->sound->process.socket, at, size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return ep_decoder_process_tell_death(&job->sound->process, err);
		at += got;
		size -= (size_t)got;
	}
	return EP_OK;
}

static enum ep_status
read_message(uint8_t *kind, size_t *size, struct job *job, struct ep_error *err)
{
	uint8_t header[EP_WIRE_HEADER];
	EP_TRY(read_exactly(job, header, sizeof header, err));
	uint32_t announced = ep_load32(header + 1);
	if (announced > EP_WIRE_MAX)
		return ep_fail(err, EP_BAD_INPUT, "the decoder sent invalid data for it");
	EP_TRY(read_exactly(job, job->sound->payload, announced, err));
	*kind = header[0];
	*size = announced;
	return EP_OK;
}

static enum ep_status
read_info(struct ep_sound_info *info, struct ep_sound *sound, size_t size, struct ep_error *err)
{
	struct ep_reader reader = ep_reader_of(sound->payload, size);
	uint32_t sample_rate = ep_read32(&reader);
	uint32_t bit_rate = ep_read32(&reader);
	uint64_t duration_us = ep_read64(&reader);
	size_t ends[EP_WIRE_TEXTS];
	sound->texts.size = 0;
	for (size_t i = 0; i < EP_WIRE_TEXTS; i++) {
		unsigned low = ep_read8(&reader);
		size_t length = low | (unsigned)ep_read8(&reader) << 8;
		struct ep_text text = { (const char *)ep_read_bytes(&reader, length), length };
		if (!reader.ok || (length && memchr(text.at, '\0', length)))
			return ep_fail(err, EP_BAD_INPUT, "the decoder sent invalid data for it");
		EP_TRY(ep_text_to_utf8(&sound->texts, text, err));
		ends[i] = sound->texts.size;
	}
	struct ep_text *texts[EP_WIRE_TEXTS] = {
		&info->artist, &info->release, &info->title,
		&info->genre,  &info->isrc,    &info->recording_id
	};
	for (size_t i = 0, at = 0; i < EP_WIRE_TEXTS; at = ends[i++])
		*texts[i] = (struct ep_text){ (const char *)sound->texts.data + at, ends[i] - at };
	info->sample_rate = sample_rate;
	info->bit_rate = bit_rate;
	info->duration_s = (double)(duration_us > INT64_MAX ? 0 : duration_us) / 1e6;
	return EP_OK;
}

/* Takes what the decoder says until it is done with the file. */
static enum ep_status
take_answer(struct ep_sound_info *info, struct job *job, struct ep_error *err)
{
	struct ep_sound *sound = job->sound;
	for (;;) {
		uint8_t kind;
		size_t size;
		EP_TRY(read_message(&kind, &size, job, err));
		const char *words = (const char *)sound->payload;
		switch (kind) {
		case EP_WIRE_SAMPLES: {
			int16_t samples[EP_WIRE_MAX / 2];
			for (size_t i = 0; i < size / 2; i++)
				samples[i] = (int16_t)ep_load16(sound->payload + 2 * i);
			job->samples += size / 2;
			EP_TRY(job->sink(job->context, samples, size / 2, err));
			break;
		}
		case EP_WIRE_DONE:
			return read_info(info, sound, size, err);
		case EP_WIRE_NONE:
			return ep_fail(err, EP_NOT_FOUND, "%.*s", (int)size, words);
		case EP_WIRE_FAILED:
			return ep_fail(err, EP_BAD_INPUT, "%.*s", (int)size, words);
		default:
			return ep_fail(err, EP_BAD_INPUT, "the decoder sent invalid data for it");
		}
	}
}

static uint64_t
microseconds(double seconds)
{
	return seconds > 0 ? (uint64_t)(seconds * 1e6 + 0.5) : 0;
}

static enum ep_status
ask(struct ep_sound *sound, int fd, const char *name, const struct ep_sound_options *options,
    struct ep_error *err)
{
	uint8_t payload[EP_WIRE_ASK_FIXED + EP_WIRE_NAME_MAX];
	const char *slash = strrchr(name, '/');
	const char *base = slash ? slash + 1 : name;
	const char *end = base + strlen(base);
	/* Its end is what counts. */
	size_t size = (size_t)(end - base);
	if (size > EP_WIRE_NAME_MAX)
		size = EP_WIRE_NAME_MAX;
	payload[0] = options->sure ? EP_WIRE_SURE : 0;
	ep_store64(payload + 1, microseconds(options->start_s));
	ep_store64(payload + 9, microseconds(options->duration_s));
	memcpy(payload + EP_WIRE_ASK_FIXED, end - size, size);
	if (sound->process.socket < 0)
		EP_TRY(ep_decoder_process_start(&sound->process, sound->decoder, NULL, err));
	return ep_wire_send(sound->process.socket, EP_WIRE_ASK, payload, EP_WIRE_ASK_FIXED + size,
	                    fd, err);
}

enum ep_status
ep_sound_decode(struct ep_sound_info *info, struct ep_sound *sound, int fd, const char *name,
                const struct ep_sound_options *options, ep_sound_sink *sink, void *context,
                struct ep_error *err)
{
	struct job job = { .sound = sound, .options = options, .sink = sink, .context = context };
	/* A decoder that died between two files is no fault of the second. */
	enum ep_status status = ask(sound, fd, name, options, err);
	if (status != EP_OK && sound->process.socket >= 0) {
		ep_decoder_process_end(&sound->process, false);
		status = ask(sound, fd, name, options, err);
	}
	if (status != EP_OK)
		return status;
	job.began_s = job.heard_s = ep_clock_s();
	struct ep_sound_info found = { 0 };
	status = take_answer(&found, &job, err);
	if (status == EP_OK)
		*info = found;
	else if (status != EP_NOT_FOUND)
		ep_decoder_process_end(&sound->process, false);
	return status;
}
