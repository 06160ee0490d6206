#include "code/codestring.h"
#include "code/cut.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The original's rule, with its doubles; volatile so that each step is rounded. */
static bool
is_in_segment(uint32_t segment, uint32_t time)
{
	volatile double seg = 60 * 1000 / 23.2;
	volatile double half = seg / 2;
	volatile double first = segment * half;
	volatile double end = first + seg;
	return first <= time && time < end;
}

static void
assert_window_is_exact(uint32_t segment)
{
	struct ep_window window = ep_window_of(segment);
	assert_true(is_in_segment(segment, window.first));
	assert_true(is_in_segment(segment, window.end - 1));
	assert_false(is_in_segment(segment, window.end));
	if (window.first > 0)
		assert_false(is_in_segment(segment, window.first - 1));
}

static void
windows_are_those_of_the_original(void **state)
{
	(void)state;
	for (uint32_t segment = 0; segment < 300000; segment++)
		assert_window_is_exact(segment);
	for (uint32_t segment = EP_SEGMENT_MAX - 100000; segment <= EP_SEGMENT_MAX; segment++)
		assert_window_is_exact(segment);
}

static void
the_last_time_tells_the_number_of_documents(void **state)
{
	(void)state;
	assert_int_equal(ep_segment_count(0), 1);
	assert_int_equal(ep_segment_count(1293), 1);
	assert_int_equal(ep_segment_count(1294), 2);
	assert_int_equal(ep_segment_count(EP_TIME_MAX), EP_SEGMENT_MAX + 1);
	/* A whole number of halves: 29 of them are 37,500 units. */
	assert_int_equal(ep_segment_count(37499), 29);
	assert_int_equal(ep_segment_count(37500), 30);
}

static void
cut_text(struct ep_cut *cut, const char *text)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	assert_int_equal(ep_pairs_parse(&pairs, ep_text_of(text), NULL), EP_OK);
	assert_int_equal(ep_cut_documents(cut, &pairs, 100, NULL), EP_OK);
}

static void
assert_document(const struct ep_cut *cut, size_t number, const char *text)
{
	assert_true(number < cut->count);
	assert_int_equal(cut->documents[number].size, strlen(text));
	assert_true(ep_text_equal(cut->documents[number], ep_text_of(text)));
}

static void
documents_overlap_by_half(void **state)
{
	(void)state;
	EP_CUT struct ep_cut cut = { 0 };
	cut_text(&cut, "4 2600 1 1293 10 5 9 5 2 1294 3 2586");
	assert_int_equal(cut.count, 3);
	assert_document(&cut, 0, "10 5 9 5 1 1293 2 1294 3 2586");
	assert_document(&cut, 1, "2 1294 3 2586 4 2600");
	assert_document(&cut, 2, "4 2600");
}

static void
a_silent_minute_is_an_empty_document(void **state)
{
	(void)state;
	EP_CUT struct ep_cut cut = { 0 };
	cut_text(&cut, "1 0 2 6000");
	assert_int_equal(cut.count, 5);
	assert_document(&cut, 0, "1 0");
	assert_document(&cut, 1, "");
	assert_document(&cut, 2, "");
	assert_document(&cut, 3, "2 6000");
	assert_document(&cut, 4, "2 6000");
}

static void
a_track_without_pairs_has_no_documents(void **state)
{
	(void)state;
	EP_CUT struct ep_cut cut = { 0 };
	cut_text(&cut, "1 0");
	assert_int_equal(cut.count, 1);
	cut_text(&cut, "");
	assert_int_equal(cut.count, 0);
}

static void
more_documents_than_allowed_are_refused(void **state)
{
	(void)state;
	struct ep_error err;
	EP_CUT struct ep_cut cut = { 0 };
	EP_PAIRS struct ep_pairs pairs = { 0 };
	assert_int_equal(ep_pairs_parse(&pairs, ep_text_of("1 2147483647"), NULL), EP_OK);
	assert_int_equal(ep_cut_documents(&cut, &pairs, EP_SEGMENT_MAX, &err), EP_BAD_INPUT);
	assert_non_null(strstr(err.text, "1660721 documents"));
	assert_int_equal(ep_cut_documents(&cut, &pairs, EP_SEGMENT_MAX + 1, &err), EP_OK);
	assert_document(&cut, EP_SEGMENT_MAX, "1 2147483647");
}

/* The folder of real fingerprints: $ECHOPRINT_SHARED_DATA, or one beside the sources. */
static FILE *
open_shared(const char *command_format, const char *name)
{
	const char *folder = getenv("ECHOPRINT_SHARED_DATA");
	char beside[1024];
	const char *slash = strrchr(__FILE__, '/');
	if (!folder) {
		snprintf(beside, sizeof beside, "%.*s/../../../../shared/data",
		         slash ? (int)(slash - __FILE__) : 1, slash ? __FILE__ : ".");
		folder = beside;
	}
	char path[2048];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "r");
	if (!file || !command_format)
		return file;
	fclose(file);
	char command[4096];
	snprintf(command, sizeof command, "%s '%s'", command_format, path);
	return popen(command, "r");
}

/* The codes of the next row; the fields before them have no commas. */
static struct ep_text
next_codes(char **line, size_t *capacity, FILE *rows)
{
	assert_true(getline(line, capacity, rows) > 0);
	const char *at = *line;
	for (int i = 0; i < 2; i++) {
		at = strchr(at, ',');
		assert_non_null(at);
		at++;
	}
	return (struct ep_text){ at, strcspn(at, ",") };
}

static void
golden_songs_are_cut_into_the_documents_of_the_original(void **state)
{
	(void)state;
	FILE *songs = open_shared(NULL, "golden/codegen.json");
	FILE *rows = open_shared("xz -dc", "golden/dump.csv.xz");
	if (!songs || !rows) {
		print_message("skip golden songs: ../shared/data is not here\n");
		skip();
	}
	static const char key[] = "\"code\": \"";
	EP_PAIRS struct ep_pairs pairs = { 0 };
	EP_CUT struct ep_cut cut = { 0 };
	EP_FREE char *song = NULL;
	EP_FREE char *row = NULL;
	size_t song_capacity = 0;
	size_t row_capacity = 0;
	size_t documents = 0;
	assert_true(getdelim(&song, &song_capacity, '\0', songs) > 0);
	for (const char *at = strstr(song, key); at; at = strstr(at, key)) {
		at += strlen(key);
		struct ep_text packed = { at, strcspn(at, "\"") };
		pairs.count = 0;
		assert_int_equal(ep_codestring_decode(&pairs, packed, NULL), EP_OK);
		assert_int_equal(ep_cut_documents(&cut, &pairs, 1000, NULL), EP_OK);
		for (size_t i = 0; i < cut.count; i++, documents++) {
			struct ep_text codes = next_codes(&row, &row_capacity, rows);
			assert_true(ep_text_equal(cut.documents[i], codes));
		}
	}
	assert_int_equal(documents, 827);
	fclose(songs);
	pclose(rows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_are_those_of_the_original),
		cmocka_unit_test(the_last_time_tells_the_number_of_documents),
		cmocka_unit_test(documents_overlap_by_half),
		cmocka_unit_test(a_silent_minute_is_an_empty_document),
		cmocka_unit_test(a_track_without_pairs_has_no_documents),
		cmocka_unit_test(more_documents_than_allowed_are_refused),
		cmocka_unit_test(golden_songs_are_cut_into_the_documents_of_the_original),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
