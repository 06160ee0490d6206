#include "sync/feed_files.h"

#include "base/bytes.h"
#include "base/file.h"
#include "sync/places.h"
#include "tests/within.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PACKETS 20

struct folder {
	char path[64];
	struct ep_feed feed;
	bool damaged[PACKETS];
	size_t count;
	bool ended;
};

static void
path_of(char path[256], const struct folder *folder, size_t at)
{
	char name[EP_FEED_NAME];
	ep_feed_packet_name(name, &folder->feed.packets[at]);
	snprintf(path, 256, "%s/" EP_FEED_PACKETS "/%s", folder->path, name);
}

/* A feed with packets of 200 bytes and more, of which only the header is one. */
static void
make_folder(struct folder *folder)
{
	static const uint8_t more[200 + PACKETS];
	*folder = (struct folder){ .path = "/tmp/echoprint-feed-XXXXXX" };
	assert_non_null(mkdtemp(folder->path));
	char path[256];
	snprintf(path, sizeof path, "%s/" EP_FEED_PACKETS, folder->path);
	assert_int_equal(mkdir(path, 0777), 0);
	for (size_t i = 0; i < PACKETS; i++) {
		EP_BUFFER struct ep_buffer bytes = { 0 };
		struct ep_sha256 sha;
		/* Some end at the same position, as merged ones do. */
		struct ep_feed_packet packet = { .after = i,
			                         .last = i / 3 * 3 + 3,
			                         .size = 200 + i };
		struct ep_packet_header header = { .kind = EP_PACKET_MASTER,
			                           .after = packet.after,
			                           .last = packet.last,
			                           .marks_from = packet.last + 1 };
		assert_int_equal(ep_packet_put_header(&bytes, &header, NULL), EP_OK);
		assert_true(bytes.size <= packet.size);
		assert_int_equal(ep_buffer_append(&bytes, more, packet.size - bytes.size, NULL),
		                 EP_OK);
		ep_sha256_init(&sha);
		ep_sha256_add(&sha, bytes.data, packet.size);
		ep_sha256_done(&packet.sha256, &sha);
		assert_int_equal(ep_feed_add(&folder->feed, &packet, NULL), EP_OK);
		path_of(path, folder, i);
		assert_int_equal(ep_replace_file(path, bytes.data, packet.size, 0666, NULL), EP_OK);
	}
}

static void
remove_folder(struct folder *folder)
{
	char command[128];
	snprintf(command, sizeof command, "rm -r %s", folder->path);
	assert_int_equal(system(command), 0);
	ep_feed_free(&folder->feed);
}

static void
flip(const struct folder *folder, size_t at, off_t place)
{
	char path[256];
	uint8_t byte;
	path_of(path, folder, at);
	EP_FD int fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, &byte, 1, place), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, place), 1);
}

static void
check(struct folder *folder, uint64_t bytes)
{
	assert_int_equal(ep_feed_check(folder->damaged, &folder->count, &folder->ended,
	                               folder->path, &folder->feed, bytes, NULL, NULL),
	                 EP_OK);
}

static void
a_turn_comes_to_every_packet(void **state)
{
	(void)state;
	struct folder folder;
	make_folder(&folder);
	for (size_t at = 0; at < PACKETS; at++) {
		size_t found = 0;
		flip(&folder, at, 60);
		check(&folder, 0);
		assert_int_equal(folder.count, 0);
		/* One at a time, wherever the turn stands. */
		for (size_t i = 0; i <= PACKETS; i++) {
			check(&folder, 1);
			assert_true(folder.count == 0 || folder.damaged[at]);
			found += folder.count;
		}
		assert_within(found, 1, 2);
		flip(&folder, at, 60);
	}
	remove_folder(&folder);
}

static void
a_turn_ends_and_can_begin_anew(void **state)
{
	(void)state;
	struct folder folder;
	make_folder(&folder);
	check(&folder, UINT64_MAX);
	assert_true(folder.ended && folder.count == 0);
	check(&folder, 1000);
	assert_false(folder.ended);
	flip(&folder, 0, 99);
	check(&folder, 300);
	assert_int_equal(folder.count, 0);
	ep_feed_check_anew(folder.path);
	check(&folder, 300);
	assert_true(folder.count == 1 && folder.damaged[0]);
	remove_folder(&folder);
}

static void
what_a_slave_found_comes_first(void **state)
{
	(void)state;
	struct folder folder;
	char path[256];
	make_folder(&folder);
	check(&folder, 1);
	flip(&folder, 17, 60);
	path_of(path, &folder, 17);
	ep_feed_doubt(folder.path, strrchr(path, '/') + 1);
	ep_feed_doubt(folder.path, "1-2-0123456789abcdef.packet"); /* which is not there */
	check(&folder, 0);
	assert_int_equal(folder.count, 0);
	check(&folder, 1);
	assert_true(folder.count == 1 && folder.damaged[17]);
	snprintf(path, sizeof path, "%s/" EP_FEED_DAMAGED, folder.path);
	assert_int_equal(rmdir(path), 0);
	remove_folder(&folder);
}

static void
sizes_and_what_is_no_file_tell_each_time(void **state)
{
	(void)state;
	struct folder folder;
	char path[256];
	make_folder(&folder);
	path_of(path, &folder, 3);
	assert_int_equal(truncate(path, 50), 0);
	path_of(path, &folder, 5);
	assert_int_equal(unlink(path), 0);
	path_of(path, &folder, 7);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0666), 0);
	path_of(path, &folder, 9);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/zero", path), 0);
	check(&folder, 0);
	assert_int_equal(folder.count, 4);
	check(&folder, UINT64_MAX);
	assert_int_equal(folder.count, 4);
	for (size_t i = 0; i < PACKETS; i++)
		assert_int_equal(folder.damaged[i], i > 2 && i < 10 && i % 2);
	remove_folder(&folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_turn_comes_to_every_packet),
		cmocka_unit_test(a_turn_ends_and_can_begin_anew),
		cmocka_unit_test(what_a_slave_found_comes_first),
		cmocka_unit_test(sizes_and_what_is_no_file_tell_each_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
