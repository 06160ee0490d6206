#include "node/put_song.h"

#include "base/time.h"
#include "ingest/batch.h"

static enum ep_status
put_batch(struct ep_log *log, const struct ep_batch *batch, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_put_counts counts = { 0 };
	const struct ep_ready *ready = &batch->ready[0];
	struct ep_put put = { .track = &ready->track,
		              .body = { batch->bodies.data + ready->body_at, ready->body_size },
		              .hash = ready->hash,
		              .source = EP_SOURCE_LOCAL,
		              .import_date = ep_time_now(),
		              .whole = ready->whole };
	EP_TRY(ep_log_write_begin(&write, log, err));
	EP_TRY(ep_log_put(write, &put, &counts, err));
	return ep_log_commit(&write, err);
}

enum ep_status
ep_put_song(struct ep_log *log, const struct ep_codegen_song *song, struct ep_pairs *pairs,
            struct ep_error *err)
{
	struct ep_batch batch = { 0 };
	struct ep_batch_scratch scratch = { 0 };
	struct ep_origin origin = { 0 };
	enum ep_status status = ep_codes_coder_new(&scratch.coder, EP_CODES_ONSET, err);
	if (status == EP_OK)
		status = ep_batch_song(&batch, song, pairs, origin, &scratch, 0, err);
	if (status == EP_OK && batch.ready_count == 0)
		status = ep_fail(err, EP_NOT_FOUND, "there are no codes");
	if (status == EP_OK)
		status = put_batch(log, &batch, err);
	ep_batch_free(&batch);
	ep_batch_scratch_free(&scratch);
	return status;
}
