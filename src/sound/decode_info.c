#include "sound/decode_info.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

/* The names under which libavformat shows a tag, in any case; the first that is there counts. NULL
 * ends a list. */
#define NAMES_MAX 4
static const char *const names[][NAMES_MAX] = {
	{ "artist", NULL },
	{ "album", NULL },
	{ "title", NULL },
	{ "genre", NULL },
	/* As Vorbis, APE, MP4 and Matroska have it; ID3v2; ASF. */
	{ "isrc", "TSRC", "WM/ISRC", NULL },
	/* The id of a recording: Vorbis and APE; MP4, and TXXX of ID3v2; ASF. Picard writes it into
	 * the frame UFID of ID3v2, which libavformat does not give (tried: 59.27). */
	{ "MUSICBRAINZ_TRACKID", "MusicBrainz Track Id", "MusicBrainz/Track Id", NULL },
};

static const char *
tag(const AVFormatContext *format, const AVStream *stream, const char *name)
{
	const AVDictionaryEntry *entry = av_dict_get(format->metadata, name, NULL, 0);
	if (!entry)
		entry = av_dict_get(stream->metadata, name, NULL, 0);
	return entry ? entry->value : "";
}

static const char *
text_of(const AVFormatContext *format, const AVStream *stream, const char *const list[NAMES_MAX])
{
	const char *found = "";
	for (size_t i = 0; list[i] && !*found; i++)
		found = tag(format, stream, list[i]);
	return found;
}

void
ep_decode_info_fill(struct ep_decode_info *info, const AVFormatContext *format,
                    const AVStream *stream)
{
	int64_t bit_rate = format->bit_rate > 0 ? format->bit_rate : stream->codecpar->bit_rate;
	int rate = stream->codecpar->sample_rate;
	*info = (struct ep_decode_info){
		.sample_rate = rate > 0 ? (uint32_t)rate : 0,
		.bit_rate = bit_rate > 0 && bit_rate <= UINT32_MAX ? (uint32_t)bit_rate : 0,
		.duration_us = format->duration > 0 ? av_rescale_q(format->duration, AV_TIME_BASE_Q,
		                                                   (AVRational){ 1, 1000000 })
		                                    : 0,
		.codec = avcodec_get_name(stream->codecpar->codec_id),
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		info->texts[i] = text_of(format, stream, names[i]);
}

bool
ep_decode_tags_changed(AVFormatContext *format, AVStream *stream)
{
	bool changed = (stream->event_flags & AVSTREAM_EVENT_FLAG_METADATA_UPDATED) ||
	               (format->event_flags & AVFMT_EVENT_FLAG_METADATA_UPDATED);
	stream->event_flags &= ~AVSTREAM_EVENT_FLAG_METADATA_UPDATED;
	format->event_flags &= ~AVFMT_EVENT_FLAG_METADATA_UPDATED;
	return changed;
}
