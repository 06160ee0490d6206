#include "format/packet_cost.h"

#include "code/stored/codes.h"

uint64_t
ep_packet_entry_cost(const struct ep_packet_entry *entry)
{
	uint64_t cost = EP_PACKET_COST_ENTRY;
	if (entry->operation == EP_PACKET_PUT)
		cost += (uint64_t)entry->documents * EP_PACKET_COST_DOCUMENT +
		        EP_CODES_WORK_MAX(entry->codes.size);
	return cost;
}

static enum ep_status
check(uint64_t cost, uint64_t size, struct ep_error *err)
{
	if (cost <= EP_PACKET_COST_MAX(size))
		return EP_OK;
	return ep_fail(err, EP_CORRUPT,
	               "the packet of %llu bytes costs too much work: more than %llu units",
	               (unsigned long long)size, (unsigned long long)EP_PACKET_COST_MAX(size));
}

static enum ep_status
add_block(uint64_t *cost, struct ep_packet_block *block, const struct ep_packet_header *header,
          uint64_t size, struct ep_error *err)
{
	*cost += block->unpacked / EP_PACKET_COST_COLUMNS;
	EP_TRY(check(*cost, size, err)); /* before it is unpacked */
	EP_TRY(ep_packet_decode(block, header, err));
	for (size_t i = 0; i < block->count; i++)
		*cost += ep_packet_entry_cost(&block->entries[i]);
	return check(*cost, size, err);
}

enum ep_status
ep_packet_weigh(uint64_t *cost, struct ep_source source, uint64_t size, struct ep_error *err)
{
	EP_OWNED(ep_packet_close)
	struct ep_packet_reader *reader = NULL;
	struct ep_packet_block block = { 0 };
	uint64_t sum = 0;
	bool end = false;
	EP_TRY(ep_packet_open(&reader, source, err));
	enum ep_status status = EP_OK;
	while (status == EP_OK && !end) {
		status = ep_packet_read(reader, &block, &end, err);
		if (status == EP_OK && !end)
			status = add_block(&sum, &block, ep_packet_header(reader), size, err);
	}
	ep_packet_block_free(&block);
	EP_TRY(status);
	*cost = sum;
	return EP_OK;
}
