/* /v1/tracks: the catalogue, one track, its onsets, and changes of it. */
#include "net/api/api_internal.h"

#include "format/json_text.h"
#include "node/by_hand.h"
#include "node/edit.h"
#include "node/track_json.h"
#include "node/track_onsets.h"
#include "node/track_view.h"
#include "node/tracks.h"

#include <stdlib.h>
#include <string.h>

#define FRONT "/v1/tracks/"

/* ---- the list ---- */

struct page {
	json_t *tracks;
	char last[EP_TRACKS_PLACE_TEXT];
};

static enum ep_status
on_track(void *context, const struct ep_track_row *row, struct ep_error *err)
{
	struct page *page = context;
	memcpy(page->last, row->place, sizeof page->last);
	return ep_json_add(page->tracks, ep_track_row_json(row), "a page of tracks", err);
}

static void
list(struct ep_api *api, struct ep_tracks_query *query, struct ep_http_answer *answer)
{
	struct page page = { .tracks = json_array() };
	struct ep_error err;
	bool more = false;
	bool late = false;
	query->late = &late;
	enum ep_status status =
		ep_tracks_each(&more, api->log, api->catalogue, query, on_track, &page, &err);
	if (late)
		ep_query_service_want_catalogue(api->options.queries);
	if (status == EP_OK)
		ep_api_answer(answer, 200,
		              json_pack("{s:O, s:s?}", "tracks", page.tracks, "next",
		                        more ? page.last : NULL));
	else if (status == EP_BAD_INPUT)
		ep_api_refuse(answer, 400, "bad_request", "%s", err.text);
	else if (status == EP_NOT_FOUND && late)
		ep_api_refuse(answer, 503, "busy", "%s", err.text);
	else
		ep_api_fail(answer, &err);
	json_decref(page.tracks);
}

void
ep_api_list_tracks(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_tracks_query query = { .limit = EP_API_PAGE };
	const char *text;
	if (!ep_api_text(&text, request, "q", 1024, answer) ||
	    !ep_api_text(&query.source, request, "source", EP_SOURCE_NAME_MAX, answer) ||
	    !ep_api_text(&query.after, request, "after", 32, answer) ||
	    !ep_api_number(&query.limit, request, "limit", 1, EP_API_PAGE_MAX, answer) ||
	    !ep_api_number(&query.since, request, "since", 0, INT64_MAX, answer))
		return;
	query.text = text ? ep_text_of(text) : (struct ep_text){ 0 };
	list(context, &query, answer);
}

/* ---- one track ---- */

/* Adds the names of the first document, and takes the codes of all away where nobody asks for them.
 */
static void
arrange(json_t *track, bool codes)
{
	static const char *const keys[] = { "artist", "release", "track", "length" };
	json_t *documents = json_object_get(track, "documents");
	const json_t *first = json_array_get(documents, 0);
	size_t index;
	json_t *document;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		json_object_set(track, keys[i], json_object_get(first, keys[i]));
	json_array_foreach(documents, index, document)
	{
		if (!codes)
			json_object_del(document, "codes");
	}
}

static void
answer_track(struct ep_api *api, struct ep_text id, bool codes, struct ep_http_answer *answer)
{
	EP_TRACK_VIEW struct ep_track_view view = { 0 };
	struct ep_error err;
	json_t *json = NULL;
	enum ep_status found = ep_track_view_open(&view, api->log, id, &err);
	if (found == EP_OK && view.suffix.size)
		found = ep_fail(&err, EP_NOT_FOUND, "the id names a document, not a track");
	if (found == EP_OK)
		found = ep_track_json(&json, &view, &err);
	if (found != EP_OK) {
		ep_api_fail(answer, &err);
		return;
	}
	arrange(json, codes);
	ep_api_answer(answer, 200, json);
}

void
ep_api_get_track(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_text id;
	bool codes = false;
	if (ep_api_id(&id, request, FRONT, answer) && ep_api_flag(&codes, request, "codes", answer))
		answer_track(context, id, codes, answer);
}

void
ep_api_get_onsets(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_api *api = context;
	struct ep_text id;
	struct ep_error err;
	json_t *json;
	if (!ep_api_id(&id, request, FRONT, answer))
		return;
	id.size -= strlen("/onsets");
	if (ep_track_onsets(&json, api->log, id, &err) == EP_OK)
		ep_api_answer(answer, 200, json);
	else
		ep_api_fail(answer, &err);
}

/* ---- changes ---- */

/* Reads what is to be new; false: it is refused. */
static bool
read_edit(struct ep_edit *edit, json_t *body, struct ep_field fields[EP_FIELDS_MAX],
          struct ep_http_answer *answer)
{
	const char *names[3] = { NULL };
	json_t *given = NULL;
	if (!ep_api_unpack(body, answer, "{s?s, s?s, s?s, s?o}", "artist", &names[0], "release",
	                   &names[1], "track", &names[2], "fields", &given))
		return false;
	struct ep_text *texts[3] = { &edit->artist, &edit->release, &edit->track };
	for (size_t i = 0; i < 3; i++)
		*texts[i] = names[i] ? ep_text_of(names[i]) : (struct ep_text){ 0 };
	edit->fields = fields;
	if (json_object_size(body) == 0) {
		ep_api_refuse(answer, 400, "bad_request", "nothing is given that is to be new");
		return false;
	}
	return !given || ep_api_fields(fields, &edit->field_count, given, answer);
}

static void
edit_track(struct ep_api *api, struct ep_text id, const struct ep_edit *edit,
           struct ep_http_answer *answer)
{
	struct ep_error err;
	bool changed;
	pthread_mutex_lock(&api->writing);
	enum ep_status status = ep_node_edit(&changed, api->options.node, id, edit, &err);
	pthread_mutex_unlock(&api->writing);
	if (status == EP_OK)
		answer_track(api, id, false, answer);
	else
		ep_api_fail(answer, &err);
}

void
ep_api_edit_track(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_field fields[EP_FIELDS_MAX];
	struct ep_edit edit = { 0 };
	struct ep_text id;
	if (!ep_api_id(&id, request, FRONT, answer))
		return;
	json_t *body = ep_api_json(request, answer);
	if (body && read_edit(&edit, body, fields, answer))
		edit_track(context, id, &edit, answer);
	json_decref(body);
}

void
ep_api_delete_track(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_api *api = context;
	struct ep_text id;
	struct ep_error err;
	if (!ep_api_id(&id, request, FRONT, answer))
		return;
	struct ep_deletion deletion = { .ids = &id.at, .count = 1 };
	pthread_mutex_lock(&api->writing);
	enum ep_status status = ep_node_delete(&deletion, api->options.node, &err);
	pthread_mutex_unlock(&api->writing);
	if (status == EP_OK && deletion.why.status != EP_OK)
		ep_api_fail(answer, &deletion.why);
	else if (status == EP_OK)
		ep_api_answer(answer, 200, json_pack("{s:o}", "deleted", ep_json_text(id)));
	else
		ep_api_fail(answer, &err);
}
