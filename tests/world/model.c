#include "model.h"

#include <stdio.h>
#include <string.h>

static uint64_t
bit(int act)
{
	return UINT64_C(1) << act;
}

void
model_begin(struct model *model)
{
	bool anywhere = model->anywhere;
	memset(model, 0, sizeof *model);
	model->anywhere = anywhere;
}

static int
add_act(struct model *model, int node, int track, uint16_t contents, uint64_t knew, bool required)
{
	if (model->count == ACTS)
		return -1;
	int act = model->count++;
	model->acts[act] = (struct act){ .node = (uint8_t)node,
		                         .track = (uint8_t)track,
		                         .contents = contents,
		                         .upon = model->knows[node].acts[track],
		                         .knew = knew | bit(act),
		                         .life = model->life[node],
		                         .required = required };
	return act;
}

void
model_act(struct model *model, int node, int track, uint16_t contents, bool required)
{
	struct knows *knows = &model->knows[node];
	uint64_t knew = knows->acts[track];
	/* Who says again what was kept aside takes that up. */
	for (int said = 0; contents && said < model->count; said++) {
		const struct act *again = &model->acts[said];
		if (again->node == node && again->track == track && again->contents == contents)
			knew |= bit(said);
	}
	int act = add_act(model, node, track, contents, knew, required);
	if (act < 0)
		return;
	knows->acts[track] |= bit(act);
	knows->contents[track] = contents;
}

/* The acts from which a state without known origin stems: the last act with its contents. */
static uint64_t
guess(struct model *model, int node, int track, uint16_t contents)
{
	for (int act = model->count; act-- > 0;) {
		if (model->acts[act].track == track && model->acts[act].contents == contents)
			return model->acts[act].knew;
	}
	int act = add_act(model, node, track, contents, 0, false);
	return act < 0 ? 0 : bit(act);
}

void
model_hear(struct model *model, int node, const struct node_view *view, const struct knows *hints,
           size_t hint_count)
{
	struct knows *knows = &model->knows[node];
	for (int track = 0; track < TRACKS; track++) {
		uint16_t now = view->contents[track];
		bool changed = now != knows->contents[track];
		bool hinted = false;
		/* What is where it was stems from nothing new, though others have the same. */
		bool heard = changed || view->at[track] != model->seen[node].at[track];
		uint64_t acts = changed ? 0 : knows->acts[track];
		for (size_t i = 0; i < hint_count && heard; i++) {
			if (hints[i].contents[track] != now)
				continue;
			acts |= hints[i].acts[track];
			hinted = true;
		}
		if (changed && !hinted)
			acts = guess(model, node, track, now);
		/* Who has nothing of a track, not even that it was deleted, knows nothing of it. */
		knows->acts[track] = view->known[track] ? acts : 0;
		knows->contents[track] = now;
		model->stood |= node == 0 ? knows->acts[track] : 0;
	}
	model->seen[node] = *view;
}

/* The acts with these contents that are in a set, or of all where none is. */
static uint64_t
stems_from(const struct model *model, int track, uint16_t contents)
{
	uint64_t acts = 0;
	for (int act = 0; act < model->count; act++) {
		if (model->acts[act].track == track && model->acts[act].contents == contents)
			acts |= model->acts[act].knew;
	}
	return acts;
}

uint64_t
model_settled(struct model *model, int track, uint16_t contents)
{
	uint64_t settled = stems_from(model, track, contents);
	for (int act = 0; act < model->count; act++) {
		if (settled & bit(act))
			model->acts[act].required = false;
	}
	return settled;
}

void
model_know(struct model *model, int node, int track, uint64_t acts)
{
	if (model->count == 0)
		return;
	model->acts[model->count - 1].knew |= acts;
	model->knows[node].acts[track] |= acts;
}

bool
model_may_know(const struct model *model, int track, uint16_t contents, uint16_t others)
{
	uint64_t knew = 0;
	uint64_t wanted = 0;
	bool sure = model->count < ACTS;
	for (int act = 0; act < model->count; act++) {
		const struct act *one = &model->acts[act];
		if (one->track != track)
			continue;
		knew |= one->contents == contents ? one->knew : 0;
		wanted |= one->contents == others ? bit(act) : 0;
	}
	return !sure || !wanted || (knew & wanted);
}

/* The acts of which a node's disk has heard. */
static uint64_t
held_by(const struct model *model, int node)
{
	const struct node_view *seen = &model->seen[node];
	uint64_t acts = 0;
	for (int track = 0; track < TRACKS; track++)
		acts |= model->knows[node].acts[track];
	/* Rows of a CSV may say the same by chance, and become others. */
	for (size_t i = 0; i < seen->aside_count; i++)
		acts |= seen->aside[i].rows
		                ? 0
		                : stems_from(model, seen->aside[i].track, seen->aside[i].contents);
	return acts;
}

void
model_restore(struct model *model, int node, const struct knows *then)
{
	model->knows[node] = *then;
	model->life[node] = ++model->lives;
}

void
model_bury(struct model *model, int nodes, int liar)
{
	uint64_t held = 0;
	for (int i = 0; i < nodes; i++) {
		if (i != liar && !model->removed[i])
			held |= held_by(model, i);
	}
	for (int act = 0; act < model->count; act++)
		model->acts[act].dead = !(held & bit(act));
}

/* Whether a node has put an act, or what was built on it, aside. */
static bool
is_aside(const struct model *model, int node, int act)
{
	const struct node_view *seen = &model->seen[node];
	int track = model->acts[act].track;
	for (size_t i = 0; i < seen->aside_count; i++) {
		if (seen->aside[i].track == track &&
		    (stems_from(model, track, seen->aside[i].contents) & bit(act)))
			return true;
	}
	return false;
}

static bool
is_aside_at(const struct model *model, int node, unsigned life, int act, int nodes)
{
	if (model->life[node] == life)
		return is_aside(model, node, act);
	for (int other = 0; other < nodes; other++) {
		if (is_aside(model, other, act))
			return true;
	}
	return false;
}

/* Where it was made; or where another said the same, and the two were taken for one. */
static bool
is_aside_where_made(const struct model *model, int act, int nodes)
{
	const struct act *one = &model->acts[act];
	for (int i = 0; i < model->count; i++) {
		const struct act *other = &model->acts[i];
		if (other->track == one->track && other->contents == one->contents &&
		    is_aside_at(model, other->node, other->life, act, nodes))
			return true;
	}
	return false;
}

/* Whether the same was said at the same time by another, and that is among these acts. */
static bool
is_said_by_another(const struct model *model, int act, uint64_t acts)
{
	const struct act *one = &model->acts[act];
	for (int i = 0; i < model->count; i++) {
		const struct act *other = &model->acts[i];
		if (i != act && other->track == one->track && other->contents == one->contents &&
		    (acts & bit(i)) && !(other->knew & bit(act)) && !(one->knew & bit(i)))
			return true;
	}
	return false;
}

/* Whether its node said the same before, upon the same, and that is among acts that have an end. */
static bool
is_repeated(const struct model *model, int act, uint64_t ended)
{
	const struct act *one = &model->acts[act];
	for (int i = 0; i < model->count; i++) {
		const struct act *other = &model->acts[i];
		if (i != act && other->node == one->node && other->track == one->track &&
		    other->contents == one->contents && other->upon == one->upon &&
		    (ended & bit(i)))
			return true;
	}
	return false;
}

static bool
has_end(const struct model *model, int act, int nodes, uint64_t good)
{
	const struct act *one = &model->acts[act];
	uint64_t standing = model->knows[0].acts[one->track];
	/* What stood at the master once was taken for one with what said the same then. */
	uint64_t same = standing | (good & model->stood);
	return model->knows[0].contents[one->track] == one->contents ||
	       ((standing | good) & bit(act)) || is_aside_where_made(model, act, nodes) ||
	       is_said_by_another(model, act, same) || is_repeated(model, act, standing | good);
}

const char *
model_lost(const struct model *model, int nodes, int liar)
{
	static char words[200];
	uint64_t good = 0; /* acts that have an end, and what they supersede */
	for (int act = model->count; act-- > 0;) {
		const struct act *one = &model->acts[act];
		bool stands = model->knows[0].acts[one->track] & bit(act);
		if (has_end(model, act, nodes, good) && (!one->dead || stands))
			good |= one->knew;
	}
	for (int act = model->count; act-- > 0;) {
		const struct act *one = &model->acts[act];
		bool counts = one->required && !one->dead && (one->contents || !model->anywhere) &&
		              one->node != liar && !model->removed[one->node];
		if (!counts || has_end(model, act, nodes, good))
			continue;
		uint16_t has = model->knows[0].contents[one->track];
		snprintf(words, sizeof words,
		         "lost %s: of track %c by node %d (act %d): the master has %d+%d, "
		         "and nothing is kept aside",
		         one->contents ? "put" : "deletion", 'A' + one->track, one->node, act,
		         has % 64 - 1, has / 64 - 1);
		return words;
	}
	return NULL;
}
