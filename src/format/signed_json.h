/* signed_json.h - a JSON object that carries its signature: docs/formats/feed.md
 *
 *     {"signature":"HEX",
 *     "format":1, ... }
 *
 * What is signed are the bytes behind the first line feed, for a purpose (base/sign.h): so there is
 * only one way to read what was signed, and the whole is JSON that any program reads.
 */
#ifndef EP_FORMAT_SIGNED_JSON_H
#define EP_FORMAT_SIGNED_JSON_H

#include "base/buffer.h"
#include "base/hash.h"
#include "base/sign.h"

#include <jansson.h>

/* The largest signed object that is read, in bytes. */
#define EP_SIGNED_MAX ((size_t)16 << 20)

/* Appends the object, which gets "format" as its first key, to out; consumes the reference to
 * object, NULL of which counts as out of memory. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_signed_write(struct ep_buffer *out, json_t *object, int format,
                                           const char *purpose, const struct ep_keys *keys,
                                           struct ep_error *err);

/* Checks the signature and parses the object, which is to be released with json_decref.
 *
 * what  names the text in messages, such as "feed.json".
 * EP_CORRUPT  it is not such a text, or not signed by key. EP_NEWER  its format is above `format`.
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_signed_read(json_t **object, struct ep_text text, int format,
                                          const char *purpose, const struct ep_key *key,
                                          const char *what, struct ep_error *err);

/* ---- values of an object that has been read; EP_CORRUPT where they are not there ---- */

/* A whole number from 0 to 2^62. */
EP_MUST_USE enum ep_status ep_json_number(uint64_t *number, const json_t *object, const char *name,
                                          struct ep_error *err);

/* A text, borrowed from the object. */
EP_MUST_USE enum ep_status ep_json_string(struct ep_text *text, const json_t *object,
                                          const char *name, struct ep_error *err);

/* size bytes as hex. */
EP_MUST_USE enum ep_status ep_json_bytes(void *bytes, size_t size, const json_t *object,
                                         const char *name, struct ep_error *err);

/* Sets name of object to bytes as hex; false when there is no memory. */
bool ep_json_set_bytes(json_t *object, const char *name, const void *bytes, size_t size);

void ep_json_release(json_t **object);
#define EP_JSON __attribute__((cleanup(ep_json_release)))

#endif
