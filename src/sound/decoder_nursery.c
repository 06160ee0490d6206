#include "sound/decoder_nursery.h"

#include "base/bytes.h"
#include "sound/decoder_talk.h"
#include "sound/process.h"
#include "sound/sandbox.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What most streams have. Opening one makes its tables, which the children then share. */
static const enum AVCodecID usual[] = { AV_CODEC_ID_MP3, AV_CODEC_ID_AAC, AV_CODEC_ID_OPUS };

static void
make_tables(void)
{
	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
		const AVCodec *codec = avcodec_find_decoder(usual[i]);
		AVCodecContext *context = codec ? avcodec_alloc_context3(codec) : NULL;
		if (!context)
			continue;
		context->sample_rate = 48000;
		av_channel_layout_default(&context->ch_layout, 2);
		context->thread_count = 1;
		(void)!avcodec_open2(context, codec, NULL);
		avcodec_free_context(&context);
	}
}

/* As fork, but the child is the program's: so that it can wait for it, and ends it when it wants
 * to. There is one thread, and no lock that it could hold. */
static pid_t
fork_for_parent(void)
{
	const unsigned long flags = CLONE_PARENT | SIGCHLD;
#if defined(__s390__)
	return (pid_t)syscall(SYS_clone, 0UL, flags, 0UL, 0UL, 0UL);
#else
	return (pid_t)syscall(SYS_clone, flags, 0UL, 0UL, 0UL, 0UL);
#endif
}

bool
ep_decoder_nursery(void)
{
	struct ep_decoder_message message;
	/* The program may have let open what it does not know of, such as sockets of libraries. */
	ep_sandbox_close_others(EP_DECODER_SOCKET);
	make_tables();
	while (ep_decoder_listen(&message)) {
		uint8_t answer[EP_WIRE_FORKED_SIZE];
		if (message.kind != EP_WIRE_FORK || message.fd < 0)
			return false;
		pid_t id = fork_for_parent();
		int reason = errno;
		if (id == 0)
			return dup2(message.fd, EP_DECODER_SOCKET) >= 0;
		close(message.fd);
		ep_store32(answer, id > 0 ? (uint32_t)id : 0);
		ep_store32(answer + 4, id > 0 ? 0 : (uint32_t)reason);
		if (ep_wire_send(EP_DECODER_SOCKET, EP_WIRE_FORKED, answer, sizeof answer, -1,
		                 NULL) != EP_OK)
			return false;
	}
	return false;
}
