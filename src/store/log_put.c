#include "store/log_internal.h"

#include <string.h>

static enum ep_status
check_limits(const struct ep_track *track, struct ep_error *err)
{
	if (track->count > EP_TRACK_DOCUMENTS_MAX)
		return ep_fail(err, EP_BAD_INPUT,
		               "the track would have %zu documents, and may have %zu", track->count,
		               EP_TRACK_DOCUMENTS_MAX);
	size_t size = track->documents ? ep_track_text_size(track) : 0;
	if (size > EP_TRACK_TEXT_MAX)
		return ep_fail(err, EP_BAD_INPUT,
		               "the track would hold %zu bytes of text, and may hold %zu", size,
		               EP_TRACK_TEXT_MAX);
	return EP_OK;
}

/* Appends an entry of a put, whose body may say that it is a copy: then its own copies become those
 * of its original. */
static enum ep_status
append(struct ep_log_write *write, struct ep_entry *entry, const struct ep_put *put,
       struct ep_text body, struct ep_error *err)
{
	struct ep_entry stated = *entry;
	struct ep_link link;
	EP_TRY(ep_entry_read_body(&stated, body.at, body.size, err));
	if (put->states_link) {
		uint8_t flags;
		EP_TRY(ep_entry_link_flags(&flags, &stated, err));
		stated.flags |= flags;
	}
	EP_TRY(ep_log_append_entry(write, &stated, body.at, body.size, err));
	if (!(stated.flags & EP_ENTRY_COPY))
		return EP_OK;
	EP_TRY(ep_entry_link(&link, &stated, err));
	/* What the master says has been checked there. */
	return put->source == EP_SOURCE_MASTER
	               ? ep_log_settle_copies(write, stated.id, &link, err)
	               : ep_log_check_link(write, put->track->id, &link, err);
}

/* before: the last word about the track, where it had been deleted. */
static enum ep_status
put_new(struct ep_log_write *write, const struct ep_put *put, struct ep_word before,
        struct ep_put_counts *counts, struct ep_error *err)
{
	EP_TRY(check_limits(put->track, err));
	struct ep_entry entry = {
		.operation = EP_PUT,
		.source = put->source,
		.import_date = put->import_date,
		.hash = put->hash,
		.word = put->said.word.tag ? put->said.word : before,
		.id = put->track->id,
		.document_count = (uint32_t)put->track->count,
	};
	EP_TRY(append(write, &entry, put, (struct ep_text){ put->body, put->body_size }, err));
	counts->added += put->track->count;
	return EP_OK;
}

/* Notes what a put that changes nothing says: a newer word; and that a local track which the master
 * sends back is known there. A dump carries a track's documents in order, maybe in two files: with
 * the last of them the master has shown all. */
static enum ep_status
note(struct ep_log_write *write, const struct ep_entry *there, const struct ep_put *put,
     bool last_document, struct ep_error *err)
{
	bool masters = put->source == EP_SOURCE_MASTER;
	bool confirms = masters && there->source == EP_SOURCE_LOCAL && last_document;
	bool owners = masters || put->source == there->source;
	/* Who owned the track before is still known by its last word. */
	bool known = owners || put->said.word.tag == there->word.tag;
	struct ep_word word = put->said.word.tag && known ? put->said.word : there->word;
	unsigned flags = there->flags | (confirms ? (unsigned)EP_ENTRY_CONFIRMED : 0);
	if (flags != there->flags || word.tag != there->word.tag ||
	    word.position != there->word.position)
		EP_TRY(ep_log_note(write, there, (uint8_t)flags, word, err));
	return owners ? EP_OK
	              : ep_log_note_answered(write, put->source, put->track->id, &put->said,
	                                     &put->hash, err);
}

/* Encodes a track as it became by joining rows; a whole one is in the put already. */
static enum ep_status
encode_merged(struct ep_hash *hash, struct ep_text *body, struct ep_log_write *write,
              const struct ep_merge *merge, const struct ep_put *put, struct ep_error *err)
{
	*hash = put->hash;
	*body = (struct ep_text){ put->body, put->body_size };
	if (put->whole)
		return EP_OK;
	ep_track_hash(hash, &merge->track);
	write->body.size = 0;
	EP_TRY(ep_entry_put_body(&write->body, NULL, &merge->track, write->encoder, err));
	*body = (struct ep_text){ (const char *)write->body.data, write->body.size };
	return EP_OK;
}

/* Whether the master only says of a track of this node whether it is a copy: it stays this node's,
 * and has been seen by the master. */
static bool
keeps_owner(const struct ep_entry *there, const struct ep_put *put)
{
	return put->source == EP_SOURCE_MASTER && there->source == EP_SOURCE_LOCAL &&
	       memcmp(there->hash.bytes, put->hash.bytes, EP_HASH_SIZE) == 0;
}

/* A track that was of another slave becomes the put's: the last word of that one stays known. */
static enum ep_status
hand_over(struct ep_log_write *write, uint32_t owner, struct ep_word word,
          const struct ep_hash *hash, const struct ep_put *put, struct ep_error *err)
{
	struct ep_said said = { .word = word };
	if (owner == put->source || owner <= EP_SOURCE_MASTER)
		return EP_OK;
	return ep_log_note_answered(write, owner, put->track->id, &said, hash, err);
}

static enum ep_status
replace(struct ep_log_write *write, const struct ep_entry *there, const struct ep_merge *merge,
        const struct ep_put *put, struct ep_error *err)
{
	bool kept = keeps_owner(there, put);
	struct ep_entry entry = {
		.operation = EP_PUT,
		.flags = (uint8_t)((merge->shrunk ? EP_ENTRY_SHRUNK : 0) |
		                   (kept ? EP_ENTRY_CONFIRMED : 0)),
		/* A track stays its source's while it has documents that the put did not bring:
		 * they may still have to be dumped. */
		.source = merge->kept || kept ? there->source : put->source,
		.import_date = kept ? there->import_date : put->import_date,
		.word = put->said.word.tag ? put->said.word : there->word,
		.id = put->track->id,
		.document_count = (uint32_t)merge->track.count,
	};
	struct ep_text body;
	EP_TRY(check_limits(&merge->track, err));
	EP_TRY(encode_merged(&entry.hash, &body, write, merge, put, err));
	EP_TRY(ep_log_remove_entry(write, there, err));
	EP_TRY(append(write, &entry, put, body, err));
	return entry.source == there->source
	               ? EP_OK
	               : hand_over(write, there->source, there->word, &there->hash, put, err);
}

/* Whether this node has deleted a track, or linked or released it, since the source of a put last
 * knew this log: then that stands. */
static bool
is_decided(const struct ep_entry *there, const struct ep_put *put)
{
	return (there->flags & EP_ENTRY_DECIDED) && put->source != EP_SOURCE_MASTER &&
	       put->source != EP_SOURCE_LOCAL && put->said.known < there->position;
}

/* Whether a put leaves the track the copy that it is, or none. */
static enum ep_status
same_link(bool *same, const struct ep_entry *there, const struct ep_put *put, struct ep_error *err)
{
	struct ep_entry stated = { .operation = EP_PUT };
	struct ep_link one;
	struct ep_link other;
	uint8_t flags;
	*same = true;
	if (!put->states_link)
		return EP_OK;
	EP_TRY(ep_entry_read_body(&stated, put->body, put->body_size, err));
	EP_TRY(ep_entry_link_flags(&flags, &stated, err));
	*same = flags == (there->flags & (EP_ENTRY_COPY | EP_ENTRY_RELEASED));
	if (!*same || !(flags & EP_ENTRY_COPY))
		return EP_OK;
	EP_TRY(ep_entry_link(&one, &stated, err));
	EP_TRY(ep_entry_link(&other, there, err));
	*same = ep_text_equal(one.original, other.original);
	return EP_OK;
}

/* Says again what this node has decided, to a source that did not know it and will read it: what
 * comes as CSV gets no answer. */
static enum ep_status
insist(struct ep_log_write *write, uint32_t owner, const struct ep_put *put, struct ep_error *err)
{
	if (!put->said.word.tag)
		return EP_OK;
	if (put->source == owner)
		return ep_log_say_again(write, put->track->id, &put->said.word, err);
	return ep_log_refuse(write, put->source, put->track->id, &put->said, &put->hash, err);
}

/* Does what the rows of a put do to the track that is there. */
static enum ep_status
put_over(struct ep_log_write *write, const struct ep_entry *there, const struct ep_put *put,
         struct ep_merge *merge, struct ep_put_counts *counts, struct ep_error *err)
{
	EP_TRY(ep_entry_decode(&write->there, there, write->decoder, err));
	EP_TRY(ep_log_merge_rows(merge, &write->there.track, put, err));
	bool same;
	EP_TRY(same_link(&same, there, put, err));
	if (!same) { /* all its documents are put anew, as a copy or as none */
		merge->updated += merge->unchanged;
		merge->unchanged = 0;
	}
	uint64_t changes = merge->added + merge->updated;
	if (changes == 0 && !merge->shrunk) {
		const struct ep_track *track = &write->there.track;
		bool last = ep_document_compare(&put->track->documents[put->track->count - 1],
		                                &track->documents[track->count - 1]) == 0;
		EP_TRY(note(write, there, put, last, err));
		counts->unchanged += merge->unchanged;
		return EP_OK;
	}
	if (put->source != there->source && put->source != EP_SOURCE_MASTER && !put->overrules) {
		EP_TRY(ep_log_update_conflict(write, put, true, err));
		EP_TRY(insist(write, EP_SOURCE_ANY, put, err));
		/* Where only documents went, the rows that stayed are what conflicts. */
		counts->conflict += changes ? changes : merge->unchanged;
		counts->unchanged += changes ? merge->unchanged : 0;
		return EP_OK;
	}
	EP_TRY(replace(write, there, merge, put, err));
	counts->added += merge->added;
	counts->updated += merge->updated;
	counts->unchanged += merge->unchanged;
	return EP_OK;
}

/* The same, where the rows may have to be decoded first. */
static enum ep_status
put_decoded(struct ep_log_write *write, const struct ep_entry *there, const struct ep_put *put,
            struct ep_put_counts *counts, struct ep_error *err)
{
	struct ep_merge merge = { 0 };
	EP_DECODED struct ep_decoded decoded = { 0 };
	struct ep_put with_rows;
	enum ep_status status = ep_log_decode_put(&with_rows, &decoded, write, put, err);
	if (status == EP_OK)
		status = put_over(write, there, &with_rows, &merge, counts, err);
	ep_arena_free(&merge.arena);
	return status;
}

/* Keeps all rows of a put aside. */
static enum ep_status
keep_aside(struct ep_log_write *write, const struct ep_put *put, struct ep_put_counts *counts,
           struct ep_error *err)
{
	EP_TRY(ep_log_update_conflict(write, put, true, err));
	counts->conflict += put->track->count;
	return EP_OK;
}

static enum ep_status
put_over_tombstone(struct ep_log_write *write, const struct ep_entry *there,
                   const struct ep_put *put, struct ep_put_counts *counts, struct ep_error *err)
{
	uint32_t owner = there->source;
	if (!put->overrules && is_decided(there, put)) {
		EP_TRY(keep_aside(write, put, counts, err));
		return insist(write, owner, put, err);
	}
	EP_TRY(check_limits(put->track, err));
	EP_TRY(ep_log_remove_entry(write, there, err));
	EP_TRY(put_new(write, put, there->word, counts, err));
	return hand_over(write, owner, there->word, &there->hash, put, err);
}

/* A word that is older than what was said since. Of the master it is passed over; of a source it is
 * kept aside, as a source that was restored from an old copy says new things at old positions. */
static enum ep_status
put_old(struct ep_log_write *write, const struct ep_entry *there, const struct ep_put *put,
        struct ep_put_counts *counts, struct ep_error *err)
{
	if (put->source != EP_SOURCE_MASTER &&
	    (there->operation == EP_DELETE ||
	     memcmp(there->hash.bytes, put->hash.bytes, EP_HASH_SIZE) != 0))
		return keep_aside(write, put, counts, err);
	counts->unchanged += put->track->count;
	return EP_OK;
}

/* The same of a word about another's track that has been answered. What is aside may be newer. */
static enum ep_status
put_answered(struct ep_log_write *write, enum ep_answered answered, const struct ep_put *put,
             struct ep_put_counts *counts, struct ep_error *err)
{
	bool aside;
	EP_TRY(ep_log_is_aside(&aside, write, put, err));
	if (!aside && answered == EP_ANSWERED_OLDER)
		return keep_aside(write, put, counts, err);
	*(aside ? &counts->conflict : &counts->unchanged) += put->track->count;
	return EP_OK;
}

static enum ep_status
put_rows(struct ep_log_write *write, const struct ep_put *put, struct ep_put_counts *counts,
         struct ep_error *err)
{
	struct ep_entry there;
	enum ep_status status = ep_log_find(&there, &write->inside, put->track->id, err);
	if (status == EP_NOT_FOUND)
		return put_new(write, put, (struct ep_word){ 0 }, counts, err);
	if (status != EP_OK)
		return status;
	if (ep_log_is_old(&there, &put->said))
		return put_old(write, &there, put, counts, err);
	enum ep_answered answered = EP_ANSWERED_NOT;
	if (put->source != there.source && put->source != EP_SOURCE_MASTER)
		EP_TRY(ep_log_was_answered(&answered, write, put->source, put->track->id,
		                           &put->said, &put->hash, err));
	/* The last word of a source stands when what stood against it is gone. */
	if (answered == EP_ANSWERED_OLDER ||
	    (answered == EP_ANSWERED_SAME &&
	     (there.operation == EP_PUT || is_decided(&there, put))))
		return put_answered(write, answered, put, counts, err);
	/* What this node said itself stands, or has changed since. */
	if (put->said.echo && put->said.known > 0 && put->said.known <= there.position) {
		counts->unchanged += put->track->count;
		return note(write, &there, put, true, err);
	}
	bool pending = false;
	if (put->source == EP_SOURCE_MASTER)
		EP_TRY(ep_log_is_pending(&pending, write, &there, &put->said, err));
	if (pending) {
		bool differs = there.operation == EP_DELETE ||
		               memcmp(there.hash.bytes, put->hash.bytes, EP_HASH_SIZE) != 0;
		*(differs ? &counts->conflict : &counts->unchanged) += put->track->count;
		return EP_OK;
	}
	if (there.operation == EP_DELETE)
		return put_over_tombstone(write, &there, put, counts, err);
	bool same = false;
	if (memcmp(there.hash.bytes, put->hash.bytes, EP_HASH_SIZE) == 0)
		EP_TRY(same_link(&same, &there, put, err));
	if (same) {
		counts->unchanged += put->track->count;
		return note(write, &there, put, true, err);
	}
	if (memcmp(there.hash.bytes, put->hash.bytes, EP_HASH_SIZE) == 0 &&
	    is_decided(&there, put)) {
		counts->unchanged += put->track->count;
		return insist(write, there.source, put, err);
	}
	return put_decoded(write, &there, put, counts, err);
}

enum ep_status
ep_log_put(struct ep_log_write *write, const struct ep_put *put, struct ep_put_counts *counts,
           struct ep_error *err)
{
	uint64_t conflicts = counts->conflict;
	EP_TRY(put_rows(write, put, counts, err));
	/* Rows that conflict were kept aside above; those that a pending deletion turned away are
	 * not. */
	return counts->conflict > conflicts ? EP_OK
	                                    : ep_log_update_conflict(write, put, false, err);
}
