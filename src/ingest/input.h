/* input.h - a file, or standard input, as bytes of what it holds
 *
 * What is compressed is unpacked. Waiting for a pipe can be interrupted.
 */
#ifndef EP_INGEST_INPUT_H
#define EP_INGEST_INPUT_H

#include "format/source.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ep_input;

/* Opens path; "-" is standard input.
 *
 * stop, give_up  once one of them is true, reading gives EP_INTERRUPTED; may be NULL; borrowed.
 * EP_NOT_FOUND  it cannot be opened, for whatever reason. EP_IO, EP_NO_MEMORY, and as
 * ep_stream_open. */
EP_MUST_USE enum ep_status ep_input_open(struct ep_input **out, const char *path,
                                         const atomic_bool *stop, const atomic_bool *give_up,
                                         struct ep_error *err);
void ep_input_close(struct ep_input *input);
EP_DEFINE_OWNED(struct ep_input, ep_input_close)

/* The unpacked bytes; borrows from the input. */
struct ep_source ep_input_source(struct ep_input *input);

/* What to call it in messages: its path, or "standard input". */
const char *ep_input_name(const struct ep_input *input);

/* The size of the file as it lies on the disk; 0 where it has none. */
uint64_t ep_input_size(const struct ep_input *input);

/* How much of that has been read. May be called while another thread reads. */
uint64_t ep_input_done(const struct ep_input *input);

#endif
