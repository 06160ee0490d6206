#include "node/ask.h"

#include "base/pipeline.h"
#include "base/time.h"
#include "code/codestring.h"
#include "format/codegen_json.h"
#include "match/original.h"
#include "match/speeds.h"
#include "node/answer.h"
#include "node/query_sound.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Questions of a job: few, so that answers come soon; with the original's rule many, as each job
 * reads the whole log. */
#define JOB_ITEMS 64
#define ORIGINAL_JOB_ITEMS 1024

/* A job ends with the question in which it passes so many bytes; what is larger is not kept. */
#define JOB_BYTES ((size_t)1 << 20)
#define KEPT_BYTES ((size_t)64 << 10)

/* Pairs of a question, in order of time, that are kept: of music that is ten minutes. */
#define KEPT_PAIRS ((size_t)16384)

_Static_assert(EP_SPEED_OWN *EP_ASK_SPEED_DEFAULT == EP_SPEED_USUAL * 100 &&
                       EP_SPEED_OWN * EP_ASK_SPEED_MOST == EP_SPEED_MOST * 100,
               "per cent here are thousandths in the matcher");

struct job {
	struct ep_asked *items; /* job_items of them */
	size_t count;
};

struct worker {
	struct ep_matcher *matcher;
	struct ep_engine engine; /* where the session has engines */
	struct ep_log_read *read; /* for the original's rule */
	struct ep_audio *audio; /* NULL until there is sound to be read */
};

struct session {
	const struct ep_ask_options *options;
	struct ep_node *node;
	struct ep_query_input *input;
	struct worker *workers;
	unsigned worker_count;
	size_t job_items;
};

static void say(const struct session *session, const char *fmt, ...) EP_PRINTF(2, 3);

static void
say(const struct session *session, const char *fmt, ...)
{
	char line[2048];
	va_list args;
	va_start(args, fmt);
	vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	session->options->on_line(session->options->context, line);
}

/* ---- asking ---- */

static enum ep_status
produce(void *context, void *made, bool *end, struct ep_error *err)
{
	struct session *session = context;
	struct job *job = made;
	size_t bytes = 0;
	job->count = 0;
	while (job->count < session->job_items && bytes < JOB_BYTES) {
		struct ep_question *question = &job->items[job->count].question;
		if (job->count && ep_query_input_stalls(session->input))
			break;
		if (question->bytes.capacity > KEPT_BYTES)
			ep_buffer_free(&question->bytes);
		enum ep_status status = ep_query_input_next(question, session->input, err);
		if (status == EP_NOT_FOUND)
			break;
		EP_TRY(status);
		bytes += question->bytes.size;
		job->count++;
		/* What takes long goes to another core than what comes next. */
		if (question->is_sound && !session->options->original)
			break;
	}
	*end = job->count == 0;
	return EP_OK;
}

/* Keeps of many pairs, more than any music has in the minute that counts, the first ones. */
static enum ep_status
keep_first(struct ep_pairs *pairs, struct ep_error *err)
{
	if (pairs->capacity <= KEPT_PAIRS)
		return EP_OK;
	EP_PAIRS struct ep_pairs all = *pairs;
	*pairs = (struct ep_pairs){ 0 };
	EP_TRY(ep_pairs_sort(all.items, all.count, err));
	size_t count = all.count < KEPT_PAIRS ? all.count : KEPT_PAIRS;
	EP_TRY(ep_pairs_reserve(pairs, count, err));
	if (count)
		memcpy(pairs->items, all.items, count * sizeof *pairs->items);
	pairs->count = count;
	return EP_OK;
}

/* Makes the codes of a question that is sound; a file that cannot be decoded is said, and has none.
 */
static enum ep_status
decode_sound(const struct session *session, struct ep_asked *item, struct worker *worker,
             struct ep_error *err)
{
	struct ep_error why = { 0 };
	const char *path = (const char *)item->question.bytes.data;
	enum ep_status status =
		ep_query_sound(&item->pairs, &worker->audio, path, session->options->stop, &why);
	item->undecoded = status == EP_BAD_INPUT || status == EP_NOT_FOUND;
	if (item->undecoded)
		say(session, "%s: %s", path, why.text);
	else if (status != EP_OK)
		return ep_fail(err, status, "%s: %s", path, why.text);
	return keep_first(&item->pairs, err);
}

/* Unpacks the code string of a question; one that cannot be read is said, and has no pairs. */
static enum ep_status
decode_codes(const struct session *session, struct ep_asked *item, struct ep_error *err)
{
	const struct ep_question *question = &item->question;
	struct ep_text text = { (const char *)question->bytes.data, question->bytes.size };
	struct ep_codegen_song song = { 0 };
	enum ep_status status = EP_OK;
	item->pairs.count = 0;
	if (question->is_too_long)
		status = ep_fail(err, EP_BAD_INPUT, "it is longer than %zu bytes", EP_QUESTION_MAX);
	else if (question->is_object)
		status = ep_codegen_parse_code(&song, text, err);
	if (question->is_object)
		text = song.code;
	if (status == EP_OK)
		status = ep_codestring_decode(&item->pairs, text, err);
	ep_codegen_song_free(&song);
	item->undecoded = status == EP_BAD_INPUT;
	if (status == EP_OK)
		return keep_first(&item->pairs, err);
	if (!item->undecoded)
		return status;
	ep_pairs_free(&item->pairs);
	say(session, "%s cannot be read as a code string: %s", question->name, err->text);
	return EP_OK;
}

/* Copies the texts of an answer, so that they outlive the next match. */
static enum ep_status
keep_texts(struct ep_asked *item, struct ep_error *err)
{
	struct ep_text *texts[] = { &item->answer.track_id, &item->answer.artist,
		                    &item->answer.release, &item->answer.track,
		                    &item->answer.fields };
	item->texts.size = 0;
	for (int i = 0; i < 5; i++)
		EP_TRY(ep_buffer_append(&item->texts, texts[i]->at, texts[i]->size, err));
	const char *at = (const char *)item->texts.data;
	for (int i = 0; i < 5; i++) {
		texts[i]->at = at;
		at = at ? at + texts[i]->size : NULL;
	}
	return EP_OK;
}

static enum ep_status
decode(const struct session *session, struct ep_asked *item, struct worker *worker,
       struct ep_error *err)
{
	return item->question.is_sound ? decode_sound(session, item, worker, err)
	                               : decode_codes(session, item, err);
}

static enum ep_status
match(struct ep_asked *item, const struct session *session, struct worker *worker,
      const struct ep_match_speeds *speeds, struct ep_error *err)
{
	return session->options->engines
	               ? ep_match_by(&item->answer, worker->matcher, &worker->engine, &item->pairs,
	                             speeds, err)
	               : ep_match(&item->answer, worker->matcher, ep_node_index(session->node),
	                          &item->pairs, speeds, err);
}

static enum ep_status
answer_by_evidence(const struct session *session, struct job *job, struct worker *worker,
                   struct ep_error *err)
{
	const struct ep_match_speeds speeds =
		ep_match_speeds_within(session->options->speed_percent);
	for (size_t i = 0; i < job->count; i++) {
		struct ep_asked *item = &job->items[i];
		double began = ep_clock_s();
		EP_TRY(decode(session, item, worker, err));
		EP_TRY(match(item, session, worker, &speeds, err));
		EP_TRY(keep_texts(item, err));
		item->ms = (ep_clock_s() - began) * 1000;
	}
	return EP_OK;
}

static enum ep_status
name_original(struct ep_asked *item, const struct worker *worker, uint64_t position,
              struct ep_error *err)
{
	struct ep_entry entry;
	EP_TRY(ep_log_entry_at(&entry, worker->read, position, err));
	return ep_match_name(&item->answer, worker->matcher, &entry, err);
}

static enum ep_status
answer_as_original(const struct session *session, struct job *job, struct worker *worker,
                   struct ep_error *err)
{
	double began = ep_clock_s();
	EP_FREE struct ep_original_answer *answers = calloc(job->count, sizeof *answers);
	EP_FREE struct ep_pairs *queries = calloc(job->count, sizeof *queries);
	if (!answers || !queries)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu queries", job->count);
	for (size_t i = 0; i < job->count; i++) {
		EP_TRY(decode(session, &job->items[i], worker, err));
		queries[i] = job->items[i].pairs;
	}
	EP_TRY(ep_original_match(answers, queries, job->count, EP_ORIGINAL_ELBOW, worker->read,
	                         session->options->stop, err));
	for (size_t i = 0; i < job->count; i++) {
		struct ep_asked *item = &job->items[i];
		item->answer = (struct ep_answer){ .match = answers[i].match,
			                           .type = answers[i].type,
			                           .score = (int)answers[i].score };
		if (answers[i].match)
			EP_TRY(name_original(item, worker, answers[i].position, err));
		EP_TRY(keep_texts(item, err));
		item->ms = (ep_clock_s() - began) * 1000 / (double)job->count;
	}
	return EP_OK;
}

static enum ep_status
work(void *context, void *made, unsigned number, struct ep_error *err)
{
	const struct session *session = context;
	struct worker *worker = &session->workers[number];
	/* By the first question that it is given: a single one takes but one worker. */
	const struct ep_engines *engines = session->options->engines;
	if (engines && !worker->matcher)
		EP_TRY(engines->make(engines->context, &worker->engine, err));
	if (!worker->matcher)
		EP_TRY(ep_matcher_new(&worker->matcher, err));
	return session->options->original ? answer_as_original(session, made, worker, err)
	                                  : answer_by_evidence(session, made, worker, err);
}

static enum ep_status
consume(void *context, void *made, struct ep_error *err)
{
	const struct session *session = context;
	const struct job *job = made;
	return session->options->on_answers(session->options->context, job->items, job->count, err);
}

/* ---- the whole ---- */

static enum ep_status
open_all(struct session *session, struct ep_error *err)
{
	const struct ep_ask_options *options = session->options;
	EP_TRY(ep_query_input_open(&session->input, options->questions, options->count,
	                           options->stop, err));
	if (!options->original && !options->engines)
		EP_TRY(ep_node_open_index(session->node, err));
	session->worker_count = ep_processors();
	session->workers = calloc(session->worker_count, sizeof *session->workers);
	if (!session->workers)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for queries");
	for (unsigned i = 0; i < session->worker_count; i++) {
		if (options->original)
			EP_TRY(ep_log_read_begin(&session->workers[i].read,
			                         ep_node_log(session->node), err));
	}
	return EP_OK;
}

static void
close_all(struct session *session)
{
	for (unsigned i = 0; session->workers && i < session->worker_count; i++) {
		ep_matcher_free(session->workers[i].matcher);
		if (session->options->engines)
			session->options->engines->free(&session->workers[i].engine);
		ep_log_read_end(session->workers[i].read);
		ep_audio_close(session->workers[i].audio);
	}
	free(session->workers);
	ep_query_input_close(session->input);
}

static void
free_jobs(struct job *jobs, size_t count, size_t job_items)
{
	for (size_t i = 0; jobs && i < count; i++) {
		for (size_t j = 0; jobs[i].items && j < job_items; j++) {
			ep_buffer_free(&jobs[i].items[j].question.bytes);
			ep_buffer_free(&jobs[i].items[j].texts);
			ep_pairs_free(&jobs[i].items[j].pairs);
		}
		free(jobs[i].items);
	}
	free(jobs);
}

static enum ep_status
answer_all(struct session *session, struct ep_error *err)
{
	size_t job_count = EP_PIPELINE_JOBS(session->worker_count);
	struct job *jobs = calloc(job_count, sizeof *jobs);
	bool room = jobs != NULL;
	for (size_t i = 0; room && i < job_count; i++) {
		jobs[i].items = calloc(session->job_items, sizeof *jobs[i].items);
		room = jobs[i].items != NULL;
	}
	struct ep_pipeline pipeline = {
		.produce = produce,
		.work = work,
		.consume = consume,
		.context = session,
		.jobs = jobs,
		.job_size = sizeof *jobs,
		.job_count = job_count,
		.worker_count = session->worker_count,
	};
	enum ep_status status = room ? ep_pipeline_run(&pipeline, err)
	                             : ep_fail(err, EP_NO_MEMORY, "out of memory for queries");
	free_jobs(jobs, job_count, session->job_items);
	return status;
}

enum ep_status
ep_ask(struct ep_node *node, const struct ep_ask_options *options, struct ep_error *err)
{
	struct session session = { .options = options, .node = node };
	session.job_items = options->original ? ORIGINAL_JOB_ITEMS : JOB_ITEMS;
	enum ep_status status = open_all(&session, err);
	if (status == EP_OK)
		status = answer_all(&session, err);
	close_all(&session);
	return status;
}

/* ---- as JSON ---- */

json_t *
ep_asked_json(const struct ep_asked *item, bool original)
{
	const struct ep_buffer *bytes = &item->question.bytes;
	struct ep_text query = { (const char *)bytes->data, bytes->size };
	if (item->question.is_sound)
		query = ep_text_of((const char *)bytes->data);
	struct ep_codegen_song song = { 0 };
	if (item->question.is_object)
		query = ep_codegen_parse_code(&song, query, NULL) == EP_OK ? song.code
		                                                           : ep_text_of("");
	json_t *json = ep_answer_json(query, &item->answer, item->undecoded, item->ms, original);
	ep_codegen_song_free(&song);
	return json;
}
