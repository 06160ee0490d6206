/* echoprint.h - a database of music fingerprints, for other programs
 *
 *     struct echoprint_error err;
 *     struct echoprint_db *db;
 *     struct echoprint_answer *answer;
 *     if (echoprint_open(&db, "/var/lib/echoprint", NULL, &err) != ECHOPRINT_OK ||
 *         echoprint_query_file(&answer, db, "song.mp3", NULL, &err) != ECHOPRINT_OK)
 *             fprintf(stderr, "%s\n", err.text);
 *
 * Link with `pkg-config --cflags --libs echoprint`. The functions and what they decide are told in
 * docs/library.md; echoprint(3) is the same as a manual page.
 *
 * Failure: every function that can fail gives a status, and fills the error that its caller owns,
 * which may be NULL. Out parameters come first, and are untouched on failure, except where a
 * function says otherwise: those that commit a change, and then bring the index up to it. The
 * library never prints, exits or handles signals. It does not read the environment, but for
 * echoprint_join and echoprint_sync over HTTP: $SSL_CERT_FILE names the authorities, and libcurl
 * reads its own variables, such as http_proxy, https_proxy and no_proxy.
 *
 * Memory: a struct that the library gives is freed with the function of its name, which accepts
 * NULL; its texts are UTF-8, end with NUL, and are never NULL.
 *
 * Structs that grow: `size` is the first member. The caller sets it to the sizeof of a struct that
 * it fills, with zeros where it has nothing to say; a later library then knows which members are
 * there. In a struct that the library gives, size says the same to the caller.
 *
 * Threads: any number of threads may use a database at once, as it says at its functions. A
 * listener, a cursor and what a function gave are for one thread at a time.
 *
 * Processes: after fork, what was opened before it must not be used in the child, where every
 * function fails with ECHOPRINT_USAGE, and closing does nothing. The child opens the data folder
 * itself. While one thread forks without exec, no other may be in a function of this library.
 */
#ifndef ECHOPRINT_H
#define ECHOPRINT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ECHOPRINT_API __attribute__((visibility("default")))
#else
#define ECHOPRINT_API
#endif

/* Samples are mono, signed 16 bit, so many a second. */
#define ECHOPRINT_SAMPLE_RATE 11025

/* One value per different reaction of a caller. */
enum echoprint_status {
	ECHOPRINT_OK = 0,
	ECHOPRINT_NO_MEMORY = 1,
	ECHOPRINT_IO = 2, /* the system refused; the text has its reason */
	ECHOPRINT_NO_SPACE = 3, /* the disk or the map is full: works again when there is room */
	ECHOPRINT_NOT_FOUND = 4, /* what was asked for is not there */
	ECHOPRINT_BAD_INPUT = 5, /* the input is not what it must be */
	ECHOPRINT_CORRUPT = 6, /* the data folder, or a compressed file, is damaged */
	ECHOPRINT_NEWER = 7, /* written by a newer version */
	ECHOPRINT_INTERRUPTED = 8, /* by echoprint_interrupt */
	ECHOPRINT_UNREACHABLE = 9, /* the master does not answer: try again later */
	ECHOPRINT_DIVERGED = 10, /* the history is gone or has diverged: a person must decide */
	ECHOPRINT_USAGE = 11 /* the call is not what it must be */
};

struct echoprint_error {
	int status; /* enum echoprint_status */
	char text[508]; /* lower case, no full stop, says what would have been right */
};

/* The version of the library, such as "0.1.0". */
ECHOPRINT_API const char *echoprint_version(void);

/* ---- a database ---- */

struct echoprint_db;

enum echoprint_mode {
	ECHOPRINT_READ = 0, /* ECHOPRINT_NOT_FOUND where there is no data folder */
	ECHOPRINT_WRITE = 1, /* the same, and may write */
	ECHOPRINT_CREATE = 2 /* may write, and makes the data folder where there is none */
};

struct echoprint_open_options {
	size_t size;
	int mode; /* enum echoprint_mode */
	/* Address space for the database in bytes, which it cannot outgrow; 0: 1 TiB. */
	uint64_t map_size;
	/* Path of the program echoprint-decoder, which reads audio files; NULL: beside the library,
	 * else as installed. */
	const char *decoder;
};

/* Opens a data folder; options NULL: to read.
 *
 * In one process, all that open one folder share it: the first one decides by its options. Others
 * may then read, and write where the first may (else ECHOPRINT_USAGE). Any number of processes may
 * open it. ECHOPRINT_NOT_FOUND, ECHOPRINT_NEWER, ECHOPRINT_CORRUPT, ECHOPRINT_IO,
 * ECHOPRINT_NO_SPACE, ECHOPRINT_NO_MEMORY. */
ECHOPRINT_API enum echoprint_status echoprint_open(struct echoprint_db **out, const char *folder,
                                                   const struct echoprint_open_options *options,
                                                   struct echoprint_error *err);

/* Closes it; its listeners and cursors are closed before, and no thread uses it. */
ECHOPRINT_API void echoprint_close(struct echoprint_db *db);

/* Ends what takes long on this data folder in this process, now and from now on, with
 * ECHOPRINT_INTERRUPTED, until echoprint_resume is called. Any thread, or a signal handler. */
ECHOPRINT_API void echoprint_interrupt(struct echoprint_db *db);
ECHOPRINT_API void echoprint_resume(struct echoprint_db *db);

/* Looks at what others have written since the last query, which a query does by itself. A program
 * that seldom asks should call this every minute: else what the log no longer uses cannot be
 * reused, and the file grows while others write. Any thread. */
ECHOPRINT_API enum echoprint_status echoprint_refresh(struct echoprint_db *db,
                                                      struct echoprint_error *err);

/* ---- fingerprints ---- */

struct echoprint_pair {
	uint32_t code; /* 20 bits from the code generator; any in a database */
	uint32_t time; /* in units of 23 ms from the start of the song, below 2^31 */
};

struct echoprint_codes {
	size_t size;
	const struct echoprint_pair *pairs;
	size_t count;
	/* Of an audio file; else empty, or 0. */
	uint32_t length_s;
	double decoded_s; /* how much of it was decoded */
	const char *codever;
	const char *artist;
	const char *release;
	const char *title;
};

struct echoprint_codegen_options {
	size_t size;
	const char *decoder; /* as in struct echoprint_open_options */
	double start_s; /* where to begin; is added to the times */
	double duration_s; /* how much to take; 0: to the end */
};

/* Computes the codes of an audio file, bit for bit as the code generator 4.12 does. Any thread.
 * ECHOPRINT_BAD_INPUT, ECHOPRINT_NOT_FOUND (no audio), ECHOPRINT_IO, ECHOPRINT_NO_MEMORY. */
ECHOPRINT_API enum echoprint_status
echoprint_codegen_file(struct echoprint_codes **out, const char *path,
                       const struct echoprint_codegen_options *options,
                       struct echoprint_error *err);

/* The same of samples[0..count); start_s is added to the times. */
ECHOPRINT_API enum echoprint_status echoprint_codegen_samples(struct echoprint_codes **out,
                                                              const int16_t *samples, size_t count,
                                                              double start_s,
                                                              struct echoprint_error *err);

/* Reads a code string of size bytes, packed or plain, in the order in which it stands.
 * ECHOPRINT_BAD_INPUT, ECHOPRINT_NO_MEMORY. */
ECHOPRINT_API enum echoprint_status echoprint_decode(struct echoprint_codes **out, const char *code,
                                                     size_t size, struct echoprint_error *err);
ECHOPRINT_API void echoprint_codes_free(struct echoprint_codes *codes);

enum echoprint_form {
	ECHOPRINT_PLAIN = 0, /* "code time code time ..." */
	ECHOPRINT_PACKED = 1 /* base64 of zlib of hex, as the code generator writes it */
};

/* Writes pairs[0..count) as a code string, in their order; free it with echoprint_text_free.
 * ECHOPRINT_BAD_INPUT (too many), ECHOPRINT_NO_MEMORY. */
ECHOPRINT_API enum echoprint_status echoprint_encode(char **out, const struct echoprint_pair *pairs,
                                                     size_t count, int form,
                                                     struct echoprint_error *err);
ECHOPRINT_API void echoprint_text_free(char *text);

/* ---- ingesting ---- */

/* What is known of a track beside its names, such as its "isrc" or "musicbrainz_recordingid". A key
 * has 1 to 64 of a-z 0-9 _ . -; a value up to 1,024 bytes without control characters; a track up to
 * 64 fields. This struct never grows. */
struct echoprint_field {
	const char *key;
	const char *value;
};

/* A song with its codes: as a code string, or else as pairs. */
struct echoprint_song {
	size_t size;
	const char *track_id; /* NULL: one is made */
	const char *code;
	size_t code_size; /* bytes */
	const struct echoprint_pair *pairs; /* where code is NULL */
	size_t pair_count;
	uint32_t length_s;
	const char *codever; /* NULL: "4.12" */
	const char *artist; /* this and the next two may be NULL */
	const char *release;
	const char *track;
	const struct echoprint_field
		*fields; /* in any order; of a key that comes again the last counts */
	size_t field_count;
};

enum echoprint_dedup {
	ECHOPRINT_DEDUP_DEFAULT = 0, /* exact; of what a slave dumped, match */
	ECHOPRINT_DEDUP_OFF = 1, /* copies are not looked for */
	ECHOPRINT_DEDUP_EXACT = 2, /* songs with the same codes are linked */
	ECHOPRINT_DEDUP_MATCH = 3 /* other encodings of one recording, too */
};

enum echoprint_id_from {
	ECHOPRINT_ID_MADE = 0, /* by chance and clock */
	ECHOPRINT_ID_FROM_PATH = 1, /* a hash of the absolute path */
	ECHOPRINT_ID_FROM_HASH = 2 /* a hash of what the file holds */
};

struct echoprint_ingest_options {
	size_t size;
	/* NULL: songs of this node, as audio files, folders of them, or JSON of the code generator.
	 * Else files are dumps, CSV or packets, of "local", "master" or the slave of this name. */
	const char *source;
	int dedup; /* enum echoprint_dedup */
	int id_from; /* of audio files: enum echoprint_id_from */
	int strict; /* all of a file or nothing */
	int dry_run; /* nothing is kept */
	int no_index; /* leaves the index and copies to echoprint_settle */
	int64_t import_date; /* seconds since 1970; 0: now */
	/* Told in the thread that called of each row, object or file that is refused, in order; may
	 * be NULL. What is empty is "", number is 0 for a file as a whole. */
	void (*on_reject)(void *context, const char *file, const char *what, uint64_t number,
	                  const char *reason);
	void *context;
};

/* What became of it; counts documents, of which a song has one for each half minute. */
struct echoprint_report {
	size_t size;
	uint64_t added;
	uint64_t updated;
	uint64_t unchanged;
	uint64_t duplicate; /* added or updated, and then linked as copies */
	uint64_t conflict; /* set aside */
	uint64_t rejected;
	uint64_t without_codes; /* songs without pairs, of which nothing is stored */
	uint64_t deleted; /* tracks, by a packet */
	uint64_t position; /* of the log then */
	/* Of echoprint_ingest_songs: their ids, in the order given; "" for one without codes. */
	const char *const *track_ids;
	size_t track_count;
};

/* Ingests songs as this node's own, all of them in one transaction, or nothing. On success they
 * survive power loss, and the next query finds them (unless no_index is set, when it finds them
 * too, but takes longer). songs lie one behind the other, each of the size of the first. Of options
 * (may be NULL), dedup, no_index and import_date count. Any thread; writers wait for one another.
 *
 * *out is NULL where nothing was kept. Where the songs were kept, but index or copies could not be
 * brought up to them, *out is filled in spite of the failure that is the result: do not ingest
 * them again; echoprint_settle, or the next ingest, makes up for it.
 *
 * ECHOPRINT_BAD_INPUT  the text says which song, from 1, and why. ECHOPRINT_NO_SPACE, ECHOPRINT_IO,
 * ECHOPRINT_CORRUPT, ECHOPRINT_INTERRUPTED, ECHOPRINT_NO_MEMORY. */
ECHOPRINT_API enum echoprint_status
echoprint_ingest_songs(struct echoprint_report **out, struct echoprint_db *db,
                       const struct echoprint_song *songs, size_t count,
                       const struct echoprint_ingest_options *options, struct echoprint_error *err);

/* Ingests files, one after the other, in transactions of some megabytes. Files that fail do not
 * stop the others; the first failure is the result then, and *out is filled in spite of it: it is
 * NULL only where nothing was begun. Any thread. */
ECHOPRINT_API enum echoprint_status
echoprint_ingest_files(struct echoprint_report **out, struct echoprint_db *db,
                       const char *const *paths, size_t count,
                       const struct echoprint_ingest_options *options, struct echoprint_error *err);

/* The same of bytes[0..size), which are what a file would hold: rows, a packet, or JSON; they may
 * be compressed. */
ECHOPRINT_API enum echoprint_status
echoprint_ingest_bytes(struct echoprint_report **out, struct echoprint_db *db, const void *bytes,
                       size_t size, const struct echoprint_ingest_options *options,
                       struct echoprint_error *err);
ECHOPRINT_API void echoprint_report_free(struct echoprint_report *report);

/* Brings the index up to date, and links copies: what no_index left. Any thread. */
ECHOPRINT_API enum echoprint_status echoprint_settle(struct echoprint_db *db,
                                                     struct echoprint_error *err);

/* Deletes tracks, in one transaction; *deleted (may be NULL) becomes how many. Of those that cannot
 * be deleted, the first is the result, and the others are deleted all the same:
 * ECHOPRINT_NOT_FOUND  there is no such track. ECHOPRINT_BAD_INPUT  it came from the master that
 * this node follows. Any thread. */
ECHOPRINT_API enum echoprint_status echoprint_delete(uint64_t *deleted, struct echoprint_db *db,
                                                     const char *const *ids, size_t count,
                                                     struct echoprint_error *err);

/* The outcome of a deletion; the caller sets size, on_left and context. */
struct echoprint_deletion {
	size_t size;
	/* Called for each track that cannot be deleted, in the order of ids, in the thread of the
	 * caller, while the transaction is open; may be NULL. status: as echoprint_delete. */
	void (*on_left)(void *context, const char *id, int status, const char *why);
	void *context;
	uint64_t deleted; /* tracks */
	uint64_t position; /* of the log after the deletion */
};

/* As echoprint_delete, but a track that cannot be deleted is reported to on_left and is not a
 * failure. ECHOPRINT_IO, ECHOPRINT_NO_SPACE, ECHOPRINT_CORRUPT, ECHOPRINT_NO_MEMORY: no track was
 * deleted. */
ECHOPRINT_API enum echoprint_status echoprint_delete_tracks(struct echoprint_deletion *deletion,
                                                            struct echoprint_db *db,
                                                            const char *const *ids, size_t count,
                                                            struct echoprint_error *err);

/* What is to be new about a track; the caller sets size. */
struct echoprint_edit {
	size_t size;
	const char *artist; /* NULL: stays as it is; this and the next two */
	const char *release;
	const char *track;
	const struct echoprint_field
		*fields; /* each sets its key, or removes it if its value is "" */
	size_t field_count;
};

/* Changes the names of all documents of a track, and its fields, in one transaction; *changed (may
 * be NULL) becomes 0 if the track was so already, and else 1, also where the change was kept, but
 * the index could not be brought up to it, which is then the result; the next query makes up for
 * it. On any other failure *changed is untouched. ECHOPRINT_NOT_FOUND  there is no such track.
 * ECHOPRINT_BAD_INPUT  a name or field is not allowed, or the track came from the master that this
 * node follows. ECHOPRINT_IO, ECHOPRINT_NO_SPACE, ECHOPRINT_CORRUPT,
 * ECHOPRINT_INTERRUPTED, ECHOPRINT_NO_MEMORY. Any thread. */
ECHOPRINT_API enum echoprint_status echoprint_edit(int *changed, struct echoprint_db *db,
                                                   const char *id,
                                                   const struct echoprint_edit *edit,
                                                   struct echoprint_error *err);

/* ---- asking ---- */

enum echoprint_rule {
	ECHOPRINT_RULE_EVIDENCE = 0, /* docs/matching.md */
	ECHOPRINT_RULE_ORIGINAL = 1 /* of 2011: reads all of the database for each query */
};

struct echoprint_query_options {
	size_t size;
	int rule; /* enum echoprint_rule */
	/* How much faster or slower than its track the query may be, in per cent, up to 6; below 0:
	 * not at all; 0: 2 per cent. Not of the original's rule. */
	double speed_percent;
	/* Of the original's rule: so many pairs are needed; 0: 10. */
	uint32_t elbow;
};

struct echoprint_answer {
	size_t size;
	int match; /* 1: the track is known */
	int type; /* as the original numbers its decisions; 0: too short */
	int score;
	char message[64]; /* the original's */
	/* Of the match; without one empty, or 0. */
	const char *track_id;
	const char *artist;
	const char *release;
	const char *track;
	uint32_t length_s; /* 0 where it is not known */
	double offset_s; /* in the track, at the query's time 0; not of the original's rule */
	double speed; /* how many times as fast as the track the query is */
	double probability; /* that the match is right; 0 by the original's rule */
	const struct echoprint_field *fields; /* of the track, by key */
	size_t field_count;
};

/* Each answers what a query is from; options may be NULL. All that was committed before is found.
 * Any number of threads at once. Only the first minute of a query counts.
 *
 * ECHOPRINT_BAD_INPUT  it is no code string, or no sound that can be decoded. ECHOPRINT_IO  among
 * others: the index is far behind the log, and the database was opened to read. ECHOPRINT_NO_SPACE,
 * ECHOPRINT_CORRUPT, ECHOPRINT_NEWER, ECHOPRINT_INTERRUPTED, ECHOPRINT_NO_MEMORY. */
ECHOPRINT_API enum echoprint_status
echoprint_query_code(struct echoprint_answer **out, struct echoprint_db *db, const char *code,
                     size_t size, const struct echoprint_query_options *options,
                     struct echoprint_error *err);
ECHOPRINT_API enum echoprint_status
echoprint_query_pairs(struct echoprint_answer **out, struct echoprint_db *db,
                      const struct echoprint_pair *pairs, size_t count,
                      const struct echoprint_query_options *options, struct echoprint_error *err);
ECHOPRINT_API enum echoprint_status
echoprint_query_samples(struct echoprint_answer **out, struct echoprint_db *db,
                        const int16_t *samples, size_t count,
                        const struct echoprint_query_options *options, struct echoprint_error *err);
ECHOPRINT_API enum echoprint_status
echoprint_query_file(struct echoprint_answer **out, struct echoprint_db *db, const char *path,
                     const struct echoprint_query_options *options, struct echoprint_error *err);
ECHOPRINT_API void echoprint_answer_free(struct echoprint_answer *answer);

/* A document that has codes of a query. */
struct echoprint_candidate {
	const char *document_id; /* "TRABC-0" */
	const char *artist;
	const char *release;
	const char *track;
	uint32_t length_s;
	uint32_t score; /* distinct codes of the query that it has */
};

/* Documents, best first, and of equal ones first what came first. */
struct echoprint_candidates {
	size_t size;
	const struct echoprint_candidate *items;
	size_t count;
	size_t item_size; /* bytes from one item to the next */
};

/* The documents with the most distinct codes of a query, at most max and at most 30: what the
 * system of 2011 decided on. Reads all of the database. As echoprint_query_pairs. */
ECHOPRINT_API enum echoprint_status echoprint_find_candidates(struct echoprint_candidates **out,
                                                              struct echoprint_db *db,
                                                              const struct echoprint_pair *pairs,
                                                              size_t count, size_t max,
                                                              struct echoprint_error *err);
ECHOPRINT_API void echoprint_candidates_free(struct echoprint_candidates *candidates);

/* ---- listening ---- */

struct echoprint_listener;

/* A song in a stream. It comes twice: when it is recognised, and when it is over. */
struct echoprint_play {
	size_t size;
	int over; /* 1: it has ended, and start_s may be known better */
	double start_s; /* in the stream, when it begins; below 0: before the stream did */
	double end_s; /* when it ended; or how far the stream was when it was recognised */
	int score; /* the best of its windows */
	const char *track_id;
	const char *artist;
	const char *release;
	const char *track;
};

/* Makes a listener, which is closed before the database. ECHOPRINT_NO_MEMORY. */
ECHOPRINT_API enum echoprint_status echoprint_listen(struct echoprint_listener **out,
                                                     struct echoprint_db *db,
                                                     struct echoprint_error *err);

/* Takes the next samples. Each 5 s of them are searched in here. As echoprint_query_samples. */
ECHOPRINT_API enum echoprint_status echoprint_listen_feed(struct echoprint_listener *listener,
                                                          const int16_t *samples, size_t count,
                                                          struct echoprint_error *err);

/* The stream ends, and with it the song that plays. Nothing is fed after it. */
ECHOPRINT_API enum echoprint_status echoprint_listen_end(struct echoprint_listener *listener,
                                                         struct echoprint_error *err);

/* The next play that has not been taken, or NULL: there is none yet. It is good until the next call
 * with this listener. */
ECHOPRINT_API const struct echoprint_play *
echoprint_listen_next(struct echoprint_listener *listener);
ECHOPRINT_API void echoprint_listen_close(struct echoprint_listener *listener);

/* ---- reading ---- */

/* One row of a dump. */
struct echoprint_document {
	const char *document_id;
	const char *codever;
	const char *codes; /* a plain code string */
	const char *length;
	const char *artist;
	const char *release;
	const char *track;
};

struct echoprint_track {
	size_t size;
	const char *track_id;
	/* Of the first document. */
	const char *artist;
	const char *release;
	const char *track;
	const char *codever;
	uint32_t length_s; /* 0 where it is not known */
	const char *source;
	int64_t import_date; /* seconds since 1970 */
	uint64_t position; /* in the log */
	const char *copy_of; /* the track that it is a copy of; empty: none */
	uint32_t document_count;
	/* Empty where they were not asked for. */
	const struct echoprint_document *documents;
	size_t documents_size; /* how many are there */
	size_t document_size; /* bytes from one to the next */
	const struct echoprint_field *fields; /* by key */
	size_t field_count;
	int confirmed; /* 1: the master that this node follows has the same state of it */
};

/* Finds a track with its documents, by its id or that of one document. ECHOPRINT_NOT_FOUND,
 * ECHOPRINT_CORRUPT, ECHOPRINT_IO, ECHOPRINT_NO_MEMORY. Any thread. */
ECHOPRINT_API enum echoprint_status echoprint_find_track(struct echoprint_track **out,
                                                         struct echoprint_db *db, const char *id,
                                                         struct echoprint_error *err);
ECHOPRINT_API void echoprint_track_free(struct echoprint_track *track);

/* Returns the object that `echoprint show --json` prints for a track, or for one of its documents;
 * free it with echoprint_text_free. Errors: as echoprint_find_track. */
ECHOPRINT_API enum echoprint_status echoprint_track_json(char **out, struct echoprint_db *db,
                                                         const char *id,
                                                         struct echoprint_error *err);

struct echoprint_tracks;

struct echoprint_tracks_options {
	size_t size;
	const char *source; /* tracks of this source alone; NULL: all */
	uint64_t after; /* changed behind this position */
	int documents; /* with their documents */
	/* Tracks whose artist, release, title, id or fields have all of these words; NULL: all. */
	const char *words;
};

/* Begins to list tracks as they are now: all in order of their last change, or those with some
 * words, whole words first. Options may be NULL. While it is open, what the log no longer uses
 * cannot be reused. ECHOPRINT_BAD_INPUT (words: over 32 of them, or over 1024 bytes), ECHOPRINT_IO
 * (among others: the catalogue is far behind the log, and the database was opened to read),
 * ECHOPRINT_CORRUPT, ECHOPRINT_NO_MEMORY. */
ECHOPRINT_API enum echoprint_status
echoprint_tracks_open(struct echoprint_tracks **out, struct echoprint_db *db,
                      const struct echoprint_tracks_options *options, struct echoprint_error *err);

/* The next track, to be freed; ECHOPRINT_NOT_FOUND at the end. ECHOPRINT_CORRUPT,
 * ECHOPRINT_NO_MEMORY. */
ECHOPRINT_API enum echoprint_status echoprint_tracks_next(struct echoprint_track **out,
                                                          struct echoprint_tracks *tracks,
                                                          struct echoprint_error *err);
ECHOPRINT_API void echoprint_tracks_close(struct echoprint_tracks *tracks);

/* What a database holds; the caller sets size. */
struct echoprint_state {
	size_t size;
	uint64_t position; /* of the last change */
	uint64_t documents;
	uint64_t tracks;
	uint64_t tombstones; /* deleted tracks */
	uint64_t links; /* from copies to originals */
	uint64_t conflicts; /* set aside */
	char digest[65]; /* equal for all that hold the same tracks */
};

/* Fills state. Any thread. ECHOPRINT_CORRUPT, ECHOPRINT_IO. */
ECHOPRINT_API enum echoprint_status echoprint_read_state(struct echoprint_state *state,
                                                         struct echoprint_db *db,
                                                         struct echoprint_error *err);

/* The object that `echoprint status --json` prints; free it with echoprint_text_free. Any thread.
 */
ECHOPRINT_API enum echoprint_status echoprint_status_json(char **out, struct echoprint_db *db,
                                                          struct echoprint_error *err);

/* ---- exchange with other nodes ---- */

enum echoprint_dump_kind {
	ECHOPRINT_DUMP_MASTER = 0, /* all tracks, for the slaves */
	ECHOPRINT_DUMP_SLAVE = 1 /* those of source local, for the master */
};

enum echoprint_dump_format { ECHOPRINT_CSV = 0, ECHOPRINT_PACKET = 1 };

enum echoprint_compression {
	ECHOPRINT_COMPRESS_NONE = 0,
	ECHOPRINT_COMPRESS_BZIP2 = 1,
	ECHOPRINT_COMPRESS_ZSTD = 2
};

struct echoprint_dump_options {
	size_t size;
	const char *folder; /* where the files go; it must be there */
	int kind; /* enum echoprint_dump_kind */
	int format; /* enum echoprint_dump_format */
	int compression; /* of CSV: enum echoprint_compression */
	const char *name; /* of a slave in the names of its files; NULL: this node's */
	uint64_t lines; /* rows a file; 0: 250000 */
	int all; /* everything, beside the series of dumps */
	uint64_t after; /* the same behind this position; 0: where the last dump ended */
	int checksums; /* of CSV, too */
	int dry_run; /* counts only */
};

struct echoprint_dump_file {
	const char *name; /* in the folder */
	uint64_t documents;
	uint64_t bytes;
	const char *sha256; /* hex; empty: not computed */
};

struct echoprint_dump {
	size_t size;
	uint64_t documents;
	uint64_t deletions; /* which CSV cannot carry */
	uint64_t from; /* positions, from (not included) to (included) */
	uint64_t to;
	const struct echoprint_dump_file *files;
	size_t file_count;
	size_t file_size; /* bytes from one file to the next */
};

/* Writes files with all that is newer than the last dump: all of them or none. Any thread.
 * ECHOPRINT_IO, ECHOPRINT_NO_SPACE, ECHOPRINT_CORRUPT, ECHOPRINT_INTERRUPTED,
 * ECHOPRINT_NO_MEMORY. */
ECHOPRINT_API enum echoprint_status echoprint_dump(struct echoprint_dump **out,
                                                   struct echoprint_db *db,
                                                   const struct echoprint_dump_options *options,
                                                   struct echoprint_error *err);
ECHOPRINT_API void echoprint_dump_free(struct echoprint_dump *dump);

/* Makes this node a slave of the master that an invitation is from, which is the line that
 * `echoprint source add` printed there. As echoprint_sync, it reads $SSL_CERT_FILE and the
 * variables of libcurl. ECHOPRINT_BAD_INPUT, ECHOPRINT_UNREACHABLE, ECHOPRINT_IO. */
ECHOPRINT_API enum echoprint_status echoprint_join(struct echoprint_db *db, const char *invitation,
                                                   struct echoprint_error *err);

/* What a sync did; the caller sets size. */
struct echoprint_sync {
	size_t size;
	uint64_t contributed; /* tracks that were sent */
	uint64_t refused; /* of them, in conflict, refused or rejected */
	uint64_t from; /* positions of the master's log */
	uint64_t to;
	uint64_t documents; /* that changed here */
	uint64_t deleted; /* tracks */
	int equal; /* 1: this copy equals the master's, but for: */
	uint64_t local_only; /* tracks that only this node has */
};

/* Sends what is local to the master that this node has joined, over HTTP or by a folder, and
 * fetches what is new; restart: reads its feed from the beginning. It needs libcurl for HTTP.
 * report may be NULL. One thread at a time. ECHOPRINT_NOT_FOUND (no master),
 * ECHOPRINT_UNREACHABLE, ECHOPRINT_DIVERGED, ECHOPRINT_CORRUPT (wrongly signed), ECHOPRINT_NEWER,
 * ECHOPRINT_IO, ECHOPRINT_NO_SPACE, ECHOPRINT_INTERRUPTED, ECHOPRINT_NO_MEMORY. */
ECHOPRINT_API enum echoprint_status echoprint_sync(struct echoprint_sync *report,
                                                   struct echoprint_db *db, int restart,
                                                   struct echoprint_error *err);

#ifdef __cplusplus
}
#endif

#endif
