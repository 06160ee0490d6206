/* slow_epoll.c - a library for LD_PRELOAD in which taking a descriptor out of an epoll set takes 50
 * ms: who leaves a gap between two threads that do so is found out */
#include <dlfcn.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define SLOW_US 50000

int
epoll_ctl(int set, int operation, int fd, struct epoll_event *event)
{
	int (*real)(int, int, int, struct epoll_event *); /* ISO C knows no cast to it */
	void *found = dlsym(RTLD_NEXT, "epoll_ctl");
	memcpy(&real, &found, sizeof real);
	if (operation == EPOLL_CTL_DEL)
		usleep(SLOW_US);
	return real(set, operation, fd, event);
}
