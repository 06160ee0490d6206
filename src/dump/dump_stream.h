/* dump_stream.h - what is behind a watermark in a snapshot as the bytes of dump files, made on all
 * cores: as rows (dump_rows.c) or as packets (dump_packets.c) */
#ifndef EP_DUMP_DUMP_STREAM_H
#define EP_DUMP_DUMP_STREAM_H

#include "dump/dump_progress.h"
#include "format/compress.h"
#include "format/packet.h"
#include "store/log.h"

#include <stdatomic.h>

/* Some of the bytes of a file; borrowed during the call. */
struct ep_dump_piece {
	const uint8_t *bytes;
	size_t size;
	uint64_t documents;
	bool ends_file; /* the last piece of a file */
};

struct ep_dump_stream {
	struct ep_log *log;
	const struct ep_log_read *read;
	uint64_t after;
	uint64_t until; /* for packets: the last position; 0: that of the snapshot */
	struct ep_mark mark; /* for packets: at `until`, where the snapshot does not have it yet */
	uint32_t source; /* EP_SOURCE_ANY: all */
	uint64_t lines; /* documents a file */
	enum ep_compression compression; /* of rows */
	const char *node_name; /* for packets */
	bool count_only; /* take is not called */
	const atomic_bool *stop;
	void (*on_progress)(void *context, const struct ep_dump_progress *progress);
	void *progress_context;
	/* Given the pieces in order. */
	enum ep_status (*take)(void *context, const struct ep_dump_piece *piece,
	                       struct ep_error *err);
	void *context;
	/* Filled by the run. */
	uint64_t documents;
	uint64_t deletions;
};

/* Goes through the entries behind `after`. EP_INTERRUPTED; EP_CORRUPT; what take fails with. */
EP_MUST_USE enum ep_status ep_dump_rows(struct ep_dump_stream *stream, struct ep_error *err);

/* The same as packets, each a file with whole tracks. */
EP_MUST_USE enum ep_status ep_dump_packets(struct ep_dump_stream *stream, struct ep_error *err);

#endif
