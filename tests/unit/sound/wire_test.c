/* What the program and its decoder say to each other arrives whole. */
#include "sound/wire.h"

#include "base/bytes.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Sends a message over sockets that keep calls apart, and receives one call of it; gives its size,
 * and the descriptor in it or -1. */
static size_t
send_and_receive(uint8_t *bytes, size_t room, int *got_fd, const char *payload, int fd)
{
	int ends[2];
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof fd)];
	struct iovec part = { .iov_base = bytes, .iov_len = room };
	struct msghdr message = { .msg_iov = &part,
		                  .msg_iovlen = 1,
		                  .msg_control = control,
		                  .msg_controllen = sizeof control };
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	assert_int_equal(ep_wire_send(ends[0], EP_WIRE_ASK, payload, strlen(payload), fd, NULL),
	                 EP_OK);
	ssize_t got = recvmsg(ends[1], &message, MSG_CMSG_CLOEXEC);
	assert_true(got >= 0);
	const struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
	*got_fd = -1;
	if (rights)
		memcpy(got_fd, CMSG_DATA(rights), sizeof *got_fd);
	close(ends[0]);
	close(ends[1]);
	return (size_t)got;
}

static void
check_message(const uint8_t *bytes, size_t size, const char *payload)
{
	assert_int_equal(size, EP_WIRE_HEADER + strlen(payload));
	assert_int_equal(bytes[0], EP_WIRE_ASK);
	assert_int_equal(ep_load32(bytes + 1), strlen(payload));
	assert_memory_equal(bytes + EP_WIRE_HEADER, payload, strlen(payload));
}

/* A decoder that is seen with the file has all of the question: its death is the file's fault. */
static void
a_file_comes_with_all_of_its_question(void **state)
{
	(void)state;
	uint8_t bytes[100];
	int got_fd;
	struct stat sent, got;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	check_message(bytes, send_and_receive(bytes, sizeof bytes, &got_fd, "a question", fd),
	              "a question");
	assert_true(got_fd >= 0);
	assert_int_equal(fstat(fd, &sent), 0);
	assert_int_equal(fstat(got_fd, &got), 0);
	assert_int_equal(sent.st_rdev, got.st_rdev);
	close(got_fd);
	close(fd);
}

static void
a_message_without_a_file_is_one_call(void **state)
{
	(void)state;
	uint8_t bytes[100];
	int got_fd;
	check_message(bytes, send_and_receive(bytes, sizeof bytes, &got_fd, "samples", -1),
	              "samples");
	assert_int_equal(got_fd, -1);
	check_message(bytes, send_and_receive(bytes, sizeof bytes, &got_fd, "", -1), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_comes_with_all_of_its_question),
		cmocka_unit_test(a_message_without_a_file_is_one_call),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
