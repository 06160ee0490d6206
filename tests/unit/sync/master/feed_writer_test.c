/* The log as a feed in a folder: what is written, when, and into whose folder. */
#include "sync/master/feed_writer.h"

#include "sync/feed_plan.h"
#include "tests/way.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char folder[64]; /* of the feed */
static char damaged[EP_FEED_NAME + 16]; /* what on_damage was told last */

static int
make_feed(void **state)
{
	if (make_nodes(state) != 0)
		return 1;
	snprintf(folder, sizeof folder, "%s/feed", master.folder);
	damaged[0] = '\0';
	return 0;
}

static void
on_damage(void *context, const char *file, const char *what)
{
	(void)context;
	assert_true(*what);
	snprintf(damaged, sizeof damaged, "%s", file);
}

static enum ep_status
write_feed(struct ep_feed_report *report, const struct node *node, int64_t refresh_s)
{
	struct ep_feed_options options = { .name = "master",
		                           .refresh_s = refresh_s,
		                           .check_bytes = UINT64_MAX,
		                           .on_damage = on_damage };
	*report = (struct ep_feed_report){ 0 };
	return ep_feed_publish(report, node->log, folder, &options, NULL);
}

static void
read_feed(struct ep_feed *feed)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	char path[80];
	snprintf(path, sizeof path, "%s/" EP_FEED_JSON, folder);
	needs(ep_read_file(&text, path, EP_FEED_JSON_MAX, NULL));
	needs(ep_feed_read(feed, ep_buffer_text(&text), &keys.key, NULL));
}

static void
nothing_new_is_nothing_written_until_it_is_old(void **state)
{
	struct ep_feed_report report;
	(void)state;
	publish_song("a", 1);
	assert_int_equal(write_feed(&report, &master, 3600), EP_OK);
	assert_false(report.written);
	assert_int_equal(report.packets, 0);
	assert_int_equal(report.position, 1);
	/* A feed.json that is to be new says the same again, without packets. */
	assert_int_equal(write_feed(&report, &master, 0), EP_OK);
	assert_true(report.written);
	assert_int_equal(report.packets, 0);
}

static void
a_feed_says_what_the_log_is(void **state)
{
	EP_FEED struct ep_feed feed = { 0 };
	struct ep_digest digest;
	struct ep_hash name;
	char id[] = "a";
	(void)state;
	for (uint64_t i = 0; i < 9; i++, id[0]++)
		publish_song(id, i);
	read_feed(&feed);
	assert_int_equal(feed.position, 9);
	assert_int_equal(feed.tracks, 9);
	assert_int_equal(feed.head.epoch, 1);
	assert_int_equal(ep_head_last(&feed.head)->position, 9);
	assert_int_equal(feed.head.mark_count, 9);
	struct ep_log_read *read;
	needs(ep_log_read_begin(&read, master.log, NULL));
	needs(ep_log_digest(&digest, read, NULL));
	ep_log_read_end(read);
	ep_digest_name(&name, &digest);
	assert_memory_equal(&feed.digest, &name, sizeof name);
	/* Eight packets became one, and are listed for a while. */
	assert_true(ep_feed_is_whole(&feed));
	size_t merged_away = 0;
	for (size_t i = 0; i < feed.packet_count; i++)
		merged_away += feed.packets[i].merged_away;
	assert_int_equal(feed.packet_count, 10);
	assert_int_equal(merged_away, 8);
}

static void
a_damaged_packet_is_told_and_made_anew(void **state)
{
	EP_FEED struct ep_feed feed = { 0 };
	EP_BUFFER struct ep_buffer bytes = { 0 };
	struct ep_feed_report report;
	char name[EP_FEED_NAME];
	char path[192];
	(void)state;
	publish_song("a", 1);
	read_feed(&feed);
	ep_feed_packet_name(name, &feed.packets[0]);
	snprintf(path, sizeof path, "%s/" EP_FEED_PACKETS "/%s", folder, name);
	needs(ep_read_file(&bytes, path, 1 << 20, NULL));
	bytes.data[bytes.size / 2] ^= 1;
	needs(ep_replace_file(path, bytes.data, bytes.size, 0600, NULL));
	assert_int_equal(write_feed(&report, &master, 3600), EP_OK);
	assert_non_null(strstr(damaged, name));
	assert_int_equal(report.packets, 1);
	/* What feed.json names now is good. */
	damaged[0] = '\0';
	assert_int_equal(write_feed(&report, &master, 3600), EP_OK);
	assert_string_equal(damaged, "");
	assert_true(report.checked);
}

static void
the_feed_of_another_node_is_left_as_it_is(void **state)
{
	struct ep_feed_report report;
	EP_BUFFER struct ep_buffer text = { 0 };
	EP_PAIRS struct ep_pairs pairs = { 0 };
	char path[80];
	(void)state;
	publish_song("a", 1);
	song_of_noise(&pairs, 5, 1000);
	node_put(&slave, "b", &pairs, "b");
	assert_int_equal(write_feed(&report, &slave, 3600), EP_DIVERGED);
	assert_false(report.written);
	snprintf(path, sizeof path, "%s/" EP_FEED_JSON, folder);
	needs(ep_read_file(&text, path, EP_FEED_JSON_MAX, NULL));
	assert_true(ep_text_equal(ep_buffer_text(&text), ep_buffer_text(&way.feed)));
}

static void
each_new_epoch_is_above_the_one_before(void **state)
{
	EP_FEED struct ep_feed feed = { 0 };
	uint64_t epoch;
	(void)state;
	needs(ep_feed_new_epoch(&epoch, master.log, folder, NULL));
	assert_int_equal(epoch, 2);
	publish_song("a", 1);
	read_feed(&feed);
	assert_int_equal(feed.head.epoch, 2);
	needs(ep_feed_new_epoch(&epoch, master.log, folder, NULL));
	assert_int_equal(epoch, 3);
}

#define OF_A_FEED(test) cmocka_unit_test_setup_teardown(test, make_feed, remove_nodes)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		OF_A_FEED(nothing_new_is_nothing_written_until_it_is_old),
		OF_A_FEED(a_feed_says_what_the_log_is),
		OF_A_FEED(a_damaged_packet_is_told_and_made_anew),
		OF_A_FEED(the_feed_of_another_node_is_left_as_it_is),
		OF_A_FEED(each_new_epoch_is_above_the_one_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
