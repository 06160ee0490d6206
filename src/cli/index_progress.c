#include "cli/index_progress.h"

struct progress {
	const struct ep_call *call;
	double shown;
};

static void
on_progress(void *context, uint64_t position, uint64_t last)
{
	struct progress *progress = context;
	if (ep_shows_progress(progress->call))
		ep_show_progress(&progress->shown, "indexing: position %s of %s",
		                 ep_grouped(position), ep_grouped(last));
}

static enum ep_status
run(const struct ep_call *call, struct ep_log *log, bool anew, struct ep_error *err)
{
	struct progress progress = { .call = call };
	struct ep_index_options options = { .stop = call->stop,
		                            .on_progress = on_progress,
		                            .context = &progress };
	enum ep_status status =
		anew ? ep_index_rebuild(log, &options, err) : ep_index_follow(log, &options, err);
	ep_show_progress(&progress.shown, "%s", "");
	return status;
}

enum ep_status
ep_follow_index(const struct ep_call *call, struct ep_log *log, struct ep_error *err)
{
	return run(call, log, false, err);
}

enum ep_status
ep_rebuild_index(const struct ep_call *call, struct ep_log *log, struct ep_error *err)
{
	return run(call, log, true, err);
}

enum ep_status
ep_open_index(struct ep_index **index, struct ep_log **log, const struct ep_call *call,
              struct ep_error *err)
{
	enum ep_status status = ep_index_open(index, *log, err);
	if (status != EP_NOT_FOUND)
		return status;
	ep_log_close(EP_TAKE(*log));
	EP_TRY(ep_log_open(log, call->folder, EP_LOG_WRITE, err));
	EP_TRY(ep_follow_index(call, *log, err));
	return ep_index_open(index, *log, err);
}

static void
on_copies_progress(void *context, uint64_t position, uint64_t last)
{
	struct progress *progress = context;
	if (ep_shows_progress(progress->call))
		ep_show_progress(&progress->shown, "looking for copies: position %s of %s",
		                 ep_grouped(position), ep_grouped(last));
}

enum ep_status
ep_settle_ingest(struct ep_copies_report *report, const struct ep_call *call, struct ep_log *log,
                 enum ep_dedup how, struct ep_error *err)
{
	struct progress progress = { .call = call };
	struct ep_copies_options options = { .how = how,
		                             .stop = call->stop,
		                             .on_progress = on_copies_progress,
		                             .context = &progress };
	*report = (struct ep_copies_report){ 0 };
	EP_TRY(ep_follow_index(call, log, err));
	enum ep_status status = ep_link_copies(report, log, &options, err);
	ep_show_progress(&progress.shown, "%s", "");
	return status == EP_OK && report->tracks ? ep_follow_index(call, log, err) : status;
}
