#include "replication/ingest.h"

#include "base/pipeline.h"
#include "base/time.h"
#include "replication/batch_reader.h"
#include "replication/input.h"
#include "replication/peer.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A transaction is committed when it holds so many bytes, or is so old when nothing comes. */
#define COMMIT_BYTES ((size_t)16 << 20)
#define COMMIT_IDLE_MS 300

#define PROGRESS_S 0.2

/* Audio files are dear: what they brought is committed so often, in seconds. */
#define COMMIT_SOUNDS_S 2

/* Memory of the log's map is given back after so many bytes of entries. */
#define TRIM_BYTES ((size_t)16 << 20)

struct ep_ingest {
	struct ep_log *log;
	const struct ep_ingest_options *options;
	struct ep_ingest_report *report;
	unsigned workers;
	struct ep_batch_scratch *scratch; /* one a worker */

	/* The file at hand. */
	struct ep_input *input; /* NULL while audio files come */
	struct ep_batch_reader *reader;
	int64_t now_ms;
	uint64_t rejected_here;
	atomic_bool stop; /* the reader is to stop: a later stage failed */

	/* The stage that puts. */
	struct ep_log_write *write; /* NULL while nothing is to be committed */
	bool broken; /* a put failed half way: not to be committed */
	uint32_t source;
	bool checking; /* the file is only looked at */
	bool checked; /* it was */
	uint64_t *bad; /* positions of a packet that were refused then, ascending */
	size_t bad_count;
	/* Of a packet: parties as they are numbered in the transaction. */
	uint32_t *parties; /* by place in the packet's header */
	uint32_t sender;
	bool has_feed; /* a packet of the master came by hand to a node that follows a feed */
	size_t uncommitted;
	uint64_t unpacked; /* bytes of packets */
	double begun; /* when the transaction was */
	size_t untrimmed;
	struct ep_ingest_report pending; /* of the transaction at hand */
	double shown;
};

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

/* ---- read, decode and encode ---- */

static enum ep_status
produce(void *context, void *job, bool *end, struct ep_error *err)
{
	struct ep_ingest *ingest = context;
	const struct ep_batch *batch = job;
	uint64_t most = ingest->options->unpacked_max;
	EP_TRY(ep_batch_read(ingest->reader, job, end, err));
	/* Before it is unpacked. */
	if (most && batch->packet.unpacked > most - ingest->unpacked)
		return ep_fail(err, EP_CORRUPT, "it unpacks to more than %llu bytes",
		               (unsigned long long)most);
	ingest->unpacked += batch->packet.unpacked;
	return EP_OK;
}

static enum ep_status
work(void *context, void *job, unsigned worker, struct ep_error *err)
{
	struct ep_ingest *ingest = context;
	struct ep_batch_options options = {
		/* A slave has no other word than its master's; a master looks closely at what
		 * slaves send. */
		.trusted = ingest->checked ||
		           ep_text_equal(ingest->options->source, ep_text_of("master")),
		.now_ms = ingest->now_ms,
		.id_from = ingest->options->id_from,
		.stop = ingest->options->stop,
	};
	struct ep_batch_scratch *scratch = &ingest->scratch[worker];
	EP_TRY(ep_batch_make(ingest->reader, job, scratch, &options, err));
	return ep_batch_is_large(job) ? ep_batch_scratch_shrink(scratch, err) : EP_OK;
}

static bool
is_large(void *context, const void *job)
{
	(void)context;
	return ep_batch_is_large(job);
}

static void
shrink(void *context, void *job)
{
	(void)context;
	ep_batch_free(job);
}

/* ---- put ---- */

/* Whether a packet is of the master that this node follows; one that follows nobody and has no
 * sources of its own follows that master from now on. */
static enum ep_status
check_master(struct ep_ingest *ingest, const struct ep_packet_header *header, struct ep_error *err)
{
	struct ep_follows follows;
	EP_FREE struct ep_source_info *sources = NULL;
	size_t count;
	const struct ep_log_read *read = ep_log_inside(ingest->write);
	EP_TRY(ep_log_follows(&follows, read, err));
	if (follows.any && ep_key_equal(&follows.key, &header->key))
		return EP_OK;
	if (follows.any)
		return ep_fail(err, EP_BAD_INPUT,
		               "the packet is of %.*s, which is not the master of this node",
		               ep_text_print_size(header->name), header->name.at);
	EP_TRY(ep_log_sources(&sources, &count, read, err));
	if (count > EP_SOURCE_MASTER)
		return ep_fail(
			err, EP_BAD_INPUT,
			"this node has sources of its own, and cannot follow another master");
	ep_follows_begin(&follows, &header->key);
	return ep_log_set_follows(ingest->write, &follows, err);
}

/* Finds who a packet speaks of, in the transaction at hand. */
static enum ep_status
map_parties(struct ep_ingest *ingest, struct ep_error *err)
{
	const struct ep_packet_header *header =
		ingest->reader ? ep_batch_reader_packet(ingest->reader) : NULL;
	struct ep_log_write *write = ingest->write;
	if (!header)
		return EP_OK;
	ingest->has_feed = false;
	if (ingest->source == EP_SOURCE_MASTER) {
		struct ep_master master;
		enum ep_status joined = ep_master_load(&master, ep_log_inside(write), err);
		if (joined != EP_OK && joined != EP_NOT_FOUND)
			return joined;
		ingest->has_feed = joined == EP_OK;
		EP_TRY(check_master(ingest, header, err));
	} else if (!ingest->options->sender)
		EP_TRY(ep_log_set_source_key(write, ingest->source, &header->key, err));
	const struct ep_key *sender =
		ingest->options->sender ? ingest->options->sender : &header->key;
	EP_TRY(ep_log_key_party(&ingest->sender, write, sender, err));
	uint32_t *parties = realloc(ingest->parties, (header->party_count + 1) * sizeof *parties);
	if (!parties)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the parties of a packet");
	ingest->parties = parties;
	for (size_t i = 0; i < header->party_count; i++)
		EP_TRY(ep_log_key_party(&parties[i], write, &header->parties[i], err));
	return EP_OK;
}

static enum ep_status
begin(struct ep_ingest *ingest, struct ep_error *err)
{
	if (ingest->write)
		return EP_OK;
	EP_TRY(ep_log_write_begin(&ingest->write, ingest->log, err));
	ingest->uncommitted = 0;
	ingest->begun = ep_clock_s();
	EP_TRY(ep_log_source(&ingest->source, ingest->write, ingest->options->source, err));
	return map_parties(ingest, err);
}

static enum ep_status
commit(struct ep_ingest *ingest, struct ep_error *err)
{
	const struct ep_ingest_options *options = ingest->options;
	if (options->before_commit && !options->dry_run) {
		EP_TRY(begin(ingest, err));
		EP_TRY(options->before_commit(options->context, ingest->write, err));
	}
	if (ingest->write && !options->dry_run)
		EP_TRY(ep_log_commit(&ingest->write, err));
	add_report(ingest->report, &ingest->pending);
	ingest->pending = (struct ep_ingest_report){ 0 };
	return EP_OK;
}

/* Whether what is read now is to be kept whole or not at all; an audio file always is. */
static bool
is_strict(const struct ep_ingest *ingest)
{
	return ingest->options->strict && ingest->input;
}

/* Whether nothing is committed before the end of a file. */
static bool
one_transaction(const struct ep_ingest *ingest)
{
	const struct ep_ingest_options *options = ingest->options;
	return is_strict(ingest) || options->dry_run || options->before_commit;
}

static enum ep_status
idle(void *context, struct ep_error *err)
{
	struct ep_ingest *ingest = context;
	enum ep_status status = one_transaction(ingest) ? EP_OK : commit(ingest, err);
	if (status != EP_OK)
		atomic_store(&ingest->stop, true);
	return status;
}

static enum ep_status
tell_track(struct ep_ingest *ingest, uint64_t position, struct ep_text id, enum ep_outcome outcome,
           const char *detail, struct ep_error *err)
{
	const struct ep_ingest_options *options = ingest->options;
	struct ep_ingest_track track = { position, id, outcome, ep_text_of(detail) };
	return options->on_track ? options->on_track(options->context, &track, err) : EP_OK;
}

/* Tells of an entry of a packet that was refused. */
static enum ep_status
tell_refused_track(struct ep_ingest *ingest, const struct ep_packet_block *block,
                   const struct ep_refused *refused, struct ep_error *err)
{
	for (size_t i = 0; i < block->count; i++) {
		if (block->entries[i].position == refused->origin.number)
			return tell_track(ingest, refused->origin.number, block->entries[i].id,
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

/* A packet carries import dates; everything else is of this ingest. */
static int64_t
import_date(const struct ep_ingest *ingest, const struct ep_ready *ready)
{
	bool packet = ep_batch_reader_content(ingest->reader) == EP_PACKET;
	return !packet || ingest->options->date_given ? ingest->options->import_date
	                                              : ready->import_date;
}

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

static enum ep_status
put_rows(struct ep_ingest *ingest, const struct ep_batch *batch, const struct ep_ready *ready,
         struct ep_error *err)
{
	struct ep_put_counts *counts = &ingest->pending.counts;
	const struct ep_put_counts before = *counts;
	struct ep_put put = {
		.track = &ready->track,
		.body = batch->bodies.data + ready->body_at,
		.body_size = ready->body_size,
		.hash = ready->hash,
		.source = ingest->source,
		.import_date = import_date(ingest, ready),
		.whole = ready->whole,
	};
	EP_TRY(ep_log_put(ingest->write, &put, counts, err));
	count_repeated(counts, &before, ready);
	return EP_OK;
}

static enum ep_outcome
outcome_of(enum ep_offered what)
{
	static const enum ep_outcome outcomes[] = {
		[EP_OFFERED_NEW] = EP_OUTCOME_NEW,
		[EP_OFFERED_UPDATED] = EP_OUTCOME_UPDATED,
		[EP_OFFERED_UNCHANGED] = EP_OUTCOME_UNCHANGED,
		[EP_OFFERED_DELETED] = EP_OUTCOME_DELETED,
		[EP_OFFERED_CONFLICT] = EP_OUTCOME_CONFLICT,
		[EP_OFFERED_REFUSED] = EP_OUTCOME_REFUSED,
		[EP_OFFERED_FULL] = EP_OUTCOME_FULL,
		[EP_OFFERED_NOTHING] = EP_OUTCOME_NOTHING,
	};
	return outcomes[what];
}

/* Gives the parties of a history their numbers in the transaction. */
static void
map_history(struct ep_history *history, const struct ep_ingest *ingest)
{
	for (size_t i = 0; i < history->count; i++)
		history->steps[i].party = ingest->parties[history->steps[i].party - 1];
	if (history->sealed)
		history->owner = ingest->parties[history->owner - 1];
}

static enum ep_status
offer(struct ep_ingest *ingest, const struct ep_batch *batch, struct ep_ready *ready,
      struct ep_error *err)
{
	struct ep_put_counts *counts = &ingest->pending.counts;
	struct ep_history history = ready->history;
	struct ep_offer offered = {
		.operation = ready->operation,
		.id = ready->track.id,
		.history = &history,
		.hash = ready->hash,
		.body = batch->bodies.data + ready->body_at,
		.body_size = ready->body_size,
		.documents = (uint32_t)ready->track.count,
		.import_date = import_date(ingest, ready),
		.by_hand = !ingest->options->feed,
		.has_feed = ingest->has_feed,
		.tracks_max = ingest->options->tracks_max,
		.bytes_max = ingest->options->bytes_max,
	};
	enum ep_offered what;
	map_history(&history, ingest);
	EP_TRY(ingest->source == EP_SOURCE_MASTER
	               ? ep_log_follow(&what, counts, ingest->write, &offered, err)
	               : ep_log_take(&what, counts, ingest->write, &offered, ingest->sender, err));
	ingest->pending.deleted += what == EP_OFFERED_DELETED;
	ingest->pending.not_deleted += ready->operation == EP_DELETE &&
	                               (what == EP_OFFERED_CONFLICT || what == EP_OFFERED_REFUSED);
	if (what == EP_OFFERED_REFUSED && ready->operation == EP_PUT)
		counts->conflict += ready->track.count;
	return tell_track(ingest, ready->origins[0].number, ready->track.id, outcome_of(what), "",
	                  err);
}

static int
compare_positions(const void *one, const void *other)
{
	uint64_t first;
	uint64_t second;
	memcpy(&first, one, sizeof first);
	memcpy(&second, other, sizeof second);
	return (first > second) - (first < second);
}

/* Whether an entry was refused when the file was looked at. */
static bool
is_bad(const struct ep_ingest *ingest, uint64_t position)
{
	return ingest->bad_count && bsearch(&position, ingest->bad, ingest->bad_count,
	                                    sizeof position, compare_positions);
}

static enum ep_status
put_ready(struct ep_ingest *ingest, struct ep_batch *batch, struct ep_ready *ready,
          struct ep_error *err)
{
	struct ep_error why;
	EP_TRY(begin(ingest, err));
	if (ready->offered && is_bad(ingest, ready->origins[0].number))
		return refuse_ready(batch, ready, "its documents are not those that its hash is of",
		                    err);
	enum ep_status status = ready->offered ? offer(ingest, batch, ready, &why)
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
	EP_TRY(begin(ingest, err));
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

/* Notes what was refused of a file that is only looked at. */
static enum ep_status
note_bad(struct ep_ingest *ingest, struct ep_batch *batch, struct ep_error *err)
{
	if (batch->refused_count == 0)
		return EP_OK;
	size_t count = ingest->bad_count + batch->refused_count;
	uint64_t *bad = realloc(ingest->bad, count * sizeof *bad);
	if (!bad)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for what was refused");
	ingest->bad = bad;
	ep_batch_sort_refused(batch);
	for (size_t i = 0; i < batch->refused_count; i++)
		bad[ingest->bad_count++] = batch->refused[i].origin.number;
	return EP_OK;
}

static enum ep_status
put_batch(struct ep_ingest *ingest, struct ep_batch *batch, struct ep_error *err)
{
	EP_TRY(ep_batch_check(ingest->reader, batch, err));
	if (ingest->checking)
		return note_bad(ingest, batch, err);
	bool sounds = ep_batch_reader_content(ingest->reader) == EP_SOUNDS;
	if (sounds)
		EP_TRY(put_sound(ingest, batch, err));
	for (size_t i = 0; !sounds && i < batch->ready_count; i++)
		EP_TRY(put_ready(ingest, batch, &batch->ready[i], err));
	EP_TRY(tell_refused(ingest, batch, err));
	ingest->pending.without_codes += sounds ? 0 : batch->without_codes;
	ingest->pending.passed_over += batch->passed_over;
	ingest->untrimmed += batch->bodies.size;
	if (ingest->untrimmed >= TRIM_BYTES) {
		ep_log_trim(ingest->log);
		ingest->untrimmed = 0;
	}
	show_progress(ingest, batch);
	bool due = ingest->uncommitted >= COMMIT_BYTES ||
	           (sounds && ingest->write && ep_clock_s() - ingest->begun > COMMIT_SOUNDS_S);
	if (due && !one_transaction(ingest))
		return commit(ingest, err);
	return EP_OK;
}

static enum ep_status
consume(void *context, void *job, struct ep_error *err)
{
	struct ep_ingest *ingest = context;
	enum ep_status status = put_batch(ingest, job, err);
	if (status != EP_OK)
		atomic_store(&ingest->stop, true);
	return status;
}

/* ---- a file ---- */

static enum ep_status
read_input(void *context, void *bytes, size_t size, size_t *got, struct ep_error *err)
{
	struct ep_ingest *ingest = context;
	if (atomic_load(&ingest->stop))
		return ep_fail(err, EP_INTERRUPTED, "interrupted");
	struct ep_source source = ep_input_source(ingest->input);
	enum ep_status status = source.read(source.context, bytes, size, got, err);
	/* What the decompressors refuse is a damaged file, not a bad row. */
	return status == EP_BAD_INPUT ? EP_CORRUPT : status;
}

static bool
input_stalls(void *context)
{
	struct ep_ingest *ingest = context;
	struct ep_source source = ep_input_source(ingest->input);
	return ep_source_stalls(&source);
}

static enum ep_status
run(struct ep_ingest *ingest, struct ep_error *err)
{
	size_t job_count = EP_PIPELINE_JOBS(ingest->workers);
	EP_FREE struct ep_batch *batches = calloc(job_count, sizeof *batches);
	if (!batches)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for reading a file");
	struct ep_pipeline pipeline = {
		.produce = produce,
		.work = work,
		.consume = consume,
		.idle = idle,
		.idle_ms = COMMIT_IDLE_MS,
		.is_large = is_large,
		.shrink = shrink,
		.context = ingest,
		.jobs = batches,
		.job_size = sizeof *batches,
		.job_count = job_count,
		.worker_count = ingest->workers,
	};
	enum ep_status status = ep_pipeline_run(&pipeline, err);
	for (size_t i = 0; i < job_count; i++)
		ep_batch_free(&batches[i]);
	return status == EP_OK ? ep_batch_check_end(ingest->reader, err) : status;
}

/* Keeps what the file brought, where it is to be kept. */
static enum ep_status
settle(struct ep_ingest *ingest, enum ep_status status, struct ep_error *err)
{
	bool strict = is_strict(ingest);
	bool whole = strict || ingest->options->before_commit;
	if (status == EP_OK && strict && ingest->rejected_here)
		status = ep_fail(err, EP_BAD_INPUT,
		                 "%llu row%s rejected, so nothing of the file is kept (--strict)",
		                 (unsigned long long)ingest->rejected_here,
		                 ingest->rejected_here == 1 ? " was" : "s were");
	if (status != EP_OK && whole) {
		/* Of what was read, only that it was rejected is still true. */
		ingest->report->rejected += ingest->pending.rejected;
		ingest->pending = (struct ep_ingest_report){ 0 };
		ep_log_abort(EP_TAKE(ingest->write));
		return status;
	}
	/* What stood before a failure is kept, unless it is the log that failed. */
	struct ep_error late;
	enum ep_status committed = EP_OK;
	if (ingest->broken) {
		ep_log_abort(EP_TAKE(ingest->write));
		ingest->pending = (struct ep_ingest_report){ 0 };
		ingest->broken = false;
	} else {
		committed = commit(ingest, &late);
	}
	return committed == EP_OK ? status : ep_fail(err, committed, "%s", late.text);
}

/* A slave's own tracks are no word of the master. */
static enum ep_status
check_sender(const struct ep_ingest *ingest, struct ep_error *err)
{
	const struct ep_packet_header *header = ep_batch_reader_packet(ingest->reader);
	if (!header || header->kind == EP_PACKET_MASTER ||
	    !ep_text_equal(ingest->options->source, ep_text_of("master")))
		return EP_OK;
	return ep_fail(err, EP_BAD_INPUT,
	               "this packet is what the slave %.*s has for its master; master-ingest -s "
	               "takes it",
	               ep_text_print_size(header->name), header->name.at);
}

static void
prepare(struct ep_ingest *ingest)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	ingest->now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	ingest->rejected_here = 0;
	atomic_store(&ingest->stop, false);
}

enum ep_status
ep_ingest_sounds(struct ep_ingest *ingest, const char *const *paths, struct ep_error *err)
{
	prepare(ingest);
	EP_TRY(ep_batch_reader_open_sounds(&ingest->reader, paths, ingest->log,
	                                   ingest->options->stop, err));
	enum ep_status status = settle(ingest, run(ingest, err), err);
	ep_batch_reader_close(EP_TAKE(ingest->reader));
	return status;
}

/* Opens the file, and recognises what it holds. */
static enum ep_status
open_file(struct ep_ingest *ingest, const char *path, struct ep_error *err)
{
	prepare(ingest);
	ingest->unpacked = 0;
	EP_TRY(ep_input_open(&ingest->input, path, ingest->options->stop, &ingest->stop, err));
	struct ep_source source = { .read = read_input, .context = ingest, .stalls = input_stalls };
	bool songs = ingest->options->kind == EP_INGEST_CODEGEN;
	EP_TRY(ep_batch_reader_open(&ingest->reader, source, songs, err));
	return check_sender(ingest, err);
}

static void
close_file(struct ep_ingest *ingest)
{
	ep_batch_reader_close(EP_TAKE(ingest->reader));
	ep_input_close(EP_TAKE(ingest->input));
}

/* Looks at a file that is to be kept in one transaction, so that nobody waits for its decoding. */
static enum ep_status
check_file(struct ep_ingest *ingest, const char *path, struct ep_error *err)
{
	enum ep_status status = open_file(ingest, path, err);
	ingest->checking = true;
	ingest->bad_count = 0;
	if (status == EP_OK)
		status = run(ingest, err);
	ingest->checking = false;
	ingest->checked = status == EP_OK;
	if (status != EP_OK && status != EP_INTERRUPTED && ingest->input)
		ep_error_prefix(err, "%s: ", ep_input_name(ingest->input));
	close_file(ingest);
	return status;
}

enum ep_status
ep_ingest_file(struct ep_ingest *ingest, const char *path, struct ep_error *err)
{
	ingest->checked = false;
	if (ingest->options->before_commit)
		EP_TRY(check_file(ingest, path, err));
	enum ep_status status = open_file(ingest, path, err);
	if (status == EP_OK)
		status = settle(ingest, run(ingest, err), err);
	if (status != EP_OK && status != EP_INTERRUPTED && ingest->input)
		ep_error_prefix(err, "%s: ", ep_input_name(ingest->input));
	close_file(ingest);
	return status;
}

enum ep_status
ep_ingest_open(struct ep_ingest **out, struct ep_log *log, const struct ep_ingest_options *options,
               struct ep_ingest_report *report, struct ep_error *err)
{
	EP_OWNED(ep_ingest_close)
	struct ep_ingest *ingest = calloc(1, sizeof *ingest);
	if (!ingest)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	ingest->log = log;
	ingest->options = options;
	ingest->report = report;
	ingest->shown = ep_clock_s();
	ingest->workers = ep_processors();
	ingest->scratch = calloc(ingest->workers, sizeof *ingest->scratch);
	if (!ingest->scratch)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	for (unsigned i = 0; i < ingest->workers; i++)
		EP_TRY(ep_codes_coder_new(&ingest->scratch[i].coder, EP_CODES_ONSET, err));
	*out = EP_TAKE(ingest);
	return EP_OK;
}

void
ep_ingest_close(struct ep_ingest *ingest)
{
	if (!ingest)
		return;
	ep_log_abort(ingest->write);
	for (unsigned i = 0; ingest->scratch && i < ingest->workers; i++)
		ep_batch_scratch_free(&ingest->scratch[i]);
	free(ingest->scratch);
	free(ingest->parties);
	free(ingest->bad);
	free(ingest);
}
