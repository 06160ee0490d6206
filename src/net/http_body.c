/* Bodies of requests: in memory or in files, with limits on each and on all together. */
#include "net/http_internal.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static enum ep_status
open_spool(struct ep_http_request *request, struct ep_error *err)
{
	struct ep_http *http = request->http;
	pthread_mutex_lock(&http->mutex);
	uint64_t number = http->spooled++;
	pthread_mutex_unlock(&http->mutex);
	if (asprintf(&request->spooled, "%s/%d-%" PRIu64 ".body", http->options.spool,
	             (int)getpid(), number) < 0) {
		request->spooled = NULL;
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	}
	request->fd = open(request->spooled, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return request->fd >= 0 ? EP_OK
	                        : ep_fail_errno(err, errno, "cannot create %s", request->spooled);
}

/* Whether all bodies together leave room for what this one has by now; then it has more time, too.
 */
static bool
make_room(struct ep_http_request *request)
{
	struct ep_http *http = request->http;
	bool spooled = request->route->spooled;
	uint64_t wanted =
		request->received > EP_HTTP_BODY_FREE ? request->received - EP_HTTP_BODY_FREE : 0;
	uint64_t most = spooled ? EP_HTTP_SPOOLED_MAX : EP_HTTP_BODIES_MAX;
	pthread_mutex_lock(&http->mutex);
	bool room = http->held[spooled] - request->held + wanted <= most;
	if (room) {
		http->held[spooled] += wanted - request->held;
		request->held = wanted;
	}
	if (request->peer)
		request->peer->deadline = request->began + EP_HTTP_REQUEST_S +
		                          (double)request->received / EP_HTTP_SLOWEST;
	pthread_mutex_unlock(&http->mutex);
	return room;
}

static enum ep_status
keep_body(struct ep_http_request *request, const char *bytes, size_t size, struct ep_error *err)
{
	if (!request->route->spooled)
		return ep_buffer_append(&request->body, bytes, size, err);
	if (request->fd < 0)
		EP_TRY(open_spool(request, err));
	return ep_write_all(request->fd, bytes, size, "a request body", err);
}

bool
ep_http_take_body(struct ep_http_request *request, const char *bytes, size_t size)
{
	struct ep_http_answer *answer = &request->answer;
	struct ep_error err;
	request->received += size;
	if (request->received > request->route->body_max)
		ep_http_say(answer, 413, "the body may have at most %" PRIu64 " bytes",
		            request->route->body_max);
	else if (!make_room(request))
		ep_http_say(answer, 503, "too many large bodies at once, try again later");
	else if (keep_body(request, bytes, size, &err) != EP_OK)
		ep_http_say(answer, err.status == EP_NO_SPACE ? 507 : 500, "%s", err.text);
	else
		return true;
	ep_http_tell(request);
	return false;
}

void
ep_http_free_body(struct ep_http_request *request)
{
	struct ep_http *http = request->http;
	pthread_mutex_lock(&http->mutex);
	if (request->held)
		http->held[request->route->spooled] -= request->held;
	pthread_mutex_unlock(&http->mutex);
	if (request->fd >= 0)
		close(request->fd);
	if (request->spooled)
		(void)unlink(request->spooled);
	ep_buffer_free(&request->body);
	free(request->spooled);
}
