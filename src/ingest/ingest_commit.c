/* The transactions of an ingest, and what they bring together. */
#include "ingest/ingest_internal.h"

#include "base/time.h"

uint64_t
ep_ingest_read(const struct ep_ingest_report *report)
{
	const struct ep_put_counts *counts = &report->counts;
	return counts->added + counts->updated + counts->unchanged + counts->conflict +
	       report->rejected + report->duplicate;
}

static void
add_report(struct ep_ingest_report *sum, const struct ep_ingest_report *part)
{
	sum->counts.added += part->counts.added;
	sum->counts.updated += part->counts.updated;
	sum->counts.unchanged += part->counts.unchanged;
	sum->counts.conflict += part->counts.conflict;
	sum->rejected += part->rejected;
	sum->without_codes += part->without_codes;
	sum->passed_over += part->passed_over;
	sum->files += part->files;
	sum->files_known += part->files_known;
	sum->no_sound += part->no_sound;
	sum->unknown += part->unknown;
	sum->deleted += part->deleted;
	sum->not_deleted += part->not_deleted;
}

enum ep_status
ep_ingest_begin(struct ep_ingest *ingest, struct ep_error *err)
{
	if (ingest->write)
		return EP_OK;
	EP_TRY(ep_log_write_begin(&ingest->write, ingest->log, err));
	ingest->uncommitted = 0;
	ingest->begun = ep_clock_s();
	struct ep_log_state state;
	ep_log_state(&state, ep_log_inside(ingest->write));
	ingest->after = state.position;
	EP_TRY(ep_log_source(&ingest->source, ingest->write, ingest->options->source, err));
	return ep_ingest_map_parties(ingest, err);
}

enum ep_status
ep_ingest_commit(struct ep_ingest *ingest, struct ep_error *err)
{
	const struct ep_ingest_options *options = ingest->options;
	if (options->before_commit && !options->dry_run) {
		EP_TRY(ep_ingest_begin(ingest, err));
		EP_TRY(options->before_commit(options->context, ingest->write, err));
	}
	if (options->with_commit && ingest->write && !options->dry_run)
		EP_TRY(options->with_commit(options->commit_context, ingest->write, ingest->after,
		                            err));
	if (ingest->write && !options->dry_run)
		EP_TRY(ep_log_commit(&ingest->write, err));
	add_report(ingest->report, &ingest->pending);
	ingest->pending = (struct ep_ingest_report){ 0 };
	if (options->on_committed)
		options->on_committed(options->context);
	return EP_OK;
}

bool
ep_ingest_is_strict(const struct ep_ingest *ingest)
{
	return ingest->options->strict && ingest->input;
}

/* Whether nothing is committed before the end of a file. */
bool
ep_ingest_is_one(const struct ep_ingest *ingest)
{
	const struct ep_ingest_options *options = ingest->options;
	return ep_ingest_is_strict(ingest) || options->dry_run || options->before_commit;
}
