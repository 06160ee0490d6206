/* Pieces of sound that are kept, with few places for each stream. */
#include "node/heard.h"

#include "generator/generator.h"
#include "store/log.h"
#include "tests/node.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>

#include <cmocka.h>

#define PIECE_S 60

static char folder[] = "/tmp/ep-heard-XXXXXX";
static struct ep_heard *heard;
static char told[200]; /* parts: first-last in seconds, and how long before, in minutes */
static int64_t now_ms;

static int
make_folder(void **state)
{
	(void)state;
	strcpy(folder + sizeof folder - 7, "XXXXXX");
	return mkdtemp(folder) && ep_heard_open(&heard, folder, 0, NULL) == EP_OK ? 0 : 1;
}

static int
remove_folder(void **state)
{
	(void)state;
	ep_heard_close(heard);
	heard = NULL;
	return nftw(folder, node_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Appends decaying notes, a fifth of a second or more each. */
static void
play(int16_t *samples, size_t from_s, size_t until_s, unsigned seed)
{
	size_t i = from_s * EP_SAMPLE_RATE;
	while (i < until_s * EP_SAMPLE_RATE) {
		size_t length = EP_SAMPLE_RATE / 8 + seed / 7 % (EP_SAMPLE_RATE / 5);
		double pitch = 80 + seed / 65536 % 2500;
		seed = seed * 1103515245u + 12345u;
		for (size_t at = 0; at < length && i < until_s * EP_SAMPLE_RATE; at++, i++) {
			double t = (double)at / EP_SAMPLE_RATE;
			samples[i] = (int16_t)(9000 * exp(-20 * t) * sin(6.2831853 * pitch * t));
		}
	}
}

/* The codes of a minute of which the seconds from `from` up to `until` are always the same. */
static void
make_codes(struct ep_pairs *pairs, unsigned seed, size_t from_s, size_t until_s)
{
	static int16_t samples[PIECE_S * EP_SAMPLE_RATE];
	EP_OWNED(ep_generator_free)
	struct ep_generator *generator = NULL;
	play(samples, 0, PIECE_S, seed);
	play(samples, from_s, until_s, 4711);
	needs(ep_generator_new(&generator, ep_generator_best(), NULL));
	needs(ep_generator_feed(generator, samples, sizeof samples / sizeof *samples, NULL));
	needs(ep_generator_finish(pairs, generator, NULL));
}

static enum ep_status
on_part(void *context, const struct ep_heard_part *part, struct ep_error *err)
{
	const struct ep_heard_piece *piece = context;
	size_t size = strlen(told);
	double unit_s = (double)EP_HEARD_TIME_SAMPLES / EP_SAMPLE_RATE;
	(void)err;
	snprintf(told + size, sizeof told - size, "%.0f-%.0f, %.0f min%s\n",
	         part->first * unit_s / 5, part->last * unit_s / 5,
	         ((double)(piece->begin_ms - part->before_ms) / 1000 + part->first * unit_s) / 60,
	         part->one_stretch ? ", one stretch" : "");
	return EP_OK;
}

/* Plays a piece some time after the one before, and tells what of it was heard. */
static void
hear(const char *stream, double after_s, int64_t stretch_ms, unsigned seed, size_t from_s,
     size_t until_s)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	now_ms += (int64_t)(after_s * 1000);
	struct ep_heard_piece piece = { .stream = ep_text_of(stream),
		                        .stretch_ms = stretch_ms,
		                        .begin_ms = now_ms,
		                        .pairs = &pairs };
	make_codes(&pairs, seed, from_s, until_s);
	told[0] = '\0';
	needs(ep_heard_before(heard, &piece, on_part, &piece, NULL));
	needs(ep_heard_keep(heard, &piece, NULL));
}

static uint64_t
count_kept(void)
{
	char path[60];
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_log_state state;
	snprintf(path, sizeof path, "%s/heard", folder);
	needs(ep_log_open(&log, path, EP_LOG_READ, NULL));
	needs(ep_log_read_begin(&read, log, NULL));
	ep_log_state(&state, read);
	must(state.tombstones == 0);
	return state.tracks;
}

/* In a process of its own: LMDB wants an environment to be open once in a process. */
static int
kept(void)
{
	int result;
	pid_t child = fork();
	if (child == 0)
		_exit((int)count_kept());
	assert_int_equal(waitpid(child, &result, 0), child);
	assert_true(WIFEXITED(result));
	return WEXITSTATUS(result);
}

static void
reopen(void)
{
	ep_heard_close(heard);
	heard = NULL;
	needs(ep_heard_open(&heard, folder, 0, NULL));
}

static void
only_what_was_played_before_is_told(void **state)
{
	(void)state;
	hear("radio", 0, 1, 1, 20, 40);
	assert_string_equal(told, "");
	hear("radio", 600, 2, 2, 30, 50);
	assert_string_equal(told, "6-10, 10 min\n");
	reopen();
	hear("other radio", 600, 3, 3, 10, 30);
	assert_int_equal(strncmp(told, "2-6, ", 5), 0);
	hear("radio", 600, 4, 4, 0, 0);
	assert_string_equal(told, "");
}

static void
what_is_near_is_not_played_again(void **state)
{
	(void)state;
	hear("radio", 0, 1, 1, 20, 40);
	hear("other radio", 20, 1, 2, 20, 40); /* a station on two streams */
	assert_string_equal(told, "");
	hear("third radio", 65, 1, 3, 20, 40);
	assert_int_not_equal(told[0], '\0');
}

static void
what_comes_again_without_a_break_is_minutes_apart(void **state)
{
	(void)state;
	hear("radio", 0, 1, 1, 20, 40);
	hear("radio", EP_HEARD_APART_S - 20, 1, 2, 20, 40);
	assert_string_equal(told, "");
	hear("radio", 30, 1, 3, 20, 40);
	assert_string_equal(told, "4-8, 2 min, one stretch\n");
}

static void
the_oldest_piece_of_a_stream_makes_room(void **state)
{
	(void)state;
	hear("radio", 0, 1, 1, 20, 40);
	for (unsigned i = 0; i < EP_HEARD_PIECES - 1; i++)
		hear("radio", 600, i + 2, 10 + i, 0, 0);
	assert_int_equal(kept(), EP_HEARD_PIECES);
	hear("other radio", 600, 1, 30, 0, 0);
	assert_int_equal(kept(), EP_HEARD_PIECES + 1);
	reopen();
	hear("radio", 600, 100, 31, 20, 40); /* the first one is there until now */
	assert_int_not_equal(told[0], '\0');
	assert_int_equal(kept(), EP_HEARD_PIECES + 1);
	for (unsigned i = 0; i < EP_HEARD_PIECES; i++)
		hear("radio", 600, i + 200, 40 + i, 0, 0);
	hear("radio", 600, 300, 50, 20, 40);
	assert_string_equal(told, "");
	assert_int_equal(kept(), EP_HEARD_PIECES + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_what_was_played_before_is_told, make_folder,
		                                remove_folder),
		cmocka_unit_test_setup_teardown(what_is_near_is_not_played_again, make_folder,
		                                remove_folder),
		cmocka_unit_test_setup_teardown(what_comes_again_without_a_break_is_minutes_apart,
		                                make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(the_oldest_piece_of_a_stream_makes_room,
		                                make_folder, remove_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
