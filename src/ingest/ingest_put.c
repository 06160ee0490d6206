/* What a batch brings into the log: rows, tracks of audio files, and what is told of them. */
#include "base/time.h"
#include "ingest/ingest_internal.h"

#define PROGRESS_S 0.2

/* Audio files are dear: what they brought is committed so often, in seconds. */
#define COMMIT_SOUNDS_S 2

/* ---- what is told ---- */

/* Tells of an entry of a packet that was refused. */
static enum ep_status
tell_refused_track(struct ep_ingest *ingest, const struct ep_packet_block *block,
                   const struct ep_refused *refused, struct ep_error *err)
{
	for (size_t i = 0; i < block->count; i++) {
		if (block->entries[i].position == refused->origin.number)
			return ep_ingest_tell(ingest, refused->origin.number, block->entries[i].id,
			                      EP_OUTCOME_REJECTED, refused->reason, err);
	}
	return EP_OK;
}

/* Tells of what was refused in a batch, in the order of the file. */
static enum ep_status
tell_refused(struct ep_ingest *ingest, struct ep_batch *batch, struct ep_error *err)
{
	const struct ep_ingest_options *options = ingest->options;
	static const char *const words[] = { [EP_ROWS] = "row",
		                             [EP_SONGS] = "object",
		                             [EP_PACKET] = "position",
		                             [EP_SOUNDS] = NULL };
	ep_batch_sort_refused(batch);
	for (size_t i = 0; i < batch->refused_count; i++) {
		const struct ep_refused *refused = &batch->refused[i];
		ingest->pending.rejected += refused->documents;
		ingest->rejected_here += refused->documents;
		struct ep_reject rejected = {
			.file = ingest->input ? ep_input_name(ingest->input) : batch->sound.path,
			.what = words[ep_batch_reader_content(ingest->reader)],
			.number = refused->origin.number,
			.reason = refused->reason,
			.raw = refused->origin.raw,
		};
		if (options->on_reject)
			EP_TRY(options->on_reject(options->context, &rejected, err));
		if (ep_batch_reader_content(ingest->reader) == EP_PACKET)
			EP_TRY(tell_refused_track(ingest, &batch->packet, refused, err));
	}
	return EP_OK;
}

/* ---- what is put ---- */

/* Says why a track cannot be kept, for each of its rows, or at once for an entry of a packet. */
static enum ep_status
refuse_ready(struct ep_batch *batch, const struct ep_ready *ready, const char *why,
             struct ep_error *err)
{
	uint64_t each = ready->track.documents ? 1 : ready->track.count;
	for (size_t i = 0; i < ready->origin_count; i++)
		EP_TRY(ep_batch_refuse(batch, ready->origins[i], each, err, "%s", why));
	return EP_OK;
}

/* Counts repeated rows as what came of the last of them. */
static void
count_repeated(struct ep_put_counts *counts, const struct ep_put_counts *before,
               const struct ep_ready *ready)
{
	if (counts->conflict > before->conflict)
		counts->conflict += ready->repeated_changed;
	else
		counts->updated += ready->repeated_changed;
	counts->unchanged += ready->repeated_same;
}

static enum ep_outcome
outcome_of(const struct ep_put_counts *before, const struct ep_put_counts *counts)
{
	if (counts->conflict > before->conflict)
		return EP_OUTCOME_CONFLICT;
	if (counts->updated > before->updated)
		return EP_OUTCOME_UPDATED;
	return counts->added > before->added ? EP_OUTCOME_NEW : EP_OUTCOME_UNCHANGED;
}

static enum ep_status
put_rows(struct ep_ingest *ingest, const struct ep_batch *batch, const struct ep_ready *ready,
         struct ep_error *err)
{
	struct ep_put_counts *counts = &ingest->pending.counts;
	const struct ep_put_counts before = *counts;
	struct ep_put put = {
		.track = &ready->track,
		.body = { batch->bodies.data + ready->body_at, ready->body_size },
		.hash = ready->hash,
		.source = ingest->source,
		.import_date = ep_ingest_date(ingest, ready),
		.whole = ready->whole,
	};
	EP_TRY(ep_log_put(ingest->write, &put, counts, err));
	count_repeated(counts, &before, ready);
	return ep_ingest_tell(ingest, 0, ready->track.id, outcome_of(&before, counts), "", err);
}

static enum ep_status
put_ready(struct ep_ingest *ingest, struct ep_batch *batch, struct ep_ready *ready,
          struct ep_error *err)
{
	struct ep_error why;
	EP_TRY(ep_ingest_begin(ingest, err));
	if (ready->offered && ep_ingest_is_bad(ingest, ready->origins[0].number))
		return refuse_ready(batch, ready, "its documents do not match its hash", err);
	enum ep_status status = ready->offered ? ep_ingest_offer(ingest, batch, ready, &why)
	                                       : put_rows(ingest, batch, ready, &why);
	if (status == EP_BAD_INPUT)
		return refuse_ready(batch, ready, why.text, err);
	if (status != EP_OK) {
		ingest->broken = true;
		return ep_fail(err, status, "%s", why.text);
	}
	ingest->uncommitted += ready->body_size;
	return EP_OK;
}

/* Puts the track of an audio file and marks the file. One that came twice, or that another process
 * has taken in meanwhile, is known here at the latest. */
static enum ep_status
put_sound(struct ep_ingest *ingest, struct ep_batch *batch, struct ep_error *err)
{
	struct ep_ingest_report *pending = &ingest->pending;
	struct ep_sound_mark *mark = &batch->mark;
	pending->no_sound += batch->no_sound;
	pending->unknown += batch->unknown;
	if (batch->refused_count > 0 || batch->no_sound > 0)
		return EP_OK;
	EP_TRY(ep_ingest_begin(ingest, err));
	EP_TRY(ep_sound_mark_find(mark, ep_log_inside(ingest->write), &batch->sound, err));
	if (mark->unchanged) {
		pending->files_known++;
		pending->counts.unchanged += mark->documents;
		pending->without_codes += mark->id[0] == '\0';
		return EP_OK;
	}
	pending->files++;
	struct ep_text id = { 0 };
	for (size_t i = 0; i < batch->ready_count; i++) {
		EP_TRY(put_ready(ingest, batch, &batch->ready[i], err));
		id = batch->ready[i].track.id;
	}
	pending->without_codes += batch->without_codes;
	return batch->refused_count > 0 ? EP_OK
	                                : ep_sound_mark_set(ingest->write, &batch->sound, id, err);
}

static void
show_progress(struct ep_ingest *ingest, const struct ep_batch *batch)
{
	double now = ep_clock_s();
	if (!ingest->options->on_progress || now - ingest->shown < PROGRESS_S)
		return;
	ingest->shown = now;
	struct ep_ingest_progress progress = {
		.rows = ep_ingest_read(ingest->report) + ep_ingest_read(&ingest->pending),
	};
	if (ingest->input) {
		progress.file = ep_input_name(ingest->input);
		progress.bytes = ep_input_done(ingest->input);
		progress.size = ep_input_size(ingest->input);
	} else {
		progress.file = batch->sound.path;
		progress.files = ingest->report->files + ingest->pending.files +
		                 ingest->report->files_known + ingest->pending.files_known;
	}
	ingest->options->on_progress(ingest->options->context, &progress);
}

enum ep_status
ep_ingest_put(struct ep_ingest *ingest, struct ep_batch *batch, struct ep_error *err)
{
	EP_TRY(ep_batch_check(ingest->reader, batch, err));
	if (ingest->checking)
		return ep_ingest_note_bad(ingest, batch, err);
	bool sounds = ep_batch_reader_content(ingest->reader) == EP_SOUNDS;
	if (sounds)
		EP_TRY(put_sound(ingest, batch, err));
	for (size_t i = 0; !sounds && i < batch->ready_count; i++)
		EP_TRY(put_ready(ingest, batch, &batch->ready[i], err));
	EP_TRY(tell_refused(ingest, batch, err));
	ingest->pending.without_codes += sounds ? 0 : batch->without_codes;
	ingest->pending.passed_over += batch->passed_over;
	ep_log_trim_after(ingest->log, &ingest->untrimmed,
	                  batch->bodies.size + batch->ready_count * EP_LOG_TRIM_TRACK,
	                  EP_LOG_TRIM_BYTES);
	show_progress(ingest, batch);
	bool due = ingest->uncommitted >= EP_INGEST_COMMIT_BYTES ||
	           (sounds && ingest->write && ep_clock_s() - ingest->begun > COMMIT_SOUNDS_S);
	if (due && !ep_ingest_is_one(ingest))
		return ep_ingest_commit(ingest, err);
	return EP_OK;
}
