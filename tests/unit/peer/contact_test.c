/* What is noted beside the log: what is worth replacing the file, and what it says of whom. */
#include "peer/contact.h"

#include "base/file.h"
#include "tests/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

static char folder[] = "/tmp/ep-contact-XXXXXX";
static char path[sizeof folder + sizeof EP_CONTACTS_FILE];

static int
make_folder(void **state)
{
	(void)state;
	strcpy(folder + sizeof folder - 7, "XXXXXX");
	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof path, "%s/" EP_CONTACTS_FILE, folder);
	return 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	return nftw(folder, node_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct ep_key
key_of(uint8_t number)
{
	struct ep_key key;
	memset(key.bytes, number, sizeof key.bytes);
	return key;
}

/* Notes one; whether the file was replaced for it, told by a second name of the file before. */
static bool
note(struct ep_contact contact)
{
	char before[sizeof path + 8];
	struct stat old;
	struct stat now;
	contact.key = key_of(1);
	snprintf(before, sizeof before, "%s.before", path);
	(void)unlink(before);
	bool was = link(path, before) == 0;
	ep_contacts_note(folder, &contact, 1);
	bool is = stat(path, &now) == 0;
	return was ? stat(before, &old) == 0 && old.st_ino != now.st_ino : is;
}

/* What the file says of a slave of which the log knows nothing but the key. */
static struct ep_peer
known(void)
{
	struct ep_peer peer = { .has_key = true, .key = key_of(1) };
	ep_contacts_of_peers(&peer, 1, folder);
	return peer;
}

static void
write_file(const char *text)
{
	needs(ep_replace_file(path, text, strlen(text), 0600, NULL));
}

static void
moments_alone_are_written_once_a_minute(void **state)
{
	(void)state;
	assert_true(note((struct ep_contact){ .at = 1000 }));
	assert_false(note((struct ep_contact){ .at = 1000 }));
	assert_false(note((struct ep_contact){ .at = 1000 + EP_CONTACT_PAUSE_S - 1 }));
	assert_int_equal(known().contact, 1000);
	assert_true(note((struct ep_contact){ .at = 1000 + EP_CONTACT_PAUSE_S }));
	assert_int_equal(known().contact, 1000 + EP_CONTACT_PAUSE_S);
	/* A clock that was set back must not silence what comes after it. */
	assert_true(note((struct ep_contact){ .at = 500 }));
	assert_int_equal(known().contact, 500);
}

static void
what_a_person_sees_is_written_at_once(void **state)
{
	(void)state;
	assert_true(note((struct ep_contact){ .position = 7, .position_at = 10, .at = 10 }));
	assert_true(note((struct ep_contact){ .position = 8, .position_at = 11, .at = 11 }));
	assert_int_equal(known().fetched, 8);
	assert_int_equal(known().fetched_at, 11);
	assert_true(note((struct ep_contact){ .noted = 12, .error = "refused" }));
	assert_string_equal(known().error, "refused");
	assert_false(note((struct ep_contact){ .noted = 13, .error = "refused" }));
	assert_true(note((struct ep_contact){ .noted = 14 }));
	assert_string_equal(known().error, "");
}

static void
what_is_not_noted_stays(void **state)
{
	(void)state;
	note((struct ep_contact){ .position = 7, .position_at = 10 });
	note((struct ep_contact){ .noted = 20, .error = "refused" });
	note((struct ep_contact){ .at = 3000 });
	assert_int_equal(known().fetched, 7);
	assert_int_equal(known().contact, 3000);
	assert_string_equal(known().error, "refused");
	/* Position 0 is one, where it is said. */
	assert_true(note((struct ep_contact){ .position = 0, .position_at = 11 }));
	assert_int_equal(known().fetched, 0);
	assert_int_equal(known().fetched_at, 11);
}

static void
an_error_stays_in_its_line(void **state)
{
	struct ep_contact other = { .key = key_of(2), .at = 500 };
	struct ep_contact contact = { .noted = 1, .error = "two\nlines \t\x1b[31m" };
	(void)state;
	ep_contacts_note(folder, &other, 1);
	note(contact);
	assert_string_equal(known().error, "two lines   [31m");
	/* The longest error comes back whole, and one that begins with a blank too. */
	memset(contact.error, 'e', EP_PEER_ERROR - 1);
	contact.error[0] = ' ';
	note(contact);
	assert_string_equal(known().error, contact.error);
	struct ep_peer peer = { .has_key = true, .key = key_of(2) };
	ep_contacts_of_peers(&peer, 1, folder);
	assert_int_equal(peer.contact, 500);
}

static void
of_log_and_file_the_later_one_counts(void **state)
{
	struct ep_peer peers[] = {
		{ .has_key = true, .key = key_of(1), .contact = 100, .fetched = 1, .error = "old" },
		{ .has_key = true, .key = key_of(1), .fetched_at = 300, .fetched = 2 },
		{ .has_key = true, .key = key_of(1), .contact = 201, .error = "newer" },
		{ .has_key = true, .key = key_of(2), .contact = 1, .error = "another's" },
		{ .invited = true, .key = key_of(1), .contact = 2 },
	};
	(void)state;
	note((struct ep_contact){ .position = 9, .position_at = 200, .at = 150, .noted = 200 });
	ep_contacts_of_peers(peers, sizeof peers / sizeof *peers, folder);
	assert_int_equal(peers[0].contact, 150);
	assert_int_equal(peers[0].fetched, 9);
	assert_string_equal(peers[0].error, "");
	assert_int_equal(peers[1].fetched, 2);
	assert_int_equal(peers[1].fetched_at, 300);
	assert_int_equal(peers[2].contact, 201);
	assert_string_equal(peers[2].error, "newer");
	assert_int_equal(peers[3].contact, 1);
	assert_string_equal(peers[3].error, "another's");
	assert_int_equal(peers[4].contact, 2);
}

static void
the_feed_of_a_master_only_gets_newer(void **state)
{
	struct ep_master master = { .key = key_of(1), .feed_time = 50, .error = "unreachable" };
	(void)state;
	note((struct ep_contact){ .at = 60, .noted = 60, .feed_time = 55 });
	ep_contact_of_master(&master, folder);
	assert_int_equal(master.feed_time, 55);
	assert_int_equal(master.contact, 60);
	assert_string_equal(master.error, "");
	master.feed_time = 70;
	ep_contact_of_master(&master, folder);
	assert_int_equal(master.feed_time, 70);
}

static void
a_damaged_line_is_passed_over(void **state)
{
	char text[1024];
	char key[EP_KEY_TEXT];
	struct ep_key one = key_of(1);
	(void)state;
	ep_key_print(key, &one);
	write_file("");
	assert_int_equal(known().contact, 0);
	snprintf(text, sizeof text, "%s 1 2 3 x 5 no\n%s\nnot a key\n\n%s 7 8 9 10 11 yes", key,
	         key, key);
	write_file(text);
	assert_int_equal(known().fetched, 7);
	assert_int_equal(known().contact, 9);
	assert_string_equal(known().error, "yes");
	/* One more line of the key is the newer one. */
	snprintf(text, sizeof text, "%s 1 2 3 4 5 old\n%s 6 7 8 9 10\n", key, key);
	write_file(text);
	assert_int_equal(known().fetched, 6);
	assert_string_equal(known().error, "");
}

/* The digest of a state, as its slave says it: of one letter. */
static struct ep_contact_state
state_of(char letter, bool mirrors)
{
	struct ep_contact_state state = { .mirrors = mirrors };
	memset(state.digest, letter, sizeof state.digest - 1);
	return state;
}

static void
the_state_of_a_slave_is_kept_with_its_position(void **state)
{
	struct ep_contact contact = { .position = 7, .position_at = 10 };
	(void)state;
	contact.state = state_of('a', true);
	assert_true(note(contact));
	assert_false(note(contact));
	note((struct ep_contact){ .noted = 20, .error = "refused" });
	assert_string_equal(known().state.digest, contact.state.digest);
	assert_true(known().state.mirrors);
	assert_string_equal(known().error, "refused");
	contact.state = state_of('b', false);
	assert_true(note(contact));
	assert_string_equal(known().state.digest, contact.state.digest);
	assert_false(known().state.mirrors);
	/* An older program says none. */
	assert_true(note((struct ep_contact){ .position = 7, .position_at = 11 }));
	assert_string_equal(known().state.digest, "");
}

static void
a_state_that_is_none_is_passed_over(void **state)
{
	struct ep_contact_state read;
	char text[EP_HASH_TEXT + 16] = " ";
	struct ep_contact_state good = state_of('c', false);
	(void)state;
	strcat(text, good.digest);
	ep_contact_state_read(&read, text);
	assert_string_equal(read.digest, good.digest);
	strcat(text, " other");
	ep_contact_state_read(&read, text);
	assert_string_equal(read.digest, good.digest);
	assert_false(read.mirrors);
	text[EP_HASH_TEXT] = 'c';
	const char *const wrong[] = { "", " ", "x", " mirror", " abc", good.digest, text };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		ep_contact_state_read(&read, wrong[i]);
		assert_string_equal(read.digest, "");
		assert_false(read.mirrors);
	}
}

static void
many_contacts_are_kept_apart(void **state)
{
	struct ep_contact contacts[40] = { 0 };
	struct ep_peer peers[40] = { 0 };
	(void)state;
	for (uint8_t i = 0; i < 40; i++)
		contacts[i] = (struct ep_contact){ .key = key_of(i), .at = 100 + i };
	ep_contacts_note(folder, contacts, 20);
	ep_contacts_note(folder, contacts + 20, 20);
	ep_contacts_note(folder, contacts, 0);
	for (uint8_t i = 0; i < 40; i++)
		peers[i] = (struct ep_peer){ .has_key = true, .key = key_of(i) };
	ep_contacts_of_peers(peers, 40, folder);
	for (int i = 0; i < 40; i++)
		assert_int_equal(peers[i].contact, 100 + i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(moments_alone_are_written_once_a_minute,
		                                make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(what_a_person_sees_is_written_at_once, make_folder,
		                                remove_folder),
		cmocka_unit_test_setup_teardown(the_state_of_a_slave_is_kept_with_its_position,
		                                make_folder, remove_folder),
		cmocka_unit_test(a_state_that_is_none_is_passed_over),
		cmocka_unit_test_setup_teardown(what_is_not_noted_stays, make_folder,
		                                remove_folder),
		cmocka_unit_test_setup_teardown(an_error_stays_in_its_line, make_folder,
		                                remove_folder),
		cmocka_unit_test_setup_teardown(of_log_and_file_the_later_one_counts, make_folder,
		                                remove_folder),
		cmocka_unit_test_setup_teardown(the_feed_of_a_master_only_gets_newer, make_folder,
		                                remove_folder),
		cmocka_unit_test_setup_teardown(a_damaged_line_is_passed_over, make_folder,
		                                remove_folder),
		cmocka_unit_test_setup_teardown(many_contacts_are_kept_apart, make_folder,
		                                remove_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
