#include "net/stream/streams.h"

#include "base/time.h"
#include "net/late.h"
#include "net/stream/file_stream.h"
#include "net/stream/http_stream.h"
#include "net/stream/pace.h"
#include "net/stream/station.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/resource.h>

/* Sound since the last failure after which that is forgotten, in seconds. */
#define RECOVERED_S 60.0

struct ep_streams {
	struct ep_stream_calls calls;
	struct ep_nursery *nursery;
	pthread_mutex_t mutex; /* of the list */
	struct ep_station **stations;
	size_t count;
	size_t capacity;
};

/* ---- one stream ---- */

static bool
is_http(const char *url)
{
	return strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
}

/* 0 to 1. */
static double
any_number(void)
{
	uint32_t bits = 0;
	(void)!getrandom(&bits, sizeof bits, GRND_NONBLOCK);
	return bits / (double)UINT32_MAX;
}

/* Tries, waits and tries again, until the stream is to stop or has ended. */
static void *
run(void *context)
{
	struct ep_station *station = context;
	unsigned failures = 0;
	while (!atomic_load(&station->stop)) {
		struct ep_error err = { 0 };
		ep_station_note_connection(station);
		enum ep_status status = is_http(station->url) ? ep_http_stream_play(station, &err)
		                                              : ep_file_stream_play(station, &err);
		station->attempt++;
		if (atomic_load(&station->stop))
			break;
		if (status == EP_OK) {
			ep_station_tell_state(station, EP_STREAM_ENDED, "", 0);
			break;
		}
		failures = station->played_s >= RECOVERED_S ? 1 : failures + 1;
		station->played_s = 0;
		double retry_s = ep_backoff_s(failures, any_number());
		ep_station_tell_state(station, EP_STREAM_WAITING, err.text, retry_s);
		ep_station_sleep(station, retry_s);
	}
	return NULL;
}

/* Starts the thread. Signals are for the others; that a decoder's pipe is broken is no reason to
 * die. */
static int
start(struct ep_station *station)
{
	sigset_t all;
	sigset_t before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&station->thread, NULL, run, station);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed;
}

/* ---- all ---- */

/* A stream has some ten descriptors, and there may be hundreds: up to what the system allows. */
static void
allow_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

enum ep_status
ep_streams_open(struct ep_streams **out, const struct ep_stream_calls *calls, struct ep_error *err)
{
	EP_OWNED(ep_streams_close)
	struct ep_streams *streams = calloc(1, sizeof *streams);
	if (!streams)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	pthread_mutex_init(&streams->mutex, NULL);
	streams->calls = *calls;
	EP_TRY(ep_nursery_open(&streams->nursery, err));
	allow_descriptors();
	*out = EP_TAKE(streams);
	return EP_OK;
}

static void
end(struct ep_station *station)
{
	ep_station_stop(station);
	pthread_join(station->thread, NULL);
	ep_station_free(station);
}

void
ep_streams_close(struct ep_streams *streams)
{
	if (!streams)
		return;
	for (size_t i = 0; i < streams->count; i++)
		ep_station_stop(streams->stations[i]);
	for (size_t i = 0; i < streams->count; i++)
		end(streams->stations[i]);
	free(streams->stations);
	ep_nursery_close(streams->nursery);
	pthread_mutex_destroy(&streams->mutex);
	free(streams);
}

/* The place of a stream in the list; its count where it is not there. With the mutex. */
static size_t
find(const struct ep_streams *streams, const void *stream)
{
	size_t at = 0;
	while (at < streams->count && streams->stations[at]->stream != stream)
		at++;
	return at;
}

static enum ep_status
check_url(const char *url, struct ep_error *err)
{
	const char *scheme = strstr(url, "://");
	if (is_http(url))
		return ep_late_curl(err);
	if (!*url || strcmp(url, "raw:") == 0)
		return ep_fail(err, EP_BAD_INPUT, "a stream needs a URL or a path");
	size_t letters =
		strspn(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");
	if (scheme && (size_t)(scheme - url) == letters && letters > 0)
		return ep_fail(err, EP_BAD_INPUT,
		               "%.*s:// cannot be played: a stream is an http:// or https:// URL, "
		               "a file, a pipe or a device",
		               (int)(letters < 40 ? letters : 40), url);
	return EP_OK;
}

/* Puts it on the list, and starts it. With the mutex. */
static enum ep_status
add(struct ep_streams *streams, struct ep_station *station, struct ep_error *err)
{
	if (streams->count == streams->capacity) {
		size_t capacity = streams->capacity ? 2 * streams->capacity : 16;
		struct ep_station **more =
			realloc(streams->stations, capacity * sizeof(struct ep_station *));
		if (!more)
			return ep_fail(err, EP_NO_MEMORY, "out of memory");
		streams->stations = more;
		streams->capacity = capacity;
	}
	int failed = start(station);
	if (failed)
		return ep_fail_errno(err, failed, "cannot start a thread for the stream");
	streams->stations[streams->count++] = station;
	return EP_OK;
}

enum ep_status
ep_streams_add(struct ep_streams *streams, const char *url, void *stream, struct ep_error *err)
{
	EP_OWNED(ep_station_free)
	struct ep_station *station = NULL;
	EP_TRY(check_url(url, err));
	EP_TRY(ep_station_new(&station, url, err));
	station->calls = &streams->calls;
	station->nursery = streams->nursery;
	station->stream = stream;
	pthread_mutex_lock(&streams->mutex);
	enum ep_status status = add(streams, station, err);
	pthread_mutex_unlock(&streams->mutex);
	EP_TRY(status);
	(void)EP_TAKE(station);
	return EP_OK;
}

void
ep_streams_stop(struct ep_streams *streams, void *stream)
{
	pthread_mutex_lock(&streams->mutex);
	size_t at = find(streams, stream);
	if (at < streams->count)
		ep_station_stop(streams->stations[at]);
	pthread_mutex_unlock(&streams->mutex);
}

void
ep_streams_remove(struct ep_streams *streams, void *stream)
{
	struct ep_station *station = NULL;
	pthread_mutex_lock(&streams->mutex);
	size_t at = find(streams, stream);
	if (at < streams->count) {
		station = streams->stations[at];
		streams->stations[at] = streams->stations[--streams->count];
	}
	pthread_mutex_unlock(&streams->mutex);
	if (station)
		end(station);
}

enum ep_status
ep_streams_facts(struct ep_stream_facts *out, struct ep_streams *streams, void *stream,
                 struct ep_error *err)
{
	enum ep_status status = EP_OK;
	pthread_mutex_lock(&streams->mutex);
	size_t at = find(streams, stream);
	if (at < streams->count) {
		struct ep_station *station = streams->stations[at];
		pthread_mutex_lock(&station->mutex);
		*out = station->facts;
		pthread_mutex_unlock(&station->mutex);
	} else {
		status = ep_fail(err, EP_NOT_FOUND, "there is no such stream");
	}
	pthread_mutex_unlock(&streams->mutex);
	return status;
}
