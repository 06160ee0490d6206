/* Playlists that name a stream, what tells them from sound, and where URLs in them lead. */
#include "net/stream/playlist.h"

#include "net/stream/download.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define M3U "audio/x-mpegurl; charset=utf-8"

static bool
begins(const char *head, const char *type)
{
	return ep_playlist_begins(ep_text_of(head), type);
}

static void
tells_playlists_from_sound(void **state)
{
	(void)state;
	assert_true(begins("#EXTM3U\n#EXTINF", "audio/mpeg"));
	assert_true(begins("\xef\xbb\xbf#EXTM3U\r\n#EXTI", ""));
	assert_true(begins("\r\n[Playlist]\nNum", "text/html"));
	assert_true(begins("http://x/stream", M3U));
	assert_false(begins("http://x/stream", "audio/mpeg"));
	assert_false(begins("http://x/stream", "audio/mpegurls"));
	assert_false(begins("\xff\xfb\x90\x44\x01\x02", M3U));
	assert_false(begins("ID3\x04xxxxxxxx", M3U));
	assert_false(begins("OggSxxxxxxxx", M3U));
	assert_false(begins("<html><body>", "text/html"));
	assert_false(begins("", ""));
}

static void
entry_is(const char *text, size_t number, const char *expected)
{
	struct ep_text entry;
	struct ep_text whole = ep_text_of(text);
	enum ep_playlist_kind kind = ep_playlist_kind_of(whole);
	if (!expected) {
		assert_false(ep_playlist_entry(&entry, kind, whole, number));
		return;
	}
	assert_true(ep_playlist_entry(&entry, kind, whole, number));
	assert_int_equal(entry.size, strlen(expected));
	assert_memory_equal(entry.at, expected, entry.size);
}

static void
finds_entries_one_after_the_other(void **state)
{
	(void)state;
	static const char m3u[] =
		"\xef\xbb\xbf#EXTM3U\r\n#EXTINF:-1,A\r\n  http://a/ \r\n\r\nb.mp3";
	static const char pls[] = "[playlist]\nnumberofentries=2\nFile1= http://a/x=y\nTitle1=A\n"
				  "file2=b\nLength2=-1\nFile3=\n";
	entry_is(m3u, 0, "http://a/");
	entry_is(m3u, 1, "b.mp3");
	entry_is(m3u, 2, "http://a/");
	entry_is(pls, 0, "http://a/x=y");
	entry_is(pls, 3, "b");
	entry_is("#EXTM3U\n# none\n", 0, NULL);
	entry_is("[playlist]\nTitle1=none\n", 0, NULL);
	entry_is("", 0, NULL);
}

static void
tells_hls_from_a_list_of_streams(void **state)
{
	(void)state;
	assert_int_equal(ep_playlist_kind_of(ep_text_of("#EXTM3U\n#EXT-X-VERSION:3\n")),
	                 EP_PLAYLIST_HLS);
	assert_int_equal(ep_playlist_kind_of(ep_text_of("#EXTM3U\na\n#EXT-X-VERSION:3\n")),
	                 EP_PLAYLIST_M3U);
	assert_int_equal(ep_playlist_kind_of(ep_text_of("#EXTM3U\n")), EP_PLAYLIST_NONE);
}

static void
leads_to(const char *base, const char *relative, const char *expected)
{
	char *url = NULL;
	struct ep_error err;
	enum ep_status status = ep_url_join(&url, base, ep_text_of(relative), &err);
	assert_int_equal(status, expected ? EP_OK : EP_BAD_INPUT);
	if (expected)
		assert_string_equal(url, expected);
	else
		assert_null(url);
	free(url);
}

static void
joins_urls_and_leaves_http_never(void **state)
{
	(void)state;
	static const char base[] = "http://h:8000/a/list.m3u8?x=1";
	leads_to(base, "b.ts", "http://h:8000/a/b.ts");
	leads_to(base, "../b.ts?y=2", "http://h:8000/b.ts?y=2");
	leads_to(base, "/b", "http://h:8000/b");
	leads_to(base, "//other/b", "http://other/b");
	leads_to(base, "https://other/b", "https://other/b");
	leads_to("", "https://other/b", "https://other/b");
	leads_to(base, "file:///etc/passwd", NULL);
	leads_to(base, "ftp://x/y", NULL);
	leads_to(base, "", NULL);
	leads_to("", "b.ts", NULL);
	char *url = NULL;
	const struct ep_text cut = { "a\0b", 3 };
	assert_int_equal(ep_url_join(&url, base, cut, NULL), EP_BAD_INPUT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_playlists_from_sound),
		cmocka_unit_test(finds_entries_one_after_the_other),
		cmocka_unit_test(tells_hls_from_a_list_of_streams),
		cmocka_unit_test(joins_urls_and_leaves_http_never),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
