/* How a slave shows who it is, and what is taken for that. */
#include "net/pass.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#define NOW 1000000

static const uint8_t secret[EP_CHALLENGE_SECRET] = { 7 };
static struct ep_keys slave;
static struct ep_keys master;
static char challenge[EP_CHALLENGE_TEXT];
static char pass[EP_PASS_TEXT];
static struct ep_pass_request request;

static int
make_pass(void **state)
{
	const uint8_t seeds[2][EP_SEED_SIZE] = { { 1 }, { 2 } };
	(void)state;
	ep_keys_of_seed(&slave, seeds[0]);
	ep_keys_of_seed(&master, seeds[1]);
	request = (struct ep_pass_request){ "GET", "/feed.json", &master.key };
	ep_challenge_make(challenge, secret, NOW);
	ep_pass_write(pass, &request, &slave, challenge);
	return 0;
}

static enum ep_pass
check(const char *text, uint64_t now)
{
	struct ep_key key = { { 0 } };
	enum ep_pass found = ep_pass_check(&key, text, &request, secret, now);
	assert_int_equal(found != EP_PASS_WRONG, ep_key_equal(&key, &slave.key));
	return found;
}

static bool
opens(const char *text, uint64_t now)
{
	return check(text, now) == EP_PASS_GOOD;
}

static void
a_pass_opens_what_it_is_for(void **state)
{
	(void)state;
	assert_int_equal(strlen(pass), EP_PASS_TEXT - 1);
	assert_true(opens(pass, NOW));
	request.method = "POST";
	assert_false(opens(pass, NOW));
	request.method = "GET";
	request.place = "/packets/x";
	assert_false(opens(pass, NOW));
	request.place = "/feed.json";
	request.master = &slave.key;
	assert_false(opens(pass, NOW));
}

static void
a_pass_is_good_for_some_minutes(void **state)
{
	(void)state;
	assert_true(opens(pass, NOW + EP_CHALLENGE_S));
	assert_int_equal(check(pass, NOW + EP_CHALLENGE_S + 1), EP_PASS_EXPIRED);
	assert_int_equal(check(pass, NOW - 1), EP_PASS_EXPIRED);
}

static void
a_challenge_is_good_at_the_server_that_made_it(void **state)
{
	(void)state;
	const uint8_t other[EP_CHALLENGE_SECRET] = { 8 };
	ep_challenge_make(challenge, other, NOW);
	ep_pass_write(pass, &request, &slave, challenge);
	assert_int_equal(check(pass, NOW), EP_PASS_EXPIRED);
}

static void
no_other_text_is_a_pass(void **state)
{
	(void)state;
	char text[EP_PASS_TEXT + 8];
	for (size_t i = 0; i < EP_PASS_TEXT - 1; i++) {
		memcpy(text, pass, sizeof pass);
		text[i] = text[i] == '0' ? '1' : '0';
		assert_int_equal(check(text, NOW), EP_PASS_WRONG);
		text[i] = '\0';
		assert_false(opens(text, NOW));
	}
	memcpy(text, pass, sizeof pass);
	strcat(text, "0");
	assert_false(opens(text, NOW));
	assert_false(opens("", NOW));
}

static void
a_challenge_is_found_among_others(void **state)
{
	(void)state;
	char line[256];
	char found[EP_CHALLENGE_TEXT] = "";
	snprintf(line, sizeof line, "Bearer, Echoprint challenge=\"%s\"", challenge);
	assert_true(ep_challenge_find(found, line));
	assert_string_equal(found, challenge);
	assert_false(ep_challenge_find(found, "Bearer"));
	assert_false(ep_challenge_find(found, "Echoprint challenge=\"00\""));
	memset(line + strlen(line) - 20, 'x', 1);
	assert_false(ep_challenge_find(found, line));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_pass_opens_what_it_is_for, make_pass),
		cmocka_unit_test_setup(a_pass_is_good_for_some_minutes, make_pass),
		cmocka_unit_test_setup(a_challenge_is_good_at_the_server_that_made_it, make_pass),
		cmocka_unit_test_setup(no_other_text_is_a_pass, make_pass),
		cmocka_unit_test_setup(a_challenge_is_found_among_others, make_pass),
	};
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
