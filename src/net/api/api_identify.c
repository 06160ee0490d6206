/* POST /v1/identify: which tracks sound, samples or codes are from. */
#include "net/api/api_internal.h"

#include "base/time.h"
#include "code/codestring.h"
#include "format/json_text.h"
#include "node/answer.h"
#include "node/fields_json.h"
#include "node/query_sound.h"
#include "node/track_onsets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of a file without codes, such as one that is silent, so much is decoded. */
#define MOST_S 600

/* Code strings of a request. */
#define CODES_MAX 100

/* A question, and how long its parts took. */
struct question {
	struct ep_api *api;
	bool explain; /* the onsets and the evidence, too */
	json_t *onsets;
	struct ep_pairs pairs;
	struct ep_answer answer;
	struct ep_arena texts; /* of the answer */
	double decode_ms;
	double search_ms;
	struct ep_error why; /* of a failure */
};

static void
question_done(struct question *question)
{
	json_decref(question->onsets);
	ep_pairs_free(&question->pairs);
	ep_arena_free(&question->texts);
}
#define QUESTION __attribute__((cleanup(question_done)))

/* ---- asking ---- */

static enum ep_status
search(struct question *question)
{
	if (question->explain)
		EP_TRY(ep_query_onsets(&question->onsets, &question->pairs, &question->why));
	double began = ep_clock_s();
	enum ep_status status = ep_query_service_match(
		&question->answer, question->api->options.queries, &question->texts,
		&question->pairs, &ep_match_speeds_default, &question->why);
	question->search_ms = (ep_clock_s() - began) * 1000;
	/* The index is being made. */
	if (status == EP_NOT_FOUND)
		status = question->why.status = EP_INTERRUPTED;
	return status;
}

static enum ep_status
ask_sound(struct question *question, const char *path)
{
	struct ep_api *api = question->api;
	struct ep_error *err = &question->why;
	struct ep_audio *audio = NULL;
	struct ep_query_file file = { .path = path, .most_s = MOST_S, .stop = api->options.stop };
	double began = ep_clock_s();
	EP_TRY(ep_api_take_audio(&audio, api, err));
	enum ep_status status = ep_query_file(&question->pairs, &audio, &file, err);
	ep_api_give_audio(api, audio);
	question->decode_ms = (ep_clock_s() - began) * 1000;
	/* A file without sound is as undecodable as one that is damaged. */
	if (status == EP_NOT_FOUND)
		status = err->status = EP_BAD_INPUT;
	EP_TRY(status);
	return search(question);
}

static enum ep_status
ask_codes(struct question *question, const json_t *codes)
{
	struct ep_text text = { json_string_value(codes), json_string_length(codes) };
	double began = ep_clock_s();
	EP_TRY(ep_codestring_decode(&question->pairs, text, &question->why));
	question->decode_ms = (ep_clock_s() - began) * 1000;
	return search(question);
}

/* ---- answering ---- */

/* The source of a track, as this node sees it; empty where it has gone since. */
static void
find_source(char name[EP_SOURCE_NAME_MAX + 1], struct ep_log *log, struct ep_text id)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_FREE struct ep_source_info *sources = NULL;
	struct ep_entry entry;
	size_t count = 0;
	name[0] = '\0';
	if (ep_log_read_begin(&read, log, NULL) != EP_OK ||
	    ep_log_find(&entry, read, id, NULL) != EP_OK ||
	    ep_log_sources(&sources, &count, read, NULL) != EP_OK)
		return;
	snprintf(name, EP_SOURCE_NAME_MAX + 1, "%s",
	         ep_source_name(sources, count, entry.source, ""));
}

static json_t *
match_json(const struct question *question)
{
	const struct ep_answer *answer = &question->answer;
	char source[EP_SOURCE_NAME_MAX + 1];
	find_source(source, question->api->log, answer->track_id);
	double probability = floor(ep_rule_probability(answer->score) * 1e4) / 1e4;
	json_t *json = json_pack("{s:o, s:i, s:f, s:f, s:f, s:o, s:o, s:o, s:s}", "track_id",
	                         ep_json_text(answer->track_id), "score", answer->score,
	                         "probability", probability, "offset_s", answer->offset_s, "speed",
	                         answer->speed, "artist", ep_json_text(answer->artist), "release",
	                         ep_json_text(answer->release), "track",
	                         ep_json_text(answer->track), "source", source);
	if (json && answer->fields.size)
		json_object_set_new(json, "fields", ep_fields_json_of(answer->fields));
	return json;
}

/* The best track of another song by its names; null where there is none, or it has gone since. */
static json_t *
runner_up_json(struct question *question)
{
	struct ep_answer second = { 0 };
	uint64_t position = question->answer.second_position;
	if (!position || ep_query_service_name(&second, question->api->options.queries,
	                                       &question->texts, position, NULL) != EP_OK)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o}", "track_id", ep_json_text(second.track_id),
	                 "artist", ep_json_text(second.artist), "release",
	                 ep_json_text(second.release), "track", ep_json_text(second.track));
}

/* Adds what a picture of the answer is made of. NULL: no memory. */
static json_t *
explain(json_t *json, struct question *question)
{
	if (json_object_set(json, "onsets", question->onsets) == 0 &&
	    json_object_set_new(json, "runner_up", runner_up_json(question)) == 0 &&
	    json_object_set_new(json, "evidence", ep_evidence_json(&question->answer.comparison)) ==
	            0)
		return json;
	json_decref(json);
	return NULL;
}

/* name: of the file; NULL: it has none. */
static json_t *
result_json(struct question *question, bool failed, const char *name)
{
	const struct ep_answer *answer = &question->answer;
	json_t *matches = json_array();
	if (!failed && answer->match)
		json_array_append_new(matches, match_json(question));
	json_t *error = failed ? json_pack("{s:s, s:o}", "code", "undecodable", "message",
	                                   ep_json_text(ep_text_of(question->why.text)))
	                       : json_null();
	json_t *json = json_pack(
		"{s:o, s:o, s:{s:I, s:I, s:I}, s:{s:f, s:f}, s:o}", "name",
		name && *name ? ep_json_text(ep_text_of(name)) : json_null(), "matches", matches,
		"read", "lists", (json_int_t)answer->read.lists, "hits",
		(json_int_t)answer->read.hits, "tracks", (json_int_t)answer->read.tracks, "ms",
		"decode", question->decode_ms, "search", question->search_ms, "error", error);
	return json && !failed && question->explain ? explain(json, question) : json;
}

/* Adds what became of a question. False: nothing can be answered, as what failed is the node's; or,
 * of a question that stands alone, as it cannot be decoded. */
static bool
add_result(json_t *results, struct question *question, enum ep_status status, const char *name,
           bool alone, struct ep_http_answer *answer)
{
	bool undecoded = status == EP_BAD_INPUT;
	atomic_fetch_add(&question->api->identify_count, 1);
	if (status != EP_OK && (alone || !undecoded)) {
		if (undecoded)
			ep_api_refuse(answer, 422, "undecodable", "%s", question->why.text);
		else
			ep_api_fail(answer, &question->why);
		return false;
	}
	return json_array_append_new(results, result_json(question, undecoded, name)) == 0;
}

static bool
identify_codes(json_t *results, const struct question *start, const struct ep_http_request *request,
               struct ep_http_answer *answer)
{
	json_t *body = ep_api_json(request, answer);
	json_t *codes;
	bool good = body && ep_api_unpack(body, answer, "{s:o}", "codes", &codes);
	bool alone = good && json_is_string(codes);
	size_t count = alone ? 1 : good ? json_array_size(codes) : 0;
	for (size_t i = 0; i < count && good; i++) {
		const json_t *one = alone ? codes : json_array_get(codes, i);
		good = json_is_string(one) && count <= CODES_MAX;
	}
	if (body && (!good || count == 0) && !answer->status) {
		ep_api_refuse(answer, 400, "bad_request",
		              "\"codes\" must be a code string, or a list of 1 to %d of them",
		              CODES_MAX);
		good = false;
	}
	for (size_t i = 0; i < count && good; i++) {
		QUESTION struct question question = *start;
		enum ep_status status =
			ask_codes(&question, alone ? codes : json_array_get(codes, i));
		good = add_result(results, &question, status, NULL, alone, answer);
	}
	json_decref(body);
	return good && count > 0;
}

static bool
identify_file(json_t *results, const struct question *start, const struct ep_http_request *request,
              struct ep_http_answer *answer)
{
	QUESTION struct question question = *start;
	EP_FREE char *path = NULL;
	bool made = false;
	enum ep_status status = ep_api_sound_file(&path, &made, request, &question.why);
	if (status == EP_OK)
		status = ask_sound(&question, path);
	if (made)
		(void)unlink(path);
	return add_result(results, &question, status, NULL, true, answer);
}

static bool
identify_parts(json_t *results, const struct question *start, struct ep_http_request *request,
               struct ep_http_answer *answer)
{
	struct ep_http_parts parts = { 0 };
	struct ep_error err;
	bool good = ep_http_split(&parts, request, &err) == EP_OK;
	if (!good && err.status == EP_BAD_INPUT)
		ep_api_refuse(answer, 400, "bad_request", "%s", err.text);
	else if (!good)
		ep_api_fail(answer, &err);
	else if (parts.count == 0)
		ep_api_refuse(answer, 400, "bad_request", "the body has no parts named \"file\"");
	for (size_t i = 0; i < parts.count && good; i++) {
		QUESTION struct question question = *start;
		const struct ep_http_part *part = &parts.items[i];
		good = ep_api_is_file(part);
		if (good)
			good = add_result(results, &question, ask_sound(&question, part->path),
			                  part->file_name, false, answer);
		else
			ep_api_refuse(answer, 400, "bad_request",
			              "the parts must be files, and be named \"file\"");
	}
	ep_http_parts_free(&parts);
	return good && !answer->status;
}

void
ep_api_identify(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_api *api = context;
	struct question start = { .api = api };
	double began = ep_clock_s();
	if (!ep_api_flag(&start.explain, request, "explain", answer))
		return;
	json_t *results = json_array();
	bool good = ep_api_is_type(request, "application/json")
	                    ? identify_codes(results, &start, request, answer)
	            : ep_api_is_sound(request) ? identify_file(results, &start, request, answer)
	                                       : identify_parts(results, &start, request, answer);
	double seconds = ep_clock_s() - began;
	ep_histogram_observe(&api->identify_time, seconds);
	if (good)
		ep_api_answer(answer, 200,
		              json_pack("{s:O, s:f}", "results", results, "ms", seconds * 1000));
	else if (!answer->status)
		ep_api_refuse(answer, 503, "busy", "out of memory");
	json_decref(results);
}
