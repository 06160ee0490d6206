/* guard.h - a damaged page ends the program with a message, not by a signal
 *
 * LMDB trusts its pages, and has no checksums. One that was overwritten makes it read outside of
 * its map (SIGBUS, SIGSEGV) or fail an assertion (SIGABRT), at any moment and in any thread, so
 * that there is no way back into the program. The guard sees that it was LMDB: by the address,
 * which is in the map of an open environment; by the code that was running, which is LMDB's or was
 * called by it; or by LMDB's own word. Other crashes stay what they are.
 *
 * This is for programs: it changes what the whole process does at a signal. It costs nothing while
 * nothing is wrong.
 */
#ifndef EP_STORE_GUARD_H
#define EP_STORE_GUARD_H

/* From now on a crash over a damaged page calls die with the data folder, which is to end the
 * process at once. die is called in a signal handler: only what is safe there may be done, and it
 * must not come back. Call it once, before other threads are started. */
void ep_guard_start(void (*die)(const char *folder));

struct ep_env;

/* For env.c: an environment that is open, and has been closed. Its name and addresses are borrowed
 * until then. Of more than 16 at once only the first are guarded. */
void ep_guard_watch(const struct ep_env *env);
void ep_guard_forget(const struct ep_env *env);

#endif
