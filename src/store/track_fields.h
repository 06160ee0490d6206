/* track_fields.h - what is known of a track beside its rows: keys with values
 *
 * A track's fields are sorted by key (ep_text_compare), and no key occurs twice. Values are kept
 * byte for byte. As bytes, in an entry and in a packet (docs/formats/log.md):
 *
 *     fields := varint(count, 1 to EP_FIELDS_MAX) count * (text(key) text(value))
 */
#ifndef EP_STORE_TRACK_FIELDS_H
#define EP_STORE_TRACK_FIELDS_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* Keys that programs know. All others are the users' own. */
#define EP_FIELD_ISRC "isrc"
#define EP_FIELD_RECORDING_ID "musicbrainz_recordingid"

/* Bytes of a key and of a value, from 1; fields of a track, and bytes of all its keys and values
 * together, at most. */
#define EP_FIELD_KEY_MAX ((size_t)64)
#define EP_FIELD_VALUE_MAX ((size_t)1024)
#define EP_FIELDS_MAX ((size_t)64)
#define EP_FIELDS_BYTES_MAX ((size_t)16384)

/* Slices are borrowed. */
struct ep_field {
	struct ep_text key; /* of a-z 0-9 _ . - */
	struct ep_text value; /* UTF-8 without control characters (U+0000-1F, U+7F-9F) */
};

struct ep_fields {
	const struct ep_field *items;
	size_t count; /* 0: none */
};

/* Checks one field. EP_BAD_INPUT names the key and says what would be right. */
EP_MUST_USE enum ep_status ep_field_check(const struct ep_field *field, struct ep_error *err);

/* Checks all of a track: each of them, their order, and the limits. EP_BAD_INPUT. */
EP_MUST_USE enum ep_status ep_fields_check(const struct ep_fields *fields, struct ep_error *err);

bool ep_fields_equal(const struct ep_fields *one, const struct ep_fields *other);

/* The value of a key; size 0: there is none. */
struct ep_text ep_fields_find(const struct ep_fields *fields, struct ep_text key);

/* Reads "KEY=VALUE", which is borrowed; an empty value means that the field is to go. EP_BAD_INPUT
 * with what would be right. */
EP_MUST_USE enum ep_status ep_field_parse(struct ep_field *field, struct ep_text text,
                                          struct ep_error *err);

/* The fields that come of changes to those that are there: each sets its key, or removes it if its
 * value is empty (size 0). Of several changes of one key the last counts.
 *
 * fields   its list lives in arena; texts are borrowed from both.
 * there    sorted.
 * changes  change_count of them, in any order.
 * EP_BAD_INPUT  a change, or what would come of them, is not allowed. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_fields_join(struct ep_fields *fields, const struct ep_fields *there,
                                          const struct ep_field *changes, size_t change_count,
                                          struct ep_arena *arena, struct ep_error *err);

/* Appends their bytes; there is at least one. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_fields_write(struct ep_buffer *out, const struct ep_fields *fields,
                                           struct ep_error *err);

/* Reads them from a reader, which need not end behind them. Texts are borrowed, the list lives in
 * arena. EP_CORRUPT  not as above, or not allowed. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_fields_read(struct ep_fields *fields, struct ep_reader *reader,
                                          struct ep_arena *arena, struct ep_error *err);

/* The contents hash of a track that has fields, of the hash of its id and rows. */
void ep_fields_hash(struct ep_hash *hash, const struct ep_hash *rows,
                    const struct ep_fields *fields);

#endif
