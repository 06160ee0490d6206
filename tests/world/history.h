/* history.h - what happens in a world, as text that can be kept as a test
 *
 *     seed 7
 *     nodes master slave mirror behind stick liar
 *     put 1 A 5                      user of node 1 puts track A with contents 5 (one document)
 *     crash 0 12 99 sync 1 flip:2    node 0 loses power at its 12th change of a file in this step
 *     full 1 3 put 1 B 6+7           the disk of node 1 is full from its 3rd change on
 *
 * Nodes: 0 is the master; a slave syncs over the network, a mirror hands its master's feed on to
 * those behind it, a stick is a slave without a network, a clone a copy of node 1's data folder, a
 * liar signs what it likes. Lines that begin with # are comments.
 */
#ifndef EP_WORLD_HISTORY_H
#define EP_WORLD_HISTORY_H

#include "node.h"

#include <stdio.h>

#define STEPS_MAX 64

enum kind {
	KIND_MASTER,
	KIND_SLAVE,
	KIND_MIRROR,
	KIND_BEHIND,
	KIND_STICK,
	KIND_CLONE,
	KIND_LIAR,
	KIND_COUNT
};

enum verb {
	PUT,
	DELETE,
	LINK,
	RELEASE,
	ACCEPT,
	DROP,
	SYNC, /* contribute and fetch */
	PUSH, /* contribute */
	FETCH,
	RESTART, /* as SYNC, starting again where histories differ */
	LATE, /* a contribution that was sent once comes (again); its answer is lost */
	PUBLISH,
	BURST, /* the master publishes so many times, each with a long track that is new */
	STICK, /* the master takes what lies on the stick, and publishes there */
	EPOCH,
	CSVOUT,
	CSVIN,
	LEGACY_CSV, /* a sender without a node brings a track as CSV */
	COPY, /* of a data folder */
	RESTORE,
	REMOVE, /* a source; other: with its tracks */
	ADD,
	LIMIT, /* how many tracks a source may have */
	LIE,
	CLOCK,
	WAIT,
	SPOIL, /* a packet of the master's feed goes, by other hands */
	VERB_COUNT
};

/* What the network does to the message of that number in a step. */
enum fate {
	FATE_OK,
	FATE_LOST, /* it does not come */
	FATE_NO_ANSWER, /* it comes, the answer does not */
	FATE_TWICE,
	FATE_FLIP, /* a bit */
	FATE_CUT, /* short */
	FATE_OLD, /* an older feed.json or answer comes */
	FATE_SLOW, /* before the answer comes, another message does, and the slave fetches */
	FATE_COUNT
};

enum trouble { TROUBLE_NONE, TROUBLE_CRASH, TROUBLE_FULL };

struct step {
	enum verb verb;
	int node;
	int track;
	int other; /* track of LINK */
	uint16_t contents;
	long number;
	enum fate fate;
	unsigned fate_at; /* number of the message, from 0 */
	enum trouble trouble;
	int trouble_node;
	unsigned trouble_at;
	unsigned trouble_seed;
};

struct history {
	unsigned long seed;
	enum kind kinds[NODES];
	int nodes;
	struct step steps[STEPS_MAX];
	int count;
};

/* Whether any machine may lose power in it. */
bool history_has_power_loss(const struct history *history);
/* The liar's number, or -1. */
int history_liar(const struct history *history);

/* From now on, none that are made have this step; false: there is no such step. */
bool history_without(const char *verb);

void history_make(struct history *history, uint64_t seed);
void history_print(FILE *file, const struct history *history);
/* false: line and reason are printed. */
bool history_read(struct history *history, FILE *file, const char *name);
void step_print(FILE *file, const struct step *step);

#endif
