/* A member that signs what it likes with its own key: histories that were never made. */
#include "node.h"

#include "dump/packet_parts.h"
#include "format/packet.h"
#include "tests/must.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PARTIES 80

/* A contribution that is made up. */
struct lie {
	struct ep_arena arena;
	struct ep_key parties[PARTIES];
	struct ep_party list[PARTIES];
	uint32_t count;
	struct ep_key self;
	struct ep_history history;
	struct ep_packet_entry entry;
	struct ep_buffer body;
	struct ep_decoded rows;
	struct ep_error err;
};

/* The number of a party in the packet. */
static uint32_t
party_of(struct lie *lie, const struct ep_key *key)
{
	for (uint32_t i = 0; i < lie->count; i++) {
		if (ep_key_equal(&lie->parties[i], key))
			return i + 1;
	}
	must(lie->count < PARTIES);
	lie->parties[lie->count] = *key;
	lie->list[lie->count].key = *key;
	return ++lie->count;
}

/* ---- what others have ---- */

/* The history of what a log has of a track, with the packet's parties; false: there is none. */
static bool
history_at(struct lie *lie, struct ep_history *history, struct ep_entry *entry,
           const struct ep_log_read *read, struct ep_text id)
{
	EP_PACKET_PARTIES struct ep_packet_parties parties = { 0 };
	if (ep_packet_parties_open(&parties, read, true, &lie->err) != EP_OK ||
	    ep_log_find(entry, read, id, &lie->err) != EP_OK ||
	    ep_packet_history(history, &parties, entry, &lie->arena, &lie->err) != EP_OK)
		return false;
	for (size_t i = 0; i < history->count; i++)
		history->steps[i].party =
			party_of(lie, &parties.list[history->steps[i].party - 1].key);
	if (history->owner)
		history->owner = party_of(lie, &parties.list[history->owner - 1].key);
	return true;
}

/* Copies the rows of an entry into the packet's. */
static enum ep_status
take_entry(struct lie *lie, const struct ep_entry *entry)
{
	struct ep_bytes codes;
	if (entry->operation == EP_DELETE)
		return EP_OK;
	EP_TRY(ep_buffer_append(&lie->body, entry->body.at, entry->body.size, &lie->err));
	struct ep_entry copy = { .operation = EP_PUT };
	EP_TRY(ep_entry_read_body(&copy, ep_buffer_bytes(&lie->body), &lie->err));
	EP_TRY(ep_entry_rows(&lie->rows, &codes, &copy, &lie->err));
	lie->entry.operation = EP_PACKET_PUT;
	lie->entry.documents = copy.document_count;
	lie->entry.about = (struct ep_bytes){ copy.rest.at, copy.rest.size - codes.size };
	lie->entry.codes = codes;
	lie->entry.hash = entry->hash;
	return EP_OK;
}

/* ---- steps that are made up ---- */

static struct ep_step
step_by(struct lie *lie, const struct ep_key *author)
{
	struct ep_step step = { .party = party_of(lie, author) };
	if (lie->entry.operation != EP_PACKET_DELETE)
		memcpy(step.contents.bytes, lie->entry.hash.bytes, EP_REVISION_SIZE);
	return step;
}

static enum ep_status
root_by(struct lie *lie, const struct ep_key *author)
{
	struct ep_step step = step_by(lie, author);
	return ep_history_root(&lie->history, &lie->arena, &step, &lie->err);
}

/* A step upon what another has. */
static enum ep_status
child_by(struct lie *lie, const struct ep_history *from, const struct ep_key *author)
{
	struct ep_step step = step_by(lie, author);
	return ep_history_extend(&lie->history, &lie->arena, from, &step, 1, &lie->err);
}

/* Also supersedes all that another has. */
static enum ep_status
add_also(struct lie *lie, struct ep_history *from, struct ep_text id)
{
	struct ep_revision revisions[16];
	struct ep_subject subject = { id, false };
	struct ep_parties parties = { lie->list, lie->count };
	size_t count = from->count < 16 ? from->count : 16;
	ep_history_hash(from, &subject, &parties);
	for (size_t i = 0; i < count; i++)
		revisions[i] = from->steps[from->count - 1 - i].id;
	return ep_history_add_also(&lie->history, &lie->arena, revisions, count, &lie->err);
}

/* 0 a step upon what the master has; 1 the same as if another had made it; 2 a first step by
 * another; 3 a step upon what another has and did not send yet; 4 a deletion of what the master
 * has; 5 what another has, as it is; 6 what the master has, with the liar as its owner; 7 a first
 * step that also supersedes what another has; 8 a first step that is said to be sealed; 9 an own
 * first step behind what another has; 10 an own first step; 11 what another has, with a step. */
static enum ep_status
make_up(struct lie *lie, int kind, const struct ep_log_read *master,
        const struct ep_log_read *other, const struct ep_key *other_key)
{
	struct ep_history known = { 0 };
	struct ep_history theirs = { 0 };
	struct ep_entry entry = { 0 };
	struct ep_entry their_entry = { 0 };
	struct ep_text id = lie->entry.id;
	bool has = history_at(lie, &known, &entry, master, id);
	bool have = history_at(lie, &theirs, &their_entry, other, id);
	if (kind == 5 && have) {
		lie->history = theirs;
		lie->entry.operation = EP_PACKET_DELETE;
		return take_entry(lie, &their_entry);
	}
	if ((kind == 0 || kind == 4 || kind == 6) && has) {
		if (kind == 6)
			known.owner = party_of(lie, &lie->self);
		return child_by(lie, &known, &lie->self);
	}
	if (kind == 1 && has)
		return child_by(lie, &known, other_key);
	if (kind == 2)
		return root_by(lie, other_key);
	if ((kind == 3 || kind == 11) && have)
		return child_by(lie, &theirs, kind == 3 ? &lie->self : other_key);
	EP_TRY(root_by(lie, &lie->self));
	if (kind == 7 && have)
		return add_also(lie, &theirs, id);
	if (kind == 8) {
		lie->history.sealed = 1;
		lie->history.owner = party_of(lie, &lie->self);
		memset(lie->history.seal.bytes, 7, EP_SEAL_SIZE);
	}
	if (kind == 9 && have) {
		lie->history.before = theirs.steps[theirs.count - 1].id;
		lie->history.generation = theirs.generation + theirs.count;
	}
	return EP_OK;
}

/* ---- the packet ---- */

static enum ep_status
put_packet(struct ep_buffer *out, struct lie *lie, const struct ep_keys *pair)
{
	struct ep_text source = ep_text_of("local");
	struct ep_buffer history = { 0 };
	struct ep_hasher hasher;
	bool put = lie->entry.operation == EP_PACKET_PUT;
	struct ep_packet_header header = { .kind = EP_PACKET_SLAVE,
		                           .key = pair->key,
		                           .epoch = 1,
		                           .fields = true,
		                           .last = 1,
		                           .tracks = put,
		                           .documents = put ? lie->entry.documents : 0,
		                           .deletions = !put,
		                           .name = ep_text_of("liar"),
		                           .sources = &source,
		                           .source_count = 1,
		                           .parties = lie->parties,
		                           .party_count = lie->count };
	EP_TRY(ep_history_write(&history, &lie->history, NULL, &lie->err));
	lie->entry.history = ep_buffer_bytes(&history);
	lie->entry.position = 1;
	enum ep_status status = ep_packet_put_header(out, &header, &lie->err);
	if (status == EP_OK)
		status = ep_packet_put_block(out, &lie->entry, 1, &lie->err);
	ep_buffer_free(&history);
	EP_TRY(status);
	ep_hasher_init(&hasher);
	ep_hasher_add(&hasher, out->data, out->size);
	return ep_packet_put_end(out, &hasher, &lie->err);
}

static enum ep_status
sign_packet(struct ep_buffer *out, const struct ep_key *master, const struct ep_keys *pair,
            struct ep_error *err)
{
	struct ep_trailer trailer = { .master = *master };
	return ep_contribution_sign(out, &trailer, pair, err);
}

/* Sets the entry's rows, or that it is a deletion. */
static enum ep_status
set_contents(struct lie *lie, int track, uint16_t contents)
{
	struct ep_bytes codes;
	struct ep_entry entry = { .operation = EP_PUT };
	lie->entry.id = node_track_id(track);
	lie->entry.operation = contents ? EP_PACKET_PUT : EP_PACKET_DELETE;
	lie->entry.documents = 1;
	if (!contents)
		return EP_OK;
	EP_TRY(node_body(&lie->body, &lie->entry.hash, track, contents));
	EP_TRY(ep_entry_read_body(&entry, ep_buffer_bytes(&lie->body), &lie->err));
	EP_TRY(ep_entry_rows(&lie->rows, &codes, &entry, &lie->err));
	lie->entry.documents = entry.document_count;
	lie->entry.about = (struct ep_bytes){ entry.rest.at, entry.rest.size - codes.size };
	lie->entry.codes = codes;
	return EP_OK;
}

static enum ep_status
lie_about(struct ep_buffer *out, struct lie *lie, int node, int kind, int other)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *master_read = NULL;
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *other_read = NULL;
	struct ep_log *log;
	struct ep_keys master;
	struct ep_keys others;
	struct ep_keys own;
	EP_TRY(node_open(&log, &own, node, &lie->err));
	EP_TRY(node_open(&log, &others, other, &lie->err));
	if (other != 0)
		EP_TRY(ep_log_read_begin(&other_read, log, &lie->err));
	EP_TRY(node_open(&log, &master, 0, &lie->err));
	EP_TRY(ep_log_read_begin(&master_read, log, &lie->err));
	lie->self = own.key;
	EP_TRY(make_up(lie, kind, master_read, other_read ? other_read : master_read, &others.key));
	EP_TRY(put_packet(out, lie, &own));
	return sign_packet(out, &master.key, &own, &lie->err);
}

enum ep_status
node_lie(struct ep_buffer *out, int node, int kind, int track, uint16_t contents, unsigned salt)
{
	struct lie *lie = calloc(1, sizeof *lie);
	int other = (int)(salt % NODES);
	must(lie != NULL);
	if (other == node || access(node_folder(other), F_OK) != 0)
		other = 0;
	enum ep_status status = set_contents(lie, track, kind == 4 ? 0 : contents);
	if (status == EP_OK && kind == 5) /* its own rows come */
		lie->body.size = 0;
	if (status == EP_OK)
		status = lie_about(out, lie, node, kind, other);
	ep_decoded_free(&lie->rows);
	ep_buffer_free(&lie->body);
	ep_arena_free(&lie->arena);
	free(lie);
	return status;
}
