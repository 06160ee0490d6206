#include "net/api/api_internal.h"

#include <stdlib.h>

#define SMALL ((uint64_t)64 << 10)
#define EDIT_MAX ((uint64_t)1 << 20)

static enum ep_http_next
get_document(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	(void)context, (void)request;
	if (ep_buffer_append(&answer->body, ep_api_document, ep_api_document_size, NULL) != EP_OK) {
		ep_http_say(answer, 503, "out of memory");
		return EP_HTTP_ANSWER;
	}
	answer->status = 200;
	answer->type = "application/json";
	return EP_HTTP_ANSWER;
}

static const struct ep_http_route routes[] = {
	{ .method = "GET",
	  .path = "/v1/openapi.json",
	  .need = EP_NEED_OPEN,
	  .quick = get_document },
	{ .method = "POST",
	  .path = "/v1/identify",
	  .need = EP_NEED_QUERY,
	  .body_max = EP_API_SOUND_MAX,
	  .spooled = true,
	  .lane = EP_HTTP_LANE_SOUND,
	  .check = ep_api_check_sound,
	  .work = ep_api_identify },
	{ .method = "GET",
	  .path = "/v1/tracks",
	  .need = EP_NEED_QUERY,
	  .lane = EP_HTTP_LANE_QUERY,
	  .work = ep_api_list_tracks },
	{ .method = "POST",
	  .path = "/v1/tracks",
	  .need = EP_NEED_INGEST,
	  .body_max = EP_API_SOUND_MAX,
	  .spooled = true,
	  .lane = EP_HTTP_LANE_SOUND,
	  .check = ep_api_check_sound,
	  .work = ep_api_put_track },
	{ .method = "GET",
	  .path = "/v1/tracks/",
	  .tree = true,
	  .need = EP_NEED_QUERY,
	  .lane = EP_HTTP_LANE_QUERY,
	  .work = ep_api_get_track },
	{ .method = "PATCH",
	  .path = "/v1/tracks/",
	  .tree = true,
	  .need = EP_NEED_ADMIN,
	  .body_max = EDIT_MAX,
	  .work = ep_api_edit_track },
	{ .method = "DELETE",
	  .path = "/v1/tracks/",
	  .tree = true,
	  .need = EP_NEED_ADMIN,
	  .work = ep_api_delete_track },
	{ .method = "GET",
	  .path = "/v1/tracks/",
	  .tree = true,
	  .end = "/onsets",
	  .need = EP_NEED_QUERY,
	  .lane = EP_HTTP_LANE_QUERY,
	  .work = ep_api_get_onsets },
	{ .method = "GET",
	  .path = "/v1/changes",
	  .need = EP_NEED_QUERY,
	  .quick = ep_api_wait_for_changes,
	  .lane = EP_HTTP_LANE_QUERY,
	  .work = ep_api_list_changes },
	{ .method = "GET",
	  .path = "/v1/sources",
	  .need = EP_NEED_QUERY,
	  .work = ep_api_list_sources },
	{ .method = "POST",
	  .path = "/v1/sources",
	  .need = EP_NEED_ADMIN,
	  .body_max = SMALL,
	  .work = ep_api_invite },
	{ .method = "DELETE",
	  .path = "/v1/sources/",
	  .tree = true,
	  .need = EP_NEED_ADMIN,
	  .work = ep_api_remove_source },
	{ .method = "GET",
	  .path = "/v1/copies",
	  .need = EP_NEED_QUERY,
	  .work = ep_api_list_copies },
	{ .method = "POST",
	  .path = "/v1/copies",
	  .need = EP_NEED_ADMIN,
	  .body_max = SMALL,
	  .work = ep_api_link },
	{ .method = "DELETE",
	  .path = "/v1/copies/",
	  .tree = true,
	  .need = EP_NEED_ADMIN,
	  .work = ep_api_release },
	{ .method = "GET",
	  .path = "/v1/pending",
	  .need = EP_NEED_QUERY,
	  .work = ep_api_list_pending },
	{ .method = "GET",
	  .path = "/v1/conflicts",
	  .need = EP_NEED_QUERY,
	  .work = ep_api_list_conflicts },
	{ .method = "POST",
	  .path = "/v1/conflicts",
	  .need = EP_NEED_ADMIN,
	  .body_max = SMALL,
	  .work = ep_api_settle },
	{ .method = "GET", .path = "/v1/plays", .need = EP_NEED_QUERY, .work = ep_api_list_plays },
	{ 0 },
};

struct ep_http_routes
ep_api_routes(struct ep_api *api)
{
	return (struct ep_http_routes){ routes, api };
}

struct ep_histogram *
ep_api_identify_time(struct ep_api *api)
{
	return &api->identify_time;
}

const atomic_uint_fast64_t *
ep_api_identify_count(const struct ep_api *api)
{
	return &api->identify_count;
}

enum ep_status
ep_api_new(struct ep_api **out, const struct ep_api_options *options, struct ep_error *err)
{
	struct ep_api *made = calloc(1, sizeof *made);
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	pthread_mutex_init(&made->writing, NULL);
	pthread_mutex_init(&made->plays, NULL);
	pthread_mutex_init(&made->mutex, NULL);
	made->options = *options;
	made->log = ep_node_log(options->node);
	EP_OWNED(ep_api_free)
	struct ep_api *api = made;
	EP_TRY(ep_catalogue_new(&api->catalogue, api->log, err));
	*out = EP_TAKE(api);
	return EP_OK;
}

void
ep_api_free(struct ep_api *api)
{
	if (!api)
		return;
	while (api->audio_count)
		ep_audio_close(api->audios[--api->audio_count]);
	ep_catalogue_free(api->catalogue);
	pthread_mutex_destroy(&api->writing);
	pthread_mutex_destroy(&api->plays);
	pthread_mutex_destroy(&api->mutex);
	free(api);
}
