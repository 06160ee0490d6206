/* fields.h - what header fields of HTTP say, whatever bytes are in them */
#ifndef EP_NET_FIELDS_H
#define EP_NET_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest wait that is heeded, in seconds. */
#define EP_FIELD_WAIT_MAX 60U

/* The seconds of "Prefer: wait=SECONDS" (RFC 7240), at most EP_FIELD_WAIT_MAX; 0 where there are
 * none. prefer: may be NULL. */
unsigned ep_field_wait(const char *prefer);

/* Whether a list of tags (may be NULL) has this one, which is in its quotes. */
bool ep_field_has_tag(const char *list, const char *tag);

/* Reads a Range (may be NULL) of something of size bytes, above 0: "bytes=FROM-", "bytes=FROM-TO",
 * "bytes=-LAST". True: from <= to < size; or from is size, as there are not so many bytes. False:
 * it is to be ignored, because it is not a range, has another unit, or has several ranges. */
bool ep_field_range(uint64_t *from, uint64_t *to, const char *range, uint64_t size);

/* Takes the value of a header line of size bytes, where it is of this name: without the spaces
 * around it, ended by NUL. value has room for `room` bytes, 1 or more; where that is not enough, or
 * it has control characters, it is empty. False: it is another header. */
bool ep_field_value(char *value, size_t room, const char *name, const char *line, size_t size);

#endif
