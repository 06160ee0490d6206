/* said.h - up to where a slave knows its master's log: what it says then is said in knowledge of
 * that
 *
 * Kept as two named values, and set in the transaction that takes a packet in. Packets may come in
 * any order: what is seen is the position up to which none is missing.
 */
#ifndef EP_REPLICATION_SAID_H
#define EP_REPLICATION_SAID_H

#include "format/packet.h"
#include "store/log.h"

/* The tag of the master's log, 0 where none of its packets has come, and the position. EP_CORRUPT.
 */
EP_MUST_USE enum ep_status ep_seen_load(uint32_t *tag, uint64_t *seen,
                                        const struct ep_log_read *read, struct ep_error *err);

/* Notes that a packet of the master has been taken in whole. EP_IO, EP_NO_SPACE, EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_seen_extend(struct ep_log_write *write,
                                          const struct ep_packet_header *header,
                                          struct ep_error *err);

/* What the sender of a packet says of a track that stands at a position of its log. own is the tag
 * of this log. */
struct ep_said ep_said_by(const struct ep_packet_header *header, uint64_t position, uint32_t own);

#endif
