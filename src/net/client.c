#include "net/client.h"

#include "base/file.h"
#include "format/feed.h"
#include "net/curl_usual.h"
#include "net/fields.h"
#include "net/late_names.h"
#include "net/pass.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* Slower than so many bytes a second for so long is a connection that is dead. */
#define SLOW_BYTES 10L
#define SLOW_S 30L
#define ANSWER_MAX ((size_t)4096) /* of a refusal */
#define HEADERS_MAX ((size_t)65536) /* of all answers to a request */

/* What is slower than so many bytes a second on the whole ends. A packet goes on where it was. */
#define SLOWEST 1000
#define LONGEST_S 86400

struct ep_client {
	CURL *curl;
	char *base; /* the URL without a slash at its end */
	const atomic_bool *stop;
	char why[CURL_ERROR_SIZE];
	bool signs;
	struct ep_keys keys; /* of this node, where it signs */
	struct ep_key master;
	char challenge[EP_CHALLENGE_TEXT]; /* the last one; empty: none was asked */
};

/* A request, and what comes back. */
struct exchange {
	struct ep_client *client;
	char *url;
	struct curl_slist *headers;
	struct ep_buffer *body; /* NULL: into fd */
	int fd;
	uint64_t start; /* bytes of fd that are there already */
	uint64_t most; /* bytes of fd */
	uint64_t got; /* bytes of this answer */
	size_t header_bytes;
	char tag[EP_TAG_SIZE];
	char challenge[EP_CHALLENGE_TEXT]; /* of a refusal; empty: none */
	bool waits;
	bool too_much;
	int failed; /* errno of a write */
	long status;
};

bool
ep_client_takes(const char *url)
{
	return strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
}

/* ---- the client ---- */

static int
on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)a, (void)b, (void)c, (void)d;
	const struct ep_client *client = context;
	return client->stop && atomic_load(client->stop);
}

enum ep_status
ep_client_open(struct ep_client **out, const char *url, const atomic_bool *stop,
               struct ep_error *err)
{
	EP_OWNED(ep_client_close)
	struct ep_client *client = calloc(1, sizeof *client);
	if (!client)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_late_curl(err));
	client->stop = stop;
	client->base = strdup(url);
	client->curl = curl_easy_init();
	if (!client->base || !client->curl)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a connection");
	size_t size = strlen(client->base);
	while (size > 0 && client->base[size - 1] == '/')
		client->base[--size] = '\0';
	*out = EP_TAKE(client);
	return EP_OK;
}

void
ep_client_close(struct ep_client *client)
{
	if (!client)
		return;
	if (client->curl)
		curl_easy_cleanup(client->curl);
	sodium_memzero(&client->keys, sizeof client->keys);
	free(client->base);
	free(client);
}

void
ep_client_sign(struct ep_client *client, const struct ep_keys *keys, const struct ep_key *master)
{
	client->signs = true;
	client->keys = *keys;
	client->master = *master;
}

/* ---- what comes back ---- */

static size_t
on_header(char *line, size_t one, size_t size, void *context)
{
	struct exchange *exchange = context;
	char applied[64];
	char demand[256];
	size *= one;
	exchange->header_bytes += size;
	if (size > 5 && strncasecmp(line, "HTTP/", 5) == 0) {
		exchange->tag[0] = '\0';
		exchange->challenge[0] = '\0';
		exchange->waits = false;
	}
	(void)ep_field_value(exchange->tag, sizeof exchange->tag, "ETag", line, size);
	if (ep_field_value(applied, sizeof applied, "Preference-Applied", line, size))
		exchange->waits = true;
	if (ep_field_value(demand, sizeof demand, "WWW-Authenticate", line, size))
		(void)ep_challenge_find(exchange->challenge, demand);
	exchange->too_much = exchange->header_bytes > HEADERS_MAX;
	return exchange->too_much ? 0 : size;
}

/* Takes bytes into the file, where they belong: behind what is there, or from its front. */
static bool
write_fd(struct exchange *exchange, const char *bytes, size_t size)
{
	if (exchange->got == 0 && exchange->status == 200 && exchange->start > 0) {
		if (ftruncate(exchange->fd, 0) != 0)
			exchange->failed = errno;
		exchange->start = 0;
	}
	exchange->too_much = size > exchange->most - exchange->start - exchange->got;
	struct ep_error err = { 0 };
	if (!exchange->too_much && !exchange->failed &&
	    ep_write_all(exchange->fd, bytes, size, "packet", &err) != EP_OK)
		exchange->failed = errno;
	return !exchange->too_much && !exchange->failed;
}

static size_t
on_body(char *bytes, size_t one, size_t size, void *context)
{
	struct exchange *exchange = context;
	size *= one;
	curl_easy_getinfo(exchange->client->curl, CURLINFO_RESPONSE_CODE, &exchange->status);
	bool good = exchange->status == 200 || exchange->status == 206;
	if (!exchange->body && good) {
		if (!write_fd(exchange, bytes, size))
			return 0;
	} else if (exchange->body) {
		size_t max = good ? exchange->body->max : ANSWER_MAX;
		exchange->too_much = exchange->body->size + size > max;
		if (exchange->too_much ||
		    ep_buffer_append(exchange->body, bytes, size, NULL) != EP_OK)
			return 0;
	}
	exchange->got += size;
	return size;
}

/* ---- asking ---- */

static bool
add_header(struct exchange *exchange, const char *line)
{
	struct curl_slist *more = curl_slist_append(exchange->headers, line);
	if (more)
		exchange->headers = more;
	return more != NULL;
}

static enum ep_status
begin(struct exchange *exchange, struct ep_client *client, const char *place, const char *name,
      struct ep_error *err)
{
	CURL *curl = client->curl;
	*exchange = (struct exchange){ .client = client, .fd = -1 };
	if (asprintf(&exchange->url, "%s/%s%s", client->base, place, name) < 0)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	curl_easy_reset(curl);
	ep_curl_usual(curl, exchange->url, client->why);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, client);
	return EP_OK;
}

/* Sets how long the server may be silent, and how long all may take for so many bytes. */
static void
set_patience(const struct exchange *exchange, long silent_s, uint64_t bytes)
{
	CURL *curl = exchange->client->curl;
	uint64_t seconds = bytes / SLOWEST;
	if (seconds > LONGEST_S)
		seconds = LONGEST_S;
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, silent_s);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, EP_CURL_CONNECT_S + silent_s + (long)seconds);
}

static void
exchange_done(struct exchange *exchange)
{
	curl_slist_free_all(exchange->headers);
	free(exchange->url);
}
#define EXCHANGE __attribute__((cleanup(exchange_done)))

/* What a refusal says, as one line. */
static const char *
reason(const struct exchange *exchange, char text[256])
{
	size_t size = exchange->body ? exchange->body->size : 0;
	if (size > 255)
		size = 255;
	if (size)
		memcpy(text, exchange->body->data, size);
	text[size] = '\0';
	for (size_t i = 0; i < size; i++)
		text[i] = (unsigned char)text[i] < ' ' ? ' ' : text[i];
	while (size && text[size - 1] == ' ')
		text[--size] = '\0';
	return size ? text : "it gives no reason";
}

/* Sends it, and says what an answer that is none stands for. */
static enum ep_status
perform(struct exchange *exchange, struct ep_error *err)
{
	struct ep_client *client = exchange->client;
	char text[256];
	curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, exchange->headers);
	CURLcode code = curl_easy_perform(client->curl);
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &exchange->status);
	if (exchange->failed)
		return ep_fail_errno(err, exchange->failed, "cannot store the data from %s",
		                     exchange->url);
	if (exchange->too_much)
		return ep_fail(err, EP_CORRUPT, "%s sends too much data", exchange->url);
	if (code == CURLE_ABORTED_BY_CALLBACK)
		return ep_fail(err, EP_INTERRUPTED, "interrupted");
	if (code != CURLE_OK)
		return ep_fail(err, EP_UNREACHABLE, "cannot reach %s: %s", exchange->url,
		               client->why[0] ? client->why : curl_easy_strerror(code));
	if (exchange->status == 404)
		return ep_fail(err, EP_NOT_FOUND, "%s does not exist", exchange->url);
	if (exchange->status == 429 || exchange->status >= 500)
		return ep_fail(err, EP_UNREACHABLE, "%s is busy (%ld): %s", exchange->url,
		               exchange->status, reason(exchange, text));
	if (exchange->status >= 400)
		return ep_fail(err, exchange->status == 409 ? EP_DIVERGED : EP_BAD_INPUT,
		               "%s refused (%ld): %s", exchange->url, exchange->status,
		               reason(exchange, text));
	if (exchange->status != 200 && exchange->status != 206 && exchange->status != 304)
		return ep_fail(err, EP_UNREACHABLE,
		               "%s answered with status %ld, which a master would not",
		               exchange->url, exchange->status);
	return EP_OK;
}

/* ---- the transport ---- */

/* Adds what shows who asks, where the server has asked for it. */
static bool
add_pass(struct exchange *exchange, const char *place, const char *name)
{
	const struct ep_client *client = exchange->client;
	char path[256];
	char pass[EP_PASS_TEXT];
	char line[EP_PASS_TEXT + 32];
	struct ep_pass_request request = { .method = "GET",
		                           .place = path,
		                           .master = &client->master };
	if (!client->signs || !client->challenge[0])
		return true;
	snprintf(path, sizeof path, "/%s%s", place, name);
	ep_pass_write(pass, &request, &client->keys, client->challenge);
	snprintf(line, sizeof line, "Authorization: %s", pass);
	return add_header(exchange, line);
}

/* Whether a refusal asks for a pass, or for one with another challenge: then it is asked again. */
static bool
is_challenged(const struct exchange *exchange)
{
	struct ep_client *client = exchange->client;
	if (!client->signs || exchange->status != 401 || !exchange->challenge[0])
		return false;
	memcpy(client->challenge, exchange->challenge, sizeof client->challenge);
	return true;
}

/* As get_feed; *again: with the challenge that has come it may be answered. */
static enum ep_status
ask_feed(bool *again, struct ep_client *client, struct ep_buffer *text,
         struct ep_feed_request *request, struct ep_error *err)
{
	EXCHANGE struct exchange exchange;
	char line[EP_TAG_SIZE + EP_HASH_TEXT + 32];
	char key[EP_KEY_TEXT];
	EP_TRY(begin(&exchange, client, "feed.json", "", err));
	exchange.body = text;
	text->size = 0;
	snprintf(line, sizeof line, "If-None-Match: %s", request->tag);
	bool good = !request->tag[0] || add_header(&exchange, line);
	snprintf(line, sizeof line, "Prefer: wait=%u", request->wait_s);
	good &= request->wait_s == 0 || add_header(&exchange, line);
	ep_key_print(key, &request->key);
	snprintf(line, sizeof line, "Echoprint-At: %s %" PRIu64 "%s%s%s", key, request->position,
	         *request->digest ? " " : "", request->digest, request->mirrors ? " mirror" : "");
	if (!good || !add_header(&exchange, line) || !add_pass(&exchange, "feed.json", ""))
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	set_patience(&exchange, SLOW_S + (long)request->wait_s, EP_FEED_JSON_MAX);
	enum ep_status status = perform(&exchange, err);
	*again = is_challenged(&exchange);
	if (status == EP_NOT_FOUND)
		return ep_fail(err, EP_UNREACHABLE, "there is no feed at %s", exchange.url);
	EP_TRY(status);
	request->changed = exchange.status == 200;
	request->waits = exchange.waits;
	if (request->changed)
		memcpy(request->tag, exchange.tag, sizeof request->tag);
	return EP_OK;
}

static enum ep_status
get_feed(void *context, struct ep_buffer *text, struct ep_feed_request *request,
         struct ep_error *err)
{
	bool again = false;
	enum ep_status status = ask_feed(&again, context, text, request, err);
	return again ? ask_feed(&again, context, text, request, err) : status;
}

/* What is asked for a packet. */
struct packet_request {
	int fd;
	const char *name;
	uint64_t size;
	bool anew; /* past all caches */
};

/* As get_packet; *again as of ask_feed. */
static enum ep_status
ask_packet(bool *again, struct ep_client *client, const struct packet_request *request,
           struct ep_error *err)
{
	const char *name = request->name;
	EXCHANGE struct exchange exchange;
	struct stat info;
	char range[32];
	EP_TRY(begin(&exchange, client, "packets/", name, err));
	if (fstat(request->fd, &info) != 0)
		return ep_fail_errno(err, errno, "cannot read packet %s", name);
	exchange.fd = request->fd;
	exchange.start = (uint64_t)info.st_size;
	exchange.most = request->size;
	set_patience(&exchange, SLOW_S, request->size);
	snprintf(range, sizeof range, "%" PRIu64 "-", exchange.start);
	if (exchange.start > 0)
		curl_easy_setopt(client->curl, CURLOPT_RANGE, range);
	if ((request->anew && !add_header(&exchange, "Cache-Control: no-cache")) ||
	    !add_pass(&exchange, "packets/", name))
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	enum ep_status status = perform(&exchange, err);
	*again = is_challenged(&exchange);
	return status;
}

static enum ep_status
get_packet(void *context, int fd, const char *name, uint64_t size, bool anew, struct ep_error *err)
{
	struct packet_request request = { fd, name, size, anew };
	bool again = false;
	enum ep_status status = ask_packet(&again, context, &request, err);
	return again ? ask_packet(&again, context, &request, err) : status;
}

/* Sends a body of so many bytes. */
static enum ep_status
post(struct exchange *exchange, uint64_t bytes, struct ep_error *err)
{
	/* A master that has much to do answers late. */
	set_patience(exchange, 10 * SLOW_S, bytes + exchange->body->max);
	enum ep_status status = perform(exchange, err);
	return status == EP_NOT_FOUND ? ep_fail(err, EP_BAD_INPUT,
	                                        "%s is not a master's: the path does not exist "
	                                        "there; if this web server has only the feed, use "
	                                        "`join --mirror` with it and the master's URL",
	                                        exchange->url)
	                              : status;
}

static enum ep_status
join(void *context, struct ep_buffer *answer, struct ep_text request, struct ep_error *err)
{
	struct ep_client *client = context;
	EXCHANGE struct exchange exchange;
	EP_TRY(begin(&exchange, client, "join", "", err));
	exchange.body = answer;
	if (!add_header(&exchange, "Content-Type: application/json"))
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request.size);
	curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, request.at);
	return post(&exchange, request.size, err);
}

static size_t
on_read(char *bytes, size_t one, size_t size, void *context)
{
	return fread(bytes, one, size, context);
}

static enum ep_status
contribute(void *context, struct ep_buffer *answer, const char *path,
           const uint8_t trailer[EP_TRAILER_SIZE], struct ep_error *err)
{
	struct ep_client *client = context;
	EXCHANGE struct exchange exchange;
	struct stat info;
	char hex[2 * EP_TRAILER_SIZE + 1];
	char line[sizeof hex + 32];
	EP_TRY(begin(&exchange, client, "contributions", "", err));
	exchange.body = answer;
	sodium_bin2hex(hex, sizeof hex, trailer, EP_TRAILER_SIZE);
	snprintf(line, sizeof line, "Echoprint-Trailer: %s", hex);
	if (!add_header(&exchange, "Content-Type: application/octet-stream") ||
	    !add_header(&exchange, line))
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	FILE *file = fopen(path, "rbe");
	if (!file || fstat(fileno(file), &info) != 0) {
		int failed = errno;
		if (file)
			fclose(file);
		return ep_fail_errno(err, failed, "cannot read %s", path);
	}
	curl_easy_setopt(client->curl, CURLOPT_POST, 1L);
	curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)info.st_size);
	curl_easy_setopt(client->curl, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(client->curl, CURLOPT_READDATA, file);
	enum ep_status status = post(&exchange, (uint64_t)info.st_size, err);
	fclose(file);
	return status;
}

struct ep_transport
ep_client_transport(struct ep_client *client)
{
	return (struct ep_transport){
		.feed = get_feed,
		.packet = get_packet,
		.join = join,
		.contribute = contribute,
		.context = client,
	};
}
