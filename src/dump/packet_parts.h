/* packet_parts.h - entries of the log as entries of a packet
 *
 * A packet numbers the parties that its histories speak of from 1, and lists their keys in its
 * header.
 */
#ifndef EP_DUMP_PACKET_PARTS_H
#define EP_DUMP_PACKET_PARTS_H

#include "format/packet.h"
#include "store/log.h"

/* The parties of a log, and the numbers that some of them have in a packet. */
struct ep_packet_parties {
	struct ep_party *list; /* of the log; owned */
	uint32_t count;
	uint64_t first_era; /* what is of an earlier one is not sealed */
	uint32_t *numbers; /* in the packet, by place in list; 0: none; owned */
	struct ep_key *keys; /* of those in the packet; owned */
	size_t used;
};

/* Reads the parties of a snapshot; none is in the packet yet.
 *
 * slave  the packet is for a master: what this node sealed while it followed nobody is its own,
 *        and nothing that a master published.
 *
 * EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_packet_parties_open(struct ep_packet_parties *parties,
                                                  const struct ep_log_read *read, bool slave,
                                                  struct ep_error *err);
void ep_packet_parties_free(struct ep_packet_parties *parties);
#define EP_PACKET_PARTIES __attribute__((cleanup(ep_packet_parties_free)))

/* The history of an entry of the log, as it goes into packets, with the log's numbers; ids are
 * computed. What was sealed by another than the master that is followed is not sealed. Lists live
 * in arena. EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_packet_history(struct ep_history *history,
                                             const struct ep_packet_parties *parties,
                                             const struct ep_entry *entry, struct ep_arena *arena,
                                             struct ep_error *err);

/* Takes the parties of a history into the packet. EP_BAD_INPUT  there would be too many. */
EP_MUST_USE enum ep_status ep_packet_parties_add(struct ep_packet_parties *parties,
                                                 const struct ep_history *history,
                                                 struct ep_error *err);

/* Makes an entry of a packet. Its texts are borrowed from the log's; its history's bytes live in
 * arena. source is its place in the header's list. EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_packet_convert(struct ep_packet_entry *out,
                                             const struct ep_packet_parties *parties,
                                             const struct ep_entry *entry, uint32_t source,
                                             struct ep_arena *arena, struct ep_error *err);

#endif
