/* plays_internal.h - what the files of the log of plays share; of no use elsewhere
 *
 * Databases of the environment (docs/formats/plays.md). Numbers in keys are big-endian.
 *
 *     name     key                               value
 *     plays    number (64 bit)                   a play
 *     gaps     number (64 bit)                   a gap
 *     by_time  kind (1 byte), start (64 bit,     number of the stream (32 bit)
 *              top bit flipped), number (64 bit)
 *     events   position (64 bit)                 kind (1 byte), number of the play (64 bit)
 *     streams  number (32 bit)                   a stream
 *     names    name of a stream                  its number (32 bit)
 *     values   name                              as named
 */
#ifndef EP_PLAYS_PLAYS_INTERNAL_H
#define EP_PLAYS_PLAYS_INTERNAL_H

#include "plays/plays.h"
#include "store/env.h"

/* What is known here. A log has EP_PLAYS_FORMAT_FIELDS once one of its plays has fields, and is
 * made with the one before. */
#define EP_PLAYS_FORMAT_FIRST 1
#define EP_PLAYS_FORMAT_FIELDS 2
#define EP_PLAYS_FORMAT EP_PLAYS_FORMAT_FIELDS

/* Names of values. */
#define EP_PLAYS_FORMAT_VALUE "format"
#define EP_PLAYS_ID_VALUE "id"
#define EP_PLAYS_FOLLOWER_VALUE "follower." /* and its name */

/* The first byte of a key of by_time. */
#define EP_BY_TIME_PLAY 1
#define EP_BY_TIME_GAP 2
#define EP_BY_TIME_SIZE 17

struct ep_plays {
	struct ep_env *env;
	MDB_dbi plays;
	MDB_dbi gaps;
	MDB_dbi by_time;
	MDB_dbi events;
	MDB_dbi streams;
	MDB_dbi names;
	MDB_dbi values;
};

struct ep_plays_read {
	struct ep_plays *plays;
	MDB_txn *txn;
};

struct ep_plays_write {
	struct ep_plays_read inside;
	struct ep_buffer bytes; /* of a value */
};

/* ---- keys ---- */

/* A number as a key, and back. */
void ep_plays_key64(uint8_t key[8], uint64_t number);
uint64_t ep_plays_key64_of(const uint8_t *key);

void ep_plays_time_key(uint8_t key[EP_BY_TIME_SIZE], uint8_t kind, int64_t start_ms,
                       uint64_t number);

/* ---- values ---- */

/* Appends the value; the fields of a play are not checked. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_play_encode(struct ep_buffer *out, const struct ep_logged_play *play,
                                          struct ep_error *err);
EP_MUST_USE enum ep_status ep_gap_encode(struct ep_buffer *out, const struct ep_gap *gap,
                                         struct ep_error *err);
EP_MUST_USE enum ep_status ep_stream_encode(struct ep_buffer *out,
                                            const struct ep_logged_stream *stream,
                                            struct ep_error *err);

/* Fills it, but for its number; texts are borrowed. False where the bytes are not one. */
bool ep_play_decode(struct ep_logged_play *play, struct ep_bytes bytes);
bool ep_gap_decode(struct ep_gap *gap, struct ep_bytes bytes);
bool ep_stream_decode(struct ep_logged_stream *stream, struct ep_bytes bytes);

/* ---- one value ---- */

/* EP_NOT_FOUND, EP_CORRUPT; the value is LMDB's. */
EP_MUST_USE enum ep_status ep_plays_get(struct ep_bytes *value, const struct ep_plays_read *read,
                                        MDB_dbi dbi, const void *key, size_t key_size,
                                        struct ep_error *err);

/* The last number in a database whose keys are numbers; 0: it is empty. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_plays_last(uint64_t *number, const struct ep_plays_read *read,
                                         MDB_dbi dbi, size_t key_size, struct ep_error *err);

/* A failure of LMDB that reads, or writes. */
enum ep_status ep_plays_read_failed(const struct ep_plays_read *read, int rc, struct ep_error *err);
enum ep_status ep_plays_write_failed(const struct ep_plays_write *write, int rc,
                                     struct ep_error *err);

/* As ep_plays_open, with the folder of the log itself. */
EP_MUST_USE enum ep_status ep_plays_open_at(struct ep_plays **out, const char *folder, bool make,
                                            size_t map_size, struct ep_error *err);

#endif
