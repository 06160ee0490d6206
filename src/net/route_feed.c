/* The feed and its packets, as any web server would hand them out, and waiting for news. */
#include "net/fields.h"
#include "net/serve_internal.h"
#include "sync/places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The seconds that it is asked to wait for news, and may. */
static unsigned
wait_asked_for(const struct ep_http_request *request)
{
	return ep_http_may_wait(request) ? ep_field_wait(ep_http_header(request, "Prefer")) : 0;
}

/* Sets aside, once, who knows this feed and would wait for the next. */
static enum ep_http_next
answer_known(struct ep_http_request *request, struct ep_http_answer *answer)
{
	void **note = ep_http_note(request);
	unsigned seconds = wait_asked_for(request);
	if (!*note && seconds > 0) {
		*note = malloc(1);
		ep_http_set_wait(request, ep_clock_s() + seconds);
		return *note ? EP_HTTP_WAIT : EP_HTTP_ANSWER;
	}
	if (*note && ep_http_wait_until(request) > 0)
		return EP_HTTP_WAIT; /* what is new is not the feed */
	answer->status = 304;
	return EP_HTTP_ANSWER;
}

enum ep_http_next
ep_route_feed(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_serve *serve = context;
	enum ep_http_next next = EP_HTTP_ANSWER;
	ep_seen_take(&serve->seen, ep_http_header(request, "Echoprint-At"));
	pthread_mutex_lock(&serve->mutex);
	if (!serve->feed_folder) {
		ep_http_say(answer, 404,
		            "this node is a slave and serves no feed; its master does");
	} else if (!serve->tag[0]) {
		ep_http_say(answer, 503, "there is no feed yet");
	} else {
		memcpy(answer->tag, serve->tag, sizeof serve->tag);
		answer->cache = serve->access.closed ? "private, no-cache" : "no-cache";
		answer->waited = wait_asked_for(request) > 0;
		if (ep_field_has_tag(ep_http_header(request, "If-None-Match"), serve->tag)) {
			next = answer_known(request, answer);
		} else {
			answer->status = 200;
			answer->type = "application/json";
			if (ep_buffer_append(&answer->body, serve->feed.data, serve->feed.size,
			                     NULL) != EP_OK)
				ep_http_say(answer, 503, "out of memory");
		}
	}
	pthread_mutex_unlock(&serve->mutex);
	return next;
}

/* ---- packets ---- */

/* Whether it is the name of a packet: no path can be made of it. */
static bool
is_packet_name(const char *name)
{
	size_t size = strspn(name, "0123456789abcdef-");
	return size > 0 && size < EP_FEED_NAME && strcmp(name + size, ".packet") == 0;
}

/* Who asks for it past all copies on the way has got a damaged one: it is looked at. */
static void
note_doubt(struct ep_serve *serve, const struct ep_http_request *request, const char *name)
{
	const char *control = ep_http_header(request, "Cache-Control");
	if (!control || strcmp(control, "no-cache") != 0)
		return;
	ep_feed_doubt(serve->feed_folder, name);
	ep_publisher_doubt(serve->publisher);
}

static void
answer_file(struct ep_http_answer *answer, const struct ep_http_request *request, int fd,
            uint64_t size)
{
	const char *condition = ep_http_header(request, "If-Range");
	const char *range = ep_http_header(request, "Range");
	uint64_t from;
	uint64_t to;
	answer->status = 200;
	answer->type = "application/octet-stream";
	answer->whole = size;
	answer->size = size;
	if (condition && strcmp(condition, answer->tag) != 0)
		range = NULL;
	if (ep_field_range(&from, &to, range, size)) {
		if (from >= size) {
			ep_http_say(answer, 416, "the packet does not have so many bytes");
			close(fd);
			return;
		}
		answer->status = 206;
		answer->offset = from;
		answer->size = to - from + 1;
	}
	answer->fd = fd;
	answer->has_file = true;
}

enum ep_http_next
ep_route_packet(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_serve *serve = context;
	const char *name = ep_http_path(request) + strlen("/packets/");
	struct stat info;
	char path[4096];
	if (!serve->feed_folder || !is_packet_name(name)) {
		ep_http_say(answer, 404, "there is no such packet");
		return EP_HTTP_ANSWER;
	}
	snprintf(path, sizeof path, "%s/" EP_FEED_PACKETS "/%s", serve->feed_folder, name);
	note_doubt(serve, request, name);
	snprintf(answer->tag, sizeof answer->tag, "\"%.*s\"", (int)(strlen(name) - 7), name);
	answer->cache = serve->access.closed ? "private, max-age=31536000, immutable"
	                                     : "public, max-age=31536000, immutable";
	if (ep_field_has_tag(ep_http_header(request, "If-None-Match"), answer->tag)) {
		answer->status = 304;
		return EP_HTTP_ANSWER;
	}
	/* Not through a link, and without waiting for whoever would write into a pipe. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size <= 0) {
		answer->tag[0] = '\0';
		answer->cache = NULL;
		bool gone = fd >= 0 || errno == ENOENT || errno == ELOOP;
		ep_publisher_doubt(serve->publisher);
		ep_http_say(answer, gone ? 404 : 503, "there is no such packet%s",
		            gone ? "" : " now");
		if (fd >= 0)
			close(fd);
		return EP_HTTP_ANSWER;
	}
	answer_file(answer, request, fd, (uint64_t)info.st_size);
	return EP_HTTP_ANSWER;
}
