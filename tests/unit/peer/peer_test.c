/* Whom a node knows, as values of its log. */
#include "peer/peer.h"

#include "tests/one_node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct ep_log_write *changes; /* of the test at hand; never committed */

static int
begin(void **state)
{
	(void)state;
	return ep_log_write_begin(&changes, node.log, NULL) != EP_OK;
}

static int
end(void **state)
{
	(void)state;
	ep_log_abort(changes);
	return 0;
}

static const struct ep_log_read *
inside(void)
{
	return ep_log_inside(changes);
}

static struct ep_key
key_of(uint8_t number)
{
	struct ep_key key;
	memset(key.bytes, number, sizeof key.bytes);
	return key;
}

/* Stores a slave as an admission does: its source, what is known of it, and whose the key is. */
static void
admit(const char *name, uint8_t number)
{
	struct ep_peer peer = { .has_key = true, .key = key_of(number) };
	uint32_t source;
	strcpy(peer.name, name);
	needs(ep_log_source(&source, changes, ep_text_of(name), NULL));
	needs(ep_peer_store(changes, &peer, NULL));
	needs(ep_peer_name_key(changes, &peer, NULL));
}

static void
invite(const char *name, uint8_t number)
{
	struct ep_peer peer = { .invited = true, .invitation = key_of(number) };
	uint32_t source;
	strcpy(peer.name, name);
	needs(ep_log_source(&source, changes, ep_text_of(name), NULL));
	needs(ep_peer_store(changes, &peer, NULL));
}

/* ---- slaves ---- */

#define SAME(field) assert_memory_equal(&one->field, &other->field, sizeof one->field)

/* Field by field, as what lies between them has no value. */
static void
assert_same_peer(const struct ep_peer *one, const struct ep_peer *other)
{
	assert_string_equal(one->name, other->name);
	SAME(has_key);
	SAME(key);
	SAME(invited);
	SAME(invitation);
	SAME(position);
	SAME(tracks_max);
	SAME(bytes_max);
	SAME(fetched);
	SAME(fetched_at);
	SAME(contact);
	assert_string_equal(one->error, other->error);
}

static void
a_slave_is_read_as_it_was_stored(void **state)
{
	struct ep_peer read;
	struct ep_peer peer = {
		.name = "paris",
		.has_key = true,
		.key = key_of(1),
		.invitation = key_of(2),
		.position = 3,
		.tracks_max = UINT64_MAX,
		.bytes_max = (uint64_t)5 << 32,
		.fetched = 6,
		.fetched_at = -7,
		.contact = INT64_MAX,
	};
	(void)state;
	memset(peer.error, 'e', EP_PEER_ERROR - 1);
	for (int i = 0; i < 2; i++) {
		needs(ep_peer_store(changes, &peer, NULL));
		assert_int_equal(ep_peer_load(&read, inside(), "paris", NULL), EP_OK);
		assert_same_peer(&read, &peer);
		peer.has_key = false;
		peer.invited = true;
	}
}

/* Every value that is cut short, or goes on, is refused, and nothing of it is taken. */
static void
check_cuts(const char *name, enum ep_status (*load)(void))
{
	uint8_t bytes[4096];
	struct ep_bytes value;
	struct ep_bytes cut = { .at = bytes };
	needs(ep_log_value(&value, inside(), name, NULL));
	size_t size = value.size;
	memcpy(bytes, value.at, size);
	bytes[size] = 0;
	for (cut.size = 1; cut.size <= size + 1; cut.size++) {
		needs(ep_log_set_value(changes, name, cut, NULL));
		assert_int_equal(load(), cut.size == size ? EP_OK : EP_CORRUPT);
	}
	bytes[0]++;
	cut.size = size;
	needs(ep_log_set_value(changes, name, cut, NULL));
	assert_int_equal(load(), EP_NEWER);
	bytes[0] -= 2;
	needs(ep_log_set_value(changes, name, cut, NULL));
	assert_int_equal(load(), EP_CORRUPT);
}

static enum ep_status
load_paris(void)
{
	struct ep_peer peer = { .name = "as it was" };
	enum ep_status status = ep_peer_load(&peer, inside(), "paris", NULL);
	assert_string_equal(peer.name, status == EP_OK ? "paris" : "as it was");
	return status;
}

static void
a_damaged_slave_is_refused(void **state)
{
	struct ep_peer peer = { .name = "paris", .has_key = true, .error = "a refusal" };
	(void)state;
	needs(ep_peer_store(changes, &peer, NULL));
	check_cuts(EP_PEER_VALUE "paris", load_paris);
}

static void
an_error_that_is_too_long_is_damage(void **state)
{
	struct ep_peer peer = { .name = "paris" };
	struct ep_bytes value;
	EP_BUFFER struct ep_buffer bytes = { 0 };
	char error[EP_PEER_ERROR + 1];
	(void)state;
	memset(error, 'e', sizeof error);
	needs(ep_peer_store(changes, &peer, NULL));
	needs(ep_log_value(&value, inside(), EP_PEER_VALUE "paris", NULL));
	needs(ep_buffer_append(&bytes, value.at, value.size - 1, NULL));
	needs(ep_put_text(&bytes, (struct ep_text){ error, EP_PEER_ERROR }, NULL));
	needs(ep_log_set_value(changes, EP_PEER_VALUE "paris", ep_buffer_bytes(&bytes), NULL));
	assert_int_equal(load_paris(), EP_CORRUPT);
}

static void
slaves_come_in_the_order_of_their_coming(void **state)
{
	EP_FREE struct ep_peer *peers = NULL;
	size_t count;
	uint32_t source;
	(void)state;
	admit("rome", 1);
	needs(ep_log_source(&source, changes, ep_text_of("of-csv-files"), NULL));
	invite("oslo", 2);
	admit("bern", 3);
	assert_int_equal(ep_peers(&peers, &count, inside(), NULL), EP_OK);
	assert_int_equal(count, 3);
	assert_string_equal(peers[0].name, "rome");
	assert_string_equal(peers[1].name, "oslo");
	assert_string_equal(peers[2].name, "bern");
	assert_true(peers[1].invited && !peers[1].has_key);
}

static void
one_damaged_slave_hides_no_other_quietly(void **state)
{
	EP_FREE struct ep_peer *peers = NULL;
	struct ep_peer found;
	struct ep_key key = key_of(1);
	size_t count;
	(void)state;
	admit("rome", 1);
	admit("oslo", 2);
	needs(ep_log_set_value(changes, EP_PEER_VALUE "oslo", ep_bytes_of_text(ep_text_of("\3")),
	                       NULL));
	assert_int_equal(ep_peers(&peers, &count, inside(), NULL), EP_CORRUPT);
	assert_int_equal(ep_peer_of_key(&found, inside(), &key, NULL), EP_CORRUPT);
}

static void
a_key_finds_whom_it_was_admitted_with(void **state)
{
	struct ep_error err;
	struct ep_peer found;
	struct ep_key rome = key_of(1);
	struct ep_key of_invitation = key_of(2);
	struct ep_key none = { 0 };
	(void)state;
	invite("oslo", 2);
	admit("rome", 1);
	assert_int_equal(ep_peer_of_key(&found, inside(), &rome, NULL), EP_OK);
	assert_string_equal(found.name, "rome");
	/* Neither the invitation's key nor the key that is not there yet. */
	assert_int_equal(ep_peer_of_key(&found, inside(), &of_invitation, &err), EP_NOT_FOUND);
	assert_non_null(strstr(err.text, "source add"));
	assert_int_equal(ep_peer_of_key(&found, inside(), &none, NULL), EP_NOT_FOUND);
}

static void
a_removed_slave_is_not_known_any_more(void **state)
{
	EP_FREE struct ep_peer *peers = NULL;
	struct ep_error err;
	struct ep_peer found;
	struct ep_key rome = key_of(1);
	struct ep_key own = key_of(9);
	size_t count;
	(void)state;
	admit("rome", 1);
	admit("oslo", 2);
	needs(ep_peer_remove(changes, "rome", NULL));
	assert_int_equal(ep_peer_load(&found, inside(), "rome", &err), EP_NOT_FOUND);
	assert_non_null(strstr(err.text, "no source rome that may contribute"));
	assert_int_equal(ep_peer_of_key(&found, inside(), &rome, NULL), EP_NOT_FOUND);
	assert_int_equal(ep_peers(&peers, &count, inside(), NULL), EP_OK);
	assert_int_equal(count, 1);
	assert_string_equal(peers[0].name, "oslo");
	/* Its source stays, and so does what its name rules out; its key is free. */
	assert_int_equal(ep_peer_check_new(inside(), "ROME", NULL, &own, NULL), EP_BAD_INPUT);
	assert_int_equal(ep_peer_check_new(inside(), "rome", &rome, &own, NULL), EP_OK);
}

static void
a_key_is_of_one_source_for_good(void **state)
{
	struct ep_peer other = { .name = "oslo", .has_key = true, .key = key_of(1) };
	(void)state;
	admit("rome", 1);
	needs(ep_peer_remove(changes, "rome", NULL));
	assert_int_equal(ep_peer_name_key(changes, &other, NULL), EP_BAD_INPUT);
	strcpy(other.name, "rome");
	assert_int_equal(ep_peer_name_key(changes, &other, NULL), EP_OK);
}

/* ---- the master ---- */

static void
assert_same_master(const struct ep_master *one, const struct ep_master *other)
{
	assert_string_equal(one->url, other->url);
	assert_string_equal(one->mirror, other->mirror);
	assert_string_equal(one->source, other->source);
	SAME(key);
	SAME(epoch);
	SAME(position);
	SAME(seen.position);
	SAME(seen.hash);
	SAME(head);
	SAME(head_size);
	SAME(answered);
	SAME(answered_at);
	SAME(feed_time);
	SAME(contact);
	SAME(conflicts);
	SAME(rejected);
	SAME(restarting);
	SAME(shows);
	assert_string_equal(one->error, other->error);
}

static void
store_master(void)
{
	struct ep_master master = {
		.url = "http://master.example/",
		.mirror = "file:///stick",
		.source = "paris",
		.key = key_of(1),
		.epoch = { 2, 3 },
		.position = 4,
		.seen = { .position = 5, .hash = { 6, 7 } },
		.head = { 8, 9 },
		.head_size = EP_HEAD_MAX,
		.answered = 10,
		.answered_at = -11,
		.feed_time = 12,
		.contact = 13,
		.conflicts = 14,
		.rejected = 15,
		.restarting = true,
		.error = "a failure",
	};
	struct ep_master read;
	for (int i = 0; i < 2; i++) {
		needs(ep_master_store(changes, &master, NULL));
		assert_int_equal(ep_master_load(&read, inside(), NULL), EP_OK);
		assert_same_master(&read, &master);
		master.restarting = false;
		master.shows = true;
	}
}

static enum ep_status
load_master(void)
{
	struct ep_master master = { .url = "as it was" };
	enum ep_status status = ep_master_load(&master, inside(), NULL);
	if (status != EP_OK)
		assert_string_equal(master.url, "as it was");
	return status;
}

static void
a_master_is_read_as_it_was_stored_until_it_is_forgotten(void **state)
{
	struct ep_error err;
	struct ep_master master;
	(void)state;
	assert_int_equal(ep_master_load(&master, inside(), &err), EP_NOT_FOUND);
	assert_non_null(strstr(err.text, "echoprint join"));
	store_master();
	needs(ep_master_forget(changes, NULL));
	assert_int_equal(load_master(), EP_NOT_FOUND);
}

static void
a_damaged_master_is_refused(void **state)
{
	(void)state;
	store_master();
	check_cuts(EP_MASTER_VALUE, load_master);
}

/* A put of one row, whose codes are none. */
static void
put(const char *id, uint32_t source)
{
	EP_BUFFER struct ep_buffer body = { 0 };
	struct ep_put_counts counts = { 0 };
	struct ep_document row = { .suffix = ep_text_of("-0"), .length = ep_text_of("1") };
	struct ep_track track = { .id = ep_text_of(id), .documents = &row, .count = 1 };
	struct ep_put put = { .track = &track, .source = source, .whole = true };
	needs(ep_entry_put_body(&body, NULL, &track, node.coder, NULL));
	put.body = ep_buffer_bytes(&body);
	ep_track_hash(&put.hash, &track);
	needs(ep_log_put(changes, &put, &counts, NULL));
}

static void
what_came_from_the_master_is_changed_only_there(void **state)
{
	struct ep_error err;
	(void)state;
	put("theirs", EP_SOURCE_MASTER);
	put("ours", EP_SOURCE_LOCAL);
	/* Files of a master that this node does not follow are its own to change. */
	assert_int_equal(ep_check_own(inside(), ep_text_of("theirs"), NULL), EP_OK);
	store_master();
	assert_int_equal(ep_check_own(inside(), ep_text_of("theirs"), &err), EP_BAD_INPUT);
	assert_non_null(strstr(err.text, "theirs belongs to the master"));
	assert_non_null(strstr(err.text, "http://master.example/"));
	assert_int_equal(ep_check_own(inside(), ep_text_of("ours"), NULL), EP_OK);
	assert_int_equal(ep_check_own(inside(), ep_text_of("nobody's"), NULL), EP_OK);
	needs(ep_master_forget(changes, NULL));
	assert_int_equal(ep_check_own(inside(), ep_text_of("theirs"), NULL), EP_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_slave_is_read_as_it_was_stored, begin, end),
		cmocka_unit_test_setup_teardown(a_damaged_slave_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(an_error_that_is_too_long_is_damage, begin, end),
		cmocka_unit_test_setup_teardown(slaves_come_in_the_order_of_their_coming, begin,
		                                end),
		cmocka_unit_test_setup_teardown(one_damaged_slave_hides_no_other_quietly, begin,
		                                end),
		cmocka_unit_test_setup_teardown(a_key_finds_whom_it_was_admitted_with, begin, end),
		cmocka_unit_test_setup_teardown(a_removed_slave_is_not_known_any_more, begin, end),
		cmocka_unit_test_setup_teardown(a_key_is_of_one_source_for_good, begin, end),
		cmocka_unit_test_setup_teardown(
			a_master_is_read_as_it_was_stored_until_it_is_forgotten, begin, end),
		cmocka_unit_test_setup_teardown(a_damaged_master_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(what_came_from_the_master_is_changed_only_there,
		                                begin, end),
	};
	return cmocka_run_group_tests(tests, make_node, remove_node);
}
