/* copies.c - how every two tracks of a data folder lie on each other
 *
 * Prints a line for each pair: both ids, exact or match, share, coverage, elsewhere (match/copy.h)
 * and the offset. Of P processes the one with number N (from 0) takes every P-th track; copies.py
 * starts them.
 */
#include "match/find_copy.h"

#include <stdio.h>
#include <stdlib.h>

struct tracks {
	struct ep_entry *entries; /* borrowed from the snapshot */
	size_t count;
};

static enum ep_status
collect(struct tracks *tracks, const struct ep_log_read *read, struct ep_error *err)
{
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	struct ep_log_state state;
	struct ep_entry entry;
	enum ep_status status;
	ep_log_state(&state, read);
	tracks->entries = calloc(state.tracks + 1, sizeof *tracks->entries);
	if (!tracks->entries)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_log_cursor_open(&cursor, read, 0, EP_SOURCE_ANY, err));
	while ((status = ep_log_cursor_next(&entry, cursor, err)) == EP_OK) {
		if (entry.operation == EP_PUT)
			tracks->entries[tracks->count++] = entry;
	}
	return status == EP_NOT_FOUND ? EP_OK : status;
}

static void
print(const struct ep_entry *one, const struct ep_entry *other, const struct ep_found_copy *found)
{
	const struct ep_alignment *alignment = &found->alignment;
	printf("%.*s\t%.*s\t%s\t%.4f\t%.4f\t%.4f\t%lld\n", ep_text_print_size(one->id), one->id.at,
	       ep_text_print_size(other->id), other->id.at,
	       found->kind == EP_COPY_EXACT ? "exact" : "match", (double)alignment->share,
	       (double)alignment->coverage, (double)alignment->elsewhere,
	       (long long)alignment->offset);
}

/* Compares every `step`-th track from `first` on with all before it. */
static enum ep_status
compare(const struct tracks *tracks, size_t first, size_t step, struct ep_error *err)
{
	EP_OWNED(ep_copy_finder_free)
	struct ep_copy_finder *finder = NULL;
	EP_TRY(ep_copy_finder_new(&finder, err));
	for (size_t i = first; i < tracks->count; i += step) {
		for (size_t j = 0; j < i; j++) {
			struct ep_found_copy found;
			EP_TRY(ep_compare_tracks(&found, finder, &tracks->entries[i],
			                         &tracks->entries[j], err));
			print(&tracks->entries[i], &tracks->entries[j], &found);
		}
	}
	return EP_OK;
}

static enum ep_status
run(const char *folder, size_t number, size_t processes, struct ep_error *err)
{
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct tracks tracks = { 0 };
	EP_TRY(ep_log_open(&log, folder, EP_LOG_READ, err));
	EP_TRY(ep_log_read_begin(&read, log, err));
	enum ep_status status = collect(&tracks, read, err);
	if (status == EP_OK)
		status = compare(&tracks, number, processes, err);
	free(tracks.entries);
	return status;
}

int
main(int argc, char **argv)
{
	struct ep_error err;
	size_t processes = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
	if (processes == 0) {
		fputs("usage: copies DIR NUMBER PROCESSES\n", stderr);
		return 2;
	}
	if (run(argv[1], strtoul(argv[2], NULL, 10), processes, &err) != EP_OK) {
		fprintf(stderr, "copies: %s\n", err.text);
		return 1;
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
