/* http_parts.h - the parts of a body that HTML forms send with files: multipart/form-data */
#ifndef EP_NET_HTTP_PARTS_H
#define EP_NET_HTTP_PARTS_H

#include "net/http.h"

#define EP_HTTP_PARTS_MAX 64
#define EP_HTTP_PART_NAME_MAX 255

/* A part that came to its end. */
struct ep_http_part {
	char name[EP_HTTP_PART_NAME_MAX + 1]; /* of the field; cut, as the next */
	char file_name[EP_HTTP_PART_NAME_MAX + 1]; /* empty: none */
	char type[64]; /* Content-Type of the part; empty: none */
	char *path; /* of a file with what it holds, which is removed with the parts */
	uint64_t size;
};

struct ep_http_parts {
	struct ep_http_part items[EP_HTTP_PARTS_MAX];
	size_t count;
};

/* Splits the body of a request, which is in a file, into files beside it. parts starts zeroed, and
 * is to be freed, on failure too. EP_BAD_INPUT  the body is not such parts, or has more than
 * EP_HTTP_PARTS_MAX. EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_http_split(struct ep_http_parts *parts,
                                         struct ep_http_request *request, struct ep_error *err);

/* Removes the files. */
void ep_http_parts_free(struct ep_http_parts *parts);

#endif
