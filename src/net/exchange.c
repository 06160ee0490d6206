#include "net/exchange.h"

#include "net/curl_usual.h"
#include "net/late_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Slower than so many bytes a second is silent. */
#define SLOW_BYTES 10L

/* An answer may take so many times as long as the server may be silent. */
#define LONGEST 10L

struct ep_exchanger {
	CURL *curl;
	char *user;
	const atomic_bool *stop;
	char why[CURL_ERROR_SIZE];
};

/* An answer on its way. */
struct arrival {
	struct ep_buffer *answer;
	bool too_much;
};

enum ep_status
ep_exchanger_new(struct ep_exchanger **out, const struct ep_exchanger_options *options,
                 struct ep_error *err)
{
	EP_TRY(ep_late_curl(err));
	EP_OWNED(ep_exchanger_free)
	struct ep_exchanger *exchanger = calloc(1, sizeof *exchanger);
	if (!exchanger)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a connection");
	exchanger->stop = options->stop;
	exchanger->user = options->user ? strdup(options->user) : NULL;
	exchanger->curl = curl_easy_init();
	if (!exchanger->curl || (options->user && !exchanger->user))
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a connection");
	*out = EP_TAKE(exchanger);
	return EP_OK;
}

void
ep_exchanger_free(struct ep_exchanger *exchanger)
{
	if (!exchanger)
		return;
	if (exchanger->curl)
		curl_easy_cleanup(exchanger->curl);
	free(exchanger->user);
	free(exchanger);
}

static int
on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)a, (void)b, (void)c, (void)d;
	const struct ep_exchanger *exchanger = context;
	return exchanger->stop && atomic_load(exchanger->stop);
}

static size_t
on_body(char *bytes, size_t one, size_t size, void *context)
{
	struct arrival *arrival = context;
	size *= one;
	arrival->too_much = ep_buffer_append(arrival->answer, bytes, size, NULL) != EP_OK;
	return arrival->too_much ? 0 : size;
}

/* Sets all but the headers. */
static void
prepare(struct ep_exchanger *exchanger, const struct ep_exchange *exchange, struct arrival *arrival)
{
	CURL *curl = exchanger->curl;
	curl_easy_reset(curl);
	ep_curl_usual(curl, exchange->url, exchanger->why);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, exchange->silent_s);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, LONGEST * exchange->silent_s);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchanger);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, arrival);
	if (exchanger->user)
		curl_easy_setopt(curl, CURLOPT_USERPWD, exchanger->user);
	if (!exchange->type)
		return;
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body.size);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, exchange->body.size ? exchange->body.at : "");
}

/* Makes the headers of a POST. NULL: there is no memory. */
static struct curl_slist *
make_headers(const char *type)
{
	char line[128];
	snprintf(line, sizeof line, "Content-Type: %s", type);
	struct curl_slist *list = curl_slist_append(NULL, line);
	/* Without this libcurl first asks whether a large body is welcome, and waits. */
	struct curl_slist *more = list ? curl_slist_append(list, "Expect:") : NULL;
	if (!more)
		curl_slist_free_all(list);
	return more;
}

static enum ep_status
perform(struct ep_exchanger *exchanger, struct ep_exchange *exchange, const struct arrival *arrival,
        struct ep_error *err)
{
	int size = (int)strcspn(exchange->url, "?");
	CURLcode code = curl_easy_perform(exchanger->curl);
	if (arrival->too_much)
		return ep_fail(err, EP_CORRUPT, "%.*s answers with more than %zu bytes", size,
		               exchange->url, exchange->answer->max);
	if (code == CURLE_ABORTED_BY_CALLBACK)
		return ep_fail(err, EP_INTERRUPTED, "interrupted");
	if (code != CURLE_OK)
		return ep_fail(err, EP_UNREACHABLE, "cannot reach %.*s: %s", size, exchange->url,
		               exchanger->why[0] ? exchanger->why : curl_easy_strerror(code));
	curl_easy_getinfo(exchanger->curl, CURLINFO_RESPONSE_CODE, &exchange->status);
	return EP_OK;
}

enum ep_status
ep_exchange(struct ep_exchanger *exchanger, struct ep_exchange *exchange, struct ep_error *err)
{
	struct arrival arrival = { .answer = exchange->answer };
	struct curl_slist *headers = NULL;
	exchange->answer->size = 0;
	prepare(exchanger, exchange, &arrival);
	if (exchange->type) {
		headers = make_headers(exchange->type);
		if (!headers)
			return ep_fail(err, EP_NO_MEMORY, "out of memory for a request");
		curl_easy_setopt(exchanger->curl, CURLOPT_HTTPHEADER, headers);
	}
	enum ep_status status = perform(exchanger, exchange, &arrival, err);
	curl_slist_free_all(headers);
	return status;
}
