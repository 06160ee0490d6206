/* The decoder process: waits for a file, decodes it, waits for the next. It is started by the
 * program (process.c) with a socket as its descriptor EP_DECODER_SOCKET, and is of no use
 * otherwise. With EP_DECODER_AS_NURSERY it decodes nothing itself, but makes decoders. */
#include "base/bytes.h"
#include "sound/decode.h"
#include "sound/decoder_nursery.h"
#include "sound/decoder_talk.h"
#include "sound/process.h"
#include "sound/sandbox.h"
#include "sound/sound.h"

#include <libavutil/log.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* One ASK under way. */
struct answer {
	bool live;
	struct ep_decoder_outbox outbox;
};

/* Of a file, it is known neither how long it is nor what its next piece takes; a live one may take
 * a share of its time. */
static void
extend_time(const struct answer *answer)
{
	if (answer->live)
		ep_sandbox_all_time(EP_LIVE_CPU_S +
		                    answer->outbox.given / EP_SOUND_RATE / EP_LIVE_CPU_SHARE);
	else
		ep_sandbox_more_time();
}

static enum ep_status
take_samples(void *context, const int16_t *samples, size_t count, struct ep_error *err)
{
	struct answer *answer = context;
	uint64_t given = answer->outbox.given;
	EP_TRY(ep_decoder_tell_samples(&answer->outbox, samples, count, err));
	if (answer->outbox.given != given)
		extend_time(answer);
	return EP_OK;
}

static enum ep_status
take_format(void *context, const struct ep_decode_info *info, struct ep_error *err)
{
	(void)context;
	return ep_decoder_tell_format(info, err);
}

static enum ep_status
take_title(void *context, const char *artist, const char *title, struct ep_error *err)
{
	(void)context;
	return ep_decoder_tell_title(artist, title, err);
}

/* Decodes the file of a question and answers; fails where nobody listens any more. */
static enum ep_status
answer_question(const struct ep_decoder_message *question, struct ep_error *err)
{
	static struct answer answer;
	uint8_t flags = question->payload[0];
	answer.live = flags & EP_WIRE_LIVE;
	answer.outbox.most = answer.live ? EP_WIRE_LIVE_MAX : EP_WIRE_MAX;
	answer.outbox.size = 0;
	answer.outbox.given = 0;
	struct ep_decode_job job = {
		.fd = question->fd,
		.listener = EP_DECODER_SOCKET,
		.name = (const char *)question->payload + EP_WIRE_ASK_FIXED,
		.sure = flags & EP_WIRE_SURE,
		.live = flags & EP_WIRE_LIVE,
		.raw = flags & EP_WIRE_RAW,
		.start_us = (int64_t)ep_load64(question->payload + 1),
		.duration_us = (int64_t)ep_load64(question->payload + 9),
		.samples = take_samples,
		.begun = take_format,
		.title = take_title,
		.context = &answer,
	};
	EP_OWNED(ep_decode_close)
	struct ep_decode *decode = NULL;
	struct ep_decode_info info;
	extend_time(&answer);
	enum ep_status status = ep_decode(&decode, &info, &job, err);
	if (status == EP_OK)
		status = ep_decoder_tell_rest(&answer.outbox, err);
	if (status == EP_OK)
		return ep_decoder_tell_done(&info, err);
	if (status == EP_IO)
		return status;
	char why[sizeof err->text];
	snprintf(why, sizeof why, "%s", err->text);
	return ep_decoder_tell_why(status == EP_NOT_FOUND ? EP_WIRE_NONE : EP_WIRE_FAILED, why,
	                           err);
}

int
main(int count, char **words)
{
	struct ep_error err;
	struct ep_decoder_message question;
	int kind;
	socklen_t size = sizeof kind;
	if (getsockopt(EP_DECODER_SOCKET, SOL_SOCKET, SO_TYPE, &kind, &size) != 0) {
		fputs("echoprint-decoder is started by echoprint and is not useful by itself\n",
		      stderr);
		return 2;
	}
	/* As the thread that started this one may have blocked signals: SIGXCPU must end it. */
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Ctrl-C is for the program, which then ends this one. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	av_log_set_level(AV_LOG_QUIET);
	bool is_born = count > 1 && strcmp(words[1], EP_DECODER_AS_NURSERY) == 0;
	if (is_born && !ep_decoder_nursery())
		return 0;
	if (ep_sandbox_enter(EP_DECODER_SOCKET, is_born ? EP_LIVE_MEMORY : EP_DECODER_MEMORY,
	                     &err) != EP_OK)
		return 3;
	while (ep_decoder_listen(&question)) {
		if (question.kind != EP_WIRE_ASK || question.fd < 0 ||
		    question.size < EP_WIRE_ASK_FIXED)
			break;
		enum ep_status status = answer_question(&question, &err);
		close(question.fd);
		if (status != EP_OK)
			_exit(1);
	}
	/* At once: whatever the libraries would do at the end is of no use to anybody. */
	_exit(0);
}
