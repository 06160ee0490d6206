#include "format/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Bytes in memory, handed out in pieces; then the end, or a failure. */
struct input {
	const char *at;
	size_t size;
	size_t piece;
	enum ep_status last;
};

static enum ep_status
read_input(void *context, void *bytes, size_t size, size_t *got, struct ep_error *err)
{
	struct input *input = context;
	size_t count = size < input->piece ? size : input->piece;
	if (count > input->size)
		count = input->size;
	if (count == 0 && input->last != EP_OK)
		return ep_fail(err, input->last, "the input broke off");
	memcpy(bytes, input->at, count);
	input->at += count;
	input->size -= count;
	*got = count;
	return EP_OK;
}

static struct ep_csv_reader *
open_input(struct input *input, const struct ep_csv_options *options)
{
	struct ep_csv_reader *reader = NULL;
	struct ep_source source = { .read = read_input, .context = input };
	assert_int_equal(ep_csv_open(&reader, source, options, NULL), EP_OK);
	return reader;
}

static void
assert_text(struct ep_text text, const char *expected)
{
	assert_int_equal(text.size, strlen(expected));
	assert_memory_equal(text.at ? text.at : "", expected, text.size);
}

/* Checks the first rows of csv, read in pieces of every size up to 9 bytes; shown as
 * "number|fault|columns|field|field...", and one line a row. */
static void
assert_rows(const char *csv, size_t size, const struct ep_csv_options *options,
            const char *expected)
{
	for (size_t piece = 1; piece < 10; piece++) {
		struct input input = { csv, size, piece, EP_OK };
		struct ep_csv_reader *reader = open_input(&input, options);
		struct ep_csv_block block = { 0 };
		EP_BUFFER struct ep_buffer shown = { 0 };
		do {
			assert_int_equal(ep_csv_read(reader, &block, NULL), EP_OK);
			for (size_t i = 0; i < block.count; i++) {
				const struct ep_csv_row *row = &block.rows[i];
				char front[80];
				int n = snprintf(front, sizeof front, "%d|%d|%zu", (int)row->number,
				                 (int)row->fault, row->columns);
				assert_int_equal(ep_buffer_append(&shown, front, (size_t)n, NULL),
				                 EP_OK);
				for (size_t k = 0; k < row->columns && k < EP_CSV_COLUMNS; k++) {
					struct ep_text field = row->fields[k];
					assert_int_equal(ep_buffer_append(&shown, "|", 1, NULL),
					                 EP_OK);
					assert_int_equal(ep_buffer_append(&shown, field.at,
					                                  field.size, NULL),
					                 EP_OK);
				}
				assert_int_equal(ep_buffer_append(&shown, ";", 1, NULL), EP_OK);
			}
		} while (block.count > 0);
		assert_text((struct ep_text){ (char *)shown.data, shown.size }, expected);
		ep_csv_block_free(&block);
		ep_csv_close(reader);
	}
}

static void
empty_input_has_no_rows(void **state)
{
	(void)state;
	assert_rows("", 0, NULL, "");
	assert_rows("\xef\xbb\xbf", 3, NULL, "");
}

static void
rows_end_at_cr_lf_or_both(void **state)
{
	(void)state;
	const char csv[] = "a,b\rc\nd,,\r\n,e";
	assert_rows(csv, sizeof csv - 1, NULL, "1|0|2|a|b;2|0|1|c;3|0|3|d||;4|0|2||e;");
}

static void
blank_lines_count_and_are_not_returned(void **state)
{
	(void)state;
	const char csv[] = "\r\n\ra\n\n\r\n b\r\r\n";
	assert_rows(csv, sizeof csv - 1, NULL, "3|0|1|a;6|0|1| b;");
}

static void
quotes_hold_commas_line_ends_and_quotes(void **state)
{
	(void)state;
	const char csv[] = "\"a,\r\n\"\"b\"\"\",\"\",\"x\"y\"\"\"z,p\"q\"\n\"\"\"\"";
	assert_rows(csv, sizeof csv - 1, NULL, "1|0|4|a,\r\n\"b\"||xy\"\"\"z|p\"q\";2|0|1|\";");
}

static void
a_quote_that_is_not_closed_is_a_fault(void **state)
{
	(void)state;
	assert_rows("a,\"b\nc", 6, NULL, "1|2|2|a|b\nc;");
	assert_rows("\"", 1, NULL, "1|2|1|;");
	assert_rows("a,", 2, NULL, "1|0|2|a|;");
}

static void
a_byte_order_mark_is_skipped_at_the_start_only(void **state)
{
	(void)state;
	const char csv[] = "\xef\xbb\xbf\"a\"\n\xef\xbb\xbf\"b\"\n";
	assert_rows(csv, sizeof csv - 1, NULL, "1|0|1|a;2|0|1|\xef\xbb\xbf\"b\";");
	assert_rows("\xef\xbb"
	            "a",
	            3, NULL,
	            "1|0|1|\xef\xbb"
	            "a;");
}

static void
more_than_seven_columns_are_counted(void **state)
{
	(void)state;
	const char csv[] = "1,2,3,4,5,6,7,\"8\"\"8\",9\n";
	assert_rows(csv, sizeof csv - 1, NULL, "1|0|9|1|2|3|4|5|6|7;");
}

static void
nul_is_a_byte_as_any_other(void **state)
{
	(void)state;
	struct input input = { "a\0b,\0\n", 6, 100, EP_OK };
	struct ep_csv_reader *reader = open_input(&input, NULL);
	struct ep_csv_block block = { 0 };
	assert_int_equal(ep_csv_read(reader, &block, NULL), EP_OK);
	assert_int_equal(block.count, 1);
	assert_int_equal(block.rows[0].columns, 2);
	assert_int_equal(block.rows[0].fields[0].size, 3);
	assert_memory_equal(block.rows[0].fields[0].at, "a\0b", 3);
	assert_memory_equal(block.rows[0].raw.at, "a\0b,\0\n", 6);
	ep_csv_block_free(&block);
	ep_csv_close(reader);
}

static void
a_field_over_the_limit_is_passed_over(void **state)
{
	(void)state;
	struct ep_csv_options options = { .field_max = 4, .block_size = 3 };
	const char csv[] = "1234,\"12\"\"4\"\n12345\nok\n\"1\"\"2\"\"\",\"1234\n5\",x\r\nend";
	assert_rows(csv, sizeof csv - 1, &options,
	            "1|0|2|1234|12\"4;2|1|1|;3|0|1|ok;4|1|3|||;5|0|1|end;");
}

static void
a_row_over_the_limit_is_passed_over(void **state)
{
	(void)state;
	struct ep_csv_options options = { .row_max = 8 };
	const char csv[] = "a,b,c,\r\na,b,c,d\r\n\"a\nb\n\n\n\n\",c\nend";
	assert_rows(csv, sizeof csv - 1, &options, "1|0|4|a|b|c|;2|1|4||||;3|1|2||;4|0|1|end;");
}

static void
a_row_that_is_too_long_keeps_its_first_bytes_in_constant_memory(void **state)
{
	(void)state;
	size_t size = (size_t)3 << 20;
	char *csv = malloc(size);
	assert_non_null(csv);
	memset(csv, 'x', size);
	memcpy(csv, "id,\"", 4);
	memcpy(csv + size - 5, "\"\nb\n\n", 5);
	struct ep_csv_options options = { .field_max = 10000, .block_size = 5000 };
	struct input input = { csv, size, 700, EP_OK };
	struct ep_csv_reader *reader = open_input(&input, &options);
	struct ep_csv_block block = { 0 };
	assert_int_equal(ep_csv_read(reader, &block, NULL), EP_OK);
	assert_int_equal(block.rows[0].fault, EP_CSV_TOO_LONG);
	assert_int_equal(block.rows[0].columns, 2);
	assert_int_equal(block.rows[0].fields[0].size, 0);
	assert_int_equal(block.rows[0].raw.size, EP_CSV_RAW_KEPT);
	assert_memory_equal(block.rows[0].raw.at, csv, EP_CSV_RAW_KEPT);
	assert_true(block.bytes.capacity < 50000);
	if (block.count == 1)
		assert_int_equal(ep_csv_read(reader, &block, NULL), EP_OK);
	assert_text(block.rows[block.count - 1].fields[0], "b");
	ep_csv_block_free(&block);
	ep_csv_close(reader);
	free(csv);
}

static bool
same_first_letter(void *context, const struct ep_csv_row *previous, const struct ep_csv_row *next)
{
	++*(size_t *)context;
	return previous->fields[0].at[0] == next->fields[0].at[0];
}

static void
rows_that_belong_together_stay_in_one_block(void **state)
{
	(void)state;
	const char csv[] = "a1\na2\na3\nb1\n\nb2\nb\"\nc1\nd1\nd2\nd3\nd4\nd5\nd6\n";
	for (size_t block_size = 1; block_size < 30; block_size++) {
		size_t asked = 0;
		struct ep_csv_options options = { .block_size = block_size,
			                          .together = same_first_letter,
			                          .context = &asked };
		struct input input = { csv, sizeof csv - 1, block_size % 5 + 1, EP_OK };
		struct ep_csv_reader *reader = open_input(&input, &options);
		struct ep_csv_block block = { 0 };
		char last = ' ';
		size_t rows = 0;
		do {
			assert_int_equal(ep_csv_read(reader, &block, NULL), EP_OK);
			if (block.count == 0)
				break;
			assert_int_not_equal(block.rows[0].fields[0].at[0], last);
			last = block.rows[block.count - 1].fields[0].at[0];
			rows += block.count;
		} while (true);
		assert_int_equal(rows, 13);
		assert_true(asked > 0);
		ep_csv_block_free(&block);
		ep_csv_close(reader);
	}
}

static bool
always(void *context, const struct ep_csv_row *previous, const struct ep_csv_row *next)
{
	(void)context;
	(void)previous;
	(void)next;
	return true;
}

static void
a_block_ends_at_its_hard_limit_whatever_belongs_together(void **state)
{
	(void)state;
	size_t size = EP_CSV_BLOCK_SIZE_MAX + ((size_t)12 << 20);
	size_t row_size = (size_t)1 << 20;
	char *csv = malloc(size);
	assert_non_null(csv);
	memset(csv, 'x', size);
	for (size_t i = row_size; i <= size; i += row_size)
		csv[i - 1] = '\n';
	struct ep_csv_options options = { .together = always };
	struct input input = { csv, size, size, EP_OK };
	struct ep_csv_reader *reader = open_input(&input, &options);
	struct ep_csv_block block = { 0 };
	assert_int_equal(ep_csv_read(reader, &block, NULL), EP_OK);
	assert_int_equal(block.count, EP_CSV_BLOCK_SIZE_MAX / row_size);
	for (size_t i = 0; i < block.count; i++) {
		assert_int_equal(block.rows[i].raw.size, row_size);
		assert_memory_equal(block.rows[i].raw.at, csv + i * row_size, row_size);
	}
	assert_int_equal(ep_csv_read(reader, &block, NULL), EP_OK);
	assert_int_equal(block.count, 12);
	assert_int_equal(block.rows[0].number, EP_CSV_BLOCK_SIZE_MAX / row_size + 1);
	ep_csv_block_free(&block);
	ep_csv_close(reader);
	free(csv);
}

static void
short_rows_do_not_make_a_block_large(void **state)
{
	(void)state;
	size_t size = 400000;
	char *csv = malloc(size);
	assert_non_null(csv);
	for (size_t i = 0; i < size; i++)
		csv[i] = i % 2 ? '\n' : 'x';
	struct input input = { csv, size, size, EP_OK };
	struct ep_csv_reader *reader = open_input(&input, NULL);
	struct ep_csv_block block = { 0 };
	size_t rows = 0;
	do {
		assert_int_equal(ep_csv_read(reader, &block, NULL), EP_OK);
		assert_true(block.count <= EP_CSV_BLOCK_ROWS);
		rows += block.count;
		assert_true(block.count == 0 || block.rows[block.count - 1].number == rows);
	} while (block.count > 0);
	assert_int_equal(rows, size / 2);
	ep_csv_block_free(&block);
	ep_csv_close(reader);
	free(csv);
}

static void
a_block_outlives_its_reader(void **state)
{
	(void)state;
	struct input input = { "a,\"b\"\"\"\nc", 9, 3, EP_OK };
	struct ep_csv_reader *reader = open_input(&input, NULL);
	struct ep_csv_block block = { 0 };
	assert_int_equal(ep_csv_read(reader, &block, NULL), EP_OK);
	ep_csv_close(reader);
	assert_int_equal(block.count, 2);
	assert_text(block.rows[0].fields[1], "b\"");
	assert_text(block.rows[0].raw, "a,\"b\"\"\"\n");
	assert_text(block.rows[1].raw, "c");
	ep_csv_block_free(&block);
}

static void
whole_rows_before_a_failure_are_given_out(void **state)
{
	(void)state;
	struct input input = { "a\nb\nbroken", 10, 3, EP_BAD_INPUT };
	struct ep_csv_reader *reader = open_input(&input, NULL);
	struct ep_csv_block block = { 0 };
	struct ep_error err;
	assert_int_equal(ep_csv_read(reader, &block, &err), EP_OK);
	assert_int_equal(block.count, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ep_csv_read(reader, &block, &err), EP_BAD_INPUT);
		assert_string_equal(err.text, "the input broke off");
		assert_int_equal(block.count, 0);
	}
	ep_csv_block_free(&block);
	ep_csv_close(reader);
}

static void
assert_written(const struct ep_text *fields, size_t count, const char *expected)
{
	EP_BUFFER struct ep_buffer out = { 0 };
	assert_int_equal(ep_csv_append_row(&out, fields, count, NULL), EP_OK);
	assert_text((struct ep_text){ (char *)out.data, out.size }, expected);
}

static void
fields_are_quoted_only_where_they_must(void **state)
{
	(void)state;
	struct ep_text fields[] = { ep_text_of("a b'"), ep_text_of("a,b"), ep_text_of("\"x\""),
		                    ep_text_of("\r"),   ep_text_of("\n"),  { NULL, 0 } };
	assert_written(fields, 6, "a b',\"a,b\",\"\"\"x\"\"\",\"\r\",\"\n\",\r\n");
}

static void
a_row_of_one_empty_field_is_written_as_quotes(void **state)
{
	(void)state;
	struct ep_text empty[2] = { { NULL, 0 }, { NULL, 0 } };
	assert_written(empty, 1, "\"\"\r\n");
	assert_written(empty, 2, ",\r\n");
	assert_written(empty, 0, "\r\n");
}

static void
a_row_that_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
	(void)state;
	EP_BUFFER struct ep_buffer out = { .max = 20 };
	struct ep_text fields[] = { ep_text_of("0123456789"), ep_text_of("\"123456789") };
	assert_int_equal(ep_csv_append_field(&out, fields[0], NULL), EP_OK);
	assert_int_equal(ep_csv_append_row(&out, fields, 2, NULL), EP_NO_MEMORY);
	assert_int_equal(out.size, 10);
	assert_int_equal(ep_csv_append_field(&out, fields[1], NULL), EP_NO_MEMORY);
	assert_int_equal(out.size, 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_input_has_no_rows),
		cmocka_unit_test(rows_end_at_cr_lf_or_both),
		cmocka_unit_test(blank_lines_count_and_are_not_returned),
		cmocka_unit_test(quotes_hold_commas_line_ends_and_quotes),
		cmocka_unit_test(a_quote_that_is_not_closed_is_a_fault),
		cmocka_unit_test(a_byte_order_mark_is_skipped_at_the_start_only),
		cmocka_unit_test(more_than_seven_columns_are_counted),
		cmocka_unit_test(nul_is_a_byte_as_any_other),
		cmocka_unit_test(a_field_over_the_limit_is_passed_over),
		cmocka_unit_test(a_row_over_the_limit_is_passed_over),
		cmocka_unit_test(a_row_that_is_too_long_keeps_its_first_bytes_in_constant_memory),
		cmocka_unit_test(rows_that_belong_together_stay_in_one_block),
		cmocka_unit_test(a_block_ends_at_its_hard_limit_whatever_belongs_together),
		cmocka_unit_test(short_rows_do_not_make_a_block_large),
		cmocka_unit_test(a_block_outlives_its_reader),
		cmocka_unit_test(whole_rows_before_a_failure_are_given_out),
		cmocka_unit_test(fields_are_quoted_only_where_they_must),
		cmocka_unit_test(a_row_of_one_empty_field_is_written_as_quotes),
		cmocka_unit_test(a_row_that_does_not_fit_leaves_the_buffer_as_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
