#include "net/solr/push.h"

#include "base/time.h"
#include "node/followers.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Positions that are sent between two moves of the watermark, and how often a collection is
 * compared with the log. */
#define ROUND_POSITIONS ((uint64_t)50000)
#define COMPARE_S 3600.0

/* How long replicas that are away are waited for, in a call. */
#define AGREE_S 60.0

struct ep_solr_push {
	struct ep_solr_push_options options;
	struct ep_solr *solr;
	struct ep_push_batches *batches;
	char follower[EP_FOLLOWER_NAME_MAX];
	char log_name[EP_SOLR_LOG_NAME];
	char real[EP_SOLR_REAL_MAX]; /* the collection that is filled */
	char old[EP_SOLR_REAL_MAX]; /* of a restart: the one that has the alias */
	uint64_t replicas; /* that must have each document */
	uint64_t mark; /* the collection's, as it was last seen */
	uint64_t watermark;
	uint64_t sent; /* position up to which all was sent, above the watermark while a replica is
	                  away */
	bool doubt; /* something behind the watermark may have been taken by too few replicas */
	bool resent; /* all was sent again, as documents were missing */
	double compared; /* when; 0: not since something was in doubt */
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

/* What the log says of itself. */
struct own {
	struct ep_log_read *read;
	uint64_t position;
	uint64_t watermark;
};

static enum ep_status
read_own(struct own *own, struct ep_solr_push *push, struct ep_error *err)
{
	struct ep_log_state state;
	EP_TRY(ep_log_read_begin(&own->read, push->options.log, err));
	ep_log_state(&state, own->read);
	own->position = state.position;
	EP_TRY(ep_solr_log_name(push->log_name, own->read, err));
	return ep_follower_watermark(&own->watermark, own->read, push->follower, err);
}

/* Finds the collection to be filled. */
static enum ep_status
find_collection(struct ep_solr_push *push, const struct own *own, struct ep_error *err)
{
	char found[EP_SOLR_REAL_MAX];
	struct ep_solr_shape shape;
	EP_TRY(ep_solr_find(found, push->solr, err));
	if (push->options.restart) {
		memcpy(push->old, found, sizeof found);
		EP_TRY(ep_solr_next(found, push->solr, push->old, push->log_name, own->position,
		                    err));
	}
	if (strcmp(found, push->real) != 0) {
		memcpy(push->real, found, sizeof found);
		push->mark = push->watermark = push->sent = 0;
		push->compared = 0;
	}
	EP_TRY(ep_solr_shape(&shape, push->solr, push->real, err));
	push->replicas = push->options.replicas_min ? push->options.replicas_min : shape.replicas;
	return push->replicas <= shape.replicas
	               ? EP_OK
	               : ep_fail(err, EP_USAGE,
	                         "%" PRIu64 " replicas are asked for, but the collection %s has "
	                         "only %" PRIu64,
	                         push->replicas, push->real, shape.replicas);
}

/* Whether the log has, at the position of a mark, what it had when the mark was set; true also
 * where that has changed since. */
static enum ep_status
has_stamp(bool *has, const struct ep_solr_mark *mark, const struct own *own, struct ep_error *err)
{
	char stamp[EP_SOLR_STAMP];
	EP_TRY(ep_solr_stamp(stamp, own->read, mark->position, err));
	*has = !stamp[0] || !mark->stamp[0] || strcmp(stamp, mark->stamp) == 0;
	return EP_OK;
}

/* Refuses the collection of another log, or one that has seen another history of this one. */
static enum ep_status
check_mark(const struct ep_solr_push *push, const struct ep_solr_mark *mark, const struct own *own,
           struct ep_error *err)
{
	bool has;
	if (strcmp(mark->log, push->log_name) != 0)
		return ep_fail(err, EP_DIVERGED,
		               "the collection %s follows another log, or another epoch of this "
		               "one: `solr push --restart` fills a new one in its place",
		               push->real);
	EP_TRY(has_stamp(&has, mark, own, err));
	if (mark->position > own->position || !has)
		return ep_fail(err, EP_DIVERGED,
		               "the collection %s is at position %" PRIu64 ", but this log is at "
		               "%" PRIu64
		               " or has changed before that: was the log restored from a "
		               "copy? `solr push --restart` fills a new collection",
		               push->real, mark->position, own->position);
	return EP_OK;
}

/* Sets the first mark of a collection, which must be empty. */
static enum ep_status
make_mark(struct ep_solr_mark *mark, const struct ep_solr_push *push, struct ep_error *err)
{
	struct ep_solr_mark first = { 0 };
	struct ep_solr_sum sum;
	EP_TRY(ep_solr_sum(&sum, push->solr, push->real, 0, err));
	if (sum.count > 0)
		return ep_fail(err, EP_DIVERGED,
		               "the collection %s has documents, but no mark that says whose: "
		               "`solr push --restart` fills a new one in its place",
		               push->real);
	memcpy(first.log, push->log_name, sizeof first.log);
	EP_TRY(ep_solr_set_mark(push->solr, push->real, &first, err));
	/* Another log may have been faster. */
	return ep_solr_mark(mark, push->solr, push->real, err);
}

/* Whether a push that was killed has sent something behind the watermark. */
static enum ep_status
find_doubt(struct ep_solr_push *push, struct ep_error *err)
{
	struct ep_solr_sum sum;
	EP_TRY(ep_solr_commit(push->solr, push->real, err));
	EP_TRY(ep_solr_sum(&sum, push->solr, push->real, push->watermark + 1, err));
	push->doubt |= sum.count > 0;
	return EP_OK;
}

/* Reads the watermark, which is the lower one of the collection's and the log's. */
static enum ep_status
find_watermark(struct ep_solr_push *push, const struct own *own, struct ep_error *err)
{
	struct ep_solr_mark mark;
	EP_TRY(ep_solr_mark(&mark, push->solr, push->real, err));
	if (!mark.any)
		EP_TRY(make_mark(&mark, push, err));
	EP_TRY(check_mark(push, &mark, own, err));
	bool own_counts = !push->options.restart;
	uint64_t before = push->watermark;
	push->watermark =
		own_counts && own->watermark < mark.position ? own->watermark : mark.position;
	/* The collection was restored from a copy, or another process sends everything again. */
	if (push->watermark < before || mark.position < push->mark) {
		push->sent = push->watermark;
		push->compared = 0;
	}
	push->mark = mark.position;
	if (push->sent < push->watermark)
		push->sent = push->watermark;
	push->report->position = push->watermark;
	return push->compared <= 0 ? find_doubt(push, err) : EP_OK;
}

static enum ep_status
begin(struct ep_solr_push *push, struct ep_error *err)
{
	struct own own = { 0 };
	enum ep_status status = read_own(&own, push, err);
	if (status == EP_OK)
		status = find_collection(push, &own, err);
	if (status == EP_OK)
		status = find_watermark(push, &own, err);
	ep_log_read_end(own.read);
	return status;
}

/* ---- moving the watermark ---- */

/* Commits, and waits until enough replicas agree on what is behind the watermark. */
static enum ep_status
wait_for_agreement(struct ep_solr_push *push, struct ep_error *err)
{
	double until = ep_clock_s() + AGREE_S;
	const atomic_bool *stop = push->options.solr.stop;
	char why[256];
	for (bool agree = false; !agree;) {
		EP_TRY(ep_solr_commit(push->solr, push->real, err));
		EP_TRY(ep_solr_agree(&agree, why, push->solr, push->real, push->watermark + 1,
		                     push->options.replicas_min, err));
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

/* Sends the entries of a snapshot behind `after` up to `last`. *short_of says whether fewer
 * replicas than needed took some of it; where that is not known, or it failed, all stays in doubt.
 */
static enum ep_status
send(bool *short_of, struct ep_solr_push *push, const struct ep_log_read *read, uint64_t after,
     uint64_t last, struct ep_error *err)
{
	struct ep_push_batches_report sent = { .replicas = push->replicas };
	enum ep_status status =
		ep_push_batches_send(&sent, push->batches, push->real, read, after, last, err);
	push->report->sent += after < push->sent ? 0 : sent.sent;
	push->report->refused += sent.refused;
	push->doubt |= sent.repeated || sent.short_of || status != EP_OK;
	*short_of = sent.short_of;
	return status;
}

/* Makes what was sent durable on all replicas that must have it. */
static enum ep_status
settle(struct ep_solr_push *push, const struct ep_log_read *read, struct ep_error *err)
{
	bool short_of = false;
	if (push->doubt) {
		/* A leader that took some alone may be gone: when all are back, once more. */
		EP_TRY(wait_for_agreement(push, err));
		EP_TRY(send(&short_of, push, read, push->watermark, push->sent, err));
		push->compared = 0;
	}
	if (short_of)
		return ep_fail(err, EP_UNREACHABLE,
		               "a replica of the collection %s went away again; the watermark "
		               "stays at %" PRIu64,
		               push->real, push->watermark);
	EP_TRY(wait_for_agreement(push, err));
	push->doubt = false;
	return EP_OK;
}

/* Moves the watermark to what was sent. */
static enum ep_status
move_watermark(struct ep_solr_push *push, const struct ep_log_read *read, struct ep_error *err)
{
	struct ep_solr_mark mark = { .position = push->sent };
	if (push->sent == push->watermark)
		return EP_OK;
	EP_TRY(settle(push, read, err));
	memcpy(mark.log, push->log_name, sizeof mark.log);
	EP_TRY(ep_solr_stamp(mark.stamp, read, push->sent, err));
	EP_TRY(ep_solr_set_mark(push->solr, push->real, &mark, err));
	EP_TRY(ep_follower_set(push->options.log, push->follower, push->sent, true, err));
	push->watermark = push->sent;
	if (push->mark < push->watermark)
		push->mark = push->watermark;
	push->report->position = push->watermark;
	return EP_OK;
}

/* ---- comparing ---- */

/* Sums up what a collection has that is at the end of the log. */
static enum ep_status
sum_log(struct ep_solr_sum *sum, const struct ep_solr_push *push, const struct ep_log_read *read,
        struct ep_error *err)
{
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	const atomic_bool *stop = push->options.solr.stop;
	struct ep_entry entry;
	uint64_t positions = 0;
	enum ep_status status;
	EP_TRY(ep_log_cursor_open(&cursor, read, 0, EP_SOURCE_ANY, err));
	while ((status = ep_log_cursor_next(&entry, cursor, err)) == EP_OK) {
		sum->count++;
		positions += entry.position;
		if (stop && atomic_load(stop))
			return ep_fail(err, EP_INTERRUPTED, "interrupted");
	}
	sum->positions = (double)positions;
	return status == EP_NOT_FOUND ? EP_OK : status;
}

/* Begins at the beginning of the log. */
static enum ep_status
send_all_again(struct ep_solr_push *push, const struct ep_solr_sum *log,
               const struct ep_solr_sum *collection, struct ep_error *err)
{
	say(push,
	    "the collection %s is incomplete: it has %" PRIu64 " documents (some may be old), and "
	    "the log has %" PRIu64 " entries; everything is sent again",
	    push->real, collection->count, log->count);
	EP_TRY(ep_follower_set(push->options.log, push->follower, 0, true, err));
	push->watermark = push->sent = 0;
	push->resent = true;
	return EP_OK;
}

/* Compares the collection with the log by number and positions of documents, at the end of a
 * snapshot. *same is false where it has lost some, and all is to be sent again; EP_DIVERGED where
 * that does not help. */
static enum ep_status
compare(bool *same, struct ep_solr_push *push, const struct ep_log_read *read, struct ep_error *err)
{
	struct ep_solr_sum log = { 0 };
	struct ep_solr_sum collection;
	EP_TRY(sum_log(&log, push, read, err));
	EP_TRY(ep_solr_sum(&collection, push->solr, push->real, 0, err));
	/* A double has 53 bits. */
	double room = 0.5 + log.positions * 1e-13;
	*same = log.count == collection.count && fabs(log.positions - collection.positions) <= room;
	if (*same) {
		push->compared = ep_clock_s();
		push->resent = false;
		return EP_OK;
	}
	if (!push->resent && collection.count <= log.count)
		return send_all_again(push, &log, &collection, err);
	return ep_fail(err, EP_DIVERGED,
	               "the collection %s does not match the log: %" PRIu64 " documents, %" PRIu64
	               " entries; `solr verify` names the differences, and `solr push --restart` "
	               "fills a new one",
	               push->real, collection.count, log.count);
}

static bool
is_due(const struct ep_solr_push *push)
{
	return push->compared <= 0 || ep_clock_s() - push->compared > COMPARE_S;
}

/* ---- the whole ---- */

/* Sends what the log has behind what was sent, and moves the watermark; *end: that was all. */
static enum ep_status
push_round(struct ep_solr_push *push, bool *end, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_log_state state;
	bool short_of;
	EP_TRY(ep_log_read_begin(&read, push->options.log, err));
	ep_log_state(&state, read);
	uint64_t last = state.position - push->sent > ROUND_POSITIONS ? push->sent + ROUND_POSITIONS
	                                                              : state.position;
	if (last > push->sent) {
		EP_TRY(send(&short_of, push, read, push->sent, last, err));
		push->sent = last;
	}
	EP_TRY(move_watermark(push, read, err));
	*end = last == state.position;
	return *end && is_due(push) ? compare(end, push, read, err) : EP_OK;
}

/* Gives the alias to a collection that is complete. The one that had it is of no more use. */
static enum ep_status
finish_restart(struct ep_solr_push *push, struct ep_error *err)
{
	struct ep_error why;
	EP_TRY(ep_solr_set_alias(push->solr, push->real, err));
	push->options.restart = false;
	if (ep_solr_delete(push->solr, push->old, &why) != EP_OK)
		say(push, "the collection %s is no longer used, but cannot be deleted: %.300s",
		    push->old, why.text);
	return EP_OK;
}

enum ep_status
ep_solr_push(struct ep_solr_push_report *report, struct ep_solr_push *push, struct ep_error *err)
{
	*report = (struct ep_solr_push_report){ 0 };
	push->report = report;
	EP_TRY(begin(push, err));
	for (bool end = false; !end;)
		EP_TRY(push_round(push, &end, err));
	if (push->options.restart)
		EP_TRY(finish_restart(push, err));
	memcpy(report->collection, push->real, sizeof push->real);
	return EP_OK;
}
