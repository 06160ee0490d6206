#include "sound/nursery.h"

#include "base/bytes.h"
#include "base/file.h"
#include "sound/wire.h"

#include <pthread.h>
#include <stdlib.h>

struct ep_nursery {
	pthread_mutex_t mutex; /* of the talk with the process */
	struct ep_decoder_process process;
};

enum ep_status
ep_nursery_open(struct ep_nursery **out, struct ep_error *err)
{
	struct ep_nursery *nursery = calloc(1, sizeof *nursery);
	if (!nursery)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	pthread_mutex_init(&nursery->mutex, NULL);
	nursery->process = EP_DECODER_PROCESS_NONE;
	*out = nursery;
	return EP_OK;
}

void
ep_nursery_close(struct ep_nursery *nursery)
{
	if (!nursery)
		return;
	ep_decoder_process_end(&nursery->process, false);
	pthread_mutex_destroy(&nursery->mutex);
	free(nursery);
}

/* Hands a socket over; gives the child's id. */
static enum ep_status
ask(pid_t *id, struct ep_nursery *nursery, int socket, struct ep_error *err)
{
	uint8_t answer[EP_WIRE_HEADER + EP_WIRE_FORKED_SIZE];
	if (nursery->process.socket < 0)
		EP_TRY(ep_decoder_process_start(&nursery->process, NULL, EP_DECODER_AS_NURSERY,
		                                err));
	EP_TRY(ep_wire_send(nursery->process.socket, EP_WIRE_FORK, NULL, 0, socket, err));
	for (size_t done = 0, got; done < sizeof answer; done += got) {
		EP_TRY(ep_read_some(&got, nursery->process.socket, answer + done,
		                    sizeof answer - done, "the decoder's socket", err));
		if (got == 0)
			return ep_fail(err, EP_IO, "the process that makes decoders ended");
	}
	*id = (pid_t)ep_load32(answer + EP_WIRE_HEADER);
	return *id > 0 ? EP_OK
	               : ep_fail_errno(err, (int)ep_load32(answer + EP_WIRE_HEADER + 4),
	                               "cannot start a decoder");
}

/* Asks, and once more of a new process where the old one is gone. */
static enum ep_status
ask_again(pid_t *id, struct ep_nursery *nursery, int socket, struct ep_error *err)
{
	bool old = nursery->process.socket >= 0;
	enum ep_status status = ask(id, nursery, socket, err);
	if (status == EP_OK)
		return EP_OK;
	ep_decoder_process_end(&nursery->process, false);
	return old ? ask(id, nursery, socket, err) : status;
}

enum ep_status
ep_nursery_make(struct ep_decoder_process *process, struct ep_nursery *nursery,
                struct ep_error *err)
{
	EP_FD int ours = -1;
	EP_FD int theirs = -1;
	pid_t id = -1;
	EP_TRY(ep_decoder_sockets(&ours, &theirs, err));
	pthread_mutex_lock(&nursery->mutex);
	enum ep_status status = ask_again(&id, nursery, theirs, err);
	pthread_mutex_unlock(&nursery->mutex);
	EP_TRY(status);
	*process = (struct ep_decoder_process){ .id = id, .socket = ep_fd_take(&ours) };
	return EP_OK;
}
