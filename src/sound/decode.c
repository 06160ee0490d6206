#include "sound/decode.h"

#include "sound/decode_info.h"
#include "sound/decode_io.h"
#include "sound/resample.h"
#include "sound/sound.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <string.h>

/* Of what is live: bytes by which its format must be recognised (of MP3 at 128 kbit/s, a second),
 * bytes and time within which its streams must be found, and bytes of an index, which nobody needs.
 */
#define LIVE_PROBE 16384
#define LIVE_ANALYSE ((int64_t)4 << 20)
#define LIVE_ANALYSE_US 2000000
#define LIVE_INDEX 65536

struct ep_decode {
	const struct ep_decode_job *job;
	struct ep_decode_io *io;
	AVFormatContext *format;
	AVStream *stream;
	AVCodecContext *codec;
	AVPacket *packet;
	AVFrame *frame;
	struct ep_resampler *resampler;
	int64_t last_packet; /* when it was, and when the last frame ended: for moment_of */
	int64_t last_moment;
};

/* A file may name others, as playlists do; they are not opened. */
static int
refuse_to_open(AVFormatContext *format, AVIOContext **io, const char *url, int flags,
               AVDictionary **options)
{
	(void)format;
	(void)io;
	(void)url;
	(void)flags;
	(void)options;
	return AVERROR(EPERM);
}

static enum ep_status
fail_av(struct ep_error *err, int code, const char *what)
{
	char why[AV_ERROR_MAX_STRING_SIZE];
	if (code == AVERROR(ENOMEM))
		return ep_fail(err, EP_NO_MEMORY, "%s: it needs too much memory", what);
	av_strerror(code, why, sizeof why);
	return ep_fail(err, EP_BAD_INPUT, "%s: %s", what, why);
}

/* Whether sound comes as it is heard; a file has all of it. */
static bool
is_endless(const struct ep_decode *decode)
{
	return decode->job->live && !ep_decode_io_seekable(decode->io);
}

/* Finds the format by the first bytes. */
static enum ep_status
recognise(struct ep_decode *decode, struct ep_error *err)
{
	const struct ep_decode_job *job = decode->job;
	AVDictionary *options = NULL;
	const AVInputFormat *raw = NULL;
	if (job->raw) {
		raw = av_find_input_format("s16le");
		av_dict_set_int(&options, "sample_rate", EP_SOUND_RATE, 0);
		av_dict_set(&options, "ch_layout", "mono", 0);
	} else {
		av_dict_set(&options, "scan_all_pmts", job->live ? "0" : "1", 0);
	}
	if (is_endless(decode)) {
		uint32_t tag_size = job->raw ? 0 : ep_decode_io_id3_size(decode->io);
		int64_t most = LIVE_PROBE + (tag_size < LIVE_ANALYSE ? tag_size : 0);
		decode->format->format_probesize = (int)most;
		decode->format->probesize = most;
	}
	int code = avformat_open_input(&decode->format, job->name, raw, &options);
	av_dict_free(&options);
	/* What looks like sound, but cannot even be begun, was mistaken for it. */
	bool guessed = code < 0 && code != AVERROR(ENOMEM) && job->sure;
	if (code == AVERROR_INVALIDDATA || code == AVERROR(EPERM) || guessed)
		return ep_fail(err, EP_NOT_FOUND, "no audio was found in it");
	if (code < 0)
		return fail_av(err, code, "its content does not match its format");
	if (job->sure && decode->format->probe_score <= AVPROBE_SCORE_RETRY)
		return ep_fail(err, EP_NOT_FOUND, "no audio was found in it");
	return EP_OK;
}

static enum ep_status
open_format(struct ep_decode *decode, struct ep_error *err)
{
	EP_TRY(ep_decode_io_open(&decode->io, decode->job, err));
	decode->format = avformat_alloc_context();
	if (!decode->format)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	decode->format->pb = ep_decode_io_context(decode->io);
	decode->format->io_open = refuse_to_open;
	decode->format->flags |= AVFMT_FLAG_NONBLOCK;
	EP_TRY(recognise(decode, err));
	if (is_endless(decode)) {
		decode->format->probesize = LIVE_ANALYSE;
		decode->format->max_analyze_duration = LIVE_ANALYSE_US;
		decode->format->fps_probe_size = 0;
		decode->format->max_index_size = LIVE_INDEX;
	}
	int code = avformat_find_stream_info(decode->format, NULL);
	if (code < 0)
		return fail_av(err, code, "cannot determine its contents");
	return EP_OK;
}

/* ---- the stream ---- */

/* How the ffmpeg program ranks audio streams: those with packets, then the default, then by
 * channels. */
static int64_t
rank(const AVStream *stream)
{
	if (stream->codecpar->codec_type != AVMEDIA_TYPE_AUDIO)
		return 0;
	int64_t packets = stream->event_flags & AVSTREAM_EVENT_FLAG_NEW_PACKETS ? 100000000 : 0;
	int64_t normal = stream->disposition & AV_DISPOSITION_DEFAULT ? 5000000 : 0;
	return stream->codecpar->ch_layout.nb_channels + packets + normal;
}

static enum ep_status
choose_stream(struct ep_decode *decode, struct ep_error *err)
{
	int64_t best = 0;
	for (unsigned i = 0; i < decode->format->nb_streams; i++) {
		AVStream *stream = decode->format->streams[i];
		stream->discard = AVDISCARD_ALL;
		if (rank(stream) > best) {
			best = rank(stream);
			decode->stream = stream;
		}
	}
	if (!decode->stream)
		return ep_fail(err, EP_NOT_FOUND, "there is no audio in it (%s)",
		               decode->format->iformat->long_name
		                       ? decode->format->iformat->long_name
		                       : decode->format->iformat->name);
	decode->stream->discard = AVDISCARD_DEFAULT;
	return EP_OK;
}

static enum ep_status
open_codec(struct ep_decode *decode, struct ep_error *err)
{
	const AVCodecParameters *parameters = decode->stream->codecpar;
	const AVCodec *codec = avcodec_find_decoder(parameters->codec_id);
	if (!codec)
		return ep_fail(err, EP_BAD_INPUT, "there is no decoder for its audio format, %s",
		               avcodec_get_name(parameters->codec_id));
	decode->codec = avcodec_alloc_context3(codec);
	if (!decode->codec)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	int code = avcodec_parameters_to_context(decode->codec, parameters);
	decode->codec->pkt_timebase = decode->stream->time_base;
	decode->codec->thread_count = 1;
	if (code >= 0)
		code = avcodec_open2(decode->codec, codec, NULL);
	return code < 0 ? fail_av(err, code, "its audio cannot be decoded") : EP_OK;
}

/* ---- decoding ---- */

/* Whether a moment is one that can be reckoned with, whatever it is counted in. */
static bool
is_moment(int64_t moment)
{
	const int64_t most = (int64_t)1 << 45;
	return moment > -most && moment < most;
}

/* When a frame is heard, in samples of its own rate from the start of the file; AV_NOPTS_VALUE:
 * just behind the last. Small steps back and forth, which come of rounding, are smoothed as in the
 * program. */
static int64_t
moment_of(struct ep_decode *decode, const AVFrame *frame)
{
	AVRational base = decode->stream->time_base;
	AVRational fine = { 1, frame->sample_rate };
	const AVPacket *packet = decode->packet;
	int64_t pts = frame->pts != AV_NOPTS_VALUE ? frame->pts : packet->pts;
	int64_t start = decode->format->start_time;
	start = start == AV_NOPTS_VALUE ? 0 : av_rescale_q(start, AV_TIME_BASE_Q, base);
	/* What no sound lasts is damage (and so is AV_NOPTS_VALUE). */
	if (!is_moment(pts) || !is_moment(start) || frame->sample_rate <= 0)
		return AV_NOPTS_VALUE;
	if (packet->duration && is_moment(packet->pts) && is_moment(decode->last_packet) &&
	    packet->pts - decode->last_packet > packet->duration)
		decode->last_moment = AV_NOPTS_VALUE;
	if (packet->buf)
		decode->last_packet = packet->pts;
	int64_t moment = av_rescale_delta(base, pts - start, fine, frame->nb_samples,
	                                  &decode->last_moment, fine);
	return is_moment(moment) ? moment : AV_NOPTS_VALUE;
}

/* Takes all frames that the codec has. */
static enum ep_status
take_frames(struct ep_decode *decode, struct ep_error *err)
{
	for (;;) {
		int code = avcodec_receive_frame(decode->codec, decode->frame);
		/* Damaged packets cost themselves. */
		if (code == AVERROR(ENOMEM))
			return fail_av(err, code, "its audio cannot be decoded");
		if (code < 0)
			return EP_OK;
		EP_TRY(ep_resampler_take(decode->resampler, decode->frame,
		                         moment_of(decode, decode->frame), err));
		if (ep_resampler_full(decode->resampler))
			return EP_OK;
	}
}

/* ---- what is said of it ---- */

/* Tells what is known of a live stream before its first samples. */
static enum ep_status
tell_begin(struct ep_decode *decode, struct ep_error *err)
{
	const struct ep_decode_job *job = decode->job;
	struct ep_decode_info info;
	ep_decode_info_fill(&info, decode->format, decode->stream);
	(void)ep_decode_tags_changed(decode->format, decode->stream);
	EP_TRY(job->begun(job->context, &info, err));
	return *info.texts[0] || *info.texts[2]
	               ? job->title(job->context, info.texts[0], info.texts[2], err)
	               : EP_OK;
}

/* Tells a title that came in mid-stream, as in chained Ogg files. */
static enum ep_status
tell_title(struct ep_decode *decode, struct ep_error *err)
{
	const struct ep_decode_job *job = decode->job;
	struct ep_decode_info info;
	if (!ep_decode_tags_changed(decode->format, decode->stream))
		return EP_OK;
	ep_decode_info_fill(&info, decode->format, decode->stream);
	return job->title(job->context, info.texts[0], info.texts[2], err);
}

/* ---- all of it ---- */

static enum ep_status
take_packets(struct ep_decode *decode, struct ep_error *err)
{
	int code = 0;
	while (!ep_resampler_full(decode->resampler) &&
	       (code = av_read_frame(decode->format, decode->packet)) >= 0) {
		if (decode->packet->stream_index == decode->stream->index &&
		    avcodec_send_packet(decode->codec, decode->packet) >= 0)
			EP_TRY(take_frames(decode, err));
		av_packet_unref(decode->packet);
		if (decode->job->live)
			EP_TRY(tell_title(decode, err));
	}
	if (code == AVERROR(ENOMEM))
		return fail_av(err, code, "its audio cannot be decoded");
	/* What ends in the middle has its front. */
	if (!ep_resampler_full(decode->resampler)) {
		(void)avcodec_send_packet(decode->codec, NULL);
		EP_TRY(take_frames(decode, err));
	}
	return ep_resampler_finish(decode->resampler, err);
}

enum ep_status
ep_decode(struct ep_decode **out, struct ep_decode_info *info, const struct ep_decode_job *job,
          struct ep_error *err)
{
	struct ep_decode *decode = av_mallocz(sizeof *decode);
	if (!decode)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	*out = decode;
	decode->job = job;
	decode->last_packet = decode->last_moment = AV_NOPTS_VALUE;
	decode->packet = av_packet_alloc();
	decode->frame = av_frame_alloc();
	if (!decode->packet || !decode->frame)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(open_format(decode, err));
	EP_TRY(choose_stream(decode, err));
	EP_TRY(open_codec(decode, err));
	EP_TRY(ep_resampler_open(&decode->resampler, job, err));
	if (job->live)
		EP_TRY(tell_begin(decode, err));
	EP_TRY(take_packets(decode, err));
	if (ep_resampler_count(decode->resampler) == 0)
		return ep_fail(err, EP_BAD_INPUT, "there are no samples in it");
	ep_decode_info_fill(info, decode->format, decode->stream);
	return EP_OK;
}

void
ep_decode_close(struct ep_decode *decode)
{
	if (!decode)
		return;
	ep_resampler_close(decode->resampler);
	av_frame_free(&decode->frame);
	av_packet_free(&decode->packet);
	avcodec_free_context(&decode->codec);
	avformat_close_input(&decode->format);
	ep_decode_io_close(decode->io);
	av_free(decode);
}
