#include "store/guard.h"

#include "store/log_internal.h"

#include <link.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

#define LOGS_MAX 16

/* Words of the stack that are looked at for who called what crashed: a function of the C library
 * that copies or compares keeps next to nothing there. */
#define CALLER_WORDS 8

static void (*_Atomic on_death)(const char *folder);
static const struct ep_log *_Atomic logs[LOGS_MAX];
static uintptr_t code_start; /* of LMDB, where it is a library of its own; else both are 0 */
static uintptr_t code_end;
static struct sigaction before[3];
static const int numbers[3] = { SIGBUS, SIGSEGV, SIGFPE };

/* ---- whose crash it is ---- */

static bool
is_lmdb_code(uintptr_t at)
{
	return at >= code_start && at < code_end;
}

/* The log whose map has the address; NULL where it is none's. */
static const struct ep_log *
log_at(uintptr_t at)
{
	for (size_t i = 0; i < LOGS_MAX; i++) {
		const struct ep_log *log = atomic_load(&logs[i]);
		uintptr_t map = log ? (uintptr_t)log->map : 0;
		if (map && at >= map && at - map < log->map_size)
			return log;
	}
	return NULL;
}

/* Whether LMDB was running, or a function that it had called. The words of the stack are not its
 * own variables, which a sanitizer would say. */
__attribute__((no_sanitize("address"))) static bool
was_in_lmdb(const ucontext_t *context)
{
#if defined(__x86_64__)
	uintptr_t at = (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
	const uintptr_t *stack = (const uintptr_t *)context->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
	uintptr_t at = (uintptr_t)context->uc_mcontext.pc;
	const uintptr_t *stack = (const uintptr_t *)context->uc_mcontext.sp;
	if (is_lmdb_code((uintptr_t)context->uc_mcontext.regs[30]))
		return true;
#else
	uintptr_t at = 0;
	const uintptr_t *stack = NULL;
	(void)context;
#endif
	bool found = is_lmdb_code(at);
	for (size_t i = 0; !found && stack && i < CALLER_WORDS; i++)
		found = is_lmdb_code(stack[i]);
	return found;
}

static const struct ep_log *
any_log(void)
{
	const struct ep_log *log = NULL;
	for (size_t i = 0; !log && i < LOGS_MAX; i++)
		log = atomic_load(&logs[i]);
	return log;
}

static void
die_of(const struct ep_log *log)
{
	void (*die)(const char *folder) = atomic_load(&on_death);
	if (log && die)
		die(log->folder);
}

static void
on_signal(int number, siginfo_t *info, void *context)
{
	const struct ep_log *log = NULL;
	if (number == SIGBUS || number == SIGSEGV)
		log = log_at((uintptr_t)info->si_addr);
	if (!log && was_in_lmdb(context))
		log = any_log();
	die_of(log);
	/* It is another's: what crashed crashes again, as if this had not been here. */
	for (size_t i = 0; i < 3; i++) {
		if (numbers[i] == number)
			sigaction(number, &before[i], NULL);
	}
}

static void
on_assertion(MDB_env *env, const char *text)
{
	(void)text;
	for (size_t i = 0; i < LOGS_MAX; i++) {
		const struct ep_log *log = atomic_load(&logs[i]);
		if (log && log->env == env)
			die_of(log);
	}
}

/* ---- starting ---- */

/* Finds the code of the library that has mdb_env_create. */
static int
find_code(struct dl_phdr_info *object, size_t size, void *context)
{
	(void)size;
	(void)context;
	uintptr_t known = (uintptr_t)&mdb_env_create;
	for (unsigned i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		uintptr_t start = object->dlpi_addr + part->p_vaddr;
		if (part->p_type != PT_LOAD || !(part->p_flags & PF_X) || known < start ||
		    known - start >= part->p_memsz)
			continue;
		/* The program itself has no name: LMDB is a part of it, and no code is LMDB's. */
		if (object->dlpi_name && object->dlpi_name[0]) {
			code_start = start;
			code_end = start + part->p_memsz;
		}
		return 1;
	}
	return 0;
}

void
ep_guard_start(void (*die)(const char *folder))
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	sigemptyset(&action.sa_mask);
	(void)dl_iterate_phdr(find_code, NULL);
	atomic_store(&on_death, die);
	for (size_t i = 0; i < 3; i++)
		sigaction(numbers[i], &action, &before[i]);
}

void
ep_guard_watch(const struct ep_log *log)
{
	(void)mdb_env_set_assert(log->env, on_assertion);
	for (size_t i = 0; i < LOGS_MAX; i++) {
		const struct ep_log *none = NULL;
		if (atomic_compare_exchange_strong(&logs[i], &none, log))
			return;
	}
}

void
ep_guard_forget(const struct ep_log *log)
{
	for (size_t i = 0; i < LOGS_MAX; i++) {
		const struct ep_log *there = log;
		if (atomic_compare_exchange_strong(&logs[i], &there, NULL))
			return;
	}
}
