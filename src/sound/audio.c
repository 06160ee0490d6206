#include "sound/audio.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

_Static_assert(EP_SOUND_RATE == EP_SAMPLE_RATE, "what is decoded is what codes are made of");

/* How long a wait for samples lasts before it is looked whether to stop. */
#define WAIT_MS 100

#define RAW_BYTES 65536

struct ep_audio {
	struct ep_sound *sound;
	struct ep_generator *generator;
	double generate_s; /* time spent on the file at hand */
};

void
ep_recording_free(struct ep_recording *recording)
{
	ep_pairs_free(&recording->pairs);
	*recording = (struct ep_recording){ 0 };
}

uint32_t
ep_recording_length(const struct ep_recording *recording)
{
	double seconds = recording->info.duration_s;
	if (seconds <= 0 || seconds > INT32_MAX)
		seconds = (double)recording->samples / EP_SAMPLE_RATE;
	return (uint32_t)seconds;
}

enum ep_status
ep_audio_open(struct ep_audio **out, const char *decoder, struct ep_error *err)
{
	EP_OWNED(ep_audio_close)
	struct ep_audio *audio = calloc(1, sizeof *audio);
	if (!audio)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_sound_open(&audio->sound, decoder, err));
	EP_TRY(ep_generator_new(&audio->generator, ep_generator_best(), err));
	*out = EP_TAKE(audio);
	return EP_OK;
}

void
ep_audio_close(struct ep_audio *audio)
{
	if (!audio)
		return;
	ep_sound_close(audio->sound);
	ep_generator_free(audio->generator);
	free(audio);
}

static enum ep_status
feed(void *context, const int16_t *samples, size_t count, struct ep_error *err)
{
	struct ep_audio *audio = context;
	double began = ep_clock_s();
	enum ep_status status = ep_generator_feed(audio->generator, samples, count, err);
	audio->generate_s += ep_clock_s() - began;
	return status;
}

static void
begin(struct ep_recording *recording, struct ep_audio *audio,
      const struct ep_sound_options *options)
{
	recording->pairs.count = 0;
	audio->generate_s = 0;
	ep_generator_start(audio->generator, options->start_s);
}

/* Ends a recording whose samples have been taken since began_s. */
static enum ep_status
finish(struct ep_recording *recording, struct ep_audio *audio, double began_s, struct ep_error *err)
{
	double decoded_s = ep_clock_s();
	EP_TRY(ep_generator_finish(&recording->pairs, audio->generator, err));
	recording->samples = ep_generator_samples(audio->generator);
	recording->decode_s = decoded_s - began_s - audio->generate_s;
	recording->generate_s = audio->generate_s + ep_clock_s() - decoded_s;
	return EP_OK;
}

/* Opens a regular file; nothing that would wait, such as a pipe. */
static enum ep_status
open_file(int *fd, const char *path, struct ep_error *err)
{
	struct stat info;
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd < 0)
		return ep_fail(err, EP_BAD_INPUT, "cannot be opened: %s", strerror(errno));
	if (fstat(*fd, &info) != 0 || !S_ISREG(info.st_mode))
		return ep_fail(err, EP_BAD_INPUT, "is %s",
		               S_ISDIR(info.st_mode) ? "a folder" : "not a regular file");
	if (info.st_size == 0)
		return ep_fail(err, EP_BAD_INPUT, "is empty");
	return EP_OK;
}

enum ep_status
ep_audio_read(struct ep_recording *recording, struct ep_audio *audio, const char *path,
              const struct ep_sound_options *options, struct ep_error *err)
{
	double began = ep_clock_s();
	EP_FD int fd = -1;
	EP_TRY(open_file(&fd, path, err));
	begin(recording, audio, options);
	EP_TRY(ep_sound_decode(&recording->info, audio->sound, fd, path, options, feed, audio,
	                       err));
	return finish(recording, audio, began, err);
}

/* ---- raw samples ---- */

static enum ep_status
wait_for_samples(int fd, const atomic_bool *stop, struct ep_error *err)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };
	while (!stop || !atomic_load(stop)) {
		int ready = poll(&wanted, 1, WAIT_MS);
		if (ready > 0)
			return EP_OK;
		if (ready < 0 && errno != EINTR)
			return ep_fail_errno(err, errno, "cannot read samples");
	}
	return ep_fail(err, EP_INTERRUPTED, "interrupted");
}

/* What of the raw samples is to be taken. */
struct excerpt {
	struct ep_audio *audio;
	uint64_t position; /* of the next sample */
	uint64_t first;
	uint64_t end;
};

static struct excerpt
excerpt_of(struct ep_audio *audio, const struct ep_sound_options *options)
{
	struct excerpt excerpt = { .audio = audio, .end = UINT64_MAX };
	excerpt.first = (uint64_t)(options->start_s * EP_SAMPLE_RATE + 0.5);
	if (options->duration_s > 0)
		excerpt.end =
			excerpt.first + (uint64_t)(options->duration_s * EP_SAMPLE_RATE + 0.5);
	return excerpt;
}

/* Feeds what of count samples is in the excerpt. */
static enum ep_status
feed_excerpt(void *context, const int16_t *samples, size_t count, struct ep_error *err)
{
	struct excerpt *excerpt = context;
	uint64_t position = excerpt->position;
	uint64_t before = excerpt->first > position ? excerpt->first - position : 0;
	uint64_t until = excerpt->end > position ? excerpt->end - position : 0;
	size_t from = before < count ? (size_t)before : count;
	size_t to = until < count ? (size_t)until : count;
	excerpt->position += count;
	return to > from ? feed(excerpt->audio, samples + from, to - from, err) : EP_OK;
}

enum ep_status
ep_audio_stream(int fd, const atomic_bool *stop, ep_sound_sink *sink, void *context,
                struct ep_error *err)
{
	uint8_t bytes[RAW_BYTES];
	int16_t samples[RAW_BYTES / 2];
	size_t left = 0; /* a byte of which the sample's other half has not come */
	for (;;) {
		size_t got;
		EP_TRY(wait_for_samples(fd, stop, err));
		EP_TRY(ep_read_some(&got, fd, bytes + left, sizeof bytes - left, "samples", err));
		if (got == 0)
			return EP_OK;
		size_t count = (left + got) / 2;
		for (size_t i = 0; i < count; i++)
			samples[i] = (int16_t)ep_load16(bytes + 2 * i);
		left = (left + got) % 2;
		if (left > 0)
			bytes[0] = bytes[2 * count];
		EP_TRY(sink(context, samples, count, err));
	}
}

enum ep_status
ep_audio_read_raw(struct ep_recording *recording, struct ep_audio *audio, int fd,
                  const struct ep_sound_options *options, struct ep_error *err)
{
	double began = ep_clock_s();
	struct excerpt excerpt = excerpt_of(audio, options);
	begin(recording, audio, options);
	EP_TRY(ep_audio_stream(fd, options->stop, feed_excerpt, &excerpt, err));
	EP_TRY(finish(recording, audio, began, err));
	recording->info = (struct ep_sound_info){
		.sample_rate = EP_SAMPLE_RATE,
		.bit_rate = EP_SAMPLE_RATE * 16,
		.duration_s = (double)recording->samples / EP_SAMPLE_RATE,
	};
	return EP_OK;
}
