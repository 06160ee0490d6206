#include "store/verify.h"

#include "base/pipeline.h"
#include "store/log_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOB_ENTRIES 64
#define TRIM_JOBS 256

struct check {
	struct ep_entry entry;
	bool readable; /* else why says what is wrong with the entry itself */
	struct ep_error why;
};

struct job {
	struct check checks[JOB_ENTRIES];
	size_t count;
};

struct worker {
	struct ep_codes_coder *coder;
	struct ep_decoded decoded;
};

struct verify {
	struct ep_log *log;
	const struct ep_log_read *read;
	const struct ep_verify_options *options;
	struct ep_verify_report *report;
	MDB_cursor *cursor;
	struct worker *workers;
	struct ep_source_info *sources; /* as the log says */
	struct ep_source_info *counted; /* as its entries say */
	size_t source_count;
	struct ep_digest digest;
	uint32_t parties;
	uint64_t links; /* to an original */
	uint64_t registers; /* of links, released ones too */
	size_t jobs;
};

static void problem(struct verify *verify, const char *fmt, ...) EP_PRINTF(2, 3);

static void
problem(struct verify *verify, const char *fmt, ...)
{
	char text[600];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	verify->report->problems++;
	if (verify->options->on_problem)
		verify->options->on_problem(verify->options->context, text);
}

/* ---- stages ---- */

static enum ep_status
produce(void *context, void *item, bool *end, struct ep_error *err)
{
	struct verify *verify = context;
	struct job *job = item;
	if (verify->options->stop && atomic_load(verify->options->stop))
		return ep_fail(err, EP_INTERRUPTED, "interrupted");
	for (job->count = 0; job->count < JOB_ENTRIES; job->count++) {
		MDB_val key;
		MDB_val value;
		int rc = mdb_cursor_get(verify->cursor, &key, &value, MDB_NEXT);
		if (rc == MDB_NOTFOUND)
			break;
		if (rc)
			return ep_fail_mdb(err, rc, "cannot read the log");
		struct check *check = &job->checks[job->count];
		uint64_t position = 0;
		memcpy(&position, key.mv_data,
		       key.mv_size < sizeof position ? key.mv_size : sizeof position);
		check->entry = (struct ep_entry){ .position = position };
		check->readable = ep_entry_read(&check->entry, position, value.mv_data,
		                                value.mv_size, &check->why) == EP_OK;
	}
	*end = job->count == 0;
	return EP_OK;
}

/* Decodes an entry and compares it with its hash; what is wrong goes into check->why. */
static enum ep_status
check_contents(struct check *check, struct worker *worker)
{
	struct ep_hash hash;
	EP_TRY(ep_entry_decode(&worker->decoded, &check->entry, worker->coder, &check->why));
	ep_track_hash(&hash, &worker->decoded.track);
	if (memcmp(hash.bytes, check->entry.hash.bytes, EP_HASH_SIZE) != 0)
		return ep_fail(&check->why, EP_CORRUPT,
		               "the rows of track %.*s do not match its hash",
		               ep_text_print_size(check->entry.id), check->entry.id.at);
	return EP_OK;
}

/* Whether the history can be read and names parties that the log knows. */
static enum ep_status
check_history(struct check *check, uint32_t parties)
{
	EP_ARENA struct ep_arena arena = { 0 };
	struct ep_history history;
	return ep_entry_history(&history, &check->entry, parties, NULL, &arena, &check->why);
}

static enum ep_status
work(void *context, void *item, unsigned number, struct ep_error *err)
{
	struct verify *verify = context;
	struct worker *worker = &verify->workers[number];
	struct job *job = item;
	for (size_t i = 0; i < job->count; i++) {
		struct check *check = &job->checks[i];
		if (!check->readable)
			continue;
		enum ep_status status = check_history(check, verify->parties);
		if (status == EP_OK && check->entry.operation == EP_PUT)
			status = check_contents(check, worker);
		if (status == EP_NO_MEMORY)
			return ep_fail(err, status, "%s", check->why.text);
		check->readable = status == EP_OK;
	}
	return EP_OK;
}

static void
check_lists(struct verify *verify, const struct ep_entry *entry)
{
	struct ep_entry found;
	struct ep_error why;
	enum ep_status status = entry->operation == EP_LINK
	                                ? ep_log_find_link(&found, verify->read, entry->id, &why)
	                                : ep_log_find(&found, verify->read, entry->id, &why);
	if (status != EP_OK)
		problem(verify, "position %llu: %s", (unsigned long long)entry->position, why.text);
	else if (found.position != entry->position)
		problem(verify, "track %.*s is at positions %llu and %llu",
		        ep_text_print_size(entry->id), entry->id.at,
		        (unsigned long long)found.position, (unsigned long long)entry->position);
	uint8_t bytes[EP_SOURCE_KEY];
	ep_source_key(bytes, entry->source, entry->position);
	MDB_val key = { .mv_data = bytes, .mv_size = sizeof bytes };
	MDB_val value;
	if (mdb_get(verify->read->txn, verify->log->by_source, &key, &value) != 0)
		problem(verify, "position %llu is missing from the list of its source",
		        (unsigned long long)entry->position);
}

static void
count_source(struct verify *verify, const struct ep_entry *entry)
{
	size_t source = 0;
	while (source < verify->source_count && verify->counted[source].number != entry->source)
		source++;
	if (source == verify->source_count) {
		problem(verify, "position %llu has source %u, which does not exist",
		        (unsigned long long)entry->position, (unsigned)entry->source);
		return;
	}
	struct ep_source_info *counted = &verify->counted[source];
	counted->tracks += entry->operation == EP_PUT;
	counted->documents += entry->operation == EP_PUT ? entry->document_count : 0;
	counted->tombstones += entry->operation == EP_DELETE;
	counted->bytes += ep_entry_size(entry);
}

static void
count_entry(struct verify *verify, const struct ep_entry *entry)
{
	struct ep_verify_report *report = verify->report;
	struct ep_error why;
	bool member = false;
	if (ep_log_is_member(&member, entry, &why) != EP_OK)
		problem(verify, "%s", why.text);
	if (member)
		ep_digest_add(&verify->digest, &entry->hash);
	count_source(verify, entry);
	if (entry->operation == EP_DELETE) {
		report->tombstones++;
		return;
	}
	if (entry->operation == EP_LINK) {
		verify->registers++;
		verify->links += member;
		return;
	}
	report->tracks++;
	report->documents += entry->document_count;
	if (ep_entry_usage(&report->usage, entry, &why) != EP_OK)
		problem(verify, "%s", why.text);
}
static enum ep_status
consume(void *context, void *item, struct ep_error *err)
{
	(void)err;
	struct verify *verify = context;
	struct job *job = item;
	for (size_t i = 0; i < job->count; i++) {
		const struct check *check = &job->checks[i];
		if (!check->readable) {
			problem(verify, "%s", check->why.text);
			continue;
		}
		if (check->entry.position > verify->read->state.position)
			problem(verify, "position %llu is above the last one, %llu",
			        (unsigned long long)check->entry.position,
			        (unsigned long long)verify->read->state.position);
		check_lists(verify, &check->entry);
		count_entry(verify, &check->entry);
	}
	if (++verify->jobs % TRIM_JOBS == 0)
		ep_log_trim(verify->log);
	if (verify->options->on_progress)
		verify->options->on_progress(verify->options->context,
		                             job->checks[job->count - 1].entry.position,
		                             verify->read->state.position);
	return EP_OK;
}

/* ---- totals ---- */

static void
compare(struct verify *verify, const char *what, uint64_t said, uint64_t found)
{
	if (said != found)
		problem(verify, "the log says that it has %llu %s, but it has %llu",
		        (unsigned long long)said, what, (unsigned long long)found);
}

static void
compare_entries(struct verify *verify, MDB_dbi dbi, const char *what)
{
	MDB_stat stat;
	uint64_t entries = verify->report->tracks + verify->report->tombstones + verify->registers;
	if (mdb_stat(verify->read->txn, dbi, &stat) == 0)
		compare(verify, what, stat.ms_entries, entries);
}

/* Reads back one that is kept aside. */
static enum ep_status
check_aside(void *context, MDB_val key, MDB_val value, struct ep_error *err)
{
	(void)key;
	struct verify *verify = context;
	struct check check = { 0 };
	enum ep_status status =
		ep_entry_read(&check.entry, 0, value.mv_data, value.mv_size, &check.why);
	if (status == EP_OK && check.entry.operation == EP_PUT)
		status = check_contents(&check, &verify->workers[0]);
	if (status == EP_NO_MEMORY)
		return ep_fail(err, status, "%s", check.why.text);
	if (status != EP_OK)
		problem(verify, "a version that was set aside: %s", check.why.text);
	return EP_OK;
}

static enum ep_status
check_totals(struct verify *verify, struct ep_error *err)
{
	const struct ep_log_state *state = &verify->read->state;
	const struct ep_verify_report *report = verify->report;
	compare(verify, "tracks", state->tracks, report->tracks);
	compare(verify, "documents", state->documents, report->documents);
	compare(verify, "tombstones", state->tombstones, report->tombstones);
	compare(verify, "links", state->links, verify->links);
	compare_entries(verify, verify->log->ids, "ids");
	compare_entries(verify, verify->log->by_source, "entries in its lists of sources");
	for (size_t i = 0; i < verify->source_count; i++) {
		compare(verify, "tracks of a source", verify->sources[i].tracks,
		        verify->counted[i].tracks);
		compare(verify, "documents of a source", verify->sources[i].documents,
		        verify->counted[i].documents);
		compare(verify, "deletions of a source", verify->sources[i].tombstones,
		        verify->counted[i].tombstones);
		compare(verify, "bytes of a source", verify->sources[i].bytes,
		        verify->counted[i].bytes);
	}
	struct ep_digest digest;
	EP_TRY(ep_log_digest(&digest, verify->read, err));
	if (memcmp(digest.lanes, verify->digest.lanes, sizeof digest.lanes) != 0)
		problem(verify, "the state digest does not match the tracks and links");
	return EP_OK;
}

static enum ep_status
run(struct verify *verify, struct ep_error *err)
{
	unsigned workers = ep_processors();
	size_t job_count = EP_PIPELINE_JOBS(workers);
	EP_FREE struct job *jobs = calloc(job_count, sizeof *jobs);
	verify->workers = calloc(workers, sizeof *verify->workers);
	if (!jobs || !verify->workers)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for verifying");
	struct ep_pipeline pipeline = {
		.produce = produce,
		.work = work,
		.consume = consume,
		.context = verify,
		.jobs = jobs,
		.job_size = sizeof *jobs,
		.job_count = job_count,
		.worker_count = workers,
	};
	enum ep_status status = EP_OK;
	for (size_t i = 0; status == EP_OK && i < workers; i++)
		status = ep_codes_coder_new(&verify->workers[i].coder, EP_CODES_ONSET, err);
	if (status == EP_OK)
		status = ep_pipeline_run(&pipeline, err);
	if (status == EP_OK)
		status = ep_log_each_key(verify->read, verify->log->aside, (struct ep_text){ 0 },
		                         check_aside, verify, err);
	for (size_t i = 0; i < workers; i++) {
		ep_codes_coder_free(verify->workers[i].coder);
		ep_decoded_free(&verify->workers[i].decoded);
	}
	return status == EP_OK ? check_totals(verify, err) : status;
}

enum ep_status
ep_log_verify(struct ep_verify_report *report, struct ep_log *log,
              const struct ep_verify_options *options, struct ep_error *err)
{
	*report = (struct ep_verify_report){ 0 };
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_TRY(ep_log_read_begin(&read, log, err));
	struct verify verify = { .log = log, .read = read, .options = options, .report = report };
	size_t parties;
	EP_TRY(ep_log_count_keys(&parties, read, log->parties, err));
	verify.parties = (uint32_t)parties;
	EP_TRY(ep_log_sources(&verify.sources, &verify.source_count, read, err));
	verify.counted = calloc(verify.source_count + 1, sizeof *verify.counted);
	int rc = mdb_cursor_open(read->txn, log->log, &verify.cursor);
	enum ep_status status = EP_OK;
	if (rc)
		status = ep_fail_mdb(err, rc, "cannot read the log");
	else if (!verify.counted)
		status = ep_fail(err, EP_NO_MEMORY, "out of memory for the list of sources");
	for (size_t i = 0; status == EP_OK && i < verify.source_count; i++)
		verify.counted[i].number = verify.sources[i].number;
	if (status == EP_OK)
		status = run(&verify, err);
	if (!rc)
		mdb_cursor_close(verify.cursor);
	free(verify.workers);
	free(verify.sources);
	free(verify.counted);
	return status;
}
