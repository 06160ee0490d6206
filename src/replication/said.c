#include "replication/said.h"

#define TAG_VALUE "seen.log"
#define SEEN_VALUE "seen.position"

enum ep_status
ep_seen_load(uint32_t *tag, uint64_t *seen, const struct ep_log_read *read, struct ep_error *err)
{
	uint64_t number;
	EP_TRY(ep_log_number(&number, read, TAG_VALUE, err));
	*tag = (uint32_t)number;
	return ep_log_number(seen, read, SEEN_VALUE, err);
}

enum ep_status
ep_seen_extend(struct ep_log_write *write, const struct ep_packet_header *header,
               struct ep_error *err)
{
	uint32_t known;
	uint64_t seen;
	uint32_t tag = ep_log_tag(header->node_id, header->epoch);
	EP_TRY(ep_seen_load(&known, &seen, ep_log_inside(write), err));
	seen = known == tag ? seen : 0;
	if (header->after > seen || header->last <= seen)
		return EP_OK;
	EP_TRY(ep_log_set_number(write, TAG_VALUE, tag, err));
	return ep_log_set_number(write, SEEN_VALUE, header->last, err);
}

struct ep_said
ep_said_by(const struct ep_packet_header *header, uint64_t position, uint32_t own)
{
	return (struct ep_said){
		.word = { ep_log_tag(header->node_id, header->epoch), position },
		.seen = header->master == own ? header->seen : 0,
	};
}
