/* How the node is doing, for programs. */
#include "net/serve_internal.h"
#include "node/facts.h"
#include "peer/contact.h"

#include <stdlib.h>
#include <string.h>

/* Why the master could not be reached, or did not take what it was sent, the last time. */
static void
read_master_error(char error[EP_PEER_ERROR], struct ep_log *log)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_master master;
	if (ep_log_read_begin(&read, log, NULL) != EP_OK ||
	    ep_master_load(&master, read, NULL) != EP_OK)
		return;
	ep_contact_of_master(&master, ep_log_folder(log));
	memcpy(error, master.error, EP_PEER_ERROR);
}

enum ep_http_next
ep_route_health(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_serve *serve = context;
	char error[EP_PUBLISHER_ERROR];
	char lost[EP_PEER_ERROR] = "";
	bool strict = false;
	bool outside = ep_is_outsider(request);
	(void)!ep_http_flag(&strict, request, "master");
	ep_publisher_error(error, serve->publisher);
	if (serve->slave)
		read_master_error(lost, serve->log);
	if (error[0])
		ep_http_say(answer, 503, "cannot publish%s%s", outside ? "" : ": ",
		            outside ? "" : error);
	else if (lost[0])
		ep_http_say(answer, strict ? 503 : 200, "%s%s%s",
		            "the last sync with the master failed, queries are answered",
		            outside ? "" : ": ", outside ? "" : lost);
	else
		ep_http_say(answer, 200, "ok");
	answer->said[0] = '\0';
	return EP_HTTP_ANSWER;
}

/* The state of `status`, with what only the server knows. NULL when it cannot be read. */
static json_t *
state_of(struct ep_serve *serve)
{
	struct ep_facts facts;
	uint64_t open;
	uint64_t waiting;
	if (ep_facts_read(&facts, serve->log, false, NULL) != EP_OK)
		return NULL;
	json_t *json = ep_facts_json(&facts);
	ep_facts_done(&facts);
	if (!json)
		return NULL;
	ep_http_counts(serve->http, &open, &waiting);
	json_object_set_new(json, "server",
	                    json_pack("{s:b, s:s, s:s, s:f, s:I, s:I, s:I}", "healthy",
	                              ep_serve_is_well(serve), "version", EP_VERSION, "role",
	                              serve->options.mirror ? "mirror"
	                              : serve->slave        ? "slave"
	                                                    : "master",
	                              "seconds", ep_clock_s() - serve->started, "connections",
	                              (json_int_t)open, "waiting", (json_int_t)waiting, "requests",
	                              (json_int_t)atomic_load(&serve->counts.requests)));
	return json;
}

/* What everybody may know: no names, no keys. */
static json_t *
health_of(struct ep_serve *serve)
{
	return json_pack("{s:b, s:s}", "healthy", ep_serve_is_well(serve), "version", EP_VERSION);
}

void
ep_route_status(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	bool peers = true;
	if (!ep_http_flag(&peers, request, "peers")) {
		ep_http_say(answer, 400, "the parameter peers must be true or false");
		return;
	}
	json_t *json = ep_is_outsider(request) ? health_of(context) : state_of(context);
	/* Hundreds of slaves are most of it. */
	if (json && !peers)
		json_object_del(json, "peers");
	EP_FREE char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (!text) {
		ep_http_say(answer, 500, "cannot read the state");
		return;
	}
	(void)!ep_buffer_append(&answer->body, text, strlen(text), NULL);
	answer->status = 200;
	answer->type = "application/json";
}
