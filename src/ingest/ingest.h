/* ingest.h - what comes in: files of rows or songs, into the log
 *
 * A file is read, decoded and encoded side by side and put in order, in transactions of some
 * megabytes each. What has been committed stays, whatever happens to the rest; ingesting the whole
 * again changes nothing of it.
 */
#ifndef EP_INGEST_INGEST_H
#define EP_INGEST_INGEST_H

#include "format/contribution.h"
#include "ingest/batch.h"
#include "ingest/input.h"
#include <stdatomic.h>

enum ep_ingest_kind {
	EP_INGEST_DUMP, /* CSV files of a master or slave; rows join their track */
	EP_INGEST_CODEGEN /* JSON of the code generator, or sound; a song is a whole track */
};

struct ep_reject {
	const char *file;
	const char *what; /* "row", "object"; "position" for an entry of a packet; NULL: the file */
	uint64_t number; /* of the row or object in its file, from 1; the position */
	const char *reason;
	struct ep_text raw; /* its bytes in the file; of a file, its path */
};

/* What became of a track of a packet. Slices are borrowed during the call. */
struct ep_ingest_track {
	uint64_t position; /* of the packet's entry */
	struct ep_text id;
	enum ep_outcome outcome;
	struct ep_text detail; /* why it was rejected */
};

struct ep_ingest_progress {
	const char *file;
	uint64_t rows; /* documents of all files so far, not all of them committed */
	uint64_t bytes; /* read of this file, as it lies on the disk */
	uint64_t size; /* of this file; 0 where it is not known */
	uint64_t files; /* audio files so far; 0 where none come */
};

struct ep_ingest_options {
	enum ep_ingest_kind kind;
	struct ep_text source; /* "local", "master" or the name of a slave */
	int64_t import_date;
	bool date_given; /* by the user: it overrides that of a packet too */
	enum ep_id_from id_from; /* of the tracks of audio files */
	const char *decoder; /* of audio files: path of its program (ep_sound_open) */
	bool feed; /* a packet is of the feed that this node follows */
	const struct ep_key *sender; /* who signed a packet; NULL: whom it says that it is of */
	uint64_t tracks_max; /* that the sender may have (ep_offer); 0: any number */
	uint64_t bytes_max; /* the same */
	uint64_t unpacked_max; /* bytes that a packet may unpack to; 0: any */
	bool strict; /* a file is kept whole, in one transaction, or not at all */
	bool dry_run; /* everything is done but the commit, in one transaction for all files */
	/* Once true, the ingest ends with EP_INTERRUPTED; may be NULL. */
	const atomic_bool *stop;
	/* Told of every row that is refused, in order; may fail. May be NULL. */
	enum ep_status (*on_reject)(void *context, const struct ep_reject *reject,
	                            struct ep_error *err);
	/* Told some times a second; may be NULL. */
	void (*on_progress)(void *context, const struct ep_ingest_progress *progress);
	/* Told of every track, before it is committed; of a track whose rows do not come together,
	 * several times. May be NULL. */
	enum ep_status (*on_track)(void *context, const struct ep_ingest_track *track,
	                           struct ep_error *err);
	/* Called inside the transaction that commits a file, which then is one: all of it that can
	 * be kept is, together with what is set here; or nothing, where it is damaged. The file is
	 * read twice, so that it is checked before the transaction begins. May be NULL. */
	enum ep_status (*before_commit)(void *context, struct ep_log_write *write,
	                                struct ep_error *err);
	void *context;
	/* Called when what was told so far is committed; may be NULL. */
	void (*on_committed)(void *context);
	/* Called inside every transaction that is committed, of which all is behind position after.
	 * May be NULL. */
	enum ep_status (*with_commit)(void *context, struct ep_log_write *write, uint64_t after,
	                              struct ep_error *err);
	void *commit_context;
};

/* Counts documents; those of transactions that were not committed are not in it. */
struct ep_ingest_report {
	struct ep_put_counts counts;
	uint64_t rejected;
	uint64_t duplicate; /* added or updated, and then linked as copies: set by who links them */
	uint64_t without_codes; /* songs that hold no pairs, and so no documents */
	uint64_t passed_over; /* objects that are no songs */
	uint64_t files; /* audio files that were decoded */
	uint64_t files_known; /* that are as they were, and were not */
	uint64_t no_sound; /* files in folders that have no audio */
	uint64_t unknown; /* files that were given, and are neither sound nor JSON */
	uint64_t deleted; /* tracks, by a packet */
	uint64_t not_deleted; /* tracks that are not the source's to delete */
};

/* Documents of all kinds. */
uint64_t ep_ingest_read(const struct ep_ingest_report *report);

struct ep_ingest;

/* Begins to ingest. log, options and report are borrowed until ep_ingest_close; report is added to
 * as something is kept. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_ingest_open(struct ep_ingest **out, struct ep_log *log,
                                          const struct ep_ingest_options *options,
                                          struct ep_ingest_report *report, struct ep_error *err);

/* Ingests one file, or what stands for one. What the report counts has been kept, on failure too.
 *
 * EP_INTERRUPTED  by options->stop.
 * EP_BAD_INPUT    the JSON ends or goes wrong outside of objects, or with `strict` some of the file
 * was refused. EP_CORRUPT      the compressed file is damaged or truncated; or the log is.
 * EP_NOT_FOUND, EP_IO, EP_NO_SPACE, EP_NO_MEMORY
 * What on_reject fails with. */
EP_MUST_USE enum ep_status ep_ingest_input(struct ep_ingest *ingest,
                                           const struct ep_input_from *from, struct ep_error *err);

/* The same of a path ("-": standard input). */
EP_MUST_USE enum ep_status ep_ingest_file(struct ep_ingest *ingest, const char *path,
                                          struct ep_error *err);

/* Ingests audio files and folders of them, ended by NULL. Each file is kept whole or not at all,
 * and marked in the same transaction, so that it is not decoded again. In folders, files without
 * audio are skipped; a file that cannot be decoded is reported by on_reject, and the others are
 * ingested. Fails as above. */
EP_MUST_USE enum ep_status ep_ingest_sounds(struct ep_ingest *ingest, const char *const *paths,
                                            struct ep_error *err);

void ep_ingest_close(struct ep_ingest *ingest);
EP_DEFINE_OWNED(struct ep_ingest, ep_ingest_close)

#endif
