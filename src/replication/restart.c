#include "replication/restart.h"

#include "base/hash.h"
#include "base/time.h"

#include <stdlib.h>
#include <string.h>

/* So many tracks are deleted in one transaction. */
#define BATCH 1000

void
ep_restart_free(struct ep_restart *restart)
{
	free(restart->seen);
	*restart = (struct ep_restart){ 0 };
}

static uint64_t
hash_of(struct ep_text id)
{
	uint64_t hash;
	struct ep_hasher hasher;
	struct ep_hash whole;
	ep_hasher_init(&hasher);
	ep_hasher_add(&hasher, id.at, id.size);
	ep_hasher_done(&whole, &hasher);
	memcpy(&hash, whole.bytes, sizeof hash);
	return hash;
}

enum ep_status
ep_restart_saw(struct ep_restart *restart, struct ep_text id, struct ep_error *err)
{
	if (restart->count == restart->capacity) {
		size_t wanted = restart->capacity ? restart->capacity * 2 : 1024;
		uint64_t *seen = realloc(restart->seen, wanted * sizeof *seen);
		if (!seen)
			return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu tracks", wanted);
		restart->seen = seen;
		restart->capacity = wanted;
	}
	restart->seen[restart->count++] = hash_of(id);
	return EP_OK;
}

static int
compare(const void *one, const void *other)
{
	uint64_t first;
	uint64_t second;
	memcpy(&first, one, sizeof first);
	memcpy(&second, other, sizeof second);
	return (first > second) - (first < second);
}

/* The next ids that are to go, behind *after, which moves on; EP_NOT_FOUND when there are none. */
static enum ep_status
find_lost(char (*ids)[256], size_t *count, uint64_t *after, const struct ep_restart *restart,
          struct ep_log *log, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	struct ep_entry entry;
	enum ep_status status;
	*count = 0;
	EP_TRY(ep_log_read_begin(&read, log, err));
	EP_TRY(ep_log_cursor_open(&cursor, read, *after, EP_SOURCE_MASTER, err));
	while (*count < BATCH && (status = ep_log_cursor_next(&entry, cursor, err)) == EP_OK) {
		*after = entry.position;
		uint64_t hash = hash_of(entry.id);
		if (entry.operation != EP_PUT || entry.id.size > 255 ||
		    (restart->count &&
		     bsearch(&hash, restart->seen, restart->count, sizeof hash, compare)))
			continue;
		memcpy(ids[*count], entry.id.at, entry.id.size);
		ids[(*count)++][entry.id.size] = '\0';
	}
	return *count == BATCH ? EP_OK : status;
}

/* Puts a track, as it was, as one of this node. */
static enum ep_status
put_as_local(struct ep_log_write *write, const struct ep_entry *was, const struct ep_buffer *body,
             struct ep_error *err)
{
	struct ep_put_counts counts = { 0 };
	struct ep_track track = { .id = was->id, .count = was->document_count };
	struct ep_put put = {
		.track = &track,
		.body = body->data,
		.body_size = body->size,
		.hash = was->hash,
		.source = EP_SOURCE_LOCAL,
		.import_date = was->import_date,
		.whole = true,
	};
	return ep_log_put(write, &put, &counts, err);
}

/* Deletes a track, or moves it to this node's own. */
static enum ep_status
let_go(struct ep_log_write *write, struct ep_text id, bool keep, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer body = { 0 };
	struct ep_entry was;
	enum ep_status status = ep_log_find(&was, ep_log_inside(write), id, err);
	if (status == EP_NOT_FOUND || (status == EP_OK && was.operation != EP_PUT))
		return EP_OK;
	EP_TRY(status);
	struct ep_text rest = { (const char *)was.rest, was.rest_size };
	EP_TRY(ep_entry_join_body(&body, id, was.document_count, rest, ep_text_of(""), err));
	was.id = id; /* the log's bytes go with the next change */
	EP_TRY(ep_log_delete(write, id, EP_SOURCE_MASTER, ep_time_now(), NULL, err));
	return keep ? put_as_local(write, &was, &body, err) : EP_OK;
}

static enum ep_status
let_all_go(char (*ids)[256], size_t count, struct ep_log *log, bool keep, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	EP_TRY(ep_log_write_begin(&write, log, err));
	for (size_t i = 0; i < count; i++)
		EP_TRY(let_go(write, ep_text_of(ids[i]), keep, err));
	return ep_log_commit(&write, err);
}

enum ep_status
ep_restart_end(struct ep_restart *restart, struct ep_log *log, bool keep, struct ep_error *err)
{
	EP_FREE char(*ids)[256] = calloc(BATCH, sizeof *ids);
	if (!ids)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the tracks of a master");
	if (restart->count)
		qsort(restart->seen, restart->count, sizeof *restart->seen, compare);
	enum ep_status status = EP_OK;
	for (uint64_t after = 0; status == EP_OK;) {
		size_t count;
		status = find_lost(ids, &count, &after, restart, log, err);
		if (status != EP_OK && status != EP_NOT_FOUND)
			return status;
		if (count)
			EP_TRY(let_all_go(ids, count, log, keep, err));
	}
	return EP_OK;
}
