#include "node/track_onsets.h"

#include "code/stored/sketch.h"
#include "format/json_text.h"
#include "index/collect.h"

#define UNIT_S 0.023

static json_t *
bands_of(const struct ep_sketch *sketch)
{
	json_t *bands = json_array();
	size_t at = 0;
	for (size_t band = 0; band < EP_ONSET_BANDS; band++) {
		json_t *times = json_array();
		for (; at < sketch->end[band]; at++)
			json_array_append_new(times, json_integer(sketch->onsets[at]));
		json_array_append_new(bands, times);
	}
	return bands;
}

static enum ep_status
read_sketch(struct ep_sketch *sketch, const struct ep_entry *entry, struct ep_error *err)
{
	EP_OWNED(ep_codes_coder_free)
	struct ep_codes_coder *coder = NULL;
	EP_DECODED struct ep_decoded decoded = { 0 };
	EP_TRY(ep_codes_coder_new(&coder, EP_CODES_ONSET, err));
	return ep_entry_sketch(sketch, &decoded, entry, coder, err);
}

enum ep_status
ep_track_onsets(json_t **json, struct ep_log *log, struct ep_text id, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_SKETCH struct ep_sketch sketch = { 0 };
	struct ep_entry entry;
	EP_TRY(ep_log_read_begin(&read, log, err));
	EP_TRY(ep_log_find(&entry, read, id, err));
	if (entry.operation != EP_PUT)
		return ep_fail(err, EP_NOT_FOUND, "track %.*s has been deleted",
		               ep_text_print_size(id), id.at);
	EP_TRY(read_sketch(&sketch, &entry, err));
	*json = json_pack("{s:o, s:f, s:b, s:o}", "track_id", ep_json_text(id), "unit_s", UNIT_S,
	                  "has_bands", sketch.has_bands, "bands", bands_of(&sketch));
	return *json ? EP_OK : ep_fail(err, EP_NO_MEMORY, "out of memory for onsets");
}

enum ep_status
ep_query_onsets(json_t **json, struct ep_pairs *pairs, struct ep_error *err)
{
	EP_OWNED(ep_sketcher_free)
	struct ep_sketcher *sketcher = NULL;
	EP_SKETCH struct ep_sketch sketch = { 0 };
	EP_TRY(ep_pairs_sort(pairs->items, pairs->count, err));
	EP_TRY(ep_sketcher_new(&sketcher, err));
	EP_TRY(ep_sketch_of_pairs(&sketch, sketcher, pairs->items, pairs->count, err));
	*json = json_pack("{s:f, s:b, s:o}", "unit_s", UNIT_S, "has_bands", sketch.has_bands,
	                  "bands", bands_of(&sketch));
	return *json ? EP_OK : ep_fail(err, EP_NO_MEMORY, "out of memory for onsets");
}
