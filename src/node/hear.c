#include "node/hear.h"

#include "sound/audio.h"

struct session {
	struct ep_node *node;
	struct ep_matcher *matcher;
	const struct ep_listen_calls *calls;
};

static enum ep_status
match(void *context, struct ep_answer *answer, struct ep_pairs *pairs, double speed,
      struct ep_error *err)
{
	struct session *session = context;
	struct ep_match_speeds speeds = ep_match_speeds_from(speed);
	EP_TRY(ep_node_refresh_index(session->node, err));
	return ep_match(answer, session->matcher, ep_node_index(session->node), pairs, &speeds,
	                err);
}

static enum ep_status
name(void *context, struct ep_answer *answer, uint64_t position, struct ep_error *err)
{
	struct session *session = context;
	return ep_match_name_at(answer, session->matcher, ep_node_index(session->node), position,
	                        err);
}

static enum ep_status
on_window(void *context, double begin_s, double end_s, const struct ep_answer *answer,
          struct ep_error *err)
{
	const struct ep_listen_calls *calls = ((struct session *)context)->calls;
	return calls->on_window ? calls->on_window(calls->context, begin_s, end_s, answer, err)
	                        : EP_OK;
}

static enum ep_status
on_song(void *context, const struct ep_play *play, double end_s, const struct ep_answer *answer,
        struct ep_error *err)
{
	const struct ep_listen_calls *calls = ((struct session *)context)->calls;
	return calls->on_song(calls->context, play, end_s, answer, err);
}

static enum ep_status
on_end(void *context, const struct ep_play *play, double end_s, struct ep_error *err)
{
	const struct ep_listen_calls *calls = ((struct session *)context)->calls;
	return calls->on_end ? calls->on_end(calls->context, play, end_s, err) : EP_OK;
}

static enum ep_status
feed(void *context, const int16_t *samples, size_t count, struct ep_error *err)
{
	return ep_listener_feed(context, samples, count, err);
}

enum ep_status
ep_node_listen(struct ep_node *node, int fd, const struct ep_listen_calls *calls,
               struct ep_error *err)
{
	EP_OWNED(ep_matcher_free)
	struct ep_matcher *matcher = NULL;
	EP_OWNED(ep_listener_free)
	struct ep_listener *listener = NULL;
	EP_TRY(ep_node_open_index(node, err));
	EP_TRY(ep_matcher_new(&matcher, err));
	struct session session = { .node = node, .matcher = matcher, .calls = calls };
	struct ep_listen_calls own = {
		.match = match,
		.name = name,
		.on_window = on_window,
		.on_song = on_song,
		.on_end = on_end,
		.context = &session,
	};
	EP_TRY(ep_listener_new(&listener, &own, err));
	enum ep_status status =
		ep_audio_stream(fd, ep_node_options(node)->stop, feed, listener, err);
	/* Ctrl-C is how a stream without end ends. */
	if (status != EP_OK && status != EP_INTERRUPTED)
		return status;
	return ep_listener_finish(listener, err);
}
