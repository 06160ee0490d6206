#include "net/solr/solr.h"

#include "base/time.h"
#include "net/exchange.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* An index of a large collection is slow while it is cold, and so is a commit. */
#define SILENT_S 120L
#define ANSWER_MAX ((size_t)256 << 20)
#define ANSWER_KEPT ((size_t)1 << 20)
#define WAIT_MIN_S 0.25
#define WAIT_MAX_S 10.0

struct ep_solr {
	struct ep_exchanger *exchanger;
	char *list; /* the URLs, each ended by NUL */
	const char *urls[EP_SOLR_URLS_MAX];
	size_t url_count;
	size_t first; /* the one that answered last */
	char collection[EP_SOLR_NAME_MAX + 1];
	double patience_s;
	const atomic_bool *stop;
	struct ep_buffer url;
	struct ep_buffer answer;
};

/* ---- opening ---- */

static bool
is_name(const char *name)
{
	size_t size = strlen(name);
	for (const char *at = name; *at; at++) {
		if (!isalnum((unsigned char)*at) && !strchr("._-", *at))
			return false;
	}
	return size >= 1 && size <= EP_SOLR_NAME_MAX && *name != '-';
}

static enum ep_status
check_url(const char *url, struct ep_error *err)
{
	bool http = strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
	if (!http)
		return ep_fail(err, EP_USAGE,
		               "\"%s\" is no URL of Solr: expected one such as "
		               "http://HOST:8983/solr",
		               url);
	if (strchr(url, '@'))
		return ep_fail(err, EP_USAGE,
		               "a URL of Solr has no user and password: put NAME:PASSWORD in a "
		               "file, and name it with --auth-file");
	if (strpbrk(url, "?# "))
		return ep_fail(err, EP_USAGE, "\"%s\" is no URL of Solr: it has a ?, # or blank",
		               url);
	return EP_OK;
}

/* Parts the list of URLs at its commas. */
static enum ep_status
part_urls(struct ep_solr *solr, struct ep_error *err)
{
	for (char *rest = solr->list, *url; (url = strsep(&rest, ",")) != NULL;) {
		size_t size = strlen(url);
		while (size > 0 && url[size - 1] == '/')
			url[--size] = '\0';
		EP_TRY(check_url(url, err));
		if (solr->url_count == EP_SOLR_URLS_MAX)
			return ep_fail(err, EP_USAGE, "give at most %d URLs of Solr",
			               EP_SOLR_URLS_MAX);
		solr->urls[solr->url_count++] = url;
	}
	return EP_OK;
}

enum ep_status
ep_solr_open(struct ep_solr **out, const struct ep_solr_options *options, struct ep_error *err)
{
	struct ep_exchanger_options exchanger = { options->user, options->stop };
	if (!is_name(options->collection))
		return ep_fail(err, EP_USAGE,
		               "\"%s\" is no name of a collection: it must have 1 to %d of A-Z "
		               "a-z 0-9 . _ - and not begin with -",
		               options->collection, EP_SOLR_NAME_MAX);
	EP_OWNED(ep_solr_close)
	struct ep_solr *solr = calloc(1, sizeof *solr);
	if (!solr)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	snprintf(solr->collection, sizeof solr->collection, "%s", options->collection);
	solr->patience_s = options->patience_s;
	solr->stop = options->stop;
	solr->answer.max = ANSWER_MAX;
	solr->list = strdup(options->urls);
	if (!solr->list)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(part_urls(solr, err));
	EP_TRY(ep_exchanger_new(&solr->exchanger, &exchanger, err));
	*out = EP_TAKE(solr);
	return EP_OK;
}

void
ep_solr_close(struct ep_solr *solr)
{
	if (!solr)
		return;
	ep_exchanger_free(solr->exchanger);
	free(solr->list);
	ep_buffer_free(&solr->url);
	ep_buffer_free(&solr->answer);
	free(solr);
}

const char *
ep_solr_collection(const struct ep_solr *solr)
{
	return solr->collection;
}

/* ---- answers ---- */

const char *
ep_solr_words(const json_t *answer)
{
	const json_t *error = json_object_get(answer, "error");
	const char *words = json_string_value(json_object_get(error, "msg"));
	return words ? words : "";
}

uint64_t
ep_solr_number(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	if (json_is_string(value))
		return strtoull(json_string_value(value), NULL, 10);
	json_int_t number = json_integer_value(value);
	return number > 0 ? (uint64_t)number : 0;
}

/* The object that was answered; NULL where it is none. */
static json_t *
parse(struct ep_solr *solr)
{
	const char *text = (const char *)solr->answer.data;
	json_t *answer = text ? json_loadb(text, solr->answer.size, JSON_ALLOW_NUL, NULL) : NULL;
	if (solr->answer.capacity > ANSWER_KEPT)
		ep_buffer_free(&solr->answer);
	if (json_is_object(answer))
		return answer;
	json_decref(answer);
	return NULL;
}

static bool
is_partial(const json_t *answer)
{
	const json_t *header = json_object_get(answer, "responseHeader");
	const json_t *partial = json_object_get(header, "partialResults");
	return partial && !json_is_false(partial);
}

/* Fills the call with an answer of a status below 500. */
static enum ep_status
take_answer(struct ep_solr_call *call, struct ep_solr *solr, const char *url, struct ep_error *err)
{
	json_t *answer = parse(solr);
	if (call->status == 401 || call->status == 403) {
		json_decref(answer);
		return ep_fail(err, EP_BAD_INPUT,
		               "%s refuses access (%ld): give --auth-file a file with "
		               "NAME:PASSWORD of a user who may do this",
		               url, call->status);
	}
	if (!answer && call->status < 400)
		return ep_fail(err, EP_BAD_INPUT,
		               "%s does not answer as Solr does (status %ld, no JSON object): is "
		               "this the URL of Solr, such as http://HOST:8983/solr?",
		               url, call->status);
	if (is_partial(answer)) {
		json_decref(answer);
		return ep_fail(err, EP_UNREACHABLE, "%s answers for some shards only", url);
	}
	call->answer = answer ? answer : json_object();
	return call->answer ? EP_OK : ep_fail(err, EP_NO_MEMORY, "out of memory for an answer");
}

/* ---- asking ---- */

static enum ep_status
set_url(struct ep_solr *solr, const char *url, const char *path, struct ep_error *err)
{
	solr->url.size = 0;
	EP_TRY(ep_buffer_append(&solr->url, url, strlen(url), err));
	EP_TRY(ep_buffer_append(&solr->url, "/", 1, err));
	return ep_buffer_append(&solr->url, path, strlen(path) + 1, err);
}

/* Asks one node. */
static enum ep_status
ask_node(struct ep_solr_call *call, struct ep_solr *solr, const char *url, struct ep_error *err)
{
	EP_TRY(set_url(solr, url, call->path, err));
	struct ep_exchange exchange = { .url = (const char *)solr->url.data,
		                        .type = call->type,
		                        .body = call->body,
		                        .silent_s = SILENT_S,
		                        .answer = &solr->answer };
	EP_TRY(ep_exchange(solr->exchanger, &exchange, err));
	call->status = exchange.status;
	call->answer = NULL;
	if (exchange.status < 500 && exchange.status != 429)
		return take_answer(call, solr, url, err);
	EP_JSON json_t *answer = parse(solr);
	return ep_fail(err, EP_UNREACHABLE, "%s cannot answer now (%ld): %.300s", url,
	               exchange.status, ep_solr_words(answer));
}

/* Asks the node that the cluster names; user and password are meant for those of the URLs. */
static enum ep_status
ask_replica(struct ep_solr_call *call, struct ep_solr *solr, struct ep_error *err)
{
	if (strncmp(solr->urls[0], "https:", 6) == 0 && strncmp(call->node, "https:", 6) != 0)
		return ep_fail(err, EP_BAD_INPUT,
		               "the cluster names the node %s, without TLS, although it is asked "
		               "with TLS: set its urlScheme to https",
		               call->node);
	return ask_node(call, solr, call->node, err);
}

/* Asks the nodes, one after the other, until one answers. */
static enum ep_status
ask_round(struct ep_solr_call *call, struct ep_solr *solr, struct ep_error *err)
{
	if (call->node)
		return ask_replica(call, solr, err);
	enum ep_status status = EP_UNREACHABLE;
	bool more = true;
	for (size_t i = 0; more && i < solr->url_count; i++) {
		size_t number = (solr->first + i) % solr->url_count;
		if (i > 0 && status == EP_OK)
			ep_json_release(&call->answer);
		call->repeated |= i > 0;
		status = ask_node(call, solr, solr->urls[number], err);
		/* A node that is starting, or has another path, answers 404. */
		more = status == EP_UNREACHABLE || (status == EP_OK && call->status == 404);
		if (!more)
			solr->first = number;
	}
	return status;
}

static bool
is_stopped(const struct ep_solr *solr)
{
	return solr->stop && atomic_load(solr->stop);
}

static void
rest(const struct ep_solr *solr, double seconds)
{
	double until = ep_clock_s() + seconds;
	while (!is_stopped(solr) && ep_clock_s() < until)
		nanosleep(&(struct timespec){ .tv_nsec = 20 * 1000000L }, NULL);
}

enum ep_status
ep_solr_call(struct ep_solr *solr, struct ep_solr_call *call, struct ep_error *err)
{
	double until = ep_clock_s() + solr->patience_s;
	double wait = WAIT_MIN_S;
	call->repeated = false;
	for (;;) {
		enum ep_status status = ask_round(call, solr, err);
		if (status != EP_UNREACHABLE || ep_clock_s() + wait > until)
			return status;
		call->repeated = true;
		rest(solr, wait);
		if (is_stopped(solr))
			return ep_fail(err, EP_INTERRUPTED, "interrupted");
		wait = 2 * wait < WAIT_MAX_S ? 2 * wait : WAIT_MAX_S;
	}
}

enum ep_status
ep_solr_ask(json_t **answer, struct ep_solr *solr, const struct ep_solr_call *asked,
            struct ep_error *err)
{
	struct ep_solr_call call = *asked;
	EP_TRY(ep_solr_call(solr, &call, err));
	if (call.status < 400) {
		*answer = call.answer;
		return EP_OK;
	}
	const char *words = ep_solr_words(call.answer);
	enum ep_status status = ep_fail(err, call.status == 404 ? EP_NOT_FOUND : EP_BAD_INPUT,
	                                "Solr refuses %.100s (%ld)%s%.300s", call.path, call.status,
	                                *words ? ": " : "", words);
	json_decref(call.answer);
	return status;
}
