/* audio.h - audio files to fingerprints: decoder and code generator in a row */
#ifndef EP_SOUND_AUDIO_H
#define EP_SOUND_AUDIO_H

#include "generator/generator.h"
#include "sound/sound.h"

struct ep_audio;

/* What became of a file. Zeroed at first; its pairs are kept for the next file. */
struct ep_recording {
	struct ep_sound_info info; /* texts are valid until the next file */
	struct ep_pairs pairs;
	uint64_t samples; /* that were decoded, EP_SAMPLE_RATE a second */
	double decode_s; /* time that it took */
	double generate_s;
};
void ep_recording_free(struct ep_recording *recording);
#define EP_RECORDING __attribute__((cleanup(ep_recording_free)))

/* Whole seconds of a recording: what its file says, else what was decoded. */
uint32_t ep_recording_length(const struct ep_recording *recording);

/* Makes a reader, which has a decoder process of its own (ep_sound_open); for one thread at a time.
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_audio_open(struct ep_audio **out, const char *decoder,
                                         struct ep_error *err);
void ep_audio_close(struct ep_audio *audio);
EP_DEFINE_OWNED(struct ep_audio, ep_audio_close)

/* Reads the file at path, or of it what options->start_s and duration_s say.
 *
 * EP_NOT_FOUND  it has no audio. EP_BAD_INPUT  it is not a regular file, cannot be opened or
 * decoded; the text says why, without the name. And as ep_sound_decode. */
EP_MUST_USE enum ep_status ep_audio_read(struct ep_recording *recording, struct ep_audio *audio,
                                         const char *path, const struct ep_sound_options *options,
                                         struct ep_error *err);

/* The same for raw samples, 16 bits signed little-endian, EP_SAMPLE_RATE a second, from a pipe or
 * file at fd. */
EP_MUST_USE enum ep_status ep_audio_read_raw(struct ep_recording *recording, struct ep_audio *audio,
                                             int fd, const struct ep_sound_options *options,
                                             struct ep_error *err);

/* Hands raw samples, as ep_audio_read_raw takes them, to sink as they come, until there are no
 * more.
 *
 * stop  once true, EP_INTERRUPTED; may be NULL. EP_IO, and what sink fails with. */
EP_MUST_USE enum ep_status ep_audio_stream(int fd, const atomic_bool *stop, ep_sound_sink *sink,
                                           void *context, struct ep_error *err);

#endif
