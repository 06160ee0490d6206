/* States that other nodes have: the master takes what sources propose, a slave follows its master.
 * decide.h has the tables. */
#include "store/decide.h"
#include "store/log_internal.h"

#include <string.h>

static struct ep_state
state_of_offer(const struct ep_offer *offer)
{
	return (struct ep_state){
		.history = *offer->history,
		.operation = offer->operation,
		.hash = offer->hash,
		.import_date = offer->import_date,
		.body = offer->body,
	};
}

/* The body of a deletion, which a packet does not carry. */
static enum ep_status
complete(struct ep_state *state, struct ep_buffer *body, const struct ep_offer *offer,
         struct ep_error *err)
{
	if (offer->operation != EP_DELETE)
		return EP_OK;
	EP_TRY(ep_entry_delete_body(body, offer->id, offer->documents, err));
	state->body = ep_buffer_bytes(body);
	return EP_OK;
}

/* What a put that stands does to the documents that were there. */
static enum ep_status
count_documents(enum ep_offered *what, struct ep_put_counts *counts, struct ep_state *state,
                struct ep_log_write *write, const struct ep_register *old,
                const struct ep_offer *offer, struct ep_error *err)
{
	*what = offer->operation == EP_DELETE ? EP_OFFERED_DELETED : EP_OFFERED_UPDATED;
	if (!ep_register_is_live(old) && offer->operation == EP_DELETE)
		*what = EP_OFFERED_UNCHANGED;
	if (offer->operation != EP_PUT)
		return EP_OK;
	if (!ep_register_is_live(old)) {
		*what = EP_OFFERED_NEW;
		counts->added += offer->documents;
		return EP_OK;
	}
	if (memcmp(&old->entry.hash, &offer->hash, EP_HASH_SIZE) == 0) {
		*what = EP_OFFERED_UNCHANGED;
		counts->unchanged += offer->documents;
		return EP_OK;
	}
	struct ep_track track = { .id = offer->id, .count = offer->documents };
	struct ep_put put = {
		.track = &track, .body = offer->body, .whole = true, .all_fields = true
	};
	struct ep_put with_rows;
	struct ep_merge merge = { 0 };
	EP_DECODED struct ep_decoded decoded = { 0 };
	EP_TRY(ep_entry_decode(&write->there, &old->entry, write->decoder, err));
	EP_TRY(ep_log_decode_put(&with_rows, &decoded, write, &put, err));
	enum ep_status status = ep_log_merge_rows(&merge, &write->there.track, &with_rows, err);
	counts->added += merge.added;
	counts->updated += merge.updated;
	counts->unchanged += merge.unchanged;
	state->flags = merge.shrunk ? EP_ENTRY_SHRUNK : 0;
	ep_arena_free(&merge.arena);
	return status;
}

/* Stores what stands. What stays the same keeps its date. */
static enum ep_status
stand(enum ep_offered *what, struct ep_put_counts *counts, struct ep_log_write *write,
      const struct ep_register *old, struct ep_state *state, const struct ep_offer *offer,
      struct ep_error *err)
{
	EP_TRY(count_documents(what, counts, state, write, old, offer, err));
	if (*what == EP_OFFERED_UNCHANGED && old->there)
		state->import_date = old->entry.import_date;
	EP_TRY(ep_log_store(write, old, state, err));
	return offer->operation == EP_PUT
	               ? ep_log_forget_aside(write, old->subject.id, &offer->hash, err)
	               : EP_OK;
}

/* ---- fields ---- */

/* Sets the rows of a state with fields, where another was made from a CSV, which knows it by these.
 */
static enum ep_status
set_rows(struct ep_history *history, struct ep_log_write *write, struct ep_bytes body,
         const struct ep_history *other, struct ep_error *err)
{
	struct ep_entry entry = { .operation = EP_PUT };
	struct ep_hash hash;
	if (!ep_history_head(other)->csv || ep_history_is_deleted(history))
		return EP_OK;
	EP_TRY(ep_entry_read_body(&entry, body, err));
	if (!ep_entry_has_fields(&entry))
		return EP_OK;
	EP_TRY(ep_entry_decode(&write->there, &entry, write->decoder, err));
	ep_track_rows_hash(&hash, &write->there.track);
	memcpy(history->rows.bytes, hash.bytes, EP_REVISION_SIZE);
	return EP_OK;
}

/* The same of two states of one track, both ways. */
static enum ep_status
set_rows_of_both(struct ep_register *there, struct ep_log_write *write,
                 const struct ep_offer *offer, struct ep_history *offered, struct ep_error *err)
{
	if (!there->there || there->subject.link)
		return EP_OK;
	EP_TRY(set_rows(offered, write, offer->body, &there->history, err));
	return set_rows(&there->history, write, there->entry.body, offered, err);
}

/* ---- the master ---- */

/* Whether X's seal is this master's. */
static enum ep_status
check_seal(bool *proven, struct ep_log_write *write, const struct ep_history *x,
           const struct ep_subject *subject, struct ep_error *err)
{
	struct ep_seal seal;
	struct ep_parties parties = ep_log_parties_inside(write);
	*proven = false;
	if (!x->sealed)
		return EP_OK;
	EP_TRY(ep_history_seal(&seal, x, subject, &parties, &write->seal_key, &write->arena, err));
	*proven = sodium_memcmp(seal.bytes, x->seal.bytes, EP_SEAL_SIZE) == 0;
	return EP_OK;
}

/* Whether the track that a link makes a copy is the sender's. */
static enum ep_status
owns_copy(bool *owns, struct ep_log_write *write, struct ep_text copy, uint32_t sender,
          struct ep_error *err)
{
	struct ep_register track;
	struct ep_subject subject = { copy, false };
	struct ep_parties parties = ep_log_parties_inside(write);
	EP_TRY(ep_log_load_register(&track, write, &subject, err));
	*owns = track.there && ep_party_same(&parties, ep_history_owner(&track.history), sender);
	return EP_OK;
}

/* Keeps X aside, in the name of its sender; of a link nothing is kept. */
static enum ep_status
take_aside(enum ep_offered *what, struct ep_put_counts *counts, struct ep_log_write *write,
           const struct ep_register *y, struct ep_state *state, const struct ep_offer *offer,
           uint32_t sender, struct ep_error *err)
{
	uint32_t source;
	*what = EP_OFFERED_CONFLICT;
	if (offer->operation == EP_LINK)
		return EP_OK;
	counts->conflict += offer->operation == EP_PUT ? offer->documents : 0;
	EP_TRY(ep_log_source_of(&source, write, sender, err));
	return ep_log_keep_aside(write, &y->subject, state, source, err);
}

/* Whether the sender would have more than it may: another track, or more of one it has. */
static enum ep_status
is_over_limit(bool *over, struct ep_log_write *write, const struct ep_offer *offer,
              const struct ep_register *y, uint32_t sender, struct ep_error *err)
{
	uint32_t number;
	EP_TRY(ep_log_source_of(&number, write, sender, err));
	for (size_t i = 0; i < write->source_count; i++) {
		const struct ep_source_info *source = &write->sources[i];
		if (source->number != number || offer->operation != EP_PUT)
			continue;
		bool more = !y->there || y->entry.source != number;
		*over |= more && offer->tracks_max &&
		         source->tracks + source->tombstones >= offer->tracks_max;
		uint64_t freed = more ? 0 : y->entry.body.size;
		*over |= offer->bytes_max &&
		         source->bytes + offer->body.size > offer->bytes_max + freed;
	}
	return EP_OK;
}

enum ep_status
ep_log_take(enum ep_offered *what, struct ep_put_counts *counts, struct ep_log_write *write,
            const struct ep_offer *offer, uint32_t sender, struct ep_error *err)
{
	struct ep_register y;
	struct ep_subject subject = { offer->id, offer->operation == EP_LINK };
	struct ep_parties parties = ep_log_parties_inside(write);
	struct ep_take take = { .parties = &parties,
		                .sender = sender,
		                .master = write->self,
		                .epoch = write->epoch.number,
		                .link = subject.link };
	EP_BUFFER struct ep_buffer body = { 0 };
	struct ep_state state = state_of_offer(offer);
	enum ep_taken result;
	struct ep_history out = { 0 };
	bool full = false;
	EP_TRY(ep_log_check_stale(write, err));
	ep_arena_reset(&write->arena);
	EP_TRY(complete(&state, &body, offer, err));
	EP_TRY(ep_log_load_register(&y, write, &subject, err));
	ep_history_hash(offer->history, &subject, &parties);
	state.history = *offer->history;
	EP_TRY(check_seal(&take.proven, write, offer->history, &subject, err));
	if (subject.link)
		EP_TRY(owns_copy(&take.owns_copy, write, offer->id, sender, err));
	take.untouched = y.there && y.entry.position <= write->known;
	EP_TRY(set_rows_of_both(&y, write, offer, offer->history, err));
	EP_TRY(ep_decide_take(&result, &out, offer->history, y.there ? &y.history : NULL, &take,
	                      &write->arena, err));
	switch (result) {
	case EP_TAKEN_SAME:
	case EP_TAKEN_OLD:
	case EP_TAKEN_EQUAL:
		*what = EP_OFFERED_UNCHANGED;
		counts->unchanged += offer->operation == EP_PUT ? offer->documents : 0;
		return EP_OK;
	case EP_TAKEN_NONE:
		*what = EP_OFFERED_NOTHING;
		return EP_OK;
	case EP_TAKEN_REFUSED:
		*what = EP_OFFERED_REFUSED;
		return EP_OK;
	case EP_TAKEN_CONFLICT:
		return take_aside(what, counts, write, &y, &state, offer, sender, err);
	case EP_TAKEN_REPLACED:
		EP_TRY(ep_log_put_register_aside(write, &y, err));
		break;
	case EP_TAKEN_OVERRULED:
	case EP_TAKEN_ACCEPTED:
		if (!take.proven || offer->history->sealed < offer->history->count)
			EP_TRY(is_over_limit(&full, write, offer, &y, sender, err));
		break;
	}
	if (full) {
		*what = EP_OFFERED_FULL;
		return EP_OK;
	}
	if (result == EP_TAKEN_OVERRULED)
		EP_TRY(ep_log_put_register_aside(write, &y, err));
	state.history = out;
	EP_TRY(ep_log_load_register(&y, write, &subject, err));
	return stand(what, counts, write, &y, &state, offer, err);
}

/* ---- a slave ---- */

/* X stays upon F, and is of this era. */
static enum ep_status
rebase(struct ep_log_write *write, struct ep_register *x, const struct ep_history *out,
       struct ep_state *f, struct ep_error *err)
{
	x->history = *out;
	x->entry.era = write->follows.era;
	if (x->subject.link) {
		EP_TRY(ep_log_keep_base(write, &x->subject, f, EP_SOURCE_MASTER, err));
		EP_TRY(ep_log_load_register(x, write, &x->subject, err));
		x->history = *out;
		x->entry.era = write->follows.era;
	}
	return ep_log_rewrite(write, x, err);
}

/* A pending link on what turns out to be another's does not stand. */
static enum ep_status
drop_foreign_link(struct ep_log_write *write, struct ep_text track, const struct ep_history *f,
                  struct ep_error *err)
{
	struct ep_parties parties = ep_log_parties_inside(write);
	if (ep_party_same(&parties, f->owner, write->self))
		return EP_OK;
	return ep_log_drop_link(write, track, err);
}

/* What the user has or sees of X when F takes its place. */
static enum ep_status
give_way(struct ep_log_write *write, const struct ep_register *x,
         const struct ep_followed *followed, struct ep_error *err)
{
	struct ep_state state;
	if (followed->proof) {
		EP_TRY(ep_log_state_of(&state, write, &x->entry, err));
		EP_TRY(ep_log_keep_proof(write, &x->subject, &state, x->entry.source, err));
	}
	if (followed->aside && !x->subject.link)
		EP_TRY(ep_log_put_register_aside(write, x, err));
	return EP_OK;
}

/* The same state: only what the master vouches for may be new. */
static enum ep_status
confirm(struct ep_log_write *write, struct ep_register *x, const struct ep_state *f,
        struct ep_error *err)
{
	bool same = x->entry.era == f->era && ep_history_is_sealed(&x->history) &&
	            memcmp(&x->history.seal, &f->history.seal, EP_SEAL_SIZE) == 0;
	if (same)
		return EP_OK;
	x->history = f->history;
	x->entry.era = f->era;
	/* Whose it is stays what it was: it is a source of this node's list. */
	uint32_t source;
	EP_TRY(ep_log_source_of(&source, write, ep_history_owner(&f->history), err));
	if (source != x->entry.source)
		return EP_NOT_FOUND;
	EP_TRY(ep_log_rewrite(write, x, err));
	return ep_log_remove_wait(write, &x->subject, err);
}

/* What came by hand is not confirmed by that: it is of no era of the feed. */
static enum ep_status
follow_by_hand(enum ep_offered *what, struct ep_put_counts *counts, struct ep_log_write *write,
               struct ep_register *x, struct ep_state *f, const struct ep_offer *offer,
               const struct ep_follow *follow, struct ep_error *err)
{
	enum ep_handed handed;
	bool aside;
	uint64_t documents = offer->operation == EP_PUT ? offer->documents : 0;
	ep_decide_handed(&handed, &aside, &f->history, x->there ? &x->history : NULL, follow,
	                 offer->has_feed);
	aside &= !x->subject.link;
	f->era = write->follows.first_era;
	*what = EP_OFFERED_UNCHANGED;
	switch (handed) {
	case EP_HANDED_SAME:
	case EP_HANDED_OLD:
		counts->unchanged += documents;
		return EP_OK;
	case EP_HANDED_PROOF:
		counts->unchanged += documents;
		return ep_log_keep_proof(write, &x->subject, f, EP_SOURCE_MASTER, err);
	case EP_HANDED_CONFLICT:
		*what = EP_OFFERED_CONFLICT;
		counts->conflict += documents;
		return aside ? ep_log_keep_aside(write, &x->subject, f, EP_SOURCE_MASTER, err)
		             : EP_OK;
	case EP_HANDED_NEW:
	case EP_HANDED_OVERTAKEN:
	case EP_HANDED_REPLACED:
		break;
	}
	if (aside)
		EP_TRY(ep_log_put_register_aside(write, x, err));
	struct ep_subject subject = x->subject;
	EP_TRY(ep_log_load_register(x, write, &subject, err));
	return stand(what, counts, write, x, f, offer, err);
}

enum ep_status
ep_log_follow(enum ep_offered *what, struct ep_put_counts *counts, struct ep_log_write *write,
              const struct ep_offer *offer, struct ep_error *err)
{
	struct ep_register x;
	struct ep_subject subject = { offer->id, offer->operation == EP_LINK };
	struct ep_parties parties = ep_log_parties_inside(write);
	EP_BUFFER struct ep_buffer body = { 0 };
	struct ep_state f = state_of_offer(offer);
	struct ep_followed followed = { 0 };
	struct ep_history out = { 0 };
	ep_arena_reset(&write->arena);
	f.era = write->follows.era;
	EP_TRY(complete(&f, &body, offer, err));
	EP_TRY(ep_log_load_register(&x, write, &subject, err));
	struct ep_follow follow = { .parties = &parties,
		                    .self = write->self,
		                    .master = write->master,
		                    .old = x.entry.era != f.era };
	if (x.there || offer->by_hand)
		ep_history_hash(&f.history, &subject, &parties);
	EP_TRY(set_rows_of_both(&x, write, offer, &f.history, err));
	if (offer->by_hand)
		return follow_by_hand(what, counts, write, &x, &f, offer, &follow, err);
	EP_TRY(ep_decide_follow(&followed, &out, &f.history, x.there ? &x.history : NULL, &follow,
	                        &write->arena, err));
	*what = EP_OFFERED_UNCHANGED;
	if (followed.outcome == EP_FOLLOWING_KEPT) {
		counts->unchanged += offer->operation == EP_PUT ? offer->documents : 0;
		if (followed.rebased)
			EP_TRY(rebase(write, &x, &out, &f, err));
		ep_history_hash(&x.history, &subject, &parties);
		return ep_log_set_wait(write, &subject, &ep_history_head(&x.history)->id,
		                       EP_WAIT_NONE, 0, err);
	}
	if (x.there &&
	    ep_revision_equal(&ep_history_head(&f.history)->id, &ep_history_head(&x.history)->id)) {
		enum ep_status status = confirm(write, &x, &f, err);
		counts->unchanged +=
			status == EP_OK && offer->operation == EP_PUT ? offer->documents : 0;
		if (status != EP_NOT_FOUND)
			return status;
	}
	EP_TRY(give_way(write, &x, &followed, err));
	EP_TRY(ep_log_load_register(&x, write, &subject, err));
	EP_TRY(stand(what, counts, write, &x, &f, offer, err));
	return subject.link ? EP_OK : drop_foreign_link(write, offer->id, &f.history, err);
}
