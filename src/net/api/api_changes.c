/* GET /v1/changes: what changed behind a position, one JSON object a line. */
#include "net/api/api_internal.h"

#include "base/time.h"
#include "format/json_text.h"
#include "node/fields_json.h"
#include "node/listing.h"

#include <stdlib.h>
#include <string.h>

/* How often the log is looked at for who waits, in seconds. */
#define LOOK_S 0.25

#define WAIT_MAX 60

/* Bytes of an answer, but for its last line: it is in memory, because a slow reader of a stream
 * would hold a snapshot of the log. */
#define BYTES_MAX ((size_t)4 << 20)

struct listing {
	struct ep_log_read *read;
	struct ep_source_info *sources;
	size_t source_count;
	struct ep_decoded decoded;
	struct ep_buffer *out;
};

/* ---- waiting ---- */

/* Sets aside who waits, until something has changed behind its position or its time is over: it is
 * kept in the note when that is. */
enum ep_http_next
ep_api_wait_for_changes(void *context, struct ep_http_request *request,
                        struct ep_http_answer *answer)
{
	struct ep_api *api = context;
	double **note = (double **)ep_http_note(request);
	uint64_t after = 0;
	uint64_t wait = 0;
	uint64_t position = 0;
	double now = ep_clock_s();
	if (!ep_api_number(&after, request, "after", 0, INT64_MAX, answer) ||
	    !ep_api_number(&wait, request, "wait", 0, WAIT_MAX, answer))
		return EP_HTTP_ANSWER;
	if (wait == 0 || ep_log_position(&position, api->log, NULL) != EP_OK || position > after ||
	    !ep_http_may_wait(request))
		return EP_HTTP_GO_ON;
	if (!*note) {
		*note = malloc(sizeof **note);
		if (!*note)
			return EP_HTTP_GO_ON;
		**note = now + (double)wait;
	}
	if (now >= **note || atomic_load(api->options.stop))
		return EP_HTTP_GO_ON;
	ep_http_set_wait(request, now + LOOK_S < **note ? now + LOOK_S : **note);
	return EP_HTTP_WAIT;
}

/* ---- listing ---- */

/* Fills what an entry has beside its id: names of a put, the original of a link. */
static enum ep_status
describe(json_t *line, struct listing *listing, const struct ep_entry *entry,
         const struct ep_link *link, struct ep_error *err)
{
	struct ep_bytes codes;
	if (entry->operation == EP_LINK && link->original.size)
		json_object_set_new(line, "original", ep_json_text(link->original));
	if (entry->operation != EP_PUT)
		return EP_OK;
	EP_TRY(ep_entry_rows(&listing->decoded, &codes, entry, err));
	const struct ep_document *first = listing->decoded.track.documents;
	json_object_set_new(line, "artist", ep_json_text(first->artist));
	json_object_set_new(line, "release", ep_json_text(first->release));
	json_object_set_new(line, "track", ep_json_text(first->track));
	if (listing->decoded.track.fields.count)
		json_object_set_new(line, "fields", ep_fields_json(&listing->decoded.track.fields));
	return EP_OK;
}

static enum ep_status
print_line(struct listing *listing, const struct ep_entry *entry, struct ep_error *err)
{
	struct ep_link link = { 0 };
	if (entry->operation == EP_LINK)
		EP_TRY(ep_entry_link(&link, entry, err));
	json_t *line = json_pack(
		"{s:I, s:s, s:o, s:s}", "position", (json_int_t)entry->position, "op",
		ep_change_name(entry), "track_id", ep_json_text(entry->id), "source",
		ep_source_name(listing->sources, listing->source_count, entry->source, ""));
	enum ep_status status = line ? describe(line, listing, entry, &link, err)
	                             : ep_fail(err, EP_NO_MEMORY, "out of memory for a change");
	EP_FREE char *text = status == EP_OK ? json_dumps(line, JSON_COMPACT) : NULL;
	json_decref(line);
	EP_TRY(status);
	if (!text)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a change");
	EP_TRY(ep_buffer_append(listing->out, text, strlen(text), err));
	return ep_buffer_append(listing->out, "\n", 1, err);
}

/* Adds lines until there are enough of them, or bytes: a line more is asked for again. */
static enum ep_status
list(struct listing *listing, uint64_t after, uint64_t limit, struct ep_error *err)
{
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	struct ep_entry entry;
	EP_TRY(ep_log_sources(&listing->sources, &listing->source_count, listing->read, err));
	EP_TRY(ep_log_cursor_open(&cursor, listing->read, after, EP_SOURCE_ANY, err));
	for (; limit && listing->out->size < BYTES_MAX; limit--) {
		enum ep_status status = ep_log_cursor_next(&entry, cursor, err);
		if (status == EP_NOT_FOUND)
			return EP_OK;
		EP_TRY(status);
		EP_TRY(print_line(listing, &entry, err));
	}
	return EP_OK;
}

void
ep_api_list_changes(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_api *api = context;
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_error err;
	uint64_t after = 0;
	uint64_t limit = EP_API_PAGE_MAX;
	if (!ep_api_number(&after, request, "after", 0, INT64_MAX, answer) ||
	    !ep_api_number(&limit, request, "limit", 1, EP_API_PAGE_MAX, answer))
		return;
	enum ep_status status = ep_log_read_begin(&read, api->log, &err);
	struct listing listing = { .read = read, .out = &answer->body };
	if (status == EP_OK)
		status = list(&listing, after, limit, &err);
	ep_decoded_free(&listing.decoded);
	free(listing.sources);
	if (status != EP_OK) {
		ep_api_fail(answer, &err);
		return;
	}
	answer->status = 200;
	answer->type = "application/x-ndjson";
}
