/* Which addresses are of the machine itself. */
#include "net/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool
is_local(const char *text)
{
	return ep_host_is_loopback(ep_host_of(text));
}

static void
the_machine_itself_has_these_addresses(void **state)
{
	(void)state;
	static const char *const texts[] = { "127.0.0.1:8070",    "127.9.9.9",
		                             "localhost:1",       "LOCALHOST",
		                             "[::1]:8070",        "[::1]",
		                             "http://localhost/", "https://127.0.0.1:8070/feed/" };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_true(is_local(texts[i]));
}

static void
others_are_not_its_own(void **state)
{
	(void)state;
	static const char *const texts[] = { "",
		                             ":8070",
		                             "0.0.0.0:8070",
		                             "[::]:8070",
		                             "127.0.0.1.example:8070",
		                             "localhost.example",
		                             "http://example/localhost",
		                             "http://example/?http://127.0.0.1/",
		                             "126.0.0.1",
		                             "[::2]:1",
		                             "[",
		                             "]:1" };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_false(is_local(texts[i]));
	char text[300];
	memset(text, '1', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	assert_false(is_local(text));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_machine_itself_has_these_addresses),
		cmocka_unit_test(others_are_not_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
