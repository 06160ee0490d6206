/* Searching with a budget that is small for the index (tests/meson.build): what is read, and that
 * it is enough. */
#include "index/search.h"

#include "store/values.h"

#include "tests/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SONGS 300
#define NOISES 20 /* songs whose codes come from no onsets */
#define TIMES 4000
#define QUERY_TIMES 1300
#define CANDIDATES 8

static struct node node;
static struct ep_index *index_;
static struct ep_searcher *searcher;
static struct ep_probe probe;

static void
song(struct ep_pairs *pairs, uint64_t number)
{
	if (number < SONGS)
		song_of_onsets(pairs, number + 1, TIMES);
	else
		song_of_noise(pairs, number + 1, TIMES);
}

static int
set_up(void **state)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	struct ep_index_options options = { 0 };
	(void)state;
	node_open(&node);
	for (uint64_t i = 0; i < SONGS + NOISES; i++) {
		char id[16];
		snprintf(id, sizeof id, "TR%u", (unsigned)i);
		song(&pairs, i);
		node_put(&node, id, &pairs, "");
	}
	needs(ep_index_follow(node.log, &options, NULL));
	needs(ep_index_open(&index_, node.log, NULL));
	needs(ep_searcher_new(&searcher, NULL));
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	ep_searcher_free(searcher);
	ep_index_close(index_);
	node_close(&node);
	return 0;
}

/* Searches for a piece of a song; returns the place of the song among the candidates. */
static size_t
search(struct ep_candidate *candidates, size_t *count, uint64_t number,
       enum ep_search_effort effort)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	EP_PAIRS struct ep_pairs piece = { 0 };
	EP_SKETCH struct ep_sketch sketch = { 0 };
	struct ep_sketcher *sketcher;
	uint64_t random = number + 1;
	song(&pairs, number);
	excerpt(&piece, &pairs, 700, QUERY_TIMES, 0, &random);
	needs(ep_sketcher_new(&sketcher, NULL));
	needs(ep_sketch_of_pairs(&sketch, sketcher, piece.items, piece.count, NULL));
	ep_probe_fill(&probe, &sketch);
	needs(ep_search(candidates, count, CANDIDATES, searcher, index_, &probe, effort, NULL));
	ep_sketcher_free(sketcher);
	size_t place = 0;
	while (place < *count && candidates[place].position != number + 1)
		place++;
	return place;
}

/* Keys that were chosen: of whole codes, and of others. */
static void
count_chosen(size_t *whole, size_t *refined)
{
	*whole = 0;
	*refined = 0;
	for (size_t i = 0; i < probe.key_count; i++) {
		*whole += probe.keys[i].chosen && probe.keys[i].whole;
		*refined += probe.keys[i].chosen && !probe.keys[i].whole;
	}
}

static void
a_song_is_found_within_the_budget(void **state)
{
	struct ep_candidate candidates[CANDIDATES];
	size_t count;
	size_t whole;
	size_t refined;
	size_t all_refined = 0;
	(void)state;
	for (uint64_t i = 0; i < SONGS; i += 7) {
		assert_int_equal(search(candidates, &count, i, EP_SEARCH_FULL), 0);
		assert_true(count > 1);
		assert_true(candidates[0].score > 2 * candidates[1].score);
		assert_true(probe.hits > 0 && probe.hits <= 2 * BUDGET);
		assert_true(probe.lists > 0 && probe.lists <= probe.hits);
		count_chosen(&whole, &refined);
		all_refined += refined;
	}
	assert_true(all_refined > 0);
}

static void
the_first_search_reads_less(void **state)
{
	struct ep_candidate candidates[CANDIDATES];
	size_t count;
	(void)state;
	for (uint64_t i = 0; i < SONGS; i += 7) {
		(void)search(candidates, &count, i, EP_SEARCH_FIRST);
		uint64_t hits = probe.hits;
		assert_true(probe.cut);
		assert_true(hits > 0 && hits <= 2 * BUDGET_FIRST);
		(void)search(candidates, &count, i, EP_SEARCH_FULL);
		assert_true(probe.hits > hits);
	}
}

static void
a_code_is_read_whole_or_in_parts(void **state)
{
	struct ep_candidate candidates[CANDIDATES];
	static bool whole[EP_PROBE_PAIRS_MAX];
	size_t count;
	(void)state;
	(void)search(candidates, &count, 3, EP_SEARCH_FULL);
	for (size_t i = 0; i < probe.key_count; i++) {
		if (probe.keys[i].chosen && probe.keys[i].whole)
			whole[probe.keys[i].code] = true;
	}
	for (size_t i = 0; i < probe.key_count; i++)
		assert_false(probe.keys[i].chosen && !probe.keys[i].whole &&
		             whole[probe.keys[i].code]);
}

static void
a_song_without_onsets_is_found(void **state)
{
	struct ep_candidate candidates[CANDIDATES];
	size_t count;
	(void)state;
	for (uint64_t i = SONGS; i < SONGS + NOISES; i++)
		assert_int_equal(search(candidates, &count, i, EP_SEARCH_FULL), 0);
}

static void
the_same_search_gives_the_same_again(void **state)
{
	struct ep_candidate one[CANDIDATES];
	struct ep_candidate other[CANDIDATES];
	size_t count;
	size_t other_count;
	(void)state;
	(void)search(one, &count, 5, EP_SEARCH_FULL);
	uint64_t hits = probe.hits;
	(void)search(other, &other_count, 6, EP_SEARCH_FULL);
	(void)search(other, &other_count, 5, EP_SEARCH_FULL);
	assert_int_equal(count, other_count);
	assert_int_equal(hits, probe.hits);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(one[i].position, other[i].position);
}

/* The list of shards as an older version wrote it, whose shards nobody reads any more. */
static void
store_old_manifest(uint8_t version)
{
	struct ep_log_read *read;
	struct ep_log_write *write;
	struct ep_bytes value;
	uint8_t bytes[256];
	needs(ep_log_read_begin(&read, node.log, NULL));
	needs(ep_log_value(&value, read, EP_INDEX_VALUE, NULL));
	assert_true(value.size <= sizeof bytes);
	memcpy(bytes, value.at, value.size);
	assert_int_equal(bytes[0], 3);
	bytes[0] = version;
	ep_log_read_end(read);
	needs(ep_log_write_begin(&write, node.log, NULL));
	needs(ep_log_set_value(write, EP_INDEX_VALUE, (struct ep_bytes){ bytes, value.size },
	                       NULL));
	needs(ep_log_commit(&write, NULL));
}

static void
make_anew_from(uint8_t version)
{
	struct ep_index_options options = { 0 };
	struct ep_candidate candidates[CANDIDATES];
	struct ep_log_read *read;
	struct ep_index_state now;
	size_t count;
	ep_index_close(index_);
	store_old_manifest(version);
	/* What only reads has all of it as the tail. */
	needs(ep_index_open(&index_, node.log, NULL));
	assert_int_equal(search(candidates, &count, 4, EP_SEARCH_FULL), 0);
	ep_index_close(index_);
	needs(ep_index_follow(node.log, &options, NULL));
	needs(ep_log_read_begin(&read, node.log, NULL));
	needs(ep_index_state(&now, read, NULL));
	ep_log_read_end(read);
	assert_int_equal(now.tail, 0);
	assert_int_equal(now.tracks, SONGS + NOISES);
	needs(ep_index_open(&index_, node.log, NULL));
	assert_int_equal(search(candidates, &count, 4, EP_SEARCH_FULL), 0);
}

static void
an_index_of_an_older_version_is_made_anew(void **state)
{
	(void)state;
	make_anew_from(1);
	make_anew_from(2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_song_is_found_within_the_budget),
		cmocka_unit_test(the_first_search_reads_less),
		cmocka_unit_test(a_code_is_read_whole_or_in_parts),
		cmocka_unit_test(a_song_without_onsets_is_found),
		cmocka_unit_test(the_same_search_gives_the_same_again),
		cmocka_unit_test(an_index_of_an_older_version_is_made_anew),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
