/* decode_job.h - what the decoder is to do with a file; in the decoder process */
#ifndef EP_SOUND_DECODE_JOB_H
#define EP_SOUND_DECODE_JOB_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ep_decode_job {
	int fd; /* read from its start; may be a pipe */
	const char *name; /* of which the ending counts */
	bool sure; /* a guess is not enough */
	int64_t start_us;
	int64_t duration_us; /* 0: to the end */
	/* Takes the next samples. */
	enum ep_status (*samples)(void *context, const int16_t *samples, size_t count,
	                          struct ep_error *err);
	void *context;
};

#endif
