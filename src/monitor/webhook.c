#include "monitor/webhook.h"

#include "base/hash.h"
#include "net/post.h"
#include "node/play_json.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FOLLOWER "webhook"

/* The wait after a failure, and the longest. */
#define RETRY_FIRST_S 1
#define RETRY_MAX_S 60

struct ep_webhook {
	struct ep_plays *plays;
	void (*on_line)(void *context, const char *line);
	void *context;
	pthread_t thread;
	bool started;
	atomic_bool stop; /* also ends a request that is under way */

	pthread_mutex_t mutex; /* of what follows */
	pthread_cond_t wake;
	bool kicked; /* there may be events */
	bool hurry; /* whoever waits to try again need not */
	char *url; /* NULL: there is no server */
	struct ep_buffer secret;
	char error[256]; /* of the last attempt; empty: it went well */
};

/* ---- one event ---- */

/* An event that is to be sent, with what it is sent by: the config may change meanwhile. */
struct message {
	uint64_t position;
	char *url;
	char *body;
	char id[64];
	char signature[EP_HASH_TEXT + 8];
};

static void
message_free(struct message *message)
{
	free(message->url);
	free(message->body);
}
#define MESSAGE __attribute__((cleanup(message_free)))

/* Fills in server and signature; false where there is no server. */
static bool
address(struct message *message, struct ep_webhook *webhook)
{
	struct ep_hash hash;
	char hex[EP_HASH_TEXT];
	struct ep_text body = ep_text_of(message->body);
	pthread_mutex_lock(&webhook->mutex);
	message->url = webhook->url ? strdup(webhook->url) : NULL;
	bool is_signed = webhook->secret.size > 0;
	if (is_signed)
		ep_hmac_sha256(&hash, ep_buffer_bytes(&webhook->secret), ep_bytes_of_text(body));
	pthread_mutex_unlock(&webhook->mutex);
	if (is_signed) {
		ep_hash_print(hex, &hash);
		snprintf(message->signature, sizeof message->signature, "sha256=%s", hex);
	}
	return message->url != NULL;
}

/* Fills in the next event. EP_NOT_FOUND  there is none. */
static enum ep_status
next_message(struct message *message, struct ep_webhook *webhook, struct ep_error *err)
{
	EP_OWNED(ep_plays_read_end)
	struct ep_plays_read *read = NULL;
	struct ep_play_event event;
	char log_id[EP_PLAYS_ID_TEXT];
	uint64_t watermark;
	EP_TRY(ep_plays_read_begin(&read, webhook->plays, err));
	EP_TRY(ep_plays_watermark(&watermark, read, FOLLOWER, err));
	EP_TRY(ep_plays_next_event(&event, read, watermark, err));
	EP_TRY(ep_play_event_text(&message->body, read, &event, err));
	EP_TRY(ep_plays_id(log_id, read, err));
	snprintf(message->id, sizeof message->id, "%s-%" PRIu64, log_id, event.position);
	message->position = event.position;
	return EP_OK;
}

static enum ep_status
post(const struct message *message, const struct ep_webhook *webhook, struct ep_error *err)
{
	char event[96];
	char signature[sizeof message->signature + 32];
	snprintf(event, sizeof event, "Echoprint-Event: %s", message->id);
	snprintf(signature, sizeof signature, "Echoprint-Signature: %s", message->signature);
	const char *const headers[] = { "Content-Type: application/json", event,
		                        message->signature[0] ? signature : NULL, NULL };
	struct ep_post request = { .url = message->url,
		                   .headers = headers,
		                   .body = ep_text_of(message->body),
		                   .stop = &webhook->stop };
	return ep_post(&request, err);
}

static enum ep_status
move(const struct ep_webhook *webhook, uint64_t position, struct ep_error *err)
{
	EP_OWNED(ep_plays_abort)
	struct ep_plays_write *write = NULL;
	uint64_t before;
	EP_TRY(ep_plays_write_begin(&write, webhook->plays, err));
	enum ep_status status = ep_plays_watermark(&before, ep_plays_inside(write), FOLLOWER, err);
	/* The webhook was taken away meanwhile, and its watermark with it. */
	if (status == EP_NOT_FOUND)
		return EP_OK;
	EP_TRY(status);
	EP_TRY(ep_plays_move(write, FOLLOWER, position, err));
	return ep_plays_commit(EP_TAKE(write), err);
}

/* Sends the next event. EP_NOT_FOUND  there is none, or no server. */
static enum ep_status
send_next(struct ep_webhook *webhook, struct ep_error *err)
{
	MESSAGE struct message message = { 0 };
	EP_TRY(next_message(&message, webhook, err));
	if (!address(&message, webhook))
		return ep_fail(err, EP_NOT_FOUND, "there is no webhook");
	EP_TRY(post(&message, webhook, err));
	return move(webhook, message.position, err);
}

/* ---- the thread ---- */

/* Keeps what went wrong, and tells it where that is new; "" where all is well. */
static void
note(struct ep_webhook *webhook, const char *text)
{
	char line[sizeof webhook->error + 64];
	pthread_mutex_lock(&webhook->mutex);
	bool same = strncmp(webhook->error, text, sizeof webhook->error - 1) == 0;
	snprintf(webhook->error, sizeof webhook->error, "%s", text);
	if (*text)
		snprintf(line, sizeof line, "webhook: %s; it is tried again", webhook->error);
	else
		snprintf(line, sizeof line, "webhook: it accepts events again");
	pthread_mutex_unlock(&webhook->mutex);
	if (!same)
		webhook->on_line(webhook->context, line);
}

/* Waits for a kick, or so many seconds; 0: without end. */
static void
wait(struct ep_webhook *webhook, int seconds)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	int rc = 0;
	pthread_mutex_lock(&webhook->mutex);
	while (!atomic_load(&webhook->stop) && rc == 0 && !webhook->hurry &&
	       (seconds || !webhook->kicked))
		rc = seconds ? pthread_cond_timedwait(&webhook->wake, &webhook->mutex, &until)
		             : pthread_cond_wait(&webhook->wake, &webhook->mutex);
	webhook->kicked = webhook->hurry = false;
	pthread_mutex_unlock(&webhook->mutex);
}

static void *
run(void *context)
{
	struct ep_webhook *webhook = context;
	int retry_s = RETRY_FIRST_S;
	while (!atomic_load(&webhook->stop)) {
		struct ep_error err = { 0 };
		enum ep_status status = send_next(webhook, &err);
		if (status == EP_OK || status == EP_NOT_FOUND) {
			note(webhook, "");
			retry_s = RETRY_FIRST_S;
			if (status == EP_NOT_FOUND)
				wait(webhook, 0);
		} else if (status != EP_INTERRUPTED) {
			note(webhook, err.text);
			wait(webhook, retry_s);
			retry_s = 2 * retry_s < RETRY_MAX_S ? 2 * retry_s : RETRY_MAX_S;
		}
	}
	return NULL;
}

void
ep_webhook_kick(struct ep_webhook *webhook)
{
	pthread_mutex_lock(&webhook->mutex);
	webhook->kicked = true;
	pthread_cond_signal(&webhook->wake);
	pthread_mutex_unlock(&webhook->mutex);
}

/* ---- the server ---- */

/* Gives the follower a watermark where it gets a server, and takes it where it has none. */
static enum ep_status
set_follower(const struct ep_webhook *webhook, bool wanted, struct ep_error *err)
{
	EP_OWNED(ep_plays_abort)
	struct ep_plays_write *write = NULL;
	uint64_t position;
	EP_TRY(ep_plays_write_begin(&write, webhook->plays, err));
	enum ep_status status =
		ep_plays_watermark(&position, ep_plays_inside(write), FOLLOWER, err);
	if (status != EP_OK && status != EP_NOT_FOUND)
		return status;
	if (wanted == (status == EP_OK))
		return EP_OK;
	EP_TRY(ep_plays_position(&position, ep_plays_inside(write), err));
	EP_TRY(wanted ? ep_plays_move(write, FOLLOWER, position, err)
	              : ep_plays_forget(write, FOLLOWER, err));
	return ep_plays_commit(EP_TAKE(write), err);
}

enum ep_status
ep_webhook_set(struct ep_webhook *webhook, const struct ep_monitor_config *config,
               struct ep_error *err)
{
	EP_BUFFER struct ep_buffer secret = { 0 };
	char *url = config->webhook ? strdup(config->webhook) : NULL;
	if (config->webhook && !url)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	enum ep_status status =
		ep_buffer_append(&secret, config->secret.data, config->secret.size, err);
	if (status == EP_OK)
		status = set_follower(webhook, url != NULL, err);
	if (status != EP_OK) {
		free(url);
		return status;
	}
	pthread_mutex_lock(&webhook->mutex);
	free(webhook->url);
	webhook->url = url;
	struct ep_buffer old = webhook->secret;
	webhook->secret = secret;
	secret = old;
	webhook->hurry = true;
	pthread_mutex_unlock(&webhook->mutex);
	ep_webhook_kick(webhook);
	return EP_OK;
}

static uint64_t
waiting(const struct ep_webhook *webhook)
{
	EP_OWNED(ep_plays_read_end)
	struct ep_plays_read *read = NULL;
	uint64_t watermark;
	uint64_t position;
	return ep_plays_read_begin(&read, webhook->plays, NULL) == EP_OK &&
	                       ep_plays_watermark(&watermark, read, FOLLOWER, NULL) == EP_OK &&
	                       ep_plays_position(&position, read, NULL) == EP_OK
	               ? position - watermark
	               : 0;
}

json_t *
ep_webhook_json(struct ep_webhook *webhook)
{
	uint64_t count = waiting(webhook);
	pthread_mutex_lock(&webhook->mutex);
	json_t *json = webhook->url ? json_pack("{s:I, s:s}", "waiting", (json_int_t)count, "error",
	                                        webhook->error)
	                            : json_null();
	pthread_mutex_unlock(&webhook->mutex);
	return json;
}

/* ---- from start to stop ---- */

enum ep_status
ep_webhook_start(struct ep_webhook **out, struct ep_plays *plays,
                 void (*on_line)(void *context, const char *line), void *context,
                 struct ep_error *err)
{
	struct ep_webhook *made = calloc(1, sizeof *made);
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	made->plays = plays;
	made->on_line = on_line;
	made->context = context;
	pthread_mutex_init(&made->mutex, NULL);
	pthread_cond_init(&made->wake, NULL);
	EP_OWNED(ep_webhook_stop)
	struct ep_webhook *webhook = made;
	int rc = pthread_create(&webhook->thread, NULL, run, webhook);
	if (rc != 0)
		return ep_fail_errno(err, rc, "cannot start a thread");
	webhook->started = true;
	*out = EP_TAKE(webhook);
	return EP_OK;
}

void
ep_webhook_stop(struct ep_webhook *webhook)
{
	if (!webhook)
		return;
	atomic_store(&webhook->stop, true);
	ep_webhook_kick(webhook);
	if (webhook->started)
		pthread_join(webhook->thread, NULL);
	pthread_mutex_destroy(&webhook->mutex);
	pthread_cond_destroy(&webhook->wake);
	ep_buffer_free(&webhook->secret);
	free(webhook->url);
	free(webhook);
}
