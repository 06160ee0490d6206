#include "net/stream/download.h"

#include "base/time.h"
#include "net/curl_usual.h"
#include "net/fields.h"
#include "net/late_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADERS_MAX ((size_t)65536) /* of all answers to a request */

struct ep_download {
	CURLM *multi;
	CURL *curl;
	bool busy; /* curl is in multi */
	struct curl_slist *headers;
	struct curl_slist *aliases;
	struct ep_download_request request;
	struct ep_download_answer answer;
	size_t header_bytes;
	bool paused;
	bool no_more;
	double heard_s; /* when something last came */
	char why[CURL_ERROR_SIZE];
};

enum ep_status
ep_download_open(struct ep_download **out, struct ep_error *err)
{
	EP_OWNED(ep_download_close)
	struct ep_download *download = calloc(1, sizeof *download);
	if (!download)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_late_curl(err));
	download->multi = curl_multi_init();
	download->curl = curl_easy_init();
	/* The first line of SHOUTcast before version 2. */
	download->aliases = curl_slist_append(NULL, "ICY 200 OK");
	if (!download->multi || !download->curl || !download->aliases)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a connection");
	*out = EP_TAKE(download);
	return EP_OK;
}

static void
end(struct ep_download *download)
{
	if (download->busy)
		curl_multi_remove_handle(download->multi, download->curl);
	download->busy = false;
	if (download->headers)
		curl_slist_free_all(download->headers);
	download->headers = NULL;
}

void
ep_download_close(struct ep_download *download)
{
	if (!download)
		return;
	if (download->multi && download->curl)
		end(download);
	if (download->aliases)
		curl_slist_free_all(download->aliases);
	if (download->curl)
		curl_easy_cleanup(download->curl);
	if (download->multi)
		curl_multi_cleanup(download->multi);
	free(download);
}

/* ---- what comes ---- */

static size_t
on_header(char *line, size_t one, size_t size, void *context)
{
	struct ep_download *download = context;
	struct ep_download_answer *answer = &download->answer;
	char number[24];
	size *= one;
	download->heard_s = ep_clock_s();
	download->header_bytes += size;
	if (size > 4 && (strncasecmp(line, "HTTP/", 5) == 0 || strncasecmp(line, "ICY ", 4) == 0)) {
		answer->type[0] = '\0';
		answer->titles_every = 0;
	}
	(void)ep_field_value(answer->type, sizeof answer->type, "Content-Type", line, size);
	if (ep_field_value(number, sizeof number, "icy-metaint", line, size)) {
		long every = strtol(number, NULL, 10);
		answer->titles_every = every > 0 ? (size_t)every : 0;
	}
	return download->header_bytes > HEADERS_MAX ? 0 : size;
}

static size_t
on_body(char *bytes, size_t one, size_t size, void *context)
{
	struct ep_download *download = context;
	const struct ep_download_request *request = &download->request;
	size *= one;
	download->heard_s = ep_clock_s();
	switch (request->take(request->context, (const uint8_t *)bytes, size)) {
	case EP_TAKEN_LATER:
		download->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	case EP_TAKEN_NO_MORE:
		download->no_more = true;
		return 0;
	case EP_TAKEN_ALL:
	default:
		return size;
	}
}

const struct ep_download_answer *
ep_download_answer(struct ep_download *download)
{
	char *url = NULL;
	curl_easy_getinfo(download->curl, CURLINFO_EFFECTIVE_URL, &url);
	curl_easy_getinfo(download->curl, CURLINFO_RESPONSE_CODE, &download->answer.status);
	download->answer.url = url ? url : "";
	return &download->answer;
}

/* ---- asking ---- */

static void
set_options(struct ep_download *download, const struct ep_download_request *request)
{
	CURL *curl = download->curl;
	ep_curl_usual(curl, request->url, download->why);
	curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)EP_DOWNLOAD_REDIRECTS);
	curl_easy_setopt(curl, CURLOPT_HTTP200ALIASES, download->aliases);
	/* In HTTP/2, what is not read is kept in memory. */
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, download);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, download);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, download->headers);
}

enum ep_status
ep_download_begin(struct ep_download *download, const struct ep_download_request *request,
                  struct ep_error *err)
{
	char range[64];
	end(download);
	curl_easy_reset(download->curl);
	download->request = *request;
	download->answer = (struct ep_download_answer){ .url = "" };
	download->header_bytes = 0;
	download->paused = download->no_more = false;
	download->heard_s = ep_clock_s();
	if (request->titles)
		download->headers = curl_slist_append(NULL, "Icy-MetaData: 1");
	if (request->titles && !download->headers)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	set_options(download, request);
	snprintf(range, sizeof range, "%" PRIu64 "-%" PRIu64, request->from,
	         request->from + request->size - 1);
	if (request->size > 0)
		curl_easy_setopt(download->curl, CURLOPT_RANGE, range);
	if (curl_multi_add_handle(download->multi, download->curl) != CURLM_OK)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a connection");
	download->busy = true;
	return EP_OK;
}

/* Says what a download came to that has ended. */
static enum ep_status
judge(struct ep_download *download, CURLcode code, struct ep_error *err)
{
	long status = 0;
	curl_easy_getinfo(download->curl, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_HTTP_RETURNED_ERROR)
		return ep_fail(err, EP_UNREACHABLE, "the server answered with status %ld%s", status,
		               status == 404   ? " (not found)"
		               : status == 401 ? " (a password is needed)"
		               : status == 403 ? " (forbidden)"
		               : status >= 500 ? " (it is busy or broken)"
		                               : "");
	if (code == CURLE_TOO_MANY_REDIRECTS)
		return ep_fail(err, EP_UNREACHABLE, "the server redirects more than %d times",
		               EP_DOWNLOAD_REDIRECTS);
	if (code == CURLE_UNSUPPORTED_PROTOCOL)
		return ep_fail(err, EP_UNREACHABLE,
		               "the server does not speak HTTP, or redirects to something else");
	if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT ||
	    code == CURLE_OPERATION_TIMEDOUT || code == CURLE_COULDNT_RESOLVE_PROXY)
		return ep_fail(err, EP_UNREACHABLE, "the server cannot be reached: %s",
		               download->why[0] ? download->why : curl_easy_strerror(code));
	if (code != CURLE_OK)
		return ep_fail(err, EP_UNREACHABLE, "the connection failed: %s",
		               download->why[0] ? download->why : curl_easy_strerror(code));
	if (download->request.size > 0 && status != 206)
		return ep_fail(err, EP_UNREACHABLE,
		               "the server sent a whole file where a part was asked for");
	return EP_OK;
}

enum ep_status
ep_download_step(bool *done, struct ep_download *download, struct ep_error *err)
{
	int running;
	int left;
	const CURLMsg *message;
	*done = false;
	curl_multi_perform(download->multi, &running);
	while ((message = curl_multi_info_read(download->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		*done = true;
		return download->no_more ? EP_OK : judge(download, message->data.result, err);
	}
	if (download->paused)
		download->heard_s = ep_clock_s();
	if (ep_clock_s() - download->heard_s > EP_DOWNLOAD_STALL_S)
		return ep_fail(err, EP_UNREACHABLE, "the server sent nothing for %d s",
		               EP_DOWNLOAD_STALL_S);
	return EP_OK;
}

void
ep_download_wait(struct ep_download *download, int reading, int writing, int timeout_ms)
{
	struct curl_waitfd others[2];
	unsigned count = 0;
	if (reading >= 0)
		others[count++] = (struct curl_waitfd){ .fd = reading, .events = CURL_WAIT_POLLIN };
	if (writing >= 0)
		others[count++] =
			(struct curl_waitfd){ .fd = writing, .events = CURL_WAIT_POLLOUT };
	curl_multi_poll(download->multi, others, count, timeout_ms, NULL);
}

bool
ep_download_is_paused(const struct ep_download *download)
{
	return download->paused;
}

void
ep_download_resume(struct ep_download *download)
{
	download->paused = false;
	curl_easy_pause(download->curl, CURLPAUSE_CONT);
}

/* ---- URLs ---- */

enum ep_status
ep_url_join(char **out, const char *base, struct ep_text relative, struct ep_error *err)
{
	EP_FREE char *text = strndup(relative.size ? relative.at : "", relative.size);
	EP_TRY(ep_late_curl(err));
	CURLU *url = curl_url();
	if (!text || !url) {
		if (url)
			curl_url_cleanup(url);
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	}
	char *whole = NULL;
	char *scheme = NULL;
	bool good = strlen(text) == relative.size && relative.size > 0 &&
	            (!*base || curl_url_set(url, CURLUPART_URL, base, 0) == CURLUE_OK) &&
	            curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
	            curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	            (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
	            curl_url_get(url, CURLUPART_URL, &whole, 0) == CURLUE_OK;
	char *copy = good ? strdup(whole) : NULL;
	if (whole)
		curl_free(whole);
	if (scheme)
		curl_free(scheme);
	curl_url_cleanup(url);
	if (!good)
		/* It is not shown, as it may have a password. */
		return ep_fail(err, EP_BAD_INPUT,
		               "this is no URL of a stream: it must lead to http:// or https://, "
		               "and its host and port must be right");
	if (!copy)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	*out = copy;
	return EP_OK;
}
