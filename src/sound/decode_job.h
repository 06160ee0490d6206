/* decode_job.h - what the decoder is to do with a file; in the decoder process */
#ifndef EP_SOUND_DECODE_JOB_H
#define EP_SOUND_DECODE_JOB_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Texts are borrowed: valid until ep_decode_close. */
struct ep_decode_info {
	uint32_t sample_rate;
	uint32_t bit_rate;
	int64_t duration_us; /* 0: not known */
	const char *codec; /* as FFmpeg names it */
	const char *texts[6]; /* artist, release, title, genre, ISRC, MusicBrainz recording id; ""
	                         where missing */
};

struct ep_decode_job {
	int fd; /* read from its start; may be a pipe */
	int listener; /* when this socket hangs up, a live job ends */
	const char *name; /* of which the ending counts */
	bool sure; /* a guess is not enough */
	bool live; /* the sound comes as it is heard, and may have no end */
	bool raw; /* there are samples alone */
	int64_t start_us;
	int64_t duration_us; /* 0: to the end */
	/* Takes the next samples. */
	enum ep_status (*samples)(void *context, const int16_t *samples, size_t count,
	                          struct ep_error *err);
	/* Of a live job: what is known of it before its first samples, and when its title or
	 * artist changed. */
	enum ep_status (*begun)(void *context, const struct ep_decode_info *info,
	                        struct ep_error *err);
	enum ep_status (*title)(void *context, const char *artist, const char *title,
	                        struct ep_error *err);
	void *context;
};

#endif
