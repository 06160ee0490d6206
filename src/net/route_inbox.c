/* What slaves send to their master: requests to join, and contributions. */
#include "net/serve_internal.h"

#include "sync/master/inbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
refuse_for_slave(const struct ep_serve *serve, struct ep_http_answer *answer)
{
	if (serve->slave)
		ep_http_say(answer, 403, "this node is a slave itself; contribute to its master");
	return serve->slave;
}

enum ep_http_next
ep_check_contribution(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_serve *serve = context;
	const char *hex = ep_http_header(request, "Echoprint-Trailer");
	uint8_t bytes[EP_TRAILER_SIZE];
	struct ep_trailer trailer;
	struct ep_peer peer;
	struct ep_error err;
	if (refuse_for_slave(serve, answer))
		return EP_HTTP_ANSWER;
	if (!hex || !ep_hex_parse(bytes, sizeof bytes, ep_text_of(hex))) {
		ep_http_say(answer, 400, "the header Echoprint-Trailer is missing or invalid");
		return EP_HTTP_ANSWER;
	}
	/* Nobody's body is read who may not contribute. */
	if (ep_inbox_check(&peer, &trailer, serve->log, bytes, &err) != EP_OK) {
		ep_answer_failure(answer, &err);
		return EP_HTTP_ANSWER;
	}
	void **note = ep_http_note(request);
	*note = strdup(peer.name);
	return EP_HTTP_GO_ON;
}

static void
describe(struct ep_http_answer *answer, const struct ep_inbox_report *report)
{
	uint64_t tracks = 0;
	for (int i = 0; i < EP_OUTCOME_COUNT; i++)
		tracks += report->counts[i];
	snprintf(answer->said, sizeof answer->said,
	         "%s: %" PRIu64 " tracks, %" PRIu64 " new, %" PRIu64 " updated, %" PRIu64
	         " in conflict, %" PRIu64 " rejected",
	         report->source, tracks, report->counts[EP_OUTCOME_NEW],
	         report->counts[EP_OUTCOME_UPDATED], report->counts[EP_OUTCOME_CONFLICT],
	         report->counts[EP_OUTCOME_REJECTED] + report->counts[EP_OUTCOME_REFUSED] +
	                 report->counts[EP_OUTCOME_FULL]);
}

void
ep_route_contribution(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_serve *serve = context;
	struct ep_inbox_report report = { 0 };
	struct ep_error err = { 0 };
	const char *path = ep_http_spooled(request);
	const char *source = *ep_http_note(request);
	double began = ep_clock_s();
	if (!path) {
		ep_http_say(answer, 400, "the contribution is empty");
		return;
	}
	if (ep_inbox_take(&answer->body, &report, serve->log, path, &serve->stop, &err) != EP_OK) {
		if (source && err.status != EP_INTERRUPTED)
			ep_inbox_note(serve->log, source, err.text);
		ep_answer_failure(answer, &err);
		return;
	}
	answer->status = 200;
	answer->type = "application/json";
	describe(answer, &report);
	ep_serve_say(serve, false, "contribution of %s", answer->said);
	ep_histogram_observe(&serve->counts.contribution_time, ep_clock_s() - began);
	atomic_fetch_add(&serve->counts.contributions, 1);
	for (int i = 0; i < EP_OUTCOME_COUNT; i++)
		atomic_fetch_add(&serve->counts.tracks, report.counts[i]);
	ep_publisher_kick(serve->publisher);
}

void
ep_route_join(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_serve *serve = context;
	struct ep_error err;
	char name[EP_SOURCE_NAME_MAX + 1];
	if (refuse_for_slave(serve, answer))
		return;
	if (ep_inbox_join(&answer->body, name, serve->log, ep_http_body(request), &err) != EP_OK) {
		ep_answer_failure(answer, &err);
		return;
	}
	answer->status = 200;
	answer->type = "application/json";
	ep_serve_say(serve, false, "%s has joined", name);
}
