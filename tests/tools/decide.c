/* decide - what the C code decides, for a comparison with the model: tests/model/oracle.py
 *
 * Reads questions from standard input, a line each, and writes an answer for each. The format is
 * told at the top of oracle.py.
 */
#include "store/decide.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MASTER 9
#define PARTIES 9
#define LINE_MAX_BYTES 65536

/* The words of a line, taken one by one. */
static char *rest;

static struct ep_party list[PARTIES];
static const struct ep_parties parties = { list, PARTIES };
static struct ep_seal_key secret;

static void
needs(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "decide: %s\n", what);
	exit(1);
}

static const char *
word(void)
{
	char *at = strtok_r(NULL, " \n", &rest);
	needs(at != NULL, "a line ends early");
	return at;
}

static long
number(void)
{
	return strtol(word(), NULL, 10);
}

static long
named(const char *name)
{
	needs(strcmp(word(), name) == 0, name);
	return number();
}

static struct ep_step
read_step(void)
{
	const char *at = word();
	struct ep_step step = { .csv = at[0] == 'c', .party = (uint32_t)(at[1] - '0') };
	memset(step.contents.bytes, atoi(at + 3), EP_REVISION_SIZE);
	return step;
}

/* Reads a chain from its first step on. */
static void
read_chain(struct ep_history *history, size_t count, const struct ep_subject *subject,
           struct ep_arena *arena)
{
	struct ep_step *steps = ep_arena_alloc(arena, count * sizeof *steps);
	needs(steps != NULL, "out of memory");
	for (size_t i = 0; i < count; i++)
		steps[i] = read_step();
	*history = (struct ep_history){ .generation = 1, .steps = steps, .count = count };
	ep_history_hash(history, subject, &parties);
}

static void
read_also(struct ep_history *history, const struct ep_subject *subject, struct ep_arena *arena)
{
	for (long count = named("also"); count > 0; count--) {
		struct ep_history chain;
		read_chain(&chain, (size_t)number(), subject, arena);
		needs(ep_history_add_also(history, arena, &ep_history_head(&chain)->id, 1, NULL) ==
		              EP_OK,
		      "out of memory");
	}
}

/* Takes off the first steps, however many are left. */
static void
cut_off(struct ep_history *history, size_t drop, struct ep_arena *arena)
{
	struct ep_history whole = *history;
	if (drop == 0)
		return;
	whole.sealed = whole.count;
	needs(ep_history_cut(&whole, arena, history->count - drop - 1, true, NULL) == EP_OK,
	      "out of memory");
	needs(whole.count == history->count - drop, "a cut is not as asked");
	whole.sealed = 0;
	*history = whole;
}

/* What is above 4 has fields, and the rows of what is 4 lower. */
static void
set_rows(struct ep_history *history)
{
	uint8_t contents = ep_history_head(history)->contents.bytes[0];
	if (contents > 4)
		memset(history->rows.bytes, contents - 4, EP_REVISION_SIZE);
}

/* Reads a state; false: there is none. */
static bool
read_state(struct ep_history *history, const struct ep_subject *subject, struct ep_arena *arena)
{
	const char *first = word();
	if (strcmp(first, "-") == 0)
		return false;
	size_t total = (size_t)number();
	size_t drop = (size_t)number();
	read_chain(history, total, subject, arena);
	needs(strcmp(word(), "seal") == 0, "no seal");
	long index = number();
	bool forged = strcmp(word(), "forged") == 0;
	uint32_t owner = (uint32_t)number();
	uint64_t born = (uint64_t)number();
	read_also(history, subject, arena);
	cut_off(history, drop, arena);
	set_rows(history);
	if (index < 0)
		return true;
	history->sealed = (size_t)index + 1;
	history->owner = owner;
	history->born = born;
	needs(ep_history_seal(&history->seal, history, subject, &parties, &secret, arena, NULL) ==
	              EP_OK,
	      "out of memory");
	history->seal.bytes[0] ^= forged;
	return true;
}

static void
print_held(const struct ep_history *history, struct ep_arena *arena)
{
	struct ep_revision *starts;
	size_t count;
	if (!history) {
		printf("-\n");
		return;
	}
	printf("%lu %zu", (unsigned long)ep_history_generation(history), history->count);
	for (size_t i = 0; i < history->count; i++)
		printf(" %c%u:%u", history->steps[i].csv ? 'c' : 'k', history->steps[i].party,
		       history->steps[i].contents.bytes[0]);
	if (history->sealed)
		printf(" seal %zu %u %lu", history->sealed - 1, history->owner,
		       (unsigned long)history->born);
	else
		printf(" seal -1 0 0");
	needs(ep_history_starts(&starts, &count, history, history->count - 1, arena, NULL) == EP_OK,
	      "out of memory");
	printf(" also %zu starts %zu\n", history->also_count, count);
}

static void
answer_take(long question, const struct ep_subject *subject, struct ep_arena *arena)
{
	static const struct {
		const char *outcome;
		const char *aside;
	} words[] = {
		[EP_TAKEN_SAME] = { "same", "-" },
		[EP_TAKEN_OLD] = { "old", "-" },
		[EP_TAKEN_NONE] = { "none", "-" },
		[EP_TAKEN_EQUAL] = { "same", "-" },
		[EP_TAKEN_CONFLICT] = { "conflict", "x" },
		[EP_TAKEN_REFUSED] = { "refused", "-" },
		[EP_TAKEN_REPLACED] = { "replaced", "y" },
		[EP_TAKEN_OVERRULED] = { "overruled", "y" },
		[EP_TAKEN_ACCEPTED] = { "accepted", "-" },
	};
	struct ep_take take = { .parties = &parties, .master = MASTER, .link = subject->link };
	struct ep_history x;
	struct ep_history y;
	struct ep_history out;
	struct ep_seal seal;
	enum ep_taken result;
	take.sender = (uint32_t)named("sender");
	take.epoch = (uint64_t)named("epoch");
	take.untouched = named("untouched");
	take.owns_copy = (uint32_t)named("copyowner") == take.sender;
	size_t kept = (size_t)named("kept");
	needs(strcmp(word(), "x") == 0 && read_state(&x, subject, arena), "no x");
	needs(strcmp(word(), "y") == 0, "no y");
	bool there = read_state(&y, subject, arena);
	if (x.sealed) {
		needs(ep_history_seal(&seal, &x, subject, &parties, &secret, arena, NULL) == EP_OK,
		      "out of memory");
		take.proven = memcmp(&seal, &x.seal, sizeof seal) == 0;
	}
	needs(ep_decide_take(&result, &out, &x, there ? &y : NULL, &take, arena, NULL) == EP_OK,
	      "out of memory");
	bool stands = result == EP_TAKEN_REPLACED || result == EP_TAKEN_OVERRULED ||
	              result == EP_TAKEN_ACCEPTED;
	if (stands) {
		ep_history_hash(&out, subject, &parties);
		needs(ep_history_cut(&out, arena, kept, false, NULL) == EP_OK &&
		              ep_history_bound(&out, arena, NULL) == EP_OK,
		      "out of memory");
	}
	printf("take %ld: %s aside %s has ", question, words[result].outcome, words[result].aside);
	print_held(stands ? &out : there ? &y : NULL, arena);
}

static void
answer_follow(long question, const struct ep_subject *subject, struct ep_arena *arena)
{
	static const char *const outcomes[] = { "new", "same", "overtaken", "kept", "replaced" };
	struct ep_follow follow = { .parties = &parties, .master = MASTER };
	struct ep_followed result;
	struct ep_history f;
	struct ep_history x;
	struct ep_history out;
	follow.self = (uint32_t)named("me");
	bool confirmed = named("confirmed");
	follow.old = !confirmed;
	needs(strcmp(word(), "f") == 0 && read_state(&f, subject, arena), "no f");
	needs(strcmp(word(), "x") == 0, "no x");
	bool there = read_state(&x, subject, arena);
	needs(ep_decide_follow(&result, &out, &f, there ? &x : NULL, &follow, arena, NULL) == EP_OK,
	      "out of memory");
	bool kept = result.outcome == EP_FOLLOWING_KEPT;
	printf("follow %ld: %s aside %s sent %d proof %d confirmed %d has ", question,
	       outcomes[result.outcome], result.aside ? "x" : "-", kept, result.proof,
	       !kept || result.rebased || confirmed);
	print_held(result.rebased ? &out : kept ? &x : &f, arena);
}

static void
answer_handed(long question, const struct ep_subject *subject, struct ep_arena *arena)
{
	static const struct {
		const char *outcome;
		const char *aside; /* what is, where something is */
	} words[] = {
		[EP_HANDED_SAME] = { "same", "-" },
		[EP_HANDED_OLD] = { "old", "-" },
		[EP_HANDED_PROOF] = { "proof", "-" },
		[EP_HANDED_NEW] = { "new", "-" },
		[EP_HANDED_OVERTAKEN] = { "overtaken", "x" },
		[EP_HANDED_REPLACED] = { "replaced", "x" },
		[EP_HANDED_CONFLICT] = { "conflict", "f" },
	};
	struct ep_follow follow = { .parties = &parties, .master = MASTER };
	struct ep_history f;
	struct ep_history x;
	enum ep_handed result;
	bool aside;
	follow.self = (uint32_t)named("me");
	bool feed = named("feed");
	needs(strcmp(word(), "f") == 0 && read_state(&f, subject, arena), "no f");
	needs(strcmp(word(), "x") == 0, "no x");
	bool there = read_state(&x, subject, arena);
	ep_decide_handed(&result, &aside, &f, there ? &x : NULL, &follow, feed);
	bool stands = result == EP_HANDED_NEW || result == EP_HANDED_OVERTAKEN ||
	              result == EP_HANDED_REPLACED;
	printf("handed %ld: %s aside %s proof %d has ", question, words[result].outcome,
	       aside ? words[result].aside : "-", result == EP_HANDED_PROOF);
	print_held(stands ? &f : there ? &x : NULL, arena);
}

int
main(void)
{
	static char line[LINE_MAX_BYTES];
	struct ep_arena arena = { 0 };
	for (int i = 0; i < PARTIES; i++)
		memset(list[i].key.bytes, i + 1, EP_KEY_SIZE);
	while (fgets(line, sizeof line, stdin)) {
		char *what = strtok_r(line, " \n", &rest);
		needs(what != NULL, "an empty line");
		long question = number();
		struct ep_subject subject = { ep_text_of("T"), strcmp(word(), "link") == 0 };
		ep_arena_reset(&arena);
		if (strcmp(what, "take") == 0)
			answer_take(question, &subject, &arena);
		else if (strcmp(what, "handed") == 0)
			answer_handed(question, &subject, &arena);
		else
			answer_follow(question, &subject, &arena);
	}
	ep_arena_free(&arena);
	return 0;
}
