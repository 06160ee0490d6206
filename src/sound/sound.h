/* sound.h - from audio files to samples, in a process of its own
 *
 * Files are decoded by libavformat, libavcodec and libswresample in a decoder process, which can do
 * nothing but that: it is handed an open file, has no network and no other files, and is limited in
 * memory and time. Whatever a file does to it costs that file and not the program. A decoder is
 * started when it is first needed, serves one file after the other, and is started anew when it
 * died.
 *
 *     program: open file -> descriptor --socket--> decoder: container, codec, downmix, resampler
 *     program: sink <----------samples, tags----------'
 */
#ifndef EP_SOUND_SOUND_H
#define EP_SOUND_SOUND_H

#include "base/status.h"
#include "base/text.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What samples are: mono, signed 16 bit, so many a second. */
#define EP_SOUND_RATE 11025

/* A decoder that sends nothing for this long is killed, and so is one that takes this much longer
 * than the audio lasts. */
#define EP_SOUND_PATIENCE_S 60

struct ep_sound;

struct ep_sound_options {
	double start_s; /* where to begin, in seconds; 0 or more */
	double duration_s; /* how much to take; 0: to the end */
	bool sure; /* a file that is only guessed to be sound counts as none */
	const atomic_bool *stop; /* once true, decoding ends with EP_INTERRUPTED; may be NULL */
};

/* What is known of a file. Texts are UTF-8 without NUL, empty where missing, at most 8 KiB. */
struct ep_sound_info {
	uint32_t sample_rate; /* Hz, of the file */
	uint32_t bit_rate; /* bit/s; 0 where not known */
	double duration_s; /* of the file; 0 where not known */
	struct ep_text artist;
	struct ep_text release;
	struct ep_text title;
	struct ep_text genre;
	struct ep_text isrc;
	struct ep_text recording_id; /* of MusicBrainz */
};

/* Takes the next samples; what it fails with ends the decoding. */
typedef enum ep_status ep_sound_sink(void *context, const int16_t *samples, size_t count,
                                     struct ep_error *err);

/* Makes a handle for one decoder process; for one thread at a time.
 *
 * decoder  path of the program, borrowed; NULL: as process.h finds it. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_sound_open(struct ep_sound **out, const char *decoder,
                                         struct ep_error *err);
void ep_sound_close(struct ep_sound *sound);
EP_DEFINE_OWNED(struct ep_sound, ep_sound_close)

/* Decodes the file behind the descriptor fd, which is borrowed, from where it begins, as the ffmpeg
 * program does for `-ac 1 -ar 11025 -f s16le`: of several audio streams, the one that it takes.
 *
 * info  filled on EP_OK; its texts are valid until the next call.
 * name  of the file, of which the ending helps to recognise what it is.
 * EP_NOT_FOUND    the file has no audio. EP_BAD_INPUT  it cannot be decoded: damaged, no
 *                 samples, or the decoder crashed or took too long or too much; the text says
 *                 which. EP_INTERRUPTED. EP_IO  the decoder cannot be started. EP_NO_MEMORY, and
 *                 what sink fails with. */
EP_MUST_USE enum ep_status ep_sound_decode(struct ep_sound_info *info, struct ep_sound *sound,
                                           int fd, const char *name,
                                           const struct ep_sound_options *options,
                                           ep_sound_sink *sink, void *context,
                                           struct ep_error *err);

#endif
