#include "history.h"

#include <stdlib.h>
#include <string.h>

/* Arguments by letter: n node, t track, o other track or -, c contents, x number, f fate. */
static const struct {
	const char *name;
	const char *arguments;
	unsigned weight;
} verbs[VERB_COUNT] = {
	[PUT] = { "put", "ntc", 260 },     [DELETE] = { "delete", "nt", 60 },
	[LINK] = { "link", "nto", 40 },    [RELEASE] = { "release", "nt", 12 },
	[ACCEPT] = { "accept", "nt", 16 }, [DROP] = { "drop", "nt", 4 },
	[SYNC] = { "sync", "nf", 220 },    [PUSH] = { "push", "nf", 60 },
	[FETCH] = { "fetch", "nf", 80 },   [RESTART] = { "restart", "nf", 16 },
	[LATE] = { "late", "x", 40 },      [PUBLISH] = { "publish", "", 10 },
	[BURST] = { "burst", "x", 6 },     [STICK] = { "stick", "", 30 },
	[EPOCH] = { "epoch", "", 20 },     [CSVOUT] = { "csvout", "n", 30 },
	[CSVIN] = { "csvin", "nx", 40 },   [LEGACY_CSV] = { "legacy", "tc", 16 },
	[COPY] = { "copy", "n", 60 },      [RESTORE] = { "restore", "x", 50 },
	[REMOVE] = { "remove", "nx", 4 },  [ADD] = { "add", "n", 6 },
	[LIMIT] = { "limit", "nx", 12 },   [LIE] = { "lie", "nxtc", 100 },
	[CLOCK] = { "clock", "nx", 16 },   [WAIT] = { "wait", "x", 16 },
	[SPOIL] = { "spoil", "x", 12 },
};

static const char *const fates[FATE_COUNT] = { "ok",   "lost", "noanswer", "twice",
	                                       "flip", "cut",  "old",      "slow" };
static const char *const kinds[KIND_COUNT] = { "master", "slave", "mirror", "behind",
	                                       "stick",  "clone", "liar" };

bool
history_has_power_loss(const struct history *history)
{
	for (int i = 0; i < history->count; i++) {
		if (history->steps[i].trouble == TROUBLE_CRASH)
			return true;
	}
	return false;
}

int
history_liar(const struct history *history)
{
	for (int i = 0; i < history->nodes; i++) {
		if (history->kinds[i] == KIND_LIAR)
			return i;
	}
	return -1;
}

/* What a history is about: the weights of its steps, and what else it has. */
struct theme {
	unsigned weights[VERB_COUNT]; /* all 0: those of verbs */
	bool few; /* nodes, tracks and contents */
	bool restores_master; /* it is the one that is copied */
	bool unlucky; /* every second message has a fate */
	bool lies; /* there is a liar */
	bool powerless; /* machines lose power all the time */
};

static const struct theme themes[] = {
	{ .few = false },
	{ .few = false },
	{ .few = false },
	{ .few = false },
	{ .few = false },
	/* a master that was restored, and went on */
	{ .weights = { [PUT] = 30,
	               [DELETE] = 6,
	               [SYNC] = 14,
	               [PUSH] = 14,
	               [FETCH] = 8,
	               [RESTART] = 3,
	               [COPY] = 10,
	               [RESTORE] = 12,
	               [EPOCH] = 3 },
	  .few = true,
	  .restores_master = true },
	/* receipts that are old, late or of something else */
	{ .weights = { [PUT] = 24,
	               [DELETE] = 20,
	               [PUSH] = 30,
	               [SYNC] = 10,
	               [FETCH] = 4,
	               [LATE] = 4,
	               [COPY] = 5,
	               [RESTORE] = 5 },
	  .few = true,
	  .unlucky = true },
	/* CSV, and lost histories */
	{ .weights = { [PUT] = 26,
	               [DELETE] = 4,
	               [SYNC] = 20,
	               [CSVOUT] = 16,
	               [CSVIN] = 20,
	               [LEGACY_CSV] = 4,
	               [COPY] = 10,
	               [RESTORE] = 12,
	               [EPOCH] = 2 },
	  .few = true },
	/* links on tracks that others have, too */
	{ .weights = { [PUT] = 40,
	               [DELETE] = 6,
	               [LINK] = 30,
	               [RELEASE] = 4,
	               [SYNC] = 24,
	               [FETCH] = 16,
	               [COPY] = 2,
	               [RESTORE] = 2 },
	  .few = true },
	/* a member that lies, in many ways */
	{ .weights = { [PUT] = 30,
	               [DELETE] = 6,
	               [SYNC] = 24,
	               [FETCH] = 6,
	               [LATE] = 4,
	               [LIE] = 40,
	               [COPY] = 3,
	               [RESTORE] = 3,
	               [EPOCH] = 1 },
	  .few = true,
	  .lies = true },
	/* files of feeds, when power is lost */
	{ .weights = { [PUT] = 30,
	               [DELETE] = 4,
	               [SYNC] = 40,
	               [FETCH] = 10,
	               [PUBLISH] = 20,
	               [BURST] = 4,
	               [STICK] = 16,
	               [SPOIL] = 12 },
	  .powerless = true },
};
#define THEMES (sizeof themes / sizeof *themes)

/* ---- made by chance ---- */

static unsigned
below(uint64_t *state, unsigned end)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (unsigned)((*state * UINT64_C(2685821657736338717)) >> 33) % end;
}

static uint16_t
some_contents(uint64_t *state, const struct theme *theme)
{
	if (theme->few && below(state, 2))
		return CONTENTS((int)below(state, 3), -1);
	int first = (int)(below(state, 3) ? below(state, 30) : below(state, 4));
	int second = below(state, 4) ? -1 : (int)below(state, 4);
	return CONTENTS(first, second);
}

static void
make_trouble(struct step *step, uint64_t *state, int nodes, const struct theme *theme, bool power)
{
	bool through_log = step->verb < LATE || (step->verb <= CSVIN && step->verb != EPOCH);
	if (!through_log || below(state, step->verb == BURST || theme->powerless ? 2 : 8))
		return;
	step->trouble = power && below(state, 4) ? TROUBLE_CRASH : TROUBLE_FULL;
	step->trouble_node = below(state, 3) ? step->node : (int)below(state, (unsigned)nodes);
	if (step->verb >= PUBLISH && step->verb <= STICK)
		step->trouble_node = 0;
	step->trouble_at = below(state, below(state, 2) ? 12 : step->verb == BURST ? 200 : 60);
	step->trouble_seed = below(state, 1 << 20);
}

static bool without[VERB_COUNT];

bool
history_without(const char *verb)
{
	for (int i = 0; i < VERB_COUNT; i++) {
		if (strcmp(verbs[i].name, verb) == 0)
			return without[i] = true;
	}
	return false;
}

static unsigned
weight_of(const struct theme *theme, int verb)
{
	return theme->weights[PUT] ? theme->weights[verb] : verbs[verb].weight;
}

static enum verb
some_verb(uint64_t *state, const struct theme *theme, bool liar, bool stick, bool calm)
{
	unsigned sum = 0;
	for (int i = 0; i < VERB_COUNT; i++)
		sum += weight_of(theme, i);
	for (;;) {
		unsigned at = below(state, sum);
		int verb = 0;
		while (at >= weight_of(theme, verb))
			at -= weight_of(theme, verb++);
		bool disaster = verb == COPY || verb == RESTORE || verb == EPOCH;
		if ((verb == LIE && !liar) || (verb == STICK && !stick) || (calm && disaster) ||
		    without[verb])
			continue;
		return (enum verb)verb;
	}
}

static void
make_step(struct step *step, uint64_t *state, const struct history *history,
          const struct theme *theme, bool calm)
{
	unsigned nodes = (unsigned)history->nodes;
	int liar = history_liar(history);
	bool stick = false;
	for (int i = 0; i < history->nodes; i++)
		stick |= history->kinds[i] == KIND_STICK;
	*step = (struct step){ .verb = some_verb(state, theme, liar > 0, stick, calm) };
	bool slave_only = step->verb >= SYNC && step->verb <= RESTART;
	bool is_source = step->verb >= REMOVE && step->verb <= LIMIT;
	step->node = (int)below(state, nodes);
	if (slave_only || is_source)
		step->node = 1 + (int)below(state, nodes - 1);
	if (step->node == liar && step->verb != COPY)
		step->node = slave_only || is_source ? 1 : 0;
	if ((step->verb == COPY || step->verb == ACCEPT) &&
	    (theme->restores_master || below(state, 2)))
		step->node = 0;
	if (step->verb == LIE)
		step->node = liar;
	step->track = (int)(theme->few || below(state, 4) ? below(state, 2) : below(state, TRACKS));
	step->other = (int)below(state, theme->few ? 2 : TRACKS);
	step->contents = some_contents(state, theme);
	step->number = (long)below(state, step->verb == LIE ? NODE_LIES : 8);
	if (step->verb == LIMIT)
		step->number %= 3;
	if (step->verb == BURST)
		step->number += 4;
	if (step->verb == CLOCK)
		step->number = (long)below(state, 4000000) * 1000 - 2000000000;
	if (step->verb == WAIT)
		step->number = (long)below(state, 3) * 4000;
	if (slave_only && below(state, theme->unlucky ? 2 : 4) == 0)
		step->fate = (enum fate)(1 + below(state, FATE_COUNT - 1));
	if (step->fate != FATE_OK)
		step->fate_at = below(state, theme->unlucky ? 2 : 4);
}

/* Who is there: the last is the liar, where there is one. */
static void
make_nodes(struct history *history, uint64_t *state, const struct theme *theme)
{
	bool liar = (below(state, 3) == 0 && !theme->few) || theme->lies;
	history->nodes = 3 + (int)below(state, 2) + (below(state, 8) == 0);
	if (theme->few)
		history->nodes = 2 + (int)below(state, 2) + theme->lies;
	history->kinds[0] = KIND_MASTER;
	for (int i = 1; i < history->nodes; i++) {
		unsigned chance = below(state, theme->powerless ? 3 : 10);
		history->kinds[i] = chance == 0 ? KIND_STICK : KIND_SLAVE;
		if (chance == 2 && i > 1 && below(state, 3) == 0)
			history->kinds[i] = KIND_CLONE;
		if (chance == 1 && i + 1 < history->nodes) {
			history->kinds[i++] = KIND_MIRROR;
			history->kinds[i] = KIND_BEHIND;
		}
	}
	if (liar && history->kinds[history->nodes - 1] == KIND_SLAVE)
		history->kinds[history->nodes - 1] = KIND_LIAR;
}

void
history_make(struct history *history, uint64_t seed)
{
	uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 0x1234567;
	state = state ? state : 1;
	for (int i = 0; i < 8; i++)
		below(&state, 2);
	*history = (struct history){ .seed = seed };
	const struct theme *theme = &themes[below(&state, THEMES)];
	bool power = below(&state, 2) || theme->powerless;
	bool troubled = power || below(&state, 2);
	bool calm = below(&state, 4) == 0 && !theme->few; /* no restores */
	make_nodes(history, &state, theme);
	history->count = 5 + (int)below(&state, theme->few ? 10 : 26);
	for (int i = 0; i < history->count; i++) {
		struct step *step = &history->steps[i];
		make_step(step, &state, history, theme, calm);
		if (troubled && !(theme->few && below(&state, 4)))
			make_trouble(step, &state, history->nodes, theme, power);
	}
}

/* ---- as text ---- */

void
step_print(FILE *file, const struct step *step)
{
	if (step->trouble == TROUBLE_CRASH)
		fprintf(file, "crash %d %u %u ", step->trouble_node, step->trouble_at,
		        step->trouble_seed);
	else if (step->trouble == TROUBLE_FULL)
		fprintf(file, "full %d %u ", step->trouble_node, step->trouble_at);
	fputs(verbs[step->verb].name, file);
	for (const char *at = verbs[step->verb].arguments; *at; at++) {
		if (*at == 'n')
			fprintf(file, " %d", step->node);
		else if (*at == 't')
			fprintf(file, " %c", 'A' + step->track);
		else if (*at == 'o')
			fprintf(file, " %c", 'A' + step->other);
		else if (*at == 'x')
			fprintf(file, " %ld", step->number);
		else if (*at == 'c' && step->contents / 64)
			fprintf(file, " %d+%d", step->contents % 64 - 1, step->contents / 64 - 1);
		else if (*at == 'c')
			fprintf(file, " %d", step->contents % 64 - 1);
		else if (*at == 'f' && step->fate)
			fprintf(file, " %s:%u", fates[step->fate], step->fate_at);
	}
	fputc('\n', file);
}

void
history_print(FILE *file, const struct history *history)
{
	fprintf(file, "seed %lu\nnodes", history->seed);
	for (int i = 0; i < history->nodes; i++)
		fprintf(file, " %s", kinds[history->kinds[i]]);
	fputc('\n', file);
	for (int i = 0; i < history->count; i++)
		step_print(file, &history->steps[i]);
}

/* The place of a word in a list, or -1. */
static int
place_of(const char *word, const char *const *list, int count)
{
	for (int i = 0; i < count; i++) {
		if (word && strcmp(word, list[i]) == 0)
			return i;
	}
	return -1;
}

static bool
read_argument(struct step *step, char letter, char *word)
{
	if (letter == 'f') {
		char *colon = word ? strchr(word, ':') : NULL;
		if (colon)
			*colon++ = '\0';
		int fate = word ? place_of(word, fates, FATE_COUNT) : 0;
		step->fate = fate < 0 ? FATE_OK : (enum fate)fate;
		step->fate_at = colon ? (unsigned)strtoul(colon, NULL, 10) : 0;
		return fate >= 0;
	}
	if (!word)
		return false;
	char *plus = strchr(word, '+');
	switch (letter) {
	case 'n':
		step->node = atoi(word);
		return step->node >= 0 && step->node < NODES;
	case 't':
		step->track = word[0] - 'A';
		return step->track >= 0 && step->track < TRACKS;
	case 'o':
		step->other = word[0] - 'A';
		return step->other >= 0 && step->other < TRACKS;
	case 'c':
		step->contents = CONTENTS(atoi(word), plus ? atoi(plus + 1) : -1);
		return true;
	default:
		step->number = strtol(word, NULL, 10);
		return true;
	}
}

static bool
read_step(struct step *step, char *word, char **rest)
{
	*step = (struct step){ 0 };
	if (strcmp(word, "crash") == 0 || strcmp(word, "full") == 0) {
		step->trouble = word[0] == 'c' ? TROUBLE_CRASH : TROUBLE_FULL;
		unsigned *numbers[] = { &step->trouble_at, &step->trouble_seed };
		char *node = strtok_r(NULL, " ", rest);
		step->trouble_node = node ? atoi(node) : 0;
		for (int i = 0; i < (step->trouble == TROUBLE_CRASH ? 2 : 1); i++) {
			char *number = strtok_r(NULL, " ", rest);
			*numbers[i] = number ? (unsigned)strtoul(number, NULL, 10) : 0;
		}
		word = strtok_r(NULL, " ", rest);
	}
	int verb = 0;
	while (verb < VERB_COUNT && (!word || strcmp(verbs[verb].name, word) != 0))
		verb++;
	if (verb == VERB_COUNT)
		return false;
	step->verb = (enum verb)verb;
	for (const char *at = verbs[verb].arguments; *at; at++) {
		if (!read_argument(step, *at, strtok_r(NULL, " ", rest)))
			return false;
	}
	return true;
}

static bool
read_nodes(struct history *history, char **rest)
{
	char *word;
	while ((word = strtok_r(NULL, " ", rest)) != NULL) {
		int kind = place_of(word, kinds, KIND_COUNT);
		if (kind < 0 || history->nodes == NODES)
			return false;
		history->kinds[history->nodes++] = (enum kind)kind;
	}
	return history->nodes > 1;
}

bool
history_read(struct history *history, FILE *file, const char *name)
{
	char line[200];
	*history = (struct history){ .seed = 1 };
	for (int number = 1; fgets(line, sizeof line, file); number++) {
		char *rest = NULL;
		line[strcspn(line, "#\n")] = '\0';
		char *word = strtok_r(line, " ", &rest);
		bool good = true;
		if (!word)
			continue;
		/* What `world` says behind a history is none of it. */
		if (word[0] >= '0' && word[0] <= '9')
			break;
		if (strcmp(word, "seed") == 0)
			history->seed = strtoul(rest, NULL, 10);
		else if (strcmp(word, "nodes") == 0)
			good = read_nodes(history, &rest);
		else
			good = history->count < STEPS_MAX &&
			       read_step(&history->steps[history->count++], word, &rest);
		if (!good) {
			fprintf(stderr, "%s:%d: this is no step\n", name, number);
			return false;
		}
	}
	return history->nodes > 1;
}
