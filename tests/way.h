/* way.h - a master, its slave, and a way between them that does harm: for tests of what follows a
 * feed */
#ifndef EP_TESTS_WAY_H
#define EP_TESTS_WAY_H

#include "base/file.h"
#include "sync/master/feed_writer.h"
#include "sync/places.h"
#include "sync/slave/join.h"
#include "tests/node.h"

#include <sys/stat.h>

static struct node master;
static struct node slave;
static struct ep_keys keys; /* the master's */

/* ---- the way ---- */

enum harm {
	HARM_NONE,
	HARM_FLIP, /* a bit of a packet */
	HARM_LONG, /* a byte more than it has */
	HARM_CUT, /* half of it, and then nothing */
	HARM_GONE /* the other side has none */
};

/* What came over it, and what is to happen. */
struct way {
	struct ep_buffer feed; /* feed.json */
	char last[EP_FEED_NAME]; /* the packet that was asked for last */
	uint64_t had; /* bytes of it that were there */
	int feeds; /* that were given */
	int packets; /* that were asked for, */
	int again; /* of these, as they had come damaged */
	enum harm harm; /* to the next packets: */
	int harms; /* so many of them, */
	uint64_t harmed_size; /* those of this size; 0: all */
	const struct ep_key *joins; /* the slave joins another master while it waits */
};

static struct way way;

static inline void join_key(const struct ep_key *key);

static inline enum ep_status
get_feed(void *context, struct ep_buffer *text, struct ep_feed_request *request,
         struct ep_error *err)
{
	(void)context;
	request->changed = strcmp(request->tag, "known") != 0;
	if (way.joins)
		join_key(way.joins);
	if (!request->changed)
		return EP_OK;
	way.feeds++;
	strcpy(request->tag, "known");
	text->size = 0;
	return ep_buffer_append(text, way.feed.data, way.feed.size, err);
}

static inline enum ep_status
get_packet(void *context, int fd, const char *name, uint64_t size, bool again, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer bytes = { 0 };
	char path[256];
	struct stat info;
	(void)context;
	must(fstat(fd, &info) == 0);
	way.had = (uint64_t)info.st_size;
	way.packets++;
	way.again += again;
	snprintf(way.last, sizeof way.last, "%s", name);
	snprintf(path, sizeof path, "%s/feed/" EP_FEED_PACKETS "/%s", master.folder, name);
	needs(ep_read_file(&bytes, path, size, NULL));
	must_equal(bytes.size, size);
	bool harmed = way.harms > 0 && (!way.harmed_size || way.harmed_size == size);
	enum harm harm = harmed ? way.harm : HARM_NONE;
	way.harms -= harmed;
	if (harm == HARM_GONE)
		return ep_fail(err, EP_NOT_FOUND, "no such packet");
	if (harm == HARM_FLIP)
		bytes.data[bytes.size / 2] ^= 1;
	if (harm == HARM_LONG)
		needs(ep_buffer_append(&bytes, "", 1, NULL));
	size_t end = harm == HARM_CUT ? bytes.size / 2 : bytes.size;
	needs(ep_write_all(fd, bytes.data + way.had, end - way.had, name, NULL));
	return harm == HARM_CUT ? ep_fail(err, EP_UNREACHABLE, "it is gone") : EP_OK;
}

static const struct ep_transport transport = { .feed = get_feed, .packet = get_packet };

/* ---- master and slave ---- */

/* Joins as one does whose key the master has got by other means. */
static inline void
join_key(const struct ep_key *key)
{
	struct ep_invitation invitation = { .url = "http://master/", .name = "s", .key = *key };
	bool waits;
	needs(ep_join_master(&waits, slave.log, &transport, &invitation, false, NULL, NULL));
}

static inline int
make_nodes(void **state)
{
	(void)state;
	if (sodium_init() < 0)
		return 1;
	way = (struct way){ 0 };
	node_open(&master);
	node_open(&slave);
	needs(ep_keys_open(&keys, master.folder, NULL));
	join_key(&keys.key);
	return 0;
}

static inline int
remove_nodes(void **state)
{
	(void)state;
	node_close(&master);
	node_close(&slave);
	ep_buffer_free(&way.feed);
	return 0;
}

/* Makes a feed of what the master has, and gives it to the way. */
static inline void
publish(void)
{
	struct ep_feed_options options = { .name = "master", .refresh_s = 3600 };
	struct ep_feed_report report;
	char folder[64];
	char path[80];
	snprintf(folder, sizeof folder, "%s/feed", master.folder);
	snprintf(path, sizeof path, "%s/" EP_FEED_JSON, folder);
	needs(ep_feed_publish(&report, master.log, folder, &options, NULL));
	needs(ep_read_file(&way.feed, path, EP_FEED_JSON_MAX, NULL));
}

/* A song more at the master, in a feed. */
static inline void
publish_song(const char *id, uint64_t song)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	song_of_noise(&pairs, song, 1000);
	node_put(&master, id, &pairs, id);
	publish();
}

#endif
