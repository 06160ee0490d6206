/* /v1/sources: who may contribute to this node. */
#include "net/api/api_internal.h"

#include "node/members.h"
#include "node/standing.h"
#include "peer/contact.h"

#include <qrencode.h>
#include <stdlib.h>
#include <string.h>

#define FRONT "/v1/sources/"

#define QR_WIDTH_MAX 177 /* of the largest code that there is */

/* ---- the list ---- */

/* One of the sources of the log, and what is known of it if it is one of the slaves given. */
static json_t *
source_json(const struct ep_source_info *source, const struct ep_peer *peers, size_t count,
            uint64_t position)
{
	json_t *peer = json_null();
	for (size_t i = 0; i < count; i++) {
		if (strcmp(peers[i].name, source->name) == 0)
			peer = ep_peer_json(&peers[i], position);
	}
	return json_pack("{s:s, s:I, s:I, s:I, s:o}", "name", source->name, "tracks",
	                 (json_int_t)source->tracks, "documents", (json_int_t)source->documents,
	                 "bytes", (json_int_t)source->bytes, "peer", peer);
}

static enum ep_status
list(json_t *sources, struct ep_log *log, bool with_peers, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_FREE struct ep_source_info *infos = NULL;
	EP_FREE struct ep_peer *peers = NULL;
	struct ep_log_state state;
	size_t count;
	size_t peer_count = 0;
	EP_TRY(ep_log_read_begin(&read, log, err));
	ep_log_state(&state, read);
	EP_TRY(ep_log_sources(&infos, &count, read, err));
	if (with_peers) {
		EP_TRY(ep_peers(&peers, &peer_count, read, err));
		ep_contacts_of_peers(peers, peer_count, ep_log_folder(log));
	}
	for (size_t i = 0; i < count; i++)
		json_array_append_new(sources,
		                      source_json(&infos[i], peers, peer_count, state.position));
	return EP_OK;
}

void
ep_api_list_sources(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_api *api = context;
	struct ep_error err;
	bool with_peers = true;
	if (!ep_api_flag(&with_peers, request, "peers", answer))
		return;
	json_t *sources = json_array();
	if (list(sources, api->log, with_peers, &err) == EP_OK)
		ep_api_answer(answer, 200, json_pack("{s:O}", "sources", sources));
	else
		ep_api_fail(answer, &err);
	json_decref(sources);
}

/* ---- changes ---- */

/* A QR code of a text, as rows of "1" for dark and "0"; null: it cannot be made. */
static json_t *
qr_json(const char *text)
{
	QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
	json_t *rows = code ? json_array() : json_null();
	int width = code ? code->width : 0;
	for (int y = 0; y < width; y++) {
		char row[QR_WIDTH_MAX];
		for (int x = 0; x < width; x++)
			row[x] = code->data[y * width + x] & 1 ? '1' : '0';
		json_array_append_new(rows, json_stringn(row, (size_t)width));
	}
	QRcode_free(code);
	return rows;
}

static void
add(struct ep_api *api, const struct ep_new_member *wanted, bool with_qr,
    struct ep_http_answer *answer)
{
	struct ep_invitation invitation;
	struct ep_error err;
	char text[EP_INVITATION_TEXT];
	bool replaced = false;
	pthread_mutex_lock(&api->writing);
	enum ep_status status =
		ep_node_add_member(&invitation, &replaced, api->options.node, wanted, &err);
	pthread_mutex_unlock(&api->writing);
	if (status != EP_OK) {
		ep_api_fail(answer, &err);
		return;
	}
	ep_invitation_print(text, &invitation);
	json_t *json = json_pack("{s:s, s:s, s:s?}", "name", wanted->name, "url", invitation.url,
	                         "invitation", wanted->key ? NULL : text);
	if (json && with_qr && !wanted->key)
		json_object_set_new(json, "qr", qr_json(text));
	ep_api_answer(answer, 201, json);
	answer->cache = "no-store";
}

void
ep_api_invite(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_new_member wanted = { 0 };
	const char *key = NULL;
	struct ep_key parsed;
	bool with_qr = false;
	if (!ep_api_flag(&with_qr, request, "qr", answer))
		return;
	json_t *body = ep_api_json(request, answer);
	if (!body)
		return;
	if (ep_api_unpack(body, answer, "{s:s, s?s, s?s}", "name", &wanted.name, "key", &key, "url",
	                  &wanted.url)) {
		wanted.key = key ? &parsed : NULL;
		if (!ep_slave_name_ok(ep_text_of(wanted.name)))
			ep_api_refuse(
				answer, 400, "bad_request",
				"name must have 1 to %d of A-Z a-z 0-9 . _ - and not be local "
				"or master",
				EP_SOURCE_NAME_MAX);
		else if (key && !ep_key_parse(&parsed, ep_text_of(key)))
			ep_api_refuse(answer, 400, "bad_request", "key must be %d hex digits",
			              2 * EP_KEY_SIZE);
		else if (wanted.url && strlen(wanted.url) > EP_URL_MAX)
			ep_api_refuse(answer, 400, "bad_request", "url has more than %d bytes",
			              EP_URL_MAX);
		else
			add(context, &wanted, with_qr, answer);
	}
	json_decref(body);
}

void
ep_api_remove_source(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_api *api = context;
	const char *name = ep_http_path(request) + strlen(FRONT);
	struct ep_error err;
	uint64_t deleted = 0;
	bool with_tracks = false;
	if (!ep_api_flag(&with_tracks, request, "with_tracks", answer))
		return;
	if (!ep_slave_name_ok(ep_text_of(name))) {
		ep_api_refuse(answer, 404, "not_found", "there is no such source");
		return;
	}
	pthread_mutex_lock(&api->writing);
	enum ep_status status =
		ep_node_remove_member(&deleted, api->options.node, name, with_tracks, &err);
	pthread_mutex_unlock(&api->writing);
	if (status == EP_OK)
		ep_api_answer(
			answer, 200,
			json_pack("{s:s, s:I}", "removed", name, "deleted", (json_int_t)deleted));
	else
		ep_api_fail(answer, &err);
}
