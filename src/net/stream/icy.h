/* icy.h - titles taken out of the bytes of Icecast and SHOUTcast
 *
 * After every `every` bytes of sound (the header field icy-metaint) comes a block of text: its size
 * divided by 16 in one byte, often 0, and then "StreamTitle='...';StreamUrl='...';" with zeros
 * behind it.
 */
#ifndef EP_NET_STREAM_ICY_H
#define EP_NET_STREAM_ICY_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the largest block. */
#define EP_ICY_BLOCK_MAX ((size_t)255 * 16)

struct ep_icy {
	size_t every; /* 0: there are no blocks */
	size_t sound; /* bytes of sound before the next block */
	size_t block; /* bytes of the block that are still to come */
	size_t got; /* bytes of it that are there */
	char text[EP_ICY_BLOCK_MAX];
};

/* Begins anew. every: bytes of sound between two blocks; 0: there are none. */
void ep_icy_begin(struct ep_icy *icy, size_t every);

/* Takes bytes from the front of bytes[0..size), size above 0: gives how many, at least 1.
 *
 * sound  set to how many of them, from their front, are sound; the others are none.
 * block  set to a block that is now complete, or to an empty text; valid until the next call. */
size_t ep_icy_take(struct ep_icy *icy, size_t *sound, struct ep_text *block, const uint8_t *bytes,
                   size_t size);

/* Finds the title in a block; it is borrowed from there, and may be empty. False: there is none. */
bool ep_icy_title(struct ep_text *title, struct ep_text block);

#endif
