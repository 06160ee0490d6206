#include "node/take.h"

#include "dedup/requests.h"
#include "ingest/sounds.h"
#include "node/settle.h"

#include <stdlib.h>
#include <string.h>

/* Whether the next file is to be read after one that failed like this. */
static bool
goes_on(enum ep_status status)
{
	return status == EP_NOT_FOUND || status == EP_BAD_INPUT || status == EP_CORRUPT;
}

/* Ingests path i; audio files and folders that follow one another in one go. *i becomes the
 * next one's. */
static enum ep_status
ingest_next(struct ep_ingest *ingest, const struct ep_take_options *options, size_t *i,
            struct ep_error *err)
{
	size_t first = *i;
	size_t end = first;
	bool songs = options->ingest->kind == EP_INGEST_CODEGEN;
	while (songs && end < options->count && ep_sounds_is_one(options->paths[end]))
		end++;
	*i = end > first ? end : first + 1;
	if (end == first)
		return ep_ingest_file(ingest, options->paths[first], err);
	EP_FREE const char **paths = calloc(end - first + 1, sizeof(char *));
	if (!paths)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	memcpy(paths, options->paths + first, (end - first) * sizeof *paths);
	return ep_ingest_sounds(ingest, paths, err);
}

/* Ingests file after file, and tells at once what is wrong with one; err keeps the first failure.
 */
static enum ep_status
ingest_all(struct ep_ingest *ingest, const struct ep_take_options *options, struct ep_error *err)
{
	enum ep_status first = EP_OK;
	if (options->input)
		return ep_ingest_input(ingest, options->input, err);
	for (size_t i = 0; i < options->count;) {
		struct ep_error why;
		enum ep_status status = ingest_next(ingest, options, &i, &why);
		if (status == EP_OK)
			continue;
		options->on_failed(options->context, status, why.text);
		if (first == EP_OK)
			first = ep_fail(err, status, "%s", why.text);
		if (!goes_on(status))
			break;
	}
	return first;
}

void
ep_node_count_copies(uint64_t *duplicate, struct ep_put_counts *counts,
                     const struct ep_copies_report *copies)
{
	uint64_t left = copies->documents;
	uint64_t of_new = left < counts->added ? left : counts->added;
	counts->added -= of_new;
	left -= of_new;
	uint64_t of_updated = left < counts->updated ? left : counts->updated;
	counts->updated -= of_updated;
	*duplicate = of_new + of_updated;
}

/* Remembers what the user asked for with the tracks of each transaction. */
static enum ep_status
remember(void *context, struct ep_log_write *write, uint64_t after, struct ep_error *err)
{
	const enum ep_dedup *how = context;
	return ep_dedup_request(write, after, *how, err);
}

enum ep_status
ep_node_take(struct ep_ingest_report *report, uint64_t *position, struct ep_node *node,
             const struct ep_take_options *options, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_OWNED(ep_ingest_close)
	struct ep_ingest *ingest = NULL;
	struct ep_copies_report copies = { 0 };
	struct ep_ingest_options wanted = *options->ingest;
	enum ep_dedup how = options->how;
	wanted.with_commit = how == EP_DEDUP_BY_ROLE ? NULL : remember;
	wanted.commit_context = &how;
	wanted.decoder = ep_node_options(node)->decoder;
	EP_TRY(ep_ingest_open(&ingest, ep_node_log(node), &wanted, report, err));
	enum ep_status status = ingest_all(ingest, options, err);
	if (status == EP_OK && !options->ingest->dry_run && !options->no_index)
		status = ep_node_settle(&copies, node, err);
	ep_node_count_copies(&report->duplicate, &report->counts, &copies);
	struct ep_error late;
	if (ep_log_read_begin(&read, ep_node_log(node), &late) == EP_OK) {
		struct ep_log_state state;
		ep_log_state(&state, read);
		*position = state.position;
	}
	return status;
}
