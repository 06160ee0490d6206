/* POST /v1/tracks: a track of sound or codes, with its names. */
#include "net/api/api_internal.h"

#include "base/file.h"
#include "base/time.h"
#include "code/codestring.h"
#include "format/json_text.h"
#include "node/put_song.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNIT_S 0.023

/* A text part of a form, such as a name. */
#define PART_MAX ((size_t)16 << 10)

/* A name in the URL. */
#define NAME_MAX_URL 1024

/* What the names of a track are called, in JSON, in the URL and in forms. */
enum { TRACK_ID, ARTIST, RELEASE, TRACK, NAME_COUNT };
static const char *const name_keys[NAME_COUNT] = { "track_id", "artist", "release", "track" };

/* A track that is to be put. */
struct wanted {
	struct ep_api *api;
	const char *names[NAME_COUNT]; /* NULL: not given */
	const char *version; /* of its codes */
	uint64_t length_s;
	struct ep_pairs *pairs;
	const struct ep_sound_info *info; /* of its file; NULL: none */
	struct ep_field fields[EP_FIELDS_MAX];
	size_t field_count;
};

/* ---- putting ---- */

static struct ep_text
name_of(const struct wanted *wanted, int key)
{
	const struct ep_text tags[NAME_COUNT] = {
		[ARTIST] = wanted->info ? wanted->info->artist : (struct ep_text){ 0 },
		[RELEASE] = wanted->info ? wanted->info->release : (struct ep_text){ 0 },
		[TRACK] = wanted->info ? wanted->info->title : (struct ep_text){ 0 },
	};
	return wanted->names[key] ? ep_text_of(wanted->names[key]) : tags[key];
}

static const char *
outcome_of(const struct ep_put_counts *counts)
{
	return counts->conflict  ? "conflict"
	       : counts->updated ? "updated"
	       : counts->added   ? "new"
	                         : "unchanged";
}

static void
answer_put(struct ep_http_answer *answer, const char *id, const struct ep_put_counts *counts)
{
	uint64_t documents = counts->added + counts->updated + counts->unchanged;
	unsigned status = counts->conflict ? 409 : counts->added && !counts->updated ? 201 : 200;
	if (status == 409)
		ep_api_refuse(answer, 409, "set_aside",
		              "track %s is of another source: this version was set aside, see "
		              "/v1/conflicts",
		              id);
	else
		ep_api_answer(answer, status,
		              json_pack("{s:o, s:s, s:I}", "track_id", ep_json_text(ep_text_of(id)),
		                        "outcome", outcome_of(counts), "documents",
		                        (json_int_t)documents));
}

/* What the names and codes make. */
static void
fill_song(struct ep_codegen_song *song, const struct wanted *wanted)
{
	*song = (struct ep_codegen_song){
		.track_id = name_of(wanted, TRACK_ID),
		.artist = name_of(wanted, ARTIST),
		.release = name_of(wanted, RELEASE),
		.title = name_of(wanted, TRACK),
		.duration_s = (uint32_t)wanted->length_s,
	};
	strncpy(song->version, wanted->version, sizeof song->version - 1);
	for (size_t i = 0; i < wanted->field_count; i++) {
		song->fields[i].key = wanted->fields[i].key;
		song->fields[i].value = wanted->fields[i].value;
	}
	song->field_count = wanted->field_count;
}

static void
put(const struct wanted *wanted, struct ep_http_answer *answer)
{
	struct ep_put_songs_options options = { .import_date = ep_time_now() };
	struct ep_put_counts counts = { 0 };
	struct ep_song_to_put song = { .pairs = *wanted->pairs };
	struct ep_error err;
	fill_song(&song.song, wanted);
	pthread_mutex_lock(&wanted->api->writing);
	enum ep_status status = ep_put_songs(&counts, wanted->api->log, &song, 1, &options, &err);
	pthread_mutex_unlock(&wanted->api->writing);
	if (status == EP_OK && song.id[0])
		answer_put(answer, song.id, &counts);
	else if (status == EP_OK)
		ep_api_refuse(answer, 422, "no_codes", "there are no codes in it");
	else if (status == EP_BAD_INPUT)
		ep_api_refuse(answer, 422, "not_a_track", "%s", err.text);
	else
		ep_api_fail(answer, &err);
}

/* ---- sound ---- */

static void
put_recording(const struct wanted *given, struct ep_audio *audio, const char *path,
              struct ep_http_answer *answer)
{
	EP_RECORDING struct ep_recording recording = { 0 };
	struct ep_sound_options options = { .stop = given->api->options.stop };
	struct ep_error err;
	enum ep_status status = ep_audio_read(&recording, audio, path, &options, &err);
	struct wanted wanted = *given;
	wanted.version = EP_GENERATOR_VERSION;
	wanted.length_s = ep_recording_length(&recording);
	wanted.pairs = &recording.pairs;
	wanted.info = &recording.info;
	if (status == EP_OK)
		put(&wanted, answer);
	else if (status == EP_BAD_INPUT || status == EP_NOT_FOUND)
		ep_api_refuse(answer, 422, "undecodable", "%s", err.text);
	else
		ep_api_fail(answer, &err);
}

static void
put_sound(const struct wanted *wanted, const char *path, struct ep_http_answer *answer)
{
	struct ep_audio *audio = NULL;
	struct ep_error err;
	if (ep_api_take_audio(&audio, wanted->api, &err) != EP_OK) {
		ep_api_fail(answer, &err);
		return;
	}
	put_recording(wanted, audio, path, answer);
	ep_api_give_audio(wanted->api, audio);
}

/* ---- the kinds of bodies ---- */

static void
put_body(struct wanted *wanted, const struct ep_http_request *request,
         struct ep_http_answer *answer)
{
	EP_FREE char *path = NULL;
	bool made = false;
	struct ep_error err;
	for (int i = 0; i < NAME_COUNT; i++) {
		if (!ep_api_text(&wanted->names[i], request, name_keys[i], NAME_MAX_URL, answer))
			return;
	}
	if (ep_api_sound_file(&path, &made, request, &err) == EP_OK)
		put_sound(wanted, path, answer);
	else if (err.status == EP_BAD_INPUT)
		ep_api_refuse(answer, 422, "undecodable", "%s", err.text);
	else
		ep_api_fail(answer, &err);
	if (made)
		(void)unlink(path);
}

/* Takes a text part of a form. False: it is refused. */
static bool
take_name(struct wanted *wanted, struct ep_buffer *text, const struct ep_http_part *part,
          struct ep_http_answer *answer)
{
	int key = 0;
	while (key < NAME_COUNT && strcmp(part->name, name_keys[key]) != 0)
		key++;
	bool good = key < NAME_COUNT && ep_read_file(text, part->path, PART_MAX, NULL) == EP_OK &&
	            ep_text_is_utf8(ep_buffer_text(text)) &&
	            !(text->size && memchr(text->data, 0, text->size)) &&
	            ep_buffer_append(text, "", 1, NULL) == EP_OK;
	if (good)
		wanted->names[key] = (const char *)text->data;
	else
		ep_api_refuse(answer, 400, "bad_request",
		              "the parts must be one \"file\", and \"track_id\", \"artist\", "
		              "\"release\" and \"track\" with short texts");
	return good;
}

static void
put_form(struct wanted *wanted, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_http_parts parts = { 0 };
	struct ep_buffer texts[EP_HTTP_PARTS_MAX] = { 0 };
	const char *file = NULL;
	struct ep_error err;
	bool good = ep_http_split(&parts, request, &err) == EP_OK;
	if (!good && err.status != EP_BAD_INPUT)
		ep_api_fail(answer, &err);
	else if (!good)
		ep_api_refuse(answer, 400, "bad_request", "%s", err.text);
	for (size_t i = 0; i < parts.count && good; i++) {
		if (!file && ep_api_is_file(&parts.items[i]))
			file = parts.items[i].path;
		else
			good = take_name(wanted, &texts[i], &parts.items[i], answer);
	}
	if (good && file)
		put_sound(wanted, file, answer);
	else if (good)
		ep_api_refuse(answer, 400, "bad_request", "the body has no part named \"file\"");
	for (size_t i = 0; i < parts.count; i++)
		ep_buffer_free(&texts[i]);
	ep_http_parts_free(&parts);
}

/* The whole seconds of codes. */
static uint64_t
length_of(const struct ep_pairs *pairs)
{
	uint32_t last = 0;
	for (size_t i = 0; i < pairs->count; i++)
		last = pairs->items[i].time > last ? pairs->items[i].time : last;
	return (uint64_t)((double)last * UNIT_S);
}

static void
put_codes(struct ep_api *api, json_t *body, struct ep_http_answer *answer)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	struct wanted wanted = { .api = api };
	const char *codes = NULL;
	size_t size = 0;
	double length = -1;
	json_t *fields = NULL;
	struct ep_error err;
	wanted.version = EP_GENERATOR_VERSION;
	if (!ep_api_unpack(body, answer, "{s:s%, s?s, s?s, s?s, s?s, s?s, s?F, s?o}", "codes",
	                   &codes, &size, "track_id", &wanted.names[TRACK_ID], "artist",
	                   &wanted.names[ARTIST], "release", &wanted.names[RELEASE], "track",
	                   &wanted.names[TRACK], "codever", &wanted.version, "length_s", &length,
	                   "fields", &fields))
		return;
	if (fields && !ep_api_fields(wanted.fields, &wanted.field_count, fields, answer))
		return;
	/* A number of JSON is whole where 5.0 is written, too. */
	if (length < -1 || length > INT32_MAX || floor(length) != length) {
		ep_api_refuse(answer, 400, "bad_request", "length_s must be from 0 to %d",
		              INT32_MAX);
		return;
	}
	/* Bytes, of which the description cannot speak. */
	if (strlen(wanted.version) > EP_CODEGEN_VERSION_MAX) {
		ep_api_refuse(answer, 422, "not_a_track", "codever has more than %zu bytes",
		              EP_CODEGEN_VERSION_MAX);
		return;
	}
	enum ep_status status = ep_codestring_decode(&pairs, (struct ep_text){ codes, size }, &err);
	wanted.length_s = length >= 0 ? (uint64_t)length : length_of(&pairs);
	wanted.pairs = &pairs;
	if (status == EP_OK)
		put(&wanted, answer);
	else if (status == EP_BAD_INPUT)
		ep_api_refuse(answer, 422, "undecodable", "%s", err.text);
	else
		ep_api_fail(answer, &err);
}

void
ep_api_put_track(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct wanted wanted = { .api = context };
	if (ep_api_is_sound(request)) {
		put_body(&wanted, request, answer);
	} else if (ep_api_is_type(request, "application/json")) {
		json_t *body = ep_api_json(request, answer);
		if (body)
			put_codes(context, body, answer);
		json_decref(body);
	} else {
		put_form(&wanted, request, answer);
	}
}
