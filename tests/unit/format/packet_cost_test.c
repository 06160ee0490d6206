#include "format/packet_cost.h"

#include "tests/within.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ENTRIES_MAX 65536

struct memory {
	const uint8_t *at;
	size_t left;
};

static enum ep_status
read_memory(void *context, void *bytes, size_t size, size_t *got, struct ep_error *err)
{
	(void)err;
	struct memory *memory = context;
	*got = size < memory->left ? size : memory->left;
	if (*got)
		memcpy(bytes, memory->at, *got);
	memory->at += *got;
	memory->left -= *got;
	return EP_OK;
}

/* Writes a packet of `count` entries that are all alike but for their ids. */
static void
write_packet(struct ep_buffer *out, size_t count, const struct ep_packet_entry *like)
{
	static struct ep_packet_entry entries[ENTRIES_MAX];
	static char ids[ENTRIES_MAX][12];
	const struct ep_text source = ep_text_of("local");
	const struct ep_packet_header header = { .kind = EP_PACKET_SLAVE,
		                                 .epoch = 1,
		                                 .last = count,
		                                 .name = ep_text_of("paris"),
		                                 .sources = &source,
		                                 .source_count = 1 };
	struct ep_hasher hasher;
	for (size_t i = 0; i < count; i++) {
		snprintf(ids[i], sizeof ids[i], "T%zu", i);
		entries[i] = *like;
		entries[i].id = ep_text_of(ids[i]);
		entries[i].history = ep_bytes_of_text(ep_text_of("history"));
		entries[i].position = i + 1;
	}
	out->size = 0;
	assert_int_equal(ep_packet_put_header(out, &header, NULL), EP_OK);
	assert_int_equal(ep_packet_put_block(out, entries, count, NULL), EP_OK);
	ep_hasher_init(&hasher);
	ep_hasher_add(&hasher, out->data, out->size);
	assert_int_equal(ep_packet_put_end(out, &hasher, NULL), EP_OK);
}

static enum ep_status
weigh(uint64_t *cost, const struct ep_buffer *packet, struct ep_error *err)
{
	struct memory memory = { packet->data, packet->size };
	struct ep_source source = { .read = read_memory, .context = &memory };
	return ep_packet_weigh(cost, source, packet->size, err);
}

static void
tracks_and_deletions_of_a_day_are_taken(void **state)
{
	(void)state;
	static uint8_t codes[1200];
	EP_BUFFER struct ep_buffer packet = { 0 };
	struct ep_error err = { 0 };
	uint64_t cost = 0;
	const struct ep_packet_entry song = { .operation = EP_PACKET_PUT,
		                              .documents = 10,
		                              .about = ep_bytes_of_text(ep_text_of("about")),
		                              .codes = { codes, sizeof codes } };
	write_packet(&packet, 20000, &song);
	if (weigh(&cost, &packet, &err) != EP_OK)
		fail_msg("%s", err.text);
	assert_within(cost, 20000 * ep_packet_entry_cost(&song),
	              20000 * (ep_packet_entry_cost(&song) + 50));
	assert_true(cost < EP_PACKET_COST_MAX(packet.size) * 2 / 3);
	/* Songs that hold next to nothing. */
	const struct ep_packet_entry small = { .operation = EP_PACKET_PUT,
		                               .documents = 1,
		                               .about = ep_bytes_of_text(ep_text_of("a")),
		                               .codes = { codes, 40 } };
	write_packet(&packet, 20000, &small);
	assert_int_equal(weigh(&cost, &packet, &err), EP_OK);
	const struct ep_packet_entry deletion = { .operation = EP_PACKET_DELETE, .documents = 1 };
	write_packet(&packet, 30000, &deletion);
	assert_int_equal(weigh(&cost, &packet, &err), EP_OK);
}

static void
assert_too_much(size_t count, const struct ep_packet_entry *like)
{
	EP_BUFFER struct ep_buffer packet = { 0 };
	struct ep_error err = { 0 };
	uint64_t cost = 0;
	write_packet(&packet, count, like);
	assert_int_equal(weigh(&cost, &packet, &err), EP_CORRUPT);
	assert_non_null(strstr(err.text, "costs too much work"));
	assert_int_equal(cost, 0);
}

static void
few_bytes_that_stand_for_many_documents_or_deletions_are_refused(void **state)
{
	(void)state;
	const struct ep_packet_entry many = { .operation = EP_PACKET_PUT,
		                              .documents = EP_PACKET_DOCUMENTS_MAX,
		                              .about = ep_bytes_of_text(ep_text_of("a")),
		                              .codes = ep_bytes_of_text(ep_text_of("codes")) };
	assert_too_much(100, &many);
	const struct ep_packet_entry deletion = { .operation = EP_PACKET_DELETE, .documents = 1 };
	assert_too_much(ENTRIES_MAX, &deletion);
}

static void
a_damaged_packet_is_refused(void **state)
{
	(void)state;
	EP_BUFFER struct ep_buffer packet = { 0 };
	struct ep_error err = { 0 };
	uint64_t cost = 0;
	const struct ep_packet_entry deletion = { .operation = EP_PACKET_DELETE, .documents = 1 };
	write_packet(&packet, 10, &deletion);
	packet.size--;
	assert_int_equal(weigh(&cost, &packet, &err), EP_CORRUPT);
	assert_int_equal(cost, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tracks_and_deletions_of_a_day_are_taken),
		cmocka_unit_test(few_bytes_that_stand_for_many_documents_or_deletions_are_refused),
		cmocka_unit_test(a_damaged_packet_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
