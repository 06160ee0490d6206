/* dump_progress.h - how far a dump is */
#ifndef EP_DUMP_DUMP_PROGRESS_H
#define EP_DUMP_DUMP_PROGRESS_H

#include <stdint.h>

struct ep_dump_progress {
	uint64_t documents;
	uint64_t bytes;
	uint64_t position; /* from..to */
	uint64_t from;
	uint64_t to;
};

#endif
