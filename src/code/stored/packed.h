/* packed.h - pairs in any order as bytes: differences of times, and codes of 20 bits
 *
 * The general form, for what does not regenerate from onsets. Neighbouring pairs of one time are a
 * group, and a group is as long as it can be:
 *
 *   byte    kind: 0, or the sum of 1 (codes of 32 bits) and 2 (times that go back)
 *   then groups up to the end, each:
 *     varint  time less the time of the group before (0 before the first); in kinds 2 and 3
 *             "zigzag": 2 * d where d >= 0, else -2 * d - 1
 *     varint  number of codes, at least 1
 *     codes   kinds 0 and 2: 5 bytes for two, a little-endian number of 40 bits with the first code
 *             in the low 20; 3 bytes for the last of an odd number. Kinds 1 and 3: 4 bytes each
 *
 * There is one way to write a list: a kind is used only where it is needed, and bits that hold
 * nothing are 0. No pairs at all are kind 0 without groups.
 */
#ifndef EP_CODE_STORED_PACKED_H
#define EP_CODE_STORED_PACKED_H

#include "base/buffer.h"
#include "base/status.h"
#include "code/pairs.h"

#include <stddef.h>
#include <stdint.h>

/* Appends the packed form of pairs[0..count), whose times are at most EP_TIME_MAX, to out.
 * EP_NO_MEMORY: out is as before. */
EP_MUST_USE enum ep_status ep_packed_encode(struct ep_buffer *out, const struct ep_pair *pairs,
                                            size_t count, struct ep_error *err);

/* Appends to pairs what ep_packed_encode was given.
 *
 * max_count  EP_CORRUPT where there are more pairs than this.
 * EP_CORRUPT  bytes[0..size) are not what the encoder writes for any list; the text names the byte
 *             (from 0). pairs keeps its count then.
 * EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_packed_decode(struct ep_pairs *pairs, const uint8_t *bytes,
                                            size_t size, size_t max_count, struct ep_error *err);

#endif
