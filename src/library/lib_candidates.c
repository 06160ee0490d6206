#include "library/library_internal.h"

#include "match/original.h"

#include <stdlib.h>
#include <string.h>

/* What the caller gets; the first member is all that it sees. */
struct candidates {
	struct echoprint_candidates candidates;
	struct echoprint_candidate items[EP_ORIGINAL_CANDIDATES];
	struct ep_arena texts;
};

static void
free_candidates(struct candidates *candidates)
{
	if (candidates)
		ep_arena_free(&candidates->texts);
	free(candidates);
}
EP_DEFINE_OWNED(struct candidates, free_candidates)

void
echoprint_candidates_free(struct echoprint_candidates *candidates)
{
	free_candidates((struct candidates *)candidates);
}

/* "TRABC-0" */
static enum ep_status
keep_id(const char **kept, struct ep_arena *texts, struct ep_text track, struct ep_text suffix,
        struct ep_error *err)
{
	EP_BUFFER struct ep_buffer id = { 0 };
	EP_TRY(ep_buffer_append(&id, track.at, track.size, err));
	EP_TRY(ep_buffer_append(&id, suffix.at, suffix.size, err));
	return ep_keep_text(kept, texts, ep_buffer_text(&id), err);
}

static enum ep_status
name_candidate(struct echoprint_candidate *item, struct ep_arena *texts,
               const struct ep_original_candidate *found, const struct ep_log_read *read,
               struct ep_error *err)
{
	EP_DECODED struct ep_decoded decoded = { 0 };
	struct ep_entry entry;
	struct ep_bytes codes;
	EP_TRY(ep_log_entry_at(&entry, read, found->position, err));
	EP_TRY(ep_entry_rows(&decoded, &codes, &entry, err));
	const struct ep_document *row = &decoded.track.documents[found->number];
	item->score = found->score;
	item->length_s = ep_length_seconds(row->length);
	EP_TRY(keep_id(&item->document_id, texts, entry.id, row->suffix, err));
	EP_TRY(ep_keep_text(&item->artist, texts, row->artist, err));
	EP_TRY(ep_keep_text(&item->release, texts, row->release, err));
	return ep_keep_text(&item->track, texts, row->track, err);
}

static enum ep_status
find(struct echoprint_candidates **out, struct echoprint_db *db, const struct echoprint_pair *given,
     size_t count, size_t max, struct ep_error *err)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_OWNED(free_candidates)
	struct candidates *made = NULL;
	struct ep_original_candidate found[EP_ORIGINAL_CANDIDATES];
	size_t found_count = 0;
	EP_TRY(ep_db_check(db, false, err));
	EP_TRY(ep_take_pairs(&pairs, given, count, err));
	made = calloc(1, sizeof *made);
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_log_read_begin(&read, ep_place_log(db->place), err));
	EP_TRY(ep_original_candidates(found, &found_count, &pairs, read, ep_place_stop(db->place),
	                              err));
	struct echoprint_candidates *candidates = &made->candidates;
	candidates->size = sizeof *candidates;
	candidates->items = made->items;
	candidates->item_size = sizeof *candidates->items;
	for (size_t i = 0; i < found_count && i < max; i++, candidates->count++)
		EP_TRY(name_candidate(&made->items[i], &made->texts, &found[i], read, err));
	*out = &EP_TAKE(made)->candidates;
	return EP_OK;
}

enum echoprint_status
echoprint_find_candidates(struct echoprint_candidates **out, struct echoprint_db *db,
                          const struct echoprint_pair *pairs, size_t count, size_t max,
                          struct echoprint_error *err)
{
	struct ep_error why;
	return ep_told(err, find(out, db, pairs, count, max, &why), &why);
}
