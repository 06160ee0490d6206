/* machine.h - the machines of the world: their disks, clocks and chance, in place of libc's
 *
 * The program defines the calls of libc by which the product and LMDB change files, and so decides
 * what they do. Files lie in one folder of a file system in memory. Every change that was not
 * synced yet is kept with what was there before, so that a machine that loses power can lose any of
 * it:
 *
 *     bytes    each write whole, in part (by sectors of 512 bytes) or not, in any order
 *     names    of each folder what was made, renamed and removed last
 *
 * A file's sync makes its bytes durable, a folder's its names; a write to a file that was opened
 * with O_DSYNC is durable by itself. Nothing is really synced.
 *
 * All of it is in memory that children share, so that a child can be the one that loses power.
 */
#ifndef EP_WORLD_MACHINE_H
#define EP_WORLD_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Machines by number; who acts on what is on the way acts as one of them. */
#define MACHINES 8

/* What a child exits with that lost power. */
#define MACHINE_POWER_LOST 77

/* Begins: files below root are the machines'. */
void machine_init(const char *root);

/* Begins a history: everything is durable, all clocks are right, chance is that of the seed.
 * power  some machine may lose power: changes are kept. */
void machine_reset(uint64_t seed, bool power);

/* From now on this machine acts; gives the one that did. */
int machine_acts(int machine);
int machine_acting(void);

/* The next `after` changes of files by a machine are done, then its power is lost, which ends the
 * process; or, with a full disk, nothing more can be written until machine_calm. */
void machine_lose_power(int machine, unsigned after);
void machine_fill_disk(int machine, unsigned after);
void machine_calm(void);

/* What a machine that lost power finds again: undoes some of what was not synced, as seed says. */
void machine_power_back(int machine, uint64_t seed);

/* What a machine has changed is durable: its folder was made anew. */
void machine_settle(int machine);

/* Changes of files so far, by all. */
uint64_t machine_changes(void);

/* Seconds by which a machine's clock is wrong; and the time goes on. */
void machine_set_clock(int machine, int64_t wrong_s);
void machine_wait(int64_t seconds);
int64_t machine_now(void);

/* Seconds of the real clock, for measuring. */
double machine_real_s(void);

/* xorshift64*: the next number; state is not 0. */
uint64_t machine_chance(uint64_t *state);

/* Signatures are stand-ins, a hash that anyone could make: 20 times faster. true: libsodium's. */
void machine_real_signatures(bool real);

/* Copies or removes a folder as nobody's doing: what it holds is durable at once. */
void machine_copy(const char *from, const char *to);
/* The same, into a folder that is there and is much like it. */
void machine_make_alike(const char *from, const char *to);
void machine_remove(const char *folder);
void machine_make(const char *folder);

/* Memory that children share, zeroed; ends the program where there is none. */
void *machine_shared(size_t size);

#endif
