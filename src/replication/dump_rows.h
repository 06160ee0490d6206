/* dump_rows.h - the documents of a snapshot as the bytes of dump files, made on all cores */
#ifndef EP_REPLICATION_DUMP_ROWS_H
#define EP_REPLICATION_DUMP_ROWS_H

#include "replication/dump.h"

/* Some whole rows, packed where they are to be; borrowed during the call. */
struct ep_rows_piece {
	const uint8_t *bytes;
	size_t size;
	uint64_t documents;
	bool ends_file; /* the last piece of a file */
};

struct ep_rows {
	struct ep_log *log;
	const struct ep_log_read *read;
	uint64_t after;
	uint32_t source; /* EP_SOURCE_ANY: all */
	uint64_t lines; /* rows a file */
	enum ep_compression compression;
	bool count_only; /* take is not called */
	const atomic_bool *stop;
	void (*on_progress)(void *context, const struct ep_dump_progress *progress);
	void *progress_context;
	/* Given the pieces in order. */
	enum ep_status (*take)(void *context, const struct ep_rows_piece *piece,
	                       struct ep_error *err);
	void *context;
	/* Filled by ep_rows_run. */
	uint64_t documents;
	uint64_t deletions;
};

/* Goes through the entries behind `after`. EP_INTERRUPTED; EP_CORRUPT; what take fails with. */
EP_MUST_USE enum ep_status ep_rows_run(struct ep_rows *rows, struct ep_error *err);

#endif
