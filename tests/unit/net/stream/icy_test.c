/* Titles are taken out of the bytes of a stream, wherever these are cut. */
#include "net/stream/icy.h"

#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* What a stream is parted into. */
struct parted {
	struct ep_buffer sound;
	struct ep_buffer titles; /* with '|' behind each */
};

/* Parts bytes that come in pieces of so many. */
static struct parted
part(const char *bytes, size_t size, size_t every, size_t piece)
{
	struct parted parted = { 0 };
	static struct ep_icy icy;
	ep_icy_begin(&icy, every);
	for (size_t at = 0; at < size;) {
		size_t sound;
		struct ep_text block;
		struct ep_text title;
		size_t rest = size - at < piece ? size - at : piece;
		size_t used = ep_icy_take(&icy, &sound, &block, (const uint8_t *)bytes + at, rest);
		assert_true(used >= 1 && used <= rest);
		assert_true(sound <= used);
		assert_int_equal(ep_buffer_append(&parted.sound, bytes + at, sound, NULL), EP_OK);
		if (ep_icy_title(&title, block)) {
			assert_int_equal(
				ep_buffer_append(&parted.titles, title.at, title.size, NULL),
				EP_OK);
			assert_int_equal(ep_buffer_append(&parted.titles, "|", 1, NULL), EP_OK);
		}
		at += used;
	}
	return parted;
}

static void
check(const char *bytes, size_t size, size_t every, const char *sound, const char *titles)
{
	for (size_t piece = 1; piece <= size; piece++) {
		struct parted parted = part(bytes, size, every, piece);
		assert_int_equal(parted.sound.size, strlen(sound));
		assert_memory_equal(parted.sound.data, sound, strlen(sound));
		assert_int_equal(parted.titles.size, strlen(titles));
		if (*titles)
			assert_memory_equal(parted.titles.data, titles, strlen(titles));
		ep_buffer_free(&parted.sound);
		ep_buffer_free(&parted.titles);
	}
}

static void
parts_sound_and_titles_however_bytes_are_cut(void **state)
{
	(void)state;
	static const char bytes[] =
		"abcd\0efgh\2StreamTitle='A - B';\0\0\0\0\0\0\0\0\0\0\0\0ijkl\0m";
	check(bytes, sizeof bytes - 1, 4, "abcdefghijklm", "A - B|");
}

static void
has_no_blocks_where_none_were_promised(void **state)
{
	(void)state;
	check("abcdefgh", 8, 0, "abcdefgh", "");
}

static void
check_title(const char *block, const char *title)
{
	struct ep_text found;
	if (!title) {
		assert_false(ep_icy_title(&found, ep_text_of(block)));
		return;
	}
	assert_true(ep_icy_title(&found, ep_text_of(block)));
	assert_int_equal(found.size, strlen(title));
	assert_memory_equal(found.at, title, strlen(title));
}

static void
finds_the_title_whatever_quotes_are_in_it(void **state)
{
	(void)state;
	check_title("StreamTitle='Don't Stop';StreamUrl='http://x/';", "Don't Stop");
	check_title("StreamTitle='Don't; Stop';", "Don't; Stop");
	check_title("StreamUrl='';StreamTitle='It';", "It");
	check_title("StreamTitle='';", "");
	check_title("StreamTitle='no end", "no end");
	check_title("StreamTitle='", "");
	check_title("StreamUrl='http://x/';", NULL);
	check_title("", NULL);
}

static void
takes_the_longest_block(void **state)
{
	(void)state;
	static char bytes[2 + EP_ICY_BLOCK_MAX];
	bytes[0] = 'a';
	bytes[1] = (char)255;
	memset(bytes + 2, 'x', EP_ICY_BLOCK_MAX);
	struct parted parted = part(bytes, sizeof bytes, 1, 1000);
	assert_int_equal(parted.sound.size, 1);
	ep_buffer_free(&parted.sound);
	ep_buffer_free(&parted.titles);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_sound_and_titles_however_bytes_are_cut),
		cmocka_unit_test(has_no_blocks_where_none_were_promised),
		cmocka_unit_test(finds_the_title_whatever_quotes_are_in_it),
		cmocka_unit_test(takes_the_longest_block),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
