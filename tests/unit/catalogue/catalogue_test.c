/* Tracks by words: in the file, in the tail in memory, and after whatever may become of the file.
 */
#include "catalogue/catalogue.h"
#include "catalogue/words.h"

#include "base/file.h"
#include "tests/one_node.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct ep_catalogue *catalogue;
static char found[400]; /* the ids, with blanks between them */
static size_t wanted; /* so many end the search; 0: none do */
static struct ep_catalogue_place last;

/* ---- what the tests do ---- */

static int
make(void **state)
{
	make_node(state);
	needs(ep_catalogue_new(&catalogue, node.log, NULL));
	return 0;
}

static int
done(void **state)
{
	ep_catalogue_free(catalogue);
	return remove_node(state);
}

static void
add(struct ep_log_write *write, const char *source, const char *id, const char *artist,
    const char *title)
{
	EP_BUFFER struct ep_buffer body = { 0 };
	struct ep_put_counts counts = { 0 };
	struct ep_document row = { .suffix = ep_text_of("-0"),
		                   .codever = ep_text_of("4.12"),
		                   .codes = ep_text_of("1 2"),
		                   .length = ep_text_of("60"),
		                   .artist = ep_text_of(artist),
		                   .track = ep_text_of(title) };
	struct ep_track track = { .id = ep_text_of(id), .documents = &row, .count = 1 };
	struct ep_put put = { .track = &track, .whole = true };
	needs(ep_entry_put_body(&body, NULL, &track, node.coder, NULL));
	put.body = ep_buffer_bytes(&body);
	ep_track_hash(&put.hash, &track);
	needs(ep_log_source(&put.source, write, ep_text_of(source), NULL));
	needs(ep_log_put(write, &put, &counts, NULL));
}

static void
put(const char *id, const char *artist, const char *title)
{
	struct ep_log_write *write;
	needs(ep_log_write_begin(&write, node.log, NULL));
	add(write, "local", id, artist, title);
	needs(ep_log_commit(&write, NULL));
}

/* More tracks than are left to memory: N0, N1, ... by "Filler". */
static void
put_many(void)
{
	struct ep_log_write *write;
	needs(ep_log_write_begin(&write, node.log, NULL));
	for (int i = 0; i < EP_CATALOGUE_TAIL + 10; i++) {
		char id[16];
		snprintf(id, sizeof id, "N%d", i);
		add(write, "local", id, "Filler", "");
	}
	needs(ep_log_commit(&write, NULL));
}

static enum ep_status
on_found(void *context, bool *enough, const struct ep_entry *entry,
         const struct ep_catalogue_place *place, struct ep_error *err)
{
	size_t size = strlen(found);
	(void)context;
	(void)err;
	snprintf(found + size, sizeof found - size, "%s%.*s", size ? " " : "",
	         ep_text_print_size(entry->id), entry->id.at);
	last = *place;
	if (wanted && --wanted == 0)
		*enough = true;
	return EP_OK;
}

static enum ep_status
search(const struct ep_catalogue_search *what)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	found[0] = '\0';
	needs(ep_log_read_begin(&read, node.log, NULL));
	return ep_catalogue_find(catalogue, read, what, on_found, NULL, NULL);
}

static const char *
find(const char *text)
{
	struct ep_catalogue_search what = { .text = ep_text_of(text) };
	needs(search(&what));
	return found;
}

static void
follow(void)
{
	needs(ep_catalogue_follow(catalogue, &(struct ep_catalogue_options){ 0 }, NULL));
}

/* The path of the one file of the catalogue. */
static void
file_path(char path[300])
{
	char folder[100];
	snprintf(folder, sizeof folder, "%s/catalogue", node.folder);
	DIR *names = opendir(folder);
	must(names != NULL);
	int count = 0;
	for (struct dirent *item = readdir(names); item; item = readdir(names)) {
		size_t size = strlen(item->d_name);
		if (size < 4 || strcmp(item->d_name + size - 3, ".db") != 0)
			continue;
		snprintf(path, 300, "%s/%s", folder, item->d_name);
		count++;
	}
	closedir(names);
	must_equal(count, 1);
}

/* ---- words ---- */

static void
words_are_found_without_case_and_accents(void **state)
{
	(void)state;
	put("TRA", "Björk", "Jóga");
	put("TRB", "AC/DC", "T.N.T.");
	put("TRC", "宇多田ヒカル", "First Love");
	follow();
	assert_string_equal(find("bjork"), "TRA");
	assert_string_equal(find("BJÖRK joga"), "TRA");
	assert_string_equal(find("ac/dc"), "TRB");
	assert_string_equal(find("宇多"), "TRC");
	assert_string_equal(find("trb"), "TRB");
	assert_string_equal(find("love first"), "TRC");
	assert_string_equal(find("love bjork"), "");
}

static void
signs_alone_are_passed_over(void **state)
{
	(void)state;
	put("TRA", "Simon & Garfunkel", "America");
	follow();
	assert_string_equal(find("simon & garfunkel"), "TRA");
	assert_string_equal(find("simon – \xe2\x99\xa5 garfunkel"), "TRA");
	assert_string_equal(find("&"), "");
	assert_string_equal(find(" "), "");
	assert_string_equal(find("\" OR \"simon"), "");
	assert_string_equal(find("simon* america)"), "TRA");
}

static void
whole_words_come_before_longer_ones(void **state)
{
	(void)state;
	put("TRA", "Lovely", "One");
	put("TRB", "Love", "Two");
	put("TRC", "Lovers", "Three");
	put("TRD", "Love", "Four");
	follow();
	assert_string_equal(find("love"), "TRB TRD TRA TRC");
}

static void
hyphens_may_be_left_out(void **state)
{
	(void)state;
	put("USRC17607839", "", "");
	put("TRB", "US-RC1-76-07839", "");
	follow();
	assert_string_equal(find("us-rc1-76-07839"), "USRC17607839 TRB");
	assert_string_equal(find("US-RC1"), "TRB USRC17607839");
}

static void
a_text_that_cannot_be_searched_is_refused(void **state)
{
	(void)state;
	char many[3 * EP_WORDS_MAX + 8];
	char *at = many;
	for (int i = 0; i <= EP_WORDS_MAX; i++)
		at += sprintf(at, "a%d ", i % 10);
	const char *const bad[] = { "\xff", "a\nb", "a\x7f", "\xc2\x84", many };
	follow();
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct ep_catalogue_search what = { .text = ep_text_of(bad[i]) };
		assert_int_equal(search(&what), EP_BAD_INPUT);
	}
	char *large = calloc(1, EP_WORDS_TEXT_MAX + 2);
	must(large != NULL);
	memset(large, 'a', EP_WORDS_TEXT_MAX + 1);
	struct ep_catalogue_search what = { .text = ep_text_of(large) };
	assert_int_equal(search(&what), EP_BAD_INPUT);
	free(large);
}

/* ---- pages and sources ---- */

static void
a_search_goes_on_behind_a_place(void **state)
{
	(void)state;
	char all[sizeof found] = "";
	const char *const names[] = { "Sun", "Sunday", "Sun", "Sunny", "Sun", "Moon" };
	for (size_t i = 0; i < 6; i++) {
		char id[8];
		snprintf(id, sizeof id, "TR%zu", i);
		put(id, names[i], "");
	}
	follow();
	struct ep_catalogue_search what = { .text = ep_text_of("sun") };
	for (int page = 0; page < 3; page++) {
		wanted = 2;
		needs(search(&what));
		snprintf(all + strlen(all), sizeof all - strlen(all), "[%s]", found);
		what.after = last;
	}
	wanted = 0;
	assert_string_equal(all, "[TR0 TR2][TR4 TR1][TR3]");
}

static void
a_source_and_positions_bound_a_search(void **state)
{
	(void)state;
	struct ep_log_write *write;
	uint32_t oslo;
	needs(ep_log_write_begin(&write, node.log, NULL));
	add(write, "local", "TRA", "Sun", "");
	add(write, "oslo", "TRB", "Sun", "");
	add(write, "oslo", "TRC", "Sunday", "");
	needs(ep_log_source(&oslo, write, ep_text_of("oslo"), NULL));
	needs(ep_log_commit(&write, NULL));
	follow();
	struct ep_catalogue_search what = { .text = ep_text_of("sun"), .source = oslo };
	needs(search(&what));
	assert_string_equal(found, "TRB TRC");
	what.since = 2;
	needs(search(&what));
	assert_string_equal(found, "TRC");
}

/* ---- file and tail ---- */

static void
what_changed_is_found_as_it_is_now(void **state)
{
	(void)state;
	put("TRA", "Old", "");
	put("TRB", "Gone", "");
	put_many();
	follow(); /* into the file */
	put("TRA", "New", "");
	node_delete(&node, "TRB");
	follow(); /* left to memory */
	assert_string_equal(find("old"), "");
	assert_string_equal(find("gone"), "");
	assert_string_equal(find("new"), "TRA");
	put("TRA", "Newer", "");
	assert_string_equal(find("new"), "TRA");
	assert_string_equal(find("newer"), "TRA");
	put_many(); /* unchanged: nothing new */
	assert_string_equal(find("n1033"), "N1033");
}

static void
another_process_may_follow_meanwhile(void **state)
{
	(void)state;
	EP_OWNED(ep_catalogue_free)
	struct ep_catalogue *other = NULL;
	needs(ep_catalogue_new(&other, node.log, NULL));
	put("TRA", "Early", "");
	follow();
	assert_string_equal(find("early"), "TRA"); /* from memory */
	put_many();
	needs(ep_catalogue_follow(other, &(struct ep_catalogue_options){ 0 }, NULL));
	put("TRB", "Late", "");
	assert_string_equal(find("early"), "TRA");
	assert_string_equal(find("late"), "TRB");
	wanted = 3;
	assert_string_equal(find("filler"), "N0 N1 N2");
	wanted = 0;
}

static void
a_catalogue_that_is_far_behind_is_not_asked(void **state)
{
	(void)state;
	struct ep_catalogue_search what = { .text = ep_text_of("filler") };
	needs(search(&what)); /* in memory alone */
	assert_string_equal(found, "");
	struct ep_log_write *write;
	needs(ep_log_write_begin(&write, node.log, NULL));
	for (int i = 0; i <= 16 * EP_CATALOGUE_TAIL; i++) {
		char id[16];
		snprintf(id, sizeof id, "N%d", i);
		add(write, "local", id, "Filler", "");
	}
	needs(ep_log_commit(&write, NULL));
	assert_int_equal(search(&what), EP_NOT_FOUND);
	follow();
	wanted = 1;
	needs(search(&what));
	wanted = 0;
	assert_string_equal(found, "N0");
}

static void
a_file_that_is_damaged_or_gone_is_made_anew(void **state)
{
	(void)state;
	char path[300];
	put("TRA", "Early", "");
	put_many();
	for (int how = 0; how < 3; how++) {
		ep_catalogue_free(catalogue);
		needs(ep_catalogue_new(&catalogue, node.log, NULL));
		follow();
		ep_catalogue_free(catalogue);
		file_path(path);
		int fd = open(path, O_RDWR | (how == 1 ? O_TRUNC : 0));
		must(fd >= 0);
		if (how == 0)
			must(pwrite(fd, "no database", 11, 0) == 11);
		close(fd);
		if (how == 2)
			must(unlink(path) == 0);
		needs(ep_catalogue_new(&catalogue, node.log, NULL));
		follow();
		file_path(path); /* still one file */
		assert_string_equal(find("early"), "TRA");
	}
}

/* Overwrites all pages behind the first few. */
static void
damage_pages(void)
{
	char path[300];
	char noise[4096];
	memset(noise, 0x5a, sizeof noise);
	file_path(path);
	int fd = open(path, O_RDWR);
	must(fd >= 0);
	off_t size = lseek(fd, 0, SEEK_END);
	must(size > 8 * 4096);
	for (off_t at = 8 * 4096; at < size; at += 4096)
		must(pwrite(fd, noise, sizeof noise, at) == sizeof noise);
	close(fd);
}

static void
damage_that_shows_late_is_no_failure(void **state)
{
	(void)state;
	struct ep_catalogue_search what = { .text = ep_text_of("n1030") };
	put_many();
	follow();
	damage_pages();
	assert_int_equal(search(&what), EP_NOT_FOUND);
	follow();
	assert_string_equal(find("n1030"), "N1030");
	damage_pages();
	assert_int_equal(ep_catalogue_check(catalogue, NULL), EP_CORRUPT);
	assert_int_equal(ep_catalogue_check(catalogue, NULL), EP_OK); /* it is gone */
	follow();
	assert_int_equal(ep_catalogue_check(catalogue, NULL), EP_OK);
	assert_string_equal(find("n1030"), "N1030");
}

/* A child would inherit SQLite's list of them without having them. */
static void
no_lock_is_held_between_calls(void **state)
{
	(void)state;
	char path[300];
	char link[40];
	char name[300];
	put_many();
	follow();
	assert_string_equal(find("n1030"), "N1030");
	file_path(path);
	for (int fd = 3; fd < 64; fd++) {
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		ssize_t size = readlink(link, name, sizeof name - 1);
		name[size > 0 ? size : 0] = '\0';
		must(strncmp(name, path, strlen(path)) != 0);
	}
}

static void
a_file_of_another_history_is_not_used(void **state)
{
	(void)state;
	EP_BUFFER struct ep_buffer before = { 0 };
	struct ep_log_read *read;
	struct ep_log_write *write;
	struct ep_bytes value;
	put_many();
	follow();
	needs(ep_log_read_begin(&read, node.log, NULL));
	needs(ep_log_value(&value, read, EP_CATALOGUE_VALUE, NULL));
	needs(ep_buffer_append(&before, value.at, value.size, NULL));
	ep_log_read_end(read);
	for (int i = 0; i < 2; i++) {
		/* Of the file, what is behind the restored mark may be of a lost history. */
		char name[20];
		snprintf(name, sizeof name, "Changed%d", i);
		needs(ep_log_write_begin(&write, node.log, NULL));
		for (int n = 0; n < EP_CATALOGUE_TAIL + 10; n++) {
			char id[16];
			snprintf(id, sizeof id, "N%d", n);
			add(write, "local", id, name, "");
		}
		needs(ep_log_commit(&write, NULL));
		follow();
		char first[300];
		char second[300];
		file_path(first);
		needs(ep_log_write_begin(&write, node.log, NULL));
		needs(ep_log_set_value(write, EP_CATALOGUE_VALUE, ep_buffer_bytes(&before), NULL));
		needs(ep_log_commit(&write, NULL));
		follow();
		file_path(second);
		assert_string_not_equal(first, second);
		wanted = 1;
		assert_string_equal(find(name), "N0");
		wanted = 0;
	}
}

static void
a_stop_leaves_what_is_done(void **state)
{
	(void)state;
	atomic_bool stop = true;
	put_many();
	assert_int_equal(ep_catalogue_follow(catalogue,
	                                     &(struct ep_catalogue_options){ .stop = &stop }, NULL),
	                 EP_INTERRUPTED);
	follow();
	assert_string_equal(find("n1030"), "N1030");
	assert_string_equal(find("n103"), "N103 N1030 N1031 N1032 N1033");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make, done)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(words_are_found_without_case_and_accents),
		TEST(signs_alone_are_passed_over),
		TEST(whole_words_come_before_longer_ones),
		TEST(hyphens_may_be_left_out),
		TEST(a_text_that_cannot_be_searched_is_refused),
		TEST(a_search_goes_on_behind_a_place),
		TEST(a_source_and_positions_bound_a_search),
		TEST(what_changed_is_found_as_it_is_now),
		TEST(another_process_may_follow_meanwhile),
		TEST(a_catalogue_that_is_far_behind_is_not_asked),
		TEST(a_file_that_is_damaged_or_gone_is_made_anew),
		TEST(damage_that_shows_late_is_no_failure),
		TEST(no_lock_is_held_between_calls),
		TEST(a_file_of_another_history_is_not_used),
		TEST(a_stop_leaves_what_is_done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
