#include "sound/wire.h"

#include "base/bytes.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

size_t
ep_wire_cut(const char *text, size_t most)
{
	size_t size = strnlen(text, most + 1);
	if (size <= most)
		return size;
	size = most;
	while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
		size--;
	return size;
}

/* Hangs fd on a message. */
static void
attach(struct msghdr *message, struct cmsghdr *control, size_t size, int fd)
{
	message->msg_control = control;
	message->msg_controllen = size;
	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(control), &fd, sizeof fd);
}

/* Sends what is left of a message, without a signal where nobody reads any more. */
static enum ep_status
send_rest(int socket, const uint8_t *bytes, size_t size, struct ep_error *err)
{
	while (size > 0) {
		struct iovec part = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = size };
		struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
		ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL);
		if (sent < 0 && errno != EINTR)
			return ep_fail_errno(err, errno, "cannot send to the other process");
		bytes += sent > 0 ? sent : 0;
		size -= sent > 0 ? (size_t)sent : 0;
	}
	return EP_OK;
}

/* Header and payload go in one call: a receiver that dies of a message had all of it, so that its
 * death is not taken for one before the message. */
enum ep_status
ep_wire_send(int socket, enum ep_wire_kind kind, const void *payload, size_t size, int fd,
             struct ep_error *err)
{
	uint8_t header[EP_WIRE_HEADER] = { (uint8_t)kind };
	struct iovec parts[2] = {
		{ .iov_base = header, .iov_len = sizeof header },
		{ .iov_base = (void *)(uintptr_t)payload, .iov_len = size },
	};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof fd)] = { 0 };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	ep_store32(header + 1, (uint32_t)size);
	if (fd >= 0)
		attach(&message, (struct cmsghdr *)control, sizeof control, fd);
	ssize_t sent;
	do
		sent = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return ep_fail_errno(err, errno, "cannot send to the other process");
	/* A signal may have cut it short. */
	size_t done = (size_t)sent;
	size_t of_header = done < sizeof header ? done : sizeof header;
	EP_TRY(send_rest(socket, header + of_header, sizeof header - of_header, err));
	return send_rest(socket, (const uint8_t *)payload + (done - of_header),
	                 size - (done - of_header), err);
}
