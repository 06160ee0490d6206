/* The feed and its packets, as any web server would hand them out, and waiting for news. */
#include "net/serve_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_MAX_S 60U

/* The seconds of "Prefer: wait=SECONDS" (RFC 7240); 0 where there are none. */
static unsigned
wait_asked_for(const struct ep_http_request *request)
{
	const char *prefer = ep_http_header(request, "Prefer");
	const char *wait = prefer ? strstr(prefer, "wait=") : NULL;
	unsigned long seconds = wait ? strtoul(wait + 5, NULL, 10) : 0;
	return seconds > WAIT_MAX_S ? WAIT_MAX_S : (unsigned)seconds;
}

/* Whether a list of tags has one of them. */
static bool
has_tag(const char *list, const char *tag)
{
	return list && (strcmp(list, "*") == 0 || strstr(list, tag) != NULL);
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
		            "this node is a slave and hands out no feed; its master does");
	} else if (!serve->tag[0]) {
		ep_http_say(answer, 503, "there is no feed yet");
	} else {
		memcpy(answer->tag, serve->tag, sizeof serve->tag);
		answer->cache = "no-cache";
		answer->waited = wait_asked_for(request) > 0;
		if (has_tag(ep_http_header(request, "If-None-Match"), serve->tag)) {
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

/* Reads "bytes=FROM-[TO]" or "bytes=-LAST"; false where the range is to be passed over (another
 * unit, or more than one). */
static bool
read_range(uint64_t *from, uint64_t *to, const char *text, uint64_t size)
{
	char *end;
	if (!text || strncmp(text, "bytes=", 6) != 0 || strchr(text, ','))
		return false;
	text += 6;
	*to = size - 1;
	if (*text == '-') {
		uint64_t last = strtoull(text + 1, &end, 10);
		*from = last < size ? size - last : 0;
		if (last == 0)
			*from = size;
		return end > text + 1 && *end == '\0';
	}
	if (*text < '0' || *text > '9')
		return false;
	*from = strtoull(text, &end, 10);
	if (*end != '-')
		return false;
	if (end[1]) {
		char *close;
		if (end[1] < '0' || end[1] > '9')
			return false;
		uint64_t given = strtoull(end + 1, &close, 10);
		if (*close || given < *from)
			return false;
		*to = given < *to ? given : *to;
	}
	return true;
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
	if (read_range(&from, &to, range, size)) {
		if (from >= size) {
			ep_http_say(answer, 416, "the packet has not so many bytes");
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
	snprintf(answer->tag, sizeof answer->tag, "\"%.*s\"", (int)(strlen(name) - 7), name);
	answer->cache = "public, max-age=31536000, immutable";
	if (has_tag(ep_http_header(request, "If-None-Match"), answer->tag)) {
		answer->status = 304;
		return EP_HTTP_ANSWER;
	}
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size <= 0) {
		answer->tag[0] = '\0';
		answer->cache = NULL;
		ep_http_say(answer, errno == ENOENT ? 404 : 500, "there is no such packet");
		if (fd >= 0)
			close(fd);
		return EP_HTTP_ANSWER;
	}
	answer_file(answer, request, fd, (uint64_t)info.st_size);
	return EP_HTTP_ANSWER;
}
