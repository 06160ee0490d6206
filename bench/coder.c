/* coder.c - the speed of the coder of code strings, beside bzip2, zstd and xz on the same text
 *
 *     CSV in memory -> units: whole tracks, or documents alone -> encode, decode -> compare
 *
 * The coder is measured on code strings, which are all but a few hundredths of the CSV, and the
 * others on the CSV. Nothing is read or written while the clock runs. Each task is first done once
 * untimed, in which what comes back is compared with what went in; in the timed runs its size is,
 * and sizes of what is encoded must be the same in all.
 */
#include "base/buffer.h"
#include "base/pipeline.h"
#include "base/time.h"
#include "code/stored/codes.h"
#include "format/csv.h"
#include "store/track.h"

#include <bzlib.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <lzma.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#define RUNS_MAX 99
#define THREADS_MAX 64

static const char usage_text[] =
	"usage: coder [OPTIONS] FILE.csv|-\n"
	"\n"
	"Measure the coder of code strings on the rows of a dump, and compressors on its bytes.\n"
	"\n"
	"Options:\n"
	"  --runs N       runs of each, of which the median is shown (default: 5)\n"
	"  --threads N    beside one thread (default: one a core)\n"
	"  --peer-mb N    give compressors the first N MB of the CSV (default: 16; 0: skip them)\n"
	"  --peer-runs N  runs of each of these (default: 3)\n"
	"  --json FILE    write the figures to FILE as well\n"
	"  --help         print this\n";

struct options {
	unsigned long runs;
	unsigned long threads;
	unsigned long peer_mb;
	unsigned long peer_runs;
	const char *json;
};

static void die(const char *fmt, ...) EP_PRINTF(1, 2) __attribute__((noreturn));

static void
die(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	fputs("coder: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static void *
need(void *memory)
{
	if (!memory)
		die("out of memory");
	return memory;
}

static void
must(enum ep_status status, const struct ep_error *err)
{
	if (status != EP_OK)
		die("%s", err->text);
}

/* ---- the input ---- */

/* The rows of a dump; documents of a track stand side by side. */
struct input {
	struct ep_buffer csv;
	struct ep_csv_block *blocks; /* the texts of documents point into them */
	size_t block_count;
	struct ep_codes_document *documents;
	size_t *track_ends; /* in documents, one a track */
	size_t document_count;
	size_t track_count;
	size_t text_size; /* of all code strings */
};

static void
read_file(struct ep_buffer *out, const char *path)
{
	struct ep_error err;
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("cannot read %s: %s", path, strerror(errno));
	out->max = (size_t)16 << 30;
	ssize_t got = 1;
	while (got > 0) {
		must(ep_buffer_reserve(out, 1 << 20, &err), &err);
		got = read(fd, out->data + out->size, 1 << 20);
		if (got < 0)
			die("cannot read %s: %s", path, strerror(errno));
		out->size += (size_t)got;
	}
	if (fd != STDIN_FILENO)
		close(fd);
}

/* Bytes in memory as the source of a reader. */
struct bytes {
	const uint8_t *at;
	size_t left;
};

static enum ep_status
read_bytes(void *context, void *out, size_t size, size_t *got, struct ep_error *err)
{
	(void)err;
	struct bytes *bytes = context;
	*got = size < bytes->left ? size : bytes->left;
	memcpy(out, bytes->at, *got);
	bytes->at += *got;
	bytes->left -= *got;
	return EP_OK;
}

static void
add_document(struct input *input, const struct ep_csv_row *row, struct ep_text *last_track)
{
	if (row->fault != EP_CSV_OK || row->columns != EP_CSV_COLUMNS)
		die("row %llu is not a row of a dump", (unsigned long long)row->number);
	struct ep_text track;
	struct ep_text suffix;
	ep_id_split(&track, &suffix, row->fields[0]);
	if ((input->document_count & (input->document_count + 1)) == 0) {
		size_t room = (input->document_count + 1) * 2;
		input->documents = need(realloc(input->documents, room * sizeof *input->documents));
		input->track_ends =
			need(realloc(input->track_ends, room * sizeof *input->track_ends));
	}
	if (input->document_count == 0 || !ep_text_equal(track, *last_track))
		input->track_count++;
	*last_track = track;
	input->documents[input->document_count++] = (struct ep_codes_document){
		.text = row->fields[2],
		.segment = ep_suffix_segment(suffix),
	};
	input->track_ends[input->track_count - 1] = input->document_count;
	input->text_size += row->fields[2].size;
}

static void
read_input(struct input *input, const char *path)
{
	struct ep_error err;
	struct ep_text last_track = { 0 };
	EP_OWNED(ep_csv_close)
	struct ep_csv_reader *reader = NULL;
	read_file(&input->csv, path);
	struct bytes bytes = { input->csv.data, input->csv.size };
	struct ep_source source = { .read = read_bytes, .context = &bytes };
	must(ep_csv_open(&reader, source, NULL, &err), &err);
	for (;;) {
		struct ep_csv_block block = { 0 };
		must(ep_csv_read(reader, &block, &err), &err);
		if (block.count == 0) {
			ep_csv_block_free(&block);
			break;
		}
		input->blocks = need(
			realloc(input->blocks, (input->block_count + 1) * sizeof *input->blocks));
		input->blocks[input->block_count++] = block;
		for (size_t i = 0; i < block.count; i++)
			add_document(input, &block.rows[i], &last_track);
	}
	if (input->document_count == 0)
		die("%s has no rows", path);
}

static void
free_input(struct input *input)
{
	for (size_t i = 0; i < input->block_count; i++)
		ep_csv_block_free(&input->blocks[i]);
	free(input->blocks);
	free(input->documents);
	free(input->track_ends);
	ep_buffer_free(&input->csv);
}

/* ---- figures ---- */

/* Seconds, of several runs. */
struct times {
	size_t count;
	double wall[RUNS_MAX];
	double cpu[RUNS_MAX];
};

struct clocks {
	double wall;
	double cpu;
};

static struct clocks
now(void)
{
	struct timespec cpu;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	return (struct clocks){ ep_clock_s(), (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9 };
}

static void
note(struct times *times, struct clocks start)
{
	struct clocks end = now();
	times->wall[times->count] = end.wall - start.wall;
	times->cpu[times->count++] = end.cpu - start.cpu;
}

static int
compare_seconds(const void *one, const void *other)
{
	double a = *(const double *)one;
	double b = *(const double *)other;
	return (a > b) - (a < b);
}

static double
median(const double *seconds, size_t count)
{
	double sorted[RUNS_MAX];
	memcpy(sorted, seconds, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, compare_seconds);
	return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

/* The table's left part and its JSON. */
struct line {
	const char *name;
	const char *unit;
	unsigned long threads;
	size_t text_size; /* bytes that the speed is counted in */
	size_t packed_size; /* what became of them */
	size_t documents;
	const struct times *in;
	const struct times *out;
};

static json_t *
times_json(const struct times *times, size_t size)
{
	double wall = median(times->wall, times->count);
	double cpu = median(times->cpu, times->count);
	json_t *runs = json_array();
	for (size_t i = 0; i < times->count; i++)
		json_array_append_new(runs, json_real(times->cpu[i]));
	return json_pack("{s:f, s:f, s:f, s:f, s:o}", "wall_s", wall, "cpu_s", cpu, "mb_per_s",
	                 (double)size / 1e6 / wall, "mb_per_cpu_s", (double)size / 1e6 / cpu,
	                 "cpu_of_runs_s", runs);
}

static void
show(json_t *report, const struct line *line)
{
	double mb = (double)line->text_size / 1e6;
	printf("%-12s %-10s %2lu %9.1f %8.2f", line->name, line->unit, line->threads,
	       (double)line->packed_size / (double)line->documents,
	       100.0 * (double)line->packed_size / (double)line->text_size);
	const struct times *both[] = { line->in, line->out };
	for (int i = 0; i < 2; i++)
		printf(" %9.1f %9.1f", mb / median(both[i]->cpu, both[i]->count),
		       mb / median(both[i]->wall, both[i]->count));
	printf("\n");
	fflush(stdout);
	json_array_append_new(report, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:o}", "name",
	                                        line->name, "unit", line->unit, "threads",
	                                        (json_int_t)line->threads, "bytes",
	                                        (json_int_t)line->text_size, "packed_bytes",
	                                        (json_int_t)line->packed_size, "documents",
	                                        (json_int_t)line->documents, "encode",
	                                        times_json(line->in, line->text_size), "decode",
	                                        times_json(line->out, line->text_size)));
}

/* ---- the coder ---- */

/* What is coded together, and what became of it. */
struct unit {
	size_t first; /* in the input's documents */
	size_t count;
	unsigned thread; /* whose bytes it is in */
	size_t at;
	size_t size;
};

struct task {
	const struct input *input;
	struct unit *units;
	size_t unit_count;
	bool decode;
	bool compare; /* every byte; else only sizes */
	atomic_size_t next;
};

struct worker {
	pthread_t thread;
	unsigned number;
	struct task *task;
	struct worker *workers; /* all of them */
	struct ep_codes_coder *coder;
	struct ep_codes_document *documents; /* of one unit, decoded */
	struct ep_buffer bytes; /* of the units that it encoded */
};

static void
encode_unit(struct worker *worker, struct unit *unit)
{
	struct ep_error err;
	unit->thread = worker->number;
	unit->at = worker->bytes.size;
	must(ep_codes_encode(&worker->bytes, worker->coder,
	                     worker->task->input->documents + unit->first, unit->count, &err),
	     &err);
	unit->size = worker->bytes.size - unit->at;
}

static void
decode_unit(struct worker *worker, const struct unit *unit)
{
	struct ep_error err;
	const struct ep_codes_document *before = worker->task->input->documents + unit->first;
	for (size_t i = 0; i < unit->count; i++)
		worker->documents[i] = (struct ep_codes_document){ .segment = before[i].segment };
	must(ep_codes_decode(worker->coder, worker->documents, unit->count,
	                     worker->workers[unit->thread].bytes.data + unit->at, unit->size, &err),
	     &err);
	for (size_t i = 0; i < unit->count; i++) {
		struct ep_text text = worker->documents[i].text;
		bool same = worker->task->compare ? ep_text_equal(text, before[i].text)
		                                  : text.size == before[i].text.size;
		if (!same)
			die("document %zu did not come back", unit->first + i);
	}
}

static void *
work(void *context)
{
	struct worker *worker = context;
	struct task *task = worker->task;
	size_t i;
	while ((i = atomic_fetch_add(&task->next, 1)) < task->unit_count) {
		if (task->decode)
			decode_unit(worker, &task->units[i]);
		else
			encode_unit(worker, &task->units[i]);
	}
	return NULL;
}

/* Does all units once. */
static void
run_task(struct task *task, struct worker *workers, unsigned long threads)
{
	atomic_store(&task->next, 0);
	for (unsigned long i = 0; i < threads; i++)
		workers[i].task = task;
	for (unsigned long i = 1; i < threads; i++) {
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			die("cannot start a thread");
	}
	work(&workers[0]);
	for (unsigned long i = 1; i < threads; i++)
		pthread_join(workers[i].thread, NULL);
}

static void
encode_once(struct task *task, struct worker *workers, unsigned long threads)
{
	for (unsigned long i = 0; i < threads; i++)
		workers[i].bytes.size = 0;
	task->decode = false;
	run_task(task, workers, threads);
}

static size_t
packed_size(const struct task *task)
{
	size_t size = 0;
	for (size_t i = 0; i < task->unit_count; i++)
		size += task->units[i].size;
	return size;
}

static size_t
make_units(struct unit *units, const struct input *input, bool tracks)
{
	size_t count = tracks ? input->track_count : input->document_count;
	for (size_t i = 0; i < count; i++) {
		size_t first = !tracks ? i : i ? input->track_ends[i - 1] : 0;
		size_t end = tracks ? input->track_ends[i] : i + 1;
		units[i] = (struct unit){ .first = first, .count = end - first };
	}
	return count;
}

static void
measure_coder(json_t *report, const struct input *input, const struct options *options,
              enum ep_codes_form form, bool tracks, unsigned long threads)
{
	struct ep_error err;
	struct worker *workers = need(calloc(threads, sizeof *workers));
	struct task task = { .input = input };
	struct times in = { 0 };
	struct times out = { 0 };
	task.units = need(calloc(input->document_count, sizeof *task.units));
	task.unit_count = make_units(task.units, input, tracks);
	for (unsigned i = 0; i < threads; i++) {
		workers[i].number = i;
		workers[i].workers = workers;
		workers[i].documents =
			need(calloc(input->document_count, sizeof *workers[i].documents));
		must(ep_codes_coder_new(&workers[i].coder, form, &err), &err);
	}
	encode_once(&task, workers, threads);
	size_t size = packed_size(&task);
	task.decode = true;
	task.compare = true;
	run_task(&task, workers, threads);
	task.compare = false;
	for (unsigned long run = 0; run < options->runs; run++) {
		struct clocks start = now();
		encode_once(&task, workers, threads);
		note(&in, start);
		if (packed_size(&task) != size)
			die("the same documents gave other bytes");
		task.decode = true;
		start = now();
		run_task(&task, workers, threads);
		note(&out, start);
	}
	show(report, &(struct line){ .name = form == EP_CODES_ONSET ? "onset" : "packed",
	                             .unit = tracks ? "tracks" : "documents",
	                             .threads = threads,
	                             .text_size = input->text_size,
	                             .packed_size = size,
	                             .documents = input->document_count,
	                             .in = &in,
	                             .out = &out });
	for (unsigned long i = 0; i < threads; i++) {
		ep_codes_coder_free(workers[i].coder);
		free(workers[i].documents);
		ep_buffer_free(&workers[i].bytes);
	}
	free(workers);
	free(task.units);
}

/* ---- the others ---- */

struct peer {
	const char *name;
	int level;
	size_t (*pack)(void *out, size_t room, const void *text, size_t size, int level);
	size_t (*unpack)(void *out, size_t room, const void *bytes, size_t size);
};

static size_t
pack_bzip2(void *out, size_t room, const void *text, size_t size, int level)
{
	unsigned got = (unsigned)room;
	/* bzlib takes the text without const, and leaves it. */
	union {
		const void *given;
		char *taken;
	} in = { .given = text };
	if (BZ2_bzBuffToBuffCompress(out, &got, in.taken, (unsigned)size, level, 0, 0) != BZ_OK)
		die("bzip2 failed");
	return got;
}

static size_t
unpack_bzip2(void *out, size_t room, const void *bytes, size_t size)
{
	unsigned got = (unsigned)room;
	union {
		const void *given;
		char *taken;
	} in = { .given = bytes };
	if (BZ2_bzBuffToBuffDecompress(out, &got, in.taken, (unsigned)size, 0, 0) != BZ_OK)
		die("bzip2 failed");
	return got;
}

static size_t
pack_zstd(void *out, size_t room, const void *text, size_t size, int level)
{
	size_t got = ZSTD_compress(out, room, text, size, level);
	if (ZSTD_isError(got))
		die("zstd failed: %s", ZSTD_getErrorName(got));
	return got;
}

static size_t
unpack_zstd(void *out, size_t room, const void *bytes, size_t size)
{
	size_t got = ZSTD_decompress(out, room, bytes, size);
	if (ZSTD_isError(got))
		die("zstd failed: %s", ZSTD_getErrorName(got));
	return got;
}

static size_t
pack_xz(void *out, size_t room, const void *text, size_t size, int level)
{
	size_t got = 0;
	if (lzma_easy_buffer_encode((uint32_t)level | LZMA_PRESET_EXTREME, LZMA_CHECK_CRC64, NULL,
	                            text, size, out, &got, room) != LZMA_OK)
		die("xz failed");
	return got;
}

static size_t
unpack_xz(void *out, size_t room, const void *bytes, size_t size)
{
	uint64_t memory = UINT64_MAX;
	size_t used = 0;
	size_t got = 0;
	if (lzma_stream_buffer_decode(&memory, 0, NULL, bytes, &used, size, out, &got, room) !=
	    LZMA_OK)
		die("xz failed");
	return got;
}

static const struct peer peers[] = {
	{ "bzip2 -9", 9, pack_bzip2, unpack_bzip2 },
	{ "zstd -3", 3, pack_zstd, unpack_zstd },
	{ "zstd -19", 19, pack_zstd, unpack_zstd },
	{ "xz -9e", 9, pack_xz, unpack_xz },
};

static void
measure_peer(json_t *report, const struct input *input, const struct options *options,
             const struct peer *peer)
{
	size_t size = input->csv.size;
	if (size > options->peer_mb * 1000000)
		size = options->peer_mb * 1000000;
	size_t documents = 0;
	for (size_t i = 0; i < size; i++)
		documents += input->csv.data[i] == '\n';
	size_t room = size + size / 50 + 100000;
	void *packed = need(malloc(room));
	uint8_t *text = need(malloc(size + 1));
	struct times in = { 0 };
	struct times out = { 0 };
	size_t packed_bytes = 0;
	for (unsigned long run = 0; run < options->peer_runs; run++) {
		struct clocks start = now();
		packed_bytes = peer->pack(packed, room, input->csv.data, size, peer->level);
		note(&in, start);
		memset(text, 0, size);
		start = now();
		size_t got = peer->unpack(text, size, packed, packed_bytes);
		note(&out, start);
		if (got != size || memcmp(text, input->csv.data, size) != 0)
			die("%s did not give the text back", peer->name);
	}
	show(report, &(struct line){ .name = peer->name,
	                             .unit = "CSV",
	                             .threads = 1,
	                             .text_size = size,
	                             .packed_size = packed_bytes,
	                             .documents = documents ? documents : 1,
	                             .in = &in,
	                             .out = &out });
	free(packed);
	free(text);
}

/* ---- the whole ---- */

/* Where this is measured. */
static void
print_machine(void)
{
	char line[256];
	FILE *info = fopen("/proc/cpuinfo", "r");
	while (info && fgets(line, sizeof line, info)) {
		char *name = strstr(line, ": ");
		if (strncmp(line, "model name", 10) != 0 || !name)
			continue;
		printf("%.*s, ", (int)strcspn(name + 2, "\n"), name + 2);
		break;
	}
	if (info)
		fclose(info);
	printf("%u cores; bzip2 %s, zstd %s, xz %s\n", ep_processors(), BZ2_bzlibVersion(),
	       ZSTD_versionString(), lzma_version_string());
}

static unsigned long
number_of(const char *name, const char *text, unsigned long least, unsigned long most)
{
	char *end;
	errno = 0;
	unsigned long number = strtoul(text, &end, 10);
	if (errno || *end || end == text || number < least || number > most) {
		fprintf(stderr, "coder: --%s is \"%s\", but must be %lu to %lu\n", name, text,
		        least, most);
		exit(2);
	}
	return number;
}

static const char *
read_options(struct options *options, int argc, char **argv)
{
	static const struct option known[] = {
		{ "runs", required_argument, NULL, 'r' },
		{ "threads", required_argument, NULL, 't' },
		{ "peer-mb", required_argument, NULL, 'm' },
		{ "peer-runs", required_argument, NULL, 'p' },
		{ "json", required_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int letter;
	while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (letter == 'r')
			options->runs = number_of("runs", optarg, 1, RUNS_MAX);
		else if (letter == 't')
			options->threads = number_of("threads", optarg, 1, THREADS_MAX);
		else if (letter == 'm')
			options->peer_mb = number_of("peer-mb", optarg, 0, 2000);
		else if (letter == 'p')
			options->peer_runs = number_of("peer-runs", optarg, 1, RUNS_MAX);
		else if (letter == 'j')
			options->json = optarg;
		else
			exit(letter == 'h' ? (fputs(usage_text, stdout), 0)
			                   : (fputs(usage_text, stderr), 2));
	}
	if (optind + 1 != argc) {
		fputs(usage_text, stderr);
		exit(2);
	}
	return argv[optind];
}

int
main(int argc, char **argv)
{
	struct options options = {
		.runs = 5, .threads = ep_processors(), .peer_mb = 16, .peer_runs = 3
	};
	const char *path = read_options(&options, argc, argv);
	struct input input = { 0 };
	read_input(&input, path);
	json_t *lines = json_array();
	print_machine();
	printf("%zu documents in %zu tracks, %zu bytes of CSV, of which %zu are code strings; "
	       "median of %lu runs\n",
	       input.document_count, input.track_count, input.csv.size, input.text_size,
	       options.runs);
	printf("compressors have the first %lu MB of the CSV; median of %lu runs\n\n",
	       options.peer_mb, options.peer_runs);
	printf("%-12s %-10s %2s %9s %8s %19s %19s\n", "", "", "", "bytes a", "",
	       "encode, MB a second", "decode, MB a second");
	printf("%-12s %-10s %2s %9s %8s %9s %9s %9s %9s\n", "form", "of", "th", "document",
	       "% of it", "of CPU", "of clock", "of CPU", "of clock");
	for (int form = EP_CODES_PACKED; form <= EP_CODES_ONSET; form++)
		for (int tracks = 1; tracks >= 0; tracks--)
			for (unsigned long threads = 1; threads <= options.threads;
			     threads += options.threads > 1 ? options.threads - 1 : 1)
				measure_coder(lines, &input, &options, (enum ep_codes_form)form,
				              tracks, threads);
	for (size_t i = 0; options.peer_mb && i < sizeof peers / sizeof *peers; i++)
		measure_peer(lines, &input, &options, &peers[i]);
	json_t *report = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:o}", "documents", (json_int_t)input.document_count,
		"tracks", (json_int_t)input.track_count, "csv_bytes", (json_int_t)input.csv.size,
		"code_string_bytes", (json_int_t)input.text_size, "runs", (json_int_t)options.runs,
		"lines", lines);
	if (options.json && json_dump_file(report, options.json, JSON_INDENT(2)) != 0)
		die("cannot write %s", options.json);
	json_decref(report);
	free_input(&input);
	return 0;
}
