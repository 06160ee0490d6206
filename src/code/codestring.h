/* codestring.h - the packed code strings of the code generator
 *
 * Base64 of a zlib stream. The stream holds, for n pairs, n times and then n codes, five hex digits
 * each and nothing between; or, where it contains a blank, a plain code string. Read are the
 * URL-safe and the standard alphabet, with and without padding, and both cases of the hex digits.
 */
#ifndef EP_CODE_CODESTRING_H
#define EP_CODE_CODESTRING_H

#include "base/buffer.h"
#include "base/status.h"
#include "base/text.h"
#include "code/pairs.h"

#include <stdbool.h>
#include <stddef.h>

/* What a packed code string may unpack to: 64 MiB, 6.7 million pairs. */
#define EP_CODESTRING_UNPACKED_MAX ((size_t)64 << 20)

/* Whether text is made of digits and blanks only, so that it is taken for a plain code string. No
 * packed one is: the base64 of a zlib stream starts with a letter. An empty text is plain. */
bool ep_codestring_is_plain(struct ep_text text);

/* Appends the pairs of a code string, packed or plain, to out, in the order in which they stand
 * (the code generator writes them band by band: not sorted). An empty text has no pairs.
 *
 * EP_BAD_INPUT  neither of the two, damaged, or larger than EP_CODESTRING_UNPACKED_MAX; the text
 *               says what is wrong, and at which byte (from 1) where there is one.
 * EP_NO_MEMORY
 * On failure out keeps its count. */
EP_MUST_USE enum ep_status ep_codestring_decode(struct ep_pairs *out, struct ep_text packed,
                                                struct ep_error *err);

/* Appends the packed code string of pairs[0..count), in their order, to out: URL-safe alphabet with
 * padding, lower-case hex. Where a code or a time needs more than five hex digits, the stream holds
 * the plain code string. No pairs give no bytes.
 *
 * EP_BAD_INPUT  it would unpack to more than EP_CODESTRING_UNPACKED_MAX.
 * EP_NO_MEMORY
 * On failure out keeps its size. */
EP_MUST_USE enum ep_status ep_codestring_encode(struct ep_buffer *out, const struct ep_pair *pairs,
                                                size_t count, struct ep_error *err);

#endif
