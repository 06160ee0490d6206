#include "net/stream/download.h"

#include "tests/must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void
a_url_leads_to_another(void **state)
{
	(void)state;
	static const struct {
		const char *base;
		const char *relative;
		const char *whole;
	} cases[] = {
		{ "", "http://example.org/a", "http://example.org/a" },
		{ "http://example.org/a/list.m3u8", "b.ts", "http://example.org/a/b.ts" },
		{ "http://example.org/a/list.m3u8", "/b.ts", "http://example.org/b.ts" },
		{ "http://me:secret@example.org/a", "b", "http://me:secret@example.org/b" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *url;
		needs(ep_url_join(&url, cases[i].base, ep_text_of(cases[i].relative), NULL));
		assert_string_equal(url, cases[i].whole);
		free(url);
	}
}

static void
a_url_that_is_refused_is_not_shown(void **state)
{
	(void)state;
	static const char *const urls[] = { "ftp://me:secret@example.org/",
		                            "http://me:secret@example.org:99999999/",
		                            "http://me:secret@exam ple.org/",
		                            "file:///secret",
		                            "//secret@:0:0/",
		                            "" };
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		char *url = NULL;
		struct ep_error err;
		assert_int_equal(ep_url_join(&url, "", ep_text_of(urls[i]), &err), EP_BAD_INPUT);
		assert_null(url);
		assert_null(strstr(err.text, "secret"));
		assert_non_null(strstr(err.text, "http://"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_url_leads_to_another),
		cmocka_unit_test(a_url_that_is_refused_is_not_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
