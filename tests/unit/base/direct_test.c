/* Files that are written past the page cache have what was written to them. */
#include "base/buffer.h"
#include "base/direct.h"
#include "base/file.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define BLOCK ((size_t)4 << 20)

struct place {
	char folder[40];
	char *path;
	uint8_t *bytes; /* what is written: three blocks */
};

static int
set_up(void **state)
{
	struct place *place = calloc(1, sizeof *place);
	assert_non_null(place);
	strcpy(place->folder, "/var/tmp/ep-direct-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	place->path = ep_path_join(place->folder, "file");
	place->bytes = malloc(3 * BLOCK);
	assert_non_null(place->bytes);
	uint32_t random = 1;
	for (size_t i = 0; i < 3 * BLOCK; i++) {
		random = random * 1664525 + 1013904223;
		place->bytes[i] = (uint8_t)(random >> 24);
	}
	*state = place;
	return 0;
}

static int
tear_down(void **state)
{
	struct place *place = *state;
	unlink(place->path);
	rmdir(place->folder);
	free(place->path);
	free(place->bytes);
	free(place);
	return 0;
}

static void
check_file(const struct place *place, size_t size)
{
	EP_BUFFER struct ep_buffer got = { 0 };
	assert_int_equal(ep_read_file(&got, place->path, 3 * BLOCK, NULL), EP_OK);
	assert_int_equal(got.size, size);
	if (size > 0)
		assert_memory_equal(got.data, place->bytes, size);
}

static void
a_file_of_any_size_has_all_that_was_written(void **state)
{
	const struct place *place = *state;
	static const size_t sizes[] = { 0,     1,         4095,         4096,         BLOCK - 1,
		                        BLOCK, BLOCK + 1, BLOCK + 4096, 3 * BLOCK - 7 };
	static const size_t pieces[] = { 1 << 16, 1000003, 3 * BLOCK };
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) {
			EP_OWNED(ep_direct_close)
			struct ep_direct *file = NULL;
			assert_int_equal(ep_direct_create(&file, place->path, "it", NULL), EP_OK);
			for (size_t at = 0; at < sizes[i];) {
				size_t left = sizes[i] - at;
				size_t size = left < pieces[k] ? left : pieces[k];
				assert_int_equal(
					ep_direct_write(file, place->bytes + at, size, NULL),
					EP_OK);
				at += size;
			}
			assert_int_equal(ep_direct_finish(file, NULL), EP_OK);
			check_file(place, sizes[i]);
		}
}

/* The limit cuts a write where no block ends, which cannot be written past the page cache. */
static void
bytes_up_to_a_limit_are_written_and_the_error_names_the_file(void **state)
{
	const struct place *place = *state;
	struct rlimit before;
	struct rlimit limit;
	struct ep_error err;
	EP_OWNED(ep_direct_close)
	struct ep_direct *file = NULL;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = BLOCK + 100001;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(ep_direct_create(&file, place->path, "it", NULL), EP_OK);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	enum ep_status status = ep_direct_write(file, place->bytes, 3 * BLOCK, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(status, EP_NO_SPACE);
	assert_non_null(strstr(err.text, "cannot write it"));
	check_file(place, BLOCK + 100001);
}

/* /dev/null knows no writing past the page cache, as some file systems do not. */
static void
a_file_that_cannot_be_written_directly_is_written_as_usual(void **state)
{
	const struct place *place = *state;
	EP_OWNED(ep_direct_close)
	struct ep_direct *file = NULL;
	assert_int_equal(ep_direct_create(&file, "/dev/null", "it", NULL), EP_OK);
	assert_int_equal(ep_direct_write(file, place->bytes, 3 * BLOCK, NULL), EP_OK);
}

static void
a_file_in_no_folder_is_an_error_with_its_path(void **state)
{
	(void)state;
	struct ep_error err;
	struct ep_direct *file = NULL;
	assert_int_equal(ep_direct_create(&file, "/nowhere/file", "it", &err), EP_IO);
	assert_null(file);
	assert_non_null(strstr(err.text, "/nowhere/file"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_of_any_size_has_all_that_was_written, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(
			bytes_up_to_a_limit_are_written_and_the_error_names_the_file, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_file_that_cannot_be_written_directly_is_written_as_usual, set_up,
			tear_down),
		cmocka_unit_test(a_file_in_no_folder_is_an_error_with_its_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
