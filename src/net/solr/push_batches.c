#include "net/solr/push_batches.h"

#include "base/pipeline.h"
#include "net/solr/collection.h"
#include "net/solr/solr_document.h"

#include <stdlib.h>
#include <string.h>

/* A batch ends with so many documents, or with the entry in which it passes so many bytes of the
 * log: about 14 times as much in JSON. */
#define BATCH_DOCUMENTS 250
#define BATCH_BYTES ((size_t)512 << 10)
#define LARGE_BYTES ((size_t)4 << 20)

struct item {
	struct ep_entry entry;
	struct ep_solr_document document;
};

struct batch {
	struct item items[BATCH_DOCUMENTS];
	size_t count;
	size_t bytes; /* of entries */
	struct ep_push_batches_report report;
	uint64_t position; /* up to which it comes */
};

/* What one connection works with. */
struct sender {
	struct ep_solr *solr;
	struct ep_solr_maker *maker;
	struct ep_buffer json;
	size_t starts[BATCH_DOCUMENTS + 1]; /* of documents in json */
};

struct ep_push_batches {
	const struct ep_solr_push_options *options;
	struct sender *senders;
	struct batch *batches;
	size_t batch_count;

	/* While it sends. */
	const char *real;
	const struct ep_log_read *read;
	struct ep_log_cursor *cursor;
	struct ep_source_info *sources;
	size_t source_count;
	uint64_t last;
	struct ep_buffer copies; /* ids of copies of the last entry, which are to be sent, too */
	size_t copy_count;
	size_t copy_next;
	uint64_t copy_version;
	struct ep_push_batches_report *report;
};

/* ---- from start to end ---- */

static enum ep_status
open_senders(struct ep_push_batches *batches, struct ep_error *err)
{
	for (unsigned i = 0; i < batches->options->connections; i++) {
		EP_TRY(ep_solr_open(&batches->senders[i].solr, &batches->options->solr, err));
		EP_TRY(ep_solr_maker_new(&batches->senders[i].maker, err));
	}
	return EP_OK;
}

enum ep_status
ep_push_batches_new(struct ep_push_batches **out, const struct ep_solr_push_options *options,
                    struct ep_error *err)
{
	EP_OWNED(ep_push_batches_free)
	struct ep_push_batches *batches = calloc(1, sizeof *batches);
	if (!batches)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for batches");
	batches->options = options;
	batches->batch_count = EP_PIPELINE_JOBS(options->connections);
	batches->senders = calloc(options->connections, sizeof *batches->senders);
	batches->batches = calloc(batches->batch_count, sizeof *batches->batches);
	if (!batches->senders || !batches->batches)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for batches");
	EP_TRY(open_senders(batches, err));
	*out = EP_TAKE(batches);
	return EP_OK;
}

void
ep_push_batches_free(struct ep_push_batches *batches)
{
	if (!batches)
		return;
	for (unsigned i = 0; batches->senders && i < batches->options->connections; i++) {
		ep_solr_close(batches->senders[i].solr);
		ep_solr_maker_free(batches->senders[i].maker);
		ep_buffer_free(&batches->senders[i].json);
	}
	free(batches->senders);
	free(batches->batches);
	ep_buffer_free(&batches->copies);
	free(batches);
}

/* ---- produce: which documents an entry changes ---- */

static enum ep_status
add(struct batch *batch, const struct ep_push_batches *batches, const struct ep_entry *entry,
    uint64_t version, struct ep_error *err)
{
	struct item *item = &batch->items[batch->count];
	bool copy;
	EP_TRY(ep_log_is_copy(&copy, batches->read, entry, err));
	item->entry = *entry;
	item->document = (struct ep_solr_document){ .source = ep_source_name(batches->sources,
		                                                             batches->source_count,
		                                                             entry->source, ""),
		                                    .version = version,
		                                    .copy = copy };
	batch->count++;
	batch->bytes += ep_entry_size(entry);
	return EP_OK;
}

/* Lists the other documents that a change of a track or link may change: those of tracks that are
 * copies now, or no longer. */
static enum ep_status
list_copies(struct ep_push_batches *batches, const struct ep_entry *entry, struct ep_error *err)
{
	struct ep_log_state state;
	uint8_t size = (uint8_t)entry->id.size;
	ep_log_state(&state, batches->read);
	batches->copies.size = 0;
	batches->copy_count = 0;
	batches->copy_next = 0;
	batches->copy_version = entry->position;
	if (state.links > 0)
		EP_TRY(ep_log_dependents(&batches->copies, &batches->copy_count, batches->read,
		                         entry->id, err));
	if (entry->operation != EP_LINK)
		return EP_OK;
	batches->copy_count++;
	EP_TRY(ep_buffer_append(&batches->copies, &size, 1, err));
	return ep_buffer_append(&batches->copies, entry->id.at, entry->id.size, err);
}

/* Adds the next of these. What has changed since is sent for that change. */
static enum ep_status
add_copy(struct batch *batch, struct ep_push_batches *batches, struct ep_error *err)
{
	struct ep_entry track;
	struct ep_text id = ep_log_copy_id(&batches->copies, batches->copy_next++);
	enum ep_status status = ep_log_find(&track, batches->read, id, err);
	if (status != EP_OK)
		return status == EP_NOT_FOUND ? EP_OK : status;
	return track.operation == EP_PUT && track.position < batches->copy_version
	               ? add(batch, batches, &track, batches->copy_version, err)
	               : EP_OK;
}

static enum ep_status
add_next(struct batch *batch, struct ep_push_batches *batches, struct ep_error *err)
{
	struct ep_entry entry;
	if (batches->copy_next < batches->copy_count)
		return add_copy(batch, batches, err);
	EP_TRY(ep_log_cursor_next(&entry, batches->cursor, err));
	if (entry.position > batches->last)
		return EP_NOT_FOUND;
	batch->position = entry.position;
	batch->report.sent++;
	EP_TRY(list_copies(batches, &entry, err));
	return add(batch, batches, &entry, entry.position, err);
}

static enum ep_status
produce(void *context, void *job, bool *end, struct ep_error *err)
{
	struct ep_push_batches *batches = context;
	struct batch *batch = job;
	const atomic_bool *stop = batches->options->solr.stop;
	if (stop && atomic_load(stop))
		return ep_fail(err, EP_INTERRUPTED, "interrupted");
	batch->count = 0;
	batch->bytes = 0;
	batch->report = (struct ep_push_batches_report){ 0 };
	while (batch->count < BATCH_DOCUMENTS && batch->bytes < BATCH_BYTES) {
		enum ep_status status = add_next(batch, batches, err);
		if (status == EP_NOT_FOUND)
			break;
		EP_TRY(status);
	}
	*end = batch->count == 0;
	return EP_OK;
}

/* ---- work: a batch is sent ---- */

/* Sends json[from..to), and notes who has it. call->answer is for json_decref. */
static enum ep_status
send(struct ep_solr_call *call, struct batch *batch, const struct ep_push_batches *batches,
     struct sender *sender, size_t from, size_t to, struct ep_error *err)
{
	uint64_t replicas;
	struct ep_text json = { (const char *)sender->json.data + from, to - from };
	EP_TRY(ep_solr_update(call, &replicas, sender->solr, batches->real, json, err));
	/* Of what is refused, documents before the one at fault may be there. */
	batch->report.repeated |= call->repeated || replicas == UINT64_MAX || call->status >= 400;
	batch->report.short_of |= call->status < 400 && replicas < batches->report->replicas;
	return EP_OK;
}

/* A document that is refused: is named, and something that stands for it is sent. */
static enum ep_status
refuse(struct batch *batch, const struct ep_push_batches *batches, struct sender *sender,
       const struct item *item, const char *why, struct ep_error *err)
{
	struct ep_solr_call call;
	struct ep_solr_document document = item->document;
	size_t size = sender->json.size;
	document.entry = &item->entry;
	batches->options->on_refused(batches->options->context, item->entry.id, why);
	batch->report.refused++;
	EP_TRY(ep_solr_refused_document(&sender->json, &document, err));
	EP_TRY(send(&call, batch, batches, sender, size, sender->json.size, err));
	EP_JSON json_t *answer = call.answer;
	sender->json.size = size;
	return call.status < 400
	               ? EP_OK
	               : ep_fail(err, EP_BAD_INPUT,
	                         "the collection %s refuses even a document without contents: "
	                         "%.250s; was it made by `solr init`?",
	                         batches->real, ep_solr_words(answer));
}

/* Sends documents first..end of a batch; where they are refused, each half of them, down to those
 * that are at fault. */
static enum ep_status
send_range(struct batch *batch, const struct ep_push_batches *batches, struct sender *sender,
           size_t first, size_t end, struct ep_error *err)
{
	struct ep_solr_call call;
	EP_TRY(send(&call, batch, batches, sender, sender->starts[first], sender->starts[end],
	            err));
	EP_JSON json_t *answer = call.answer;
	if (call.status < 400)
		return EP_OK;
	if (call.status == 404)
		return ep_fail(err, EP_NOT_FOUND, "there is no collection %s", batches->real);
	if (end - first == 1)
		return refuse(batch, batches, sender, &batch->items[first], ep_solr_words(answer),
		              err);
	size_t half = first + (end - first) / 2;
	EP_TRY(send_range(batch, batches, sender, first, half, err));
	return send_range(batch, batches, sender, half, end, err);
}

static enum ep_status
work(void *context, void *job, unsigned number, struct ep_error *err)
{
	const struct ep_push_batches *batches = context;
	struct batch *batch = job;
	struct sender *sender = &batches->senders[number];
	sender->json.size = 0;
	for (size_t i = 0; i < batch->count; i++) {
		struct ep_solr_document document = batch->items[i].document;
		document.entry = &batch->items[i].entry;
		sender->starts[i] = sender->json.size;
		EP_TRY(ep_solr_document(&sender->json, sender->maker, &document, err));
	}
	sender->starts[batch->count] = sender->json.size;
	enum ep_status status = send_range(batch, batches, sender, 0, batch->count, err);
	if (batch->bytes > LARGE_BYTES)
		ep_buffer_free(&sender->json);
	return status;
}

static enum ep_status
consume(void *context, void *job, struct ep_error *err)
{
	(void)err;
	struct ep_push_batches *batches = context;
	const struct batch *batch = job;
	struct ep_push_batches_report *report = batches->report;
	report->sent += batch->report.sent;
	report->refused += batch->report.refused;
	report->short_of |= batch->report.short_of;
	report->repeated |= batch->report.repeated;
	if (batches->options->on_progress)
		batches->options->on_progress(batches->options->context, report->sent,
		                              batch->position, batches->last);
	return EP_OK;
}

static bool
is_large(void *context, const void *job)
{
	(void)context;
	return ((const struct batch *)job)->bytes > LARGE_BYTES;
}

static void
shrink(void *context, void *job)
{
	(void)job;
	const struct ep_push_batches *batches = context;
	ep_log_trim(batches->options->log);
}

enum ep_status
ep_push_batches_send(struct ep_push_batches_report *report, struct ep_push_batches *batches,
                     const char *real, const struct ep_log_read *read, uint64_t after,
                     uint64_t last, struct ep_error *err)
{
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	EP_FREE struct ep_source_info *sources = NULL;
	EP_TRY(ep_log_sources(&sources, &batches->source_count, read, err));
	EP_TRY(ep_log_cursor_open(&cursor, read, after, EP_SOURCE_ANY, err));
	batches->sources = sources;
	batches->cursor = cursor;
	batches->real = real;
	batches->read = read;
	batches->last = last;
	batches->report = report;
	batches->copy_count = batches->copy_next = 0;
	struct ep_pipeline pipeline = {
		.produce = produce,
		.work = work,
		.consume = consume,
		.is_large = is_large,
		.shrink = shrink,
		.context = batches,
		.jobs = batches->batches,
		.job_size = sizeof *batches->batches,
		.job_count = batches->batch_count,
		.worker_count = batches->options->connections,
	};
	return ep_pipeline_run(&pipeline, err);
}
