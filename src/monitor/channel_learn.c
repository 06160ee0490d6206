#include "monitor/channel_internal.h"

#include <math.h>

static bool
is_learning(const struct ep_channel *channel)
{
	const struct ep_learner *learner = channel->options.learner;
	return learner && ep_learner_is_on(learner);
}

static enum ep_status
give(void *context, const struct ep_unknown_piece *piece, struct ep_error *err)
{
	const struct ep_channel *channel = context;
	return ep_learner_add(channel->options.learner, ep_text_of(channel->name), channel->number,
	                      piece, err);
}

enum ep_status
ep_channel_learn(struct ep_channel *channel, double at, const int16_t *samples, size_t count,
                 struct ep_error *err)
{
	if (is_learning(channel))
		return ep_unknown_feed(&channel->unknown, at, samples, count, give, channel, err);
	ep_unknown_free(&channel->unknown);
	return EP_OK;
}

enum ep_status
ep_channel_learn_end(struct ep_channel *channel, double until, struct ep_error *err)
{
	return is_learning(channel) ? ep_unknown_end(&channel->unknown, until, give, channel, err)
	                            : EP_OK;
}

enum ep_status
ep_channel_leave(struct ep_channel *channel, struct ep_error *err)
{
	pthread_mutex_lock(&channel->mutex);
	enum ep_status status = ep_channel_learn_end(channel, INFINITY, err);
	pthread_mutex_unlock(&channel->mutex);
	return status;
}
