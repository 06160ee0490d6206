/* Law of queries: any bytes as a code string, and any pairs among those of a song, are answered. */
#include "code/codestring.h"
#include "index/index.h"
#include "match/match.h"
#include "match/original.h"
#include "tests/must.h"
#include "tests/node.h"

void law_query(const uint8_t *bytes, size_t size);

#define SONGS 6

static struct node node;
static struct ep_index *index_of_node;
static struct ep_matcher *matcher;

static void
remove_node(void)
{
	ep_matcher_free(matcher);
	ep_index_close(index_of_node);
	node_close(&node);
}

static void
song_of(struct ep_pairs *pairs, uint32_t number)
{
	if (number % 3 == 2)
		song_of_noise(pairs, number, 4000);
	else
		song_of_onsets(pairs, number, 4000);
}

static void
make_node(void)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	if (matcher)
		return;
	node_open(&node);
	needs(ep_matcher_new(&matcher, NULL));
	for (uint32_t i = 0; i < SONGS; i++) {
		char id[8] = { 'T', 'R', (char)('A' + i) };
		song_of(&pairs, i);
		node_put(&node, id, &pairs, "title");
	}
	needs(ep_index_open(&index_of_node, node.log, NULL));
	atexit(remove_node);
}

static void
ask(const struct ep_pairs *pairs)
{
	EP_PAIRS struct ep_pairs query = { 0 };
	struct ep_answer answer;
	needs(ep_pairs_reserve(&query, pairs->count, NULL));
	if (pairs->count)
		memcpy(query.items, pairs->items, pairs->count * sizeof *pairs->items);
	query.count = pairs->count;
	needs(ep_match(&answer, matcher, index_of_node, &query, &ep_match_speeds_default, NULL));
	must(answer.score >= 0 && answer.match == (answer.score >= EP_SCORE_ACCEPTED));
	must_equal(answer.match, (answer.track_id.size > 0));
}

static void
ask_as_original(struct ep_pairs *pairs)
{
	struct ep_original_answer answer;
	struct ep_log_read *read;
	needs(ep_log_read_begin(&read, node.log, NULL));
	needs(ep_original_match(&answer, pairs, 1, EP_ORIGINAL_ELBOW, read, NULL, NULL));
	must(!answer.match || (answer.position > 0 && answer.position <= SONGS));
	ep_log_read_end(read);
}

/* Eight bytes are a pair; the first byte tells how large its numbers are, and which song's pairs
 * they come among. */
static void
pairs_of_bytes(struct ep_pairs *pairs, const uint8_t *bytes, size_t size)
{
	song_of(pairs, bytes[0] % SONGS);
	pairs->count /= 1 + bytes[0] / 64;
	needs(ep_pairs_reserve(pairs, size / sizeof *pairs->items, NULL));
	for (size_t at = 1; size - at >= sizeof *pairs->items; at += sizeof *pairs->items) {
		struct ep_pair pair;
		memcpy(&pair, bytes + at, sizeof pair);
		pair.time >>= 1 + bytes[0] % 31;
		pair.code >>= bytes[0] / 8;
		pairs->items[pairs->count++] = pair;
	}
}

void
law_query(const uint8_t *bytes, size_t size)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	make_node();
	enum ep_status status =
		ep_codestring_decode(&pairs, (struct ep_text){ (const char *)bytes, size }, NULL);
	must(status == EP_OK || status == EP_BAD_INPUT);
	if (status == EP_OK)
		ask(&pairs);
	if (size == 0)
		return;
	pairs_of_bytes(&pairs, bytes, size);
	ask(&pairs);
	if (bytes[0] % 4 == 0) /* it takes long */
		ask_as_original(&pairs);
}
