/* The container of a backup: what is refused, and with which words. */
#include "backup/container.h"

#include "base/bytes.h"
#include "base/file.h"
#include "tests/input.h"
#include "tests/must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* A file with two parts: one of size bytes, and "key" of three. */
static void
make_file(struct ep_buffer *file, size_t size)
{
	struct ep_container_writer writer;
	EP_BUFFER struct ep_buffer part = { 0 };
	EP_FD int fd = memfd_create("backup", MFD_CLOEXEC);
	for (size_t i = 0; i < size; i++)
		needs(ep_buffer_append(&part, &(uint8_t){ (uint8_t)(i * i >> 5) }, 1, NULL));
	needs(ep_container_begin(&writer, fd, "a test", ep_text_of("{\"format\":1}"), NULL));
	needs(ep_container_part(&writer, "data.mdb", NULL));
	needs(ep_container_add(&writer, part.data, part.size, NULL));
	needs(ep_container_part(&writer, "key", NULL));
	needs(ep_container_add(&writer, "abc", 3, NULL));
	needs(ep_container_end(&writer, NULL));
	ep_container_done(&writer);
	must(lseek(fd, 0, SEEK_SET) == 0);
	needs(ep_read_all(file, fd, "a test", EP_BUFFER_MAX, NULL));
}

/* Reads to the end; *parts counts them and *size their bytes. */
static enum ep_status
read_file(size_t *parts, size_t *size, const struct ep_buffer *file, struct ep_error *err)
{
	struct input input = { .at = file->size ? (const char *)file->data : "",
		               .size = file->size,
		               .piece = 4096 };
	struct ep_source source = { .read = read_input, .context = &input };
	EP_OWNED(ep_container_close)
	struct ep_container_reader *reader = NULL;
	const char *name;
	*parts = 0;
	*size = 0;
	EP_TRY(ep_container_open(&reader, source, err));
	for (;; ++*parts) {
		struct ep_bytes bytes = { .size = 1 };
		enum ep_status status = ep_container_next(&name, reader, err);
		if (status == EP_NOT_FOUND)
			return EP_OK;
		EP_TRY(status);
		while (bytes.size) {
			EP_TRY(ep_container_read(&bytes, reader, err));
			*size += bytes.size;
		}
	}
}

static void
assert_refused(const struct ep_buffer *file, enum ep_status status, const char *words)
{
	struct ep_error err;
	size_t parts;
	size_t size;
	assert_int_equal(read_file(&parts, &size, file, &err), status);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" is not in: %s", words, err.text);
}

static void
parts_of_several_chunks_come_back(void **state)
{
	EP_BUFFER struct ep_buffer file = { 0 };
	size_t parts;
	size_t size;
	(void)state;
	make_file(&file, 2 * EP_CONTAINER_CHUNK + 5);
	assert_int_equal(read_file(&parts, &size, &file, NULL), EP_OK);
	assert_int_equal(parts, 2);
	assert_int_equal(size, 2 * EP_CONTAINER_CHUNK + 8);
}

static void
parts_that_are_not_read_are_checked_all_the_same(void **state)
{
	EP_BUFFER struct ep_buffer file = { 0 };
	struct ep_container_reader *reader;
	const char *name;
	(void)state;
	make_file(&file, 100000);
	file.data[file.size - 1] ^= 1;
	struct input input = { .at = file.data, .size = file.size, .piece = 4096 };
	struct ep_source source = { .read = read_input, .context = &input };
	needs(ep_container_open(&reader, source, NULL));
	assert_int_equal(ep_container_next(&name, reader, NULL), EP_OK);
	assert_int_equal(ep_container_next(&name, reader, NULL), EP_OK);
	assert_string_equal(name, "key");
	assert_int_equal(ep_container_next(&name, reader, NULL), EP_CORRUPT);
	ep_container_close(reader);
}

static void
a_file_cut_anywhere_is_refused(void **state)
{
	EP_BUFFER struct ep_buffer file = { 0 };
	(void)state;
	make_file(&file, 3000);
	for (size_t whole = file.size; file.size > 8; file.size--) {
		if (file.size < whole)
			assert_refused(&file, EP_CORRUPT, "truncated");
	}
	for (; file.size; file.size--)
		assert_refused(&file, file.size == 8 ? EP_CORRUPT : EP_BAD_INPUT, "backup");
}

static void
a_byte_changed_anywhere_is_refused(void **state)
{
	EP_BUFFER struct ep_buffer file = { 0 };
	(void)state;
	make_file(&file, 3000);
	for (size_t at = 0; at < file.size; at++) {
		struct ep_error err;
		size_t parts;
		size_t size;
		file.data[at] ^= 4;
		assert_int_not_equal(read_file(&parts, &size, &file, &err), EP_OK);
		file.data[at] ^= 4;
	}
}

static void
bytes_behind_the_end_are_refused(void **state)
{
	EP_BUFFER struct ep_buffer file = { 0 };
	(void)state;
	make_file(&file, 10);
	needs(ep_buffer_append(&file, "x", 1, NULL));
	assert_refused(&file, EP_CORRUPT, "behind its end");
}

static void
a_newer_version_is_told_from_damage(void **state)
{
	EP_BUFFER struct ep_buffer file = { 0 };
	(void)state;
	make_file(&file, 10);
	ep_store32(file.data + EP_CONTAINER_MAGIC_SIZE, EP_CONTAINER_VERSION + 1);
	assert_refused(&file, EP_NEWER, "version 2");
	ep_store32(file.data + EP_CONTAINER_MAGIC_SIZE, 0);
	assert_refused(&file, EP_CORRUPT, "header");
}

static void
other_files_are_no_backups(void **state)
{
	EP_BUFFER struct ep_buffer file = { 0 };
	(void)state;
	assert_refused(&file, EP_BAD_INPUT, "not a backup");
	needs(ep_buffer_append(&file, "track_id,codever,...", 20, NULL));
	assert_refused(&file, EP_BAD_INPUT, "not a backup");
}

static void
a_record_over_its_limit_is_refused_before_memory_is_taken(void **state)
{
	EP_BUFFER struct ep_buffer file = { 0 };
	(void)state;
	make_file(&file, 10);
	ep_store32(file.data + 17, UINT32_MAX); /* size of the manifest */
	assert_refused(&file, EP_CORRUPT, "4294967295");
	ep_store32(file.data + 17, 0);
	assert_refused(&file, EP_CORRUPT, "0 bytes");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_of_several_chunks_come_back),
		cmocka_unit_test(parts_that_are_not_read_are_checked_all_the_same),
		cmocka_unit_test(a_file_cut_anywhere_is_refused),
		cmocka_unit_test(a_byte_changed_anywhere_is_refused),
		cmocka_unit_test(bytes_behind_the_end_are_refused),
		cmocka_unit_test(a_newer_version_is_told_from_damage),
		cmocka_unit_test(other_files_are_no_backups),
		cmocka_unit_test(a_record_over_its_limit_is_refused_before_memory_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
