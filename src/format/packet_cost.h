/* packet_cost.h - the most work that taking in a packet can cost, known before it is done
 *
 * A few bytes of a packet can represent many entries and documents, and onsets that take long to
 * decode. A node that takes packets from others asks this first, outside of any transaction: the
 * columns are decompressed, and no codes are decoded. A unit is that of struct ep_onset_work, some
 * 40 ns.
 */
#ifndef EP_FORMAT_PACKET_COST_H
#define EP_FORMAT_PACKET_COST_H

#include "format/packet.h"

/* An entry, which is a change of the log; and a document of it. One unit is so many bytes of
 * columns. */
#define EP_PACKET_COST_ENTRY 128
#define EP_PACKET_COST_DOCUMENT 4
#define EP_PACKET_COST_COLUMNS 2

/* What a packet of so many bytes may cost: 30,000 deletions whose ids take no room, or tracks; and
 * so much for each byte. Tracks of music cost half of it. */
#define EP_PACKET_COST_MAX(size) (((uint64_t)4 << 20) + 64 * (uint64_t)(size))

/* What the entry costs at most, whatever its codes are. */
uint64_t ep_packet_entry_cost(const struct ep_packet_entry *entry);

/* Reads a packet to its end and adds up its entries.
 *
 * cost    of all columns and entries.
 * source  gives the packet; it is at its end afterwards, so open the file again to take it in.
 * size    of the packet, in bytes as they come from source.
 * EP_CORRUPT  damaged, or it costs more than EP_PACKET_COST_MAX(size): err says how much.
 * EP_NEWER, EP_NO_MEMORY, or what source gives. */
EP_MUST_USE enum ep_status ep_packet_weigh(uint64_t *cost, struct ep_source source, uint64_t size,
                                           struct ep_error *err);

#endif
