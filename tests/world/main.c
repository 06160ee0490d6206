/* world - random histories of a simulated world: `world --help` */
#include "world.h"

#include "machine.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char help[] =
	"usage: world [--histories N] [--seconds S] [--seed N] [--processes P] [--keep-going]\n"
	"       world --replay FILE [--show]\n"
	"       world --print SEED\n"
	"\n"
	"Runs random histories, of the seeds N, N+1, ...; one that fails is shrunk and printed, so "
	"that it\n"
	"can be kept and replayed.\n"
	"\n"
	"  --histories N   so many (default 1000), or --seconds S: as many as there is time for\n"
	"  --processes P   side by side (default 1)\n"
	"  --keep-going    count what fails by its kind, and shrink the first of each kind\n"
	"  --no-shrink     print what fails as it is\n"
	"  --show          what each node has after each step\n"
	"  --ignore KIND   histories that fail so do not count: the words before the colon\n"
	"  --distinct      shrink all that fail, and print those whose steps are of other kinds\n"
	"  --tell          a line of each history: seed, changes of files, digest, failure\n"
	"  --without STEP  histories without such a step; again for another\n"
	"  --print SEED    the history of a seed\n"
	"  --real-signatures   libsodium's, not a stand-in\n";

#define KINDS_MAX 64
#define IGNORED_MAX 8

struct options {
	uint64_t histories;
	double seconds;
	uint64_t seed;
	int processes;
	bool keeps_going;
	bool shrinks;
	bool shows;
	bool tells;
	bool distinct;
	const char *ignored[IGNORED_MAX];
	int ignored_count;
	bool anywhere;
	const char *replay;
};

/* What a process tells: shared. */
struct tally {
	uint64_t histories;
	uint64_t steps;
	uint64_t failed;
	uint64_t seed; /* of the history that runs */
	char kinds[KINDS_MAX][24];
	uint64_t counts[KINDS_MAX];
};

/* The kind of a failure: its words before the colon. */
static void
kind_of(char kind[24], const char *failure)
{
	size_t size = strcspn(failure, ":");
	snprintf(kind, 24, "%.*s", (int)(size < 23 ? size : 23), failure);
}

static bool
fails_alike(struct world *world, const struct history *history, const char *kind)
{
	char other[24] = "";
	const char *failure = world_run(world, history);
	if (failure)
		kind_of(other, failure);
	return strcmp(kind, other) == 0;
}

/* Tries a change of a history; keeps it where it fails alike. */
static bool
try_it(struct world *world, struct history *history, const struct history *tried, const char *kind)
{
	if (!fails_alike(world, tried, kind))
		return false;
	*history = *tried;
	return true;
}

/* Makes a step simpler: without trouble, without a fate, of one document. */
static bool
simplify_step(struct world *world, struct history *history, int at, const char *kind)
{
	struct history tried = *history;
	struct step *step = &tried.steps[at];
	if (step->trouble) {
		step->trouble = TROUBLE_NONE;
		if (try_it(world, history, &tried, kind))
			return true;
		tried = *history;
	}
	if (step->fate) {
		step->fate = FATE_OK;
		if (try_it(world, history, &tried, kind))
			return true;
		tried = *history;
	}
	if (step->contents / 64) {
		step->contents %= 64;
		if (step->contents && try_it(world, history, &tried, kind))
			return true;
	}
	return false;
}

static bool
drop_steps(struct world *world, struct history *history, int size, const char *kind)
{
	bool any = false;
	for (int at = 0; at + size <= history->count;) {
		struct history tried = *history;
		memmove(&tried.steps[at], &tried.steps[at + size],
		        (size_t)(tried.count - at - size) * sizeof *tried.steps);
		tried.count -= size;
		if (try_it(world, history, &tried, kind))
			any = true;
		else
			at++;
	}
	return any;
}

static void
shrink(struct world *world, struct history *history, const char *kind)
{
	for (bool any = true; any;) {
		any = false;
		for (int size = history->count / 2; size >= 1; size /= 2)
			any |= drop_steps(world, history, size, kind);
		for (int at = 0; at < history->count; at++)
			any |= simplify_step(world, history, at, kind);
		struct history tried = *history;
		tried.nodes--;
		if (tried.nodes > 1)
			any |= try_it(world, history, &tried, kind);
	}
}

/* What kinds of steps a shrunk history has, in order, as a number. */
static uint64_t
shape_of(const struct history *history, const char *kind)
{
	uint64_t hash = 14695981039346656037U;
	for (const char *at = kind; *at; at++)
		hash = (hash ^ (uint8_t)*at) * 1099511628211U;
	for (int i = 0; i < history->count; i++) {
		const struct step *step = &history->steps[i];
		unsigned shape =
			(unsigned)step->verb * 64 + (unsigned)step->fate * 8 + step->trouble;
		hash = (hash ^ shape) * 1099511628211U;
		hash = (hash ^ (step->node != 0)) * 1099511628211U;
	}
	return hash;
}

/* Whether a failure is of a shape that was not told yet. */
static bool
is_new_shape(const struct history *history, const char *kind)
{
	static uint64_t shapes[512];
	static size_t count;
	uint64_t shape = shape_of(history, kind);
	for (size_t i = 0; i < count; i++) {
		if (shapes[i] == shape)
			return false;
	}
	if (count < 512)
		shapes[count++] = shape;
	return true;
}

static void
tell(struct world *world, const struct options *options, const struct history *history,
     const char *failure)
{
	char kind[24];
	char words[400];
	struct history shrunk = *history;
	kind_of(kind, failure);
	snprintf(words, sizeof words, "%s", failure);
	if (options->shrinks) {
		shrink(world, &shrunk, kind);
		const char *again = world_run(world, &shrunk);
		snprintf(words, sizeof words, "%s", again ? again : "passes when run again");
	}
	if (options->distinct && !is_new_shape(&shrunk, kind))
		return;
	printf("# %s\n# %d steps, of seed %lu with %d\n", words, shrunk.count, history->seed,
	       history->count);
	history_print(stdout, &shrunk);
	putchar('\n');
	fflush(stdout);
}

/* Counts a failure; whether it is the first of its kind. */
static bool
count_failure(struct tally *tally, const char *failure)
{
	char kind[24];
	int at = 0;
	kind_of(kind, failure);
	tally->failed++;
	while (at < KINDS_MAX - 1 && tally->counts[at] && strcmp(tally->kinds[at], kind) != 0)
		at++;
	memcpy(tally->kinds[at], kind, sizeof kind);
	return tally->counts[at]++ == 0;
}

static bool
is_ignored(const struct options *options, const char *failure)
{
	char kind[24];
	kind_of(kind, failure);
	for (int i = 0; i < options->ignored_count; i++) {
		if (strcmp(kind, options->ignored[i]) == 0)
			return true;
	}
	return false;
}

static void
tell_outcome(const struct world *world, const char *failure)
{
	printf("%lu %lu ", world->history.seed, (unsigned long)world->changes);
	for (int node = 0; node < world->history.nodes; node++) {
		for (int i = 0; i < 4; i++)
			printf("%02x", world->model.seen[node].digest[i]);
	}
	printf(" %s\n", failure ? failure : "holds");
}

static void
run_some(struct tally *tally, const struct options *options, int process)
{
	struct world *world = world_make();
	world->model.anywhere = options->anywhere;
	double end = machine_real_s() + options->seconds;
	struct history history;
	for (uint64_t n = (uint64_t)process;; n += (uint64_t)options->processes) {
		if (options->seconds > 0 ? machine_real_s() > end : n >= options->histories)
			break;
		tally->seed = options->seed + n;
		history_make(&history, options->seed + n);
		const char *failure = world_run(world, &history);
		tally->histories++;
		tally->steps += (uint64_t)history.count;
		if (options->tells)
			tell_outcome(world, failure);
		if (!failure || is_ignored(options, failure))
			continue;
		if (count_failure(tally, failure) || options->distinct)
			tell(world, options, &history, failure);
		if (!options->keeps_going)
			break;
	}
	world_remove(world);
}

/* Runs the processes; one that dies is told of with the history that it was at. */
static int
run_all(const struct options *options)
{
	struct tally *tallies = machine_shared(sizeof *tallies * (size_t)options->processes);
	uint64_t histories = 0;
	uint64_t steps = 0;
	uint64_t failed = 0;
	pid_t children[64];
	double began = machine_real_s();
	fflush(stdout);
	for (int i = 0; i < options->processes; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			run_some(&tallies[i], options, i);
			fflush(stdout);
			_exit(0);
		}
	}
	for (int i = 0; i < options->processes; i++) {
		int result;
		struct history history;
		waitpid(children[i], &result, 0);
		histories += tallies[i].histories;
		steps += tallies[i].steps;
		failed += tallies[i].failed;
		if (!WIFEXITED(result) || WEXITSTATUS(result)) {
			failed++;
			printf("# died: signal %d at seed %lu\n", WTERMSIG(result),
			       (unsigned long)tallies[i].seed);
			history_make(&history, tallies[i].seed);
			history_print(stdout, &history);
		}
	}
	double seconds = machine_real_s() - began;
	printf("%lu histories of %lu steps, %lu failed; %.1f s, %.0f histories/s\n",
	       (unsigned long)histories, (unsigned long)steps, (unsigned long)failed, seconds,
	       (double)histories / seconds);
	for (int i = 0; i < options->processes; i++) {
		for (int kind = 0; kind < KINDS_MAX && tallies[i].counts[kind]; kind++)
			printf("  %s: %lu\n", tallies[i].kinds[kind],
			       (unsigned long)tallies[i].counts[kind]);
	}
	return failed ? 1 : 0;
}

static int
replay(const struct options *options)
{
	struct history history;
	FILE *file = strcmp(options->replay, "-") == 0 ? stdin : fopen(options->replay, "r");
	if (!file) {
		perror(options->replay);
		return 2;
	}
	bool good = history_read(&history, file, options->replay);
	fclose(file);
	if (!good)
		return 2;
	struct world *world = world_make();
	world->model.anywhere = options->anywhere;
	world->shows = options->shows;
	const char *failure = world_run(world, &history);
	printf("%s: %s (%lu changes of files)\n", options->replay, failure ? failure : "holds",
	       (unsigned long)world->changes);
	world_remove(world);
	return failure ? 1 : 0;
}

int
main(int argc, char **argv)
{
	enum {
		HISTORIES = 256,
		SECONDS,
		SEED,
		PROCESSES,
		KEEP,
		NO_SHRINK,
		REPLAY,
		SHOW,
		PRINT,
		REAL,
		ANYWHERE,
		WITHOUT,
		TELL,
		DISTINCT,
		IGNORE
	};
	static const struct option long_options[] = {
		{ "histories", 1, NULL, HISTORIES },
		{ "seconds", 1, NULL, SECONDS },
		{ "seed", 1, NULL, SEED },
		{ "processes", 1, NULL, PROCESSES },
		{ "keep-going", 0, NULL, KEEP },
		{ "no-shrink", 0, NULL, NO_SHRINK },
		{ "replay", 1, NULL, REPLAY },
		{ "show", 0, NULL, SHOW },
		{ "print", 1, NULL, PRINT },
		{ "real-signatures", 0, NULL, REAL },
		{ "aside-anywhere", 0, NULL, ANYWHERE },
		{ "without", 1, NULL, WITHOUT },
		{ "tell", 0, NULL, TELL },
		{ "distinct", 0, NULL, DISTINCT },
		{ "ignore", 1, NULL, IGNORE },
		{ "help", 0, NULL, 'h' },
		{ 0 },
	};
	struct options options = { .histories = 1000, .seed = 1, .processes = 1, .shrinks = true };
	struct history history;
	int letter;
	while ((letter = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		switch (letter) {
		case HISTORIES:
			options.histories = strtoul(optarg, NULL, 10);
			break;
		case SECONDS:
			options.seconds = strtod(optarg, NULL);
			break;
		case SEED:
			options.seed = strtoul(optarg, NULL, 10);
			break;
		case PROCESSES:
			options.processes =
				atoi(optarg) > 0 && atoi(optarg) <= 64 ? atoi(optarg) : 1;
			break;
		case KEEP:
			options.keeps_going = true;
			break;
		case NO_SHRINK:
			options.shrinks = false;
			break;
		case REPLAY:
			options.replay = optarg;
			break;
		case SHOW:
			options.shows = true;
			break;
		case PRINT:
			history_make(&history, strtoul(optarg, NULL, 10));
			history_print(stdout, &history);
			return 0;
		case ANYWHERE:
			options.anywhere = true;
			break;
		case WITHOUT:
			if (!history_without(optarg)) {
				fprintf(stderr, "there is no step %s\n", optarg);
				return 2;
			}
			break;
		case TELL:
			options.tells = true;
			break;
		case DISTINCT:
			options.distinct = options.keeps_going = true;
			break;
		case IGNORE:
			if (options.ignored_count < IGNORED_MAX)
				options.ignored[options.ignored_count++] = optarg;
			break;
		case REAL:
			machine_real_signatures(true);
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			fputs(help, stderr);
			return 2;
		}
	}
	return options.replay ? replay(&options) : run_all(&options);
}
