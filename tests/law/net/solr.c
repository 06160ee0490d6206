/* Laws of what Solr answers: any bytes end in an error or in an answer within bounds; an entry that
 * is handed on is one of the candidate that it is asked for. */
#include "net/exchange.h"
#include "net/solr/collection.h"
#include "net/solr/solr_engine.h"
#include "tests/must.h"

#include <string.h>

void law_solr(const uint8_t *bytes, size_t size);

/* What is answered: parts, with a line feed and a NUL after each, given out one after the other,
 * and the last one again and again. A part begins with the first digit of its status. */
static const uint8_t *rest;
static size_t rest_size;

enum ep_status __wrap_ep_exchange(struct ep_exchanger *exchanger, struct ep_exchange *exchange,
                                  struct ep_error *err);

enum ep_status
__wrap_ep_exchange(struct ep_exchanger *exchanger, struct ep_exchange *exchange,
                   struct ep_error *err)
{
	(void)exchanger;
	const uint8_t *end = rest_size ? memmem(rest, rest_size, "\n", 2) : NULL;
	size_t size = end ? (size_t)(end - rest) : rest_size;
	if (size == 0)
		return ep_fail(err, EP_UNREACHABLE, "no answer");
	exchange->status = rest[0] == '4' ? 404 : rest[0] == '5' ? 503 : 200;
	exchange->answer->size = 0;
	must(ep_buffer_append(exchange->answer, rest + 1, size - 1, NULL) == EP_OK);
	if (end) {
		rest += size + 2;
		rest_size -= size + 2;
	}
	return EP_OK;
}

static const struct ep_solr_options options = { .urls = "http://localhost/solr",
	                                        .collection = "c" };

static void
collection_is_read(void)
{
	EP_OWNED(ep_solr_close)
	struct ep_solr *solr = NULL;
	char real[EP_SOLR_REAL_MAX];
	char why[256];
	struct ep_solr_shape shape;
	struct ep_solr_mark mark;
	struct ep_solr_sum sum;
	bool agree;
	must(ep_solr_open(&solr, &options, NULL) == EP_OK);
	if (ep_solr_find(real, solr, NULL) == EP_OK)
		must(memchr(real, 0, sizeof real) != NULL);
	if (ep_solr_shape(&shape, solr, "c-1", NULL) == EP_OK)
		must(shape.shards > 0);
	if (ep_solr_mark(&mark, solr, "c-1", NULL) == EP_OK && mark.any)
		must(memchr(mark.log, 0, sizeof mark.log) != NULL);
	(void)!ep_solr_sum(&sum, solr, "c-1", 0, NULL);
	if (ep_solr_agree(&agree, why, solr, "c-1", 0, 0, NULL) == EP_OK && !agree)
		must(memchr(why, 0, sizeof why) != NULL);
}

static void
fill(struct ep_probe *probe)
{
	struct ep_sketch_code codes[] = {
		{ .code = 77, .refined = 3, .skipped = 9, .time = 5, .kind = 0 },
		{ .code = 1234, .refined = 1, .time = 90, .kind = 2 },
	};
	struct ep_sketch sketch = { .codes = codes, .code_count = 2 };
	ep_probe_fill(probe, &sketch);
}

static void
candidates_are_found(void)
{
	static struct ep_probe probe;
	EP_OWNED(ep_solr_engine_free)
	struct ep_solr_engine *of = NULL;
	struct ep_candidate candidates[64];
	size_t count;
	must(ep_solr_engine_new(&of, &options, NULL) == EP_OK);
	struct ep_engine engine = ep_solr_engine(of);
	fill(&probe);
	if (engine.search(engine.context, candidates, &count, 64, &probe, EP_SEARCH_FIRST, NULL) !=
	    EP_OK)
		return;
	must(count <= 64);
	for (size_t i = 0; i < count; i++) {
		struct ep_entry entry;
		if (i > 0)
			must(candidates[i].score <= candidates[i - 1].score);
		if (engine.entry_at(engine.context, &entry, candidates[i].position, NULL) == EP_OK)
			must(entry.position == candidates[i].position && entry.id.size > 0);
	}
}

void
law_solr(const uint8_t *bytes, size_t size)
{
	rest = bytes;
	rest_size = size;
	candidates_are_found();
	collection_is_read();
	rest = bytes;
	rest_size = size;
	collection_is_read();
}
