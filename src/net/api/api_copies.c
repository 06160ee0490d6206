/* /v1/copies and /v1/conflicts: what the user decides by hand; /v1/pending: what the master does.
 */
#include "net/api/api_internal.h"

#include "format/json_text.h"
#include "node/by_hand.h"
#include "node/listing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRONT "/v1/copies/"

/* A page of a list whose items have no place of their own: it goes on behind so many. */
struct page {
	json_t *items;
	uint64_t after;
	uint64_t limit;
	bool more;
	uint64_t seen; /* of lists that are walked through from their beginning */
	/* Of the conflicts: */
	struct ep_source_info *sources;
	size_t source_count;
	char id[256]; /* of the track at hand */
	uint64_t version; /* of it */
};

static bool
read_page(struct page *page, const struct ep_http_request *request, struct ep_http_answer *answer)
{
	*page = (struct page){ .limit = EP_API_PAGE };
	if (!ep_api_number(&page->after, request, "after", 0, INT64_MAX, answer) ||
	    !ep_api_number(&page->limit, request, "limit", 1, EP_API_PAGE_MAX, answer))
		return false;
	page->items = json_array();
	return true;
}

/* Whether the next item is on the page. EP_INTERRUPTED: it is behind it, and the walk ends: a slave
 * that has just joined may have millions. */
static enum ep_status
turn_page(bool *on, struct page *page)
{
	*on = page->seen++ >= page->after;
	page->more = *on && json_array_size(page->items) == page->limit;
	return page->more ? EP_INTERRUPTED : EP_OK;
}

/* Answers with a page of what a walk through the log adds to it; name: of the list. */
static void
list(struct ep_api *api, const struct ep_http_request *request, struct ep_http_answer *answer,
     const char *name,
     enum ep_status (*walk)(struct page *page, const struct ep_log_read *read,
                            struct ep_error *err))
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct page page;
	struct ep_error err;
	char next[24];
	if (!read_page(&page, request, answer))
		return;
	enum ep_status status = ep_log_read_begin(&read, api->log, &err);
	if (status == EP_OK)
		status = walk(&page, read, &err);
	snprintf(next, sizeof next, "%llu",
	         (unsigned long long)page.after + (unsigned long long)json_array_size(page.items));
	if (status == EP_OK || page.more)
		ep_api_answer(answer, 200,
		              json_pack("{s:O, s:s?}", name, page.items, "next",
		                        page.more ? next : NULL));
	else
		ep_api_fail(answer, &err);
	json_decref(page.items);
	free(page.sources);
}

/* ---- copies ---- */

static enum ep_status
on_copy(void *context, bool *enough, struct ep_text copy, const struct ep_link *link,
        struct ep_error *err)
{
	struct page *page = context;
	if (json_array_size(page->items) == page->limit) {
		*enough = page->more = true;
		return EP_OK;
	}
	return ep_json_add(page->items, ep_copy_json(copy, link), "a page of copies", err);
}

static enum ep_status
walk_copies(struct page *page, const struct ep_log_read *read, struct ep_error *err)
{
	return ep_each_copy(read, page->after, on_copy, page, err);
}

void
ep_api_list_copies(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	list(context, request, answer, "copies", walk_copies);
}

void
ep_api_link(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_api *api = context;
	const char *copy;
	const char *original;
	struct ep_error err;
	json_t *body = ep_api_json(request, answer);
	if (body &&
	    ep_api_unpack(body, answer, "{s:s, s:s}", "track_id", &copy, "original", &original) &&
	    ep_api_is_id(copy, answer) && ep_api_is_id(original, answer)) {
		pthread_mutex_lock(&api->writing);
		enum ep_status status = ep_node_link(api->options.node, copy, original, &err);
		pthread_mutex_unlock(&api->writing);
		if (status == EP_OK)
			ep_api_answer(
				answer, 201,
				json_pack("{s:s, s:s}", "track_id", copy, "original", original));
		else
			ep_api_fail(answer, &err);
	}
	json_decref(body);
}

void
ep_api_release(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct ep_api *api = context;
	struct ep_text id;
	struct ep_error err;
	if (!ep_api_id(&id, request, FRONT, answer))
		return;
	pthread_mutex_lock(&api->writing);
	enum ep_status status = ep_node_release(api->options.node, id.at, &err);
	pthread_mutex_unlock(&api->writing);
	if (status == EP_OK)
		ep_api_answer(answer, 200, json_pack("{s:o}", "released", ep_json_text(id)));
	else
		ep_api_fail(answer, &err);
}

/* ---- conflicts ---- */

static enum ep_status
on_conflict(void *context, const struct ep_entry *entry, struct ep_error *err)
{
	struct page *page = context;
	bool same = ep_text_equal(ep_text_of(page->id), entry->id);
	page->version = same ? page->version + 1 : 1;
	snprintf(page->id, sizeof page->id, "%.*s", ep_text_print_size(entry->id), entry->id.at);
	bool on;
	json_t *item;
	EP_TRY(turn_page(&on, page));
	if (!on)
		return EP_OK;
	const char *source = ep_source_name(page->sources, page->source_count, entry->source, "");
	EP_TRY(ep_conflict_json(&item, entry, source, page->version, err));
	return ep_json_add(page->items, item, "a page of conflicts", err);
}

static enum ep_status
walk_conflicts(struct page *page, const struct ep_log_read *read, struct ep_error *err)
{
	EP_TRY(ep_log_sources(&page->sources, &page->source_count, read, err));
	return ep_log_conflicts(read, on_conflict, page, err);
}

void
ep_api_list_conflicts(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	list(context, request, answer, "conflicts", walk_conflicts);
}

/* ---- what waits for the master ---- */

static enum ep_status
on_pending(void *context, const struct ep_unconfirmed *pending, struct ep_error *err)
{
	struct page *page = context;
	json_t *item;
	bool on;
	EP_TRY(turn_page(&on, page));
	if (!on)
		return EP_OK;
	EP_TRY(ep_pending_json(&item, pending, err));
	return ep_json_add(page->items, item, "a page of changes", err);
}

static enum ep_status
walk_pending(struct page *page, const struct ep_log_read *read, struct ep_error *err)
{
	return ep_log_unconfirmed(read, on_pending, page, err);
}

void
ep_api_list_pending(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	list(context, request, answer, "pending", walk_pending);
}

/* ---- settling ---- */

static void
settle(struct ep_api *api, const char *id, bool accept, size_t version,
       struct ep_http_answer *answer)
{
	struct ep_error err;
	pthread_mutex_lock(&api->writing);
	enum ep_status status =
		ep_node_settle_conflict(api->options.node, id, accept, version, &err);
	pthread_mutex_unlock(&api->writing);
	if (status == EP_OK)
		ep_api_answer(answer, 200,
		              json_pack("{s:s, s:s}", "track_id", id, "action",
		                        accept ? "accept" : "drop"));
	else
		ep_api_fail(answer, &err);
}

void
ep_api_settle(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	const char *id;
	const char *action;
	double version = 0;
	json_t *body = ep_api_json(request, answer);
	if (body && ep_api_unpack(body, answer, "{s:s, s:s, s?F}", "track_id", &id, "action",
	                          &action, "version", &version)) {
		bool accept = strcmp(action, "accept") == 0;
		if (!accept && strcmp(action, "drop") != 0)
			ep_api_refuse(answer, 400, "bad_request",
			              "action must be \"accept\" or \"drop\"");
		else if (version < 0 || version > 1000 || floor(version) != version)
			ep_api_refuse(answer, 400, "bad_request",
			              "version must be a number from 0 to 1000");
		else if (ep_api_is_id(id, answer))
			settle(context, id, accept, (size_t)version, answer);
	}
	json_decref(body);
}
