#include "store/guard.h"

#include "store/env_internal.h"

#include <link.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

#define ENVS_MAX 16

/* Words of the stack that are looked at for who called what crashed: a function of the C library
 * that copies or compares keeps next to nothing there. */
#define CALLER_WORDS 8

static void (*_Atomic on_death)(const char *folder);
static const struct ep_env *_Atomic envs[ENVS_MAX];
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

/* The environment whose map has the address; NULL where it is none's. */
static const struct ep_env *
env_at(uintptr_t at)
{
	for (size_t i = 0; i < ENVS_MAX; i++) {
		const struct ep_env *env = atomic_load(&envs[i]);
		uintptr_t map = env ? (uintptr_t)env->map : 0;
		if (map && at >= map && at - map < env->map_size)
			return env;
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

static const struct ep_env *
any_env(void)
{
	const struct ep_env *env = NULL;
	for (size_t i = 0; !env && i < ENVS_MAX; i++)
		env = atomic_load(&envs[i]);
	return env;
}

static void
die_of(const struct ep_env *env)
{
	void (*die)(const char *folder) = atomic_load(&on_death);
	if (env && die)
		die(env->folder);
}

static void
on_signal(int number, siginfo_t *info, void *context)
{
	const struct ep_env *env = NULL;
	if (number == SIGBUS || number == SIGSEGV)
		env = env_at((uintptr_t)info->si_addr);
	if (!env && was_in_lmdb(context))
		env = any_env();
	die_of(env);
	/* It is another's: what crashed crashes again, as if this had not been here. */
	for (size_t i = 0; i < 3; i++) {
		if (numbers[i] == number)
			sigaction(number, &before[i], NULL);
	}
}

static void
on_assertion(MDB_env *mdb, const char *text)
{
	(void)text;
	for (size_t i = 0; i < ENVS_MAX; i++) {
		const struct ep_env *env = atomic_load(&envs[i]);
		if (env && env->mdb == mdb)
			die_of(env);
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
ep_guard_watch(const struct ep_env *env)
{
	(void)mdb_env_set_assert(env->mdb, on_assertion);
	for (size_t i = 0; i < ENVS_MAX; i++) {
		const struct ep_env *none = NULL;
		if (atomic_compare_exchange_strong(&envs[i], &none, env))
			return;
	}
}

void
ep_guard_forget(const struct ep_env *env)
{
	for (size_t i = 0; i < ENVS_MAX; i++) {
		const struct ep_env *there = env;
		if (atomic_compare_exchange_strong(&envs[i], &there, NULL))
			return;
	}
}
