#include "format/compress.h"

#include <assert.h>
#include <bzlib.h>
#include <zstd.h>

static const struct {
	const char *name;
	const char *suffix;
} compressions[] = {
	[EP_COMPRESS_NONE] = { "none", "" },
	[EP_COMPRESS_BZIP2] = { "bzip2", ".bz2" },
	[EP_COMPRESS_ZSTD] = { "zstd", ".zst" },
};

#define COMPRESSIONS (sizeof compressions / sizeof *compressions)

static enum ep_status
append_bzip2(struct ep_buffer *out, const void *bytes, size_t size, struct ep_error *err)
{
	/* What the library's manual names as enough. */
	unsigned room = (unsigned)(size + size / 100 + 600);
	char none = 0;
	char *from = size ? (char *)(uintptr_t)bytes : &none;
	EP_TRY(ep_buffer_reserve(out, room, err));
	int result = BZ2_bzBuffToBuffCompress((char *)out->data + out->size, &room, from,
	                                      (unsigned)size, EP_COMPRESS_BZIP2_LEVEL, 0, 0);
	if (result != BZ_OK) {
		assert(result == BZ_MEM_ERROR);
		return ep_fail(err, EP_NO_MEMORY, "out of memory to compress with bzip2");
	}
	out->size += room;
	return EP_OK;
}

static enum ep_status
append_zstd(struct ep_buffer *out, const void *bytes, size_t size, struct ep_error *err)
{
	EP_TRY(ep_buffer_reserve(out, ZSTD_compressBound(size), err));
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	if (!zstd)
		return ep_fail(err, EP_NO_MEMORY, "out of memory to compress with zstd");
	(void)ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, EP_COMPRESS_ZSTD_LEVEL);
	(void)ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
	size_t result =
		ZSTD_compress2(zstd, out->data + out->size, out->capacity - out->size, bytes, size);
	ZSTD_freeCCtx(zstd);
	if (ZSTD_isError(result))
		return ep_fail(err, EP_NO_MEMORY, "cannot compress with zstd: %s",
		               ZSTD_getErrorName(result));
	out->size += result;
	return EP_OK;
}

enum ep_status
ep_compress_block(struct ep_buffer *out, enum ep_compression compression, const void *bytes,
                  size_t size, struct ep_error *err)
{
	if (size > EP_COMPRESS_BLOCK_MAX)
		return ep_fail(err, EP_BAD_INPUT, "a block of %zu bytes exceeds the limit of %zu",
		               size, EP_COMPRESS_BLOCK_MAX);
	switch (compression) {
	case EP_COMPRESS_NONE:
		break;
	case EP_COMPRESS_BZIP2:
		return append_bzip2(out, bytes, size, err);
	case EP_COMPRESS_ZSTD:
		return append_zstd(out, bytes, size, err);
	}
	return ep_buffer_append(out, bytes, size, err);
}

enum ep_status
ep_unpack_block(struct ep_buffer *out, const void *bytes, size_t size, size_t max,
                struct ep_error *err)
{
	/* Both macros of what is not known are above any max. */
	unsigned long long whole = ZSTD_getFrameContentSize(bytes, size);
	if (whole > max || ZSTD_findFrameCompressedSize(bytes, size) != size)
		return ep_fail(err, EP_BAD_INPUT,
		               "a block of %zu bytes is not one zstd frame of at most %zu bytes",
		               size, max);
	EP_TRY(ep_buffer_reserve(out, (size_t)whole, err));
	size_t result = ZSTD_decompress(out->data + out->size, (size_t)whole, bytes, size);
	if (ZSTD_isError(result) || result != whole)
		return ep_fail(err, EP_BAD_INPUT, "a block of %zu bytes is damaged: %s", size,
		               ZSTD_getErrorName(result));
	out->size += result;
	return EP_OK;
}

const char *
ep_compression_suffix(enum ep_compression compression)
{
	return compressions[compression].suffix;
}

const char *
ep_compression_name(enum ep_compression compression)
{
	return compressions[compression].name;
}

enum ep_status
ep_compression_parse(enum ep_compression *compression, struct ep_text name, struct ep_error *err)
{
	for (size_t i = 0; i < COMPRESSIONS; i++) {
		if (ep_text_equal(name, ep_text_of(compressions[i].name))) {
			*compression = (enum ep_compression)i;
			return EP_OK;
		}
	}
	return ep_fail(err, EP_BAD_INPUT, "unknown compression '%.*s': use none, bzip2 or zstd",
	               ep_text_print_size(name), name.size ? name.at : "");
}
