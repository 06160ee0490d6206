/* What the decoder process cannot do once it is shut in: every call that is forbidden is tried
 * there, and so is what decoding needs. */
#include "sound/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* In the sandbox: where it tells what it found, and a file that it was given. */
#define TELL 3
#define FILE_FD 4

/* Exit statuses of who is in the sandbox. */
enum { DONE = 0, NOT_ENTERED = 10, NOT_FILTERED = 11 };

struct call {
	const char *name;
	long number;
	long arguments[6];
};

#define PATH ((long)"/etc/passwd")
#define OTHER ((long)"/tmp/echoprint-sandbox-test")
#define VICTIM (-1000) /* stands for the process that is not to be harmed */
#define CALL(call, ...)                                                                            \
	{                                                                                          \
		.name = #call " " #__VA_ARGS__, .number = SYS_##call, .arguments = { __VA_ARGS__ } \
	}

static char scratch[4096];
#define SCRATCH ((long)scratch)
#define RWX (PROT_READ | PROT_WRITE | PROT_EXEC)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)

static const struct call forbidden[] = {
	/* other processes */
	CALL(kill, VICTIM, SIGKILL),
	CALL(tkill, VICTIM, SIGKILL),
	CALL(tgkill, VICTIM, VICTIM, SIGKILL),
	CALL(rt_sigqueueinfo, VICTIM, SIGKILL, SCRATCH),
	CALL(rt_tgsigqueueinfo, VICTIM, VICTIM, SIGKILL, SCRATCH),
	CALL(kill, 0, SIGCONT),
	CALL(kill, -1, 0),
	CALL(tgkill, -1, VICTIM, SIGKILL),
	CALL(ptrace, 16, VICTIM),
	CALL(process_vm_readv, VICTIM, SCRATCH, 1, SCRATCH, 1),
	CALL(process_vm_writev, VICTIM, SCRATCH, 1, SCRATCH, 1),
	CALL(prlimit64, VICTIM, RLIMIT_CPU, 0, SCRATCH),
	CALL(prlimit64, 0, RLIMIT_NOFILE, 0, SCRATCH),
	CALL(sched_getaffinity, VICTIM, sizeof scratch, SCRATCH),
	CALL(sched_setaffinity, VICTIM, sizeof scratch, SCRATCH),
	CALL(setpriority, PRIO_PROCESS, VICTIM, 19),
	CALL(getpgid, VICTIM),
	CALL(wait4, -1, SCRATCH, WNOHANG, 0),
	/* paths */
	CALL(openat, AT_FDCWD, PATH, O_RDONLY),
	CALL(openat, AT_FDCWD, OTHER, O_RDWR | O_CREAT, 0600),
	CALL(statx, AT_FDCWD, PATH, 0, STATX_ALL, SCRATCH),
	CALL(statx, FILE_FD, (long)"", AT_EMPTY_PATH, STATX_ALL, SCRATCH),
	CALL(faccessat, AT_FDCWD, PATH, F_OK),
	CALL(readlinkat, AT_FDCWD, PATH, SCRATCH, 100),
	CALL(mkdirat, AT_FDCWD, OTHER, 0700),
	CALL(unlinkat, AT_FDCWD, OTHER, 0),
	CALL(linkat, AT_FDCWD, PATH, AT_FDCWD, OTHER, 0),
	CALL(symlinkat, PATH, AT_FDCWD, OTHER),
	CALL(renameat2, AT_FDCWD, OTHER, AT_FDCWD, OTHER, 0),
	CALL(fchmodat, AT_FDCWD, OTHER, 0777),
	CALL(fchownat, AT_FDCWD, OTHER, 0, 0, 0),
	CALL(utimensat, AT_FDCWD, OTHER, 0, 0),
	CALL(mknodat, AT_FDCWD, OTHER, 0600, 0),
	CALL(truncate, OTHER, 0),
	CALL(chdir, (long)"/"),
	CALL(chroot, (long)"/"),
	CALL(getcwd, SCRATCH, 100),
	CALL(getxattr, PATH, PATH, SCRATCH, 10),
	CALL(statfs, PATH, SCRATCH),
	CALL(inotify_init1, 0),
	CALL(mount, PATH, PATH, 0, 0, 0),
#ifdef SYS_newfstatat
	CALL(newfstatat, AT_FDCWD, PATH, SCRATCH, 0),
	CALL(newfstatat, FILE_FD, PATH, SCRATCH, AT_EMPTY_PATH),
	CALL(newfstatat, FILE_FD, (long)"", SCRATCH, AT_EMPTY_PATH),
#endif
#ifdef SYS_openat2
	CALL(openat2, AT_FDCWD, PATH, SCRATCH, 24),
#endif
#ifdef SYS_faccessat2
	CALL(faccessat2, AT_FDCWD, PATH, F_OK, 0),
#endif
#ifdef SYS_open
	CALL(open, PATH, O_RDONLY),
	CALL(creat, OTHER, 0600),
	CALL(stat, PATH, SCRATCH),
	CALL(lstat, PATH, SCRATCH),
	CALL(access, PATH, F_OK),
	CALL(readlink, PATH, SCRATCH, 100),
	CALL(unlink, OTHER),
#endif
	/* what is open */
	CALL(ftruncate, FILE_FD, 0),
	CALL(fchmod, FILE_FD, 0777),
	CALL(fchown, FILE_FD, 0, 0),
	CALL(ioctl, FILE_FD, 0, 0),
	CALL(fcntl, FILE_FD, F_SETFL, 0),
	CALL(dup, FILE_FD),
	CALL(pwrite64, FILE_FD, SCRATCH, 1, 0),
	CALL(getdents64, FILE_FD, SCRATCH, 100),
	CALL(sendfile, FILE_FD, FILE_FD, 0, 1),
	CALL(memfd_create, (long)"x", 0),
	CALL(pipe2, SCRATCH, 0),
	CALL(eventfd2, 0, 0),
	/* the network */
	CALL(socket, 1, 1, 0),
	CALL(socket, 2, 1, 0),
	CALL(socketpair, 1, 1, 0, SCRATCH),
	CALL(connect, FILE_FD, SCRATCH, 16),
	CALL(bind, FILE_FD, SCRATCH, 16),
	CALL(sendto, FILE_FD, SCRATCH, 1, 0, SCRATCH, 16),
	/* new processes and programs */
	CALL(clone, SIGCHLD),
	CALL(clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND),
	CALL(execve, (long)"/bin/true", 0, 0),
	CALL(execveat, AT_FDCWD, (long)"/bin/true", 0, 0, 0),
	CALL(unshare, CLONE_NEWUSER),
	CALL(setns, FILE_FD, 0),
#ifdef SYS_clone3
	CALL(clone3, SCRATCH, 88),
#endif
#ifdef SYS_fork
	CALL(fork, 0),
#endif
	/* memory that runs */
	CALL(mmap, 0, 4096, RWX, ANONYMOUS, -1, 0),
	CALL(mmap, 0, 4096, PROT_EXEC, ANONYMOUS, -1, 0),
	CALL(mprotect, 65536, 4096, PROT_READ | PROT_EXEC),
	CALL(shmget, 0, 4096, 0600),
	/* the kernel, and the sandbox itself */
	CALL(prctl, PR_SET_DUMPABLE, 1),
	CALL(seccomp, 1, 0, 0),
	CALL(bpf, 0, SCRATCH, 100),
	CALL(perf_event_open, SCRATCH, 0, -1, -1, 0),
	CALL(keyctl, 0, 0, 0),
	CALL(setuid, 0),
	CALL(reboot, 0, 0, 0),
#ifdef SYS_pidfd_open
	CALL(pidfd_open, VICTIM, 0),
	CALL(pidfd_send_signal, FILE_FD, SIGKILL, 0, 0),
#endif
#ifdef SYS_io_uring_setup
	CALL(io_uring_setup, 1, SCRATCH),
#endif
};

/* ---- in the sandbox ---- */

static void
tell(const char *text)
{
	if (write(TELL, text, strlen(text)) < 0 || write(TELL, "\n", 1) < 0)
		_exit(20);
}

static void
try_forbidden(pid_t victim)
{
	for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
		const struct call *call = &forbidden[i];
		long a[6];
		for (size_t k = 0; k < 6; k++)
			a[k] = call->arguments[k] == VICTIM ? victim : call->arguments[k];
		long result = syscall(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
		if (result != -1 || errno != EPERM)
			tell(call->name);
	}
}

static void
try_allowed(pid_t victim)
{
	(void)victim;
	char byte;
	cpu_set_t set;
	char *memory = malloc((size_t)8 << 20);
	if (!memory || memset(memory, 1, (size_t)8 << 20) != memory)
		tell("malloc");
	free(memory);
	if (read(FILE_FD, &byte, 1) != 1 || lseek(FILE_FD, 0, SEEK_END) <= 0)
		tell("read and seek");
	if (sched_getaffinity(0, sizeof set, &set) != 0)
		tell("its own processors");
	struct pollfd end = { .fd = FILE_FD, .events = POLLIN };
	if (poll(&end, 1, 0) < 0)
		tell("poll");
	ep_sandbox_more_time();
	struct rlimit limit;
	if (getrlimit(RLIMIT_CPU, &limit) != 0 || limit.rlim_cur > 2 * EP_DECODER_CPU_S)
		tell("its own time");
}

static void
try_abort(pid_t victim)
{
	(void)victim;
	abort();
}

/* ---- outside ---- */

/* Runs what is tried in the sandbox; gives how it ended, and what it told. */
static int
run_shut_in(char told[4096], void (*what)(pid_t victim), pid_t victim)
{
	int ends[2];
	int how;
	size_t size = 0;
	assert_int_equal(pipe(ends), 0);
	pid_t id = fork();
	assert_true(id >= 0);
	if (id == 0) {
		int file = open("/proc/self/exe", O_RDONLY);
		int high = fcntl(ends[1], F_DUPFD, 100);
		file = fcntl(file, F_DUPFD, 100);
		struct ep_error err;
		if (dup2(high, TELL) < 0 || dup2(file, FILE_FD) < 0 ||
		    ep_sandbox_enter(FILE_FD, EP_DECODER_MEMORY, &err) != EP_OK)
			_exit(NOT_ENTERED);
		if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0)
			_exit(NOT_FILTERED);
		what(victim);
		_exit(DONE);
	}
	close(ends[1]);
	for (ssize_t got; size < 4095 && (got = read(ends[0], told + size, 4095 - size)) > 0;)
		size += (size_t)got;
	told[size] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(id, &how, 0), id);
	if (WIFEXITED(how) && WEXITSTATUS(how) == NOT_FILTERED)
		skip(); /* a build with a sanitizer, or a kernel without filters */
	return how;
}

static pid_t
start_victim(void)
{
	pid_t id = fork();
	assert_true(id >= 0);
	while (id == 0)
		pause();
	return id;
}

/* Ends it, and says whether nothing else had. */
static bool
end_victim(pid_t id)
{
	int how;
	bool alive = waitpid(id, &how, WNOHANG) == 0;
	if (alive) {
		kill(id, SIGKILL);
		waitpid(id, &how, 0);
	}
	return alive;
}

static void
forbidden_calls_fail(void **state)
{
	(void)state;
	char told[4096];
	pid_t victim = start_victim();
	int how = run_shut_in(told, try_forbidden, victim);
	assert_true(end_victim(victim));
	assert_string_equal(told, "");
	assert_true(WIFEXITED(how) && WEXITSTATUS(how) == DONE);
}

static void
what_decoding_needs_works(void **state)
{
	(void)state;
	char told[4096];
	int how = run_shut_in(told, try_allowed, 0);
	assert_string_equal(told, "");
	assert_true(WIFEXITED(how) && WEXITSTATUS(how) == DONE);
}

static void
it_can_end_itself(void **state)
{
	(void)state;
	char told[4096];
	int how = run_shut_in(told, try_abort, 0);
	assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGABRT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forbidden_calls_fail),
		cmocka_unit_test(what_decoding_needs_works),
		cmocka_unit_test(it_can_end_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
