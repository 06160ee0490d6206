/* plays_log.h - the log of plays of a test, as cmocka's set-up and tear-down */
#ifndef EP_TESTS_PLAYS_LOG_H
#define EP_TESTS_PLAYS_LOG_H

#include "plays/plays.h"
#include "tests/node.h"

static char folder[40];
static struct ep_plays *plays;

static inline int
make_log(void **state)
{
	(void)state;
	bool memory = access("/dev/shm", W_OK) == 0;
	strcpy(folder, memory ? "/dev/shm/ep-plays-XXXXXX" : "/tmp/ep-plays-XXXXXX");
	return mkdtemp(folder) && ep_plays_open(&plays, folder, true, 0, NULL) == EP_OK ? 0 : 1;
}

static inline int
remove_log(void **state)
{
	(void)state;
	ep_plays_close(plays);
	return nftw(folder, node_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The log's transaction, and a stream that it gets. */
static inline struct ep_plays_write *
begin(void)
{
	struct ep_plays_write *write;
	needs(ep_plays_write_begin(&write, plays, NULL));
	return write;
}

static inline uint32_t
add_stream(const char *name, const char *tags)
{
	struct ep_plays_write *write = begin();
	uint32_t number;
	needs(ep_plays_add_stream(&number, write, ep_text_of(name), ep_text_of(tags), NULL));
	needs(ep_plays_commit(write, NULL));
	return number;
}

#endif
