/* The protocol of Tokyo Tyrant, byte by byte: what is sent, and what is made of the answers. */
#include "net/legacy/tyrant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A server that has answered before it is asked. */
struct server {
	struct ep_tyrant *tyrant;
	int fd; /* its end */
	char told[400]; /* what the callbacks were told */
};

static struct server
server_that_answers(const char *bytes, size_t size)
{
	struct server server = { 0 };
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(write(ends[1], bytes, size), size);
	assert_int_equal(shutdown(ends[1], SHUT_WR), 0);
	assert_int_equal(ep_tyrant_of_socket(&server.tyrant, ends[0], "the server", NULL, NULL),
	                 EP_OK);
	server.fd = ends[1];
	return server;
}
#define ANSWERS(bytes) server_that_answers(bytes, sizeof bytes - 1)

/* Ends the connection; checks what was sent. */
static void
assert_sent_bytes(struct server *server, const char *bytes, size_t size)
{
	char sent[1000];
	ep_tyrant_close(server->tyrant);
	assert_int_equal(read(server->fd, sent, sizeof sent), size);
	assert_memory_equal(sent, bytes, size);
	close(server->fd);
}
#define ASSERT_SENT(server, bytes) assert_sent_bytes(server, bytes, sizeof bytes - 1)

static void
tell(struct server *server, const char *text, struct ep_text more)
{
	size_t size = strlen(server->told);
	snprintf(server->told + size, sizeof server->told - size, "%s%.*s;", text, (int)more.size,
	         more.at ? more.at : "");
}

static enum ep_status
on_value(void *context, size_t i, const struct ep_tyrant_value *value, struct ep_error *err)
{
	(void)i, (void)err;
	tell(context,
	     value->too_large ? "large"
	     : value->there   ? "="
	                      : "none",
	     ep_text_of_bytes(value->bytes));
	return EP_OK;
}

static enum ep_status
on_key(void *context, struct ep_text key, struct ep_error *err)
{
	(void)err;
	tell(context, "", key);
	return EP_OK;
}

static void
get_asks_for_each_key_and_knows_what_is_missing(void **state)
{
	(void)state;
	struct ep_text keys[] = { ep_text_of("lastdump"), ep_text_of("TR-0"), ep_text_of("TR-1") };
	struct server server = ANSWERS("\1"
	                               "\0\0\0\0\x14"
	                               "2026-11-29T12:30:50Z"
	                               "\0\0\0\0\0");
	assert_int_equal(ep_tyrant_get(server.tyrant, keys, 3, on_value, &server, NULL), EP_OK);
	assert_string_equal(server.told, "none;=2026-11-29T12:30:50Z;=;");
	ASSERT_SENT(&server, "\xc8\x30\0\0\0\x08lastdump"
	                     "\xc8\x30\0\0\0\x04TR-0"
	                     "\xc8\x30\0\0\0\x04TR-1");
}

static void
put_sends_key_and_value(void **state)
{
	(void)state;
	struct ep_text key = ep_text_of("TRESZYC1E2414C343C-0");
	struct ep_text value = ep_text_of("101282 9 1023041 9");
	struct server server = ANSWERS("\0");
	assert_int_equal(ep_tyrant_put(server.tyrant, &key, &value, 1, NULL), EP_OK);
	ASSERT_SENT(&server, "\xc8\x10\0\0\0\x14\0\0\0\x12TRESZYC1E2414C343C-0101282 9 1023041 9");
}

static void
put_fails_where_the_server_refuses(void **state)
{
	(void)state;
	struct ep_text keys[] = { ep_text_of("a"), ep_text_of("b") };
	struct server server = ANSWERS("\0\1");
	assert_int_equal(ep_tyrant_put(server.tyrant, keys, keys, 2, NULL), EP_IO);
	ASSERT_SENT(&server, "\xc8\x10\0\0\0\1\0\0\0\1aa\xc8\x10\0\0\0\1\0\0\0\1bb");
}

static void
out_does_not_mind_what_is_missing(void **state)
{
	(void)state;
	struct ep_text keys[] = { ep_text_of("a"), ep_text_of("b") };
	struct server server = ANSWERS("\1\0");
	assert_int_equal(ep_tyrant_out(server.tyrant, keys, 2, NULL), EP_OK);
	ASSERT_SENT(&server, "\xc8\x20\0\0\0\1a\xc8\x20\0\0\0\1b");
}

static void
count_has_64_bits(void **state)
{
	(void)state;
	uint64_t count;
	struct server server = ANSWERS("\0\0\0\0\1\0\0\3\x3c");
	assert_int_equal(ep_tyrant_count(&count, server.tyrant, NULL), EP_OK);
	assert_int_equal(count, (UINT64_C(1) << 32) + 828);
	ASSERT_SENT(&server, "\xc8\x80");
}

static void
keys_are_told_until_there_are_no_more(void **state)
{
	(void)state;
	char answers[200] = "\0\0\0\0\0\2ab\0\0\0\0\0";
	size_t size = 13;
	memset(answers + size, 1, 100);
	struct server server = server_that_answers(answers, size + 100);
	assert_int_equal(ep_tyrant_each_key(server.tyrant, on_key, &server, NULL), EP_OK);
	assert_string_equal(server.told, "ab;;");
	ep_tyrant_close(server.tyrant);
	close(server.fd);
}

static void
assert_get_fails(const char *answers, size_t size, enum ep_status status)
{
	struct ep_text keys[] = { ep_text_of("a"), ep_text_of("b") };
	struct server server = server_that_answers(answers, size);
	assert_int_equal(ep_tyrant_get(server.tyrant, keys, 2, on_value, &server, NULL), status);
	ep_tyrant_close(server.tyrant);
	close(server.fd);
}

static void
answers_that_are_cut_or_foreign_fail(void **state)
{
	(void)state;
	assert_get_fails("", 0, EP_UNREACHABLE);
	assert_get_fails("\1", 1, EP_UNREACHABLE);
	assert_get_fails("\1\0\0\0", 4, EP_UNREACHABLE);
	assert_get_fails("\1\0\0\0\0\4abc", 9, EP_UNREACHABLE);
	assert_get_fails("\0\xff\xff\xff\xff", 5, EP_UNREACHABLE);
	assert_get_fails("HTTP/1.0 400 Bad Request", 24, EP_CORRUPT);
	assert_get_fails("\2", 1, EP_CORRUPT);
}

static void
a_value_that_is_too_large_is_skipped(void **state)
{
	(void)state;
	struct ep_text keys[] = { ep_text_of("a"), ep_text_of("b") };
	struct server server = { 0 };
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		static char zeros[1 << 16];
		(void)!write(ends[1], "\0\1\0\0\1", 5);
		for (size_t left = EP_TYRANT_VALUE_MAX + 1; left;) {
			ssize_t sent =
				write(ends[1], zeros, left < sizeof zeros ? left : sizeof zeros);
			if (sent <= 0)
				break;
			left -= (size_t)sent;
		}
		(void)!write(ends[1], "\0\0\0\0\1x", 6);
		_exit(0);
	}
	close(ends[1]);
	assert_int_equal(ep_tyrant_of_socket(&server.tyrant, ends[0], "it", NULL, NULL), EP_OK);
	assert_int_equal(ep_tyrant_get(server.tyrant, keys, 2, on_value, &server, NULL), EP_OK);
	assert_string_equal(server.told, "large;=x;");
	ep_tyrant_close(server.tyrant);
}

static void
assert_bad_address(const char *address)
{
	struct ep_tyrant *tyrant;
	if (ep_tyrant_connect(&tyrant, address, NULL, NULL) != EP_USAGE)
		fail_msg("\"%s\" was taken for an address", address);
}

static void
addresses_that_are_none_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "",         ":",    ":1978",  "a:",   "a:x",
		                           "a:123456", "[::1", "::1]:1", "[]:1", "a:-1" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_bad_address(bad[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(get_asks_for_each_key_and_knows_what_is_missing),
		cmocka_unit_test(put_sends_key_and_value),
		cmocka_unit_test(put_fails_where_the_server_refuses),
		cmocka_unit_test(out_does_not_mind_what_is_missing),
		cmocka_unit_test(count_has_64_bits),
		cmocka_unit_test(keys_are_told_until_there_are_no_more),
		cmocka_unit_test(answers_that_are_cut_or_foreign_fail),
		cmocka_unit_test(a_value_that_is_too_large_is_skipped),
		cmocka_unit_test(addresses_that_are_none_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
