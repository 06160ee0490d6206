/* compress.h - blocks of a dump file, packed one by one
 *
 * A block becomes one whole bzip2 stream or zstd frame. Blocks made apart, on all cores, and
 * written one after the other are a valid file for bzip2(1), zstd(1) and stream.h.
 */
#ifndef EP_FORMAT_COMPRESS_H
#define EP_FORMAT_COMPRESS_H

#include "base/buffer.h"
#include "base/status.h"
#include "base/text.h"

#include <stddef.h>

#define EP_COMPRESS_BZIP2_LEVEL 9
#define EP_COMPRESS_ZSTD_LEVEL 3

/* The largest block that can be packed, in bytes: 512 MiB. */
#define EP_COMPRESS_BLOCK_MAX ((size_t)512 << 20)

enum ep_compression { EP_COMPRESS_NONE, EP_COMPRESS_BZIP2, EP_COMPRESS_ZSTD };

/* Appends bytes[0..size), packed, to out; bytes may be NULL when size is 0, and must not point into
 * out. A zstd frame carries its size and a checksum. No block at all is a valid empty file for
 * EP_COMPRESS_NONE only: for the others, pack one block of 0 bytes.
 * Callable from many threads, each with its own out.
 * EP_BAD_INPUT  size is over EP_COMPRESS_BLOCK_MAX.
 * EP_NO_MEMORY  also where out would pass its limit.
 * On failure out holds what it held before. */
EP_MUST_USE enum ep_status ep_compress_block(struct ep_buffer *out, enum ep_compression compression,
                                             const void *bytes, size_t size, struct ep_error *err);

/* Appends the bytes of one zstd frame that bytes[0..size) are, as ep_compress_block made it, at
 * most max. EP_BAD_INPUT  they are not exactly one frame, are damaged, or stand for more bytes.
 * EP_NO_MEMORY. On failure out holds what it held before. */
EP_MUST_USE enum ep_status ep_unpack_block(struct ep_buffer *out, const void *bytes, size_t size,
                                           size_t max, struct ep_error *err);

/* What a file name gains: "", ".bz2" or ".zst". */
const char *ep_compression_suffix(enum ep_compression compression);

/* "none", "bzip2" or "zstd". */
const char *ep_compression_name(enum ep_compression compression);

/* The compression of that name, exactly as ep_compression_name gives it.
 * EP_BAD_INPUT  no such name; the text lists them. */
EP_MUST_USE enum ep_status ep_compression_parse(enum ep_compression *compression,
                                                struct ep_text name, struct ep_error *err);

#endif
