/* The decoder process: waits for a file, decodes it, waits for the next. It is started by the
 * program (process.c) with a socket as its descriptor EP_DECODER_SOCKET, and is of no use
 * otherwise. */
#include "base/bytes.h"
#include "base/file.h"
#include "sound/decode.h"
#include "sound/process.h"
#include "sound/sandbox.h"
#include "sound/wire.h"

#include <errno.h>
#include <libavutil/log.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What came of an ASK. */
struct question {
	int fd; /* -1: none came with it */
	uint8_t payload[EP_WIRE_ASK_FIXED + EP_WIRE_NAME_MAX + 1];
	size_t size;
};

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

static bool
read_question(struct question *question)
{
	uint8_t header[EP_WIRE_HEADER];
	question->fd = -1;
	if (!read_header(header, &question->fd))
		return false;
	question->size = ep_load32(header + 1);
	if (header[0] != EP_WIRE_ASK || question->fd < 0 || question->size < EP_WIRE_ASK_FIXED ||
	    question->size >= sizeof question->payload)
		return false;
	for (size_t done = 0, got; done < question->size; done += got) {
		if (ep_read_some(&got, EP_DECODER_SOCKET, question->payload + done,
		                 question->size - done, "the socket", NULL) != EP_OK ||
		    got == 0)
			return false;
	}
	question->payload[question->size] = '\0';
	return true;
}

/* Samples on their way: a message for every frame of a codec would take more time than decoding. */
struct outbox {
	uint8_t bytes[EP_WIRE_MAX];
	size_t size;
};

static enum ep_status
send_outbox(struct outbox *outbox, struct ep_error *err)
{
	size_t size = outbox->size;
	outbox->size = 0;
	ep_sandbox_more_time();
	return ep_wire_send(EP_DECODER_SOCKET, EP_WIRE_SAMPLES, outbox->bytes, size, -1, err);
}

static enum ep_status
take_samples(void *context, const int16_t *samples, size_t count, struct ep_error *err)
{
	struct outbox *outbox = context;
	for (size_t i = 0; i < count; i++) {
		ep_store16(outbox->bytes + outbox->size, (uint16_t)samples[i]);
		outbox->size += 2;
		if (outbox->size == EP_WIRE_MAX)
			EP_TRY(send_outbox(outbox, err));
	}
	return EP_OK;
}

static enum ep_status
send_info(const struct ep_decode_info *info, struct ep_error *err)
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
	return ep_wire_send(EP_DECODER_SOCKET, EP_WIRE_DONE, bytes, at, -1, err);
}

/* Decodes the file of a question and answers; fails where nobody listens any more. */
static enum ep_status
answer(const struct question *question, struct ep_error *err)
{
	static struct outbox outbox;
	outbox.size = 0;
	struct ep_decode_job job = {
		.fd = question->fd,
		.name = (const char *)question->payload + EP_WIRE_ASK_FIXED,
		.sure = question->payload[0] & EP_WIRE_SURE,
		.start_us = (int64_t)ep_load64(question->payload + 1),
		.duration_us = (int64_t)ep_load64(question->payload + 9),
		.samples = take_samples,
		.context = &outbox,
	};
	EP_OWNED(ep_decode_close)
	struct ep_decode *decode = NULL;
	struct ep_decode_info info;
	ep_sandbox_more_time();
	enum ep_status status = ep_decode(&decode, &info, &job, err);
	if (status == EP_OK && outbox.size > 0)
		status = send_outbox(&outbox, err);
	if (status == EP_OK)
		return send_info(&info, err);
	if (status == EP_IO)
		return status;
	char why[sizeof err->text];
	snprintf(why, sizeof why, "%s", err->text);
	return ep_wire_send(EP_DECODER_SOCKET,
	                    status == EP_NOT_FOUND ? EP_WIRE_NONE : EP_WIRE_FAILED, why,
	                    strlen(why), -1, err);
}

int
main(void)
{
	struct ep_error err;
	struct question question;
	int kind;
	socklen_t size = sizeof kind;
	if (getsockopt(EP_DECODER_SOCKET, SOL_SOCKET, SO_TYPE, &kind, &size) != 0) {
		fputs("echoprint-decoder is started by echoprint and is not useful by itself\n",
		      stderr);
		return 2;
	}
	/* Ctrl-C is for the program, which then ends this one. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	av_log_set_level(AV_LOG_QUIET);
	if (ep_sandbox_enter(EP_DECODER_SOCKET, &err) != EP_OK)
		return 3;
	while (read_question(&question)) {
		enum ep_status status = answer(&question, &err);
		close(question.fd);
		if (status != EP_OK)
			_exit(1);
	}
	/* At once: whatever the libraries would do at the end is of no use to anybody. */
	_exit(0);
}
