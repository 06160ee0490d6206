#include "dedup/copies.h"

#include "base/pipeline.h"
#include "base/time.h"
#include "dedup/requests.h"

#include <stdlib.h>

#define JOB_ENTRIES 32

struct item {
	struct ep_entry entry;
	enum ep_dedup how;
	bool is_copy;
	struct ep_found_copy found;
};

struct job {
	struct item items[JOB_ENTRIES];
	size_t count;
};

struct worker {
	struct ep_copy_finder *finder;
};

struct run {
	const struct ep_copies_options *options;
	bool any; /* all is compared with all, whatever was asked for */
	enum ep_dedup by_role; /* where nothing was asked for */
	struct ep_dedup_request *requests;
	size_t request_count;
	struct ep_log *log;
	size_t untrimmed;
	struct ep_log_read *read; /* what is gone through; the index is as new, or newer */
	struct ep_index *index;
	struct ep_log_cursor *cursor;
	struct worker *workers;
	unsigned worker_count;
	uint64_t last;
	bool has_own; /* whether any track is of this node */
	enum ep_status (*each)(void *context, const struct ep_entry *copy,
	                       const struct ep_found_copy *found, struct ep_error *err);
	void *context;
};

/* ---- finding ---- */

/* Whether a track is neither a copy already nor one that was released. */
static enum ep_status
may_become_copy(bool *may, const struct ep_log_read *read, const struct ep_entry *entry,
                struct ep_error *err)
{
	enum ep_link_state state;
	struct ep_link link;
	*may = entry->operation == EP_PUT;
	if (!*may)
		return EP_OK;
	EP_TRY(ep_log_link_state(&state, &link, read, entry, err));
	*may = state == EP_LINK_NONE || state == EP_LINK_VOID;
	return EP_OK;
}

/* How copies of the track at a position are looked for. */
static enum ep_dedup
how_at(const struct run *run, uint64_t position)
{
	if (run->any)
		return EP_DEDUP_MATCH;
	enum ep_dedup how = ep_dedup_requested(run->requests, run->request_count, position);
	return how == EP_DEDUP_BY_ROLE ? run->by_role : how;
}

static enum ep_status
produce(void *context, void *made, bool *end, struct ep_error *err)
{
	struct run *run = context;
	struct job *job = made;
	enum ep_status status = EP_OK;
	const struct ep_copies_options *options = run->options;
	if (options->stop && atomic_load(options->stop))
		return ep_fail(err, EP_INTERRUPTED, "interrupted");
	for (job->count = 0; job->count < JOB_ENTRIES;) {
		struct item *item = &job->items[job->count];
		status = ep_log_cursor_next(&item->entry, run->cursor, err);
		if (status != EP_OK)
			break;
		bool open;
		item->how = how_at(run, item->entry.position);
		if (item->how == EP_DEDUP_OFF)
			continue;
		EP_TRY(may_become_copy(&open, run->read, &item->entry, err));
		/* The master's songs are looked at for copies of them among this node's own. */
		job->count += open && (run->has_own || item->entry.source != EP_SOURCE_MASTER);
	}
	*end = status == EP_NOT_FOUND && job->count == 0;
	return status == EP_NOT_FOUND ? EP_OK : status;
}

static enum ep_status
work(void *context, void *made, unsigned number, struct ep_error *err)
{
	struct run *run = context;
	struct worker *worker = &run->workers[number];
	struct job *job = made;
	for (size_t i = 0; i < job->count; i++) {
		struct item *item = &job->items[i];
		enum ep_status status = ep_find_copy(&item->found, worker->finder, run->index,
		                                     &item->entry, item->how, err);
		item->is_copy = status == EP_OK;
		if (status != EP_OK && status != EP_NOT_FOUND)
			return status;
	}
	return EP_OK;
}

static enum ep_status
consume(void *context, void *made, struct ep_error *err)
{
	struct run *run = context;
	const struct ep_copies_options *options = run->options;
	struct job *job = made;
	size_t bytes = 0;
	for (size_t i = 0; i < job->count; i++) {
		struct item *item = &job->items[i];
		if (item->is_copy)
			EP_TRY(run->each(run->context, &item->entry, &item->found, err));
		bytes += item->entry.body.size + EP_LOG_TRIM_TRACK;
	}
	ep_log_trim_after(run->log, &run->untrimmed, bytes, EP_LOG_TRIM_BYTES);
	if (options->on_progress && job->count)
		options->on_progress(options->context, job->items[job->count - 1].entry.position,
		                     run->last);
	return EP_OK;
}

/* Whether any track is of this node, and whether any is of a master. */
static enum ep_status
find_sources(bool *own, bool *masters, const struct ep_log_read *read, struct ep_error *err)
{
	EP_FREE struct ep_source_info *sources = NULL;
	size_t count;
	EP_TRY(ep_log_sources(&sources, &count, read, err));
	*own = false;
	*masters = false;
	for (size_t i = 0; i < count; i++) {
		*own |= sources[i].number == EP_SOURCE_LOCAL && sources[i].tracks > 0;
		*masters |= sources[i].number == EP_SOURCE_MASTER && sources[i].tracks > 0;
	}
	return EP_OK;
}

/* The one rule of how copies are looked for (copies.h). Who has songs of a master is its slave,
 * although it may know no key of it: it takes the master's files. */
static enum ep_status
decide_how(struct run *run, struct ep_error *err)
{
	struct ep_follows follows;
	bool masters;
	EP_TRY(ep_log_follows(&follows, run->read, err));
	EP_TRY(find_sources(&run->has_own, &masters, run->read, err));
	run->by_role = follows.any || masters ? EP_DEDUP_EXACT : EP_DEDUP_BETWEEN;
	return ep_dedup_requests(&run->requests, &run->request_count, run->read, err);
}

static enum ep_status
open_workers(struct run *run, struct ep_error *err)
{
	run->worker_count = ep_processors();
	run->workers = calloc(run->worker_count, sizeof *run->workers);
	if (!run->workers)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for finding copies");
	for (unsigned i = 0; i < run->worker_count; i++)
		EP_TRY(ep_copy_finder_new(&run->workers[i].finder, err));
	return EP_OK;
}

static void
close_run(struct run *run)
{
	ep_log_cursor_close(run->cursor);
	for (unsigned i = 0; run->workers && i < run->worker_count; i++)
		ep_copy_finder_free(run->workers[i].finder);
	free(run->workers);
	free(run->requests);
	ep_index_close(run->index);
	ep_log_read_end(run->read);
}

/* Compares all that is behind `after` with what is before it, and tells run->each. */
static enum ep_status
find_all(struct run *run, struct ep_log *log, uint64_t after, struct ep_error *err)
{
	struct ep_log_state state;
	run->log = log;
	EP_TRY(ep_log_read_begin(&run->read, log, err));
	EP_TRY(ep_index_open(&run->index, log, err));
	EP_TRY(open_workers(run, err));
	ep_log_state(&state, run->read);
	EP_TRY(decide_how(run, err));
	run->last = state.position;
	EP_TRY(ep_log_cursor_open(&run->cursor, run->read, after, EP_SOURCE_ANY, err));
	size_t job_count = EP_PIPELINE_JOBS(run->worker_count);
	EP_FREE struct job *jobs = calloc(job_count, sizeof *jobs);
	if (!jobs)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for finding copies");
	struct ep_pipeline pipeline = {
		.produce = produce,
		.work = work,
		.consume = consume,
		.context = run,
		.jobs = jobs,
		.job_size = sizeof *jobs,
		.job_count = job_count,
		.worker_count = run->worker_count,
	};
	return ep_pipeline_run(&pipeline, err);
}

/* Who is told of links that would be made. */
struct listener {
	enum ep_status (*each)(void *context, struct ep_text copy, const struct ep_link *link,
	                       struct ep_error *err);
	void *context;
};

static enum ep_status
tell(void *context, const struct ep_entry *copy, const struct ep_found_copy *found,
     struct ep_error *err)
{
	const struct listener *listener = context;
	struct ep_link link;
	ep_found_link(&link, found);
	return listener->each(listener->context, copy->id, &link, err);
}

enum ep_status
ep_check_copies(struct ep_log *log, const struct ep_copies_options *options,
                enum ep_status (*each)(void *context, struct ep_text copy,
                                       const struct ep_link *link, struct ep_error *err),
                void *each_context, struct ep_error *err)
{
	struct listener listener = { .each = each, .context = each_context };
	struct run run = { .options = options, .any = true, .each = tell, .context = &listener };
	enum ep_status status = find_all(&run, log, 0, err);
	close_run(&run);
	return status;
}

/* ---- linking ---- */

/* What is to be linked; texts are borrowed from the snapshots of the run and its index. */
struct proposal {
	struct ep_text copy;
	struct ep_link link;
};

struct proposals {
	const struct run *run;
	struct proposal *items;
	size_t count;
	size_t capacity;
};

/* Whether a song that was found is this node's own, not confirmed, and may become a copy. */
static enum ep_status
is_open(bool *open, const struct ep_log_read *read, const struct ep_found_copy *found,
        struct ep_error *err)
{
	struct ep_entry own;
	bool confirmed;
	*open = found->source == EP_SOURCE_LOCAL;
	enum ep_status status = *open ? ep_log_find(&own, read, found->id, err) : EP_NOT_FOUND;
	if (status == EP_NOT_FOUND) {
		*open = false;
		return EP_OK;
	}
	EP_TRY(status);
	EP_TRY(ep_log_is_confirmed(&confirmed, read, &own, err));
	EP_TRY(may_become_copy(open, read, &own, err));
	*open &= !confirmed;
	return EP_OK;
}

/* Keeps a proposal. Of the master's song and one of this node, that of this node is the copy, as
 * long as the master has not seen it: what it has is its own to decide. */
static enum ep_status
propose(void *context, const struct ep_entry *copy, const struct ep_found_copy *found,
        struct ep_error *err)
{
	struct proposals *proposals = context;
	bool masters = copy->source == EP_SOURCE_MASTER;
	bool open = true;
	if (masters)
		EP_TRY(is_open(&open, proposals->run->read, found, err));
	if (!open)
		return EP_OK;
	if (proposals->count == proposals->capacity) {
		size_t capacity = proposals->capacity * 2 + 64;
		struct proposal *items = realloc(proposals->items, capacity * sizeof *items);
		if (!items)
			return ep_fail(err, EP_NO_MEMORY, "out of memory for copies");
		proposals->items = items;
		proposals->capacity = capacity;
	}
	struct proposal *proposal = &proposals->items[proposals->count++];
	proposal->copy = masters ? found->id : copy->id;
	ep_found_link(&proposal->link, found);
	if (masters) {
		proposal->link.original = copy->id;
		proposal->link.original_contents = found->own_contents;
		proposal->link.copy_contents = found->contents;
		proposal->link.offset = -proposal->link.offset;
	}
	return EP_OK;
}

/* Whether a track is as it was when it was last linked: only its original has changed. */
static enum ep_status
was_same_copy(bool *was, const struct ep_log_read *read, const struct ep_entry *copy,
              struct ep_error *err)
{
	enum ep_link_state state;
	struct ep_link link;
	struct ep_revision contents;
	EP_TRY(ep_log_link_state(&state, &link, read, copy, err));
	ep_entry_contents(&contents, copy);
	*was = state == EP_LINK_VOID && ep_revision_equal(&link.copy_contents, &contents);
	return EP_OK;
}

/* Links one, if both are as they were when they were compared: a writer may have been faster. */
static enum ep_status
link_one(struct ep_copies_report *report, struct ep_log_write *write,
         const struct proposal *proposal, struct ep_error *err)
{
	struct ep_entry copy;
	enum ep_status status = ep_log_find(&copy, ep_log_inside(write), proposal->copy, err);
	if (status == EP_NOT_FOUND || (status == EP_OK && copy.operation != EP_PUT))
		return EP_OK;
	EP_TRY(status);
	uint32_t documents = copy.document_count;
	bool open;
	bool was;
	EP_TRY(may_become_copy(&open, ep_log_inside(write), &copy, err));
	if (!open)
		return EP_OK;
	EP_TRY(was_same_copy(&was, ep_log_inside(write), &copy, err));
	status = ep_log_link(write, proposal->copy, &proposal->link, ep_time_now(), err);
	if (status == EP_NOT_FOUND || status == EP_BAD_INPUT)
		return EP_OK;
	EP_TRY(status);
	report->tracks++;
	report->documents += was ? 0 : documents;
	return EP_OK;
}

/* One transaction for all links and the watermark. */
static enum ep_status
link_all(struct ep_copies_report *report, struct ep_log *log, const struct proposals *proposals,
         uint64_t last, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_copies_report linked = { 0 };
	uint64_t watermark;
	EP_TRY(ep_log_write_begin(&write, log, err));
	for (size_t i = 0; i < proposals->count; i++)
		EP_TRY(link_one(&linked, write, &proposals->items[i], err));
	/* It never goes back: what was asked for below it is forgotten. */
	EP_TRY(ep_log_number(&watermark, ep_log_inside(write), EP_COPIES_VALUE, err));
	if (watermark < last)
		EP_TRY(ep_log_set_number(write, EP_COPIES_VALUE, last, err));
	EP_TRY(ep_dedup_forget(write, last, err));
	EP_TRY(ep_log_commit(&write, err));
	*report = linked;
	return EP_OK;
}

/* The watermark, the end of the log, and whether nothing is to be looked for between them. */
static enum ep_status
read_watermark(uint64_t *watermark, uint64_t *last, bool *off, struct ep_log *log,
               struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_FREE struct ep_dedup_request *requests = NULL;
	struct ep_log_state state;
	size_t count;
	EP_TRY(ep_log_read_begin(&read, log, err));
	ep_log_state(&state, read);
	*last = state.position;
	EP_TRY(ep_log_number(watermark, read, EP_COPIES_VALUE, err));
	EP_TRY(ep_dedup_requests(&requests, &count, read, err));
	*off = count == 1 && requests->how == EP_DEDUP_OFF && requests->after <= *watermark &&
	       requests->last == *last;
	return EP_OK;
}

enum ep_status
ep_link_copies(struct ep_copies_report *report, struct ep_log *log,
               const struct ep_copies_options *options, struct ep_error *err)
{
	struct run run = { .options = options, .each = propose };
	struct proposals proposals = { .run = &run };
	run.context = &proposals;
	uint64_t watermark;
	bool off;
	*report = (struct ep_copies_report){ 0 };
	EP_TRY(read_watermark(&watermark, &run.last, &off, log, err));
	if (watermark == run.last)
		return EP_OK;
	enum ep_status status = EP_OK;
	if (!off)
		status = find_all(&run, log, watermark, err);
	if (status == EP_OK)
		status = link_all(report, log, &proposals, run.last, err);
	close_run(&run);
	free(proposals.items);
	return status;
}
