/* slow_door.c - a library for LD_PRELOAD that shows when a program opens and closes the environment
 * of LMDB, and holds it there
 *
 * In the folder $ECHOPRINT_DOOR, a file "open" or "close" appears when the program is about to do
 * that, and it does not go on as long as there is a file "hold-open" or "hold-close".
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_US 5000

/* Tells that the program is at the door, and waits. */
static void
stand(const char *what)
{
	const char *folder = getenv("ECHOPRINT_DOOR");
	char sign[4096];
	char hold[4096];
	if (!folder)
		return;
	snprintf(sign, sizeof sign, "%s/%s", folder, what);
	snprintf(hold, sizeof hold, "%s/hold-%s", folder, what);
	int fd = open(sign, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	while (access(hold, F_OK) == 0)
		usleep(LOOK_US);
}

int
mdb_env_open(MDB_env *env, const char *path, unsigned int flags, mdb_mode_t mode)
{
	int (*real)(MDB_env *, const char *, unsigned int, mdb_mode_t); /* ISO C knows no cast */
	void *found = dlsym(RTLD_NEXT, "mdb_env_open");
	memcpy(&real, &found, sizeof real);
	stand("open");
	return real(env, path, flags, mode);
}

void
mdb_env_close(MDB_env *env)
{
	void (*real)(MDB_env *);
	void *found = dlsym(RTLD_NEXT, "mdb_env_close");
	memcpy(&real, &found, sizeof real);
	stand("close");
	real(env);
}
