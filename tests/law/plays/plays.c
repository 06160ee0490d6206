/* Law of the log of plays: any bytes are refused or decoded, without a crash; what was decoded
 * comes back as the same bytes. */
#include "plays/plays_internal.h"
#include "tests/must.h"

void law_plays(const uint8_t *bytes, size_t size);

static void
is_same(const struct ep_buffer *again, const uint8_t *bytes, size_t size)
{
	must_equal(again->size, size);
	must(memcmp(again->data, bytes, size) == 0);
}

void
law_plays(const uint8_t *bytes, size_t size)
{
	EP_BUFFER struct ep_buffer play_again = { 0 };
	EP_BUFFER struct ep_buffer gap_again = { 0 };
	EP_BUFFER struct ep_buffer stream_again = { 0 };
	struct ep_bytes value = { bytes, size };
	struct ep_logged_play play = { 0 };
	struct ep_gap gap = { 0 };
	struct ep_logged_stream stream = { 0 };
	if (ep_play_decode(&play, value)) {
		needs(ep_play_encode(&play_again, &play, NULL));
		is_same(&play_again, bytes, size);
	}
	if (ep_gap_decode(&gap, value)) {
		needs(ep_gap_encode(&gap_again, &gap, NULL));
		is_same(&gap_again, bytes, size);
	}
	if (ep_stream_decode(&stream, value)) {
		needs(ep_stream_encode(&stream_again, &stream, NULL));
		is_same(&stream_again, bytes, size);
	}
}
