/* What goes out, in which order and under which names; and what a dump that fails leaves. */
#include "dump/dump.h"

#include "base/file.h"
#include "tests/one_node.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

static char folder[64]; /* where the files go */

static int
make_node_and_folder(void **state)
{
	make_node(state);
	snprintf(folder, sizeof folder, "%s/out", node.folder);
	return mkdir(folder, 0700);
}

/* ---- what is in the log ---- */

/* Puts a track of so many documents, "ID-0" and on, with lengths of the same numbers. */
static void
put_from(const char *id, size_t documents, const char *source, const char *title)
{
	EP_BUFFER struct ep_buffer body = { 0 };
	struct ep_document rows[16] = { 0 };
	char suffixes[16][8];
	struct ep_put_counts counts = { 0 };
	struct ep_log_write *write;
	for (size_t i = 0; i < documents; i++) {
		snprintf(suffixes[i], sizeof suffixes[i], "-%zu", i);
		rows[i].suffix = ep_text_of(suffixes[i]);
		rows[i].length = ep_text_of(suffixes[i] + 1);
		rows[i].track = ep_text_of(title);
	}
	struct ep_track track = { .id = ep_text_of(id), .documents = rows, .count = documents };
	struct ep_put put = { .track = &track, .whole = true };
	needs(ep_entry_put_body(&body, NULL, &track, node.coder, NULL));
	put.body = ep_buffer_bytes(&body);
	ep_track_hash(&put.hash, &track);
	needs(ep_log_write_begin(&write, node.log, NULL));
	needs(ep_log_source(&put.source, write, ep_text_of(source), NULL));
	needs(ep_log_put(write, &put, &counts, NULL));
	needs(ep_log_commit(&write, NULL));
}

static void
put(const char *id, size_t documents)
{
	put_from(id, documents, "local", "");
}

static void
link_copy(const char *copy, const char *original)
{
	struct ep_log_write *write;
	struct ep_link link = { .original = ep_text_of(original), .kind = EP_COPY_EXACT };
	needs(ep_log_write_begin(&write, node.log, NULL));
	needs(ep_log_link(write, ep_text_of(copy), &link, 1, NULL));
	needs(ep_log_commit(&write, NULL));
}

static uint64_t
watermark(enum ep_dump_kind kind)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	uint64_t number;
	needs(ep_log_read_begin(&read, node.log, NULL));
	needs(ep_log_number(&number, read, ep_dump_watermark_name(kind), NULL));
	return number;
}

/* ---- what was dumped ---- */

static size_t
count_files(void)
{
	DIR *open_folder = opendir(folder);
	size_t count = 0;
	must(open_folder != NULL);
	for (struct dirent *item; (item = readdir(open_folder)) != NULL;)
		count += strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0;
	closedir(open_folder);
	return count;
}

/* That a file is there as the report says, with these ids in this order, a blank behind each. */
static void
check_file(const struct ep_dump_file *file, const char *ids)
{
	EP_BUFFER struct ep_buffer bytes = { 0 };
	EP_FREE char *path = ep_path_join(folder, file->name);
	struct ep_sha256 sha;
	struct ep_hash hash;
	char found[256] = "";
	uint64_t documents = 0;
	assert_int_equal(ep_read_file(&bytes, path, 1 << 20, NULL), EP_OK);
	assert_int_equal(bytes.size, file->bytes);
	ep_sha256_init(&sha);
	ep_sha256_add(&sha, bytes.data, bytes.size);
	ep_sha256_done(&hash, &sha);
	assert_true(file->has_sha256);
	assert_memory_equal(&hash, &file->sha256, sizeof hash);
	needs(ep_buffer_append(&bytes, "", 1, NULL));
	char *rest = (char *)bytes.data;
	for (char *row; (row = strsep(&rest, "\n")) != NULL && *row; documents++) {
		assert_int_equal(row[strlen(row) - 1], '\r');
		strncat(found, row, strcspn(row, ","));
		strcat(found, " ");
	}
	assert_string_equal(found, ids);
	assert_int_equal(documents, file->documents);
}

static struct ep_dump_options
into_folder(enum ep_dump_kind kind)
{
	return (struct ep_dump_options){ .kind = kind,
		                         .checksums = true,
		                         .folder = folder,
		                         .name = "paris",
		                         .lines = EP_DUMP_LINES };
}

/* ---- order ---- */

static void
rows_come_in_the_order_of_their_last_change(void **state)
{
	struct ep_dump_report report;
	struct ep_dump_options options = into_folder(EP_DUMP_MASTER);
	(void)state;
	put("c", 1);
	put("a", 2);
	put("gone", 1);
	put("b", 1);
	put("copy", 1);
	put("c", 2);
	link_copy("copy", "a");
	node_delete(&node, "gone");
	assert_int_equal(ep_dump(&report, node.log, &options, NULL), EP_OK);
	assert_int_equal(report.file_count, 1);
	/* A copy of a song goes in no CSV; a deletion is counted. */
	check_file(&report.files[0], "a-0 a-1 b-0 c-0 c-1 ");
	assert_int_equal(report.documents, 5);
	assert_int_equal(report.deletions, 1);
	assert_int_equal(report.from, 0);
	assert_int_equal(report.to, 8);
	assert_int_equal(watermark(EP_DUMP_MASTER), 8);
	ep_dump_report_free(&report);
	/* Then what is behind it; and then nothing, which is no file. */
	put("a", 1);
	assert_int_equal(ep_dump(&report, node.log, &options, NULL), EP_OK);
	/* The copy is of what has changed: it is a song of its own again. */
	check_file(&report.files[0], "a-0 copy-0 ");
	assert_int_equal(report.from, 8);
	assert_int_equal(report.deletions, 1);
	ep_dump_report_free(&report);
	assert_int_equal(ep_dump(&report, node.log, &options, NULL), EP_OK);
	assert_int_equal(report.file_count, 0);
	assert_int_equal(count_files(), 2);
	ep_dump_report_free(&report);
}

static void
a_file_has_so_many_rows_wherever_a_track_ends(void **state)
{
	static const char *const files[] = { "a-0 a-1 a-2 ", "a-3 b-0 c-0 ", "c-1 c-2 " };
	struct ep_dump_report report;
	struct ep_dump_options options = into_folder(EP_DUMP_MASTER);
	(void)state;
	put("a", 4);
	put("b", 1);
	put("c", 3);
	options.lines = 3;
	assert_int_equal(ep_dump(&report, node.log, &options, NULL), EP_OK);
	assert_int_equal(report.file_count, 3);
	for (size_t i = 0; i < 3; i++) {
		char name[128];
		snprintf(name, sizeof name, "echoprint-replication-out-%s-%zu.csv", report.lastdump,
		         i + 1);
		assert_string_equal(report.files[i].name, name);
		check_file(&report.files[i], files[i]);
	}
	ep_dump_report_free(&report);
}

static void
a_slave_dumps_what_is_local(void **state)
{
	struct ep_dump_report report;
	struct ep_dump_options options = into_folder(EP_DUMP_SLAVE);
	(void)state;
	put_from("theirs", 1, "master", "");
	put("a", 1);
	put_from("rome", 1, "rome", "");
	put("b", 1);
	put_from("theirs2", 1, "master", "");
	assert_int_equal(ep_dump(&report, node.log, &options, NULL), EP_OK);
	check_file(&report.files[0], "a-0 b-0 ");
	assert_memory_equal(report.files[0].name, "echoprint-slave-paris-", 22);
	/* The whole log has been looked through; a dump for the slaves is another series. */
	assert_int_equal(watermark(EP_DUMP_SLAVE), 5);
	assert_int_equal(watermark(EP_DUMP_MASTER), 0);
	ep_dump_report_free(&report);
}

/* ---- names ---- */

static void
names_never_repeat_whatever_the_clock_says(void **state)
{
	struct ep_dump_report report;
	struct ep_dump_options options = into_folder(EP_DUMP_MASTER);
	struct ep_log_write *write;
	char name[128];
	(void)state;
	put("a", 1);
	/* The last dump was in the future; and there are files of the second behind it. */
	needs(ep_log_write_begin(&write, node.log, NULL));
	needs(ep_log_set_value(write, ep_dump_lastdump_name(EP_DUMP_MASTER),
	                       ep_bytes_of_text(ep_text_of("2999-12-31T23:59:59Z")), NULL));
	needs(ep_log_commit(&write, NULL));
	snprintf(name, sizeof name, "%s/echoprint-replication-out-3000-01-01T00:00:00Z-1.csv",
	         folder);
	needs(ep_replace_file(name, "", 0, 0600, NULL));
	assert_int_equal(ep_dump(&report, node.log, &options, NULL), EP_OK);
	assert_string_equal(report.lastdump, "3000-01-01T00:00:01Z");
	assert_string_equal(report.files[0].name,
	                    "echoprint-replication-out-3000-01-01T00:00:01Z-1.csv");
	ep_dump_report_free(&report);
}

/* ---- without files ---- */

static void
a_dry_run_counts_and_leaves_nothing(void **state)
{
	struct ep_dump_report report;
	struct ep_dump_options options = into_folder(EP_DUMP_MASTER);
	(void)state;
	put("a", 4);
	options.dry_run = true;
	assert_int_equal(ep_dump(&report, node.log, &options, NULL), EP_OK);
	assert_int_equal(report.documents, 4);
	assert_int_equal(report.file_count, 0);
	assert_int_equal(count_files(), 0);
	assert_int_equal(watermark(EP_DUMP_MASTER), 0);
	ep_dump_report_free(&report);
}

static void
a_dump_beside_the_series_leaves_its_watermark(void **state)
{
	struct ep_dump_report report;
	struct ep_dump_options options = into_folder(EP_DUMP_MASTER);
	(void)state;
	put("a", 1);
	put("b", 1);
	options.since_given = true;
	options.since = 1;
	assert_int_equal(ep_dump(&report, node.log, &options, NULL), EP_OK);
	check_file(&report.files[0], "b-0 ");
	assert_int_equal(watermark(EP_DUMP_MASTER), 0);
	ep_dump_report_free(&report);
	/* What is not there yet is nothing. */
	options.since = 100;
	assert_int_equal(ep_dump(&report, node.log, &options, NULL), EP_OK);
	assert_int_equal(report.file_count, 0);
	assert_int_equal(report.from, 2);
	ep_dump_report_free(&report);
}

/* ---- failures ---- */

/* A disk that is full: no file may have more than so many bytes. */
static void
limit_files(rlim_t bytes)
{
	struct rlimit limit;
	must(getrlimit(RLIMIT_FSIZE, &limit) == 0);
	limit.rlim_cur = bytes;
	must(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void
a_dump_that_fails_leaves_nothing(void **state)
{
	struct ep_dump_report report;
	struct ep_dump_options options = into_folder(EP_DUMP_MASTER);
	(void)state;
	put("a", 2);
	put_from("b", 2, "local", "a title that makes a row longer than the others are");
	options.lines = 2;
	signal(SIGXFSZ, SIG_IGN);
	limit_files(60);
	enum ep_status status = ep_dump(&report, node.log, &options, NULL);
	limit_files(RLIM_INFINITY);
	assert_int_equal(status, EP_NO_SPACE);
	/* The first file was finished; it goes, too. */
	assert_int_equal(report.file_count, 1);
	assert_int_equal(count_files(), 0);
	assert_int_equal(watermark(EP_DUMP_MASTER), 0);
	ep_dump_report_free(&report);
	assert_int_equal(ep_dump(&report, node.log, &options, NULL), EP_OK);
	check_file(&report.files[0], "a-0 a-1 ");
	check_file(&report.files[1], "b-0 b-1 ");
	ep_dump_report_free(&report);
}

static void
a_dump_that_is_stopped_leaves_nothing(void **state)
{
	atomic_bool stop = true;
	struct ep_dump_report report;
	struct ep_dump_options options = into_folder(EP_DUMP_MASTER);
	(void)state;
	put("a", 1);
	options.stop = &stop;
	assert_int_equal(ep_dump(&report, node.log, &options, NULL), EP_INTERRUPTED);
	assert_int_equal(count_files(), 0);
	assert_int_equal(watermark(EP_DUMP_MASTER), 0);
	ep_dump_report_free(&report);
}

static void
leftovers_of_this_node_go_and_others_stay(void **state)
{
	struct ep_dump_report report;
	struct ep_dump_options options = into_folder(EP_DUMP_MASTER);
	uint8_t id[EP_NODE_ID_SIZE];
	char hex[2 * EP_NODE_ID_SIZE + 1];
	char own[160];
	char others[160];
	struct ep_log_read *read;
	(void)state;
	needs(ep_log_read_begin(&read, node.log, NULL));
	needs(ep_log_node_id(id, read, NULL));
	ep_log_read_end(read);
	for (size_t i = 0; i < EP_NODE_ID_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", id[i]);
	snprintf(own, sizeof own, "%s/.echoprint-slave-x-1.csv.%s.part", folder, hex);
	snprintf(others, sizeof others, "%s/.echoprint-slave-x-1.csv.%s.part", folder,
	         "0123456789abcdef");
	needs(ep_replace_file(own, "", 0, 0600, NULL));
	needs(ep_replace_file(others, "", 0, 0600, NULL));
	assert_int_equal(ep_dump(&report, node.log, &options, NULL), EP_OK);
	ep_dump_report_free(&report);
	assert_int_not_equal(access(own, F_OK), 0);
	assert_int_equal(access(others, F_OK), 0);
}

#define OF_A_NODE(test) cmocka_unit_test_setup_teardown(test, make_node_and_folder, remove_node)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		OF_A_NODE(rows_come_in_the_order_of_their_last_change),
		OF_A_NODE(a_file_has_so_many_rows_wherever_a_track_ends),
		OF_A_NODE(a_slave_dumps_what_is_local),
		OF_A_NODE(names_never_repeat_whatever_the_clock_says),
		OF_A_NODE(a_dry_run_counts_and_leaves_nothing),
		OF_A_NODE(a_dump_beside_the_series_leaves_its_watermark),
		OF_A_NODE(a_dump_that_fails_leaves_nothing),
		OF_A_NODE(a_dump_that_is_stopped_leaves_nothing),
		OF_A_NODE(leftovers_of_this_node_go_and_others_stay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
