#include "monitor/config.h"

#include "tests/must.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/ep-config-XXXXXX";
static char secret[] = "/tmp/ep-secret-XXXXXX";

static int
make_files(void **state)
{
	(void)state;
	int one = mkstemp(path);
	int other = mkstemp(secret);
	return one < 0 || other < 0 || close(one) != 0 || close(other) != 0;
}

static int
remove_files(void **state)
{
	(void)state;
	return unlink(path) | unlink(secret);
}

static void
fill(const char *name, const char *text)
{
	FILE *file = fopen(name, "we");
	must(file != NULL);
	must(fputs(text, file) >= 0);
	must(fclose(file) == 0);
}

static enum ep_status
read_text(struct ep_monitor_config *config, const char *text, struct ep_error *err)
{
	fill(path, text);
	return ep_monitor_config_read(config, path, err);
}

/* A text that is refused, with these words in what is said. */
static void
refuses(const char *text, const char *words)
{
	EP_MONITOR_CONFIG struct ep_monitor_config config = { 0 };
	struct ep_error err = { 0 };
	assert_int_equal(read_text(&config, text, &err), EP_BAD_INPUT);
	if (!strstr(err.text, words))
		fail_msg("it said \"%s\", without \"%s\"", err.text, words);
}

static bool
is(struct ep_text text, const char *expected)
{
	return ep_text_equal(text, ep_text_of(expected));
}

static void
a_section_is_a_stream(void **state)
{
	(void)state;
	EP_MONITOR_CONFIG struct ep_monitor_config config = { 0 };
	needs(read_text(&config,
	                "\xef\xbb\xbf# stations\n"
	                "[radio one]\r\n"
	                "url = http://example.org/one.mp3 ; the good one\n"
	                "genre=pop: the best\n"
	                "\tcountry = FR\n"
	                "\n"
	                "[ \xc3\x89ire ]\n"
	                "url: /srv/pipe\n",
	                NULL));
	assert_int_equal(config.count, 2);
	const struct ep_stream_config *one =
		ep_monitor_config_find(&config, ep_text_of("radio one"));
	assert_ptr_equal(one, &config.streams[0]);
	assert_string_equal(one->url, "http://example.org/one.mp3");
	assert_true(is(one->tags, "{\"country\":\"FR\",\"genre\":\"pop: the best\"}"));
	assert_true(is(config.streams[1].name, " \xc3\x89ire "));
	assert_string_equal(config.streams[1].url, "/srv/pipe");
	assert_int_equal(config.streams[1].tags.size, 0);
	assert_null(config.webhook);
}

static void
it_learns_only_where_that_is_said(void **state)
{
	(void)state;
	EP_MONITOR_CONFIG struct ep_monitor_config none = { 0 };
	EP_MONITOR_CONFIG struct ep_monitor_config yes = { 0 };
	EP_MONITOR_CONFIG struct ep_monitor_config no = { 0 };
	needs(read_text(&none, "[monitor]\n", NULL));
	needs(read_text(&yes, "[monitor]\nlearn = yes\n", NULL));
	needs(read_text(&no, "[monitor]\nlearn = yes\nlearn = no\n", NULL));
	assert_false(none.learn);
	assert_true(yes.learn);
	assert_false(no.learn);
}

static void
long_names_and_urls_are_whole(void **state)
{
	(void)state;
	static char text[2000];
	static char url[1201];
	static char name[201];
	memset(url, 'u', sizeof url - 1);
	memcpy(url, "http://", 7);
	memset(name, 'n', sizeof name - 1);
	snprintf(text, sizeof text, "[%s]\nurl = %s\n", name, url);
	EP_MONITOR_CONFIG struct ep_monitor_config config = { 0 };
	needs(read_text(&config, text, NULL));
	assert_string_equal(config.streams[0].url, url);
	assert_true(is(config.streams[0].name, name));
}

static void
what_is_wrong_is_told_with_its_line(void **state)
{
	(void)state;
	refuses("url = x\n", ":1: \"url\" is in no section");
	refuses("[a]\nurl = x\n[a]\nurl = y\n", ":3: there is a stream \"a\" already");
	refuses("[a]\nurl = x\nurl = y\n", ":3: url is given twice");
	refuses("[a]\ncountry = x\n[b]\nurl = y\n", ":3: the stream \"a\" has no url");
	refuses("[a]\nurl = x\n[b]\n", ":3: the stream \"b\" has no url");
	refuses("[a]\nurl = x\n\nnonsense\n", ":4: expected KEY = VALUE");
	refuses("[a\nurl = x\n", ":1: expected [NAME]");
	refuses("[]\nurl = x\n", ":1: a stream's name");
	refuses("[a\x01]\nurl = x\n", ":1: a stream's name");
	refuses("[a]\nurl = \n", ":2: url is empty");
	refuses("[a]\nurl = x\nk = 1\nk = 2\n", ":4: k is given twice");
	refuses("[monitor]\nhook = x\n", ":2: [monitor] has no \"hook\"");
	refuses("[monitor]\nlearn = maybe\n", ":2: learn is \"maybe\", but must be yes or no");
	refuses("[monitor]\nwebhook = ftp://x\n", ":2: webhook is \"ftp://x\"");
	refuses("[a]\nurl = \xff\n", "UTF-8");
}

static void
a_secret_is_read_from_its_file(void **state)
{
	(void)state;
	char text[200];
	snprintf(text, sizeof text,
	         "[monitor]\nwebhook = https://example.org/\nwebhook-secret-file = %s\n",
	         strrchr(secret, '/') + 1);
	EP_MONITOR_CONFIG struct ep_monitor_config config = { 0 };
	fill(secret, "0123456789abcdef\n");
	needs(read_text(&config, text, NULL));
	assert_string_equal(config.webhook, "https://example.org/");
	assert_true(is(ep_buffer_text(&config.secret), "0123456789abcdef"));
	fill(secret, "0123456789abcde\n");
	EP_MONITOR_CONFIG struct ep_monitor_config again = { 0 };
	struct ep_error err;
	assert_int_equal(read_text(&again, text, &err), EP_BAD_INPUT);
	assert_non_null(strstr(err.text, "has 15 bytes"));
}

static void
arguments_are_streams_without_their_passwords(void **state)
{
	(void)state;
	EP_MONITOR_CONFIG struct ep_monitor_config config = { 0 };
	needs(ep_monitor_config_add(&config, "one=http://u:p@example.org/a?key=1", NULL));
	needs(ep_monitor_config_add(&config, "http://u:p@example.org/b?key=1", NULL));
	needs(ep_monitor_config_add(&config, "raw:-", NULL));
	assert_true(is(config.streams[0].name, "one"));
	assert_string_equal(config.streams[0].url, "http://u:p@example.org/a?key=1");
	assert_true(is(config.streams[0].shown_url, "http://example.org/a"));
	assert_true(is(config.streams[1].name, "http://example.org/b"));
	assert_true(is(config.streams[2].name, "raw:-"));
	assert_int_equal(ep_monitor_config_add(&config, "one=x", NULL), EP_BAD_INPUT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_section_is_a_stream),
		cmocka_unit_test(it_learns_only_where_that_is_said),
		cmocka_unit_test(long_names_and_urls_are_whole),
		cmocka_unit_test(what_is_wrong_is_told_with_its_line),
		cmocka_unit_test(a_secret_is_read_from_its_file),
		cmocka_unit_test(arguments_are_streams_without_their_passwords),
	};
	return cmocka_run_group_tests(tests, make_files, remove_files);
}
