/* Who may contribute to a node, what is heard of them, and how it stands with others. */
#include "node/members.h"

#include "node/seen.h"
#include "node/standing.h"
#include "tests/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char folder[] = "/tmp/ep-members-XXXXXX";
static struct ep_node *here;

static int
make_node(void **state)
{
	struct ep_node_options options = { .folder = folder, .mode = EP_LOG_MAKE };
	(void)state;
	strcpy(folder + sizeof folder - 7, "XXXXXX");
	if (sodium_init() < 0 || !mkdtemp(folder))
		return 1;
	return ep_node_open(&here, &options, NULL) != EP_OK;
}

static int
remove_node(void **state)
{
	(void)state;
	ep_node_close(here);
	return nftw(folder, node_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct ep_key
key_of(uint8_t number)
{
	struct ep_key key;
	memset(key.bytes, number, sizeof key.bytes);
	return key;
}

static enum ep_status
add(struct ep_invitation *invitation, bool *replaced, const char *name, const struct ep_key *key,
    const char *url)
{
	struct ep_new_member wanted = { .name = name, .key = key, .url = url };
	return ep_node_add_member(invitation, replaced, here, &wanted, NULL);
}

static struct ep_standing
standing(void)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_standing read_now;
	needs(ep_log_read_begin(&read, ep_node_log(here), NULL));
	ep_standing_read(&read_now, read, folder);
	return read_now;
}

static size_t
member_count(void)
{
	struct ep_standing now = standing();
	size_t count = now.peer_count;
	ep_standing_done(&now);
	return count;
}

/* ---- members ---- */

static void
an_invitation_is_for_one_name_and_the_last_one_counts(void **state)
{
	struct ep_invitation first;
	struct ep_invitation second;
	struct ep_keys shown;
	bool replaced = true;
	(void)state;
	assert_int_equal(add(&first, &replaced, "oslo", NULL, "http://here/"), EP_OK);
	assert_false(replaced);
	assert_string_equal(first.name, "oslo");
	assert_string_equal(first.url, "http://here/");
	/* The address is kept for those to come. */
	assert_int_equal(add(&second, &replaced, "oslo", NULL, NULL), EP_OK);
	assert_true(replaced);
	assert_string_equal(second.url, "http://here/");
	assert_memory_not_equal(first.secret, second.secret, sizeof first.secret);
	struct ep_standing now = standing();
	assert_int_equal(now.peer_count, 1);
	assert_true(now.peers[0].invited && !now.peers[0].has_key);
	ep_invitation_keys(&shown, second.secret);
	assert_true(ep_key_equal(&now.peers[0].invitation, &shown.key));
	char key[EP_KEY_TEXT];
	ep_key_print(key, &second.key);
	assert_string_equal(now.key, key);
	ep_standing_done(&now);
}

static void
a_key_lets_in_at_once_and_once(void **state)
{
	struct ep_invitation invitation;
	struct ep_key one = key_of(1);
	struct ep_key other = key_of(2);
	bool replaced;
	(void)state;
	assert_int_equal(add(&invitation, &replaced, "oslo", NULL, NULL), EP_OK);
	assert_int_equal(add(&invitation, &replaced, "oslo", &one, NULL), EP_OK);
	assert_true(replaced);
	struct ep_standing now = standing();
	assert_true(now.peers[0].has_key && !now.peers[0].invited);
	assert_string_equal(ep_peer_state(&now.peers[0]), "in");
	ep_standing_done(&now);
	assert_int_equal(add(&invitation, &replaced, "oslo", &other, NULL), EP_BAD_INPUT);
	assert_int_equal(add(&invitation, &replaced, "oslo", NULL, NULL), EP_BAD_INPUT);
	assert_int_equal(add(&invitation, &replaced, "rome", &one, NULL), EP_BAD_INPUT);
	now = standing();
	assert_int_equal(now.peer_count, 1);
	assert_true(ep_key_equal(&now.peers[0].key, &one));
	ep_standing_done(&now);
}

static void
a_url_that_is_too_long_adds_nobody(void **state)
{
	char url[EP_URL_MAX + 2];
	struct ep_invitation invitation;
	bool replaced;
	(void)state;
	memset(url, 'u', sizeof url);
	url[EP_URL_MAX + 1] = '\0';
	assert_int_equal(add(&invitation, &replaced, "oslo", NULL, url), EP_USAGE);
	url[EP_URL_MAX] = '\0';
	assert_int_equal(member_count(), 0);
	assert_int_equal(add(&invitation, &replaced, "oslo", NULL, url), EP_OK);
	assert_string_equal(invitation.url, url);
}

static void
put(const char *source, const char *id)
{
	EP_BUFFER struct ep_buffer body = { 0 };
	struct ep_codes_coder *coder;
	struct ep_log_write *write;
	struct ep_put_counts counts = { 0 };
	struct ep_document row = { .suffix = ep_text_of("-0"), .length = ep_text_of("1") };
	struct ep_track track = { .id = ep_text_of(id), .documents = &row, .count = 1 };
	struct ep_put put = { .track = &track, .whole = true };
	needs(ep_codes_coder_new(&coder, EP_CODES_ONSET, NULL));
	needs(ep_entry_put_body(&body, NULL, &track, coder, NULL));
	put.body = ep_buffer_bytes(&body);
	ep_track_hash(&put.hash, &track);
	needs(ep_log_write_begin(&write, ep_node_log(here), NULL));
	needs(ep_log_source(&put.source, write, ep_text_of(source), NULL));
	needs(ep_log_put(write, &put, &counts, NULL));
	needs(ep_log_commit(&write, NULL));
	ep_codes_coder_free(coder);
}

static void
who_is_removed_takes_its_tracks_along_where_that_is_asked_for(void **state)
{
	struct ep_invitation invitation;
	struct ep_log_state log;
	struct ep_key one = key_of(1);
	uint64_t deleted = 0;
	bool replaced;
	(void)state;
	for (int with_tracks = 0; with_tracks < 2; with_tracks++) {
		needs(add(&invitation, &replaced, "oslo", &one, NULL));
		put("oslo", "a");
		put("oslo", "b");
		put("local", "c");
		assert_int_equal(ep_node_remove_member(&deleted, here, "oslo", with_tracks, NULL),
		                 EP_OK);
		assert_int_equal(deleted, with_tracks ? 2 : 0);
		struct ep_log_read *read;
		needs(ep_log_read_begin(&read, ep_node_log(here), NULL));
		ep_log_state(&log, read);
		ep_log_read_end(read);
		assert_int_equal(log.tracks, with_tracks ? 1 : 3);
		assert_int_equal(log.tombstones, with_tracks ? 2 : 0);
		assert_int_equal(member_count(), 0);
	}
	assert_int_equal(ep_node_remove_member(&deleted, here, "oslo", true, NULL), EP_NOT_FOUND);
}

static void
a_limit_that_is_not_given_stays(void **state)
{
	struct ep_invitation invitation;
	struct ep_peer peer;
	bool replaced;
	(void)state;
	assert_int_equal(ep_node_limit_member(&peer, here, "oslo", 1, 2, NULL), EP_NOT_FOUND);
	needs(add(&invitation, &replaced, "oslo", NULL, NULL));
	assert_int_equal(ep_node_limit_member(&peer, here, "oslo", 5, 0, NULL), EP_OK);
	assert_int_equal(ep_node_limit_member(&peer, here, "oslo", 0, 6, NULL), EP_OK);
	assert_int_equal(ep_node_limit_member(&peer, here, "oslo", 0, 0, NULL), EP_OK);
	assert_int_equal(peer.tracks_max, 5);
	assert_int_equal(peer.bytes_max, 6);
	assert_true(peer.invited);
}

/* ---- what is heard of them ---- */

static void
take(struct ep_seen *seen, uint8_t number, const char *behind)
{
	char header[EP_KEY_TEXT + 64];
	struct ep_key key = key_of(number);
	ep_key_print(header, &key);
	strcat(header, behind);
	ep_seen_take(seen, header);
}

static void
what_members_say_is_noted_where_it_can_be_true(void **state)
{
	static struct ep_seen seen = { .mutex = PTHREAD_MUTEX_INITIALIZER };
	struct ep_invitation invitation;
	struct ep_key keys[] = { key_of(1), key_of(2), key_of(3) };
	bool replaced;
	(void)state;
	put("local", "a");
	put("local", "b");
	needs(add(&invitation, &replaced, "oslo", &keys[0], NULL));
	needs(add(&invitation, &replaced, "rome", &keys[1], NULL));
	needs(add(&invitation, &replaced, "bern", &keys[2], NULL));
	ep_seen_take(&seen, NULL);
	ep_seen_take(&seen, "");
	ep_seen_take(&seen, "no key 1");
	take(&seen, 3, "");
	assert_int_equal(seen.count, 0);
	take(&seen, 1, " 2");
	take(&seen, 1, " 1"); /* the last word counts */
	take(&seen, 2, " 3"); /* nobody is further than the log */
	take(&seen, 9, " 1"); /* nobody knows this one */
	assert_int_equal(seen.count, 3);
	ep_seen_note(&seen, ep_node_log(here));
	assert_int_equal(seen.count, 0);
	struct ep_standing now = standing();
	assert_int_equal(now.peer_count, 3);
	assert_int_equal(now.peers[0].fetched, 1);
	assert_true(now.peers[0].fetched_at > 0 && now.peers[0].contact > 0);
	assert_int_equal(now.peers[1].fetched_at, 0);
	assert_int_equal(now.peers[2].fetched_at, 0);
	assert_int_equal(ep_peer_behind(&now.peers[0], now.position), 1);
	ep_standing_done(&now);
}

/* ---- how it stands ---- */

static void
a_new_node_knows_nobody(void **state)
{
	(void)state;
	struct ep_standing now = standing();
	assert_string_equal(now.key, "");
	assert_true(now.has_published && now.has_peers && !now.has_master);
	assert_int_equal(now.published, 0);
	json_t *json = ep_standing_json(&now);
	assert_true(json_is_null(json_object_get(json, "key")));
	assert_true(json_is_null(json_object_get(json, "master")));
	assert_int_equal(json_array_size(json_object_get(json, "peers")), 0);
	json_decref(json);
	ep_standing_done(&now);
	now.has_peers = false;
	assert_null(ep_standing_json(&now));
}

static void
lags_are_told_only_where_they_are_known(void **state)
{
	struct ep_peer peer = { .name = "oslo", .fetched = 7 };
	struct ep_standing made = { .has_master = true, .has_peers = true, .has_published = true };
	(void)state;
	json_t *json = ep_peer_json(&peer, 10);
	assert_true(json_is_null(json_object_get(json, "lag")));
	assert_true(json_is_null(json_object_get(json, "key")));
	assert_int_equal(json_integer_value(json_object_get(json, "tracks_max")),
	                 EP_PEER_TRACKS_MAX);
	json_decref(json);
	peer.fetched_at = 1;
	json = ep_peer_json(&peer, 10);
	assert_int_equal(json_integer_value(json_object_get(json, "lag")), 3);
	json_decref(json);
	/* A log that was restored is behind its slave, which is no lag of that. */
	assert_int_equal(ep_peer_behind(&peer, 6), 0);
	/* What was seen of a feed is not less than what was applied of it. */
	made.master.position = 5;
	made.master.seen.position = 8;
	json = ep_standing_json(&made);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(json, "master"), "lag")), 3);
	json_decref(json);
	made.master.seen.position = 4;
	assert_int_equal(ep_master_seen(&made.master), 5);
}

static void
a_slave_that_is_not_heard_from_is_called_silent(void **state)
{
	(void)state;
	struct ep_peer peer = { .has_key = true, .contact = 1000000 };
	int64_t last = peer.contact + EP_PEER_SILENT_S;
	assert_string_equal(ep_peer_word(&peer, last), "in");
	assert_string_equal(ep_peer_word(&peer, last + 1), "silent");
	assert_string_equal(ep_peer_state(&peer), "in");
	peer.contact = 0; /* admitted by its key, and not there yet */
	assert_string_equal(ep_peer_word(&peer, last + 1), "in");
	peer = (struct ep_peer){ .invited = true, .contact = 1000000 };
	assert_string_equal(ep_peer_word(&peer, last + 1), "invited");
}

#define OF_A_NODE(test) cmocka_unit_test_setup_teardown(test, make_node, remove_node)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		OF_A_NODE(an_invitation_is_for_one_name_and_the_last_one_counts),
		OF_A_NODE(a_key_lets_in_at_once_and_once),
		OF_A_NODE(a_url_that_is_too_long_adds_nobody),
		OF_A_NODE(who_is_removed_takes_its_tracks_along_where_that_is_asked_for),
		OF_A_NODE(a_limit_that_is_not_given_stays),
		OF_A_NODE(what_members_say_is_noted_where_it_can_be_true),
		OF_A_NODE(a_new_node_knows_nobody),
		OF_A_NODE(lags_are_told_only_where_they_are_known),
		OF_A_NODE(a_slave_that_is_not_heard_from_is_called_silent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
