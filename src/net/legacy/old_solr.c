#include "net/legacy/old_solr.h"

#include "net/exchange.h"
#include "net/form.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A core that merges its index can be silent for minutes. */
#define SILENT_S 600L

/* What an answer may have: a page of 1,000 documents has a third of a megabyte. */
#define ANSWER_MAX ((size_t)64 << 20)

#define CORE "/solr/fp"

struct ep_old_solr {
	struct ep_exchanger *exchanger;
	char *select; /* URLs */
	char *update;
	struct ep_buffer form;
	struct ep_buffer answer;
};

/* ---- opening ---- */

static enum ep_status
check_url(const char *url, struct ep_error *err)
{
	const char *host = strstr(url, "://");
	bool http = strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
	if (!http || !host[3] || host[3] == '/' || strpbrk(url, "?#@ "))
		return ep_fail(err, EP_USAGE,
		               "\"%s\" is not the URL of a Solr core: it must have the form "
		               "http://127.0.0.1:8502" CORE,
		               url);
	return EP_OK;
}

/* The URL of a place in the core, for free(). */
static enum ep_status
make_url(char **out, const char *url, const char *place, struct ep_error *err)
{
	size_t size = strlen(url);
	while (size && url[size - 1] == '/')
		size--;
	const char *host = strstr(url, "://") + 3;
	const char *path = memchr(host, '/', size - (size_t)(host - url)) ? "" : CORE;
	if (asprintf(out, "%.*s%s/%s", (int)size, url, path, place) < 0) {
		*out = NULL;
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a URL");
	}
	return EP_OK;
}

enum ep_status
ep_old_solr_new(struct ep_old_solr **out, const char *url, const atomic_bool *stop,
                struct ep_error *err)
{
	EP_TRY(check_url(url, err));
	EP_OWNED(ep_old_solr_free)
	struct ep_old_solr *solr = calloc(1, sizeof *solr);
	struct ep_exchanger_options options = { .stop = stop };
	if (!solr)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a connection");
	solr->answer.max = ANSWER_MAX;
	EP_TRY(make_url(&solr->select, url, "select", err));
	EP_TRY(make_url(&solr->update, url, "update", err));
	EP_TRY(ep_exchanger_new(&solr->exchanger, &options, err));
	*out = EP_TAKE(solr);
	return EP_OK;
}

void
ep_old_solr_free(struct ep_old_solr *solr)
{
	if (!solr)
		return;
	ep_exchanger_free(solr->exchanger);
	free(solr->select);
	free(solr->update);
	ep_buffer_free(&solr->form);
	ep_buffer_free(&solr->answer);
	free(solr);
}

/* ---- requests ---- */

/* Solr's own words for an error, which are in the page's pre element. */
static struct ep_text
words_of_error(struct ep_text page)
{
	static const char mark[] = "<pre>";
	const char *pre = page.size ? memmem(page.at, page.size, mark, strlen(mark)) : NULL;
	struct ep_text words = page;
	if (pre) {
		words.at = pre + strlen(mark);
		words.size = page.size - (size_t)(words.at - page.at);
	}
	size_t size = 0;
	while (size < words.size && size < 200 && words.at[size] != '\n' && words.at[size] != '<')
		size++;
	words.size = size;
	return words;
}

/* Posts a body; the answer is in solr->answer. */
static enum ep_status
post(struct ep_old_solr *solr, const char *url, const char *type, struct ep_text body,
     struct ep_error *err)
{
	struct ep_exchange exchange = { .url = url,
		                        .type = type,
		                        .body = body,
		                        .silent_s = SILENT_S,
		                        .answer = &solr->answer };
	EP_TRY(ep_exchange(solr->exchanger, &exchange, err));
	struct ep_text words = words_of_error(ep_buffer_text(&solr->answer));
	if (exchange.status == 404)
		return ep_fail(err, EP_IO,
		               "%s is not there (status 404): is this the URL of the core, such as "
		               "http://127.0.0.1:8502" CORE "?",
		               url);
	if (exchange.status != 200)
		return ep_fail(err, EP_IO, "%s refuses with status %ld: %.*s", url, exchange.status,
		               (int)words.size, words.at);
	return EP_OK;
}

/* Appends a character of four bytes of UTF-8 as two surrogates of CESU-8: Jetty 6 reads no other
 * form of it in a form. */
static enum ep_status
add_surrogates(struct ep_buffer *form, const uint8_t *at, struct ep_error *err)
{
	uint32_t point = (uint32_t)(at[0] & 7) << 18 | (uint32_t)(at[1] & 0x3f) << 12 |
	                 (uint32_t)(at[2] & 0x3f) << 6 | (at[3] & 0x3f);
	uint32_t bits = point - 0x10000;
	uint32_t halves[] = { 0xd800 | bits >> 10, 0xdc00 | (bits & 0x3ff) };
	for (size_t i = 0; i < 2; i++) {
		EP_TRY(ep_form_escape(form, (uint8_t)(0xe0 | halves[i] >> 12), err));
		EP_TRY(ep_form_escape(form, (uint8_t)(0x80 | (halves[i] >> 6 & 0x3f)), err));
		EP_TRY(ep_form_escape(form, (uint8_t)(0x80 | (halves[i] & 0x3f)), err));
	}
	return EP_OK;
}

/* Appends a text as a form has it. */
static enum ep_status
add_escaped(struct ep_buffer *form, struct ep_text text, struct ep_error *err)
{
	bool utf8 = ep_text_is_utf8(text);
	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = (uint8_t)text.at[i];
		bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
		             (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' ||
		             byte == '.';
		if (plain) {
			EP_TRY(ep_buffer_append(form, &byte, 1, err));
		} else if (utf8 && byte >= 0xf0) {
			EP_TRY(add_surrogates(form, (const uint8_t *)text.at + i, err));
			i += 3;
		} else {
			EP_TRY(ep_form_escape(form, byte, err));
		}
	}
	return EP_OK;
}

static enum ep_status
make_form(struct ep_buffer *form, const struct ep_old_select *select, struct ep_error *err)
{
	static const char fields[] =
		"&fl=track_id,codever,length,artist,release,track,source,import_date&q=";
	char front[96];
	int size = snprintf(front, sizeof front, "wt=json&echoParams=none&rows=%zu&start=%" PRIu64,
	                    select->rows, select->start);
	form->size = 0;
	EP_TRY(ep_buffer_append(form, front, (size_t)size, err));
	EP_TRY(ep_buffer_append(form, fields, strlen(fields), err));
	EP_TRY(add_escaped(form, select->query, err));
	if (!select->sort)
		return EP_OK;
	EP_TRY(ep_buffer_append(form, "&sort=", 6, err));
	return add_escaped(form, ep_text_of(select->sort), err);
}

enum ep_status
ep_old_solr_select(struct ep_old_page *page, struct ep_old_solr *solr,
                   const struct ep_old_select *select, struct ep_error *err)
{
	EP_TRY(make_form(&solr->form, select, err));
	EP_TRY(post(solr, solr->select, "application/x-www-form-urlencoded; charset=utf-8",
	            ep_buffer_text(&solr->form), err));
	enum ep_status status = ep_old_page_read(page, &solr->answer, err);
	if (status == EP_CORRUPT)
		ep_error_prefix(err, "%s: ", solr->select);
	if (status == EP_OK && page->count > select->rows)
		return ep_fail(err, EP_CORRUPT,
		               "%s answers with %zu documents, but %zu were asked "
		               "for",
		               solr->select, page->count, select->rows);
	return status;
}

enum ep_status
ep_old_solr_update(struct ep_old_solr *solr, struct ep_text xml, struct ep_error *err)
{
	static const char done[] = "<int name=\"status\">0</int>";
	EP_TRY(post(solr, solr->update, "text/xml; charset=utf-8", xml, err));
	struct ep_text answer = ep_buffer_text(&solr->answer);
	if (!answer.size || !memmem(answer.at, answer.size, done, strlen(done)))
		return ep_fail(err, EP_CORRUPT, "%s answers, but not with %s: is it Solr of 2011?",
		               solr->update, done);
	return EP_OK;
}

enum ep_status
ep_old_solr_commit(struct ep_old_solr *solr, struct ep_error *err)
{
	return ep_old_solr_update(solr, ep_text_of("<commit />"), err);
}

enum ep_status
ep_old_query_quote(struct ep_buffer *query, struct ep_text text, struct ep_error *err)
{
	EP_TRY(ep_buffer_append(query, "\"", 1, err));
	for (size_t i = 0; i < text.size; i++) {
		if (text.at[i] == '"' || text.at[i] == '\\')
			EP_TRY(ep_buffer_append(query, "\\", 1, err));
		EP_TRY(ep_buffer_append(query, text.at + i, 1, err));
	}
	return ep_buffer_append(query, "\"", 1, err);
}
