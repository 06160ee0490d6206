#include "node/put_song.h"

#include "base/time.h"
#include "dedup/requests.h"
#include "ingest/batch.h"

#include <string.h>

/* Makes all songs ready; batch->ready has those with pairs, in order. */
static enum ep_status
make_ready(struct ep_batch *batch, struct ep_song_to_put *songs, size_t count, struct ep_error *err)
{
	struct ep_batch_scratch scratch = { 0 };
	struct ep_origin origin = { 0 };
	int64_t now_ms = (int64_t)(ep_time_exact() * 1000);
	enum ep_status status = ep_codes_coder_new(&scratch.coder, EP_CODES_ONSET, err);
	for (size_t i = 0; i < count && status == EP_OK; i++) {
		size_t before = batch->ready_count;
		songs[i].id[0] = '\0';
		status = ep_batch_song(batch, &songs[i].song, &songs[i].pairs, origin, &scratch,
		                       now_ms, err);
		if (status != EP_OK && count > 1)
			ep_error_prefix(err, "song %zu: ", i + 1);
		if (status != EP_OK || batch->ready_count == before)
			continue;
		struct ep_text id = batch->ready[before].track.id;
		memcpy(songs[i].id, id.at, id.size);
		songs[i].id[id.size] = '\0';
	}
	ep_batch_scratch_free(&scratch);
	return status;
}

static enum ep_status
put_batch(struct ep_put_counts *counts, struct ep_log *log, const struct ep_batch *batch,
          const struct ep_put_songs_options *options, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_put_counts put_counts = *counts;
	struct ep_log_state state;
	EP_TRY(ep_log_write_begin(&write, log, err));
	ep_log_state(&state, ep_log_inside(write));
	for (size_t i = 0; i < batch->ready_count; i++) {
		const struct ep_ready *ready = &batch->ready[i];
		struct ep_put put = { .track = &ready->track,
			              .body = { batch->bodies.data + ready->body_at,
			                        ready->body_size },
			              .hash = ready->hash,
			              .source = EP_SOURCE_LOCAL,
			              .import_date = options->import_date,
			              .whole = ready->whole };
		enum ep_status status = ep_log_put(write, &put, &put_counts, err);
		if (status != EP_OK && batch->ready_count > 1)
			ep_error_prefix(err, "%.*s: ", ep_text_print_size(ready->track.id),
			                ready->track.id.at);
		EP_TRY(status);
	}
	if (options->how != EP_DEDUP_BY_ROLE)
		EP_TRY(ep_dedup_request(write, state.position, options->how, err));
	EP_TRY(ep_log_commit(&write, err));
	*counts = put_counts;
	return EP_OK;
}

enum ep_status
ep_put_songs(struct ep_put_counts *counts, struct ep_log *log, struct ep_song_to_put *songs,
             size_t count, const struct ep_put_songs_options *options, struct ep_error *err)
{
	struct ep_batch batch = { 0 };
	enum ep_status status = make_ready(&batch, songs, count, err);
	if (status == EP_OK && batch.ready_count > 0)
		status = put_batch(counts, log, &batch, options, err);
	ep_batch_free(&batch);
	return status;
}

enum ep_status
ep_put_song(struct ep_log *log, const struct ep_codegen_song *song, struct ep_pairs *pairs,
            struct ep_error *err)
{
	struct ep_put_counts counts = { 0 };
	struct ep_put_songs_options options = { .import_date = ep_time_now() };
	struct ep_song_to_put put = { .song = *song, .pairs = *pairs };
	EP_TRY(ep_put_songs(&counts, log, &put, 1, &options, err));
	return put.id[0] ? EP_OK : ep_fail(err, EP_NOT_FOUND, "there are no codes");
}
