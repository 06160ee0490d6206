/* The network: what a slave and its master say to each other is lost, doubled, late, slow, cut or
 * flipped as the step says. */
#include "world.h"

#include "machine.h"

#include "base/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum fate
next_fate(struct world *world)
{
	const struct step *step = world->step;
	bool it = step && step->fate_at == world->sent;
	world->sent++;
	return it ? step->fate : FATE_OK;
}

static enum ep_status
gone(struct ep_error *err)
{
	return ep_fail(err, EP_UNREACHABLE, "the network is down");
}

/* ---- the feed ---- */

static enum ep_status
older_feed(struct ep_buffer *text, const struct world *world, struct ep_error *err)
{
	unsigned back = 1 + world->step->fate_at;
	if (world->feed_count <= back || back >= FEEDS)
		return gone(err);
	const struct feed_text *feed = &world->feeds[(world->feed_count - 1 - back) % FEEDS];
	text->size = 0;
	return ep_buffer_append(text, feed->text, feed->size, err);
}

static enum ep_status
get_feed(void *context, struct ep_buffer *text, struct ep_feed_request *request,
         struct ep_error *err)
{
	struct way *way = context;
	struct world *world = way->world;
	char path[300];
	enum fate fate = next_fate(world);
	if (fate == FATE_LOST || fate == FATE_NO_ANSWER || fate == FATE_CUT)
		return gone(err);
	if (way->from == 0) {
		/* Its operator is told where it cannot be written. */
		enum ep_status published = node_publish(NULL);
		world->stale |= published == EP_DIVERGED;
		if (published != EP_OK && world->shows)
			printf("      publish: %s\n", node_why());
		snprintf(path, sizeof path, "%s/feed", node_folder(0));
		world_note_feed(world, path);
	}
	snprintf(path, sizeof path, "%s/feed/feed.json", node_folder(way->from));
	enum ep_status status = fate == FATE_OLD ? older_feed(text, world, err)
	                                         : ep_read_file(text, path, FEED_MAX, err);
	if (status == EP_NOT_FOUND)
		return gone(err);
	EP_TRY(status);
	const struct knows *knows = world_known_feed(world, (char *)text->data, text->size);
	if (knows)
		world_hint(world, way->slave, knows);
	if (fate == FATE_FLIP && text->size)
		text->data[world->step->number % (long)text->size] ^= 4;
	request->changed = true;
	request->waits = false;
	return EP_OK;
}

static enum ep_status
get_packet(void *context, int fd, const char *name, uint64_t size, bool again, struct ep_error *err)
{
	struct way *way = context;
	struct stat info;
	char path[300];
	EP_BUFFER struct ep_buffer bytes = { 0 };
	enum fate fate = next_fate(way->world);
	(void)again; /* the master looks after its feed when it publishes */
	if (fate == FATE_LOST || fate == FATE_NO_ANSWER)
		return gone(err);
	snprintf(path, sizeof path, "%s/feed/packets/%s", node_folder(way->from), name);
	EP_TRY(ep_read_file(&bytes, path, (size_t)size + 1, err));
	if (fstat(fd, &info) != 0 || (uint64_t)info.st_size > bytes.size)
		return gone(err);
	size_t done = (size_t)info.st_size;
	size_t left = bytes.size - done;
	if (fate == FATE_FLIP && left)
		bytes.data[done + left / 2] ^= 4;
	if (fate == FATE_CUT)
		left /= 2;
	EP_TRY(ep_write_all(fd, bytes.data + done, left, name, err));
	return fate == FATE_CUT ? gone(err) : EP_OK;
}

/* ---- contributions ---- */

static uint64_t
hash_of(const void *bytes, size_t size)
{
	const uint8_t *at = bytes;
	uint64_t hash = 14695981039346656037U;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ at[i]) * 1099511628211U;
	return hash;
}

struct message *
net_keep(struct world *world, int from, const void *bytes, size_t size)
{
	uint64_t hash = hash_of(bytes, size);
	for (unsigned i = 0; i < MESSAGES && i < world->message_count; i++) {
		struct message *known = &world->messages[i];
		if (known->hash == hash && known->size == size && known->from == from)
			return known;
	}
	struct message *message = &world->messages[world->message_count++ % MESSAGES];
	if (size > MESSAGE_MAX) {
		world_fail(world, "too large: a contribution of %zu bytes", size);
		size = MESSAGE_MAX;
	}
	message->from = from;
	message->size = size;
	message->hash = hash;
	message->answer_size = 0;
	message->knows = world->model.knows[from];
	memcpy(message->bytes, bytes, size);
	return message;
}

/* The newest answer to a node that is not to this message. */
static const struct message *
older_answer(const struct world *world, const struct message *message)
{
	for (unsigned back = 1; back <= MESSAGES && back <= world->message_count; back++) {
		const struct message *old =
			&world->messages[(world->message_count - back) % MESSAGES];
		if (old != message && old->from == message->from && old->answer_size)
			return old;
	}
	return NULL;
}

/* What the client makes of the server's refusal. */
static enum ep_status
refused(enum ep_status status, struct ep_error *err)
{
	bool theirs = status == EP_BAD_INPUT || status == EP_CORRUPT || status == EP_NEWER;
	return ep_fail(err, theirs ? EP_BAD_INPUT : EP_UNREACHABLE, "%s", node_why());
}

/* What happens while an answer is on its way: the newest other message comes, and its sender's
 * feed. */
static void
meanwhile(struct world *world, int slave, const struct message *message)
{
	for (unsigned back = 1; back <= MESSAGES && back <= world->message_count; back++) {
		struct message *other = &world->messages[(world->message_count - back) % MESSAGES];
		if (other == message)
			continue;
		(void)!world_deliver(world, other, other->bytes, other->size);
		break;
	}
	world_fetch(world, slave);
}

static enum ep_status
contribute(void *context, struct ep_buffer *answer, const char *path,
           const uint8_t trailer[EP_TRAILER_SIZE], struct ep_error *err)
{
	struct way *way = context;
	struct world *world = way->world;
	EP_BUFFER struct ep_buffer bytes = { 0 };
	enum fate fate = next_fate(world);
	(void)trailer;
	EP_TRY(ep_read_file(&bytes, path, EP_BUFFER_MAX, err));
	struct message *message = net_keep(world, way->slave, bytes.data, bytes.size);
	if (fate == FATE_LOST)
		return gone(err);
	if (fate == FATE_OLD) {
		const struct message *old = older_answer(world, message);
		world->wrong_answer |= old != NULL;
		return old ? ep_buffer_append(answer, old->answer, old->answer_size, err)
		           : gone(err);
	}
	if (fate == FATE_FLIP && bytes.size)
		bytes.data[bytes.size / 3] ^= 4;
	if (fate == FATE_CUT)
		bytes.size -= bytes.size / 3;
	enum ep_status status = world_deliver(world, message, bytes.data, bytes.size);
	if (status == EP_OK && fate == FATE_TWICE)
		status = world_deliver(world, message, bytes.data, bytes.size);
	if (status != EP_OK && world->shows)
		printf("      refused: %d %s\n", (int)status, node_why());
	if (status != EP_OK)
		return refused(status, err);
	if (fate == FATE_NO_ANSWER)
		return gone(err);
	if (fate == FATE_SLOW) {
		EP_TRY(ep_buffer_append(answer, message->answer, message->answer_size, err));
		meanwhile(world, way->slave, message);
		return EP_OK;
	}
	return ep_buffer_append(answer, message->answer, message->answer_size, err);
}

struct ep_transport
net_way(struct way *way)
{
	return (struct ep_transport){
		.feed = get_feed,
		.packet = get_packet,
		.contribute = contribute,
		.context = way,
	};
}
