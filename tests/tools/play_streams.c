/* Plays streams and tells what becomes of them: for tests, and for measuring.
 *
 * usage: play_streams [-o FOLDER] [-q] URL...
 *
 * Each event is a line: "N STATE WHY", "N title TEXT", "N note TEXT", "N gap"; N is the number of
 * the URL, from 0. With -o, the samples of stream N go to FOLDER/N.raw. Commands come on standard
 * input: "facts" prints "N facts STATE bytes= samples= connections= codec= rate= bits= at= late=",
 * "remove N", "add URL", and "quit", which is also what the end of the input is. Without -q, it
 * ends by itself when all streams have ended.
 */
#include "base/time.h"
#include "net/stream/streams.h"
#include "sound/sound.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STREAMS_MAX 4096

struct one {
	int number;
	FILE *out;
	uint64_t samples;
	_Atomic double next_at; /* moment behind the last sample */
};

static struct one ones[STREAMS_MAX];
static int count;
static atomic_int ended;
static struct ep_streams *streams;
static const char *folder;

static const char *const states[] = { "connecting", "playing", "waiting", "ended" };

static enum ep_status
on_samples(void *stream, double at, bool joined, const int16_t *samples, size_t size,
           struct ep_error *err)
{
	struct one *one = stream;
	(void)err;
	if (!joined && one->samples > 0)
		printf("%d gap\n", one->number);
	if (one->out) {
		fwrite(samples, sizeof *samples, size, one->out);
		fflush(one->out);
	}
	one->samples += size;
	one->next_at = at + (double)size / EP_SOUND_RATE;
	return EP_OK;
}

static void
on_state(void *stream, enum ep_stream_state state, const char *why, double retry_s)
{
	struct one *one = stream;
	if (state == EP_STREAM_WAITING)
		printf("%d %s %.2f %s\n", one->number, states[state], retry_s, why);
	else
		printf("%d %s\n", one->number, states[state]);
	if (state == EP_STREAM_ENDED)
		atomic_fetch_add(&ended, 1);
}

static void
on_title(void *stream, struct ep_text title)
{
	const struct one *one = stream;
	printf("%d title %.*s\n", one->number, (int)title.size, title.at);
}

static void
on_note(void *stream, const char *text)
{
	const struct one *one = stream;
	printf("%d note %s\n", one->number, text);
}

static void
add(const char *url)
{
	struct ep_error err;
	char path[4096];
	struct one *one = &ones[count];
	if (count == STREAMS_MAX)
		return;
	one->number = count++;
	snprintf(path, sizeof path, "%s/%d.raw", folder ? folder : "", one->number);
	one->out = folder ? fopen(path, "wb") : NULL;
	if (ep_streams_add(streams, url, one, &err) != EP_OK) {
		printf("%d refused %s\n", one->number, err.text);
		atomic_fetch_add(&ended, 1);
	}
}

static void
tell_facts(void)
{
	for (int i = 0; i < count; i++) {
		struct ep_stream_facts facts;
		if (ep_streams_facts(&facts, streams, &ones[i], NULL) == EP_OK)
			printf("%d facts %s bytes=%llu samples=%llu connections=%llu codec=%s "
			       "rate=%u "
			       "bits=%u at=%.3f late=%.3f\n",
			       i, states[facts.state], (unsigned long long)facts.bytes,
			       (unsigned long long)facts.samples,
			       (unsigned long long)facts.connections, facts.codec,
			       facts.sample_rate, facts.bit_rate, ones[i].next_at,
			       ep_time_exact() - ones[i].next_at);
	}
	printf("done\n");
}

/* Reads commands until the end; false with "quit". */
static void *
obey(void *nothing)
{
	char line[4096];
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, "facts") == 0)
			tell_facts();
		else if (strncmp(line, "add ", 4) == 0)
			add(line + 4);
		else if (strncmp(line, "remove ", 7) == 0) {
			ep_streams_remove(streams, &ones[atoi(line + 7)]);
			printf("%s removed\n", line + 7);
		} else
			break;
	}
	return nothing;
}

int
main(int argc, char **words)
{
	struct ep_error err;
	const struct ep_stream_calls calls = { on_samples, on_state, on_title, on_note };
	bool stays = false;
	bool reads_input = false;
	int at = 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (; at < argc && words[at][0] == '-' && words[at][1]; at++) {
		if (strcmp(words[at], "-o") == 0 && at + 1 < argc)
			folder = words[++at];
		else
			stays = true;
	}
	if (ep_streams_open(&streams, &calls, &err) != EP_OK) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	for (; at < argc; at++) {
		reads_input |= strcmp(words[at], "-") == 0 || strcmp(words[at], "raw:-") == 0;
		add(words[at]);
	}
	if (stays) {
		obey(NULL);
	} else {
		pthread_t thread;
		if (!reads_input && pthread_create(&thread, NULL, obey, NULL) == 0)
			pthread_detach(thread);
		while (atomic_load(&ended) < count)
			usleep(10000);
		if (!reads_input)
			tell_facts();
	}
	ep_streams_close(streams);
	for (int i = 0; i < count; i++)
		if (ones[i].out)
			fclose(ones[i].out);
	printf("closed\n");
	return 0;
}
