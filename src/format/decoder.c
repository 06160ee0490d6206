#include "format/decoder.h"

#include <bzlib.h>
#include <limits.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define WINDOW_TOO_LARGE "it needs a window of more than 128 MiB"

_Static_assert(EP_STREAM_WINDOW_MAX == (size_t)128 << 20, "the text above says what the limit is");

static unsigned
at_most_uint(size_t size)
{
	return size < UINT_MAX ? (unsigned)size : UINT_MAX;
}

/* Whether front[0..size) starts with magic; with fewer bytes than that, whether they are the start
 * of magic and at least `telling` of them are there. */
static bool
starts_with(const uint8_t *front, size_t size, const void *magic, size_t magic_size, size_t telling)
{
	if (size >= magic_size)
		return memcmp(front, magic, magic_size) == 0;
	return size >= telling && memcmp(front, magic, size) == 0;
}

static void
advance(struct ep_decoder_io *io, size_t read, size_t written)
{
	io->in += read;
	io->in_size -= read;
	io->out += written;
	io->out_size -= written;
}

/* gzip */

static bool
gzip_match(const uint8_t *front, size_t size)
{
	return starts_with(front, size, "\x1f\x8b\x08", 3, 2);
}

static enum ep_status
gzip_open(void **state)
{
	z_stream *zlib = calloc(1, sizeof *zlib);
	if (!zlib)
		return EP_NO_MEMORY;
	/* 16 says: gzip, and nothing else. */
	if (inflateInit2(zlib, 16 + MAX_WBITS) != Z_OK) {
		free(zlib);
		return EP_NO_MEMORY;
	}
	*state = zlib;
	return EP_OK;
}

static enum ep_status
gzip_step(void *state, struct ep_decoder_io *io, bool *stream_ended, const char **reason)
{
	z_stream *zlib = state;
	unsigned in_size = at_most_uint(io->in_size);
	unsigned out_size = at_most_uint(io->out_size);
	zlib->next_in = (z_const Bytef *)(uintptr_t)io->in;
	zlib->avail_in = in_size;
	zlib->next_out = io->out;
	zlib->avail_out = out_size;
	int result = inflate(zlib, Z_NO_FLUSH);
	advance(io, in_size - zlib->avail_in, out_size - zlib->avail_out);
	if (result == Z_OK || result == Z_BUF_ERROR)
		return EP_OK;
	if (result == Z_MEM_ERROR)
		return EP_NO_MEMORY;
	if (result == Z_STREAM_END && inflateReset(zlib) == Z_OK) {
		*stream_ended = true;
		return EP_OK;
	}
	*reason = zlib->msg ? zlib->msg : "it needs a dictionary";
	return EP_BAD_INPUT;
}

static void
gzip_close(void *state)
{
	if (state)
		inflateEnd(state);
	free(state);
}

/* bzip2 */

struct bzip2_state {
	bz_stream library;
	bool started; /* the library holds memory for a stream */
};

static bool
bzip2_match(const uint8_t *front, size_t size)
{
	char block[] = "BZh91AY&SY";
	char empty[] = "BZh9\x17\x72\x45\x38\x50\x90";
	if (size < 4 || front[3] < '1' || front[3] > '9')
		return false;
	block[3] = empty[3] = (char)front[3];
	return starts_with(front, size, block, 10, 4) || starts_with(front, size, empty, 10, 4);
}

static enum ep_status
bzip2_open(void **state)
{
	*state = calloc(1, sizeof(struct bzip2_state));
	return *state ? EP_OK : EP_NO_MEMORY;
}

static enum ep_status
bzip2_failure(int result, const char **reason)
{
	if (result == BZ_MEM_ERROR)
		return EP_NO_MEMORY;
	*reason = result == BZ_DATA_ERROR_MAGIC ? "it is not the start of a bzip2 stream"
	                                        : "its bytes or its checksum are wrong";
	return EP_BAD_INPUT;
}

static enum ep_status
bzip2_step(void *state, struct ep_decoder_io *io, bool *stream_ended, const char **reason)
{
	struct bzip2_state *bzip2 = state;
	unsigned in_size = at_most_uint(io->in_size);
	unsigned out_size = at_most_uint(io->out_size);
	if (!bzip2->started) {
		memset(&bzip2->library, 0, sizeof bzip2->library);
		if (BZ2_bzDecompressInit(&bzip2->library, 0, 0) != BZ_OK)
			return EP_NO_MEMORY;
		bzip2->started = true;
	}
	bzip2->library.next_in = (char *)(uintptr_t)io->in;
	bzip2->library.avail_in = in_size;
	bzip2->library.next_out = (char *)io->out;
	bzip2->library.avail_out = out_size;
	int result = BZ2_bzDecompress(&bzip2->library);
	advance(io, in_size - bzip2->library.avail_in, out_size - bzip2->library.avail_out);
	if (result == BZ_OK)
		return EP_OK;
	if (result != BZ_STREAM_END)
		return bzip2_failure(result, reason);
	BZ2_bzDecompressEnd(&bzip2->library);
	bzip2->started = false;
	*stream_ended = true;
	return EP_OK;
}

static void
bzip2_close(void *state)
{
	struct bzip2_state *bzip2 = state;
	if (bzip2 && bzip2->started)
		BZ2_bzDecompressEnd(&bzip2->library);
	free(bzip2);
}

/* zstd */

static bool
zstd_match(const uint8_t *front, size_t size)
{
	if (starts_with(front, size, "\x28\xb5\x2f\xfd", 4, 2))
		return true;
	return size >= 4 && front[0] >= 0x50 && front[0] <= 0x5f &&
	       memcmp(front + 1, "\x2a\x4d\x18", 3) == 0;
}

static enum ep_status
zstd_open(void **state)
{
	ZSTD_DCtx *zstd = ZSTD_createDCtx();
	if (!zstd)
		return EP_NO_MEMORY;
	/* 2^27 bytes are EP_STREAM_WINDOW_MAX. */
	if (ZSTD_isError(ZSTD_DCtx_setParameter(zstd, ZSTD_d_windowLogMax, 27))) {
		ZSTD_freeDCtx(zstd);
		return EP_NO_MEMORY;
	}
	*state = zstd;
	return EP_OK;
}

static enum ep_status
zstd_failure(size_t result, const char **reason)
{
	ZSTD_ErrorCode code = ZSTD_getErrorCode(result);
	if (code == ZSTD_error_memory_allocation)
		return EP_NO_MEMORY;
	*reason = code == ZSTD_error_frameParameter_windowTooLarge ? WINDOW_TOO_LARGE
	                                                           : ZSTD_getErrorName(result);
	return EP_BAD_INPUT;
}

static enum ep_status
zstd_step(void *state, struct ep_decoder_io *io, bool *stream_ended, const char **reason)
{
	ZSTD_inBuffer in = { io->in, io->in_size, 0 };
	ZSTD_outBuffer out = { io->out, io->out_size, 0 };
	size_t result = ZSTD_decompressStream(state, &out, &in);
	if (ZSTD_isError(result))
		return zstd_failure(result, reason);
	advance(io, in.pos, out.pos);
	*stream_ended = result == 0;
	return EP_OK;
}

static void
zstd_close(void *state)
{
	ZSTD_freeDCtx(state);
}

/* xz */

static bool
xz_match(const uint8_t *front, size_t size)
{
	return starts_with(front, size, "\xfd\x37\x7a\x58\x5a\x00", 6, 2);
}

static enum ep_status
xz_open(void **state)
{
	const lzma_stream fresh = LZMA_STREAM_INIT;
	/* The dictionary, and what the library needs beside it. */
	uint64_t memory_max = EP_STREAM_WINDOW_MAX + ((uint64_t)1 << 20);
	lzma_stream *xz = malloc(sizeof *xz);
	if (!xz)
		return EP_NO_MEMORY;
	*xz = fresh;
	if (lzma_stream_decoder(xz, memory_max, LZMA_CONCATENATED | LZMA_TELL_UNSUPPORTED_CHECK) !=
	    LZMA_OK) {
		lzma_end(xz);
		free(xz);
		return EP_NO_MEMORY;
	}
	*state = xz;
	return EP_OK;
}

static const char *
xz_reason(lzma_ret result)
{
	if (result == LZMA_MEMLIMIT_ERROR)
		return WINDOW_TOO_LARGE;
	if (result == LZMA_FORMAT_ERROR)
		return "it is not the start of an xz stream";
	if (result == LZMA_OPTIONS_ERROR)
		return "it uses an unknown filter or option";
	if (result == LZMA_UNSUPPORTED_CHECK)
		return "it uses an unknown checksum";
	return "its bytes or its checksum are wrong";
}

/* The library itself goes from stream to stream, over the padding between them. */
static enum ep_status
xz_step(void *state, struct ep_decoder_io *io, bool *stream_ended, const char **reason)
{
	lzma_stream *xz = state;
	xz->next_in = io->in;
	xz->avail_in = io->in_size;
	xz->next_out = io->out;
	xz->avail_out = io->out_size;
	lzma_ret result = lzma_code(xz, io->in_ended ? LZMA_FINISH : LZMA_RUN);
	advance(io, io->in_size - xz->avail_in, io->out_size - xz->avail_out);
	if (result == LZMA_OK || result == LZMA_BUF_ERROR)
		return EP_OK;
	if (result == LZMA_MEM_ERROR)
		return EP_NO_MEMORY;
	if (result == LZMA_STREAM_END) {
		*stream_ended = true;
		return EP_OK;
	}
	*reason = xz_reason(result);
	return EP_BAD_INPUT;
}

static void
xz_close(void *state)
{
	if (state)
		lzma_end(state);
	free(state);
}

static const struct ep_decoder decoders[] = {
	{ "gzip", gzip_match, gzip_open, gzip_step, gzip_close },
	{ "bzip2", bzip2_match, bzip2_open, bzip2_step, bzip2_close },
	{ "zstd", zstd_match, zstd_open, zstd_step, zstd_close },
	{ "xz", xz_match, xz_open, xz_step, xz_close },
};

const struct ep_decoder *
ep_decoder_for(const uint8_t *front, size_t size)
{
	for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++) {
		if (decoders[i].match(front, size))
			return &decoders[i];
	}
	return NULL;
}
