#include "node/query_service.h"

#include "base/time.h"
#include "catalogue/catalogue.h"
#include "code/codestring.h"
#include "code/onset_hash.h"
#include "dedup/copies.h"
#include "node/answer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How often the log is looked at, and a tail of how many changes goes to the disk. */
#define LOOK_MS 100
#define TAIL_MAX 1024

/* Copies are looked for so many seconds after the last time. */
#define LINK_S 2.0

/* What readers held that were killed is freed so often. */
#define CHECK_READERS_S 10.0

#define HANDS_MAX 16

/* What one thread answers with. */
struct hand {
	struct ep_matcher *matcher;
	struct ep_engine engine; /* where the service has engines */
};

struct ep_query_service {
	struct ep_log *log;
	bool writes; /* to the log */
	void (*on_line)(void *context, bool detail, const char *line);
	void *context;
	atomic_bool stop;
	pthread_t thread;
	bool started;
	struct ep_catalogue *catalogue; /* that is followed; others search with one of their own */
	atomic_bool catalogue_wanted; /* by a search, although the log has not changed */
	uint64_t linked; /* position up to which copies were looked for */
	double linked_at;
	char said[240]; /* by the thread: the last failure */

	pthread_mutex_t keeping; /* who makes the index follow */
	pthread_rwlock_t lock; /* of the index: read while it is searched */
	struct ep_index *index;
	uint64_t position; /* of the log that it stands for */

	bool has_engines; /* that are asked instead of the index */
	struct ep_engines engines;

	pthread_mutex_t mutex; /* of the hands that nobody uses */
	struct hand hands[HANDS_MAX];
	size_t hand_count;
};

/* ---- keeping up ---- */

/* Lets go of the snapshot that is searched where the log has changed and no track has: else the log
 * would grow with every transaction. *changed is set where the index has, too. */
static enum ep_status
renew(bool *changed, struct ep_query_service *service, struct ep_error *err)
{
	if (*changed || !ep_index_is_old(service->index))
		return EP_OK;
	pthread_rwlock_wrlock(&service->lock);
	enum ep_status status = ep_index_renew(service->index, service->log, err);
	pthread_rwlock_unlock(&service->lock);
	*changed = status == EP_NOT_FOUND;
	return *changed ? EP_OK : status;
}

static enum ep_status
look(bool *changed, bool *far, uint64_t *position, struct ep_query_service *service,
     struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_log_state state;
	struct ep_index_state index = { 0 };
	EP_TRY(ep_log_read_begin(&read, service->log, err));
	ep_log_state(&state, read);
	*position = state.position;
	*changed = !service->index || state.position != service->position;
	if (*changed)
		EP_TRY(ep_index_state(&index, read, err));
	*far = index.tail > TAIL_MAX;
	return EP_OK;
}

/* Opens the index as it is now, and puts it in the place of the one that is searched. */
static enum ep_status
reopen(struct ep_query_service *service, uint64_t position, struct ep_error *err)
{
	struct ep_index *index = NULL;
	EP_TRY(ep_index_open(&index, service->log, err));
	pthread_rwlock_wrlock(&service->lock);
	struct ep_index *old = service->index;
	service->index = index;
	service->position = position;
	pthread_rwlock_unlock(&service->lock);
	ep_index_close(old);
	return EP_OK;
}

/* Links copies of what came, a little later, so that a stream is not looked at track by track, and
 * adds it to the catalogue. */
static enum ep_status
settle(struct ep_query_service *service, uint64_t position, struct ep_error *err)
{
	struct ep_index_options index = { .stop = &service->stop };
	struct ep_copies_options options = { .stop = &service->stop };
	struct ep_catalogue_options names = { .stop = &service->stop };
	struct ep_copies_report report;
	EP_TRY(ep_index_follow(service->log, &index, err));
	EP_TRY(ep_link_copies(&report, service->log, &options, err));
	service->linked = position;
	service->linked_at = ep_clock_s();
	enum ep_status status = ep_catalogue_follow(service->catalogue, &names, err);
	/* Where that fails, the next search wants it again. */
	atomic_store(&service->catalogue_wanted, false);
	return status;
}

/* Makes the index that is searched follow; *position is that of the log. */
static enum ep_status
follow(uint64_t *position, struct ep_query_service *service, struct ep_error *err)
{
	struct ep_index_options options = { .stop = &service->stop };
	bool changed;
	bool far;
	EP_TRY(look(&changed, &far, position, service, err));
	EP_TRY(renew(&changed, service, err));
	if (far && service->writes)
		EP_TRY(ep_index_follow(service->log, &options, err));
	return changed ? reopen(service, *position, err) : EP_OK;
}

/* Whether the index stands for the log as it is, as far as one look tells. */
static bool
is_current(struct ep_query_service *service)
{
	pthread_rwlock_rdlock(&service->lock);
	bool current = service->index && !ep_index_is_old(service->index);
	pthread_rwlock_unlock(&service->lock);
	return current;
}

enum ep_status
ep_query_service_catch_up(struct ep_query_service *service, struct ep_error *err)
{
	uint64_t position;
	if (service->has_engines || is_current(service))
		return EP_OK;
	pthread_mutex_lock(&service->keeping);
	enum ep_status status = follow(&position, service, err);
	pthread_mutex_unlock(&service->keeping);
	return status;
}

void
ep_query_service_want_catalogue(struct ep_query_service *service)
{
	atomic_store(&service->catalogue_wanted, true);
}

static enum ep_status
keep_up(struct ep_query_service *service, struct ep_error *err)
{
	uint64_t position;
	pthread_mutex_lock(&service->keeping);
	enum ep_status status = follow(&position, service, err);
	pthread_mutex_unlock(&service->keeping);
	EP_TRY(status);
	bool wanted = position != service->linked || atomic_load(&service->catalogue_wanted);
	if (!wanted || ep_clock_s() - service->linked_at < LINK_S)
		return EP_OK;
	return settle(service, position, err);
}

/* Keeps up, and says once why it cannot. */
static void
keep_up_or_say(struct ep_query_service *service)
{
	struct ep_error err = { 0 };
	enum ep_status status = keep_up(service, &err);
	if (status != EP_OK && status != EP_INTERRUPTED &&
	    strncmp(service->said, err.text, sizeof service->said - 1) != 0) {
		service->on_line(service->context, false, err.text);
		memcpy(service->said, err.text, sizeof service->said - 1);
	}
}

static void *
run(void *context)
{
	struct ep_query_service *service = context;
	double checked = ep_clock_s();
	struct ep_onset_table table;
	keep_up_or_say(service);
	/* Else the first query would make it, and wait for that. */
	(void)!ep_onset_table_get(&table, NULL);
	while (!atomic_load(&service->stop)) {
		if (ep_clock_s() - checked > CHECK_READERS_S) {
			ep_log_check_readers(service->log);
			checked = ep_clock_s();
		}
		keep_up_or_say(service);
		nanosleep(&(struct timespec){ .tv_nsec = LOOK_MS * 1000000L }, NULL);
	}
	return NULL;
}

/* ---- answering ---- */

static void
free_hand(struct ep_query_service *service, struct hand *hand)
{
	ep_matcher_free(hand->matcher);
	if (service->has_engines)
		service->engines.free(&hand->engine);
}

static enum ep_status
make_hand(struct hand *hand, const struct ep_query_service *service, struct ep_error *err)
{
	struct hand made = { 0 };
	EP_TRY(ep_matcher_new(&made.matcher, err));
	enum ep_status status =
		service->has_engines
			? service->engines.make(service->engines.context, &made.engine, err)
			: EP_OK;
	if (status != EP_OK)
		ep_matcher_free(made.matcher);
	else
		*hand = made;
	return status;
}

static enum ep_status
take_hand(struct hand *hand, struct ep_query_service *service, struct ep_error *err)
{
	pthread_mutex_lock(&service->mutex);
	bool found = service->hand_count > 0;
	if (found)
		*hand = service->hands[--service->hand_count];
	pthread_mutex_unlock(&service->mutex);
	return found ? EP_OK : make_hand(hand, service, err);
}

static void
give_hand(struct ep_query_service *service, struct hand *hand)
{
	pthread_mutex_lock(&service->mutex);
	bool room = service->hand_count < HANDS_MAX;
	if (room)
		service->hands[service->hand_count++] = *hand;
	pthread_mutex_unlock(&service->mutex);
	if (!room)
		free_hand(service, hand);
}

static enum ep_status
match(struct ep_answer *answer, struct ep_query_service *service, const struct hand *hand,
      struct ep_pairs *pairs, const struct ep_match_speeds *speeds, struct ep_error *err)
{
	if (service->has_engines)
		return ep_match_by(answer, hand->matcher, &hand->engine, pairs, speeds, err);
	pthread_rwlock_rdlock(&service->lock);
	enum ep_status status =
		service->index ? ep_match(answer, hand->matcher, service->index, pairs, speeds, err)
			       : ep_fail(err, EP_NOT_FOUND, "the index is being built");
	pthread_rwlock_unlock(&service->lock);
	return status;
}

bool
ep_query_service_ready(struct ep_query_service *service)
{
	pthread_rwlock_rdlock(&service->lock);
	bool ready = service->index != NULL || service->has_engines;
	pthread_rwlock_unlock(&service->lock);
	return ready;
}

static enum ep_status
copy_texts(struct ep_answer *answer, struct ep_arena *texts, struct ep_error *err)
{
	struct ep_text *const all[5] = { &answer->track_id, &answer->artist, &answer->release,
		                         &answer->track, &answer->fields };
	for (size_t i = 0; i < 5; i++)
		EP_TRY(ep_arena_text(all[i], texts, *all[i], err));
	return EP_OK;
}

enum ep_status
ep_query_service_match(struct ep_answer *answer, struct ep_query_service *service,
                       struct ep_arena *texts, struct ep_pairs *pairs,
                       const struct ep_match_speeds *speeds, struct ep_error *err)
{
	struct hand hand;
	EP_TRY(take_hand(&hand, service, err));
	enum ep_status status = match(answer, service, &hand, pairs, speeds, err);
	if (status == EP_OK)
		status = copy_texts(answer, texts, err);
	give_hand(service, &hand);
	return status;
}

static enum ep_status
name(struct ep_answer *answer, struct ep_query_service *service, struct ep_matcher *matcher,
     uint64_t position, struct ep_error *err)
{
	pthread_rwlock_rdlock(&service->lock);
	enum ep_status status =
		service->index ? ep_match_name_at(answer, matcher, service->index, position, err)
			       : ep_fail(err, EP_NOT_FOUND, "the index is being built");
	pthread_rwlock_unlock(&service->lock);
	return status;
}

enum ep_status
ep_query_service_name(struct ep_answer *answer, struct ep_query_service *service,
                      struct ep_arena *texts, uint64_t position, struct ep_error *err)
{
	struct hand hand;
	EP_TRY(take_hand(&hand, service, err));
	enum ep_status status = name(answer, service, hand.matcher, position, err);
	if (status == EP_OK)
		status = copy_texts(answer, texts, err);
	give_hand(service, &hand);
	return status;
}

static enum ep_status
append_answer(struct ep_buffer *out, struct ep_text code, const struct ep_answer *answer,
              bool undecoded, double began, struct ep_error *err)
{
	json_t *json =
		ep_answer_json(code, answer, undecoded, (ep_clock_s() - began) * 1000, false);
	EP_FREE char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	return text ? ep_buffer_append(out, text, strlen(text), err)
	            : ep_fail(err, EP_NO_MEMORY, "out of memory for an answer");
}

enum ep_status
ep_query_service_answer(struct ep_query_service *service, struct ep_buffer *json,
                        struct ep_text code, struct ep_error *err)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	struct hand hand;
	struct ep_answer answer = { 0 };
	double began = ep_clock_s();
	enum ep_status status = ep_codestring_decode(&pairs, code, err);
	bool undecoded = status == EP_BAD_INPUT;
	if (undecoded)
		return append_answer(json, code, &answer, true, began, err);
	EP_TRY(status);
	EP_TRY(take_hand(&hand, service, err));
	status = match(&answer, service, &hand, &pairs, &ep_match_speeds_default, err);
	if (status == EP_OK)
		status = append_answer(json, code, &answer, false, began, err);
	give_hand(service, &hand);
	return status;
}

/* ---- from start to stop ---- */

static enum ep_status
make_service(struct ep_query_service **out, struct ep_error *err)
{
	struct ep_query_service *made = calloc(1, sizeof *made);
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	/* Who renews the index goes before those who search it: else hundreds of streams, which
	 * search all the time, would never let it in. */
	pthread_rwlockattr_t kind;
	pthread_rwlockattr_init(&kind);
	pthread_rwlockattr_setkind_np(&kind, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&made->lock, &kind);
	pthread_rwlockattr_destroy(&kind);
	pthread_mutex_init(&made->mutex, NULL);
	pthread_mutex_init(&made->keeping, NULL);
	*out = made;
	return EP_OK;
}

enum ep_status
ep_query_service_start_still(struct ep_query_service **out, struct ep_node *node,
                             struct ep_error *err)
{
	EP_TRY(make_service(out, err));
	(*out)->log = ep_node_log(node);
	(*out)->writes = ep_node_options(node)->mode != EP_LOG_READ;
	return EP_OK;
}

enum ep_status
ep_query_service_start(struct ep_query_service **out, struct ep_node *node,
                       void (*on_line)(void *context, bool detail, const char *line), void *context,
                       struct ep_error *err)
{
	EP_OWNED(ep_query_service_stop)
	struct ep_query_service *service = NULL;
	EP_TRY(ep_query_service_start_still(&service, node, err));
	service->on_line = on_line;
	service->context = context;
	EP_TRY(ep_catalogue_new(&service->catalogue, service->log, err));
	int rc = pthread_create(&service->thread, NULL, run, service);
	if (rc != 0)
		return ep_fail_errno(err, rc, "cannot start a thread");
	service->started = true;
	*out = EP_TAKE(service);
	return EP_OK;
}

enum ep_status
ep_query_service_start_by(struct ep_query_service **out, const struct ep_engines *engines,
                          struct ep_error *err)
{
	EP_TRY(make_service(out, err));
	(*out)->engines = *engines;
	(*out)->has_engines = true;
	return EP_OK;
}

void
ep_query_service_stop(struct ep_query_service *service)
{
	if (!service)
		return;
	atomic_store(&service->stop, true);
	if (service->started)
		pthread_join(service->thread, NULL);
	ep_index_close(service->index);
	ep_catalogue_free(service->catalogue);
	while (service->hand_count)
		free_hand(service, &service->hands[--service->hand_count]);
	pthread_mutex_destroy(&service->mutex);
	pthread_mutex_destroy(&service->keeping);
	pthread_rwlock_destroy(&service->lock);
	free(service);
}
