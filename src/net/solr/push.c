#include "net/solr/push.h"

#include "base/time.h"
#include "node/followers.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Positions that are sent between two moves of the watermark, and the seconds after which it moves
 * earlier; and how often a collection is compared with the log. */
#define ROUND_POSITIONS ((uint64_t)50000)
#define COMPARE_S 3600.0

/* How long replicas that were away are waited for, in a call. */
#define AGREE_S 60.0

struct ep_solr_push {
	struct ep_solr_push_options options;
	struct ep_solr *solr;
	struct ep_push_batches *batches;
	char follower[EP_FOLLOWER_NAME_MAX];
	char log_name[64];
	char real[EP_SOLR_REAL_MAX]; /* the collection that is filled */
	char old[EP_SOLR_REAL_MAX]; /* of a restart: the one that has the alias */
	uint64_t replicas; /* that must have all */
	uint64_t mark; /* the collection's, as it was last seen */
	uint64_t watermark;
	uint64_t sent; /* position up to which all was sent, above the watermark while a replica is
	                  away */
	bool doubt; /* something behind the watermark may not be on all replicas */
	bool short_of; /* something behind the watermark was sent to fewer replicas than needed */
	double compared; /* when; 0: never */
	struct ep_solr_push_report *report; /* of the call */
};

static void say(const struct ep_solr_push *push, const char *fmt, ...) EP_PRINTF(2, 3);

static void
say(const struct ep_solr_push *push, const char *fmt, ...)
{
	char line[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	push->options.on_line(push->options.context, line);
}

/* ---- opening ---- */

enum ep_status
ep_solr_push_open(struct ep_solr_push **out, const struct ep_solr_push_options *options,
                  struct ep_error *err)
{
	EP_OWNED(ep_solr_push_close)
	struct ep_solr_push *push = calloc(1, sizeof *push);
	if (!push)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	push->options = *options;
	snprintf(push->follower, sizeof push->follower, "solr.%s", options->solr.collection);
	/* What was sent by a process that was killed may not be everywhere. */
	push->doubt = true;
	EP_TRY(ep_solr_open(&push->solr, &options->solr, err));
	EP_TRY(ep_push_batches_new(&push->batches, &push->options, err));
	*out = EP_TAKE(push);
	return EP_OK;
}

void
ep_solr_push_close(struct ep_solr_push *push)
{
	if (!push)
		return;
	ep_push_batches_free(push->batches);
	ep_solr_close(push->solr);
	free(push);
}

/* ---- whose collection it is, and where to begin ---- */

/* Finds the collection to be filled. */
static enum ep_status
find_collection(struct ep_solr_push *push, struct ep_error *err)
{
	char found[EP_SOLR_REAL_MAX];
	struct ep_solr_shape shape;
	EP_TRY(ep_solr_find(found, push->solr, err));
	if (push->options.restart) {
		memcpy(push->old, found, sizeof found);
		EP_TRY(ep_solr_next(found, push->solr, push->old, err));
	}
	if (strcmp(found, push->real) != 0) {
		memcpy(push->real, found, sizeof found);
		push->mark = 0;
		push->sent = 0;
		push->compared = 0;
	}
	EP_TRY(ep_solr_shape(&shape, push->solr, push->real, err));
	push->replicas = push->options.replicas_min ? push->options.replicas_min : shape.replicas;
	return push->replicas <= shape.replicas
	               ? EP_OK
	               : ep_fail(err, EP_USAGE,
	                         "%" PRIu64 " replicas are asked for, but the "
	                         "collection %s has only %" PRIu64,
	                         push->replicas, push->real, shape.replicas);
}

/* Refuses the collection of another log, or one that is ahead of this one. */
static enum ep_status
check_mark(const struct ep_solr_push *push, const struct ep_solr_mark *mark, uint64_t position,
           struct ep_error *err)
{
	struct ep_solr_sum sum = { 0 };
	if (!mark->any)
		EP_TRY(ep_solr_sum(&sum, push->solr, push->real, err));
	if (sum.count > 0 || (mark->any && strcmp(mark->log, push->log_name) != 0))
		return ep_fail(err, EP_DIVERGED,
		               "the collection %s follows another log, or another epoch of this "
		               "one: `solr push --restart` fills a new one in its place",
		               push->real);
	if (mark->any && mark->position > position)
		return ep_fail(err, EP_DIVERGED,
		               "the collection %s is at position %" PRIu64 ", but this log only at "
		               "%" PRIu64 ": was it restored from a copy? `solr push --restart` "
		               "fills a new collection",
		               push->real, mark->position, position);
	return EP_OK;
}

/* Reads the watermark, which is the lower one of the collection's and the log's. */
static enum ep_status
find_watermark(struct ep_solr_push *push, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_log_state state;
	struct ep_solr_mark mark;
	uint64_t own;
	EP_TRY(ep_log_read_begin(&read, push->options.log, err));
	ep_log_state(&state, read);
	EP_TRY(ep_solr_log_name(push->log_name, read, err));
	EP_TRY(ep_follower_watermark(&own, read, push->follower, err));
	EP_TRY(ep_solr_mark(&mark, push->solr, push->real, err));
	EP_TRY(check_mark(push, &mark, state.position, err));
	if (!mark.any)
		EP_TRY(ep_solr_set_mark(push->solr, push->real, push->log_name, 0, err));
	bool own_counts = !push->options.restart;
	push->watermark = own_counts && own < mark.position ? own : mark.position;
	if (mark.position < push->mark) {
		/* The collection was restored from a copy. */
		push->sent = push->watermark;
		push->doubt = true;
		push->compared = 0;
	}
	push->mark = mark.position;
	if (push->sent < push->watermark)
		push->sent = push->watermark;
	push->report->position = push->watermark;
	return EP_OK;
}

/* ---- moving the watermark ---- */

/* Waits until all replicas agree on what is behind the watermark. */
static enum ep_status
wait_for_agreement(struct ep_solr_push *push, struct ep_error *err)
{
	double until = ep_clock_s() + AGREE_S;
	const atomic_bool *stop = push->options.solr.stop;
	char why[256];
	for (bool agree = false; !agree;) {
		EP_TRY(ep_solr_commit(push->solr, push->real, err));
		EP_TRY(ep_solr_agree(&agree, why, push->solr, push->real, push->watermark, err));
		if (agree)
			return EP_OK;
		if (stop && atomic_load(stop))
			return ep_fail(err, EP_INTERRUPTED, "interrupted");
		if (ep_clock_s() > until)
			return ep_fail(err, EP_UNREACHABLE,
			               "the watermark stays at %" PRIu64 " although all up to "
			               "%" PRIu64 " was sent: %s",
			               push->watermark, push->sent, why);
		nanosleep(&(struct timespec){ .tv_nsec = 500 * 1000000L }, NULL);
	}
	return EP_OK;
}

/* Sends the entries of a snapshot behind `after` up to `last`; what is in doubt stays so. */
static enum ep_status
send(struct ep_solr_push *push, const struct ep_log_read *read, uint64_t after, uint64_t last,
     struct ep_error *err)
{
	struct ep_push_batches_report sent = { .replicas = push->replicas };
	enum ep_status status =
		ep_push_batches_send(&sent, push->batches, push->real, read, after, last, err);
	push->report->sent += sent.sent;
	push->report->refused += sent.refused;
	push->doubt |= sent.repeated || status != EP_OK;
	push->short_of |= sent.short_of;
	return status;
}

/* Makes durable what was sent, on all replicas that must have it. */
static enum ep_status
settle(struct ep_solr_push *push, const struct ep_log_read *read, struct ep_error *err)
{
	if (push->short_of) {
		/* A leader that took some alone may be gone: when all are back, once more. */
		EP_TRY(wait_for_agreement(push, err));
		push->short_of = false;
		EP_TRY(send(push, read, push->watermark, push->sent, err));
		push->doubt = true;
		if (push->short_of)
			return ep_fail(err, EP_UNREACHABLE,
			               "a replica of the collection %s has gone again", push->real);
	}
	if (push->doubt)
		EP_TRY(wait_for_agreement(push, err));
	else
		EP_TRY(ep_solr_commit(push->solr, push->real, err));
	push->doubt = false;
	return EP_OK;
}

/* Moves the watermark to what was sent: it is durable on all replicas then. */
static enum ep_status
move_watermark(struct ep_solr_push *push, const struct ep_log_read *read, struct ep_error *err)
{
	if (push->sent == push->watermark)
		return EP_OK;
	EP_TRY(settle(push, read, err));
	EP_TRY(ep_solr_set_mark(push->solr, push->real, push->log_name, push->sent, err));
	EP_TRY(ep_follower_set(push->options.log, push->follower, push->sent, err));
	push->watermark = push->sent;
	if (push->mark < push->watermark)
		push->mark = push->watermark;
	push->report->position = push->watermark;
	return EP_OK;
}

/* ---- the whole ---- */

/* Sends what the log has behind what was sent, and moves the watermark; *end: there was nothing. */
static enum ep_status
push_round(struct ep_solr_push *push, bool *end, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_log_state state;
	EP_TRY(ep_log_read_begin(&read, push->options.log, err));
	ep_log_state(&state, read);
	uint64_t last = state.position - push->sent > ROUND_POSITIONS ? push->sent + ROUND_POSITIONS
	                                                              : state.position;
	*end = last == push->sent;
	if (last > push->sent) {
		EP_TRY(send(push, read, push->sent, last, err));
		push->sent = last;
	}
	return move_watermark(push, read, err);
}

static enum ep_status
push_all(struct ep_solr_push *push, struct ep_error *err)
{
	for (bool end = false; !end;)
		EP_TRY(push_round(push, &end, err));
	return EP_OK;
}

/* Sums up what a collection has that is at position `last` of the log. */
static enum ep_status
sum_log(struct ep_solr_sum *sum, struct ep_log *log, uint64_t last, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	struct ep_log_state state;
	struct ep_entry entry;
	uint64_t positions = 0;
	enum ep_status status;
	EP_TRY(ep_log_read_begin(&read, log, err));
	ep_log_state(&state, read);
	if (state.position != last)
		return EP_NOT_FOUND;
	EP_TRY(ep_log_cursor_open(&cursor, read, 0, EP_SOURCE_ANY, err));
	while ((status = ep_log_cursor_next(&entry, cursor, err)) == EP_OK) {
		sum->count++;
		positions += entry.position;
	}
	sum->positions = (double)positions;
	return status == EP_NOT_FOUND ? EP_OK : status;
}

/* Whether the collection has as many documents as the log, at the same positions. Where the log has
 * changed meanwhile, that is for another time. */
static enum ep_status
compare(bool *same, struct ep_solr_push *push, struct ep_error *err)
{
	struct ep_solr_sum log = { 0 };
	struct ep_solr_sum collection;
	*same = true;
	enum ep_status status = sum_log(&log, push->options.log, push->watermark, err);
	if (status != EP_OK)
		return status == EP_NOT_FOUND ? EP_OK : status;
	EP_TRY(ep_solr_sum(&collection, push->solr, push->real, err));
	/* A double has 53 bits. */
	double room = 0.5 + log.positions * 1e-13;
	*same = log.count == collection.count && fabs(log.positions - collection.positions) <= room;
	push->compared = ep_clock_s();
	if (!*same)
		say(push,
		    "the collection %s has %" PRIu64 " documents where the log has %" PRIu64
		    " entries, or older ones: it has lost some; everything is sent again",
		    push->real, collection.count, log.count);
	return EP_OK;
}

/* Sends everything again if the collection has lost documents behind the watermark. */
static enum ep_status
mend(struct ep_solr_push *push, struct ep_error *err)
{
	bool same;
	EP_TRY(compare(&same, push, err));
	if (same)
		return EP_OK;
	EP_TRY(ep_follower_set(push->options.log, push->follower, 0, err));
	push->watermark = push->sent = 0;
	push->doubt = true;
	EP_TRY(push_all(push, err));
	EP_TRY(compare(&same, push, err));
	return same ? EP_OK
	            : ep_fail(err, EP_DIVERGED,
	                      "the collection %s still differs from the log: `solr verify` "
	                      "says how, and `solr push --restart` fills a new one",
	                      push->real);
}

enum ep_status
ep_solr_push(struct ep_solr_push_report *report, struct ep_solr_push *push, struct ep_error *err)
{
	*report = (struct ep_solr_push_report){ 0 };
	push->report = report;
	EP_TRY(find_collection(push, err));
	EP_TRY(find_watermark(push, err));
	EP_TRY(push_all(push, err));
	if (push->compared <= 0 || ep_clock_s() - push->compared > COMPARE_S)
		EP_TRY(mend(push, err));
	if (push->options.restart) {
		EP_TRY(ep_solr_switch(push->solr, push->real, push->old, err));
		push->options.restart = false;
	}
	memcpy(report->collection, push->real, sizeof push->real);
	return EP_OK;
}
