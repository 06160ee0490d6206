#include "net/legacy/legacy_push_internal.h"

#include "base/file.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* XML is sent when it has so many bytes. */
#define XML_BYTES ((size_t)8 << 20)

/* How long a date that has not come is waited for, at most: the clocks of two machines may differ.
 */
#define WAIT_MAX_S 10.0

/* How often documents are added again because the commit took too long. */
#define ADD_AGAIN 5

static enum ep_status
check_stop(const struct ep_pushing *push, struct ep_error *err)
{
	const atomic_bool *stop = push->options->stop;
	return stop && atomic_load(stop) ? ep_fail(err, EP_INTERRUPTED, "interrupted") : EP_OK;
}

/* ---- 2. codes ---- */

/* Lists the codes of all rows that are to be sent. */
static enum ep_status
list_codes(struct ep_pushing *push, struct ep_error *err)
{
	const struct ep_push_batch *batch = &push->batch;
	push->key_count = 0;
	for (size_t i = 0; i < batch->count; i++) {
		const struct ep_old_row_out *out = &batch->rows[i].out;
		if (!batch->rows[i].same)
			EP_TRY(ep_push_key(push, out->id, out->document.codes, err));
	}
	return EP_OK;
}

/* ---- 3. documents ---- */

/* Adds all rows that are to be sent, in the order of the log, imported at a moment. */
static enum ep_status
add_documents(struct ep_pushing *push, int64_t stamp, struct ep_error *err)
{
	const struct ep_push_batch *batch = &push->batch;
	char date[EP_TIME_TEXT];
	ep_time_print(date, stamp);
	EP_TRY(ep_push_begin_xml(push, "<add>", err));
	for (size_t i = 0; i < batch->count; i++) {
		if (batch->rows[i].same)
			continue;
		if (push->xml.size > XML_BYTES) {
			EP_TRY(ep_push_send_xml(push, "</add>", err));
			EP_TRY(ep_push_begin_xml(push, "<add>", err));
		}
		EP_TRY(ep_old_xml_add(&push->xml, &batch->rows[i].out, date, err));
	}
	return ep_push_send_xml(push, "</add>", err);
}

/* ---- 4. commit ---- */

/* The date of documents that are added now: as far ahead as adding and commit took before; not
 * before that of others, so that they are in the order of the log by date, too; and behind their
 * last dump, whose clock may be ahead of ours. */
static int64_t
next_stamp(const struct ep_pushing *push)
{
	int64_t stamp = ep_time_now() + 1 + (int64_t)(push->ahead < 1 ? 1 : push->ahead);
	if (stamp < push->stamp)
		stamp = push->stamp;
	return stamp > push->last_dump ? stamp : push->last_dump + 1;
}

/* Adds documents with a date that is ahead, and commits before it comes; else again with a later
 * one. */
static enum ep_status
add_and_commit(struct ep_pushing *push, struct ep_error *err)
{
	for (int i = 0; i < ADD_AGAIN; i++) {
		double began = ep_clock_s();
		push->stamp = next_stamp(push);
		EP_TRY(add_documents(push, push->stamp, err));
		EP_TRY(ep_old_solr_commit(push->solr, err));
		double took = ep_clock_s() - began;
		if (ep_time_now() < push->stamp)
			break;
		push->ahead = 2 * took;
	}
	return EP_OK;
}

/* Waits until the date of the last documents has come, so that a dump of theirs finds them. */
static enum ep_status
wait_for_date(const struct ep_pushing *push, struct ep_error *err)
{
	double until = ep_clock_s() + WAIT_MAX_S;
	while (ep_time_now() < push->stamp && ep_clock_s() < until) {
		EP_TRY(check_stop(push, err));
		nanosleep(&(struct timespec){ .tv_nsec = 50 * 1000000L }, NULL);
	}
	return EP_OK;
}

/* Sends codes and documents. If it breaks off in between, the servers seem to have a document whose
 * codes Solr does not have. So this is noted before. */
static enum ep_status
send_documents(struct ep_pushing *push, struct ep_error *err)
{
	EP_TRY(ep_follower_sending(push->options->log, push->follower, err));
	EP_TRY(ep_tyrant_put(push->tyrant, push->keys, push->values, push->key_count, err));
	return add_and_commit(push, err);
}

/* ---- the whole ---- */

static enum ep_status
send_batch(struct ep_pushing *push, struct ep_error *err)
{
	struct ep_legacy_push_report *report = push->report;
	struct ep_push_batch *batch = &push->batch;
	uint64_t sent = 0;
	uint64_t deleted = 0;
	if (!push->unsure)
		EP_TRY(ep_push_compare(push, err));
	EP_TRY(list_codes(push, err));
	sent = push->key_count;
	if (sent)
		EP_TRY(send_documents(push, err));
	EP_TRY(ep_push_delete(&deleted, push, err));
	if (deleted)
		EP_TRY(ep_old_solr_commit(push->solr, err));
	EP_TRY(ep_tyrant_out(push->tyrant, push->keys, push->key_count, err));
	report->sent += sent;
	report->unchanged += batch->count - sent;
	report->deleted += deleted;
	report->left_out += batch->left_out;
	return EP_OK;
}

/* Waits for whoever looks for copies among what is new, up to a position of the log. */
static enum ep_status
wait_for_copies(const struct ep_pushing *push, uint64_t position, struct ep_error *err)
{
	double until = ep_clock_s() + push->options->copies_s;
	while (ep_clock_s() < until) {
		EP_OWNED(ep_log_read_end)
		struct ep_log_read *read = NULL;
		uint64_t searched;
		EP_TRY(check_stop(push, err));
		EP_TRY(ep_log_read_begin(&read, push->options->log, err));
		EP_TRY(ep_log_number(&searched, read, EP_COPIES_VALUE, err));
		ep_log_read_end(EP_TAKE(read));
		if (searched >= position)
			return EP_OK;
		nanosleep(&(struct timespec){ .tv_nsec = 100 * 1000000L }, NULL);
	}
	return EP_OK;
}

static enum ep_status
on_last_dump(void *context, size_t i, const struct ep_tyrant_value *value, struct ep_error *err)
{
	(void)i, (void)err;
	int64_t moment;
	if (value->there && ep_time_parse(&moment, ep_text_of_bytes(value->bytes)))
		*(int64_t *)context = moment;
	return EP_OK;
}

/* Before the first batch, if there is one. */
static enum ep_status
prepare(struct ep_pushing *push, uint64_t last, struct ep_error *err)
{
	if (push->report->position >= last)
		return EP_OK;
	struct ep_text key = ep_text_of(EP_TYRANT_LASTDUMP);
	EP_TRY(wait_for_copies(push, last, err));
	EP_TRY(ep_tyrant_get(push->tyrant, &key, 1, on_last_dump, &push->last_dump, err));
	return ep_old_solr_commit(push->solr, err);
}

/* Pushes the next entries, and moves the watermark. A track that was sent in part may have changed
 * since, and be further behind: so what is unsure stays so up to the log's end. */
static enum ep_status
push_some(struct ep_pushing *push, struct ep_error *err)
{
	const struct ep_legacy_push_options *options = push->options;
	const struct ep_push_filter filter = { options->ascii, options->on_document,
		                               options->context };
	uint64_t *position = &push->report->position;
	/* A snapshot a batch: one that is kept for long makes the log's file grow. */
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_log_state state;
	bool end = false;
	EP_TRY(ep_log_read_begin(&read, options->log, err));
	ep_log_state(&state, read);
	EP_TRY(ep_push_batch_collect(&push->batch, &end, read, *position, &filter, err));
	ep_log_read_end(EP_TAKE(read));
	if (!end)
		EP_TRY(send_batch(push, err));
	uint64_t reached = end ? state.position : push->batch.position;
	bool unsure = push->unsure && reached < state.position;
	EP_TRY(ep_follower_set(options->log, push->follower, reached, !unsure, err));
	push->unsure = unsure;
	*position = reached;
	return EP_OK;
}

/* Pushes what is behind the report's position, up to a position. */
static enum ep_status
push_to(struct ep_pushing *push, uint64_t last, struct ep_error *err)
{
	const struct ep_legacy_push_options *options = push->options;
	EP_TRY(prepare(push, last, err));
	while (push->report->position < last) {
		EP_TRY(check_stop(push, err));
		EP_TRY(push_some(push, err));
		ep_log_trim(options->log);
		if (options->on_progress)
			options->on_progress(options->context, push->report->position, last);
	}
	return wait_for_date(push, err);
}

/* Where to begin, and where the log ends. */
static enum ep_status
find_begin(uint64_t *last, struct ep_pushing *push, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_log_state state;
	EP_TRY(ep_log_read_begin(&read, push->options->log, err));
	EP_TRY(ep_follower_watermark(&push->report->position, read, push->follower, err));
	EP_TRY(ep_follower_broke_off(&push->unsure, read, push->follower, err));
	ep_log_state(&state, read);
	*last = state.position;
	return EP_OK;
}

/* Pushes what is new; or all, behind what an earlier push began. */
static enum ep_status
push_all(struct ep_pushing *push, struct ep_error *err)
{
	const struct ep_legacy_push_options *options = push->options;
	uint64_t last;
	EP_TRY(find_begin(&last, push, err));
	if (!options->all || push->unsure)
		EP_TRY(push_to(push, last, err));
	if (!options->all)
		return EP_OK;
	/* If this breaks off, the next push goes on with it. */
	EP_TRY(ep_follower_set(options->log, push->follower, 0, !push->unsure, err));
	push->report->position = 0;
	return push_to(push, last, err);
}

/* Pushes, while no other push to these servers runs. */
static enum ep_status
push_alone(struct ep_pushing *push, struct ep_error *err)
{
	const struct ep_legacy_push_options *options = push->options;
	char lock_name[EP_FOLLOWER_NAME_MAX + 8];
	int lock = -1;
	snprintf(push->follower, sizeof push->follower, "legacy.%s", options->name);
	snprintf(lock_name, sizeof lock_name, "%s.lock", push->follower);
	EP_TRY(ep_old_solr_new(&push->solr, options->solr, options->stop, err));
	EP_TRY(ep_tyrant_connect(&push->tyrant, options->tyrant, options->stop, err));
	EP_TRY(ep_lock_file(&lock, ep_log_folder(options->log), lock_name, err));
	enum ep_status status = push_all(push, err);
	close(lock);
	return status;
}

enum ep_status
ep_legacy_push(struct ep_legacy_push_report *report, const struct ep_legacy_push_options *options,
               struct ep_error *err)
{
	struct ep_pushing push = { .options = options, .report = report };
	enum ep_status status = push_alone(&push, err);
	ep_old_solr_free(push.solr);
	ep_tyrant_close(push.tyrant);
	ep_push_batch_free(&push.batch);
	ep_old_page_free(&push.page);
	ep_buffer_free(&push.query);
	ep_buffer_free(&push.xml);
	free(push.keys);
	free(push.values);
	return status;
}
