/* stream.h - the bytes of a file, whether it is compressed or not
 *
 * bzip2, gzip, zstd and xz are recognised by the bytes at the front, never by a name:
 *
 *     gzip   1f 8b 08
 *     bzip2  "BZh", "1" to "9", then 31 41 59 26 53 59 or 17 72 45 38 50 90
 *     zstd   28 b5 2f fd, or a skippable frame: 50..5f 2a 4d 18
 *     xz     fd 37 7a 58 5a 00
 *
 * Anything else is plain and passes through. Any number of streams (members, frames) may follow one
 * another; other bytes behind the last one are damage. All checksums that a file has are checked.
 * An input that ends inside the front of a compressed file counts as that format, truncated.
 */
#ifndef EP_FORMAT_STREAM_H
#define EP_FORMAT_STREAM_H

#include "base/status.h"
#include "format/source.h"

#include <stddef.h>

struct ep_stream;

/* Reads the first bytes of raw and makes a stream of it; raw.context is borrowed until the stream
 * is closed. Empty input is a plain stream without bytes. EP_NO_MEMORY, or what raw fails with. */
EP_MUST_USE enum ep_status ep_stream_open(struct ep_stream **out, struct ep_source raw,
                                          struct ep_error *err);

/* Puts 1 to size unpacked bytes into bytes and their number into *got, 0 at the end; size is at
 * least 1. Plain bytes go from the raw source straight into bytes.
 * EP_BAD_INPUT  truncated, damaged, or a window over 128 MiB; the text names the
 *               format and the place in the compressed bytes.
 * EP_NO_MEMORY, or what the raw source fails with.
 * Bytes before the failing place may have been given out before; a stream that failed keeps
 * failing. */
EP_MUST_USE enum ep_status ep_stream_read(struct ep_stream *stream, void *bytes, size_t size,
                                          size_t *got, struct ep_error *err);

/* The stream as a source for a reader; valid until the stream is closed. */
struct ep_source ep_stream_source(struct ep_stream *stream);

/* "plain", "gzip", "bzip2", "zstd" or "xz". */
const char *ep_stream_format_name(const struct ep_stream *stream);

/* Frees the stream, not the raw source; accepts NULL. */
void ep_stream_close(struct ep_stream *stream);
EP_DEFINE_OWNED(struct ep_stream, ep_stream_close)

#endif
