/* source.h - where bytes come from: a file, a pipe, a decompressor, a test's array
 */
#ifndef EP_FORMAT_SOURCE_H
#define EP_FORMAT_SOURCE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

struct ep_source {
	/* Puts 1 to size bytes into bytes and their number into *got; *got is 0 at the end, and
	 * stays so. size is at least 1. Fewer bytes than asked for say nothing about the end.
	 * Any status may be handed up; a source that failed is not asked again. */
	enum ep_status (*read)(void *context, void *bytes, size_t size, size_t *got,
	                       struct ep_error *err);
	void *context; /* borrowed: outlives whoever reads from the source */
	/* Whether the next read would wait long for bytes, so that what was read should be worked
	 * on first. It may wait a little to find out. NULL where reads do not wait. */
	bool (*stalls)(void *context);
};

static inline bool
ep_source_stalls(const struct ep_source *source)
{
	return source->stalls && source->stalls(source->context);
}

/* A source that reads an open file from where it stands; fd is borrowed. */
struct ep_source ep_source_of_fd(int *fd);

#endif
