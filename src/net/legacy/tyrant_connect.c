/* The connection to a Tokyo Tyrant: how it is made, and bytes in both directions. */
#include "net/legacy/tyrant_internal.h"

#include "base/time.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_S 10
#define SILENT_S 60
#define POLL_MS 100
#define READ_SIZE ((size_t)64 << 10)

/* ---- bytes ---- */

/* Waits until the socket is ready for events, at most `seconds`. */
static enum ep_status
wait_for(struct ep_tyrant *tyrant, short events, double seconds, struct ep_error *err)
{
	double until = ep_clock_s() + seconds;
	for (;;) {
		struct pollfd poll_fd = { .fd = tyrant->fd, .events = events };
		if (tyrant->stop && atomic_load(tyrant->stop))
			return ep_fail(err, EP_INTERRUPTED, "interrupted");
		int ready = poll(&poll_fd, 1, POLL_MS);
		if (ready > 0)
			return EP_OK;
		if (ready < 0 && errno != EINTR)
			return ep_fail_errno(err, errno, "%s", tyrant->name);
		if (ep_clock_s() > until)
			return ep_fail(err, EP_UNREACHABLE, "%s does not answer for %.0f seconds",
			               tyrant->name, seconds);
	}
}

enum ep_status
ep_tyrant_send(struct ep_tyrant *tyrant, struct ep_bytes bytes, struct ep_error *err)
{
	while (bytes.size) {
		ssize_t sent = send(tyrant->fd, bytes.at, bytes.size, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent >= 0) {
			bytes.at += sent;
			bytes.size -= (size_t)sent;
		} else if (errno == EAGAIN) {
			EP_TRY(wait_for(tyrant, POLLOUT, SILENT_S, err));
		} else if (errno != EINTR) {
			return ep_fail(err, EP_UNREACHABLE, "%s breaks off: %s", tyrant->name,
			               strerror(errno));
		}
	}
	return EP_OK;
}

/* Reads at least a byte, where all that was read has been taken. */
static enum ep_status
fill(struct ep_tyrant *tyrant, struct ep_error *err)
{
	for (;;) {
		ssize_t got = recv(tyrant->fd, tyrant->bytes, READ_SIZE, MSG_DONTWAIT);
		if (got > 0) {
			tyrant->begin = 0;
			tyrant->end = (size_t)got;
			return EP_OK;
		}
		if (got == 0)
			return ep_fail(err, EP_UNREACHABLE,
			               "%s breaks off in the middle of an "
			               "answer",
			               tyrant->name);
		if (errno == EAGAIN)
			EP_TRY(wait_for(tyrant, POLLIN, SILENT_S, err));
		else if (errno != EINTR)
			return ep_fail(err, EP_UNREACHABLE, "%s breaks off: %s", tyrant->name,
			               strerror(errno));
	}
}

enum ep_status
ep_tyrant_take(struct ep_tyrant *tyrant, void *out, size_t size, struct ep_error *err)
{
	uint8_t *to = out;
	while (size) {
		if (tyrant->begin == tyrant->end)
			EP_TRY(fill(tyrant, err));
		size_t there = tyrant->end - tyrant->begin;
		size_t part = there < size ? there : size;
		if (to) {
			memcpy(to, tyrant->bytes + tyrant->begin, part);
			to += part;
		}
		tyrant->begin += part;
		size -= part;
	}
	return EP_OK;
}

/* ---- opening ---- */

enum ep_status
ep_tyrant_of_socket(struct ep_tyrant **out, int fd, const char *name, const atomic_bool *stop,
                    struct ep_error *err)
{
	struct ep_tyrant *tyrant = calloc(1, sizeof *tyrant);
	uint8_t *bytes = malloc(READ_SIZE);
	if (!tyrant || !bytes) {
		free(tyrant);
		free(bytes);
		close(fd);
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a connection");
	}
	*tyrant = (struct ep_tyrant){ .fd = fd, .stop = stop, .bytes = bytes };
	snprintf(tyrant->name, sizeof tyrant->name, "%s", name);
	*out = tyrant;
	return EP_OK;
}

void
ep_tyrant_close(struct ep_tyrant *tyrant)
{
	if (!tyrant)
		return;
	close(tyrant->fd);
	free(tyrant->bytes);
	ep_buffer_free(&tyrant->request);
	ep_buffer_free(&tyrant->value);
	free(tyrant);
}

/* Splits HOST:PORT, [HOST]:PORT or HOST into host and port. */
static enum ep_status
split_address(char host[256], char port[16], const char *address, struct ep_error *err)
{
	const char *colon = strrchr(address, ':');
	const char *bracket = strrchr(address, ']');
	bool has_port = colon && (bracket ? colon == bracket + 1 : strchr(address, ':') == colon);
	const char *begin = bracket ? address + 1 : address;
	size_t size = bracket    ? (size_t)(bracket - begin)
	              : has_port ? (size_t)(colon - begin)
	                         : strlen(begin);
	const char *digits = has_port ? colon + 1 : EP_TYRANT_PORT;
	bool matched = bracket ? address[0] == '[' && (has_port || !bracket[1]) : address[0] != '[';
	if (size == 0 || size > 255 || !matched || strspn(digits, "0123456789") != strlen(digits) ||
	    !*digits || strlen(digits) > 5)
		return ep_fail(err, EP_USAGE,
		               "\"%s\" is no address of a Tokyo Tyrant: it must have the form "
		               "HOST:PORT, as in 127.0.0.1:" EP_TYRANT_PORT,
		               address);
	memcpy(host, begin, size);
	host[size] = '\0';
	snprintf(port, 16, "%s", digits);
	return EP_OK;
}

/* Waits for a connection that is under way. */
static enum ep_status
finish_connecting(int fd, const char *name, const atomic_bool *stop, struct ep_error *err)
{
	struct ep_tyrant waiting = { .fd = fd, .stop = stop };
	int failed = 0;
	socklen_t size = sizeof failed;
	snprintf(waiting.name, sizeof waiting.name, "%s", name);
	EP_TRY(wait_for(&waiting, POLLOUT, CONNECT_S, err));
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0)
		failed = errno;
	return failed ? ep_fail(err, EP_UNREACHABLE, "cannot reach %s: %s", name, strerror(failed))
	              : EP_OK;
}

/* Connects to one of the places that an address stands for. */
static enum ep_status
connect_to(int *out, const struct addrinfo *place, const char *name, const atomic_bool *stop,
           struct ep_error *err)
{
	int one = 1;
	int fd = socket(place->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return ep_fail_errno(err, errno, "cannot reach %s", name);
	enum ep_status status = EP_OK;
	if (connect(fd, place->ai_addr, place->ai_addrlen) != 0)
		status = errno == EINPROGRESS ? finish_connecting(fd, name, stop, err)
		                              : ep_fail(err, EP_UNREACHABLE, "cannot reach %s: %s",
		                                        name, strerror(errno));
	if (status != EP_OK) {
		close(fd);
		return status;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	*out = fd;
	return EP_OK;
}

enum ep_status
ep_tyrant_connect(struct ep_tyrant **out, const char *address, const atomic_bool *stop,
                  struct ep_error *err)
{
	char host[256];
	char port[16];
	char name[300];
	struct addrinfo *places = NULL;
	const struct addrinfo wanted = { .ai_socktype = SOCK_STREAM };
	int fd = -1;
	EP_TRY(split_address(host, port, address, err));
	snprintf(name, sizeof name, "Tokyo Tyrant at %s", address);
	int failed = getaddrinfo(host, port, &wanted, &places);
	if (failed)
		return ep_fail(err, EP_UNREACHABLE, "cannot reach %s: %s", name,
		               gai_strerror(failed));
	enum ep_status status = EP_UNREACHABLE;
	for (const struct addrinfo *at = places; at && status == EP_UNREACHABLE; at = at->ai_next)
		status = connect_to(&fd, at, name, stop, err);
	freeaddrinfo(places);
	if (status != EP_OK)
		return status;
	return ep_tyrant_of_socket(out, fd, name, stop, err);
}
