#include "library/place.h"

#include "base/hash.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Readers of audio files that are kept for the next file: each has a decoder process. */
#define AUDIOS_MAX 4

struct ep_place {
	struct ep_place *next;
	dev_t device;
	ino_t inode; /* of the folder */
	pid_t process;
	size_t users; /* handles */
	char *folder;
	char *decoder;
	atomic_bool stop;
	struct ep_node *node;
	struct ep_query_service *queries;
	struct ep_catalogue *catalogue;
	pthread_mutex_t mutex; /* of the audios that nobody uses */
	struct ep_audio *audios[AUDIOS_MAX];
	size_t audio_count;
};

/* What this process has open. A folder is opened and closed under the mutex. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct ep_place *places;

/* ---- fork ---- */

/* In the child: nothing is open. Another thread of the parent may have held the mutex. */
static void
on_child(void)
{
	pthread_mutex_init(&mutex, NULL);
	places = NULL;
}

static void
watch_forks(void)
{
	(void)pthread_atfork(NULL, NULL, on_child);
}

bool
ep_place_is_here(const struct ep_place *place)
{
	return place->process == getpid();
}

/* ---- opening and closing ---- */

static void
free_place(struct ep_place *place)
{
	while (place->audio_count)
		ep_audio_close(place->audios[--place->audio_count]);
	ep_catalogue_free(place->catalogue);
	ep_query_service_stop(place->queries);
	ep_node_close(place->node);
	pthread_mutex_destroy(&place->mutex);
	free(place->folder);
	free(place->decoder);
	free(place);
}

static enum ep_status
fill_place(struct ep_place *place, const struct ep_node_options *options, struct ep_error *err)
{
	struct stat info;
	struct ep_node_options wanted = *options;
	place->process = getpid();
	place->users = 1;
	place->folder = strdup(options->folder);
	place->decoder = strdup(options->decoder);
	if (!place->folder || !place->decoder)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	wanted.folder = place->folder;
	wanted.decoder = place->decoder;
	wanted.stop = &place->stop;
	EP_TRY(ep_node_open(&place->node, &wanted, err));
	EP_TRY(ep_query_service_start_still(&place->queries, place->node, err));
	EP_TRY(ep_catalogue_new(&place->catalogue, ep_node_log(place->node), err));
	if (stat(options->folder, &info) != 0)
		return ep_fail_errno(err, errno, "cannot open the data folder %s", options->folder);
	place->device = info.st_dev;
	place->inode = info.st_ino;
	return EP_OK;
}

/* The place of a folder that is open; NULL where it is not. */
static struct ep_place *
find_place(const char *folder)
{
	struct stat info;
	if (stat(folder, &info) != 0)
		return NULL;
	struct ep_place *place = places;
	while (place && (place->device != info.st_dev || place->inode != info.st_ino))
		place = place->next;
	return place;
}

static enum ep_status
open_or_share(struct ep_place **out, const struct ep_node_options *options, struct ep_error *err)
{
	struct ep_place *place = find_place(options->folder);
	if (place) {
		if (options->mode != EP_LOG_READ &&
		    ep_node_options(place->node)->mode == EP_LOG_READ)
			return ep_fail(err, EP_USAGE,
			               "this process has the data folder %s open to read only: "
			               "close it, or open it for writing first",
			               options->folder);
		place->users++;
		*out = place;
		return EP_OK;
	}
	place = calloc(1, sizeof *place);
	if (!place)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	pthread_mutex_init(&place->mutex, NULL);
	enum ep_status status = fill_place(place, options, err);
	if (status != EP_OK) {
		free_place(place);
		return status;
	}
	place->next = places;
	places = place;
	*out = place;
	return EP_OK;
}

enum ep_status
ep_place_open(struct ep_place **out, const struct ep_node_options *options, struct ep_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	EP_TRY(ep_hash_start(err));
	pthread_once(&once, watch_forks);
	pthread_mutex_lock(&mutex);
	enum ep_status status = open_or_share(out, options, err);
	pthread_mutex_unlock(&mutex);
	return status;
}

void
ep_place_close(struct ep_place *place)
{
	if (!place || !ep_place_is_here(place))
		return;
	pthread_mutex_lock(&mutex);
	if (--place->users == 0) {
		struct ep_place **at = &places;
		while (*at != place)
			at = &(*at)->next;
		*at = place->next;
		free_place(place);
	}
	pthread_mutex_unlock(&mutex);
}

/* ---- what it has ---- */

struct ep_node *
ep_place_node(const struct ep_place *place)
{
	return place->node;
}

struct ep_log *
ep_place_log(const struct ep_place *place)
{
	return ep_node_log(place->node);
}

atomic_bool *
ep_place_stop(struct ep_place *place)
{
	return &place->stop;
}

/* Says what brings up to date what is too far behind a log that is open to read alone. */
static enum ep_status
tell_behind(const struct ep_place *place, struct ep_error *err)
{
	err->status = EP_IO;
	ep_error_prefix(err, "open the data folder %s for writing once: ", place->folder);
	return EP_IO;
}

enum ep_status
ep_place_queries(struct ep_query_service **queries, struct ep_place *place, struct ep_error *err)
{
	enum ep_status status = ep_query_service_catch_up(place->queries, err);
	if (status == EP_NOT_FOUND)
		return tell_behind(place, err);
	EP_TRY(status);
	*queries = place->queries;
	return EP_OK;
}

enum ep_status
ep_place_search(struct ep_log_read **read, struct ep_place *place,
                const struct ep_catalogue_search *search, ep_catalogue_found *found, void *context,
                struct ep_error *err)
{
	bool writes = ep_node_options(place->node)->mode != EP_LOG_READ;
	EP_TRY(ep_log_read_begin(read, ep_place_log(place), err));
	enum ep_status status =
		ep_catalogue_find(place->catalogue, *read, search, found, context, err);
	if (status == EP_NOT_FOUND && !writes)
		return tell_behind(place, err);
	if (status != EP_NOT_FOUND)
		return status;
	ep_log_read_end(EP_TAKE(*read));
	EP_TRY(ep_node_follow_catalogue(place->node, place->catalogue, err));
	EP_TRY(ep_log_read_begin(read, ep_place_log(place), err));
	return ep_catalogue_find(place->catalogue, *read, search, found, context, err);
}

enum ep_status
ep_place_take_audio(struct ep_audio **audio, struct ep_place *place, struct ep_error *err)
{
	pthread_mutex_lock(&place->mutex);
	bool found = place->audio_count > 0;
	if (found)
		*audio = place->audios[--place->audio_count];
	pthread_mutex_unlock(&place->mutex);
	return found ? EP_OK : ep_audio_open(audio, place->decoder, err);
}

void
ep_place_give_audio(struct ep_place *place, struct ep_audio *audio)
{
	pthread_mutex_lock(&place->mutex);
	bool room = place->audio_count < AUDIOS_MAX;
	if (room)
		place->audios[place->audio_count++] = audio;
	pthread_mutex_unlock(&place->mutex);
	if (!room)
		ep_audio_close(audio);
}
