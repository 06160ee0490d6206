/* Rows and fields of a put joined with those that are there. */
#include "store/log_internal.h"

/* Another field changes the track, and so all of its documents that are put. */
static enum ep_status
merge_fields(struct ep_merge *merge, const struct ep_fields *there, const struct ep_put *put,
             struct ep_error *err)
{
	const struct ep_fields *fields = &put->track->fields;
	struct ep_fields *joined = &merge->track.fields;
	if (put->all_fields)
		*joined = *fields;
	else
		EP_TRY(ep_fields_join(joined, there, fields->items, fields->count, &merge->arena,
		                      err));
	if (!ep_fields_equal(joined, there)) {
		merge->updated += merge->unchanged;
		merge->unchanged = 0;
	}
	return EP_OK;
}

/* Goes through both side by side. */
enum ep_status
ep_log_merge_rows(struct ep_merge *merge, const struct ep_track *there, const struct ep_put *put,
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
			merge->kept += !put->whole;
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
	return merge_fields(merge, &there->fields, put, err);
}

enum ep_status
ep_log_decode_put(struct ep_put *with_rows, struct ep_decoded *decoded, struct ep_log_write *write,
                  const struct ep_put *put, struct ep_error *err)
{
	struct ep_entry entry = { .operation = EP_PUT };
	*with_rows = *put;
	if (put->track->documents)
		return EP_OK;
	with_rows->track = &decoded->track;
	if (!write->rows_decoder)
		EP_TRY(ep_codes_coder_new(&write->rows_decoder, EP_CODES_ONSET, err));
	EP_TRY(ep_entry_read_body(&entry, put->body, err));
	enum ep_status status = ep_entry_decode(decoded, &entry, write->rows_decoder, err);
	if (status == EP_CORRUPT) /* what was put is, not the log */
		return ep_fail(err, EP_BAD_INPUT, "its documents cannot be decoded");
	return status;
}
