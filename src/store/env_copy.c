#include "store/env_copy.h"

#include "base/file.h"
#include "base/time.h"
#include "store/env.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TRY_MS 3

struct ep_env_copy {
	struct ep_env *env;
	int from; /* the pipe's end to read */
	int to; /* the thread's */
	pthread_t thread;
	bool runs;
	int rc; /* what LMDB returned, once the thread has ended */
};

bool
ep_env_try_again(double *began)
{
	if (*began <= 0)
		*began = ep_clock_s();
	nanosleep(&(struct timespec){ .tv_nsec = TRY_MS * 1000000L }, NULL);
	return ep_clock_s() - *began < EP_ENV_TRY_S;
}

static void *
run(void *context)
{
	struct ep_env_copy *copy = context;
	copy->rc = mdb_env_copyfd2(copy->env->mdb, copy->to, MDB_CP_COMPACT);
	ep_fd_close(&copy->to);
	return NULL;
}

static void
join(struct ep_env_copy *copy)
{
	if (copy->runs)
		pthread_join(copy->thread, NULL);
	copy->runs = false;
}

enum ep_status
ep_env_copy_open(struct ep_env_copy **out, struct ep_env *env, struct ep_error *err)
{
	EP_OWNED(ep_env_copy_close)
	struct ep_env_copy *copy = calloc(1, sizeof *copy);
	int ends[2];
	if (!copy)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	*copy = (struct ep_env_copy){ .env = env, .from = -1, .to = -1 };
	if (pipe2(ends, O_CLOEXEC) != 0)
		return ep_fail_errno(err, errno, "cannot make a pipe");
	copy->from = ends[0];
	copy->to = ends[1];
	int failed = pthread_create(&copy->thread, NULL, run, copy);
	if (failed)
		return ep_fail_errno(err, failed, "cannot start a thread");
	copy->runs = true;
	/* The first bytes come, or the end, when LMDB has begun its snapshot. */
	struct pollfd wait = { .fd = copy->from, .events = POLLIN };
	while (poll(&wait, 1, -1) < 0) {
		if (errno != EINTR)
			return ep_fail_errno(err, errno, "cannot wait for a copy of the %s",
			                     env->what);
	}
	*out = EP_TAKE(copy);
	return EP_OK;
}

enum ep_status
ep_env_copy_read(size_t *got, struct ep_env_copy *copy, void *bytes, size_t size,
                 struct ep_error *err)
{
	size_t count;
	EP_TRY(ep_read_some(&count, copy->from, bytes, size, "a pipe", err));
	if (count == 0) {
		join(copy);
		if (copy->rc)
			return ep_fail_mdb(err, copy->rc, "cannot copy the %s in %s",
			                   copy->env->what, copy->env->folder);
	}
	*got = count;
	return EP_OK;
}

void
ep_env_copy_close(struct ep_env_copy *copy)
{
	if (!copy)
		return;
	ep_fd_close(&copy->from); /* LMDB's next write fails, and the thread ends */
	join(copy);
	ep_fd_close(&copy->to);
	free(copy);
}
