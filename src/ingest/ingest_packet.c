/* What packets bring: whose they are, and their entries as offers. */
#include "ingest/ingest_internal.h"
#include "peer/peer.h"

#include <stdlib.h>
#include <string.h>

/* Whether a packet is of the master that this node follows; one that follows nobody and has no
 * sources of its own follows that master from now on. */
static enum ep_status
check_master(struct ep_ingest *ingest, const struct ep_packet_header *header, struct ep_error *err)
{
	struct ep_follows follows;
	EP_FREE struct ep_source_info *sources = NULL;
	size_t count;
	const struct ep_log_read *read = ep_log_inside(ingest->write);
	EP_TRY(ep_log_follows(&follows, read, err));
	if (follows.any && ep_key_equal(&follows.key, &header->key))
		return EP_OK;
	if (follows.any)
		return ep_fail(err, EP_BAD_INPUT,
		               "the packet is from %.*s, which is not the master of this node",
		               ep_text_print_size(header->name), header->name.at);
	EP_TRY(ep_log_sources(&sources, &count, read, err));
	if (count > EP_SOURCE_MASTER)
		return ep_fail(err, EP_BAD_INPUT,
		               "this node has sources of its own and cannot follow another master");
	ep_follows_begin(&follows, &header->key);
	return ep_log_set_follows(ingest->write, &follows, err);
}

/* Finds who a packet speaks of, in the transaction at hand. */
enum ep_status
ep_ingest_map_parties(struct ep_ingest *ingest, struct ep_error *err)
{
	const struct ep_packet_header *header =
		ingest->reader ? ep_batch_reader_packet(ingest->reader) : NULL;
	struct ep_log_write *write = ingest->write;
	if (!header)
		return EP_OK;
	ingest->has_feed = false;
	if (ingest->source == EP_SOURCE_MASTER) {
		struct ep_master master;
		enum ep_status joined = ep_master_load(&master, ep_log_inside(write), err);
		if (joined != EP_OK && joined != EP_NOT_FOUND)
			return joined;
		ingest->has_feed = joined == EP_OK;
		EP_TRY(check_master(ingest, header, err));
	} else if (!ingest->options->sender)
		EP_TRY(ep_log_set_source_key(write, ingest->source, &header->key, err));
	const struct ep_key *sender =
		ingest->options->sender ? ingest->options->sender : &header->key;
	EP_TRY(ep_log_key_party(&ingest->sender, write, sender, err));
	uint32_t *parties = realloc(ingest->parties, (header->party_count + 1) * sizeof *parties);
	if (!parties)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the parties of a packet");
	ingest->parties = parties;
	for (size_t i = 0; i < header->party_count; i++)
		EP_TRY(ep_log_key_party(&parties[i], write, &header->parties[i], err));
	return EP_OK;
}

static enum ep_outcome
outcome_of(enum ep_offered what)
{
	static const enum ep_outcome outcomes[] = {
		[EP_OFFERED_NEW] = EP_OUTCOME_NEW,
		[EP_OFFERED_UPDATED] = EP_OUTCOME_UPDATED,
		[EP_OFFERED_UNCHANGED] = EP_OUTCOME_UNCHANGED,
		[EP_OFFERED_DELETED] = EP_OUTCOME_DELETED,
		[EP_OFFERED_CONFLICT] = EP_OUTCOME_CONFLICT,
		[EP_OFFERED_REFUSED] = EP_OUTCOME_REFUSED,
		[EP_OFFERED_FULL] = EP_OUTCOME_FULL,
		[EP_OFFERED_NOTHING] = EP_OUTCOME_NOTHING,
	};
	return outcomes[what];
}

/* Gives the parties of a history their numbers in the transaction. */
static void
map_history(struct ep_history *history, const struct ep_ingest *ingest)
{
	for (size_t i = 0; i < history->count; i++)
		history->steps[i].party = ingest->parties[history->steps[i].party - 1];
	if (history->sealed)
		history->owner = ingest->parties[history->owner - 1];
}

enum ep_status
ep_ingest_offer(struct ep_ingest *ingest, const struct ep_batch *batch, struct ep_ready *ready,
                struct ep_error *err)
{
	struct ep_put_counts *counts = &ingest->pending.counts;
	struct ep_history history = ready->history;
	struct ep_offer offered = {
		.operation = ready->operation,
		.id = ready->track.id,
		.history = &history,
		.hash = ready->hash,
		.body = { batch->bodies.data + ready->body_at, ready->body_size },
		.documents = (uint32_t)ready->track.count,
		.import_date = ep_ingest_date(ingest, ready),
		.by_hand = !ingest->options->feed,
		.has_feed = ingest->has_feed,
		.tracks_max = ingest->options->tracks_max,
		.bytes_max = ingest->options->bytes_max,
	};
	enum ep_offered what;
	map_history(&history, ingest);
	EP_TRY(ingest->source == EP_SOURCE_MASTER
	               ? ep_log_follow(&what, counts, ingest->write, &offered, err)
	               : ep_log_take(&what, counts, ingest->write, &offered, ingest->sender, err));
	ingest->pending.deleted += what == EP_OFFERED_DELETED;
	ingest->pending.not_deleted += ready->operation == EP_DELETE &&
	                               (what == EP_OFFERED_CONFLICT || what == EP_OFFERED_REFUSED);
	if (what == EP_OFFERED_REFUSED && ready->operation == EP_PUT)
		counts->conflict += ready->track.count;
	return ep_ingest_tell(ingest, ready->origins[0].number, ready->track.id, outcome_of(what),
	                      "", err);
}

/* A slave's own tracks are no word of the master. */
enum ep_status
ep_ingest_check_sender(const struct ep_ingest *ingest, struct ep_error *err)
{
	const struct ep_packet_header *header = ep_batch_reader_packet(ingest->reader);
	if (!header || header->kind == EP_PACKET_MASTER ||
	    !ep_text_equal(ingest->options->source, ep_text_of("master")))
		return EP_OK;
	return ep_fail(err, EP_BAD_INPUT,
	               "this packet is from the slave %.*s for its master: use master-ingest -s",
	               ep_text_print_size(header->name), header->name.at);
}

static int
compare_positions(const void *one, const void *other)
{
	uint64_t first;
	uint64_t second;
	memcpy(&first, one, sizeof first);
	memcpy(&second, other, sizeof second);
	return (first > second) - (first < second);
}

/* Whether an entry was refused when the file was looked at. */
bool
ep_ingest_is_bad(const struct ep_ingest *ingest, uint64_t position)
{
	return ingest->bad_count && bsearch(&position, ingest->bad, ingest->bad_count,
	                                    sizeof position, compare_positions);
}

/* Notes what was refused of a file that is only looked at. */
enum ep_status
ep_ingest_note_bad(struct ep_ingest *ingest, struct ep_batch *batch, struct ep_error *err)
{
	if (batch->refused_count == 0)
		return EP_OK;
	size_t count = ingest->bad_count + batch->refused_count;
	uint64_t *bad = realloc(ingest->bad, count * sizeof *bad);
	if (!bad)
		return ep_fail(err, EP_NO_MEMORY,
		               "out of memory for the entries that were refused");
	ingest->bad = bad;
	ep_batch_sort_refused(batch);
	for (size_t i = 0; i < batch->refused_count; i++)
		bad[ingest->bad_count++] = batch->refused[i].origin.number;
	return EP_OK;
}
