#include "base/sign.h"

#include "base/file.h"
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/echoprint-sign-XXXXXX";

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : 1;
}

static int
remove_folder(void **state)
{
	(void)state;
	char path[64];
	snprintf(path, sizeof path, "%s/key", folder);
	(void)unlink(path);
	return rmdir(folder);
}

static void
keys_are_made_once_and_are_private(void **state)
{
	(void)state;
	struct ep_keys one;
	struct ep_keys other;
	struct stat info;
	char path[64];
	snprintf(path, sizeof path, "%s/key", folder);
	assert_int_equal(ep_keys_open(&one, folder, NULL), EP_OK);
	assert_int_equal(ep_keys_open(&other, folder, NULL), EP_OK);
	assert_memory_equal(&one, &other, sizeof one);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
}

static void
a_signature_is_for_one_key_purpose_and_text(void **state)
{
	(void)state;
	struct ep_keys keys;
	struct ep_key other = { { 0 } };
	struct ep_signature signature;
	assert_int_equal(ep_keys_open(&keys, folder, NULL), EP_OK);
	ep_sign(&signature, &keys, "echoprint test", "hello", 5);
	assert_true(ep_sign_check(&signature, &keys.key, "echoprint test", "hello", 5));
	assert_false(ep_sign_check(&signature, &keys.key, "echoprint test", "hellO", 5));
	assert_false(ep_sign_check(&signature, &keys.key, "echoprint tesT", "hello", 5));
	assert_false(ep_sign_check(&signature, &other, "echoprint test", "hello", 5));
	signature.bytes[63] ^= 1;
	assert_false(ep_sign_check(&signature, &keys.key, "echoprint test", "hello", 5));
}

static void
hex_is_read_strictly(void **state)
{
	(void)state;
	uint8_t bytes[2];
	assert_true(ep_hex_parse(bytes, 2, ep_text_of("0aff")));
	assert_int_equal(bytes[0] << 8 | bytes[1], 0x0aff);
	assert_false(ep_hex_parse(bytes, 2, ep_text_of("0aFF")));
	assert_false(ep_hex_parse(bytes, 2, ep_text_of("0af")));
	assert_false(ep_hex_parse(bytes, 2, ep_text_of("0aff0")));
	assert_false(ep_hex_parse(bytes, 2, ep_text_of(" aff")));
}

static void
a_file_is_replaced_whole(void **state)
{
	(void)state;
	EP_BUFFER struct ep_buffer text = { 0 };
	char path[64];
	snprintf(path, sizeof path, "%s/file", folder);
	assert_int_equal(ep_read_file(&text, path, 100, NULL), EP_NOT_FOUND);
	assert_int_equal(ep_replace_file(path, "one", 3, 0666, NULL), EP_OK);
	assert_int_equal(ep_replace_file(path, "three", 5, 0666, NULL), EP_OK);
	assert_int_equal(ep_read_file(&text, path, 5, NULL), EP_OK);
	assert_int_equal(text.size, 5);
	assert_memory_equal(text.data, "three", 5);
	assert_int_equal(ep_read_file(&text, path, 4, NULL), EP_BAD_INPUT);
	assert_int_equal(unlink(path), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_made_once_and_are_private),
		cmocka_unit_test(a_signature_is_for_one_key_purpose_and_text),
		cmocka_unit_test(hex_is_read_strictly),
		cmocka_unit_test(a_file_is_replaced_whole),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
