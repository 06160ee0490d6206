/* Playlists of HLS: what RFC 8216 says they mean. */
#include "net/stream/hls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
text_is(struct ep_text text, const char *expected)
{
	assert_int_equal(text.size, strlen(expected));
	if (*expected)
		assert_memory_equal(text.at, expected, text.size);
}

static void
reads(struct ep_hls *hls, const char *text)
{
	struct ep_error err = { 0 };
	assert_int_equal(ep_hls_read(hls, ep_text_of(text), &err), EP_OK);
}

static void
refuses(const char *text, const char *why)
{
	EP_HLS struct ep_hls hls = { 0 };
	struct ep_error err = { 0 };
	assert_int_equal(ep_hls_read(&hls, ep_text_of(text), &err), EP_BAD_INPUT);
	assert_non_null(strstr(err.text, why));
}

static void
reads_segments(void **state)
{
	(void)state;
	EP_HLS struct ep_hls hls = { 0 };
	reads(&hls, "#EXTM3U\r\n#EXT-X-TARGETDURATION:8\r\n#EXT-X-MEDIA-SEQUENCE:2680\r\n\r\n"
	            "#EXTINF:7.975,title\r\nhttps://x/2680.ts\r\n#EXT-X-DISCONTINUITY\r\n"
	            "#EXT-X-DISCONTINUITY-SEQUENCE:3\r\n#EXTINF:7,\r\n2681.ts?a=b\r\n");
	assert_int_equal(hls.count, 2);
	assert_int_equal(hls.sequence, 2680);
	assert_false(hls.ended);
	assert_true(hls.target_s == 8);
	text_is(hls.segments[0].part.url, "https://x/2680.ts");
	assert_true(hls.segments[0].duration_s > 7.9749 && hls.segments[0].duration_s < 7.9751);
	assert_false(hls.segments[0].discontinuity);
	text_is(hls.segments[1].part.url, "2681.ts?a=b");
	assert_true(hls.segments[1].discontinuity);
	reads(&hls, "#EXTM3U\n#EXT-X-ENDLIST\n#EXTINF:1,\na");
	assert_int_equal(hls.count, 1);
	assert_true(hls.ended);
}

static void
reads_parts_of_files_and_maps(void **state)
{
	(void)state;
	EP_HLS struct ep_hls hls = { 0 };
	reads(&hls,
	      "#EXT-X-MAP:URI=\"init.mp4\",BYTERANGE=\"700@20\"\n#EXTINF:4,\n"
	      "#EXT-X-BYTERANGE:1000@720\nall.mp4\n#EXTINF:4,\n#EXT-X-BYTERANGE:500\nall.mp4\n"
	      "#EXT-X-MAP:URI=\"next.mp4\"\n#EXTINF:4,\nb.mp4\n");
	assert_int_equal(hls.count, 3);
	text_is(hls.segments[0].map.url, "init.mp4");
	assert_int_equal(hls.segments[0].map.from, 20);
	assert_int_equal(hls.segments[0].map.size, 700);
	assert_int_equal(hls.segments[0].part.from, 720);
	assert_int_equal(hls.segments[1].part.from, 1720);
	assert_int_equal(hls.segments[1].part.size, 500);
	text_is(hls.segments[2].map.url, "next.mp4");
	assert_int_equal(hls.segments[2].part.size, 0);
	assert_int_equal(hls.segments[2].map.size, 0);
}

static void
takes_the_lowest_variant_with_sound(void **state)
{
	(void)state;
	EP_HLS struct ep_hls hls = { 0 };
	reads(&hls,
	      "#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS=\"avc1.4d,mp4a.40.2\"\nhigh\n"
	      "#EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=1,BANDWIDTH=90000,CODECS=\"avc1.4d\"\nmute\n"
	      "#EXT-X-STREAM-INF:CODECS=\"avc1.4d,mp4a.40.2\",BANDWIDTH=100000\nlow\n"
	      "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"frames\"\n");
	text_is(hls.variant, "low");
	reads(&hls, "#EXT-X-STREAM-INF:BANDWIDTH=2\nb\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n");
	text_is(hls.variant, "a");
}

static void
takes_sound_that_is_apart(void **state)
{
	(void)state;
	EP_HLS struct ep_hls hls = { 0 };
	reads(&hls, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"other\",DEFAULT=YES,URI=\"no\"\n"
	            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"aac\",NAME=\"a, b\",URI=\"first\"\n"
	            "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"aac\",DEFAULT=YES,URI=\"words\"\n"
	            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"aac\",DEFAULT=YES,URI=\"sound/list\"\n"
	            "#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS=\"avc1,mp4a\",AUDIO=\"aac\"\nfilm\n");
	text_is(hls.variant, "sound/list");
	/* Where the default has no URL of its own, it is in the variant. */
	reads(&hls, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",DEFAULT=YES\n"
	            "#EXT-X-STREAM-INF:BANDWIDTH=9,AUDIO=\"a\"\nfilm\n");
	text_is(hls.variant, "film");
}

static void
begins_near_the_end_of_a_live_stream(void **state)
{
	(void)state;
	EP_HLS struct ep_hls hls = { 0 };
	static const char live[] =
		"#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:10\n#EXTINF:4,\na\n"
		"#EXTINF:4,\nb\n#EXTINF:4,\nc\n#EXTINF:4,\nd\n#EXTINF:4,\ne\n";
	reads(&hls, live);
	assert_int_equal(ep_hls_begin(&hls), 12);
	char ended[sizeof live + 20];
	strcpy(ended, live);
	strcat(ended, "#EXT-X-ENDLIST\n");
	reads(&hls, ended);
	assert_int_equal(ep_hls_begin(&hls), 10);
	reads(&hls, "#EXT-X-MEDIA-SEQUENCE:7\n");
	assert_int_equal(ep_hls_begin(&hls), 7);
}

static void
says_what_cannot_be_played(void **state)
{
	(void)state;
	refuses("#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k\"\n#EXTINF:4,\na\n",
	        "encrypted (SAMPLE-AES)");
	refuses("#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"k\"\n", "encrypted (AES-128)");
	refuses("#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS=\"avc1.4d\"\nfilm\n", "no variant");
	refuses("#EXT-X-ENDLIST\n", "no segments");
	EP_HLS struct ep_hls hls = { 0 };
	reads(&hls, "#EXT-X-KEY:METHOD=NONE\n#EXTINF:4,\na\n");
}

static void
numbers_without_end_are_held_back(void **state)
{
	(void)state;
	EP_HLS struct ep_hls hls = { 0 };
	reads(&hls, "#EXT-X-TARGETDURATION:0\n#EXT-X-MEDIA-SEQUENCE:99999999999999999999999999\n"
	            "#EXTINF:99999999999999999999999,\na\n#EXT-X-BYTERANGE:99999999999999999999@"
	            "99999999999999999999999\n#EXTINF:-1,\nb\n");
	assert_true(hls.target_s == 1);
	assert_true(hls.segments[0].duration_s == 86400);
	assert_true(hls.segments[1].duration_s == 0);
	assert_true(hls.sequence + hls.count > hls.sequence);
	assert_true(hls.segments[1].part.from + hls.segments[1].part.size >
	            hls.segments[1].part.from);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_segments),
		cmocka_unit_test(reads_parts_of_files_and_maps),
		cmocka_unit_test(takes_the_lowest_variant_with_sound),
		cmocka_unit_test(takes_sound_that_is_apart),
		cmocka_unit_test(begins_near_the_end_of_a_live_stream),
		cmocka_unit_test(says_what_cannot_be_played),
		cmocka_unit_test(numbers_without_end_are_held_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
