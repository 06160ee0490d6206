/* Finished files and their watermark: together, or completed by the next dump. */
#include "dump/publish.h"

#include "base/file.h"
#include "tests/one_node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

#define PART ".out-1.csv.part"
#define OTHER_PART ".out-2.csv.part"

static const struct ep_publication_names names = { "note", "watermark", "lastdump" };

static char folder[64]; /* where the files go */

static int
make_node_and_folder(void **state)
{
	make_node(state);
	snprintf(folder, sizeof folder, "%s/out", node.folder);
	return mkdir(folder, 0700);
}

/* ---- files ---- */

static void
write_file(const char *name, const char *text)
{
	EP_FREE char *path = ep_path_join(folder, name);
	needs(ep_replace_file(path, text, strlen(text), 0600, NULL));
}

/* Whether a file is there and has this text; with NULL, whether none has the name. */
static bool
is_file(const char *name, const char *text)
{
	EP_BUFFER struct ep_buffer bytes = { 0 };
	EP_FREE char *path = ep_path_join(folder, name);
	enum ep_status status = ep_read_file(&bytes, path, 1000, NULL);
	if (!text)
		return status == EP_NOT_FOUND;
	return status == EP_OK && ep_text_equal(ep_buffer_text(&bytes), ep_text_of(text));
}

/* Two finished parts, as a dump leaves them before it publishes. */
static void
make_parts(struct ep_publication *publication, uint64_t watermark)
{
	*publication = (struct ep_publication){ .folder = strdup(folder),
		                                .parts = calloc(2, sizeof(struct ep_part)),
		                                .count = 2,
		                                .moves = true,
		                                .watermark = watermark,
		                                .lastdump = "2020-01-01T00:00:00Z" };
	must(publication->folder && publication->parts);
	publication->parts[0] = (struct ep_part){ strdup(PART), strdup("out-1.csv"), 3 };
	publication->parts[1] = (struct ep_part){ strdup(OTHER_PART), strdup("out-2.csv"), 4 };
	write_file(PART, "one");
	write_file(OTHER_PART, "four");
}

/* ---- the log ---- */

static void
set_value(const char *name, struct ep_bytes value)
{
	struct ep_log_write *write;
	needs(ep_log_write_begin(&write, node.log, NULL));
	needs(ep_log_set_value(write, name, value, NULL));
	needs(ep_log_commit(&write, NULL));
}

/* Notes parts in the log, in the bytes of publish.h: what a dump leaves that was killed then. */
static void
note(const struct ep_publication *publication)
{
	EP_BUFFER struct ep_buffer bytes = { 0 };
	needs(ep_buffer_varint(&bytes, publication->moves, NULL));
	needs(ep_buffer_varint(&bytes, publication->watermark, NULL));
	needs(ep_put_text(&bytes, ep_text_of(publication->lastdump), NULL));
	needs(ep_put_text(&bytes, ep_text_of(publication->folder), NULL));
	needs(ep_buffer_varint(&bytes, publication->count, NULL));
	for (size_t i = 0; i < publication->count; i++) {
		needs(ep_put_text(&bytes, ep_text_of(publication->parts[i].part), NULL));
		needs(ep_put_text(&bytes, ep_text_of(publication->parts[i].final), NULL));
		needs(ep_buffer_varint(&bytes, publication->parts[i].bytes, NULL));
	}
	set_value(names.note, ep_buffer_bytes(&bytes));
}

/* Completes what is noted, which is count files. */
static void
complete(size_t count)
{
	EP_PUBLICATION struct ep_publication rest = { 0 };
	assert_int_equal(ep_publish_rest(&rest, node.log, &names, NULL), EP_OK);
	assert_int_equal(rest.count, count);
}

static uint64_t
watermark(void)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	uint64_t number;
	needs(ep_log_read_begin(&read, node.log, NULL));
	needs(ep_log_number(&number, read, names.watermark, NULL));
	return number;
}

static bool
has_value(const char *name, const char *text)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_bytes value;
	needs(ep_log_read_begin(&read, node.log, NULL));
	enum ep_status status = ep_log_value(&value, read, name, NULL);
	if (!text)
		return status == EP_NOT_FOUND;
	return status == EP_OK && ep_text_equal(ep_text_of_bytes(value), ep_text_of(text));
}

/* ---- publishing ---- */

static void
names_and_watermark_come_together(void **state)
{
	EP_PUBLICATION struct ep_publication publication;
	(void)state;
	make_parts(&publication, 10);
	assert_int_equal(ep_publish(&publication, node.log, &names, NULL), EP_OK);
	assert_true(is_file("out-1.csv", "one") && is_file("out-2.csv", "four"));
	assert_true(is_file(PART, NULL) && is_file(OTHER_PART, NULL));
	assert_int_equal(watermark(), 10);
	assert_true(has_value(names.lastdump, "2020-01-01T00:00:00Z"));
	assert_true(has_value(names.note, NULL));
	complete(0);
}

static void
a_name_that_is_taken_is_not_overwritten(void **state)
{
	EP_PUBLICATION struct ep_publication publication;
	(void)state;
	make_parts(&publication, 10);
	write_file("out-1.csv", "another's");
	write_file("out-3.csv", "another's, too");
	assert_int_equal(ep_publish(&publication, node.log, &names, NULL), EP_OK);
	assert_true(is_file("out-1.csv", "another's") && is_file("out-3.csv", "another's, too"));
	assert_string_equal(publication.parts[0].final, "out-4.csv");
	assert_true(is_file("out-4.csv", "one") && is_file("out-2.csv", "four"));
	assert_int_equal(watermark(), 10);
}

static void
a_watermark_moves_only_forward(void **state)
{
	EP_PUBLICATION struct ep_publication older;
	EP_PUBLICATION struct ep_publication beside;
	(void)state;
	struct ep_log_write *write;
	needs(ep_log_write_begin(&write, node.log, NULL));
	needs(ep_log_set_number(write, names.watermark, 11, NULL));
	needs(ep_log_commit(&write, NULL));
	make_parts(&older, 10);
	assert_int_equal(ep_publish(&older, node.log, &names, NULL), EP_OK);
	assert_int_equal(watermark(), 11);
	assert_true(has_value(names.lastdump, NULL));
	/* Beside the series it does not move at all. */
	make_parts(&beside, 12);
	beside.moves = false;
	assert_int_equal(ep_publish(&beside, node.log, &names, NULL), EP_OK);
	assert_int_equal(watermark(), 11);
	assert_true(has_value(names.note, NULL));
}

static void
a_renaming_that_fails_leaves_the_note_and_not_the_watermark(void **state)
{
	EP_PUBLICATION struct ep_publication publication;
	EP_FREE char *path = NULL;
	(void)state;
	make_parts(&publication, 10);
	/* A name with a slash is in a folder that is not there. */
	free(publication.parts[1].final);
	publication.parts[1].final = strdup("nothing/out-2.csv");
	struct ep_error err;
	assert_int_equal(ep_publish(&publication, node.log, &names, &err), EP_IO);
	assert_non_null(strstr(err.text, "cannot rename"));
	assert_true(publication.noted);
	assert_int_equal(watermark(), 0);
	assert_true(is_file("out-1.csv", "one") && is_file(OTHER_PART, "four"));
	/* When the reason has gone, the next dump completes it. */
	path = ep_path_join(folder, "nothing");
	must(mkdir(path, 0700) == 0);
	complete(2);
	assert_true(is_file("nothing/out-2.csv", "four"));
	assert_int_equal(watermark(), 10);
}

/* ---- completing ---- */

static void
what_was_noted_is_completed_wherever_it_stood(void **state)
{
	(void)state;
	for (int renamed = 0; renamed <= 2; renamed++) {
		EP_PUBLICATION struct ep_publication publication;
		make_parts(&publication, 10 + (uint64_t)renamed);
		for (int i = 0; i < renamed; i++) {
			EP_FREE char *from = ep_path_join(folder, i ? OTHER_PART : PART);
			EP_FREE char *to = ep_path_join(folder, i ? "out-2.csv" : "out-1.csv");
			must(rename(from, to) == 0);
		}
		note(&publication);
		complete(2);
		assert_true(is_file("out-1.csv", "one") && is_file("out-2.csv", "four"));
		assert_true(is_file(PART, NULL) && is_file(OTHER_PART, NULL));
		assert_int_equal(watermark(), 10 + renamed);
		assert_true(has_value(names.note, NULL));
		for (int i = 0; i < 2; i++) {
			EP_FREE char *path = ep_path_join(folder, i ? "out-2.csv" : "out-1.csv");
			must(unlink(path) == 0);
		}
	}
}

static void
a_second_name_of_a_part_counts_as_renamed(void **state)
{
	EP_PUBLICATION struct ep_publication publication;
	EP_FREE char *from = ep_path_join(folder, PART);
	EP_FREE char *to = ep_path_join(folder, "out-1.csv");
	(void)state;
	make_parts(&publication, 10);
	must(link(from, to) == 0);
	note(&publication);
	complete(2);
	assert_true(is_file("out-1.csv", "one") && is_file(PART, NULL));
	assert_true(is_file("out-3.csv", NULL));
}

/* What is not there as it was noted has to be written again: the watermark stays. */
static void
what_is_not_complete_is_given_up(void **state)
{
	(void)state;
	for (int cut = 0; cut < 2; cut++) {
		EP_PUBLICATION struct ep_publication publication;
		EP_FREE char *path = ep_path_join(folder, OTHER_PART);
		make_parts(&publication, 10);
		note(&publication);
		must(cut ? truncate(path, 2) == 0 : unlink(path) == 0);
		complete(0);
		assert_true(is_file(PART, "one") && is_file("out-1.csv", NULL));
		assert_int_equal(watermark(), 0);
		assert_true(has_value(names.lastdump, NULL));
		assert_true(has_value(names.note, NULL));
	}
}

static void
a_damaged_note_is_said_and_kept(void **state)
{
	EP_PUBLICATION struct ep_publication publication;
	EP_PUBLICATION struct ep_publication rest = { 0 };
	struct ep_log_read *read;
	struct ep_bytes value;
	uint8_t bytes[256];
	(void)state;
	make_parts(&publication, 10);
	note(&publication);
	needs(ep_log_read_begin(&read, node.log, NULL));
	needs(ep_log_value(&value, read, names.note, NULL));
	struct ep_bytes cut = { bytes, value.size };
	memcpy(bytes, value.at, value.size);
	ep_log_read_end(read);
	while (--cut.size > 0) {
		set_value(names.note, cut);
		assert_int_equal(ep_publish_rest(&rest, node.log, &names, NULL), EP_CORRUPT);
		assert_int_equal(rest.count, 0);
	}
	assert_true(is_file(PART, "one") && is_file(OTHER_PART, "four"));
	assert_false(has_value(names.note, NULL));
	assert_int_equal(watermark(), 0);
}

#define OF_A_NODE(test) cmocka_unit_test_setup_teardown(test, make_node_and_folder, remove_node)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		OF_A_NODE(names_and_watermark_come_together),
		OF_A_NODE(a_name_that_is_taken_is_not_overwritten),
		OF_A_NODE(a_watermark_moves_only_forward),
		OF_A_NODE(a_renaming_that_fails_leaves_the_note_and_not_the_watermark),
		OF_A_NODE(what_was_noted_is_completed_wherever_it_stood),
		OF_A_NODE(a_second_name_of_a_part_counts_as_renamed),
		OF_A_NODE(what_is_not_complete_is_given_up),
		OF_A_NODE(a_damaged_note_is_said_and_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
