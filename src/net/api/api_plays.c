/* GET /v1/plays: what streams played, and when they were not heard. */
#include "net/api/api_internal.h"

#include "format/json_text.h"
#include "node/node.h"
#include "node/play_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Bytes of texts in a page, but for its last play or gap. */
#define BYTES_MAX ((size_t)4 << 20)

/* Where the next page begins: two ranges, without their streams, as four numbers. */
#define PLACE_TEXT 96

struct page {
	const struct ep_plays_read *read;
	uint64_t limit;
	size_t bytes;
	struct ep_plays_range play_range; /* what the next page has of plays; the same of gaps */
	struct ep_plays_range gap_range;
	json_t *plays;
	json_t *gaps;
	bool more;
};

/* ---- one ---- */

/* Whether there is room for one more; the next page has what comes then. */
static bool
has_room(struct page *page, const json_t *items)
{
	bool room = json_array_size(items) < page->limit && page->bytes < BYTES_MAX;
	page->more = page->more || !room;
	return room;
}

static enum ep_status
on_play(void *context, const struct ep_logged_play *play, struct ep_error *err)
{
	struct page *page = context;
	struct ep_logged_stream stream;
	if (!has_room(page, page->plays))
		return EP_OK;
	EP_TRY(ep_plays_stream(&stream, page->read, play->stream, err));
	page->play_range.from_ms = play->start_ms;
	page->play_range.after = play->number;
	page->bytes += play->artist.size + play->release.size + play->track.size +
	               play->fields.size + stream.tags.size;
	return ep_json_add(page->plays, ep_play_json(play, &stream, EP_PLAY_TOLD_NOW),
	                   "a page of plays", err);
}

static enum ep_status
on_gap(void *context, const struct ep_gap *gap, struct ep_error *err)
{
	struct page *page = context;
	struct ep_logged_stream stream;
	if (!has_room(page, page->gaps))
		return EP_OK;
	EP_TRY(ep_plays_stream(&stream, page->read, gap->stream, err));
	page->gap_range.from_ms = gap->start_ms;
	page->gap_range.after = gap->number;
	page->bytes += gap->reason.size;
	return ep_json_add(page->gaps, ep_gap_json(gap, &stream), "a page of plays", err);
}

/* ---- a page ---- */

/* Fills the page from the log of plays; without one it stays empty. */
static enum ep_status
fill(struct page *page, const struct ep_node_options *node, const char *stream_name,
     struct ep_error *err)
{
	EP_OWNED(ep_plays_close)
	struct ep_plays *plays = NULL;
	EP_OWNED(ep_plays_read_end)
	struct ep_plays_read *read = NULL;
	struct ep_logged_stream stream = { 0 };
	enum ep_status status = ep_plays_open(&plays, node->folder, false, node->map_size, err);
	if (status == EP_NOT_FOUND)
		return EP_OK;
	EP_TRY(status);
	EP_TRY(ep_plays_read_begin(&read, plays, err));
	if (stream_name)
		EP_TRY(ep_plays_stream_named(&stream, read, ep_text_of(stream_name), err));
	page->read = read;
	page->play_range.stream = page->gap_range.stream = stream.number;
	/* One more shows whether there is another page. */
	page->play_range.most = page->gap_range.most = page->limit + 1;
	const struct ep_plays_range of_plays = page->play_range;
	const struct ep_plays_range of_gaps = page->gap_range;
	EP_TRY(ep_plays_each_play(read, &of_plays, on_play, page, err));
	return ep_plays_each_gap(read, &of_gaps, on_gap, page, err);
}

static void
answer_page(struct ep_api *api, struct page *page, const char *stream,
            struct ep_http_answer *answer)
{
	struct ep_error err;
	char next[PLACE_TEXT];
	page->plays = json_array();
	page->gaps = json_array();
	pthread_mutex_lock(&api->plays);
	enum ep_status status = fill(page, ep_node_options(api->options.node), stream, &err);
	pthread_mutex_unlock(&api->plays);
	snprintf(next, sizeof next, "%" PRId64 ".%" PRIu64 ".%" PRId64 ".%" PRIu64,
	         page->play_range.from_ms, page->play_range.after, page->gap_range.from_ms,
	         page->gap_range.after);
	if (status == EP_OK)
		ep_api_answer(answer, 200,
		              json_pack("{s:O, s:O, s:s?}", "plays", page->plays, "gaps",
		                        page->gaps, "next", page->more ? next : NULL));
	else
		ep_api_fail(answer, &err);
	json_decref(page->plays);
	json_decref(page->gaps);
}

/* ---- parameters ---- */

static bool
read_place(struct page *page, const char *text)
{
	int64_t numbers[4];
	for (size_t i = 0; i < 4; i++) {
		char *end;
		errno = 0;
		numbers[i] = strtoll(text, &end, 10);
		bool good = end != text && errno == 0 && (i % 2 == 0 || numbers[i] >= 0);
		if (!good || *end != (i < 3 ? '.' : '\0'))
			return false;
		text = end + 1;
	}
	page->play_range.from_ms = numbers[0];
	page->play_range.after = (uint64_t)numbers[1];
	page->gap_range.from_ms = numbers[2];
	page->gap_range.after = (uint64_t)numbers[3];
	return true;
}

void
ep_api_list_plays(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	struct page page = { .limit = EP_API_PAGE };
	struct ep_plays_range range = { .from_ms = INT64_MIN, .to_ms = INT64_MAX };
	const char *stream;
	const char *after;
	if (!ep_api_text(&stream, request, "stream", EP_STREAM_NAME_MAX, answer) ||
	    !ep_api_text(&after, request, "after", PLACE_TEXT, answer) ||
	    !ep_api_number(&page.limit, request, "limit", 1, EP_API_PAGE_MAX, answer) ||
	    !ep_api_moment(&range.from_ms, request, "from", answer) ||
	    !ep_api_moment(&range.to_ms, request, "to", answer))
		return;
	page.play_range = page.gap_range = range;
	if (after && !read_place(&page, after))
		ep_api_refuse(answer, 400, "bad_request",
		              "the parameter after must be the next of another page");
	else
		answer_page(context, &page, stream, answer);
}
