/* model.h - what must hold in a world, known without the product's code
 *
 * An act is a change that a node reported as done: a put or a deletion of a track. The model
 * follows which acts each node's state of a track stems from: an act makes a state of all that its
 * node knew and itself; a state that comes from elsewhere brings what was known there. So an act
 * has an end:
 *
 *     seen         the master has its contents
 *     superseded   by what the master has; or by another act that has such an end, and whose node
 *                  knew of this act, or of one with the same contents that the master once had
 *     kept aside   where it was made; anywhere, where that disk was replaced
 *     repeated     its node had said the same before, upon the same, and that has an end: the
 *                  revision is the same one (a restored disk has forgotten the first time)
 *     dead         the only disks that had heard of it were replaced by older copies, and no copy
 *                  has brought it back
 *
 * Each other is lost.
 */
#ifndef EP_WORLD_MODEL_H
#define EP_WORLD_MODEL_H

#include "node.h"

#define ACTS 64

/* What a node knew of each track at some moment: the acts (a bit each), and its contents. */
struct knows {
	uint64_t acts[TRACKS];
	uint16_t contents[TRACKS];
};

struct act {
	uint8_t node;
	uint8_t track;
	uint16_t contents; /* 0: a deletion */
	uint64_t upon; /* what its node knew of the track before */
	uint64_t knew; /* in all, with itself */
	unsigned life; /* of the node's disk */
	bool required; /* it was reported as done, by one who does not lie */
	bool dead;
};

struct model {
	struct act acts[ACTS];
	int count;
	struct knows knows[NODES];
	struct node_view seen[NODES];
	unsigned life[NODES];
	unsigned lives;
	bool removed[NODES];
	uint64_t stood; /* acts that the master knows of now, or once did */
	bool anywhere; /* what is kept aside at another node counts, and deletions do not */
};

void model_begin(struct model *model);

/* A node's user did something, which the node reported as done (required) or may have done. */
void model_act(struct model *model, int node, int track, uint16_t contents, bool required);

/* What was kept aside with these contents has been seen by somebody: the acts from which it stems.
 */
uint64_t model_settled(struct model *model, int track, uint16_t contents);

/* The last act, of this node, was made in the knowledge of these acts too. */
void model_know(struct model *model, int node, int track, uint64_t acts);

/* What is seen at a node now; hints: what those knew that it heard in this step. */
void model_hear(struct model *model, int node, const struct node_view *view,
                const struct knows *hints, size_t hint_count);

/* A node's disk is replaced by a copy of that time; then, when it was looked at, what no disk has
 * heard of any longer is dead, and what one has heard of again is not. */
void model_restore(struct model *model, int node, const struct knows *then);
void model_bury(struct model *model, int nodes, int liar);

/* Whether one who said these contents of a track may have known the others; what is not known for
 * sure may be. */
bool model_may_know(const struct model *model, int track, uint16_t contents, uint16_t others);

/* All is quiet: an act that is lost, in words, or NULL. */
const char *model_lost(const struct model *model, int nodes, int liar);

#endif
