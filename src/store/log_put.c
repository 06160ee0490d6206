/* Rows without revisions, by this node's user or from a CSV; and deletions by the user. */
#include "store/log_internal.h"

#include <string.h>

static enum ep_status
check_limits(const struct ep_track *track, struct ep_error *err)
{
	if (track->count > EP_TRACK_DOCUMENTS_MAX)
		return ep_fail(err, EP_BAD_INPUT,
		               "the track would have %zu documents, but may have at most %zu",
		               track->count, EP_TRACK_DOCUMENTS_MAX);
	size_t size = track->documents ? ep_track_text_size(track) : 0;
	if (size > EP_TRACK_TEXT_MAX)
		return ep_fail(err, EP_BAD_INPUT,
		               "the track would have %zu bytes of text, but may have at most %zu",
		               size, EP_TRACK_TEXT_MAX);
	return EP_OK;
}

/* A put on its way. */
struct putting {
	struct ep_log_write *write;
	const struct ep_put *put;
	struct ep_put_counts *counts;
	bool user; /* of this node; else a CSV */
	struct ep_step step; /* that it makes; contents are those of the rows, then of the track */
	struct ep_register reg;
};

/* What comes of rows that would make the track have this hash. */
static enum ep_local_outcome
decide(const struct putting *putting, bool equal, const struct ep_hash *hash)
{
	enum ep_local_act act = putting->put->edit ? EP_LOCAL_EDIT
	                        : putting->user    ? EP_LOCAL_ROWS
	                                           : EP_LOCAL_CSV;
	return ep_log_decide_local(putting->write, &putting->reg, act, putting->step.party, equal,
	                           hash);
}

static enum ep_status
unchanged(struct putting *putting, struct ep_error *err)
{
	const struct ep_put *put = putting->put;
	putting->counts->unchanged += put->track->count;
	return ep_log_forget_aside(putting->write, put->track->id, &put->hash, err);
}

/* Keeps aside the state that the rows make: alone, or of a whole track, with the fields that stay.
 */
static enum ep_status
keep_aside(struct putting *putting, const struct ep_hash *hash, struct ep_bytes body,
           struct ep_error *err)
{
	const struct ep_put *put = putting->put;
	struct ep_state state = {
		.operation = EP_PUT,
		.flags = put->whole ? 0 : EP_ENTRY_PARTIAL,
		.hash = *hash,
		.import_date = put->import_date,
		.body = body,
	};
	struct ep_step step = putting->step;
	memcpy(step.contents.bytes, hash->bytes, EP_REVISION_SIZE);
	EP_TRY(ep_history_root(&state.history, &putting->write->arena, &step, err));
	return ep_log_keep_aside(putting->write, &putting->reg.subject, &state, put->source, err);
}

/* The history of a state that a CSV makes. */
static enum ep_status
csv_history(struct ep_history *history, struct putting *putting, struct ep_error *err)
{
	struct ep_log_write *write = putting->write;
	const struct ep_register *reg = &putting->reg;
	if (reg->there)
		EP_TRY(ep_history_extend(history, &write->arena, &reg->history, &putting->step, 1,
		                         err));
	else
		EP_TRY(ep_history_root(history, &write->arena, &putting->step, err));
	if (write->follows.any)
		return EP_OK;
	history->owner = putting->step.party;
	history->born = reg->there ? reg->history.born : write->epoch.number;
	history->sealed = history->count;
	return EP_OK;
}

/* Stores a track as the rows make it. */
static enum ep_status
store(struct putting *putting, const struct ep_hash *hash, struct ep_bytes body, bool shrunk,
      struct ep_error *err)
{
	struct ep_log_write *write = putting->write;
	const struct ep_register *reg = &putting->reg;
	struct ep_state state = {
		.operation = EP_PUT,
		.flags = shrunk ? EP_ENTRY_SHRUNK : 0,
		.hash = *hash,
		.import_date = putting->put->import_date,
		.era = reg->there ? reg->entry.era : 0,
		.body = body,
	};
	memcpy(putting->step.contents.bytes, hash->bytes, EP_REVISION_SIZE);
	EP_TRY(putting->user ? ep_log_user_history(&state.history, write, reg, &putting->step, err)
	                     : csv_history(&state.history, putting, err));
	EP_TRY(ep_log_store(write, reg, &state, err));
	return ep_log_forget_aside(write, putting->put->track->id, hash, err);
}

static enum ep_status
put_new(struct putting *putting, struct ep_error *err)
{
	const struct ep_put *put = putting->put;
	EP_TRY(check_limits(put->track, err));
	EP_TRY(store(putting, &put->hash, put->body, false, err));
	putting->counts->added += put->track->count;
	return EP_OK;
}

/* Whether a track that came of a put is what the put has already. */
static bool
is_as_given(const struct ep_merge *merge, const struct ep_put *put)
{
	return put->whole && ep_fields_equal(&merge->track.fields, &put->track->fields);
}

/* Encodes a track as it became by joining rows and fields. The codes of a whole one are those of
 * the put. */
static enum ep_status
encode_merged(struct ep_bytes *body, struct ep_log_write *write, const struct ep_merge *merge,
              const struct ep_put *put, struct ep_error *err)
{
	EP_DECODED struct ep_decoded rows = { 0 };
	struct ep_entry entry = { .operation = EP_PUT };
	struct ep_bytes codes;
	*body = put->body;
	if (is_as_given(merge, put))
		return EP_OK;
	write->body.size = 0;
	if (put->whole) {
		EP_TRY(ep_entry_read_body(&entry, put->body, err));
		EP_TRY(ep_entry_rows(&rows, &codes, &entry, err));
		EP_TRY(ep_entry_put_about(&write->body, &merge->track, codes, err));
	} else
		EP_TRY(ep_entry_put_body(&write->body, NULL, &merge->track, write->encoder, err));
	*body = ep_buffer_bytes(&write->body);
	return EP_OK;
}

/* Does what rows do to a track that is there and differs. */
static enum ep_status
put_over(struct putting *putting, const struct ep_put *put, struct ep_merge *merge,
         struct ep_error *err)
{
	struct ep_log_write *write = putting->write;
	struct ep_put_counts *counts = putting->counts;
	struct ep_hash hash = put->hash;
	struct ep_bytes body = put->body;
	EP_TRY(ep_entry_decode(&write->there, &putting->reg.entry, write->decoder, err));
	EP_TRY(ep_log_merge_rows(merge, &write->there.track, put, err));
	uint64_t changes = merge->added + merge->updated;
	bool equal = changes == 0 && !merge->shrunk;
	if (!equal && !is_as_given(merge, put))
		ep_track_hash(&hash, &merge->track);
	enum ep_local_outcome outcome = decide(putting, equal, &hash);
	if (outcome == EP_LOCAL_UNCHANGED)
		return unchanged(putting, err);
	if (outcome != EP_LOCAL_ASIDE)
		EP_TRY(check_limits(&merge->track, err));
	if (put->whole || outcome != EP_LOCAL_ASIDE)
		EP_TRY(encode_merged(&body, write, merge, put, err));
	if (outcome == EP_LOCAL_ASIDE) {
		EP_TRY(keep_aside(putting, put->whole ? &hash : &put->hash, body, err));
		/* Where only documents went, the rows that stayed are what conflicts. */
		counts->conflict += changes ? changes : merge->unchanged;
		counts->unchanged += changes ? merge->unchanged : 0;
		return EP_OK;
	}
	EP_TRY(store(putting, &hash, body, merge->shrunk, err));
	counts->added += merge->added;
	counts->updated += merge->updated;
	counts->unchanged += merge->unchanged;
	return EP_OK;
}

/* The same, where the rows may have to be decoded first. */
static enum ep_status
put_decoded(struct putting *putting, struct ep_error *err)
{
	struct ep_merge merge = { 0 };
	EP_DECODED struct ep_decoded decoded = { 0 };
	struct ep_put with_rows;
	enum ep_status status =
		ep_log_decode_put(&with_rows, &decoded, putting->write, putting->put, err);
	if (status == EP_OK)
		status = put_over(putting, &with_rows, &merge, err);
	ep_arena_free(&merge.arena);
	return status;
}

static enum ep_status
put_rows(struct putting *putting, struct ep_error *err)
{
	const struct ep_put *put = putting->put;
	const struct ep_register *reg = &putting->reg;
	bool equal = reg->there && memcmp(&reg->entry.hash, &put->hash, EP_HASH_SIZE) == 0;
	enum ep_local_outcome outcome = decide(putting, equal, &put->hash);
	if (outcome == EP_LOCAL_UNCHANGED)
		return unchanged(putting, err);
	if (outcome == EP_LOCAL_MISSING)
		return ep_fail(err, EP_NOT_FOUND, "there is no track %.*s",
		               ep_text_print_size(put->track->id), put->track->id.at);
	if (outcome == EP_LOCAL_FOREIGN)
		return ep_log_fail_foreign(err, put->track->id);
	/* What would come of the rows decides. */
	if (ep_register_is_live(reg))
		return put_decoded(putting, err);
	if (outcome == EP_LOCAL_STANDS)
		return put_new(putting, err);
	putting->counts->conflict += put->track->count;
	return keep_aside(putting, &put->hash, put->body, err);
}

enum ep_status
ep_log_put(struct ep_log_write *write, const struct ep_put *put, struct ep_put_counts *counts,
           struct ep_error *err)
{
	struct putting putting = {
		.write = write,
		.put = put,
		.counts = counts,
		.user = put->source == EP_SOURCE_LOCAL,
	};
	struct ep_subject subject = { put->track->id, false };
	EP_TRY(ep_log_check_stale(write, err));
	ep_arena_reset(&write->arena);
	EP_TRY(ep_log_source_party(&putting.step.party, write, put->source, err));
	putting.step.csv = !putting.user;
	EP_TRY(ep_log_load_register(&putting.reg, write, &subject, err));
	return put_rows(&putting, err);
}

/* ---- deletion ---- */

enum ep_status
ep_log_delete(struct ep_log_write *write, struct ep_text track_id, int64_t now,
              struct ep_error *err)
{
	struct ep_register reg;
	struct ep_subject subject = { track_id, false };
	struct ep_state state = { .operation = EP_DELETE, .import_date = now };
	EP_BUFFER struct ep_buffer body = { 0 };
	EP_TRY(ep_log_check_stale(write, err));
	ep_arena_reset(&write->arena);
	EP_TRY(ep_log_load_register(&reg, write, &subject, err));
	enum ep_local_outcome outcome =
		ep_log_decide_local(write, &reg, EP_LOCAL_DELETE, write->self, false, NULL);
	if (outcome == EP_LOCAL_MISSING)
		return ep_fail(err, EP_NOT_FOUND,
		               reg.there ? "track %.*s has already been deleted"
		                         : "there is no track %.*s",
		               ep_text_print_size(track_id), track_id.at);
	if (outcome == EP_LOCAL_FOREIGN)
		return ep_log_fail_foreign(err, track_id);
	EP_TRY(ep_entry_delete_body(&body, reg.subject.id, reg.entry.document_count, err));
	struct ep_step step = ep_log_own_step(write, NULL);
	EP_TRY(ep_log_user_history(&state.history, write, &reg, &step, err));
	state.era = reg.entry.era;
	state.body = ep_buffer_bytes(&body);
	return ep_log_store(write, &reg, &state, err);
}
