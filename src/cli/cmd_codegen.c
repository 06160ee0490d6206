#include "base/pipeline.h"
#include "base/time.h"
#include "cli/cli.h"
#include "code/codestring.h"
#include "format/json_text.h"
#include "sound/audio.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_LIST, OPTION_START, OPTION_DURATION };

static const struct ep_option options[] = {
	[OPTION_LIST] = { "stdin", 's', NULL, "read file names from standard input, one per line" },
	[OPTION_START] = { "start", 0, "SECONDS", "start at this time in each file" },
	[OPTION_DURATION] = { "duration", 0, "SECONDS", "use this much of each file" },
	{ 0 },
};

/* A file on its way. */
struct job {
	char *path;
	uint64_t tag;
	struct ep_buffer json;
	uint64_t samples;
	bool failed; /* with why: the file, not the run */
	struct ep_error why;
};

struct session {
	const struct ep_call *call;
	struct ep_sound_options excerpt;
	struct ep_audio **audios; /* one a worker */
	struct ep_recording *recordings; /* the same */
	unsigned workers;
	/* The producer's. */
	size_t next_argument;
	uint64_t next_tag;
	/* The consumer's. */
	uint64_t done;
	uint64_t failed;
	uint64_t samples;
	double began;
	double shown;
};

/* ---- which files ---- */

/* The next name on standard input; NULL at its end. */
static char *
next_line(void)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t size = getline(&line, &room, stdin);
	while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '\r'))
		line[--size] = '\0';
	if (size >= 0)
		return line;
	free(line);
	return NULL;
}

static enum ep_status
produce(void *context, void *slot, bool *end, struct ep_error *err)
{
	struct session *session = context;
	struct job *job = slot;
	const struct ep_call *call = session->call;
	free(job->path);
	job->path = NULL;
	if (call->stop && atomic_load(call->stop))
		return ep_fail(err, EP_INTERRUPTED, "interrupted");
	if (call->values[OPTION_LIST]) {
		do {
			free(job->path);
			job->path = next_line();
		} while (job->path && !*job->path);
		*end = job->path == NULL;
	} else if (session->next_argument < call->argument_count) {
		job->path = strdup(call->arguments[session->next_argument++]);
		if (!job->path)
			return ep_fail(err, EP_NO_MEMORY, "out of memory");
	} else {
		*end = true;
	}
	job->tag = session->next_tag++;
	return EP_OK;
}

/* ---- what they are ---- */

static enum ep_status print(struct ep_buffer *out, struct ep_error *err, const char *fmt, ...)
	EP_PRINTF(3, 4);

static enum ep_status
print(struct ep_buffer *out, struct ep_error *err, const char *fmt, ...)
{
	char text[256];
	va_list args;
	va_start(args, fmt);
	int size = vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	return ep_buffer_append(out, text, (size_t)size, err);
}

/* Appends "key":"text" and what follows it. */
static enum ep_status
print_text(struct ep_buffer *out, const char *key, struct ep_text text, const char *behind,
           struct ep_error *err)
{
	json_t *json = ep_json_text(text);
	EP_FREE char *quoted = json ? json_dumps(json, JSON_ENCODE_ANY) : NULL;
	json_decref(json);
	if (!quoted)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(print(out, err, "\"%s\":", key));
	EP_TRY(ep_buffer_append(out, quoted, strlen(quoted), err));
	return print(out, err, "%s", behind);
}

/* Appends the object of a song, in the words and the order of the original. */
static enum ep_status
print_song(struct ep_buffer *out, const struct job *job, const struct ep_recording *song,
           const struct ep_sound_options *excerpt, struct ep_error *err)
{
	const struct ep_sound_info *info = &song->info;
	EP_TRY(print(out, err, "{\"metadata\":{"));
	EP_TRY(print_text(out, "artist", info->artist, ", ", err));
	EP_TRY(print_text(out, "release", info->release, ", ", err));
	EP_TRY(print_text(out, "title", info->title, ", ", err));
	EP_TRY(print_text(out, "genre", info->genre, ", ", err));
	EP_TRY(print(out, err, "\"bitrate\":%u,\"sample_rate\":%u, \"duration\":%u, ",
	             (info->bit_rate + 500) / 1000, info->sample_rate, ep_recording_length(song)));
	EP_TRY(print_text(out, "filename", ep_text_of(job->path), ", ", err));
	EP_TRY(print(out, err,
	             "\"samples_decoded\":%llu, \"given_duration\":%.15g, \"start_offset\":%.15g, "
	             "\"version\":%s, \"codegen_time\":%.6f, \"decode_time\":%.6f}, ",
	             (unsigned long long)song->samples, excerpt->duration_s, excerpt->start_s,
	             EP_GENERATOR_VERSION, song->generate_s, song->decode_s));
	EP_TRY(print(out, err, "\"code_count\":%zu, \"code\":\"", song->pairs.count));
	EP_TRY(ep_codestring_encode(out, song->pairs.items, song->pairs.count, err));
	return print(out, err, "\", \"tag\":%llu}", (unsigned long long)job->tag);
}

static enum ep_status
print_failure(struct ep_buffer *out, const struct job *job, struct ep_error *err)
{
	EP_TRY(print(out, err, "{\"error\":\"could not decode\", \"tag\":%llu, \"metadata\":{",
	             (unsigned long long)job->tag));
	return print_text(out, "filename", ep_text_of(job->path), "}}", err);
}

/* Whether a failure is the file's. */
static bool
is_of_file(enum ep_status status)
{
	return status == EP_BAD_INPUT || status == EP_NOT_FOUND;
}

static enum ep_status
work(void *context, void *slot, unsigned worker, struct ep_error *err)
{
	struct session *session = context;
	struct job *job = slot;
	struct ep_recording *song = &session->recordings[worker];
	struct ep_audio *audio = session->audios[worker];
	bool raw = strcmp(job->path, "-") == 0 && !session->call->values[OPTION_LIST];
	enum ep_status status =
		raw ? ep_audio_read_raw(song, audio, STDIN_FILENO, &session->excerpt, &job->why)
		    : ep_audio_read(song, audio, job->path, &session->excerpt, &job->why);
	if (status != EP_OK && !is_of_file(status))
		return ep_fail(err, status, "%s: %s", job->path, job->why.text);
	job->json.size = 0;
	job->failed = status != EP_OK;
	job->samples = job->failed ? 0 : song->samples;
	return job->failed ? print_failure(&job->json, job, err)
	                   : print_song(&job->json, job, song, &session->excerpt, err);
}

static enum ep_status
consume(void *context, void *slot, struct ep_error *err)
{
	struct session *session = context;
	struct job *job = slot;
	if (job->failed)
		ep_say("%s: %s", job->path, job->why.text);
	session->failed += job->failed;
	session->samples += job->samples;
	fputs(session->done++ == 0 ? "[\n" : ",\n", stdout);
	fwrite(job->json.data, 1, job->json.size, stdout);
	if (ferror(stdout))
		return ep_fail_errno(err, errno, "cannot write to standard output");
	if (ep_shows_progress(session->call)) {
		double seconds = ep_clock_s() - session->began;
		size_t files = session->call->argument_count;
		ep_show_progress(
			&session->shown, "%s, %s times real time%s",
			ep_counted(session->done, "file"),
			ep_grouped((uint64_t)((double)session->samples / EP_SAMPLE_RATE / seconds)),
			ep_time_left(seconds, session->done, files));
	}
	return EP_OK;
}

/* ---- running ---- */

static enum ep_status
read_seconds(double *seconds, const struct ep_call *call, int option, struct ep_error *err)
{
	const char *value = call->values[option];
	if (!value)
		return EP_OK;
	char *end;
	double read = strtod(value, &end);
	if (end == value || *end || !(read >= 0 && read <= EP_GENERATOR_START_MAX))
		return ep_fail(err, EP_USAGE,
		               "--%s is \"%s\", but must be a number of seconds from 0 to %.0f",
		               options[option].name, value, EP_GENERATOR_START_MAX);
	*seconds = read;
	return EP_OK;
}

static enum ep_status
read_options(struct session *session, const struct ep_call *call, struct ep_error *err)
{
	bool list = call->values[OPTION_LIST] != NULL;
	if (list && call->argument_count > 0)
		return ep_fail(err, EP_USAGE, "give either files or -s, not both");
	if (!list && call->argument_count == 0)
		return ep_fail(err, EP_USAGE,
		               "give at least one file, - for raw samples on standard input, or -s "
		               "to read file names");
	EP_TRY(read_seconds(&session->excerpt.start_s, call, OPTION_START, err));
	EP_TRY(read_seconds(&session->excerpt.duration_s, call, OPTION_DURATION, err));
	session->excerpt.stop = call->stop;
	return EP_OK;
}

static enum ep_status
open_session(struct session *session, struct ep_error *err)
{
	session->workers = ep_processors();
	size_t files = session->call->argument_count;
	if (files > 0 && files < session->workers)
		session->workers = (unsigned)files;
	session->audios = calloc(session->workers, sizeof(struct ep_audio *));
	session->recordings = calloc(session->workers, sizeof *session->recordings);
	if (!session->audios || !session->recordings)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	for (unsigned i = 0; i < session->workers; i++)
		EP_TRY(ep_audio_open(&session->audios[i], NULL, err));
	return EP_OK;
}

static void
close_session(struct session *session)
{
	for (unsigned i = 0; i < session->workers; i++) {
		if (session->audios)
			ep_audio_close(session->audios[i]);
		if (session->recordings)
			ep_recording_free(&session->recordings[i]);
	}
	free(session->audios);
	free(session->recordings);
}

static enum ep_status
run_all(struct session *session, struct ep_error *err)
{
	size_t job_count = EP_PIPELINE_JOBS(session->workers);
	EP_FREE struct job *jobs = calloc(job_count, sizeof *jobs);
	if (!jobs)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	struct ep_pipeline pipeline = {
		.produce = produce,
		.work = work,
		.consume = consume,
		.context = session,
		.jobs = jobs,
		.job_size = sizeof *jobs,
		.job_count = job_count,
		.worker_count = session->workers,
	};
	enum ep_status status = ep_pipeline_run(&pipeline, err);
	for (size_t i = 0; i < job_count; i++) {
		free(jobs[i].path);
		ep_buffer_free(&jobs[i].json);
	}
	return status;
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct ep_error err = { 0 };
	struct session session = { .call = call, .began = ep_clock_s() };
	if (read_options(&session, call, &err) != EP_OK)
		return ep_bad_usage(call->command, "%s", err.text);
	enum ep_status status = open_session(&session, &err);
	if (status == EP_OK)
		status = run_all(&session, &err);
	close_session(&session);
	ep_show_progress(&session.shown, "%s", "");
	/* What has been done is a whole array in any case. */
	if (session.done > 0 || status == EP_OK)
		fputs(session.done > 0 ? "\n]\n" : "[\n]\n", stdout);
	if (status != EP_OK) {
		ep_say("%s", err.text);
		return ep_exit_of(status);
	}
	return session.failed ? EP_EXIT_PARTLY : EP_EXIT_DONE;
}

const struct ep_command ep_cmd_codegen = {
	.name = "codegen",
	.synopsis = "[OPTIONS] FILE...|-|-s",
	.summary = "Print the codes of audio files as the original code generator's JSON",
	.details = "Any audio that ffmpeg can read is decoded, on all cores, and printed in the "
		   "order given.\n"
		   "A file that cannot be decoded is reported, an error object takes its place, "
		   "and the\n"
		   "others are decoded (exit status 3). - reads raw samples from standard input: "
		   "mono,\n"
		   "11025 Hz, signed 16 bit little-endian, as written by\n"
		   "`ffmpeg -i FILE -ac 1 -ar 11025 -f s16le -`.\n",
	.options = options,
	.arguments = "FILE",
	.run = run,
};
