#include "sound/wire.h"

#include "base/bytes.h"
#include "base/file.h"

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

/* Sends the header, which carries the descriptor. */
static enum ep_status
send_header(int socket, uint8_t *header, int fd, struct ep_error *err)
{
	struct iovec bytes = { .iov_base = header, .iov_len = EP_WIRE_HEADER };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof fd)] = { 0 };
	struct msghdr message = { .msg_iov = &bytes, .msg_iovlen = 1 };
	if (fd >= 0) {
		message.msg_control = control;
		message.msg_controllen = sizeof control;
		struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(rights), &fd, sizeof fd);
	}
	ssize_t sent;
	do
		sent = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return ep_fail_errno(err, errno, "cannot send to the other process");
	return ep_write_all(socket, header + sent, EP_WIRE_HEADER - (size_t)sent,
	                    "to the other process", err);
}

enum ep_status
ep_wire_send(int socket, enum ep_wire_kind kind, const void *payload, size_t size, int fd,
             struct ep_error *err)
{
	uint8_t header[EP_WIRE_HEADER] = { (uint8_t)kind };
	ep_store32(header + 1, (uint32_t)size);
	EP_TRY(send_header(socket, header, fd, err));
	return ep_write_all(socket, payload, size, "to the other process", err);
}
