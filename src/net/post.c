#include "net/post.h"

#include "net/curl_usual.h"
#include "net/late_names.h"

#include <stdbool.h>

#define POST_S 30L

/* What a server answers is of no use. */
static size_t
on_body(char *bytes, size_t one, size_t size, void *context)
{
	(void)bytes, (void)context;
	return one * size;
}

static int
on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)a, (void)b, (void)c, (void)d;
	const atomic_bool *stop = context;
	return atomic_load(stop);
}

static bool
add_headers(struct curl_slist **list, const char *const *headers)
{
	/* Without this libcurl first asks whether a large body is welcome, and waits. */
	*list = curl_slist_append(NULL, "Expect:");
	bool good = *list != NULL;
	for (; good && *headers; headers++) {
		struct curl_slist *more = curl_slist_append(*list, *headers);
		good = more != NULL;
		*list = good ? more : *list;
	}
	return good;
}

static enum ep_status
perform(CURL *curl, const char *why, struct ep_error *err)
{
	long answer = 0;
	CURLcode code = curl_easy_perform(curl);
	if (code == CURLE_ABORTED_BY_CALLBACK)
		return ep_fail(err, EP_INTERRUPTED, "interrupted");
	if (code != CURLE_OK)
		return ep_fail(err, EP_UNREACHABLE, "%s", *why ? why : curl_easy_strerror(code));
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer);
	return answer >= 200 && answer <= 299
	               ? EP_OK
	               : ep_fail(err, EP_UNREACHABLE,
	                         "it answered with status %ld; expected 200 to 299", answer);
}

static enum ep_status
send_with(CURL *curl, const struct ep_post *post, struct ep_error *err)
{
	char why[CURL_ERROR_SIZE];
	struct curl_slist *headers;
	if (!add_headers(&headers, post->headers)) {
		curl_slist_free_all(headers);
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a request");
	}
	why[0] = '\0';
	ep_curl_usual(curl, post->url, why);
	if (post->stop) {
		curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
		curl_easy_setopt(curl, CURLOPT_XFERINFODATA, post->stop);
	}
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, POST_S);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->body.size);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, post->body.at);
	enum ep_status status = perform(curl, why, err);
	curl_slist_free_all(headers);
	return status;
}

enum ep_status
ep_post(const struct ep_post *post, struct ep_error *err)
{
	EP_TRY(ep_late_curl(err));
	CURL *curl = curl_easy_init();
	if (!curl)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a connection");
	enum ep_status status = send_with(curl, post, err);
	curl_easy_cleanup(curl);
	return status;
}
