/* The law of the exchange: a master and three slaves change what is theirs, some of it under the
 * same ids, and send each other what changed in pieces that arrive in any order, doubled, late, or
 * are lost and sent again. When all has arrived, all hold the same; and what the master's user left
 * alone is as its owner left it.
 *
 * The model knows who owns a track: whose word the master took. It is told what users do, and
 * nothing of how words travel.
 *
 * Pieces are what packets carry, without bytes, files or sockets. The seed is printed; with
 * ECHOPRINT_SEED=N that one runs alone.
 */
#include "tests/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#define SLAVES 3
#define NODES (SLAVES + 1) /* the master is the first */
#define OWN 3 /* tracks that only one node brings */
#define SHARED 3 /* tracks that any node may bring */
#define TRACKS (NODES * OWN + SHARED)
#define PIECES_MAX 400
#define ENTRIES_MAX TRACKS
#define STEPS 50
#define SEEDS 2000

/* The state of one track in a piece. */
struct state {
	bool deletion;
	uint64_t position;
	struct ep_word known;
	bool echo;
	struct ep_hash hash;
	struct ep_buffer body;
	char id[32];
	int version; /* 0: a deletion */
};

/* What a node sent: everything that changed in a range of its positions. */
struct piece {
	int from;
	int to; /* of a slave's: the master */
	uint64_t after;
	uint64_t last;
	struct state states[ENTRIES_MAX];
	size_t count;
	bool arrived;
};

struct world {
	struct node nodes[NODES];
	uint32_t tags[NODES];
	uint32_t sources[NODES]; /* by number, at the master */
	uint64_t start[NODES]; /* positions before this history */
	uint64_t sent[NODES][NODES]; /* position of one up to which it has sent to another */
	uint64_t lost[NODES][NODES]; /* the same, behind which a piece was lost */
	uint64_t random;
	uint64_t seed;
	int version[TRACKS][NODES]; /* that a node's user put last; 0: deleted, or never put */
	struct { /* the last word of a slave that came to the master, by its position */
		uint64_t position;
		int version;
	} said[TRACKS][NODES];
	bool decided[TRACKS]; /* the master's user deleted it */
	struct piece *pieces;
	size_t piece_count;
};

static uint32_t
below(struct world *world, uint32_t end)
{
	return random_below(&world->random, end);
}

static const char *
id_of(char id[32], const struct world *world, int track)
{
	snprintf(id, 32, "S%lluT%d", (unsigned long long)world->seed, track);
	return id;
}

/* ---- what users do ---- */

/* Whether the node's user may put the track: one that the master brought is the master's. */
static bool
put_version(struct world *world, int owner, int track, int version)
{
	char id[32];
	char title[32];
	struct node *node = &world->nodes[owner];
	struct ep_log_write *write;
	struct ep_put_counts counts = { 0 };
	EP_BUFFER struct ep_buffer body = { 0 };
	snprintf(title, sizeof title, "version %d", version);
	struct ep_document row = { .suffix = ep_text_of("-0"),
		                   .codever = ep_text_of("4.12"),
		                   .codes = ep_text_of("1 2"),
		                   .length = ep_text_of("60"),
		                   .artist = ep_text_of(""),
		                   .release = ep_text_of(""),
		                   .track = ep_text_of(title) };
	struct ep_track put_track = { .id = ep_text_of(id_of(id, world, track)),
		                      .documents = &row,
		                      .count = 1 };
	needs(ep_entry_put_body(&body, NULL, &put_track, node->coder, NULL));
	struct ep_put put = { .track = &put_track,
		              .body = body.data,
		              .body_size = body.size,
		              .source = EP_SOURCE_LOCAL,
		              .whole = true };
	ep_track_hash(&put.hash, &put_track);
	needs(ep_log_write_begin(&write, node->log, NULL));
	needs(ep_log_put(write, &put, &counts, NULL));
	needs(ep_log_commit(&write, NULL));
	return counts.conflict == 0;
}

/* The source of a track or tombstone at a node; ANY where it has none. */
static uint32_t
source_at(const struct world *world, int node, int track)
{
	char id[32];
	struct ep_log_read *read;
	struct ep_entry entry = { 0 };
	needs(ep_log_read_begin(&read, world->nodes[node].log, NULL));
	enum ep_status status =
		ep_log_find(&entry, read, ep_text_of(id_of(id, world, track)), NULL);
	uint32_t source = status == EP_OK ? entry.source : EP_SOURCE_ANY;
	ep_log_read_end(read);
	return source;
}

/* Links or releases at random; what cannot be is refused. */
static void
change_link(struct world *world, int node, int track)
{
	char id[32];
	char other[32];
	struct ep_log_write *write;
	struct ep_link link = { .kind = EP_COPY_EXACT, .share = 1000, .coverage = 1000 };
	id_of(id, world, track);
	link.original = ep_text_of(id_of(other, world, (int)below(world, TRACKS)));
	needs(ep_log_write_begin(&write, world->nodes[node].log, NULL));
	enum ep_status status = below(world, 3) ? ep_log_link(write, ep_text_of(id), &link, NULL)
	                                        : ep_log_release(write, ep_text_of(id), NULL);
	if (status != EP_OK) {
		ep_log_abort(write);
		return;
	}
	needs(ep_log_commit(&write, NULL));
}

/* A node's user changes a track of its own, or one that others may bring too; the master's user
 * also deletes and links others'. What the master brought to a slave can only be changed there. */
static void
change(struct world *world)
{
	char id[32];
	int node = (int)below(world, NODES);
	bool shared = below(world, 4) == 0;
	int track = shared ? NODES * OWN + (int)below(world, SHARED)
	                   : node * OWN + (int)below(world, OWN);
	int version = 1 + (int)below(world, 4);
	uint32_t what = below(world, 8);
	if (node == 0 && what >= 4 && below(world, 4) == 0)
		track = (int)below(world, TRACKS);
	uint32_t source = source_at(world, node, track);
	if (what < 4) {
		if (put_version(world, node, track, version))
			world->version[track][node] = version;
	} else if (node > 0 && source == EP_SOURCE_MASTER) {
		return;
	} else if (what < 6) {
		world->decided[track] |= node == 0 && source != EP_SOURCE_LOCAL;
		world->version[track][node] = 0;
		node_delete(&world->nodes[node], id_of(id, world, track));
	} else {
		change_link(world, node, track);
	}
}

/* ---- what is sent ---- */

/* The version of a track that an entry has; 0 of a deletion. */
static int
version_of(const struct ep_entry *entry)
{
	struct ep_text codes;
	EP_DECODED struct ep_decoded rows = { 0 };
	if (entry->operation != EP_PUT)
		return 0;
	needs(ep_entry_rows(&rows, &codes, entry, NULL));
	return rows.track.documents[0].track.at[8] - '0';
}

static void
copy_state(struct state *state, const struct ep_entry *entry)
{
	*state = (struct state){ .deletion = entry->operation == EP_DELETE,
		                 .position = entry->position,
		                 .known = entry->word,
		                 .echo = entry->source == EP_SOURCE_LOCAL &&
		                         (entry->flags & EP_ENTRY_CONFIRMED),
		                 .hash = entry->hash,
		                 .version = version_of(entry) };
	memcpy(state->id, entry->id.at, entry->id.size);
	needs(ep_buffer_append(&state->body, entry->body.at, entry->body.size, NULL));
}

static void
free_piece(struct piece *piece)
{
	for (size_t i = 0; i < piece->count; i++)
		ep_buffer_free(&piece->states[i].body);
}

/* Takes what changed at a node behind a position into a piece for another. One that is lost counts
 * as sent, until somebody misses it. */
static void
send(struct world *world, int from, int to, uint64_t after, bool lost)
{
	struct piece *piece = &world->pieces[world->piece_count];
	struct ep_log_read *read;
	struct ep_log_cursor *cursor;
	struct ep_entry entry;
	struct ep_log_state state;
	if (world->piece_count == PIECES_MAX)
		return;
	*piece = (struct piece){ .from = from, .to = to, .after = after };
	needs(ep_log_read_begin(&read, world->nodes[from].log, NULL));
	ep_log_state(&state, read);
	needs(ep_log_cursor_open(&cursor, read, after, from ? EP_SOURCE_LOCAL : EP_SOURCE_ANY,
	                         NULL));
	while (ep_log_cursor_next(&entry, cursor, NULL) == EP_OK)
		copy_state(&piece->states[piece->count++], &entry);
	ep_log_cursor_close(cursor);
	ep_log_read_end(read);
	piece->last = state.position;
	world->sent[from][to] = state.position;
	if (lost) {
		world->lost[from][to] =
			after < world->lost[from][to] ? after : world->lost[from][to];
		free_piece(piece);
	} else {
		world->piece_count++;
	}
	if (from) {
		struct ep_log_write *write;
		needs(ep_log_write_begin(&write, world->nodes[from].log, NULL));
		needs(ep_log_set_number(write, EP_SENT_VALUE, state.position, NULL));
		needs(ep_log_commit(&write, NULL));
	}
}

static void
take_state(struct ep_log_write *write, const struct state *state, uint32_t source, uint32_t tag,
           uint32_t own)
{
	struct ep_put_counts counts = { 0 };
	struct ep_said said = { .word = { tag, state->position },
		                .known = state->known.tag == own ? state->known.position : 0,
		                .echo = state->echo };
	struct ep_text id = ep_text_of(state->id);
	if (state->deletion) {
		enum ep_status status = ep_log_delete(write, id, source, 0, &said, NULL);
		if (status != EP_NOT_FOUND && status != EP_BAD_INPUT)
			needs(status);
		return;
	}
	struct ep_track track = { .id = id, .count = 1 };
	struct ep_put put = { .track = &track,
		              .body = state->body.data,
		              .body_size = state->body.size,
		              .hash = state->hash,
		              .source = source,
		              .whole = true,
		              .states_link = true,
		              .said = said };
	needs(ep_log_put(write, &put, &counts, NULL));
}

static void
hear(struct world *world, int from, const struct state *state)
{
	int track = atoi(strrchr(state->id, 'T') + 1);
	/* An echo only repeats the master's. */
	if (from == 0 || state->echo || state->position < world->said[track][from].position)
		return;
	world->said[track][from].position = state->position;
	world->said[track][from].version = state->version;
}

static void
arrive(struct world *world, struct piece *piece)
{
	uint32_t source = piece->from ? world->sources[piece->from] : EP_SOURCE_MASTER;
	struct ep_log_write *write;
	needs(ep_log_write_begin(&write, world->nodes[piece->to].log, NULL));
	for (size_t i = 0; i < piece->count; i++) {
		hear(world, piece->from, &piece->states[i]);
		take_state(write, &piece->states[i], source, world->tags[piece->from],
		           world->tags[piece->to]);
	}
	needs(ep_log_commit(&write, NULL));
	piece->arrived = true;
}

/* ---- histories ---- */

static void
exchange(struct world *world)
{
	int slave = 1 + (int)below(world, SLAVES);
	int from = below(world, 2) ? slave : 0;
	int to = from ? 0 : slave;
	if (below(world, 3)) {
		bool all = below(world, 8) == 0;
		bool lost = below(world, 8) == 0;
		send(world, from, to, all ? world->start[from] : world->sent[from][to], lost);
	} else if (world->piece_count) {
		arrive(world, &world->pieces[below(world, (uint32_t)world->piece_count)]);
	}
}

static void
all_arrive(struct world *world)
{
	for (int again = 0; again < 2; again++) {
		for (size_t i = 0; i < world->piece_count; i++) {
			size_t other = below(world, (uint32_t)world->piece_count);
			arrive(world, &world->pieces[other]);
		}
		for (size_t i = 0; i < world->piece_count; i++) {
			if (!world->pieces[i].arrived)
				arrive(world, &world->pieces[i]);
		}
	}
}

/* Sends what is new, and what was lost. */
static void
send_missing(struct world *world, int from, int to)
{
	uint64_t sent = world->sent[from][to];
	uint64_t lost = world->lost[from][to];
	world->lost[from][to] = UINT64_MAX;
	send(world, from, to, lost < sent ? lost : sent, false);
}

/* Exchanges until nobody has anything new. */
static void
settle(struct world *world)
{
	size_t before = SIZE_MAX;
	for (int round = 0; world->piece_count != before; round++) {
		before = world->piece_count;
		for (int slave = 1; slave < NODES; slave++) {
			send_missing(world, slave, 0);
			send_missing(world, 0, slave);
		}
		size_t sent = 0;
		for (size_t i = before; i < world->piece_count; i++)
			sent += world->pieces[i].count;
		if (sent == 0)
			return;
		all_arrive(world);
		if (round == 20)
			fail_msg("seed %llu: it never ends", (unsigned long long)world->seed);
	}
}

static void
digest_of(struct ep_digest *digest, const struct world *world, int node)
{
	struct ep_log_read *read;
	needs(ep_log_read_begin(&read, world->nodes[node].log, NULL));
	needs(ep_log_digest(digest, read, NULL));
	ep_log_read_end(read);
}

/* The version that a node holds of a track; 0: none. */
static int
held_version(const struct world *world, int node, int track)
{
	char id[32];
	struct ep_log_read *read;
	struct ep_entry entry;
	needs(ep_log_read_begin(&read, world->nodes[node].log, NULL));
	enum ep_status status =
		ep_log_find(&entry, read, ep_text_of(id_of(id, world, track)), NULL);
	int version = status == EP_OK ? version_of(&entry) : 0;
	ep_log_read_end(read);
	return version;
}

/* The node whose word the master took of a track; -1 where it has none. */
static int
owner_of(const struct world *world, int track)
{
	uint32_t source = source_at(world, 0, track);
	for (int node = 0; node < NODES; node++) {
		if (world->sources[node] == source)
			return node;
	}
	return -1;
}

/* Of a track that only its owner puts, what that left last is held; where several may, the last
 * word of its owner that came to the master: another may have been overruled at its node. */
static void
check_owner(const struct world *world, int track)
{
	int held = held_version(world, 0, track);
	int owner = owner_of(world, track);
	if (owner < 0 || world->decided[track])
		return;
	bool shared = track >= NODES * OWN && owner > 0;
	int version = shared ? world->said[track][owner].version : world->version[track][owner];
	if (held != version)
		fail_msg("seed %llu: version %d of track %d is held, its owner %d left %d",
		         (unsigned long long)world->seed, held, track, owner, version);
}

/* A copy's original is there, and no copy. */
static void
check_link(const struct world *world, int track)
{
	char id[32];
	struct ep_log_read *read;
	struct ep_entry entry;
	struct ep_entry original;
	struct ep_link link;
	needs(ep_log_read_begin(&read, world->nodes[0].log, NULL));
	enum ep_status status =
		ep_log_find(&entry, read, ep_text_of(id_of(id, world, track)), NULL);
	if (status == EP_OK && (entry.flags & EP_ENTRY_COPY)) {
		needs(ep_entry_link(&link, &entry, NULL));
		status = ep_log_find(&original, read, link.original, NULL);
		if (status != EP_OK || original.operation != EP_PUT)
			fail_msg("seed %llu: track %d is a copy of what is not there",
			         (unsigned long long)world->seed, track);
		if (original.flags & EP_ENTRY_COPY)
			fail_msg("seed %llu: track %d is the copy of a copy",
			         (unsigned long long)world->seed, track);
	}
	ep_log_read_end(read);
}

static void
check(const struct world *world)
{
	struct ep_digest master;
	digest_of(&master, world, 0);
	for (int node = 1; node < NODES; node++) {
		struct ep_digest digest;
		digest_of(&digest, world, node);
		for (int track = 0; track < TRACKS; track++) {
			int one = held_version(world, 0, track);
			int other = held_version(world, node, track);
			if (one != other)
				fail_msg(
					"seed %llu: the master holds version %d of track %d, slave "
					"%d version %d",
					(unsigned long long)world->seed, one, track, node, other);
		}
		if (memcmp(&master, &digest, sizeof digest) != 0)
			fail_msg("seed %llu: slave %d has another digest",
			         (unsigned long long)world->seed, node);
	}
	for (int track = 0; track < TRACKS; track++) {
		check_owner(world, track);
		check_link(world, track);
	}
}

static void
forget_pieces(struct world *world)
{
	for (size_t i = 0; i < world->piece_count; i++)
		free_piece(&world->pieces[i]);
	world->piece_count = 0;
}

static uint64_t
position_of(const struct world *world, int node)
{
	struct ep_log_read *read;
	struct ep_log_state state;
	needs(ep_log_read_begin(&read, world->nodes[node].log, NULL));
	ep_log_state(&state, read);
	ep_log_read_end(read);
	return state.position;
}

/* Every history has tracks of its own, so that the nodes need not be made anew. */
static void
run_seed(struct world *world, uint64_t seed)
{
	world->seed = seed;
	world->random = seed * 2 + 1;
	memset(world->version, 0, sizeof world->version);
	memset(world->said, 0, sizeof world->said);
	memset(world->decided, 0, sizeof world->decided);
	for (int i = 0; i < NODES; i++) {
		world->start[i] = position_of(world, i);
		for (int k = 0; k < NODES; k++) {
			world->sent[i][k] = world->start[i];
			world->lost[i][k] = UINT64_MAX;
		}
	}
	for (int i = 0; i < STEPS; i++) {
		change(world);
		exchange(world);
	}
	all_arrive(world);
	settle(world);
	check(world);
	forget_pieces(world);
}

static void
open_node(struct world *world, int i)
{
	char name[16];
	struct ep_log_read *read;
	struct ep_log_write *write;
	node_open(&world->nodes[i]);
	needs(ep_log_read_begin(&read, world->nodes[i].log, NULL));
	needs(ep_log_own_tag(&world->tags[i], read, NULL));
	ep_log_read_end(read);
	world->sources[i] = EP_SOURCE_LOCAL;
	if (i == 0)
		return;
	snprintf(name, sizeof name, "slave-%d", i);
	needs(ep_log_write_begin(&write, world->nodes[0].log, NULL));
	needs(ep_log_source(&world->sources[i], write, ep_text_of(name), NULL));
	needs(ep_log_commit(&write, NULL));
}

static void
what_is_exchanged_ends_equal(void **state)
{
	static struct world world;
	const char *given = getenv("ECHOPRINT_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) % 1000000 * 10000;
	(void)state;
	print_message("# seeds from %llu\n", (unsigned long long)seed);
	world.pieces = calloc(PIECES_MAX, sizeof *world.pieces);
	for (int i = 0; i < NODES; i++)
		open_node(&world, i);
	for (int i = 0; i < (given ? 1 : SEEDS); i++)
		run_seed(&world, seed + (uint64_t)i);
	for (int i = 0; i < NODES; i++)
		node_close(&world.nodes[i]);
	free(world.pieces);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_exchanged_ends_equal) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
