#include "net/legacy/old_walk.h"

#include <string.h>

#define PAGE_ROWS ((size_t)1000)

void
ep_old_walk_begin(struct ep_old_walk *walk, struct ep_old_solr *solr)
{
	*walk = (struct ep_old_walk){ .solr = solr };
	ep_id_set_init(&walk->seen);
}

void
ep_old_walk_end(struct ep_old_walk *walk)
{
	ep_old_page_free(&walk->page);
	ep_buffer_free(&walk->last);
	ep_buffer_free(&walk->query);
	ep_id_set_free(&walk->seen);
}

/* ---- queries ---- */

static enum ep_status
add(struct ep_buffer *query, const char *text, struct ep_error *err)
{
	return ep_buffer_append(query, text, strlen(text), err);
}

/* Documents from the last date on. */
static enum ep_status
query_dates(struct ep_old_walk *walk, struct ep_error *err)
{
	struct ep_text last = ep_buffer_text(&walk->last);
	EP_TRY(add(&walk->query, "import_date:[", err));
	EP_TRY(ep_buffer_append(&walk->query, last.size ? last.at : "*", last.size ? last.size : 1,
	                        err));
	return add(&walk->query, " TO *]", err);
}

/* Documents behind the last id. Solr takes "*" for any id in quotes, too: behind that are ids that
 * begin with it, of which the first that an id may have is "* ". */
static enum ep_status
query_ids(struct ep_old_walk *walk, struct ep_error *err)
{
	struct ep_text last = ep_buffer_text(&walk->last);
	if (last.size == 0)
		return add(&walk->query, "*:*", err);
	if (ep_text_equal(last, ep_text_of("*")))
		return add(&walk->query, "track_id:[\"* \" TO *]", err);
	EP_TRY(add(&walk->query, "track_id:{", err));
	EP_TRY(ep_old_query_quote(&walk->query, last, err));
	return add(&walk->query, " TO *}", err);
}

static enum ep_status
read_page(struct ep_old_walk *walk, struct ep_error *err)
{
	walk->query.size = 0;
	walk->at = 0;
	EP_TRY(walk->by_id ? query_ids(walk, err) : query_dates(walk, err));
	struct ep_old_select select = { .query = ep_buffer_text(&walk->query),
		                        .sort = walk->by_id ? "track_id asc" : "import_date asc",
		                        .start = walk->by_id ? 0 : walk->of_last,
		                        .rows = PAGE_ROWS };
	return ep_old_solr_select(&walk->page, walk->solr, &select, err);
}

/* How many documents there are, of whatever date. */
static enum ep_status
count_all(struct ep_old_walk *walk, struct ep_error *err)
{
	struct ep_old_select select = { .query = ep_text_of("*:*") };
	walk->at = 0;
	EP_TRY(ep_old_solr_select(&walk->page, walk->solr, &select, err));
	walk->all = walk->page.found;
	return EP_OK;
}

/* ---- order ---- */

/* The order of texts by UTF-16, as Java has it: what UTF-8 encodes in four bytes comes before
 * U+E000. */
static int
compare_utf16(struct ep_text one, struct ep_text other)
{
	size_t size = one.size < other.size ? one.size : other.size;
	for (size_t i = 0; i < size; i++) {
		unsigned a = (uint8_t)one.at[i];
		unsigned b = (uint8_t)other.at[i];
		if (a != b)
			return (int)(a == 0xee || a == 0xef ? a + 0x10 : a) -
			       (int)(b == 0xee || b == 0xef ? b + 0x10 : b);
	}
	return (one.size > other.size) - (one.size < other.size);
}

/* A date without its Z: so 12:00:00 comes before 12:00:00.5. */
static struct ep_text
without_zone(struct ep_text date)
{
	return (struct ep_text){ date.at, date.size ? date.size - 1 : 0 };
}

/* Checks that a document is where the order has it, and remembers its place. So every page leads
 * further, whatever the server answers. */
static enum ep_status
pass(struct ep_old_walk *walk, const struct ep_old_document *document, struct ep_error *err)
{
	struct ep_text last = ep_buffer_text(&walk->last);
	struct ep_text place = walk->by_id ? document->id : document->date;
	int order = walk->by_id ? compare_utf16(last, place)
	                        : ep_text_compare(without_zone(last), without_zone(place));
	bool first = last.size == 0;
	if (!first && (order > 0 || (order == 0 && walk->by_id)))
		return ep_fail(err, EP_CORRUPT,
		               "Solr does not answer in the order of %s: after %.*s comes %.*s",
		               walk->by_id ? "ids" : "dates", ep_text_print_size(last), last.at,
		               ep_text_print_size(place), place.at);
	walk->of_last = !first && order == 0 ? walk->of_last + 1 : 1;
	walk->last.size = 0;
	return ep_buffer_append(&walk->last, place.at, place.size, err);
}

/* ---- going ---- */

/* At the end of the first way: whether a second one is needed. */
static enum ep_status
needs_second_way(bool *needed, struct ep_old_walk *walk, struct ep_error *err)
{
	size_t seen;
	EP_TRY(ep_id_set_sort(&seen, &walk->seen, err));
	EP_TRY(count_all(walk, err));
	*needed = seen != walk->all;
	walk->page.count = 0;
	walk->last.size = 0;
	return EP_OK;
}

/* Reads the next page, where the one at hand is done; *end where there is none. */
static enum ep_status
turn_page(bool *end, struct ep_old_walk *walk, struct ep_error *err)
{
	bool again = false;
	EP_TRY(read_page(walk, err));
	if (!walk->by_id && walk->page.count == 0) {
		EP_TRY(needs_second_way(&again, walk, err));
		walk->by_id = again;
		if (again)
			EP_TRY(read_page(walk, err));
	}
	*end = walk->page.count == 0;
	return EP_OK;
}

enum ep_status
ep_old_walk_next(const struct ep_old_document **document, struct ep_old_walk *walk,
                 struct ep_error *err)
{
	if (walk->all == 0)
		EP_TRY(count_all(walk, err));
	for (;;) {
		bool end = false;
		bool seen = false;
		if (walk->at == walk->page.count)
			EP_TRY(turn_page(&end, walk, err));
		*document = end ? NULL : &walk->page.documents[walk->at];
		if (end)
			return ep_id_set_sort(&walk->different, &walk->seen, err);
		walk->at++;
		EP_TRY(pass(walk, *document, err));
		seen = walk->by_id && ep_id_set_has(&walk->seen, (*document)->id);
		if (!seen)
			return ep_id_set_add(&walk->seen, (*document)->id, err);
	}
}
