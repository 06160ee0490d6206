#include "plays/plays_internal.h"
#include "tests/plays_log.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char told[4096]; /* what a walk was told */

/* ---- writing ---- */

static struct ep_logged_play
play_of(uint32_t stream, const char *id, int64_t start_ms, int64_t end_ms)
{
	return (struct ep_logged_play){ .stream = stream,
		                        .start_ms = start_ms,
		                        .end_ms = end_ms,
		                        .offset_ms = 250,
		                        .score = 77,
		                        .track_id = ep_text_of(id),
		                        .artist = ep_text_of("artist"),
		                        .release = ep_text_of("release"),
		                        .track = ep_text_of("title") };
}

static void
add_play(uint32_t stream, const char *id, int64_t start_ms, int64_t end_ms)
{
	struct ep_plays_write *write = begin();
	struct ep_logged_play play = play_of(stream, id, start_ms, end_ms);
	needs(ep_plays_add(write, &play, NULL));
	needs(ep_plays_commit(write, NULL));
}

static void
begin_play(uint32_t stream, const char *id, int64_t start_ms, int64_t end_ms)
{
	struct ep_plays_write *write = begin();
	struct ep_logged_play play = play_of(stream, id, start_ms, end_ms);
	needs(ep_plays_begin(write, &play, NULL));
	needs(ep_plays_commit(write, NULL));
}

/* Calls one of the functions that take a stream and a moment. */
static void
change(enum ep_status (*function)(struct ep_plays_write *, uint32_t, int64_t, struct ep_error *),
       uint32_t stream, int64_t at_ms)
{
	struct ep_plays_write *write = begin();
	needs(function(write, stream, at_ms, NULL));
	needs(ep_plays_commit(write, NULL));
}

static void
lose(uint32_t stream, int64_t at_ms, const char *reason)
{
	struct ep_plays_write *write = begin();
	needs(ep_plays_lose(write, stream, at_ms, ep_text_of(reason), NULL));
	needs(ep_plays_commit(write, NULL));
}

/* ---- reading ---- */

static void tell(const char *fmt, ...) EP_PRINTF(1, 2);

static void
tell(const char *fmt, ...)
{
	size_t size = strlen(told);
	va_list args;
	va_start(args, fmt);
	vsnprintf(told + size, sizeof told - size, fmt, args);
	va_end(args);
}

static enum ep_status
on_play(void *context, const struct ep_logged_play *play, struct ep_error *err)
{
	(void)context, (void)err;
	tell("%.*s %" PRId64 "-%" PRId64 "%s\n", (int)play->track_id.size, play->track_id.at,
	     play->start_ms, play->end_ms, play->ended ? "" : " goes on");
	return EP_OK;
}

static enum ep_status
on_gap(void *context, const struct ep_gap *gap, struct ep_error *err)
{
	(void)context, (void)err;
	tell("%" PRId64 "-%" PRId64 "%s %.*s\n", gap->start_ms, gap->end_ms,
	     gap->ended ? "" : " goes on", (int)gap->reason.size, gap->reason.at);
	return EP_OK;
}

static struct ep_plays_read *
begin_read(void)
{
	struct ep_plays_read *read;
	needs(ep_plays_read_begin(&read, plays, NULL));
	return read;
}

static void
expect_plays(const struct ep_plays_range *range, const char *text)
{
	struct ep_plays_read *read = begin_read();
	told[0] = '\0';
	needs(ep_plays_each_play(read, range, on_play, NULL, NULL));
	ep_plays_read_end(read);
	assert_string_equal(told, text);
}

static void
expect_gaps(const char *text)
{
	struct ep_plays_read *read = begin_read();
	struct ep_plays_range all = { .from_ms = INT64_MIN, .to_ms = INT64_MAX };
	told[0] = '\0';
	needs(ep_plays_each_gap(read, &all, on_gap, NULL, NULL));
	ep_plays_read_end(read);
	assert_string_equal(told, text);
}

/* All events, as "+" and the number of the play that began, or "-" and that of the one that ended.
 */
static void
expect_events(const char *text)
{
	struct ep_plays_read *read = begin_read();
	struct ep_play_event event = { 0 };
	uint64_t last;
	told[0] = '\0';
	while (ep_plays_next_event(&event, read, event.position, NULL) == EP_OK)
		tell("%c%" PRIu64, event.kind == EP_PLAY_BEGUN ? '+' : '-', event.play);
	needs(ep_plays_position(&last, read, NULL));
	assert_int_equal(last, event.position);
	ep_plays_read_end(read);
	assert_string_equal(told, text);
}

static const struct ep_plays_range all = { .from_ms = INT64_MIN, .to_ms = INT64_MAX };

/* ---- tests ---- */

static void
a_play_goes_on_until_it_ends(void **state)
{
	(void)state;
	uint32_t stream = add_stream("radio", "");
	begin_play(stream, "A", 1000, 20000);
	expect_plays(&all, "A 1000-20000 goes on\n");
	change(ep_plays_hear, stream, 25000);
	change(ep_plays_hear, stream, 22000);
	expect_plays(&all, "A 1000-25000 goes on\n");
	change(ep_plays_end, stream, 24000);
	expect_plays(&all, "A 1000-24000\n");
	change(ep_plays_hear, stream, 90000);
	change(ep_plays_end, stream, 90000);
	expect_plays(&all, "A 1000-24000\n");
	expect_events("+1-1");
}

static void
a_play_ends_when_the_next_begins(void **state)
{
	(void)state;
	uint32_t stream = add_stream("radio", "");
	uint32_t other = add_stream("other", "");
	begin_play(stream, "A", 1000, 20000);
	begin_play(other, "B", 1500, 20000);
	begin_play(stream, "C", 30000, 40000);
	expect_plays(&all, "A 1000-20000\nB 1500-20000 goes on\nC 30000-40000 goes on\n");
	expect_events("+1+2-1+3");
}

static void
a_play_that_is_found_later_ends_no_other(void **state)
{
	(void)state;
	uint32_t stream = add_stream("radio", "");
	begin_play(stream, "A", 40000, 60000);
	add_play(stream, "B", 20000, 30000);
	expect_plays(&all, "B 20000-30000\nA 40000-60000 goes on\n");
	change(ep_plays_hear, stream, 70000);
	change(ep_plays_end, stream, 80000);
	expect_plays(&all, "B 20000-30000\nA 40000-80000\n");
	expect_events("+1+2-2-1");
}

static void
plays_are_told_in_the_order_of_their_beginnings(void **state)
{
	(void)state;
	uint32_t one = add_stream("one", "");
	uint32_t two = add_stream("two", "");
	begin_play(one, "C", 3000, 3000);
	begin_play(two, "B", 2000, 2000);
	begin_play(one, "A", -5000, -4000);
	expect_plays(&all, "A -5000--4000 goes on\nB 2000-2000 goes on\nC 3000-3000\n");
	struct ep_plays_range some = { .from_ms = 2000, .to_ms = 3000 };
	expect_plays(&some, "B 2000-2000 goes on\n");
	struct ep_plays_range of_one = { .from_ms = INT64_MIN, .to_ms = INT64_MAX, .stream = one };
	expect_plays(&of_one, "A -5000--4000 goes on\nC 3000-3000\n");
}

static void
plays_are_told_from_one_on_and_so_many_at_most(void **state)
{
	(void)state;
	uint32_t one = add_stream("one", "");
	uint32_t two = add_stream("two", "");
	add_play(one, "A", 1000, 2000);
	add_play(two, "B", 1000, 3000);
	add_play(one, "C", 1000, 4000);
	add_play(one, "D", 5000, 6000);
	struct ep_plays_range range = all;
	range.most = 2;
	expect_plays(&range, "A 1000-2000\nB 1000-3000\n");
	range.from_ms = 1000;
	range.after = 2;
	expect_plays(&range, "C 1000-4000\nD 5000-6000\n");
	range = (struct ep_plays_range){
		.from_ms = INT64_MIN, .to_ms = 9000, .stream = two, .most = 1
	};
	expect_plays(&range, "B 1000-3000\n");
	range.from_ms = 1000;
	range.after = 2;
	expect_plays(&range, "");
}

static void
gaps_are_kept_with_their_reason(void **state)
{
	(void)state;
	uint32_t stream = add_stream("radio", "");
	change(ep_plays_regain, stream, 500);
	lose(stream, 1000, "refused");
	lose(stream, 2000, "refused again");
	expect_gaps("1000-1000 goes on refused\n");
	change(ep_plays_regain, stream, 3000);
	expect_gaps("1000-3000 refused\n");
	/* What a server sends again closes a gap. */
	lose(stream, 5000, "restarted");
	change(ep_plays_regain, stream, 4000);
	expect_gaps("1000-3000 refused\n");
	lose(stream, 6000, "refused");
	change(ep_plays_regain, stream, 7000);
	expect_gaps("1000-3000 refused\n6000-7000 refused\n");
}

static void
a_stream_keeps_its_number_and_gets_new_tags(void **state)
{
	(void)state;
	uint32_t one = add_stream("one", "{\"a\":\"b\"}");
	uint32_t two = add_stream("two", "");
	assert_int_not_equal(one, two);
	assert_int_equal(add_stream("one", "{\"a\":\"c\"}"), one);
	change(ep_plays_heard, one, 9000);
	change(ep_plays_heard, one, 8000);
	struct ep_logged_stream stream;
	struct ep_plays_read *read = begin_read();
	needs(ep_plays_stream_named(&stream, read, ep_text_of("one"), NULL));
	assert_int_equal(stream.number, one);
	assert_int_equal(stream.heard_ms, 9000);
	assert_true(ep_text_equal(stream.tags, ep_text_of("{\"a\":\"c\"}")));
	assert_int_equal(ep_plays_stream_named(&stream, read, ep_text_of("on"), NULL),
	                 EP_NOT_FOUND);
	assert_int_equal(ep_plays_stream_named(&stream, read, ep_text_of(""), NULL), EP_NOT_FOUND);
	ep_plays_read_end(read);
}

static void
a_watermark_moves_with_the_transaction(void **state)
{
	(void)state;
	uint64_t position;
	struct ep_plays_write *write = begin();
	needs(ep_plays_move(write, "webhook", 7, NULL));
	ep_plays_abort(write);
	struct ep_plays_read *read = begin_read();
	assert_int_equal(ep_plays_watermark(&position, read, "webhook", NULL), EP_NOT_FOUND);
	ep_plays_read_end(read);
	write = begin();
	needs(ep_plays_move(write, "webhook", 7, NULL));
	needs(ep_plays_commit(write, NULL));
	read = begin_read();
	needs(ep_plays_watermark(&position, read, "webhook", NULL));
	assert_int_equal(position, 7);
	ep_plays_read_end(read);
	write = begin();
	needs(ep_plays_forget(write, "webhook", NULL));
	needs(ep_plays_forget(write, "webhook", NULL));
	needs(ep_plays_commit(write, NULL));
	read = begin_read();
	assert_int_equal(ep_plays_watermark(&position, read, "webhook", NULL), EP_NOT_FOUND);
	ep_plays_read_end(read);
}

static void
what_was_written_is_there_when_it_is_opened_again(void **state)
{
	(void)state;
	char id[EP_PLAYS_ID_TEXT];
	char again[EP_PLAYS_ID_TEXT];
	uint32_t stream = add_stream("radio", "");
	begin_play(stream, "A", 1000, 2000);
	struct ep_plays_read *read = begin_read();
	needs(ep_plays_id(id, read, NULL));
	ep_plays_read_end(read);
	ep_plays_close(plays);
	needs(ep_plays_open(&plays, folder, true, 0, NULL));
	struct ep_logged_play play;
	read = begin_read();
	needs(ep_plays_id(again, read, NULL));
	assert_string_equal(id, again);
	needs(ep_plays_play(&play, read, 1, NULL));
	assert_int_equal(play.offset_ms, 250);
	assert_int_equal(play.score, 77);
	assert_true(ep_text_equal(play.release, ep_text_of("release")));
	assert_int_equal(ep_plays_play(&play, read, 2, NULL), EP_NOT_FOUND);
	ep_plays_read_end(read);
}

/* ---- fields ---- */

/* {"isrc": "X"} */
static const struct ep_text isrc = { "\1\4isrc\1X", 8 };

static uint64_t
format_of_log(void)
{
	struct ep_plays_read *read = begin_read();
	struct ep_bytes value;
	needs(ep_plays_get(&value, read, plays->values, "format", 6, NULL));
	uint64_t format = ep_load64(value.at);
	ep_plays_read_end(read);
	return format;
}

static void
fields_of_a_play_stay_and_need_another_format(void **state)
{
	(void)state;
	uint32_t stream = add_stream("radio", "");
	struct ep_logged_play play = play_of(stream, "A", 1000, 2000);
	begin_play(stream, "B", 0, 500);
	assert_int_equal(format_of_log(), 1);
	play.fields = isrc;
	struct ep_plays_write *write = begin();
	needs(ep_plays_begin(write, &play, NULL));
	needs(ep_plays_commit(write, NULL));
	assert_int_equal(format_of_log(), 2);
	change(ep_plays_hear, stream, 2500);
	change(ep_plays_end, stream, 3000);
	ep_plays_close(plays);
	needs(ep_plays_open(&plays, folder, true, 0, NULL));
	assert_int_equal(format_of_log(), 2);
	struct ep_plays_read *read = begin_read();
	needs(ep_plays_play(&play, read, 2, NULL));
	assert_int_equal(play.end_ms, 3000);
	assert_true(ep_text_equal(play.fields, isrc));
	needs(ep_plays_play(&play, read, 1, NULL));
	assert_int_equal(play.fields.size, 0);
	ep_plays_read_end(read);
}

static void
a_log_of_a_higher_format_is_refused(void **state)
{
	(void)state;
	struct ep_plays *none = NULL;
	struct ep_error err;
	uint8_t three[8] = { 3 };
	MDB_val key = ep_val_of(ep_text_of("format"));
	MDB_val value = { sizeof three, three };
	struct ep_plays_write *write = begin();
	assert_int_equal(mdb_put(write->inside.txn, plays->values, &key, &value, 0), 0);
	needs(ep_plays_commit(write, NULL));
	ep_plays_close(EP_TAKE(plays));
	assert_int_equal(ep_plays_open(&none, folder, false, 0, &err), EP_NEWER);
	assert_non_null(strstr(err.text, "format 3"));
}

/* The bytes of a play as they were before there were fields, and with what may follow. */
static bool
is_play(const char *more, size_t size)
{
	static const char plain[] = "\1\0"
				    "\0\x68\xe5\xcf\x8b\1\0\0"
				    "\x40\x75\xe8\xcf\x8b\1\0\0"
				    "\xdc\5\0\0"
				    "\x78\5TRACK\6artist\0\5title";
	EP_BUFFER struct ep_buffer bytes = { 0 };
	EP_BUFFER struct ep_buffer again = { 0 };
	struct ep_logged_play play = { 0 };
	needs(ep_buffer_append(&bytes, plain, sizeof plain - 1, NULL));
	needs(ep_buffer_append(&bytes, more, size, NULL));
	if (!ep_play_decode(&play, ep_buffer_bytes(&bytes)))
		return false;
	assert_int_equal(play.fields.size, size);
	needs(ep_play_encode(&again, &play, NULL));
	assert_int_equal(again.size, bytes.size);
	assert_memory_equal(again.data, bytes.data, bytes.size);
	return true;
}

static void
behind_the_texts_of_a_play_are_its_fields_or_nothing(void **state)
{
	(void)state;
	assert_true(is_play("", 0));
	assert_true(is_play(isrc.at, isrc.size));
	assert_false(is_play("\0", 1));
	assert_false(is_play("x", 1));
	assert_false(is_play("\1\4isrc\1", 7));
	assert_false(is_play("\1\4isrc\1X\0", 9));
	assert_false(is_play("\1\4ISRC\1X", 8));
	assert_false(is_play("\2\4isrc\1X\4isrc\1X", 15));
}

static void
a_folder_without_a_log_of_plays_is_told(void **state)
{
	(void)state;
	struct ep_plays *none = NULL;
	struct ep_error err;
	assert_int_equal(ep_plays_open(&none, "/nonexistent/data", false, 0, &err), EP_NOT_FOUND);
	assert_non_null(strstr(err.text, "echoprint monitor"));
	assert_null(none);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_play_goes_on_until_it_ends, make_log, remove_log),
		cmocka_unit_test_setup_teardown(a_play_ends_when_the_next_begins, make_log,
		                                remove_log),
		cmocka_unit_test_setup_teardown(a_play_that_is_found_later_ends_no_other, make_log,
		                                remove_log),
		cmocka_unit_test_setup_teardown(plays_are_told_in_the_order_of_their_beginnings,
		                                make_log, remove_log),
		cmocka_unit_test_setup_teardown(plays_are_told_from_one_on_and_so_many_at_most,
		                                make_log, remove_log),
		cmocka_unit_test_setup_teardown(gaps_are_kept_with_their_reason, make_log,
		                                remove_log),
		cmocka_unit_test_setup_teardown(a_stream_keeps_its_number_and_gets_new_tags,
		                                make_log, remove_log),
		cmocka_unit_test_setup_teardown(a_watermark_moves_with_the_transaction, make_log,
		                                remove_log),
		cmocka_unit_test_setup_teardown(fields_of_a_play_stay_and_need_another_format,
		                                make_log, remove_log),
		cmocka_unit_test_setup_teardown(a_log_of_a_higher_format_is_refused, make_log,
		                                remove_log),
		cmocka_unit_test(behind_the_texts_of_a_play_are_its_fields_or_nothing),
		cmocka_unit_test_setup_teardown(what_was_written_is_there_when_it_is_opened_again,
		                                make_log, remove_log),
		cmocka_unit_test(a_folder_without_a_log_of_plays_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
