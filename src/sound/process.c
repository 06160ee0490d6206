#include "sound/process.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* How long a decoder that closed its socket may take to die by itself. */
#define DYING_MS 1000

/* The path of the decoder: beside this program where it is not installed yet; in an installation
 * that was moved, at the place that it has from there; else where it was installed. */
static enum ep_status
find_decoder(char path[PATH_MAX], const char *program, struct ep_error *err)
{
	if (program) {
		snprintf(path, PATH_MAX, "%s", program);
		return eaccess(path, X_OK) == 0
		               ? EP_OK
		               : ep_fail(err, EP_IO, "there is no decoder program at %s", program);
	}
	ssize_t size = readlink("/proc/self/exe", path, PATH_MAX - sizeof EP_DECODER_MOVED - 1);
	char *slash = size > 0 ? memrchr(path, '/', (size_t)size) : NULL;
	static const char *const places[] = { EP_DECODER_PROGRAM, EP_DECODER_MOVED };
	for (size_t i = 0; slash && i < sizeof places / sizeof *places; i++) {
		snprintf(slash + 1, PATH_MAX - (size_t)(slash + 1 - path), "%s", places[i]);
		if (eaccess(path, X_OK) == 0)
			return EP_OK;
	}
	snprintf(path, PATH_MAX, "%s", EP_DECODER_INSTALLED);
	if (eaccess(path, X_OK) == 0)
		return EP_OK;
	return ep_fail(err, EP_IO,
	               "the decoder program %s is neither next to this program nor in %s: "
	               "reinstall echoprint",
	               EP_DECODER_PROGRAM, EP_LIBEXEC);
}

/* Starts path with its end of the socket; gives an errno. */
static int
spawn(pid_t *id, const char *path, const char *as, int socket)
{
	char name[] = EP_DECODER_PROGRAM;
	char *arguments[] = { name, (char *)(uintptr_t)as, NULL };
	posix_spawn_file_actions_t actions;
	int failed = posix_spawn_file_actions_init(&actions);
	if (failed)
		return failed;
	/* Onto itself would leave close-on-exec set: the number was chosen so that it is another.
	 */
	failed = posix_spawn_file_actions_adddup2(&actions, socket, EP_DECODER_SOCKET);
	if (!failed)
		failed = posix_spawn(id, path, &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	return failed;
}

enum ep_status
ep_decoder_sockets(int *ours, int *theirs, struct ep_error *err)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return ep_fail_errno(err, errno, "cannot create a socket for the decoder");
	int high = fcntl(ends[1], F_DUPFD_CLOEXEC, EP_DECODER_SOCKET + 1);
	int reason = errno;
	close(ends[1]);
	if (high < 0) {
		close(ends[0]);
		return ep_fail_errno(err, reason, "cannot create a socket for the decoder");
	}
	*ours = ends[0];
	*theirs = high;
	return EP_OK;
}

enum ep_status
ep_decoder_process_start(struct ep_decoder_process *process, const char *program, const char *as,
                         struct ep_error *err)
{
	char path[PATH_MAX];
	EP_FD int ours = -1;
	EP_FD int theirs = -1;
	EP_TRY(find_decoder(path, program, err));
	EP_TRY(ep_decoder_sockets(&ours, &theirs, err));
	pid_t id;
	int failed = spawn(&id, path, as, theirs);
	if (failed)
		return ep_fail_errno(err, failed, "cannot start %s", path);
	*process = (struct ep_decoder_process){ .id = id, .socket = ep_fd_take(&ours) };
	return EP_OK;
}

int
ep_decoder_process_end(struct ep_decoder_process *process, bool dying)
{
	if (process->socket < 0)
		return 0;
	close(process->socket);
	int how = 0;
	pid_t ended = 0;
	for (int waited = 0; dying && ended == 0 && waited < DYING_MS; waited++) {
		ended = waitpid(process->id, &how, WNOHANG);
		if (ended == 0)
			usleep(1000);
	}
	if (ended == 0) {
		kill(process->id, SIGKILL);
		while (waitpid(process->id, &how, 0) < 0 && errno == EINTR)
			continue;
	}
	*process = EP_DECODER_PROCESS_NONE;
	return how;
}

enum ep_status
ep_decoder_process_tell_death(struct ep_decoder_process *process, struct ep_error *err)
{
	int how = ep_decoder_process_end(process, true);
	if (WIFSIGNALED(how) && WTERMSIG(how) == SIGXCPU)
		return ep_fail(err, EP_BAD_INPUT, "decoding took too long and was stopped");
	if (WIFSIGNALED(how))
		return ep_fail(err, EP_BAD_INPUT, "the decoder crashed on it (%s)",
		               strsignal(WTERMSIG(how)));
	return ep_fail(err, EP_BAD_INPUT, "the decoder exited on it with status %d",
	               WEXITSTATUS(how));
}
