#include "store/log_internal.h"

#include <endian.h>
#include <string.h>

/* A track as it would be, and what the rows of a put are to those that are there. */
struct merge {
	struct ep_track track;
	struct ep_arena arena;
	uint64_t added;
	uint64_t updated;
	uint64_t unchanged;
	bool shrunk; /* documents that are there go */
};

/* Goes through the rows that are there and those of the put side by side; both are in order. */
static enum ep_status
merge_rows(struct merge *merge, const struct ep_track *there, const struct ep_put *put,
           struct ep_error *err)
{
	const struct ep_track *rows = put->track;
	size_t most = there->count + rows->count;
	struct ep_document *out = ep_arena_alloc(&merge->arena, most * sizeof *out);
	if (!out)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu documents", most);
	size_t count = 0;
	size_t old = 0;
	size_t new = 0;
	while (old < there->count || new < rows->count) {
		int order = old == there->count  ? 1
		            : new == rows->count ? -1
		                                 : ep_document_compare(&there->documents[old],
		                                                       &rows->documents[new]);
		if (order < 0) {
			merge->shrunk |= put->whole;
			if (!put->whole)
				out[count++] = there->documents[old];
			old++;
			continue;
		}
		if (order > 0)
			merge->added++;
		else if (ep_document_equal(&there->documents[old], &rows->documents[new]))
			merge->unchanged++;
		else
			merge->updated++;
		old += order == 0;
		out[count++] = rows->documents[new ++];
	}
	merge->track = (struct ep_track){ .id = put->track->id, .documents = out, .count = count };
	return EP_OK;
}

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

#define CONFLICT_KEY_MAX (4 + 255)

/* The key of what a source put of a track; EP_BAD_INPUT where the id is too long. */
static enum ep_status
conflict_key(MDB_val *key, uint8_t bytes[CONFLICT_KEY_MAX], const struct ep_put *put,
             struct ep_error *err)
{
	uint32_t big = htobe32(put->source);
	size_t size = put->track->id.size;
	if (size > CONFLICT_KEY_MAX - 4)
		return ep_fail(err, EP_BAD_INPUT, "a track id has at most 255 bytes");
	memcpy(bytes, &big, 4);
	memcpy(bytes + 4, put->track->id.at, size);
	*key = (MDB_val){ .mv_data = bytes, .mv_size = size + 4 };
	return EP_OK;
}

static enum ep_status
count_conflicts(struct ep_log_write *write, struct ep_error *err)
{
	MDB_stat stat;
	int rc = mdb_stat(write->inside.txn, write->inside.log->conflicts, &stat);
	if (rc)
		return ep_log_fail_write(write, rc, err);
	write->inside.state.conflicts = stat.ms_entries;
	return EP_OK;
}

/* Keeps rows aside that their source may not put; the latest of a source and track stays. */
static enum ep_status
keep_aside(struct ep_log_write *write, const struct ep_put *put, struct ep_error *err)
{
	uint8_t bytes[CONFLICT_KEY_MAX];
	MDB_val key;
	EP_TRY(conflict_key(&key, bytes, put, err));
	struct ep_entry entry = { .operation = EP_PUT,
		                  .source = put->source,
		                  .import_date = put->import_date,
		                  .hash = put->hash };
	EP_TRY(ep_log_write_entry(write, write->inside.log->conflicts, key, &entry, put->body,
	                          put->body_size, 0, err));
	return count_conflicts(write, err);
}

/* Forgets what was kept aside of a source and track, as the source now agrees. */
static enum ep_status
forget_conflict(struct ep_log_write *write, const struct ep_put *put, struct ep_error *err)
{
	if (write->inside.state.conflicts == 0)
		return EP_OK;
	uint8_t bytes[CONFLICT_KEY_MAX];
	MDB_val key;
	EP_TRY(conflict_key(&key, bytes, put, err));
	int rc = mdb_del(write->inside.txn, write->inside.log->conflicts, &key, NULL);
	if (rc && rc != MDB_NOTFOUND)
		return ep_log_fail_write(write, rc, err);
	return count_conflicts(write, err);
}

static enum ep_status
put_new(struct ep_log_write *write, const struct ep_put *put, struct ep_put_counts *counts,
        struct ep_error *err)
{
	EP_TRY(check_limits(put->track, err));
	struct ep_entry entry = {
		.operation = EP_PUT,
		.source = put->source,
		.import_date = put->import_date,
		.hash = put->hash,
		.id = put->track->id,
		.document_count = (uint32_t)put->track->count,
	};
	EP_TRY(ep_log_append_entry(write, &entry, put->body, put->body_size, err));
	counts->added += put->track->count;
	return EP_OK;
}

/* A local track that the master sends back is known there. A dump carries a track's documents in
 * order, maybe in two files: with the last of them the master has shown all. */
static enum ep_status
confirm(struct ep_log_write *write, const struct ep_entry *there, const struct ep_put *put,
        bool last_document, struct ep_error *err)
{
	if (put->source != EP_SOURCE_MASTER || there->source != EP_SOURCE_LOCAL || !last_document ||
	    (there->flags & EP_ENTRY_CONFIRMED))
		return EP_OK;
	return ep_log_set_flag(write, there, EP_ENTRY_CONFIRMED, err);
}

/* Encodes a track as it became by joining rows; a whole one is in the put already. */
static enum ep_status
encode_merged(struct ep_hash *hash, struct ep_text *body, struct ep_log_write *write,
              const struct merge *merge, const struct ep_put *put, struct ep_error *err)
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

static enum ep_status
replace(struct ep_log_write *write, const struct ep_entry *there, const struct merge *merge,
        const struct ep_put *put, struct ep_error *err)
{
	struct ep_entry entry = {
		.operation = EP_PUT,
		.flags = merge->shrunk ? EP_ENTRY_SHRUNK : 0,
		.source = put->source,
		.import_date = put->import_date,
		.id = put->track->id,
		.document_count = (uint32_t)merge->track.count,
	};
	struct ep_text body;
	EP_TRY(check_limits(&merge->track, err));
	EP_TRY(encode_merged(&entry.hash, &body, write, merge, put, err));
	EP_TRY(ep_log_remove_entry(write, there, err));
	return ep_log_append_entry(write, &entry, body.at, body.size, err);
}

/* Does what the rows of a put do to the track that is there. */
static enum ep_status
put_over(struct ep_log_write *write, const struct ep_entry *there, const struct ep_put *put,
         struct merge *merge, struct ep_put_counts *counts, struct ep_error *err)
{
	EP_TRY(ep_entry_decode(&write->there, there, write->decoder, err));
	EP_TRY(merge_rows(merge, &write->there.track, put, err));
	uint64_t changes = merge->added + merge->updated;
	if (changes == 0 && !merge->shrunk) {
		const struct ep_track *track = &write->there.track;
		bool last = ep_document_compare(&put->track->documents[put->track->count - 1],
		                                &track->documents[track->count - 1]) == 0;
		EP_TRY(confirm(write, there, put, last, err));
		counts->unchanged += merge->unchanged;
		return EP_OK;
	}
	if (put->source != there->source && put->source != EP_SOURCE_MASTER) {
		EP_TRY(keep_aside(write, put, err));
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
	struct merge merge = { 0 };
	EP_DECODED struct ep_decoded decoded = { 0 };
	struct ep_put with_rows = *put;
	enum ep_status status = EP_OK;
	if (!put->track->documents) {
		struct ep_entry entry = { .operation = EP_PUT };
		status = ep_entry_read_body(&entry, put->body, put->body_size, err);
		/* Nothing is encoded for a whole track, so that coder is free. */
		if (status == EP_OK)
			status = ep_entry_decode(&decoded, &entry, write->encoder, err);
		if (status == EP_CORRUPT) /* what was put is, not the log */
			status = ep_fail(err, EP_BAD_INPUT, "its documents cannot be decoded");
		with_rows.track = &decoded.track;
	}
	if (status == EP_OK)
		status = put_over(write, there, &with_rows, &merge, counts, err);
	ep_arena_free(&merge.arena);
	return status;
}

static enum ep_status
put_rows(struct ep_log_write *write, const struct ep_put *put, struct ep_put_counts *counts,
         struct ep_error *err)
{
	struct ep_entry there;
	enum ep_status status = ep_log_find(&there, &write->inside, put->track->id, err);
	if (status == EP_NOT_FOUND)
		return put_new(write, put, counts, err);
	if (status != EP_OK)
		return status;
	if (there.operation == EP_DELETE) {
		EP_TRY(check_limits(put->track, err));
		EP_TRY(ep_log_remove_entry(write, &there, err));
		return put_new(write, put, counts, err);
	}
	if (memcmp(there.hash.bytes, put->hash.bytes, EP_HASH_SIZE) == 0) {
		counts->unchanged += put->track->count;
		return confirm(write, &there, put, true, err);
	}
	return put_decoded(write, &there, put, counts, err);
}

enum ep_status
ep_log_put(struct ep_log_write *write, const struct ep_put *put, struct ep_put_counts *counts,
           struct ep_error *err)
{
	uint64_t conflicts = counts->conflict;
	EP_TRY(put_rows(write, put, counts, err));
	return counts->conflict > conflicts ? EP_OK : forget_conflict(write, put, err);
}
