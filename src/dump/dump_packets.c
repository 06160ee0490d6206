#include "dump/dump_stream.h"

#include "base/pipeline.h"
#include "base/time.h"
#include "dump/packet_parts.h"

#include <stdlib.h>
#include <string.h>

/* A block ends behind so many entries or bytes of them. */
#define BLOCK_ENTRIES 256
#define BLOCK_BYTES ((size_t)1 << 20)

#define PROGRESS_S 0.2

/* A file to be: what its header says, which is known before anything is written. */
struct plan {
	uint64_t after;
	uint64_t last;
	uint64_t tracks;
	uint64_t documents;
	uint64_t deletions;
	uint64_t links;
	bool fields; /* a track has some */
	struct ep_packet_parties parties;
};

/* The entries of one block, and what becomes of them. */
struct job {
	struct ep_entry entries[BLOCK_ENTRIES];
	size_t count;
	const struct plan *plan; /* of the file that it belongs to */
	bool starts_file;
	bool ends_file;
	struct ep_buffer block;
	struct ep_arena arena; /* of its histories */
};

struct run {
	struct ep_dump_stream *stream;
	struct plan *plans;
	size_t plan_count;
	struct ep_source_info *sources;
	size_t source_count;

	/* The producer. */
	struct ep_log_cursor *cursor;
	size_t at; /* the plan at hand */
	uint64_t done; /* entries of it that were given out */

	/* The consumer. */
	struct ep_hasher hasher;
	struct ep_buffer edge; /* a header or an end */
	size_t untrimmed; /* also of the planning before */
	double shown;
	struct ep_dump_progress progress;
};

/* ---- planning ---- */

static struct plan *
add_plan(struct run *run, uint64_t after)
{
	struct plan *plans = realloc(run->plans, (run->plan_count + 1) * sizeof *plans);
	if (!plans)
		return NULL;
	run->plans = plans;
	plans[run->plan_count] = (struct plan){ .after = after };
	return &plans[run->plan_count++];
}

/* Counts an entry into the file that it comes into. */
static enum ep_status
plan_entry(struct run *run, struct plan *plan, const struct ep_entry *entry, struct ep_arena *arena,
           struct ep_error *err)
{
	struct ep_history history;
	plan->last = entry->position;
	plan->tracks += entry->operation == EP_PUT;
	plan->documents += entry->operation == EP_PUT ? entry->document_count : 0;
	plan->deletions += entry->operation == EP_DELETE;
	plan->links += entry->operation == EP_LINK;
	plan->fields |= ep_entry_has_fields(entry);
	if (run->stream->count_only)
		return EP_OK;
	ep_arena_reset(arena);
	EP_TRY(ep_packet_history(&history, &plan->parties, entry, arena, err));
	return ep_packet_parties_add(&plan->parties, &history, err);
}

/* Goes through the entries once to see which come into which file. */
static enum ep_status
make_plans(struct run *run, struct ep_error *err)
{
	struct ep_dump_stream *stream = run->stream;
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	EP_ARENA struct ep_arena arena = { 0 };
	EP_TRY(ep_log_cursor_open(&cursor, stream->read, stream->after, stream->source, err));
	struct plan *plan = NULL;
	struct ep_entry entry;
	enum ep_status status;
	while ((status = ep_log_cursor_next(&entry, cursor, err)) == EP_OK) {
		if (entry.position > run->progress.to) {
			status = EP_NOT_FOUND;
			break;
		}
		bool put = entry.operation == EP_PUT;
		uint64_t documents = put ? entry.document_count : 0;
		bool full =
			plan && plan->documents > 0 && plan->documents + documents > stream->lines;
		if (!plan || full) {
			plan = add_plan(run, plan ? plan->last : stream->after);
			if (!plan)
				return ep_fail(err, EP_NO_MEMORY, "out of memory for a dump");
			EP_TRY(ep_packet_parties_open(&plan->parties, stream->read,
			                              stream->source != EP_SOURCE_ANY, err));
		}
		EP_TRY(plan_entry(run, plan, &entry, &arena, err));
		stream->documents += documents;
		stream->deletions += entry.operation == EP_DELETE;
		ep_log_trim_after(run->stream->log, &run->untrimmed, entry.rest.size,
		                  EP_LOG_TRIM_BYTES);
	}
	if (status != EP_NOT_FOUND)
		return status;
	/* The last file stands for all positions up to the last one asked for. */
	if (plan)
		plan->last = run->progress.to;
	return EP_OK;
}

/* ---- produce ---- */

static enum ep_status
produce(void *context, void *item, bool *end, struct ep_error *err)
{
	struct run *run = context;
	struct job *job = item;
	if (run->stream->stop && atomic_load(run->stream->stop))
		return ep_fail(err, EP_INTERRUPTED, "interrupted");
	*end = run->at == run->plan_count;
	if (*end)
		return EP_OK;
	const struct plan *plan = &run->plans[run->at];
	uint64_t all = plan->tracks + plan->deletions + plan->links;
	size_t bytes = 0;
	job->plan = plan;
	job->starts_file = run->done == 0;
	for (job->count = 0; job->count < BLOCK_ENTRIES && bytes < BLOCK_BYTES && run->done < all;
	     job->count++, run->done++) {
		EP_TRY(ep_log_cursor_next(&job->entries[job->count], run->cursor, err));
		bytes += job->entries[job->count].rest.size;
	}
	job->ends_file = run->done == all;
	if (job->ends_file) {
		run->at++;
		run->done = 0;
	}
	return EP_OK;
}

/* ---- work ---- */

static uint32_t
place_of_source(const struct run *run, uint32_t number)
{
	uint32_t place = 0;
	while (place < run->source_count && run->sources[place].number != number)
		place++;
	return place;
}

static enum ep_status
work(void *context, void *item, unsigned worker, struct ep_error *err)
{
	(void)worker;
	struct run *run = context;
	struct job *job = item;
	EP_FREE struct ep_packet_entry *entries = calloc(job->count, sizeof *entries);
	if (!entries)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a block of a packet");
	ep_arena_reset(&job->arena);
	for (size_t i = 0; i < job->count; i++)
		EP_TRY(ep_packet_convert(&entries[i], &job->plan->parties, &job->entries[i],
		                         place_of_source(run, job->entries[i].source), &job->arena,
		                         err));
	job->block.size = 0;
	return ep_packet_put_block(&job->block, entries, job->count, err);
}

/* ---- consume ---- */

static enum ep_status
read_identity(struct ep_packet_header *header, const struct ep_dump_stream *stream,
              struct ep_error *err)
{
	struct ep_keys keys;
	struct ep_epoch epoch;
	EP_TRY(ep_keys_open(&keys, ep_log_folder(stream->log), err));
	sodium_memzero(keys.secret, sizeof keys.secret);
	EP_TRY(ep_log_epoch(&epoch, stream->read, err));
	header->key = keys.key;
	header->epoch = epoch.number;
	header->epoch_tag = epoch.tag;
	return EP_OK;
}

/* Gives a header the newest marks of its file's range, in order; *out is the array, for free(). */
static enum ep_status
read_marks(struct ep_mark **out, struct ep_packet_header *header, const struct run *run,
           const struct plan *plan, struct ep_error *err)
{
	uint64_t most = plan->tracks + plan->deletions + plan->links + 2;
	size_t room = most < EP_PACKET_MARKS_MAX ? (size_t)most : EP_PACKET_MARKS_MAX;
	EP_FREE struct ep_mark *marks = calloc(room, sizeof *marks);
	if (!marks)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the marks of a packet");
	size_t first = room;
	enum ep_status status = EP_OK;
	if (run->stream->mark.position && run->stream->mark.position == plan->last)
		marks[--first] = run->stream->mark;
	uint64_t last = first < room ? plan->last - 1 : plan->last;
	for (uint64_t at = last; status == EP_OK && first > 0 && at >= plan->after && at;) {
		struct ep_mark mark;
		status = ep_log_mark_below(&mark.position, mark.hash, run->stream->read, at, err);
		if (status == EP_OK && mark.position >= plan->after)
			marks[--first] = mark;
		at = status == EP_OK && mark.position ? mark.position - 1 : 0;
	}
	if (status != EP_OK && status != EP_NOT_FOUND)
		return status;
	header->mark_count = room - first;
	memmove(marks, marks + first, header->mark_count * sizeof *marks);
	/* The oldest marks of a log go some day: then nobody knows what was before. */
	bool all = first > 0 && (status == EP_OK || !ep_log_forgets_marks(run->stream->read));
	uint64_t oldest = header->mark_count ? marks[0].position : plan->last + 1;
	header->marks_from = all ? plan->after : oldest;
	header->marks = marks;
	*out = EP_TAKE(marks);
	return EP_OK;
}

static enum ep_status
put_header(struct run *run, const struct plan *plan, struct ep_error *err)
{
	const struct ep_dump_stream *stream = run->stream;
	EP_FREE struct ep_text *names = calloc(run->source_count + 1, sizeof *names);
	EP_FREE struct ep_mark *marks = NULL;
	if (!names)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the header of a packet");
	for (size_t i = 0; i < run->source_count; i++)
		names[i] = ep_text_of(run->sources[i].name);
	struct ep_packet_header header = {
		.fields = plan->fields,
		.kind = stream->source == EP_SOURCE_ANY ? EP_PACKET_MASTER : EP_PACKET_SLAVE,
		.after = plan->after,
		.last = plan->last,
		.tracks = plan->tracks,
		.documents = plan->documents,
		.deletions = plan->deletions,
		.links = plan->links,
		.parties = plan->parties.keys,
		.party_count = plan->parties.used,
		.marks_from = plan->last + 1,
		.made = ep_time_now(),
		.name = ep_text_of(stream->node_name),
		.sources = names,
		.source_count = run->source_count,
	};
	EP_TRY(read_identity(&header, stream, err));
	if (stream->source == EP_SOURCE_ANY)
		EP_TRY(read_marks(&marks, &header, run, plan, err));
	ep_hasher_init(&run->hasher);
	run->edge.size = 0;
	EP_TRY(ep_packet_put_header(&run->edge, &header, err));
	ep_hasher_add(&run->hasher, run->edge.data, run->edge.size);
	return EP_OK;
}

/* Hands on some bytes of the file at hand; counts its documents with the last of them. */
static enum ep_status
take(struct run *run, const struct ep_buffer *bytes, const struct plan *ended, struct ep_error *err)
{
	struct ep_dump_piece piece = {
		.bytes = bytes->data,
		.size = bytes->size,
		.documents = ended ? ended->documents : 0,
		.ends_file = ended != NULL,
	};
	run->progress.bytes += piece.size;
	return run->stream->take(run->stream->context, &piece, err);
}

static void
show_progress(struct run *run, const struct job *job)
{
	for (size_t i = 0; i < job->count; i++)
		run->progress.documents +=
			job->entries[i].operation == EP_PUT ? job->entries[i].document_count : 0;
	run->progress.position = job->entries[job->count - 1].position;
	double now = ep_clock_s();
	if (!run->stream->on_progress || now - run->shown < PROGRESS_S)
		return;
	run->shown = now;
	run->stream->on_progress(run->stream->progress_context, &run->progress);
}

static enum ep_status
consume(void *context, void *item, struct ep_error *err)
{
	struct run *run = context;
	struct job *job = item;
	if (job->starts_file) {
		EP_TRY(put_header(run, job->plan, err));
		EP_TRY(take(run, &run->edge, NULL, err));
	}
	ep_hasher_add(&run->hasher, job->block.data, job->block.size);
	EP_TRY(take(run, &job->block, NULL, err));
	if (job->ends_file) {
		run->edge.size = 0;
		EP_TRY(ep_packet_put_end(&run->edge, &run->hasher, err));
		EP_TRY(take(run, &run->edge, job->plan, err));
	}
	show_progress(run, job);
	ep_log_trim_after(run->stream->log, &run->untrimmed, job->block.size, EP_LOG_TRIM_BYTES);
	return EP_OK;
}

/* ---- the run ---- */

static enum ep_status
run_jobs(struct run *run, struct ep_error *err)
{
	unsigned workers = ep_processors();
	size_t job_count = EP_PIPELINE_JOBS(workers);
	EP_FREE struct job *jobs = calloc(job_count, sizeof *jobs);
	if (!jobs)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu jobs", job_count);
	struct ep_pipeline pipeline = {
		.produce = produce,
		.work = work,
		.consume = consume,
		.context = run,
		.jobs = jobs,
		.job_size = sizeof *jobs,
		.job_count = job_count,
		.worker_count = workers,
	};
	enum ep_status status = ep_pipeline_run(&pipeline, err);
	for (size_t i = 0; i < job_count; i++) {
		ep_buffer_free(&jobs[i].block);
		ep_arena_free(&jobs[i].arena);
	}
	return status;
}

static enum ep_status
plan_and_run(struct run *run, struct ep_error *err)
{
	struct ep_dump_stream *stream = run->stream;
	EP_TRY(ep_log_sources(&run->sources, &run->source_count, stream->read, err));
	EP_TRY(make_plans(run, err));
	if (stream->count_only || run->plan_count == 0)
		return EP_OK;
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	EP_TRY(ep_log_cursor_open(&cursor, stream->read, stream->after, stream->source, err));
	run->cursor = cursor;
	return run_jobs(run, err);
}

enum ep_status
ep_dump_packets(struct ep_dump_stream *stream, struct ep_error *err)
{
	struct ep_log_state state;
	ep_log_state(&state, stream->read);
	struct run run = {
		.stream = stream,
		.shown = ep_clock_s(),
		.progress = { .from = stream->after,
		              .to = stream->until ? stream->until : state.position },
	};
	enum ep_status status = plan_and_run(&run, err);
	for (size_t i = 0; i < run.plan_count; i++)
		ep_packet_parties_free(&run.plans[i].parties);
	free(run.plans);
	free(run.sources);
	ep_buffer_free(&run.edge);
	return status;
}
