/* generate.c - big data for benchmarks: songs like the real ones, as CSV of a dump or as JSON
 *
 *     count up songs (produce) -> make and print them, on all cores (work) -> write (consume)
 *
 * What is written follows from the options alone, however many threads there are.
 */
#include "base/file.h"
#include "base/pipeline.h"
#include "code/codestring.h"
#include "code/cut.h"
#include "format/csv.h"
#include "names.h"
#include "song.h"

#include <getopt.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Songs are made and written so many at a time: 2 MB of CSV on average. */
#define JOB_SONGS 16

/* Documents of a song at most; none has so many. */
#define SONG_DOCUMENTS_MAX 10000

static const char usage[] =
	"usage: generate [OPTIONS] > FILE\n"
	"\n"
	"Write songs like real ones, to measure with. The same options give the same bytes.\n"
	"\n"
	"Options:\n"
	"  --songs N        so many songs (default: 1000)\n"
	"  --documents N    songs until they have N documents or more, of about 16 KB\n"
	"  --format FORMAT  csv (default), the rows of a dump; or json, as the code generator\n"
	"  --seed N         other songs (default: 1)\n"
	"  --first-id N     number of the first song (default: 0); each number is one song\n"
	"  --threads N      threads that make songs (default: one a core)\n"
	"  --help           print this\n";

struct options {
	uint64_t seed;
	uint64_t songs;
	uint64_t documents; /* 0: songs counts */
	uint64_t first_id;
	uint64_t threads;
	bool json;
};

/* A few songs. */
struct job {
	uint64_t first; /* counted from 0 */
	size_t count;
	struct ep_buffer text;
	size_t end[JOB_SONGS]; /* of each song in text */
	size_t documents[JOB_SONGS];
};

/* What one thread needs to make songs. */
struct worker {
	struct song_maker *maker;
	struct ep_pairs pairs;
	struct ep_cut cut;
};

struct run {
	const struct options *options;
	struct worker *workers;
	uint64_t next_song;
	uint64_t written_songs;
	uint64_t written_documents;
	atomic_bool enough;
};

static enum ep_status
produce(void *context, void *made, bool *end, struct ep_error *err)
{
	(void)err;
	struct run *run = context;
	struct job *job = made;
	uint64_t left = run->options->songs - run->next_song;
	if (left == 0 || atomic_load(&run->enough)) {
		*end = true;
		return EP_OK;
	}
	job->first = run->next_song;
	job->count = left < JOB_SONGS ? (size_t)left : JOB_SONGS;
	run->next_song += job->count;
	return EP_OK;
}

/* Appends the rows of a song that has been cut. */
static enum ep_status
print_rows(struct ep_buffer *out, const struct ep_cut *cut, const struct names *names,
           uint32_t length_s, struct ep_error *err)
{
	char id[64];
	char length[16];
	snprintf(length, sizeof length, "%lu", (unsigned long)length_s);
	for (size_t i = 0; i < cut->count; i++) {
		snprintf(id, sizeof id, "%s-%zu", names->track_id, i);
		const struct ep_text fields[EP_CSV_COLUMNS] = {
			ep_text_of(id),
			ep_text_of("4.12"),
			cut->documents[i],
			ep_text_of(length),
			ep_text_of(names->artist),
			ep_text_of(names->release),
			ep_text_of(names->track),
		};
		EP_TRY(ep_csv_append_row(out, fields, EP_CSV_COLUMNS, err));
	}
	return EP_OK;
}

static enum ep_status
append(struct ep_buffer *out, const char *text, struct ep_error *err)
{
	return ep_buffer_append(out, text, strlen(text), err);
}

/* Appends `"key": "text", `. Names hold no control characters. */
static enum ep_status
print_string(struct ep_buffer *out, const char *key, const char *text, struct ep_error *err)
{
	EP_TRY(append(out, "\"", err));
	EP_TRY(append(out, key, err));
	EP_TRY(append(out, "\": \"", err));
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			EP_TRY(append(out, "\\", err));
		EP_TRY(ep_buffer_append(out, text, 1, err));
	}
	return append(out, "\", ", err);
}

/* Appends a song as the code generator does; number is counted from 0 in this output. */
static enum ep_status
print_object(struct ep_buffer *out, const struct ep_pairs *pairs, const struct names *names,
             uint32_t length_s, uint64_t number, struct ep_error *err)
{
	char text[512];
	EP_TRY(append(out, number == 0 ? "[\n{\"metadata\": {" : ",\n{\"metadata\": {", err));
	EP_TRY(print_string(out, "artist", names->artist, err));
	EP_TRY(print_string(out, "release", names->release, err));
	EP_TRY(print_string(out, "title", names->track, err));
	snprintf(text, sizeof text,
	         "\"genre\": \"\", \"bitrate\": 128, \"sample_rate\": 44100, \"duration\": %lu, "
	         "\"filename\": \"%s.mp3\", \"samples_decoded\": %lu, \"given_duration\": 0, "
	         "\"start_offset\": 0, \"version\": 4.12, \"codegen_time\": 0.1, "
	         "\"decode_time\": 0.1, \"track_id\": \"%s\"}, \"code_count\": %zu, \"code\": \"",
	         (unsigned long)length_s, names->track_id, (unsigned long)length_s * 11025,
	         names->track_id, pairs->count);
	EP_TRY(append(out, text, err));
	EP_TRY(ep_codestring_encode(out, pairs->items, pairs->count, err));
	snprintf(text, sizeof text, "\", \"tag\": %llu}", (unsigned long long)number);
	return append(out, text, err);
}

static enum ep_status
make_song(struct job *job, size_t i, struct worker *worker, const struct options *options,
          struct ep_error *err)
{
	struct names names;
	uint32_t length_s;
	uint64_t number = options->first_id + job->first + i;
	names_make(&names, options->seed, number);
	EP_TRY(song_make(&worker->pairs, &length_s, worker->maker, options->seed, number, err));
	if (options->json) {
		uint32_t last = 0;
		for (size_t at = 0; at < worker->pairs.count; at++)
			if (worker->pairs.items[at].time > last)
				last = worker->pairs.items[at].time;
		job->documents[i] = ep_segment_count(last);
		EP_TRY(print_object(&job->text, &worker->pairs, &names, length_s, job->first + i,
		                    err));
	} else {
		EP_TRY(ep_cut_documents(&worker->cut, &worker->pairs, SONG_DOCUMENTS_MAX, err));
		job->documents[i] = worker->cut.count;
		EP_TRY(print_rows(&job->text, &worker->cut, &names, length_s, err));
	}
	job->end[i] = job->text.size;
	return EP_OK;
}

static enum ep_status
work(void *context, void *made, unsigned number, struct ep_error *err)
{
	struct run *run = context;
	struct job *job = made;
	job->text.size = 0;
	if (atomic_load(&run->enough)) {
		job->count = 0;
		return EP_OK;
	}
	for (size_t i = 0; i < job->count; i++)
		EP_TRY(make_song(job, i, &run->workers[number], run->options, err));
	return EP_OK;
}

static enum ep_status
consume(void *context, void *made, struct ep_error *err)
{
	struct run *run = context;
	const struct job *job = made;
	size_t size = 0;
	if (atomic_load(&run->enough))
		return EP_OK;
	for (size_t i = 0; i < job->count && !atomic_load(&run->enough); i++) {
		size = job->end[i];
		run->written_songs++;
		run->written_documents += job->documents[i];
		if (run->options->documents && run->written_documents >= run->options->documents)
			atomic_store(&run->enough, true);
	}
	return ep_write_all(STDOUT_FILENO, job->text.data, size, "standard output", err);
}

static enum ep_status
generate(const struct options *options, struct ep_error *err)
{
	size_t threads = (size_t)options->threads;
	size_t job_count = 2 * threads + 2;
	EP_FREE struct job *jobs = calloc(job_count, sizeof *jobs);
	EP_FREE struct worker *workers = calloc(threads, sizeof *workers);
	if (!jobs || !workers)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu threads", threads);

	struct run run = { .options = options, .workers = workers };
	enum ep_status status = EP_OK;
	for (size_t i = 0; i < threads && status == EP_OK; i++)
		status = song_maker_new(&workers[i].maker, err);
	if (status == EP_OK)
		status = ep_pipeline_run(&(struct ep_pipeline){ .produce = produce,
		                                                .work = work,
		                                                .consume = consume,
		                                                .context = &run,
		                                                .jobs = jobs,
		                                                .job_size = sizeof *jobs,
		                                                .job_count = job_count,
		                                                .worker_count = (unsigned)threads },
		                         err);
	if (status == EP_OK && options->json)
		status = ep_write_all(STDOUT_FILENO, run.written_songs ? "\n]\n" : "[]\n", 3,
		                      "standard output", err);
	for (size_t i = 0; i < threads; i++) {
		song_maker_free(workers[i].maker);
		ep_pairs_free(&workers[i].pairs);
		ep_cut_free(&workers[i].cut);
	}
	for (size_t i = 0; i < job_count; i++)
		ep_buffer_free(&jobs[i].text);
	if (status == EP_OK)
		fprintf(stderr, "generate: %llu songs, %llu documents\n",
		        (unsigned long long)run.written_songs,
		        (unsigned long long)run.written_documents);
	return status;
}

/* Reads a whole number; false where text is none. */
static bool
read_number(uint64_t *out, const char *text)
{
	char *end;
	if (*text < '0' || *text > '9')
		return false;
	*out = strtoull(text, &end, 10);
	return *end == '\0';
}

enum option_number {
	OPTION_SEED = 1,
	OPTION_SONGS,
	OPTION_DOCUMENTS,
	OPTION_FORMAT,
	OPTION_FIRST,
	OPTION_THREADS,
	OPTION_HELP
};

static const struct option long_options[] = {
	{ "seed", required_argument, NULL, OPTION_SEED },
	{ "songs", required_argument, NULL, OPTION_SONGS },
	{ "documents", required_argument, NULL, OPTION_DOCUMENTS },
	{ "format", required_argument, NULL, OPTION_FORMAT },
	{ "first-id", required_argument, NULL, OPTION_FIRST },
	{ "threads", required_argument, NULL, OPTION_THREADS },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ 0 },
};

/* Takes one option; false where its argument is not what it must be. */
static bool
take_option(struct options *options, int option, const char *argument)
{
	switch (option) {
	case OPTION_SEED:
		return read_number(&options->seed, argument);
	case OPTION_SONGS:
		return read_number(&options->songs, argument);
	case OPTION_DOCUMENTS:
		options->songs = UINT64_MAX;
		return read_number(&options->documents, argument) && options->documents > 0;
	case OPTION_FIRST:
		return read_number(&options->first_id, argument);
	case OPTION_THREADS:
		return read_number(&options->threads, argument) && options->threads > 0 &&
		       options->threads <= 1024;
	case OPTION_FORMAT:
		options->json = strcmp(argument, "json") == 0;
		return options->json || strcmp(argument, "csv") == 0;
	default:
		return false;
	}
}

int
main(int argc, char **argv)
{
	struct options options = { .seed = 1, .songs = 1000, .threads = ep_processors() };
	int option;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == OPTION_HELP) {
			fputs(usage, stdout);
			return fflush(stdout) == 0 ? 0 : 1;
		}
		if (!take_option(&options, option, optarg)) {
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fputs(usage, stderr);
		return 2;
	}
	struct ep_error err;
	if (generate(&options, &err) == EP_OK)
		return 0;
	fprintf(stderr, "generate: %s\n", err.text);
	return 1;
}
