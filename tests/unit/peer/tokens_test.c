/* Tokens for the HTTP interface, as values of the log. */
#include "peer/tokens.h"

#include "tests/one_node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static enum ep_status
find(struct ep_token *token, const char *text)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	needs(ep_log_read_begin(&read, node.log, NULL));
	return ep_token_find(token, read, ep_text_of(text), NULL);
}

static size_t
count(void)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_FREE struct ep_token *tokens = NULL;
	size_t found = 0;
	needs(ep_log_read_begin(&read, node.log, NULL));
	needs(ep_tokens(&tokens, &found, read, NULL));
	return found;
}

static void
a_token_is_known_by_its_text_alone(void **state)
{
	(void)state;
	char text[EP_TOKEN_TEXT];
	char other[EP_TOKEN_TEXT];
	struct ep_token token;
	size_t before = count();
	needs(ep_token_add(text, node.log, "radio", EP_ROLE_QUERY, NULL));
	needs(ep_token_add(other, node.log, "desk", EP_ROLE_ADMIN, NULL));
	assert_string_not_equal(text, other);
	needs(find(&token, text));
	assert_string_equal(token.name, "radio");
	assert_int_equal(token.role, EP_ROLE_QUERY);
	needs(find(&token, other));
	assert_int_equal(token.role, EP_ROLE_ADMIN);
	text[10] = text[10] == '0' ? '1' : '0';
	assert_int_equal(find(&token, text), EP_NOT_FOUND);
	assert_int_equal(find(&token, ""), EP_NOT_FOUND);
	assert_int_equal(find(&token, "radio"), EP_NOT_FOUND);
	assert_int_equal(count(), before + 2);
}

static void
a_name_has_one_token(void **state)
{
	(void)state;
	char text[EP_TOKEN_TEXT];
	char again[EP_TOKEN_TEXT];
	struct ep_token token;
	needs(ep_token_add(text, node.log, "one", EP_ROLE_INGEST, NULL));
	assert_int_equal(ep_token_add(again, node.log, "one", EP_ROLE_ADMIN, NULL), EP_BAD_INPUT);
	assert_int_equal(ep_token_add(again, node.log, "no name", EP_ROLE_ADMIN, NULL),
	                 EP_BAD_INPUT);
	needs(find(&token, text));
	assert_int_equal(token.role, EP_ROLE_INGEST);
}

static void
a_removed_token_is_unknown(void **state)
{
	(void)state;
	char text[EP_TOKEN_TEXT];
	struct ep_token token;
	needs(ep_token_add(text, node.log, "gone", EP_ROLE_QUERY, NULL));
	needs(ep_token_remove(node.log, "gone", NULL));
	assert_int_equal(find(&token, text), EP_NOT_FOUND);
	assert_int_equal(ep_token_remove(node.log, "gone", NULL), EP_NOT_FOUND);
	assert_int_equal(ep_token_remove(node.log, "", NULL), EP_NOT_FOUND);
}

static void
put(const void *bytes, size_t size)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	needs(ep_log_write_begin(&write, node.log, NULL));
	needs(ep_log_set_value(write, EP_TOKEN_VALUE "odd", (struct ep_bytes){ bytes, size },
	                       NULL));
	needs(ep_log_commit(&write, NULL));
}

static enum ep_status
list(void)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_FREE struct ep_token *tokens = NULL;
	size_t found;
	needs(ep_log_read_begin(&read, node.log, NULL));
	return ep_tokens(&tokens, &found, read, NULL);
}

static void
a_value_that_is_no_token_opens_nothing(void **state)
{
	(void)state;
	char text[EP_TOKEN_TEXT];
	uint8_t bytes[42] = { 1, 3 };
	struct ep_token token;
	needs(ep_token_add(text, node.log, "good", EP_ROLE_QUERY, NULL));
	for (size_t size = 0; size < sizeof bytes; size++) {
		put(bytes, size);
		assert_int_equal(list(), EP_CORRUPT);
	}
	bytes[1] = 4;
	put(bytes, sizeof bytes);
	assert_int_equal(list(), EP_CORRUPT);
	bytes[0] = 2;
	put(bytes, sizeof bytes);
	assert_int_equal(list(), EP_NEWER);
	assert_int_equal(find(&token, ""), EP_NOT_FOUND);
	needs(find(&token, text)); /* the others stay good */
	needs(ep_token_remove(node.log, "odd", NULL));
	assert_int_equal(list(), EP_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_that_is_no_token_opens_nothing),
		cmocka_unit_test(a_name_has_one_token),
		cmocka_unit_test(a_removed_token_is_unknown),
		cmocka_unit_test(a_token_is_known_by_its_text_alone),
	};
	return cmocka_run_group_tests(tests, make_node, remove_node);
}
