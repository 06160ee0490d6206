#include "sound/decode_io.h"

#include <errno.h>
#include <libavformat/avio.h>
#include <libavutil/error.h>
#include <libavutil/mem.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define IO_BUFFER 32768
#define ID3_HEAD 10

struct ep_decode_io {
	const struct ep_decode_job *job;
	AVIOContext *context;
	bool seekable;
	int64_t size; /* of the file, where it is */
};

/* Waits until there is something to read; false when nobody listens any more. */
static bool
wait_for_bytes(const struct ep_decode_job *job)
{
	struct pollfd either[2] = { { .fd = job->fd, .events = POLLIN }, { .fd = job->listener } };
	int ready;
	do
		ready = poll(either, 2, -1);
	while (ready < 0 && errno == EINTR);
	return ready >= 0 && !either[1].revents;
}

static int
read_file(void *opaque, uint8_t *bytes, int size)
{
	const struct ep_decode_io *io = opaque;
	ssize_t got;
	if (io->job->live && !wait_for_bytes(io->job))
		return AVERROR_EXIT;
	do
		got = read(io->job->fd, bytes, (size_t)size);
	while (got < 0 && errno == EINTR);
	return got > 0 ? (int)got : got == 0 ? AVERROR_EOF : AVERROR(errno);
}

static int64_t
seek_file(void *opaque, int64_t offset, int whence)
{
	const struct ep_decode_io *io = opaque;
	if (whence == AVSEEK_SIZE)
		return io->size;
	off_t at = lseek(io->job->fd, offset, whence & ~AVSEEK_FORCE);
	return at >= 0 ? at : AVERROR(errno);
}

enum ep_status
ep_decode_io_open(struct ep_decode_io **out, const struct ep_decode_job *job, struct ep_error *err)
{
	EP_OWNED(ep_decode_io_close)
	struct ep_decode_io *io = av_mallocz(sizeof *io);
	if (!io)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	io->job = job;
	/* Not by fstat, which may be a call with a path (sandbox.c). */
	off_t at = lseek(job->fd, 0, SEEK_CUR);
	off_t end = lseek(job->fd, 0, SEEK_END);
	io->seekable = at >= 0 && end > 0 && lseek(job->fd, at, SEEK_SET) == at;
	io->size = end;
	uint8_t *buffer = av_malloc(IO_BUFFER);
	if (!buffer)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	io->context = avio_alloc_context(buffer, IO_BUFFER, 0, io, read_file, NULL,
	                                 io->seekable ? seek_file : NULL);
	if (!io->context) {
		av_free(buffer);
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	}
	*out = EP_TAKE(io);
	return EP_OK;
}

void
ep_decode_io_close(struct ep_decode_io *io)
{
	if (!io)
		return;
	if (io->context)
		av_freep(&io->context->buffer);
	avio_context_free(&io->context);
	av_free(io);
}

bool
ep_decode_io_seekable(const struct ep_decode_io *io)
{
	return io->seekable;
}

uint32_t
ep_decode_io_id3_size(struct ep_decode_io *io)
{
	uint8_t head[ID3_HEAD];
	int got = avio_read(io->context, head, sizeof head);
	if (avio_seek(io->context, 0, SEEK_SET) < 0 || got != sizeof head ||
	    memcmp(head, "ID3", 3) != 0)
		return 0;
	uint32_t size = ID3_HEAD;
	for (int i = 0; i < 4; i++)
		size += (uint32_t)(head[6 + i] & 0x7f) << (21 - 7 * i);
	return size;
}

AVIOContext *
ep_decode_io_context(struct ep_decode_io *io)
{
	return io->context;
}
