#include "net/stream/station.h"

#include "base/time.h"
#include "sound/sound.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum ep_status
ep_station_new(struct ep_station **out, const char *url, struct ep_error *err)
{
	EP_OWNED(ep_station_free)
	struct ep_station *station = calloc(1, sizeof *station);
	if (!station)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	pthread_condattr_t clock;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&station->wake, &clock);
	pthread_condattr_destroy(&clock);
	pthread_mutex_init(&station->mutex, NULL);
	station->url = strdup(url);
	if (!station->url)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	*out = EP_TAKE(station);
	return EP_OK;
}

void
ep_station_free(struct ep_station *station)
{
	if (!station)
		return;
	ep_buffer_free(&station->title);
	pthread_cond_destroy(&station->wake);
	pthread_mutex_destroy(&station->mutex);
	free(station->url);
	free(station);
}

void
ep_station_stop(struct ep_station *station)
{
	pthread_mutex_lock(&station->mutex);
	atomic_store(&station->stop, true);
	pthread_cond_signal(&station->wake);
	pthread_mutex_unlock(&station->mutex);
}

enum ep_status
ep_station_check(const struct ep_station *station, struct ep_error *err)
{
	return atomic_load(&station->stop) ? ep_fail(err, EP_INTERRUPTED, "interrupted") : EP_OK;
}

void
ep_station_sleep(struct ep_station *station, double seconds)
{
	struct timespec end;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += (time_t)seconds;
	end.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
	end.tv_sec += end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	pthread_mutex_lock(&station->mutex);
	while (!atomic_load(&station->stop) &&
	       pthread_cond_timedwait(&station->wake, &station->mutex, &end) == 0)
		continue;
	pthread_mutex_unlock(&station->mutex);
}

void
ep_station_tell_state(struct ep_station *station, enum ep_stream_state state, const char *why,
                      double retry_s)
{
	struct ep_stream_facts *facts = &station->facts;
	pthread_mutex_lock(&station->mutex);
	bool other = facts->state != state || facts->connections == 0;
	facts->state = state;
	facts->plays_since = state == EP_STREAM_PLAYING ? ep_time_exact() : 0;
	pthread_mutex_unlock(&station->mutex);
	if (other && station->calls->on_state)
		station->calls->on_state(station->stream, state, why, retry_s);
}

enum ep_status
ep_station_tell_samples(struct ep_station *station, double at, bool joined, const int16_t *samples,
                        size_t count, struct ep_error *err)
{
	if (station->facts.state != EP_STREAM_PLAYING)
		ep_station_tell_state(station, EP_STREAM_PLAYING, "", 0);
	EP_TRY(station->calls->on_samples(station->stream, at, joined, samples, count, err));
	station->played_s += (double)count / EP_SOUND_RATE;
	pthread_mutex_lock(&station->mutex);
	station->facts.samples += count;
	pthread_mutex_unlock(&station->mutex);
	return EP_OK;
}

enum ep_status
ep_station_tell_title(struct ep_station *station, struct ep_text title, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	EP_TRY(ep_text_to_utf8(&text, title, err));
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] < ' ' || text.data[i] == 0x7f)
			text.data[i] = ' ';
	if (ep_text_equal(ep_buffer_text(&text), ep_buffer_text(&station->title)))
		return EP_OK;
	if (station->calls->on_title)
		station->calls->on_title(station->stream, ep_buffer_text(&text));
	struct ep_buffer last = station->title;
	station->title = text;
	text = last;
	return EP_OK;
}

void
ep_station_tell_note(struct ep_station *station, const char *text)
{
	if (station->calls->on_note)
		station->calls->on_note(station->stream, text);
}

void
ep_station_note_format(struct ep_station *station, struct ep_text codec, uint32_t sample_rate,
                       uint32_t bit_rate)
{
	struct ep_stream_facts *facts = &station->facts;
	size_t size = codec.size < sizeof facts->codec ? codec.size : sizeof facts->codec - 1;
	pthread_mutex_lock(&station->mutex);
	memcpy(facts->codec, codec.at, size);
	facts->codec[size] = '\0';
	facts->sample_rate = sample_rate;
	facts->bit_rate = bit_rate;
	pthread_mutex_unlock(&station->mutex);
}

void
ep_station_note_connection(struct ep_station *station)
{
	ep_station_tell_state(station, EP_STREAM_CONNECTING, "", 0);
	pthread_mutex_lock(&station->mutex);
	station->facts.connections++;
	pthread_mutex_unlock(&station->mutex);
}

void
ep_station_note_bytes(struct ep_station *station, size_t size)
{
	pthread_mutex_lock(&station->mutex);
	station->facts.bytes += size;
	pthread_mutex_unlock(&station->mutex);
}
