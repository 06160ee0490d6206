#include "net/http_parts.h"

#include "base/file.h"
#include "net/http_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK ((size_t)64 << 10)

/* A body on its way into parts. */
struct splitting {
	struct ep_http_parts *parts;
	const char *path; /* of the body */
	int fd; /* of the last part; -1: it is not begun */
	enum ep_status status;
	struct ep_error err;
};

static void
copy_text(char *to, size_t room, const char *text)
{
	snprintf(to, room, "%s", text ? text : "");
}

static enum ep_status
begin_part(struct splitting *splitting, const char *name, const char *file_name, const char *type,
           struct ep_error *err)
{
	struct ep_http_parts *parts = splitting->parts;
	if (splitting->fd >= 0)
		close(splitting->fd);
	splitting->fd = -1;
	if (parts->count == EP_HTTP_PARTS_MAX)
		return ep_fail(err, EP_BAD_INPUT, "the body has more than %d parts",
		               EP_HTTP_PARTS_MAX);
	struct ep_http_part *part = &parts->items[parts->count];
	copy_text(part->name, sizeof part->name, name);
	copy_text(part->file_name, sizeof part->file_name, file_name);
	copy_text(part->type, sizeof part->type, type);
	if (asprintf(&part->path, "%s.%zu.body", splitting->path, parts->count) < 0) {
		part->path = NULL;
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	}
	parts->count++;
	splitting->fd = open(part->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return splitting->fd >= 0 ? EP_OK
	                          : ep_fail_errno(err, errno, "cannot create %s", part->path);
}

static enum ep_status
add_bytes(struct splitting *splitting, const char *bytes, size_t size, struct ep_error *err)
{
	struct ep_http_part *part = &splitting->parts->items[splitting->parts->count - 1];
	part->size += size;
	return ep_write_all(splitting->fd, bytes, size, part->path, err);
}

static enum MHD_Result
on_part(void *context, enum MHD_ValueKind kind, const char *name, const char *file_name,
        const char *type, const char *coding, const char *bytes, uint64_t offset, size_t size)
{
	(void)kind, (void)coding;
	struct splitting *splitting = context;
	struct ep_error *err = &splitting->err;
	if (offset == 0)
		splitting->status = begin_part(splitting, name, file_name, type, err);
	if (splitting->status == EP_OK && size)
		splitting->status = add_bytes(splitting, bytes, size, err);
	return splitting->status == EP_OK ? MHD_YES : MHD_NO;
}

static enum ep_status
bad_parts(struct ep_error *err)
{
	return ep_fail(err, EP_BAD_INPUT,
	               "the body does not have the parts that its Content-Type, "
	               "multipart/form-data with a boundary, says");
}

static enum ep_status
feed(struct MHD_PostProcessor *processor, struct splitting *splitting, struct ep_error *err)
{
	EP_FREE char *block = malloc(BLOCK);
	EP_FD int fd = open(splitting->path, O_RDONLY | O_CLOEXEC);
	size_t got = 1;
	if (!block)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	if (fd < 0)
		return ep_fail_errno(err, errno, "cannot open %s", splitting->path);
	while (got > 0) {
		EP_TRY(ep_read_some(&got, fd, block, BLOCK, "a request body", err));
		if (got && MHD_post_process(processor, block, got) != MHD_YES)
			return splitting->status != EP_OK
			               ? ep_fail(err, splitting->status, "%s", splitting->err.text)
			               : bad_parts(err);
	}
	return EP_OK;
}

enum ep_status
ep_http_split(struct ep_http_parts *parts, struct ep_http_request *request, struct ep_error *err)
{
	struct splitting splitting = { .parts = parts, .path = request->spooled, .fd = -1 };
	if (!request->spooled)
		return ep_fail(err, EP_BAD_INPUT, "the body is empty");
	struct MHD_PostProcessor *processor =
		MHD_create_post_processor(request->connection, BLOCK, on_part, &splitting);
	if (!processor)
		return bad_parts(err);
	enum ep_status status = feed(processor, &splitting, err);
	/* It says whether the last part came to its end. */
	if (MHD_destroy_post_processor(processor) != MHD_YES && status == EP_OK)
		status = bad_parts(err);
	if (splitting.fd >= 0)
		close(splitting.fd);
	return status;
}

void
ep_http_parts_free(struct ep_http_parts *parts)
{
	while (parts->count) {
		struct ep_http_part *part = &parts->items[--parts->count];
		(void)unlink(part->path);
		free(part->path);
	}
}
