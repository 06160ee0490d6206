#include "sound/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__has_feature)
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	HAS_FEATURE(address_sanitizer) || HAS_FEATURE(thread_sanitizer)
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* Descriptors that may be open: those that are, one file, and one to spare. */
#define DESCRIPTORS_TO_SPARE 3

/* What decoding needs: memory, the open file, the socket, time, and dying. */
static const int allowed[] = {
	SCMP_SYS(brk),          SCMP_SYS(munmap),
	SCMP_SYS(mremap),       SCMP_SYS(madvise),
	SCMP_SYS(read),         SCMP_SYS(pread64),
	SCMP_SYS(readv),        SCMP_SYS(lseek),
	SCMP_SYS(fstat),        SCMP_SYS(close),
	SCMP_SYS(write),        SCMP_SYS(sendmsg),
	SCMP_SYS(recvmsg),      SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday),
	SCMP_SYS(getrusage),    SCMP_SYS(getrandom),
	SCMP_SYS(futex),        SCMP_SYS(sched_yield),
	SCMP_SYS(getpid),       SCMP_SYS(gettid),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(exit),
	SCMP_SYS(exit_group),   SCMP_SYS(restart_syscall),
	SCMP_SYS(poll),         SCMP_SYS(ppoll),
};

/* What is allowed of this process alone: its first argument is the process, or 0 for its own. */
static int
allow_of_itself(scmp_filter_ctx filter)
{
	/* As abort() has it. */
	const struct scmp_arg_cmp own_id = {
		.arg = 0, .op = SCMP_CMP_EQ, .datum_a = (uint32_t)getpid(), .datum_b = 0
	};
	int failed = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &own_id);
	const struct scmp_arg_cmp itself = {
		.arg = 0, .op = SCMP_CMP_EQ, .datum_a = 0, .datum_b = 0
	};
	if (!failed)
		failed = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(sched_getaffinity),
		                                1, &itself);
	/* Its own limits: of time, which are set anew with every piece. */
	const struct scmp_arg_cmp own_time[2] = {
		{ .arg = 0, .op = SCMP_CMP_EQ, .datum_a = 0, .datum_b = 0 },
		{ .arg = 1, .op = SCMP_CMP_EQ, .datum_a = RLIMIT_CPU, .datum_b = 0 },
	};
	if (!failed)
		failed = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2,
		                                own_time);
	return failed;
}

/* Everything else fails with EPERM, so that a library that tries it goes on without. No call that
 * is allowed takes a path: a filter sees no more of it than its address. So newfstatat is not among
 * them, by which glibc 2.33 to 2.38 make fstat(). */
static int
filter_calls(scmp_filter_ctx filter)
{
	int failed = 0;
	for (size_t i = 0; !failed && i < sizeof allowed / sizeof *allowed; i++)
		failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	static const int mapping[] = { SCMP_SYS(mmap), SCMP_SYS(mprotect) };
	for (size_t i = 0; !failed && i < 2; i++)
		failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, mapping[i], 1,
		                          SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!failed)
		failed = allow_of_itself(filter);
	return failed ? failed : seccomp_load(filter);
}

static enum ep_status
forbid_calls(struct ep_error *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!filter)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	int failed = filter_calls(filter);
	seccomp_release(filter);
	/* A kernel without seccomp has the limits only. */
	if (failed && failed != -EINVAL && failed != -ENOSYS && failed != -ECANCELED)
		return ep_fail_errno(err, -failed, "cannot restrict system calls");
	return EP_OK;
}

static enum ep_status
limit(int what, rlim_t most, struct ep_error *err)
{
	struct rlimit limit = { .rlim_cur = most, .rlim_max = most };
	return setrlimit((__rlimit_resource_t)what, &limit) == 0
	               ? EP_OK
	               : ep_fail_errno(err, errno, "cannot limit the decoder's resources");
}

void
ep_sandbox_close_others(int keep)
{
	unsigned first = (unsigned)keep + 1;
	if (syscall(SYS_close_range, first, ~0U, 0) == 0)
		return;
	for (unsigned fd = first; fd < 1024; fd++)
		close((int)fd);
}

enum ep_status
ep_sandbox_enter(int keep, size_t memory, struct ep_error *err)
{
	ep_sandbox_close_others(keep);
	EP_TRY(limit(RLIMIT_FSIZE, 0, err));
	EP_TRY(limit(RLIMIT_CORE, 0, err));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return ep_fail_errno(err, errno, "cannot drop privileges");
	if (SANITIZED)
		return EP_OK;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; null >= 0 && fd < 3; fd++)
		dup2(null, fd);
	close(null);
	EP_TRY(limit(RLIMIT_DATA, memory, err));
	EP_TRY(limit(RLIMIT_NOFILE, (rlim_t)keep + DESCRIPTORS_TO_SPARE, err));
	return forbid_calls(err);
}

void
ep_sandbox_all_time(uint64_t seconds)
{
	struct rlimit time;
	if (getrlimit(RLIMIT_CPU, &time) != 0)
		return;
	time.rlim_cur = (rlim_t)seconds;
	if (time.rlim_max != RLIM_INFINITY && time.rlim_cur > time.rlim_max)
		time.rlim_cur = time.rlim_max;
	(void)setrlimit(RLIMIT_CPU, &time);
}

void
ep_sandbox_more_time(void)
{
	struct rusage used;
	if (getrusage(RUSAGE_SELF, &used) == 0)
		ep_sandbox_all_time((uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + 1 +
		                    EP_DECODER_CPU_S);
}
