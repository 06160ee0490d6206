#include "base/bytes.h"
#include "base/hash.h"
#include "index/builder.h"
#include "index/merge.h"

#include "tests/node.h"
#include "tests/within.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>

#include <cmocka.h>

#define TRACKS 40
#define SLOTS_MAX (4 * TRACKS)

#define MANY_TRACKS 3000

#define LARGE 20000
#define LARGE_SLOTS (1000 * EP_STRETCH_SLOTS)

/* A key that all tracks have, and that of one. */
#define COMMON 7
#define KEY_OF_TRACK(position) (100000 * (uint32_t)(position) % EP_KEY_END)

/* Slots of track number i of a shard. */
static uint32_t
slots_of(size_t i)
{
	return (2 + (uint32_t)i % 3) * EP_STRETCH_SLOTS;
}

static uint64_t
posting(uint32_t key, uint32_t slot)
{
	return (uint64_t)key << 32 | slot;
}

static void
add_track(struct ep_builder *builder, uint64_t position, uint32_t slots)
{
	uint64_t items[3] = { posting(KEY_OF_TRACK(position), 0), posting(COMMON, 0),
		              posting(COMMON, slots - 1) };
	struct ep_track_postings postings = { .items = items, .count = 3, .slot_count = slots };
	assert_int_equal(ep_builder_add(builder, position, &postings, NULL), EP_OK);
}

/* A shard of tracks at the positions first, first + step, ...; its file stays open in *fd. */
static struct ep_shard
make_shard(int *fd, uint64_t first, uint64_t step, size_t count)
{
	struct ep_builder *builder;
	struct ep_shard shard;
	uint64_t postings;
	*fd = memfd_create("shard", 0);
	assert_int_equal(ep_builder_new(&builder, NULL), EP_OK);
	for (size_t i = 0; i < count; i++)
		add_track(builder, first + i * step, slots_of(i));
	assert_int_equal(ep_builder_write(&postings, builder, *fd, "shard", NULL), EP_OK);
	assert_int_equal(postings, count * 3);
	assert_int_equal(ep_builder_track_count(builder), 0);
	assert_int_equal(ep_builder_slot_count(builder), 0);
	ep_builder_free(builder);
	assert_int_equal(ep_shard_open(&shard, *fd, "shard", NULL), EP_OK);
	assert_int_equal(ep_shard_check(&shard, "shard", NULL), EP_OK);
	return shard;
}

/* Reads the slots of some keys, and whether they are counted right. */
static size_t
find(uint32_t *slots, const struct ep_shard *shard, uint32_t first, uint32_t end)
{
	size_t count = ep_shard_read(slots, SLOTS_MAX, shard, first, end);
	if (first >> shard->bucket_bits == (end - 1) >> shard->bucket_bits)
		assert_int_equal(ep_shard_count(shard, first, end), count);
	return count;
}

static void
a_shard_finds_what_was_written(void **state)
{
	uint32_t slots[SLOTS_MAX];
	uint32_t own;
	int fd;
	(void)state;
	struct ep_shard shard = make_shard(&fd, 3, 2, TRACKS);
	assert_int_equal(shard.track_count, TRACKS);
	assert_int_equal(find(slots, &shard, COMMON, COMMON + 1), 2 * TRACKS);
	for (size_t i = 0; i < TRACKS; i++) {
		uint32_t start = ep_shard_start(&shard, i);
		uint32_t last = start + slots_of(i) - 1;
		uint32_t key = KEY_OF_TRACK(3 + 2 * i);
		assert_int_equal(ep_shard_position(&shard, i), 3 + 2 * i);
		assert_int_equal(slots[2 * i], start);
		assert_int_equal(slots[2 * i + 1], last);
		assert_int_equal(ep_shard_track_at(&shard, start), i);
		assert_int_equal(ep_shard_track_at(&shard, last), i);
		assert_int_equal(find(&own, &shard, key, key + 1), 1);
		assert_int_equal(own, start);
	}
	assert_int_equal(find(slots, &shard, COMMON + 1, COMMON + 2), 0);
	assert_int_equal(find(slots, &shard, EP_KEY_END - 1, EP_KEY_END), 0);
	/* All of them, and no more than is asked for. */
	assert_int_equal(find(slots, &shard, 0, EP_KEY_END), 3 * TRACKS);
	assert_int_equal(ep_shard_read(slots, 5, &shard, 0, EP_KEY_END), 5);
	ep_shard_close(&shard);
	close(fd);
}

/* Tracks of which the first are by far the longest, so that no guess by the average is right. */
static void
any_slot_leads_to_its_track(void **state)
{
	struct ep_builder *builder;
	struct ep_shard shard;
	uint64_t written;
	int fd = memfd_create("shard", 0);
	(void)state;
	assert_int_equal(ep_builder_new(&builder, NULL), EP_OK);
	for (size_t i = 0; i < MANY_TRACKS; i++)
		add_track(builder, 1 + i,
		          (2 + (i < MANY_TRACKS / 4 ? 40 : (uint32_t)i % 3)) * EP_STRETCH_SLOTS);
	assert_int_equal(ep_builder_write(&written, builder, fd, "shard", NULL), EP_OK);
	assert_int_equal(ep_shard_open(&shard, fd, "shard", NULL), EP_OK);
	for (size_t i = 0; i < MANY_TRACKS; i++) {
		assert_int_equal(ep_shard_track_at(&shard, ep_shard_start(&shard, i)), i);
		assert_int_equal(ep_shard_track_at(&shard, ep_shard_start(&shard, i + 1) - 1), i);
		ep_shard_request_track(&shard, ep_shard_start(&shard, i));
	}
	ep_shard_close(&shard);
	ep_builder_free(builder);
	close(fd);
}

/* The postings of keys are counted, or estimated where they stand in several buckets. */
static void
a_large_shard_is_read_by_ranges_of_keys(void **state)
{
	static const uint32_t ranges[][2] = { { 0, EP_KEY_END },
		                              { 1000, 1001 },
		                              { 1000, 70000 },
		                              { 1 << 25, EP_KEY_END },
		                              { EP_KEY_END - 3, EP_KEY_END } };
	static uint32_t slots[LARGE];
	static uint64_t items[LARGE];
	struct ep_track_postings postings = { .items = items, .slot_count = LARGE_SLOTS };
	struct ep_builder *builder;
	struct ep_shard shard;
	uint64_t random = 5;
	uint64_t written;
	int fd = memfd_create("shard", 0);
	(void)state;
	for (; postings.count < LARGE; postings.count++)
		items[postings.count] = posting(random_below(&random, EP_KEY_END),
		                                random_below(&random, LARGE_SLOTS));
	assert_int_equal(ep_builder_new(&builder, NULL), EP_OK);
	assert_int_equal(ep_builder_add(builder, 1, &postings, NULL), EP_OK);
	assert_int_equal(ep_builder_write(&written, builder, fd, "shard", NULL), EP_OK);
	assert_int_equal(ep_shard_open(&shard, fd, "shard", NULL), EP_OK);
	assert_true(shard.bucket_bits < EP_KEY_BITS);
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
		uint32_t first = ranges[i][0];
		uint32_t end = ranges[i][1];
		uint64_t expected = 0;
		uint64_t sum = 0;
		for (size_t j = 0; j < LARGE; j++) {
			uint32_t key = (uint32_t)(items[j] >> 32);
			bool inside = key >= first && key < end;
			expected += inside;
			sum += inside ? (uint32_t)items[j] : 0;
		}
		size_t count = ep_shard_read(slots, LARGE, &shard, first, end);
		assert_int_equal(count, expected);
		for (size_t j = 0; j < count; j++)
			sum -= slots[j];
		assert_int_equal(sum, 0);
		uint64_t estimate = ep_shard_count(&shard, first, end);
		assert_within(estimate, expected - expected / 10, expected + expected / 10 + 600);
	}
	ep_shard_close(&shard);
	ep_builder_free(builder);
	close(fd);
}

static void
a_walk_gives_all_postings_in_order(void **state)
{
	int fd;
	(void)state;
	struct ep_shard shard = make_shard(&fd, 1, 1, TRACKS);
	for (uint32_t step = 1; step <= EP_KEY_END; step *= 64) {
		struct ep_shard_walk walk = { 0 };
		uint64_t postings[4];
		uint64_t last = 0;
		uint64_t all = 0;
		size_t count;
		/* In ranges of keys, of which most are empty. */
		for (uint32_t end = step > 4096 ? step : 4096; end <= EP_KEY_END;
		     end += step > 4096 ? step : 4096) {
			do {
				assert_int_equal(ep_shard_next(postings, &count, 4, &walk, &shard,
				                               end, NULL),
				                 EP_OK);
				for (size_t i = 0; i < count; i++) {
					assert_true(all + i == 0 || postings[i] > last);
					assert_true(postings[i] >> 32 < end);
					last = postings[i];
				}
				all += count;
			} while (count);
		}
		assert_int_equal(all, shard.posting_count);
	}
	ep_shard_close(&shard);
	close(fd);
}

static void
every_byte_that_changes_is_found(void **state)
{
	int fd;
	struct ep_shard shard = make_shard(&fd, 1, 1, 3);
	size_t size = shard.size;
	(void)state;
	ep_shard_close(&shard);
	for (size_t at = 0; at < size; at++) {
		uint8_t byte;
		uint8_t other;
		assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
		other = byte ^ 0x10;
		assert_int_equal(pwrite(fd, &other, 1, (off_t)at), 1);
		enum ep_status status = ep_shard_open(&shard, fd, "shard", NULL);
		if (status == EP_OK) {
			status = ep_shard_check(&shard, "shard", NULL);
			ep_shard_close(&shard);
		}
		assert_true(status == EP_CORRUPT || (status == EP_NEWER && at == 7));
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
	}
	for (size_t cut = 0; cut < size; cut++) {
		assert_int_equal(ftruncate(fd, (off_t)cut), 0);
		assert_int_equal(ep_shard_open(&shard, fd, "shard", NULL), EP_CORRUPT);
	}
	close(fd);
}

/* ---- tracks that a header with right checksums lies about ---- */

static void
patch(int fd, size_t at, uint64_t value, size_t size)
{
	uint8_t bytes[8];
	ep_store64(bytes, value);
	assert_int_equal(pwrite(fd, bytes, size, (off_t)at), size);
}

/* Makes the checksums right again. */
static void
seal(int fd, size_t size)
{
	uint8_t *bytes = malloc(size);
	assert_non_null(bytes);
	assert_int_equal(pread(fd, bytes, size, 0), size);
	size_t directory = ep_load64(bytes + 32);
	patch(fd, 48, ep_crc32(bytes + 64, directory - 64), 4);
	patch(fd, 52, ep_crc32(bytes + directory, size - directory), 4);
	assert_int_equal(pread(fd, bytes, 64, 0), 64);
	patch(fd, 60, ep_crc32(bytes, 60), 4);
	free(bytes);
}

static void
a_check_refuses_tracks_that_do_not_ascend(void **state)
{
	(void)state;
	/* From the end: 4 starts, of which the last is the number of slots; before them 3
	 * positions.
	 */
	static const struct {
		size_t from_end;
		uint64_t value;
		size_t size;
	} lies[] = { { 16, 128, 4 },  { 12, 0, 4 },   { 12, 257, 4 },
		     { 12, 1152, 4 }, { 8, 1280, 4 }, { 4, 1024, 4 },
		     { 4, 1153, 4 },  { 24, 1, 8 },   { 40, 2, 8 } };
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		int fd;
		struct ep_shard shard = make_shard(&fd, 1, 1, 3);
		size_t size = shard.size;
		ep_shard_close(&shard);
		seal(fd, size);
		assert_int_equal(ep_shard_open(&shard, fd, "shard", NULL), EP_OK);
		assert_int_equal(ep_shard_check(&shard, "shard", NULL), EP_OK);
		ep_shard_close(&shard);
		patch(fd, size - lies[i].from_end, lies[i].value, lies[i].size);
		seal(fd, size);
		if (ep_shard_open(&shard, fd, "shard", NULL) == EP_OK) {
			assert_int_equal(ep_shard_check(&shard, "shard", NULL), EP_CORRUPT);
			ep_shard_close(&shard);
		}
		close(fd);
	}
}

/* ---- the builder ---- */

static void
a_builder_keeps_a_key_once_a_slot(void **state)
{
	uint64_t items[] = { (uint64_t)5 << 32 | 3, (uint64_t)5 << 32 | 1, (uint64_t)5 << 32 | 3 };
	struct ep_track_postings postings = { .items = items, .count = 3, .slot_count = 4 };
	struct ep_builder *builder;
	struct ep_shard shard;
	uint64_t count;
	uint32_t slots[3];
	int fd = memfd_create("shard", 0);
	(void)state;
	assert_int_equal(ep_builder_new(&builder, NULL), EP_OK);
	assert_int_equal(ep_builder_add(builder, 9, &postings, NULL), EP_OK);
	assert_false(ep_builder_is_full(builder));
	assert_int_equal(ep_builder_write(&count, builder, fd, "shard", NULL), EP_OK);
	assert_int_equal(count, 2);
	assert_int_equal(ep_shard_open(&shard, fd, "shard", NULL), EP_OK);
	assert_int_equal(find(slots, &shard, 5, 6), 2);
	assert_int_equal(slots[0], 1);
	assert_int_equal(slots[1], 3);
	ep_shard_close(&shard);
	ep_builder_free(builder);
	close(fd);
}

static void
only_two_kinds_of_codes_are_posted(void **state)
{
	struct ep_track_postings postings = { 0 };
	struct ep_sketch_code codes[EP_SKETCH_KINDS + 1];
	struct ep_sketch sketch = { .codes = codes, .code_count = EP_SKETCH_KINDS + 1 };
	(void)state;
	for (uint32_t i = 0; i <= EP_SKETCH_KINDS; i++)
		codes[i] = (struct ep_sketch_code){ .code = i & 0xff,
			                            .refined = i < 6 ? 9 : 0,
			                            .time = i * 100 & 0xffff,
			                            .kind = i & 0xff };
	assert_int_equal(ep_track_postings_of(&postings, &sketch, NULL), EP_OK);
	assert_int_equal(postings.count, 3);
	assert_int_equal(postings.items[0], posting(EP_KEY_OF(0, 9), EP_STRETCH_SLOTS));
	assert_int_equal(postings.items[1],
	                 posting(EP_KEY_OF(2, 9), EP_STRETCH_SLOTS + 200 / EP_SLOT_TIMES));
	assert_int_equal(postings.items[2],
	                 posting(EP_KEY_OF(6, 0), EP_STRETCH_SLOTS + 600 / EP_SLOT_TIMES));
	assert_int_equal(postings.slot_count, 2 * EP_STRETCH_SLOTS);
	ep_track_postings_free(&postings);
}

static void
a_builder_of_long_tracks_is_full_before_slots_overflow(void **state)
{
	struct ep_track_postings postings = { .slot_count = EP_SKETCH_TIME_END / EP_SLOT_TIMES };
	struct ep_builder *builder;
	uint64_t tracks = 0;
	(void)state;
	assert_int_equal(ep_builder_new(&builder, NULL), EP_OK);
	while (!ep_builder_is_full(builder))
		assert_int_equal(ep_builder_add(builder, ++tracks, &postings, NULL), EP_OK);
	assert_int_equal(ep_builder_slot_count(builder), tracks * postings.slot_count);
	assert_within(tracks * postings.slot_count, 1, EP_SHARD_SLOTS_MAX);
	ep_builder_free(builder);
}

/* ---- merging ---- */

/* Tracks at positions 1 to 2 * TRACKS, of which those that `gone` divides are gone. */
static struct ep_log_read *
read_of(struct node *node, uint64_t gone)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	struct ep_log_read *read;
	song_of_noise(&pairs, 1, 30);
	for (uint64_t i = 1; i <= 2 * TRACKS; i++) {
		char id[16];
		snprintf(id, sizeof id, "TR%u", (unsigned)i);
		node_put(node, id, &pairs, "");
	}
	for (uint64_t i = gone; i <= 2 * TRACKS; i += gone) {
		char id[16];
		snprintf(id, sizeof id, "TR%u", (unsigned)i);
		node_delete(node, id);
	}
	needs(ep_log_read_begin(&read, node->log, NULL));
	return read;
}

/* Merges two shards of TRACKS tracks each. */
static struct ep_shard
merge(struct ep_merged *merged, uint64_t gone)
{
	struct node node;
	struct ep_shard inputs[2];
	struct ep_shard out = { 0 };
	int fds[3] = { -1, -1, memfd_create("merged", 0) };
	node_open(&node);
	struct ep_log_read *read = read_of(&node, gone);
	inputs[0] = make_shard(&fds[0], 1, 1, TRACKS);
	inputs[1] = make_shard(&fds[1], TRACKS + 1, 1, TRACKS);
	assert_int_equal(
		ep_shards_merge(merged, fds[2], "merged", inputs, 2, node.log, read, NULL, NULL),
		EP_OK);
	if (merged->track_count)
		assert_int_equal(ep_shard_open(&out, fds[2], "merged", NULL), EP_OK);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	ep_shard_close(&inputs[0]);
	ep_shard_close(&inputs[1]);
	ep_log_read_end(read);
	node_close(&node);
	return out;
}

static void
merging_keeps_what_is_there_and_drops_what_is_gone(void **state)
{
	static uint32_t slots[SLOTS_MAX];
	struct ep_merged merged;
	struct ep_shard shard = merge(&merged, 3);
	uint32_t left = 2 * TRACKS - 2 * TRACKS / 3;
	(void)state;
	assert_int_equal(merged.track_count, left);
	assert_int_equal(merged.posting_count, left * 3);
	assert_int_equal(shard.track_count, left);
	assert_int_equal(shard.slot_count, merged.slot_count);
	assert_int_equal(ep_shard_check(&shard, "merged", NULL), EP_OK);
	assert_int_equal(find(slots, &shard, COMMON, COMMON + 1), 2 * left);
	size_t track = 0;
	for (uint64_t position = 1; position <= 2 * TRACKS; position++) {
		uint32_t key = KEY_OF_TRACK(position);
		uint32_t slot;
		assert_int_equal(find(&slot, &shard, key, key + 1), position % 3 != 0);
		if (position % 3 == 0)
			continue;
		assert_int_equal(ep_shard_position(&shard, track), position);
		assert_int_equal(slot, ep_shard_start(&shard, track));
		assert_int_equal(slots[2 * track], slot);
		assert_int_equal(slots[2 * track + 1], ep_shard_start(&shard, track + 1) - 1);
		track++;
	}
	ep_shard_close(&shard);
}

static void
of_tracks_that_are_all_gone_nothing_is_left(void **state)
{
	struct ep_merged merged;
	(void)state;
	(void)merge(&merged, 1);
	assert_int_equal(merged.track_count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_shard_finds_what_was_written),
		cmocka_unit_test(any_slot_leads_to_its_track),
		cmocka_unit_test(a_large_shard_is_read_by_ranges_of_keys),
		cmocka_unit_test(a_walk_gives_all_postings_in_order),
		cmocka_unit_test(every_byte_that_changes_is_found),
		cmocka_unit_test(a_check_refuses_tracks_that_do_not_ascend),
		cmocka_unit_test(a_builder_keeps_a_key_once_a_slot),
		cmocka_unit_test(only_two_kinds_of_codes_are_posted),
		cmocka_unit_test(a_builder_of_long_tracks_is_full_before_slots_overflow),
		cmocka_unit_test(merging_keeps_what_is_there_and_drops_what_is_gone),
		cmocka_unit_test(of_tracks_that_are_all_gone_nothing_is_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
