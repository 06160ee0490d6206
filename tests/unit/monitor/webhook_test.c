#include "monitor/webhook.h"

#include "net/post.h"
#include "tests/plays_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <pthread.h>

#include <cmocka.h>

static struct ep_webhook *webhook;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t posted = PTHREAD_COND_INITIALIZER;
static int posts;

static void
set_url(const char *url)
{
	struct ep_monitor_config config = { .webhook = url };
	needs(ep_webhook_set(webhook, &config, NULL));
}

enum ep_status __wrap_ep_post(const struct ep_post *, struct ep_error *);

/* The server accepts the event; meanwhile the webhook is taken out of the configuration. */
enum ep_status
__wrap_ep_post(const struct ep_post *post, struct ep_error *err)
{
	(void)post, (void)err;
	set_url(NULL);
	pthread_mutex_lock(&mutex);
	posts++;
	pthread_cond_signal(&posted);
	pthread_mutex_unlock(&mutex);
	return EP_OK;
}

static void
on_line(void *context, const char *line)
{
	(void)context, (void)line;
}

static void
a_webhook_that_is_removed_while_it_sends_is_forgotten(void **state)
{
	(void)state;
	struct ep_logged_play play = { .stream = add_stream("radio", ""),
		                       .track_id = ep_text_of("A"),
		                       .end_ms = 1000 };
	struct ep_plays_read *read;
	uint64_t watermark;
	needs(ep_webhook_start(&webhook, plays, on_line, NULL, NULL));
	set_url("http://127.0.0.1/");
	struct ep_plays_write *write = begin();
	needs(ep_plays_begin(write, &play, NULL));
	needs(ep_plays_commit(write, NULL));
	ep_webhook_kick(webhook);
	pthread_mutex_lock(&mutex);
	while (posts == 0)
		pthread_cond_wait(&posted, &mutex);
	pthread_mutex_unlock(&mutex);
	/* This waits for what follows the POST. */
	ep_webhook_stop(webhook);
	needs(ep_plays_read_begin(&read, plays, NULL));
	assert_int_equal(ep_plays_watermark(&watermark, read, "webhook", NULL), EP_NOT_FOUND);
	ep_plays_read_end(read);
	assert_int_equal(posts, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_webhook_that_is_removed_while_it_sends_is_forgotten, make_log,
			remove_log),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
