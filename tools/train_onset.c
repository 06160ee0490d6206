/* train_onset - learns the tables of the onset coder
 *
 *     train_onset_codes.py FILE... | train_onset > src/code/onset/onset_tables.c
 *
 * To build: cc -O3 -D_GNU_SOURCE -Isrc -o train_onset tools/train_onset.c, with all of
 * src/code/onset/onset*.c, src/code/onset_hash.c, src/code/cut.c, src/code/pairs*.c and
 * src/base/{buffer,bytes,sort64,status,text}.c, -lm -lpthread.
 *
 * Reads plain code strings, one track a line, and writes the tables as C. Every track is taken once
 * as a whole, and one in SINGLE_EVERY of its documents alone. The same input gives the same output.
 *
 * The chance of an onset is a product of factors, one for each table, so the factors are fitted by
 * iterative scaling: each cell is multiplied by the onsets that were seen in it over those that
 * were expected, table after table, until they agree.
 */
#include "code/cut.h"
#include "code/onset/onset_chance.h"
#include "code/onset/onset_find.h"
#include "code/onset/onset_model.h"
#include "code/pairs.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define TABLES 4
#define SINGLE_EVERY 8
#define ROUNDS 10
#define CELLS_MAX 1536
#define NO_CELL (CELLS_MAX - 1) /* where a table says nothing */

struct training {
	uint16_t (*cells)[TABLES]; /* of every time */
	uint8_t *hits; /* whether there was an onset */
	size_t count;
	size_t capacity;
	double factor[TABLES][CELLS_MAX];
	double carries[EP_ONSET_CONTEXTS][8];
};

static void
check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "train_onset: %s\n", what);
	exit(1);
}

static uint16_t
support_cell(const struct ep_onset_model *model, int which, uint32_t age)
{
	const struct ep_onset_support *support = &model->supports[which];
	if (age >= EP_ONSET_AGE_END)
		age = EP_ONSET_AGE_END - 1;
	return (uint16_t)(support->cells - support->table + model->age_cell[age] +
	                  model->level[support->count[age]]);
}

static void
see_time(struct training *training, const struct ep_onset_model *model,
         const struct ep_onset_walk *walk, uint32_t at, bool hit)
{
	if (training->count == training->capacity) {
		training->capacity = training->capacity ? training->capacity * 2 : 1 << 20;
		training->cells =
			realloc(training->cells, training->capacity * sizeof *training->cells);
		training->hits = realloc(training->hits, training->capacity);
		check(training->cells && training->hits, "out of memory");
	}
	uint16_t *cells = training->cells[training->count];
	uint32_t age = at - walk->last;
	cells[0] = (uint16_t)(walk->count ? ep_onset_age_class(age) : EP_ONSET_AGE_CLASSES - 1);
	cells[1] =
		(uint16_t)(ep_onset_feature_cell(model->features[EP_ONSET_FEATURES_BEFORE + at]) +
	                   EP_ONSET_FEATURES * walk->band);
	cells[2] = walk->count ? support_cell(model, 0, age) : NO_CELL;
	cells[3] = walk->count && walk->gap ? support_cell(model, 1, age + walk->gap) : NO_CELL;
	training->hits[training->count++] = hit;
}

static void
see_band(struct training *training, struct ep_onset_model *model, uint32_t band,
         const struct ep_onset *onsets, size_t count, struct ep_window window, uint32_t last)
{
	struct ep_onset_walk walk = { .band = band };
	size_t next = 0;
	int after = 0;
	for (uint32_t at = 0; count > 0 && after < 4 && at <= last - window.first; at++) {
		bool hit = next < count && onsets[next].time - window.first == at;
		if (!hit && walk.count && at - walk.last < EP_ONSET_GAP_MIN)
			continue;
		see_time(training, model, &walk, at, hit);
		if (!hit)
			continue;
		ep_onset_walk_on(model, &walk, at);
		if (walk.count >= 4)
			training->carries[walk.history][onsets[next].carries]++;
		if (walk.count > 1)
			walk.history = (walk.history << 3 | onsets[next].carries) &
			               (EP_ONSET_CONTEXTS - 1);
		after += onsets[next].time >= window.end;
		next++;
	}
}

static void
see_pairs(struct training *training, struct ep_onset_model *model, struct ep_onset_finder *finder,
          const struct ep_pair *pairs, size_t count, struct ep_window window)
{
	struct ep_error err;
	struct ep_onsets onsets = { 0 };
	uint32_t last = window.first;
	if (count == 0 || ep_onset_find(&onsets, finder, pairs, count, window, &err) != EP_OK) {
		ep_onsets_free(&onsets);
		return;
	}
	for (size_t i = 0; i < onsets.count; i++)
		last = onsets.items[i].time > last ? onsets.items[i].time : last;
	check(ep_onset_model_begin(model, last - window.first, &err) == EP_OK, "out of memory");
	size_t start = 0;
	for (int b = 0; b < EP_ONSET_BANDS; b++) {
		see_band(training, model, (uint32_t)b, onsets.items + start, onsets.end[b] - start,
		         window, last);
		ep_onset_features_next(model, &onsets, b, window.first);
		start = onsets.end[b];
	}
	ep_onsets_free(&onsets);
}

static double
rate_at(const struct training *training, size_t i)
{
	double rate = 1;
	for (int k = 0; k < TABLES; k++)
		rate *= training->factor[k][training->cells[i][k]];
	return rate;
}

static void
fit_table(struct training *training, int table)
{
	static double seen[CELLS_MAX];
	static double expected[CELLS_MAX];
	memset(seen, 0, sizeof seen);
	memset(expected, 0, sizeof expected);
	for (size_t i = 0; i < training->count; i++) {
		double rate = rate_at(training, i);
		uint16_t cell = training->cells[i][table];
		expected[cell] += rate;
		if (training->hits[i])
			seen[cell] += rate < 1e-9 ? 1 : rate / (1 - exp(-rate));
	}
	for (int i = 0; i < CELLS_MAX; i++)
		training->factor[table][i] *= (seen[i] + 1) / (expected[i] + 1);
	if (table >= 2)
		training->factor[table][NO_CELL] = 1;
}

static void
print_weights(const char *indent, const double *factors, int count, int one)
{
	for (int i = 0; i < count; i++) {
		double weight = floor(one + 16 * log2(factors[i]) + 0.5);
		printf("%s%.0f,%s", i % 16 ? " " : indent, fmin(fmax(weight, 0), 255),
		       i % 16 == 15 || i == count - 1 ? "\n" : "");
	}
}

static void
print_carries(const struct training *training)
{
	printf("\t.carries = {\n");
	for (int i = 0; i < EP_ONSET_CONTEXTS; i++) {
		const double *counts = training->carries[i];
		double sum = 0;
		for (int k = 0; k < 8; k++)
			sum += counts[k];
		/* Few come about; the others are all alike. */
		printf("%s{ 0", i % 4 ? " " : "\t\t");
		for (int k = 1; k < 8; k++)
			printf(", %.0f",
			       sum < 20 ? 32 : fmin(255, floor(256 * counts[k] / sum + 0.5)));
		printf(" },%s", i % 4 == 3 ? "\n" : "");
	}
	printf("\t},\n");
}

static void
print_tables(const struct training *training)
{
	printf("/* Made by tools/train_onset.c: do not edit. */\n#include "
	       "\"code/onset/onset_tables.h\"\n\n"
	       "/* clang-format off */\n"
	       "const struct ep_onset_tables ep_onset_tables_1 = {\n\t.age = {\n");
	print_weights("\t\t", training->factor[0], EP_ONSET_AGE_CLASSES,
	              EP_ONSET_WEIGHT_ONE - 3 * EP_ONSET_WEIGHT_NEUTRAL);
	printf("\t},\n\t.feature = {\n");
	for (int b = 0; b < EP_ONSET_BANDS; b++) {
		printf("\t\t{\n");
		print_weights("\t\t\t", training->factor[1] + EP_ONSET_FEATURES * b,
		              EP_ONSET_FEATURES, EP_ONSET_WEIGHT_NEUTRAL);
		printf("\t\t},\n");
	}
	printf("\t},\n\t.support = {\n");
	for (int k = 2; k < 4; k++) {
		printf("\t\t{\n");
		print_weights("\t\t\t", training->factor[k], EP_ONSET_SUPPORT_CELLS,
		              EP_ONSET_WEIGHT_NEUTRAL);
		printf("\t\t},\n");
	}
	printf("\t},\n");
	print_carries(training);
	printf("};\n");
}

static size_t
first_from(const struct ep_pair *pairs, size_t count, uint32_t time)
{
	size_t i = 0;
	while (i < count && pairs[i].time < time)
		i++;
	return i;
}

int
main(void)
{
	static const struct ep_onset_tables empty;
	static struct training training;
	struct ep_onset_model *model = NULL;
	struct ep_onset_finder *finder = NULL;
	struct ep_error err;
	char *line = NULL;
	size_t line_capacity = 0;
	ssize_t size;
	uint32_t document = 0;
	check(ep_onset_model_new(&model, &empty, &err) == EP_OK, "out of memory");
	check(ep_onset_finder_new(&finder, &err) == EP_OK, "out of memory");
	for (int k = 0; k < TABLES; k++)
		for (int i = 0; i < CELLS_MAX; i++)
			training.factor[k][i] = k == 0 ? 0.01 : 1;
	while ((size = getline(&line, &line_capacity, stdin)) > 0) {
		struct ep_pairs pairs = { 0 };
		struct ep_text text = { line, (size_t)size - (line[size - 1] == '\n') };
		check(ep_pairs_parse(&pairs, text, &err) == EP_OK, err.text);
		check(ep_pairs_sort(pairs.items, pairs.count, &err) == EP_OK, err.text);
		see_pairs(&training, model, finder, pairs.items, pairs.count,
		          (struct ep_window){ 0, (uint32_t)EP_TIME_MAX + 1 });
		uint32_t documents =
			pairs.count ? ep_segment_count(pairs.items[pairs.count - 1].time) : 0;
		for (uint32_t i = 0; i < documents; i++) {
			struct ep_window window = ep_window_of(i);
			size_t from = first_from(pairs.items, pairs.count, window.first);
			size_t end = first_from(pairs.items, pairs.count, window.end);
			if (document++ % SINGLE_EVERY == 0)
				see_pairs(&training, model, finder, pairs.items + from, end - from,
				          window);
		}
		ep_pairs_free(&pairs);
	}
	fprintf(stderr, "train_onset: %zu times\n", training.count);
	for (int round = 0; round < ROUNDS; round++)
		for (int k = 0; k < TABLES; k++)
			fit_table(&training, k);
	print_tables(&training);
	free(line);
	free(training.cells);
	free(training.hits);
	ep_onset_finder_free(finder);
	ep_onset_model_free(model);
	return 0;
}
