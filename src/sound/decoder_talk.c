#include "sound/decoder_talk.h"

#include "base/bytes.h"
#include "base/file.h"
#include "sound/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Reads the header with the descriptor in it; false at the end of the talk. */
static bool
read_header(uint8_t header[EP_WIRE_HEADER], int *fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof *fd)];
	struct iovec bytes = { .iov_base = header, .iov_len = EP_WIRE_HEADER };
	struct msghdr message = { .msg_iov = &bytes,
		                  .msg_iovlen = 1,
		                  .msg_control = control,
		                  .msg_controllen = sizeof control };
	ssize_t got;
	do
		got = recvmsg(EP_DECODER_SOCKET, &message, MSG_WAITALL | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	const struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
	if (rights && rights->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(rights), sizeof *fd);
	return got == EP_WIRE_HEADER;
}

bool
ep_decoder_listen(struct ep_decoder_message *message)
{
	uint8_t header[EP_WIRE_HEADER];
	message->fd = -1;
	if (!read_header(header, &message->fd))
		return false;
	message->kind = header[0];
	message->size = ep_load32(header + 1);
	if (message->size >= sizeof message->payload)
		return false;
	for (size_t done = 0, got; done < message->size; done += got) {
		if (ep_read_some(&got, EP_DECODER_SOCKET, message->payload + done,
		                 message->size - done, "the socket", NULL) != EP_OK ||
		    got == 0)
			return false;
	}
	message->payload[message->size] = '\0';
	return true;
}

static enum ep_status
tell(enum ep_wire_kind kind, const void *payload, size_t size, struct ep_error *err)
{
	return ep_wire_send(EP_DECODER_SOCKET, kind, payload, size, -1, err);
}

enum ep_status
ep_decoder_tell_rest(struct ep_decoder_outbox *outbox, struct ep_error *err)
{
	size_t size = outbox->size;
	outbox->size = 0;
	outbox->given += size / 2;
	return size ? tell(EP_WIRE_SAMPLES, outbox->bytes, size, err) : EP_OK;
}

enum ep_status
ep_decoder_tell_samples(struct ep_decoder_outbox *outbox, const int16_t *samples, size_t count,
                        struct ep_error *err)
{
	for (size_t i = 0; i < count; i++) {
		ep_store16(outbox->bytes + outbox->size, (uint16_t)samples[i]);
		outbox->size += 2;
		if (outbox->size == outbox->most)
			EP_TRY(ep_decoder_tell_rest(outbox, err));
	}
	return EP_OK;
}

enum ep_status
ep_decoder_tell_format(const struct ep_decode_info *info, struct ep_error *err)
{
	uint8_t bytes[EP_WIRE_FORMAT_FIXED + EP_WIRE_NAME_MAX];
	size_t size = ep_wire_cut(info->codec, EP_WIRE_NAME_MAX);
	ep_store32(bytes, info->sample_rate);
	ep_store32(bytes + 4, info->bit_rate);
	memcpy(bytes + EP_WIRE_FORMAT_FIXED, info->codec, size);
	return tell(EP_WIRE_FORMAT, bytes, EP_WIRE_FORMAT_FIXED + size, err);
}

enum ep_status
ep_decoder_tell_title(const char *artist, const char *title, struct ep_error *err)
{
	char text[EP_WIRE_TEXT_MAX + 1];
	snprintf(text, sizeof text, "%s%s%s", artist, *artist && *title ? " - " : "", title);
	return tell(EP_WIRE_TITLE, text, ep_wire_cut(text, EP_WIRE_TEXT_MAX - 4), err);
}

enum ep_status
ep_decoder_tell_done(const struct ep_decode_info *info, struct ep_error *err)
{
	static uint8_t bytes[EP_WIRE_DONE_FIXED + EP_WIRE_TEXTS * (2 + EP_WIRE_TEXT_MAX)];
	ep_store32(bytes, info->sample_rate);
	ep_store32(bytes + 4, info->bit_rate);
	ep_store64(bytes + 8, (uint64_t)info->duration_us);
	size_t at = EP_WIRE_DONE_FIXED;
	for (size_t i = 0; i < EP_WIRE_TEXTS; i++) {
		size_t size = ep_wire_cut(info->texts[i], EP_WIRE_TEXT_MAX);
		ep_store16(bytes + at, (uint16_t)size);
		memcpy(bytes + at + 2, info->texts[i], size);
		at += 2 + size;
	}
	return tell(EP_WIRE_DONE, bytes, at, err);
}

enum ep_status
ep_decoder_tell_why(enum ep_wire_kind kind, const char *why, struct ep_error *err)
{
	return tell(kind, why, strlen(why), err);
}
