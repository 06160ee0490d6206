/* codegen_json.h - the songs that the code generator writes as JSON
 *
 * The input is objects, in arrays or not, with any blanks between them:
 *
 *     input  = *( object / array )
 *     array  = "[" [ object *( "," object ) ] "]"
 *
 * One thread finds where the objects end (ep_codegen_read), many may then look into them
 * (ep_codegen_parse). A UTF-8 byte order mark at the very start is skipped. What is read of an
 * object, its keys in any order and others ignored; of a key that occurs twice the last one counts:
 *
 *     code                string, packed or plain code string; without the key there is no song
 *     metadata.duration   number of seconds, 0 to 2^31-1, decimals cut off; required
 *     metadata.version    number, written with two decimals; or a string, as it is; required
 *     metadata.track_id   string, optional
 *     metadata.artist     string, optional
 *     metadata.release    string, optional
 *     metadata.title      string, optional
 *     metadata.fields     object of strings, optional: {"isrc": "USRC17607839"}
 *
 * Optional ones may be null or "" as well, which is the same as missing.
 */
#ifndef EP_FORMAT_CODEGEN_JSON_H
#define EP_FORMAT_CODEGEN_JSON_H

#include "base/buffer.h"
#include "base/status.h"
#include "base/text.h"
#include "format/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest object and, in it, the largest string that is read. */
#define EP_CODEGEN_OBJECT_MAX ((size_t)64 << 20)
#define EP_CODEGEN_TEXT_MAX ((size_t)16 << 20)
#define EP_CODEGEN_TRACK_ID_MAX ((size_t)255)
#define EP_CODEGEN_VERSION_MAX ((size_t)63)

/* The most that metadata.fields may have; which keys and values a track takes is the log's to say.
 */
#define EP_CODEGEN_FIELDS_MAX ((size_t)64)

/* A block ends with the object in which it passes so many bytes, or after so many objects. */
#define EP_CODEGEN_BLOCK_SIZE ((size_t)4 << 20)
#define EP_CODEGEN_BLOCK_OBJECTS ((size_t)16384)

/* What is kept of an object that is too long. */
#define EP_CODEGEN_RAW_KEPT ((size_t)1024)

enum ep_codegen_fault {
	EP_CODEGEN_OK = 0,
	EP_CODEGEN_TOO_LONG /* over EP_CODEGEN_OBJECT_MAX; was passed over */
};

struct ep_codegen_object {
	struct ep_text raw; /* from brace to brace; too long: its first EP_CODEGEN_RAW_KEPT bytes */
	uint64_t number; /* of the object in the input, from 1 */
	uint64_t offset; /* of its opening brace in the (unpacked) input, in bytes */
	enum ep_codegen_fault fault;
};

/* Objects of the input, in order. A zeroed struct is an empty block. It needs neither the reader
 * nor the source, and is valid until it is filled again or freed. */
struct ep_codegen_block {
	struct ep_codegen_object *objects;
	size_t count; /* objects */

	/* The rest belongs to codegen_json.c. */
	size_t capacity; /* objects allocated */
	struct ep_buffer bytes;
};

/* Frees what block holds and leaves an empty block. */
void ep_codegen_block_free(struct ep_codegen_block *block);

/* All zero for what an ingest needs. */
struct ep_codegen_options {
	size_t block_size; /* bytes; 0 means EP_CODEGEN_BLOCK_SIZE */
	size_t object_max; /* bytes; 0 means EP_CODEGEN_OBJECT_MAX */
};

struct ep_codegen_reader;

/* Makes a reader; nothing is read yet. source.context is borrowed until the reader is closed;
 * options may be NULL, and is copied.
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_codegen_open(struct ep_codegen_reader **out, struct ep_source source,
                                           const struct ep_codegen_options *options,
                                           struct ep_error *err);

/* Fills block with the next objects, in place of what it held; count is 0 at the end of the input.
 * Of what is inside an object, only strings and the number of open braces and brackets are looked
 * at. EP_BAD_INPUT  something else than an object, comma or bracket between objects, or an end
 * inside an array or object; the text names the byte and what was expected there. EP_NO_MEMORY, or
 * what the source fails with. The whole objects before a failure are given out first; then every
 * call fails. On failure block is empty. */
EP_MUST_USE enum ep_status ep_codegen_read(struct ep_codegen_reader *reader,
                                           struct ep_codegen_block *block, struct ep_error *err);

/* Frees the reader, not the source nor any block; accepts NULL. */
void ep_codegen_close(struct ep_codegen_reader *reader);
EP_DEFINE_OWNED(struct ep_codegen_reader, ep_codegen_close)

struct ep_codegen_field {
	struct ep_text key;
	struct ep_text value; /* not empty */
};

/* The texts are UTF-8 without NUL, belong to the song and are valid until it is freed; they do not
 * need the object. Empty (size 0) where missing. */
struct ep_codegen_song {
	bool has_code; /* false: there is no song here, and nothing else is set */
	struct ep_text code; /* code string, not decoded; may be empty */
	struct ep_text track_id; /* at most EP_CODEGEN_TRACK_ID_MAX bytes */
	struct ep_text artist;
	struct ep_text release;
	struct ep_text title;
	char version[EP_CODEGEN_VERSION_MAX + 1]; /* such as "4.12", ended by NUL */
	uint32_t duration_s; /* at most 2^31-1 */
	struct ep_codegen_field fields[EP_CODEGEN_FIELDS_MAX]; /* in any order, no key twice */
	size_t field_count;

	struct json_t *json; /* owns the texts; belongs to codegen_song.c */
};

/* Reads the object at raw, which is borrowed during the call only. song is filled on EP_OK, to be
 * freed with ep_codegen_song_free. Callable from many threads.
 * EP_BAD_INPUT  no JSON object, or a key missing, of another type, out of range or too long; the
 *               text names the key or the byte of the object, and what was expected.
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_codegen_parse(struct ep_codegen_song *song, struct ep_text raw,
                                            struct ep_error *err);

/* As ep_codegen_parse, for a question: sets has_code and code only, and does not ask for metadata.
 */
EP_MUST_USE enum ep_status ep_codegen_parse_code(struct ep_codegen_song *song, struct ep_text raw,
                                                 struct ep_error *err);

/* Frees what song holds and leaves it zeroed. */
void ep_codegen_song_free(struct ep_codegen_song *song);

#endif
