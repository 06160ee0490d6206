/* dump.h - what goes out: the documents behind a watermark, as files
 *
 *     1. a snapshot is read, and the files are written under other names and made durable
 *     2. the log takes note of them (names, sizes, the new watermark)
 *     3. the files are renamed
 *     4. the watermark moves, and the note goes, in one transaction
 *
 * A dump that was killed between 2 and 4 is completed by the next one: so nothing is sent twice,
 * and nothing is lost. Killed before 2, it leaves nothing but files under other names, which the
 * next dump into the same folder removes. docs/replication.md tells what survives what.
 */
#ifndef EP_DUMP_DUMP_H
#define EP_DUMP_DUMP_H

#include "base/time.h"
#include "dump/dump_progress.h"
#include "format/compress.h"
#include "store/log.h"

#include <stdatomic.h>

#define EP_DUMP_LINES 250000

enum ep_dump_kind {
	EP_DUMP_MASTER, /* all documents; echoprint-replication-out-DATE-N.csv */
	EP_DUMP_SLAVE /* those of source local; echoprint-slave-NAME-DATE-N.csv */
};

struct ep_dump_options {
	enum ep_dump_kind kind;
	const char *folder; /* where the files go; it must be there. NULL: one stream to standard
	                       output, which cannot acknowledge, so that the watermark stays */
	const char *name; /* of a slave, for its files */
	uint64_t lines; /* rows a file, at least 1 */
	bool packets; /* instead of CSV */
	enum ep_compression compression; /* of CSV */
	bool since_given; /* everything behind `since`, beside the series: the watermark stays */
	uint64_t since;
	bool checksums; /* of the files; those of packets are always computed */
	bool dry_run; /* count only */
	const atomic_bool *stop;
	void (*on_progress)(void *context, const struct ep_dump_progress *progress);
	/* Told of another dump's files that were completed first. May be NULL. */
	void (*on_completed)(void *context, const char *path);
	void *context;
};

struct ep_dump_file {
	char *name;
	uint64_t documents;
	uint64_t bytes;
	bool has_sha256;
	struct ep_hash sha256;
};

struct ep_dump_report {
	uint64_t documents;
	uint64_t deletions; /* behind the watermark; a CSV cannot carry them */
	struct ep_dump_file *files;
	size_t file_count;
	uint64_t from; /* positions from (not included) to (included) */
	uint64_t to;
	char lastdump[EP_TIME_TEXT]; /* of this dump; else of the last one; empty: there was none */
};

/* Dumps, and fills report; to be freed with ep_dump_report_free, on failure too.
 *
 * EP_INTERRUPTED  by options->stop: no file is left, and the watermark stays.
 * EP_IO, EP_NO_SPACE, EP_CORRUPT, EP_NO_MEMORY: the same. */
EP_MUST_USE enum ep_status ep_dump(struct ep_dump_report *report, struct ep_log *log,
                                   const struct ep_dump_options *options, struct ep_error *err);
void ep_dump_report_free(struct ep_dump_report *report);

/* The names of the values that a dump keeps in the log: its watermark (a number) and the time of
 * the last dump (text). */
const char *ep_dump_watermark_name(enum ep_dump_kind kind);
const char *ep_dump_lastdump_name(enum ep_dump_kind kind);

#endif
