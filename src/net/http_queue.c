/* Requests that are set aside: for workers, or until there are news. */
#include "net/http_internal.h"

#include <string.h>

bool
ep_http_is_full(const struct ep_http *http)
{
	return http->open >= http->options.connections - http->options.connections / 4;
}

/* Puts a request into a queue, in its turn: behind all that wait, but before the next ones of an
 * address that has more there. */
static void
queue_up(struct ep_http_queue *queue, struct ep_http_request *request)
{
	request->turn = queue->first ? queue->first->turn : 0;
	for (const struct ep_http_request *one = queue->first; one; one = one->next) {
		if (one->turn >= request->turn && strcmp(one->client, request->client) == 0)
			request->turn = one->turn + 1;
	}
	struct ep_http_request **place = &queue->first;
	while (*place && (*place)->turn <= request->turn)
		place = &(*place)->next;
	request->next = *place;
	*place = request;
	queue->count++;
}

/* Refuses the last of a queue that is full. */
static void
drop_last(struct ep_http_queue *queue)
{
	struct ep_http_request **place = &queue->first;
	while ((*place)->next)
		place = &(*place)->next;
	struct ep_http_request *request = *place;
	*place = NULL;
	queue->count--;
	ep_http_say(&request->answer, 503, "busy, try again later");
	request->state = EP_HTTP_ANSWERED;
	MHD_resume_connection(request->connection);
}

bool
ep_http_enqueue(struct ep_http_request *request)
{
	struct ep_http *http = request->http;
	struct ep_http_queue *queue = &http->queues[request->lane];
	pthread_mutex_lock(&http->mutex);
	bool room = !http->stopping;
	if (room) {
		request->state = EP_HTTP_QUEUED;
		if (request->peer)
			request->peer->deadline = 0;
		MHD_suspend_connection(request->connection);
		queue_up(queue, request);
		if (queue->count > EP_HTTP_QUEUE_MAX)
			drop_last(queue);
		pthread_cond_signal(&queue->work);
	}
	pthread_mutex_unlock(&http->mutex);
	return room;
}

bool
ep_http_set_aside(struct ep_http_request *request, unsigned news)
{
	struct ep_http *http = request->http;
	pthread_mutex_lock(&http->mutex);
	bool room = !http->stopping;
	if (room) {
		request->waited = true;
		if (request->peer)
			request->peer->deadline = 0;
		MHD_suspend_connection(request->connection);
	}
	if (room && atomic_load(&http->news) != news) { /* they came since it was asked */
		request->state = EP_HTTP_READING;
		MHD_resume_connection(request->connection);
	} else if (room) {
		request->state = EP_HTTP_WAITING;
		request->next = http->waiting;
		http->waiting = request;
		http->waiting_count++;
	}
	pthread_mutex_unlock(&http->mutex);
	return room;
}

void
ep_http_wake(struct ep_http *http, double now)
{
	struct ep_http_request **place = &http->waiting;
	while (*place) {
		struct ep_http_request *request = *place;
		if (now != 0 && now < request->wait_until) {
			place = &request->next;
			continue;
		}
		*place = request->next;
		http->waiting_count--;
		request->state = EP_HTTP_READING; /* its handler is asked again */
		if (now == 0 || now >= request->wait_until)
			request->wait_until = 0;
		MHD_resume_connection(request->connection);
	}
}

void
ep_http_news(struct ep_http *http)
{
	pthread_mutex_lock(&http->mutex);
	atomic_fetch_add(&http->news, 1);
	struct ep_http_request *all = http->waiting;
	http->waiting = NULL;
	http->waiting_count = 0;
	while (all) {
		struct ep_http_request *request = all;
		all = request->next;
		request->state = EP_HTTP_READING;
		MHD_resume_connection(request->connection);
	}
	pthread_mutex_unlock(&http->mutex);
}

void
ep_http_drop_queue(struct ep_http_queue *queue)
{
	while (queue->first) {
		struct ep_http_request *request = queue->first;
		queue->first = request->next;
		ep_http_say(&request->answer, 503, "the server is stopping");
		request->state = EP_HTTP_ANSWERED;
		MHD_resume_connection(request->connection);
	}
	queue->count = 0;
}

void *
ep_http_work(void *context)
{
	const struct ep_http_worker *worker = context;
	struct ep_http *http = worker->http;
	struct ep_http_queue *queue = worker->queue;
	pthread_mutex_lock(&http->mutex);
	for (;;) {
		while (!queue->first && !http->stopping)
			pthread_cond_wait(&queue->work, &http->mutex);
		if (http->stopping)
			break;
		struct ep_http_request *request = queue->first;
		queue->first = request->next;
		queue->count--;
		pthread_mutex_unlock(&http->mutex);
		request->route->work(request->context, request, &request->answer);
		pthread_mutex_lock(&http->mutex);
		request->state = EP_HTTP_ANSWERED;
		MHD_resume_connection(request->connection);
	}
	pthread_mutex_unlock(&http->mutex);
	return NULL;
}
