/* What the original's web service did: queries, and fingerprints one by one. */
#include "net/serve_internal.h"

#include "format/json_text.h"
#include "ingest/ingest.h"
#include "net/form.h"
#include "net/route_query.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A parameter: of the form in the body, else of the URL. */
static enum ep_status
parameter(struct ep_buffer *value, bool *found, const struct ep_http_request *request,
          const char *name, struct ep_error *err)
{
	value->size = 0;
	EP_TRY(ep_form_field(value, found, ep_http_body(request), name, err));
	const char *given = *found ? NULL : ep_http_parameter(request, name);
	*found |= given != NULL;
	if (given)
		EP_TRY(ep_buffer_append(value, given, strlen(given), err));
	/* A line end behind it is of the one who sent it. */
	while (value->size &&
	       (value->data[value->size - 1] == '\n' || value->data[value->size - 1] == '\r'))
		value->size--;
	return EP_OK;
}

/* ---- query ---- */

/* A failure in the form of the answers that programs read here. */
static void
answer_query_failure(struct ep_http_answer *answer, const struct ep_error *err)
{
	ep_answer_failure(answer, err);
	json_t *json = json_pack("{s:b, s:o}", "ok", false, "message",
	                         ep_json_text(ep_text_of(err->text)));
	EP_FREE char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	answer->body.size = 0;
	(void)!ep_buffer_append(&answer->body, text ? text : "{}", text ? strlen(text) : 2, NULL);
	answer->type = "application/json";
}

void
ep_answer_query(struct ep_query_service *queries, struct ep_http_request *request,
                struct ep_http_answer *answer)
{
	EP_BUFFER struct ep_buffer code = { 0 };
	struct ep_error err;
	bool found;
	enum ep_status status = parameter(&code, &found, request, "fp_code", &err);
	if (status == EP_OK && !found)
		status = ep_fail(&err, EP_USAGE, "the parameter fp_code is missing");
	if (status == EP_OK)
		status = ep_query_service_answer(
			queries, &answer->body,
			(struct ep_text){ (const char *)code.data, code.size }, &err);
	if (status == EP_BAD_INPUT)
		err.status = EP_USAGE;
	if (status != EP_OK) {
		answer_query_failure(answer, &err);
		return;
	}
	answer->status = 200;
	answer->type = "application/json";
}

void
ep_route_query(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_serve *serve = context;
	double began = ep_clock_s();
	atomic_fetch_add(&serve->counts.queries, 1);
	ep_answer_query(serve->options.queries, request, answer);
	ep_histogram_observe(&serve->counts.query_time, ep_clock_s() - began);
}

/* ---- ingest ---- */

static bool
set_text(json_t *object, const char *key, const struct ep_buffer *value)
{
	return json_object_set_new(object, key,
	                           json_stringn(value->size ? (const char *)value->data : "",
	                                        value->size)) == 0;
}

/* Makes an object as the code generator writes it of the original's parameters. */
static enum ep_status
object_of_form(json_t **out, const struct ep_http_request *request, struct ep_error *err)
{
	static const char *const texts[][2] = { { "artist", "artist" },
		                                { "release", "release" },
		                                { "track", "title" },
		                                { "codever", "version" } };
	EP_BUFFER struct ep_buffer value = { 0 };
	json_t *metadata = json_object();
	json_t *object = json_pack("{s:o}", "metadata", metadata);
	bool found;
	enum ep_status status = parameter(&value, &found, request, "track_id", err);
	if (status == EP_OK && found && value.size &&
	    !(value.size == 7 && memcmp(value.data, "default", 7) == 0))
		set_text(metadata, "track_id", &value);
	for (size_t i = 0; status == EP_OK && i < sizeof texts / sizeof *texts; i++) {
		status = parameter(&value, &found, request, texts[i][0], err);
		if (status == EP_OK && !found && strcmp(texts[i][0], "codever") == 0)
			status = ep_fail(err, EP_USAGE, "the parameter codever is missing");
		if (status == EP_OK && found && !set_text(metadata, texts[i][1], &value))
			status = ep_fail(err, EP_USAGE, "the parameter %s is not UTF-8",
			                 texts[i][0]);
	}
	if (status == EP_OK)
		status = parameter(&value, &found, request, "length", err);
	if (status == EP_OK && (!found || ep_buffer_append(&value, "", 1, err) != EP_OK))
		status = ep_fail(err, EP_USAGE, "the parameter length is missing");
	if (status == EP_OK)
		json_object_set_new(metadata, "duration",
		                    json_real(atof((const char *)value.data)));
	if (status == EP_OK)
		status = parameter(&value, &found, request, "fp_code", err);
	if (status == EP_OK && (!found || !set_text(object, "code", &value)))
		status = ep_fail(err, EP_USAGE, "the parameter fp_code is missing or invalid");
	if (status != EP_OK) {
		json_decref(object);
		return status;
	}
	*out = object;
	return EP_OK;
}

/* What came of the songs of a request. */
struct result {
	json_t *tracks; /* [id, outcome] of each */
	char first[256]; /* id of the first */
	char reason[160]; /* why the first that was rejected was */
};

static enum ep_status
on_track(void *context, const struct ep_ingest_track *track, struct ep_error *err)
{
	(void)err;
	struct result *result = context;
	if (!result->first[0])
		snprintf(result->first, sizeof result->first, "%.*s", ep_text_print_size(track->id),
		         track->id.at);
	json_array_append_new(result->tracks, json_pack("[s%, s]", track->id.at, track->id.size,
	                                                ep_outcome_name(track->outcome)));
	return EP_OK;
}

static enum ep_status
on_reject(void *context, const struct ep_reject *reject, struct ep_error *err)
{
	(void)err;
	struct result *result = context;
	if (!result->reason[0])
		snprintf(result->reason, sizeof result->reason, "%.159s", reject->reason);
	return EP_OK;
}

static enum ep_status
ingest_songs(struct ep_ingest_report *report, struct result *result, struct ep_serve *serve,
             struct ep_text songs, struct ep_error *err)
{
	struct ep_input_from from = { EP_INPUT_BYTES, .name = "the request",
		                      .bytes = ep_bytes_of_text(songs) };
	struct ep_ingest_options options = {
		.kind = EP_INGEST_CODEGEN,
		.source = ep_text_of("local"),
		.import_date = ep_time_now(),
		.stop = &serve->stop,
		.on_track = on_track,
		.on_reject = on_reject,
		.context = result,
	};
	EP_OWNED(ep_ingest_close)
	struct ep_ingest *ingest = NULL;
	EP_TRY(ep_ingest_open(&ingest, serve->log, &options, report, err));
	return ep_ingest_input(ingest, &from, err);
}

/* Ingests the songs of a request, or the one that its parameters are. */
static enum ep_status
ingest_request(struct ep_ingest_report *report, struct result *result, struct ep_serve *serve,
               const struct ep_http_request *request, struct ep_error *err)
{
	struct ep_text body = ep_http_body(request);
	json_t *object;
	if (body.size && (body.at[0] == '[' || body.at[0] == '{'))
		return ingest_songs(report, result, serve, body, err);
	EP_TRY(object_of_form(&object, request, err));
	EP_FREE char *text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (!text)
		return ep_fail(err, EP_USAGE, "the parameters do not describe a song");
	return ingest_songs(report, result, serve, ep_text_of(text), err);
}

static void
answer_ingest(struct ep_http_answer *answer, const struct ep_ingest_report *report,
              const struct result *result)
{
	if (report->rejected && !result->first[0]) {
		ep_http_say(answer, 400, "rejected: %s", result->reason);
		return;
	}
	json_t *json = json_pack("{s:s, s:s?, s:O, s:I, s:I, s:I}", "status", "ok", "track_id",
	                         result->first[0] ? result->first : NULL, "tracks", result->tracks,
	                         "new", (json_int_t)report->counts.added, "conflict",
	                         (json_int_t)report->counts.conflict, "rejected",
	                         (json_int_t)report->rejected);
	EP_FREE char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (!text || ep_buffer_append(&answer->body, text, strlen(text), NULL) != EP_OK) {
		ep_http_say(answer, 503, "out of memory");
		return;
	}
	answer->status = 200;
	answer->type = "application/json";
}

void
ep_route_ingest(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_serve *serve = context;
	struct result result = { .tracks = json_array() };
	struct ep_ingest_report report = { 0 };
	struct ep_error err = { 0 };
	enum ep_status status = ingest_request(&report, &result, serve, request, &err);
	if (status == EP_BAD_INPUT || status == EP_CORRUPT)
		err.status = EP_USAGE;
	if (status == EP_OK)
		answer_ingest(answer, &report, &result);
	else
		ep_answer_failure(answer, &err);
	atomic_fetch_add(&serve->counts.ingested, json_array_size(result.tracks));
	json_decref(result.tracks);
	ep_publisher_kick(serve->publisher);
}
