/* A copy of a feed to be passed on: whole at any time, and mended where it is damaged. */
#include "sync/slave/mirror.h"

#include "sync/feed_files.h"
#include "sync/slave/fetch.h"
#include "tests/way.h"

#include <fcntl.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char folder[64]; /* of the mirror */
static struct ep_feed feed; /* of the master, as it is in the way */

static int
make_mirror(void **state)
{
	if (make_nodes(state) != 0)
		return 1;
	snprintf(folder, sizeof folder, "%s/mirror", slave.folder);
	return 0;
}

static int
remove_mirror(void **state)
{
	ep_feed_free(&feed);
	return remove_nodes(state);
}

/* Brings the mirror up to the feed. */
static enum ep_status
mirror(struct ep_error *err)
{
	uint64_t bytes = 0;
	way.packets = 0;
	ep_feed_free(&feed);
	needs(ep_feed_read(&feed, ep_buffer_text(&way.feed), &keys.key, NULL));
	return ep_mirror(&bytes, folder, ep_buffer_text(&way.feed), &feed, &transport, 0, err);
}

static enum ep_status
mend(struct ep_error *err)
{
	uint64_t bytes = 0;
	way.packets = 0;
	return ep_mirror_mend(&bytes, folder, &keys.key, &transport, UINT64_MAX, err);
}

static void
path_of(char path[192], size_t packet)
{
	char name[EP_FEED_NAME];
	ep_feed_packet_name(name, &feed.packets[packet]);
	snprintf(path, 192, "%s/" EP_FEED_PACKETS "/%s", folder, name);
}

static void
damage(size_t packet)
{
	EP_BUFFER struct ep_buffer bytes = { 0 };
	char path[192];
	path_of(path, packet);
	needs(ep_read_file(&bytes, path, 1 << 20, NULL));
	bytes.data[bytes.size / 2] ^= 1;
	needs(ep_replace_file(path, bytes.data, bytes.size, 0600, NULL));
}

/* Whether a file of the mirror's packet is as the feed says. */
static bool
is_good(size_t packet)
{
	bool good = false;
	char path[192];
	path_of(path, packet);
	EP_FD int fd = open(path, O_RDONLY);
	if (fd >= 0)
		needs(ep_feed_check_file(&good, fd, &feed.packets[packet], path, NULL));
	return good;
}

/* Whether the mirror's feed.json is the one in the way. */
static bool
names_the_feed(void)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	char path[80];
	snprintf(path, sizeof path, "%s/" EP_FEED_JSON, folder);
	return ep_read_file(&text, path, EP_FEED_JSON_MAX, NULL) == EP_OK &&
	       ep_text_equal(ep_buffer_text(&text), ep_buffer_text(&way.feed));
}

static void
a_mirror_has_the_bytes_of_the_feed(void **state)
{
	(void)state;
	publish_song("a", 1);
	publish_song("b", 2);
	assert_int_equal(mirror(NULL), EP_OK);
	assert_true(names_the_feed());
	assert_true(is_good(0) && is_good(1));
	assert_int_equal(way.packets, 2);
	/* Later only what is not there. */
	publish_song("c", 3);
	assert_int_equal(mirror(NULL), EP_OK);
	assert_int_equal(way.packets, 1);
	assert_true(names_the_feed() && is_good(2));
}

static void
a_mirror_names_no_packet_before_it_has_it(void **state)
{
	(void)state;
	publish_song("a", 1);
	assert_int_equal(mirror(NULL), EP_OK);
	publish_song("b", 2);
	way.harms = 2;
	for (way.harm = HARM_CUT; way.harm <= HARM_GONE; way.harm++) {
		assert_int_equal(mirror(NULL),
		                 way.harm == HARM_GONE ? EP_NOT_FOUND : EP_UNREACHABLE);
		assert_false(names_the_feed() || is_good(1));
	}
	assert_int_equal(mirror(NULL), EP_OK);
	assert_true(names_the_feed() && is_good(0) && is_good(1));
}

static void
damage_is_mended(void **state)
{
	(void)state;
	publish_song("a", 1);
	publish_song("b", 2);
	assert_int_equal(mirror(NULL), EP_OK);
	assert_int_equal(mend(NULL), EP_OK);
	assert_int_equal(way.packets, 0);
	damage(1);
	assert_int_equal(mend(NULL), EP_OK);
	assert_int_equal(way.packets, 1);
	assert_true(is_good(0) && is_good(1));
	/* A folder in the place of a packet makes way. */
	char path[192];
	path_of(path, 0);
	must(unlink(path) == 0 && mkdir(path, 0700) == 0);
	assert_int_equal(mend(NULL), EP_OK);
	assert_true(is_good(0));
}

static void
one_packet_that_cannot_be_mended_hinders_no_other(void **state)
{
	struct ep_error err;
	(void)state;
	publish_song("a", 1);
	publish_song("b", 2);
	assert_int_equal(mirror(NULL), EP_OK);
	for (int told = 0; told < 2; told++) {
		damage(0);
		damage(1);
		way.harm = HARM_FLIP;
		way.harms = 2;
		assert_int_equal(mend(told ? &err : NULL), EP_CORRUPT);
		assert_int_equal(way.packets, 3);
		assert_false(is_good(0));
		assert_true(is_good(1));
		assert_int_equal(mend(NULL), EP_OK);
	}
	assert_non_null(strstr(err.text, "packet 0-1-"));
}

static void
a_mirror_that_is_of_another_is_not_mended(void **state)
{
	char path[80];
	(void)state;
	assert_int_equal(mend(NULL), EP_NOT_FOUND);
	publish_song("a", 1);
	assert_int_equal(mirror(NULL), EP_OK);
	snprintf(path, sizeof path, "%s/" EP_FEED_JSON, folder);
	must(truncate(path, 100) == 0);
	assert_int_equal(mend(NULL), EP_CORRUPT);
	assert_int_equal(way.packets, 0);
}

/* ---- with a slave that follows ---- */

static void
a_slave_fetches_once_for_its_mirror_and_itself(void **state)
{
	struct ep_feed_request request = { 0 };
	struct ep_sync_report report = { 0 };
	struct ep_sync_options options = { .name = "s", .mirror = folder, .request = &request };
	(void)state;
	publish_song("a", 1);
	assert_int_equal(ep_fetch(&report, slave.log, &transport, &options, NULL), EP_OK);
	assert_int_equal(report.proof, EP_PROOF_EQUAL);
	assert_int_equal(way.packets, 1);
	assert_true(names_the_feed());
	/* While nothing is new the mirror is looked at; what cannot be mended is no failure, but
	 * the feed is asked for anew. */
	needs(ep_feed_read(&feed, ep_buffer_text(&way.feed), &keys.key, NULL));
	damage(0);
	way.harm = HARM_FLIP;
	way.harms = 2;
	request.check_from = 0;
	assert_int_equal(ep_fetch(&report, slave.log, &transport, &options, NULL), EP_OK);
	assert_int_equal(way.packets, 3);
	assert_string_equal(request.tag, "");
	request.check_from = 0;
	assert_int_equal(ep_fetch(&report, slave.log, &transport, &options, NULL), EP_OK);
	assert_true(is_good(0));
}

#define OF_A_MIRROR(test) cmocka_unit_test_setup_teardown(test, make_mirror, remove_mirror)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		OF_A_MIRROR(a_mirror_has_the_bytes_of_the_feed),
		OF_A_MIRROR(a_mirror_names_no_packet_before_it_has_it),
		OF_A_MIRROR(damage_is_mended),
		OF_A_MIRROR(one_packet_that_cannot_be_mended_hinders_no_other),
		OF_A_MIRROR(a_mirror_that_is_of_another_is_not_mended),
		OF_A_MIRROR(a_slave_fetches_once_for_its_mirror_and_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
