/* input.h - a file, standard input or bytes in memory, as bytes of what they hold
 *
 * What is compressed is unpacked. Waiting for a pipe can be interrupted.
 */
#ifndef EP_INGEST_INPUT_H
#define EP_INGEST_INPUT_H

#include "base/buffer.h"
#include "format/source.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ep_input;

/* Where the bytes come from. All is borrowed. */
struct ep_input_from {
	enum { EP_INPUT_PATH, EP_INPUT_FD, EP_INPUT_BYTES } kind;
	const char *name; /* the path; "-": standard input. Of the others: for messages */
	int fd; /* of a file that is open: it is read from its first byte */
	struct ep_bytes bytes;
};

/* Opens it.
 *
 * stop, give_up  once one of them is true, reading gives EP_INTERRUPTED; may be NULL; borrowed.
 * EP_NOT_FOUND  it cannot be opened, for whatever reason. EP_IO, EP_NO_MEMORY, and as
 * ep_stream_open. */
EP_MUST_USE enum ep_status ep_input_of(struct ep_input **out, const struct ep_input_from *from,
                                       const atomic_bool *stop, const atomic_bool *give_up,
                                       struct ep_error *err);

/* The same of a path. */
EP_MUST_USE enum ep_status ep_input_open(struct ep_input **out, const char *path,
                                         const atomic_bool *stop, const atomic_bool *give_up,
                                         struct ep_error *err);
void ep_input_close(struct ep_input *input);
EP_DEFINE_OWNED(struct ep_input, ep_input_close)

/* The unpacked bytes; borrows from the input. */
struct ep_source ep_input_source(struct ep_input *input);

/* What to call it in messages: its path, "standard input", or its name. */
const char *ep_input_name(const struct ep_input *input);

/* The size of the file as it lies on the disk; 0 where it has none. */
uint64_t ep_input_size(const struct ep_input *input);

/* How much of that has been read. May be called while another thread reads. */
uint64_t ep_input_done(const struct ep_input *input);

#endif
