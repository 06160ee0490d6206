#include "dump/packet_parts.h"

#include <stdlib.h>
#include <string.h>

enum ep_status
ep_packet_parties_open(struct ep_packet_parties *parties, const struct ep_log_read *read,
                       bool slave, struct ep_error *err)
{
	struct ep_follows follows;
	*parties = (struct ep_packet_parties){ 0 };
	EP_TRY(ep_log_parties(&parties->list, &parties->count, read, err));
	EP_TRY(ep_log_follows(&follows, read, err));
	parties->first_era = follows.any ? follows.first_era : slave ? UINT64_MAX : 0;
	parties->numbers = calloc(parties->count + 1, sizeof *parties->numbers);
	parties->keys = calloc(parties->count + 1, sizeof *parties->keys);
	if (!parties->numbers || !parties->keys)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the parties of a packet");
	return EP_OK;
}

void
ep_packet_parties_free(struct ep_packet_parties *parties)
{
	free(parties->list);
	free(parties->numbers);
	free(parties->keys);
	*parties = (struct ep_packet_parties){ 0 };
}

enum ep_status
ep_packet_history(struct ep_history *history, const struct ep_packet_parties *parties,
                  const struct ep_entry *entry, struct ep_arena *arena, struct ep_error *err)
{
	struct ep_subject subject = { entry->id, entry->operation == EP_LINK };
	struct ep_parties all = { parties->list, parties->count };
	EP_TRY(ep_entry_history(history, entry, parties->count, NULL, arena, err));
	if (entry->era >= parties->first_era)
		return EP_OK;
	ep_history_hash(history, &subject, &all);
	return ep_history_unseal(history, arena, err);
}

static enum ep_status
add_party(struct ep_packet_parties *parties, uint32_t party, struct ep_error *err)
{
	if (parties->numbers[party - 1])
		return EP_OK;
	if (parties->used == EP_PACKET_PARTIES_MAX)
		return ep_fail(err, EP_BAD_INPUT, "a packet cannot name more than %d parties",
		               EP_PACKET_PARTIES_MAX);
	parties->keys[parties->used] = parties->list[party - 1].key;
	parties->numbers[party - 1] = (uint32_t)++parties->used;
	return EP_OK;
}

enum ep_status
ep_packet_parties_add(struct ep_packet_parties *parties, const struct ep_history *history,
                      struct ep_error *err)
{
	if (history->sealed)
		EP_TRY(add_party(parties, history->owner, err));
	for (size_t i = 0; i < history->count; i++)
		EP_TRY(add_party(parties, history->steps[i].party, err));
	return EP_OK;
}

/* The bytes of a history, in arena. */
static enum ep_status
write_history(struct ep_bytes *out, const struct ep_packet_parties *parties,
              const struct ep_entry *entry, struct ep_arena *arena, struct ep_error *err)
{
	struct ep_history history;
	EP_BUFFER struct ep_buffer bytes = { 0 };
	EP_TRY(ep_packet_history(&history, parties, entry, arena, err));
	EP_TRY(ep_history_write(&bytes, &history, parties->numbers, err));
	return ep_arena_bytes(out, arena, ep_buffer_bytes(&bytes), err);
}

static enum ep_packet_operation
operation_of(const struct ep_entry *entry)
{
	switch (entry->operation) {
	case EP_DELETE:
		return EP_PACKET_DELETE;
	case EP_LINK:
		return EP_PACKET_LINK;
	case EP_PUT:
		break;
	}
	return EP_PACKET_PUT;
}

enum ep_status
ep_packet_convert(struct ep_packet_entry *out, const struct ep_packet_parties *parties,
                  const struct ep_entry *entry, uint32_t source, struct ep_arena *arena,
                  struct ep_error *err)
{
	struct ep_packet_entry made = {
		.operation = operation_of(entry),
		.position = entry->position,
		.source = source,
		.import_date = entry->import_date,
		.documents = entry->document_count,
		.id = entry->id,
		.hash = entry->hash,
	};
	EP_TRY(write_history(&made.history, parties, entry, arena, err));
	if (entry->operation == EP_LINK)
		made.about = entry->rest;
	if (entry->operation == EP_PUT) {
		EP_DECODED struct ep_decoded rows = { 0 };
		made.flags = entry->flags & EP_ENTRY_SHRUNK ? EP_PACKET_SHRUNK : 0;
		EP_TRY(ep_entry_rows(&rows, &made.codes, entry, err));
		made.about =
			(struct ep_bytes){ entry->rest.at, entry->rest.size - made.codes.size };
	}
	*out = made;
	return EP_OK;
}
