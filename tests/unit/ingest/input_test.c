/* Where bytes come from: all ways give the same, and a wait for more can be ended. */
#include "ingest/input.h"

#include "base/file.h"
#include "format/compress.h"
#include "tests/must.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT "a-0,4.12,,60,artist,release,track\r\n"

static char path[] = "/tmp/ep-input-XXXXXX";
static struct ep_buffer packed;

/* A compressed file, of which the format is told by its bytes alone. */
static int
make_file(void **state)
{
	(void)state;
	EP_FD int fd = mkstemp(path);
	must(fd >= 0);
	needs(ep_compress_block(&packed, EP_COMPRESS_ZSTD, TEXT, strlen(TEXT), NULL));
	needs(ep_write_all(fd, packed.data, packed.size, path, NULL));
	return 0;
}

static int
remove_file(void **state)
{
	(void)state;
	ep_buffer_free(&packed);
	return unlink(path);
}

/* Reads so much of a text, which may come in pieces, and compares. */
static void
check_bytes(struct ep_input *input, size_t size)
{
	char text[256];
	size_t got;
	struct ep_source source = ep_input_source(input);
	for (size_t done = 0; done < size; done += got) {
		needs(source.read(source.context, text, size - done, &got, NULL));
		must(got > 0);
		assert_memory_equal(text, &TEXT[done], got);
	}
}

static void
check_text(struct ep_input *input)
{
	char more;
	size_t got;
	struct ep_source source = ep_input_source(input);
	check_bytes(input, strlen(TEXT));
	needs(source.read(source.context, &more, 1, &got, NULL));
	assert_int_equal(got, 0);
}

static void
path_descriptor_and_memory_give_the_same(void **state)
{
	(void)state;
	EP_FD int fd = open(path, O_RDONLY);
	struct ep_input_from ways[] = {
		{ .kind = EP_INPUT_PATH, .name = path },
		{ .kind = EP_INPUT_FD, .name = "a descriptor", .fd = fd },
		{ .kind = EP_INPUT_BYTES, .name = "memory", .bytes = ep_buffer_bytes(&packed) },
	};
	for (size_t i = 0; i < 3; i++) {
		EP_OWNED(ep_input_close)
		struct ep_input *input = NULL;
		/* A file that is open is read from its first byte, wherever it stands. */
		lseek(fd, 7, SEEK_SET);
		needs(ep_input_of(&input, &ways[i], NULL, NULL, NULL));
		assert_string_equal(ep_input_name(input), ways[i].name);
		assert_int_equal(ep_input_size(input), packed.size);
		check_text(input);
		assert_int_equal(ep_input_done(input), packed.size);
	}
	/* It is still the caller's to close. */
	assert_true(fcntl(fd, F_GETFD) >= 0);
}

static void
what_is_no_file_is_not_found(void **state)
{
	struct ep_error err;
	struct ep_input *input = NULL;
	(void)state;
	assert_int_equal(ep_input_open(&input, "/tmp/ep-nothing/here", NULL, NULL, &err),
	                 EP_NOT_FOUND);
	assert_non_null(strstr(err.text, "cannot open /tmp/ep-nothing/here: "));
	assert_int_equal(ep_input_open(&input, "/tmp", NULL, NULL, &err), EP_NOT_FOUND);
	assert_string_equal(err.text, "/tmp is a folder: give the files in it");
	assert_null(input);
}

/* A pipe on which something has come, and nothing more will for now. */
struct pipe {
	int ends[2];
	struct ep_input *input;
	atomic_bool stop;
	atomic_bool give_up;
};

static void
open_pipe(struct pipe *pipe_, const char *text)
{
	*pipe_ = (struct pipe){ 0 };
	must(pipe(pipe_->ends) == 0);
	needs(ep_write_all(pipe_->ends[1], text, strlen(text), "pipe", NULL));
	struct ep_input_from from = { .kind = EP_INPUT_PATH };
	char name[32];
	snprintf(name, sizeof name, "/dev/fd/%d", pipe_->ends[0]);
	from.name = name;
	needs(ep_input_of(&pipe_->input, &from, &pipe_->stop, &pipe_->give_up, NULL));
}

static void
close_pipe(struct pipe *pipe_)
{
	ep_input_close(pipe_->input);
	close(pipe_->ends[0]);
	if (pipe_->ends[1] >= 0)
		close(pipe_->ends[1]);
}

static void
a_wait_for_a_pipe_ends_when_it_is_told_to(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pipe pipe_;
		struct ep_error err;
		char text[256];
		size_t got;
		open_pipe(&pipe_, TEXT);
		struct ep_source source = ep_input_source(pipe_.input);
		check_bytes(pipe_.input, strlen(TEXT));
		assert_int_equal(ep_input_size(pipe_.input), 0);
		atomic_store(i ? &pipe_.stop : &pipe_.give_up, true);
		assert_int_equal(source.read(source.context, text, sizeof text, &got, &err),
		                 EP_INTERRUPTED);
		close_pipe(&pipe_);
	}
}

static void
a_pipe_stalls_and_a_file_does_not(void **state)
{
	struct pipe pipe_;
	EP_OWNED(ep_input_close)
	struct ep_input *file = NULL;
	(void)state;
	needs(ep_input_open(&file, path, NULL, NULL, NULL));
	struct ep_source source = ep_input_source(file);
	assert_false(ep_source_stalls(&source));
	check_text(file);
	assert_false(ep_source_stalls(&source));
	open_pipe(&pipe_, TEXT);
	source = ep_input_source(pipe_.input);
	assert_false(ep_source_stalls(&source));
	check_bytes(pipe_.input, strlen(TEXT));
	assert_true(ep_source_stalls(&source));
	/* Its end is something to be read. */
	close(pipe_.ends[1]);
	pipe_.ends[1] = -1;
	assert_false(ep_source_stalls(&source));
	close_pipe(&pipe_);
}

static void
files_and_memory_are_not_read_after_a_stop(void **state)
{
	atomic_bool stop = false;
	struct ep_input_from ways[] = {
		{ .kind = EP_INPUT_PATH, .name = path },
		{ .kind = EP_INPUT_BYTES, .name = "memory", .bytes = ep_buffer_bytes(&packed) },
	};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct ep_input *input = NULL;
		atomic_store(&stop, true);
		assert_int_equal(ep_input_of(&input, &ways[i], &stop, NULL, NULL), EP_INTERRUPTED);
		assert_null(input);
		atomic_store(&stop, false);
		assert_int_equal(ep_input_of(&input, &ways[i], &stop, &stop, NULL), EP_OK);
		check_text(input);
		ep_input_close(input);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(path_descriptor_and_memory_give_the_same),
		cmocka_unit_test(what_is_no_file_is_not_found),
		cmocka_unit_test(a_wait_for_a_pipe_ends_when_it_is_told_to),
		cmocka_unit_test(a_pipe_stalls_and_a_file_does_not),
		cmocka_unit_test(files_and_memory_are_not_read_after_a_stop),
	};
	return cmocka_run_group_tests(tests, make_file, remove_file);
}
