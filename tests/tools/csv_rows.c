/* csv_rows.c - shows what csv.h makes of its standard input, for csv_against_python.py
 *
 *     csv_rows read SEED BLOCK_SIZE
 *         reads CSV in pieces of random size (as large as asked for with SEED 0); prints one JSON
 *         array a row: number, fault, columns, then the fields that are kept, in hexadecimal.

 *     csv_rows write
 *         reads lines of fields in hexadecimal with commas between them ("-" for no field), and
 *         writes them as CSV.
 *     csv_rows speed
 *         reads CSV in pieces as large as asked for, and prints rows and bytes.
 */
#include "format/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct input {
	uint64_t random; /* state of a xorshift generator; 0 for large pieces */
};

static size_t
piece_size(struct input *input, size_t size)
{
	if (!input->random)
		return size;
	input->random ^= input->random << 13;
	input->random ^= input->random >> 7;
	input->random ^= input->random << 17;
	/* Of any magnitude: from 1 byte to half a megabyte. */
	size_t limit = (size_t)1 << (input->random >> 32) % 20;
	size_t piece = 1 + (size_t)(input->random >> 8) % limit;
	return piece < size ? piece : size;
}

static enum ep_status
read_input(void *context, void *bytes, size_t size, size_t *got, struct ep_error *err)
{
	ssize_t count = read(STDIN_FILENO, bytes, piece_size(context, size));
	if (count < 0)
		return ep_fail(err, EP_IO, "cannot read the standard input");
	*got = (size_t)count;
	return EP_OK;
}

static void
print_hex(struct ep_text text)
{
	static const char digits[] = "0123456789abcdef";
	char piece[8192];
	putchar('"');
	for (size_t i = 0; i < text.size;) {
		size_t used = 0;
		for (; i < text.size && used < sizeof piece; i++) {
			piece[used++] = digits[(unsigned char)text.at[i] >> 4];
			piece[used++] = digits[(unsigned char)text.at[i] & 15];
		}
		fwrite(piece, 1, used, stdout);
	}
	putchar('"');
}

static void
print_row(const struct ep_csv_row *row)
{
	printf("[%llu, %d, %zu", (unsigned long long)row->number, (int)row->fault, row->columns);
	for (size_t i = 0; i < row->columns && i < EP_CSV_COLUMNS; i++) {
		printf(", ");
		print_hex(row->fields[i]);
	}
	printf(", ");
	print_hex(row->raw);
	printf("]\n");
}

static int
read_rows(uint64_t seed, size_t block_size, bool print)
{
	struct input input = { seed };
	struct ep_source source = { .read = read_input, .context = &input };
	struct ep_csv_options options = { .block_size = block_size };
	struct ep_csv_block block = { 0 };
	struct ep_csv_reader *reader = NULL;
	struct ep_error err = { EP_OK, "" };
	size_t rows = 0;
	size_t bytes = 0;
	enum ep_status status = ep_csv_open(&reader, source, &options, &err);
	while (status == EP_OK) {
		status = ep_csv_read(reader, &block, &err);
		if (status != EP_OK || block.count == 0)
			break;
		for (size_t i = 0; print && i < block.count; i++)
			print_row(&block.rows[i]);
		for (size_t i = 0; i < block.count; i++)
			bytes += block.rows[i].raw.size;
		rows += block.count;
	}
	if (!print)
		printf("%zu rows, %zu bytes\n", rows, bytes);
	if (status != EP_OK)
		fprintf(stderr, "csv_rows: %s\n", err.text);
	ep_csv_block_free(&block);
	ep_csv_close(reader);
	return status == EP_OK ? 0 : 1;
}

static int
hex_digit(int character)
{
	if (character >= '0' && character <= '9')
		return character - '0';
	return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

/* Turns the line of hexadecimal fields into texts, in place; returns how many. */
static size_t
take_fields(char *line, struct ep_text *fields, size_t limit)
{
	size_t count = 0;
	char *out = line;
	if (*line == '-')
		return 0;
	for (char *at = line; count < limit; at++) {
		fields[count].at = out;
		for (; hex_digit(at[0]) >= 0 && hex_digit(at[1]) >= 0; at += 2)
			*out++ = (char)(hex_digit(at[0]) * 16 + hex_digit(at[1]));
		fields[count].size = (size_t)(out - fields[count].at);
		count++;
		if (*at != ',')
			break;
	}
	return count;
}

static int
write_rows(void)
{
	struct ep_buffer out = { 0 };
	struct ep_text fields[64];
	char *line = NULL;
	size_t capacity = 0;
	enum ep_status status = EP_OK;
	while (status == EP_OK && getline(&line, &capacity, stdin) > 0) {
		size_t count = take_fields(line, fields, 64);
		out.size = 0;
		status = ep_csv_append_row(&out, fields, count, NULL);
		fwrite(out.data, 1, out.size, stdout);
	}
	free(line);
	ep_buffer_free(&out);
	return status == EP_OK ? 0 : 1;
}

int
main(int argc, char **argv)
{
	int result = 2;
	if (argc == 4 && strcmp(argv[1], "read") == 0)
		result = read_rows(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10), true);
	else if (argc == 2 && strcmp(argv[1], "write") == 0)
		result = write_rows();
	else if (argc == 2 && strcmp(argv[1], "speed") == 0)
		result = read_rows(0, 0, false);
	else
		fprintf(stderr, "usage: csv_rows read SEED BLOCK_SIZE | write | speed\n");
	return fflush(stdout) == 0 ? result : 1;
}
