#include "sound/resample.h"

#include "sound/sound.h"

#include <errno.h>
#include <libavutil/channel_layout.h>
#include <libavutil/frame.h>
#include <libavutil/mathematics.h>
#include <libavutil/mem.h>
#include <libswresample/swresample.h>

/* Samples that are asked for at a time at the end. */
#define PIECE 4096

/* Further than any position, and yet far from where numbers end. */
#define FOREVER ((int64_t)1 << 61)

struct ep_resampler {
	const struct ep_decode_job *job;
	SwrContext *swr; /* NULL before the first frame */
	AVChannelLayout layout; /* of the frames that it takes */
	int format;
	int rate;
	int64_t position; /* of the next sample, from the start of the file */
	int64_t first; /* position at which the excerpt begins */
	int64_t wanted; /* how long it is; FOREVER: to the end */
	int64_t end; /* position behind it, known when it has begun */
	int64_t reached; /* the end of what was given out, from the start that was asked for */
	bool full; /* the end has been passed */
	int64_t count; /* given out */
	int16_t *samples;
	unsigned room; /* bytes at samples */
};

enum ep_status
ep_resampler_open(struct ep_resampler **out, const struct ep_decode_job *job, struct ep_error *err)
{
	struct ep_resampler *resampler = av_mallocz(sizeof *resampler);
	if (!resampler)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	resampler->job = job;
	/* What is heard before the start of the file is cut off only where a start is asked for. */
	resampler->first =
		job->start_us > 0 ? av_rescale(job->start_us, EP_SOUND_RATE, 1000000) : -FOREVER;
	resampler->wanted = job->duration_us > 0
	                            ? av_rescale(job->duration_us, EP_SOUND_RATE, 1000000)
	                            : FOREVER;
	*out = resampler;
	return EP_OK;
}

void
ep_resampler_close(struct ep_resampler *resampler)
{
	if (!resampler)
		return;
	swr_free(&resampler->swr);
	av_channel_layout_uninit(&resampler->layout);
	av_free(resampler->samples);
	av_free(resampler);
}

bool
ep_resampler_full(const struct ep_resampler *resampler)
{
	return resampler->full;
}

int64_t
ep_resampler_count(const struct ep_resampler *resampler)
{
	return resampler->count;
}

/* Gives out what of the first count samples of the buffer is in the excerpt, by their positions. */
static enum ep_status
give_out(struct ep_resampler *resampler, int64_t count, struct ep_error *err)
{
	int64_t position = resampler->position;
	resampler->position += count;
	int64_t from = resampler->first > position ? resampler->first - position : 0;
	if (count == 0 || from >= count)
		return EP_OK;
	if (resampler->count == 0)
		resampler->end = resampler->wanted == FOREVER ? FOREVER
		                                              : position + from + resampler->wanted;
	int64_t to = resampler->end - position < count ? resampler->end - position : count;
	resampler->full = position >= resampler->end || resampler->reached >= resampler->wanted;
	if (resampler->full || to <= from)
		return EP_OK;
	resampler->count += to - from;
	/* The program has a second look at the end: how far what it wrote reaches from the start.
	 */
	resampler->reached = position + to - (resampler->first > 0 ? resampler->first : 0);
	return resampler->job->samples(resampler->job->context, resampler->samples + from,
	                               (size_t)(to - from), err);
}

static enum ep_status
make_room(struct ep_resampler *resampler, int count, struct ep_error *err)
{
	if (count < 0)
		return ep_fail(err, EP_BAD_INPUT, "its audio cannot be resampled");
	av_fast_malloc(&resampler->samples, &resampler->room,
	               (size_t)count * sizeof *resampler->samples);
	return resampler->samples ? EP_OK : ep_fail(err, EP_NO_MEMORY, "out of memory");
}

/* Puts samples into the resampler and gives out what comes of them. in is NULL at the end of the
 * sound; *got is how much came. */
static enum ep_status
convert(int *got, struct ep_resampler *resampler, const uint8_t **in, int in_count,
        struct ep_error *err)
{
	int room = in ? swr_get_out_samples(resampler->swr, in_count) : PIECE;
	EP_TRY(make_room(resampler, room, err));
	uint8_t *out = (uint8_t *)resampler->samples;
	*got = swr_convert(resampler->swr, &out, room, in, in_count);
	if (*got == AVERROR(ENOMEM))
		return ep_fail(err, EP_NO_MEMORY, "it needs too much memory");
	if (*got < 0)
		return ep_fail(err, EP_BAD_INPUT, "its audio cannot be resampled");
	return give_out(resampler, *got, err);
}

/* Makes the resampler for frames of this kind. */
static enum ep_status
set_up(struct ep_resampler *resampler, const AVFrame *frame, AVChannelLayout *layout,
       struct ep_error *err)
{
	AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;
	swr_free(&resampler->swr);
	resampler->format = frame->format;
	resampler->rate = frame->sample_rate;
	int code = av_channel_layout_copy(&resampler->layout, layout);
	if (code >= 0)
		code = swr_alloc_set_opts2(&resampler->swr, &mono, AV_SAMPLE_FMT_S16, EP_SOUND_RATE,
		                           layout, (enum AVSampleFormat)frame->format,
		                           frame->sample_rate, 0, NULL);
	if (code >= 0)
		code = swr_init(resampler->swr);
	if (code == AVERROR(ENOMEM))
		return ep_fail(err, EP_NO_MEMORY, "it needs too much memory");
	return code < 0 ? ep_fail(err, EP_BAD_INPUT,
	                          "its audio, %d channels at %d Hz, cannot be resampled",
	                          layout->nb_channels, frame->sample_rate)
	                : EP_OK;
}

/* Sets the position of the next sample that comes out for a frame that is heard at moment. */
static void
place(struct ep_resampler *resampler, int64_t moment)
{
	int64_t fine = swr_next_pts(resampler->swr, moment * EP_SOUND_RATE);
	int64_t half = resampler->rate / 2;
	resampler->position = (fine >= 0 ? fine + half : fine - half) / resampler->rate;
}

enum ep_status
ep_resampler_take(struct ep_resampler *resampler, const AVFrame *frame, int64_t moment,
                  struct ep_error *err)
{
	AVChannelLayout layout = { 0 };
	if (frame->nb_samples <= 0 || frame->sample_rate <= 0)
		return EP_OK;
	/* Where the order of channels is not known, the usual one of so many. */
	if (frame->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC)
		av_channel_layout_default(&layout, frame->ch_layout.nb_channels);
	else if (av_channel_layout_copy(&layout, &frame->ch_layout) < 0)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	/* What an old resampler still holds is lost, as in the program. */
	bool same = resampler->swr && resampler->format == frame->format &&
	            resampler->rate == frame->sample_rate &&
	            av_channel_layout_compare(&resampler->layout, &layout) == 0;
	enum ep_status status = same ? EP_OK : set_up(resampler, frame, &layout, err);
	av_channel_layout_uninit(&layout);
	if (status != EP_OK)
		return status;
	if (moment != AV_NOPTS_VALUE)
		place(resampler, moment);
	int got;
	/* The library does not write what it takes for not const. */
	const uint8_t **in = (const uint8_t **)(uintptr_t)frame->extended_data;
	return convert(&got, resampler, in, frame->nb_samples, err);
}

enum ep_status
ep_resampler_finish(struct ep_resampler *resampler, struct ep_error *err)
{
	int got = resampler->swr ? 1 : 0;
	while (got > 0 && !ep_resampler_full(resampler))
		EP_TRY(convert(&got, resampler, NULL, 0, err));
	return EP_OK;
}
