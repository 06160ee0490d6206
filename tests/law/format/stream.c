/* Laws of streams: what comes out does not depend on how the bytes come in, plain bytes come out as
 * they are, and what is packed comes back. */
#include "format/stream.h"
#include "tests/input.h"
#include "tests/must.h"

#include "format/compress.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A few bytes can unpack to very many. */
#define UNPACKED_MAX ((size_t)1 << 20)

void law_stream(const uint8_t *bytes, size_t size);

struct unpacked {
	enum ep_status status;
	bool whole; /* false: there is more than UNPACKED_MAX */
	bool plain;
	struct ep_buffer text;
};

static struct unpacked
unpack(const uint8_t *bytes, size_t size, size_t piece)
{
	struct unpacked unpacked = { .whole = true };
	struct input input = { bytes, size, piece };
	struct ep_source source = { .read = read_input, .context = &input };
	struct ep_stream *stream = NULL;
	uint8_t out[4096];
	size_t got = 1;
	must_equal(ep_stream_open(&stream, source, NULL), EP_OK);
	while (unpacked.status == EP_OK && unpacked.whole && got > 0) {
		unpacked.status = ep_stream_read(stream, out, sizeof out, &got, NULL);
		if (unpacked.status != EP_OK)
			break;
		must(got <= sizeof out);
		must_equal(ep_buffer_append(&unpacked.text, out, got, NULL), EP_OK);
		unpacked.whole = unpacked.text.size < UNPACKED_MAX;
	}
	must(unpacked.status == EP_OK || unpacked.status == EP_BAD_INPUT);
	unpacked.plain = strcmp(ep_stream_format_name(stream), "plain") == 0;
	ep_stream_close(stream);
	return unpacked;
}

static void
must_not_depend_on_pieces(const uint8_t *bytes, size_t size, size_t piece)
{
	struct unpacked one = unpack(bytes, size, size + 1);
	struct unpacked other = unpack(bytes, size, piece);
	size_t common = one.text.size < other.text.size ? one.text.size : other.text.size;
	must_equal(one.plain, other.plain);
	must(common == 0 || memcmp(one.text.data, other.text.data, common) == 0);
	if (one.whole && other.whole && one.status == EP_OK && other.status == EP_OK)
		must_equal(one.text.size, other.text.size);
	if (one.plain) {
		must(one.status == EP_OK && other.status == EP_OK);
		must(!one.whole || one.text.size == size);
		must(common == 0 || memcmp(one.text.data, bytes, common) == 0);
	}
	ep_buffer_free(&one.text);
	ep_buffer_free(&other.text);
}

static void
must_come_back(enum ep_compression compression, const uint8_t *bytes, size_t size, size_t piece)
{
	EP_BUFFER struct ep_buffer packed = { 0 };
	size_t half = size / 2;
	must_equal(ep_compress_block(&packed, compression, bytes, half, NULL), EP_OK);
	must_equal(ep_compress_block(&packed, compression, bytes + half, size - half, NULL), EP_OK);
	struct unpacked back = unpack(packed.data, packed.size, piece);
	must(back.status == EP_OK && !back.plain);
	must(!back.whole || back.text.size == size);
	must(back.text.size == 0 || memcmp(back.text.data, bytes, back.text.size) == 0);
	ep_buffer_free(&back.text);
}

void
law_stream(const uint8_t *bytes, size_t size)
{
	if (size < 1)
		return;
	size_t piece = 1 + bytes[0];
	must_not_depend_on_pieces(bytes + 1, size - 1, piece);
	must_come_back(piece % 2 ? EP_COMPRESS_ZSTD : EP_COMPRESS_BZIP2, bytes + 1, size - 1,
	               piece);
}
