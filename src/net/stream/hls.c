#include "net/stream/hls.h"

#include "net/stream/playlist.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What lines have said of the segment, or variant, that comes next. */
struct state {
	struct ep_hls *hls;
	struct ep_hls_segment next;
	bool is_segment; /* EXTINF was there */
	uint64_t part_end; /* of the part of a file before: where the next begins */
	size_t capacity;
	bool is_variant; /* STREAM-INF was there */
	bool has_sound;
	uint64_t bandwidth;
	struct ep_text group;
	bool found;
	uint64_t best_bandwidth;
	struct ep_text best;
	struct ep_text best_group;
};

/* ---- values ---- */

/* Digits at the front of text, which are taken off; what is too large is the largest. */
static uint64_t
take_number(struct ep_text *text)
{
	uint64_t value = 0;
	while (text->size > 0 && *text->at >= '0' && *text->at <= '9') {
		unsigned digit = (unsigned)(*text->at - '0');
		value = value > (UINT64_C(1) << 62) / 10 ? UINT64_C(1) << 62 : value * 10 + digit;
		text->at++;
		text->size--;
	}
	return value;
}

/* Seconds, "9.009"; 0 to a day. */
static double
seconds_of(struct ep_text text)
{
	double value = (double)take_number(&text);
	if (text.size > 0 && *text.at == '.') {
		double unit = 0.1;
		for (size_t i = 1; i < text.size && text.at[i] >= '0' && text.at[i] <= '9'; i++) {
			value += unit * (text.at[i] - '0');
			unit /= 10;
		}
	}
	return value > 86400 ? 86400 : value;
}

/* Takes the next NAME=VALUE off a list of attributes; quotes are not part of the value. */
static bool
take_attribute(struct ep_text *name, struct ep_text *value, struct ep_text *list)
{
	const char *equals = list->size ? memchr(list->at, '=', list->size) : NULL;
	if (!equals)
		return false;
	const char *end = list->at + list->size;
	const char *at = equals + 1;
	bool quoted = at < end && *at == '"';
	at += quoted;
	const char *stop = at < end ? memchr(at, quoted ? '"' : ',', (size_t)(end - at)) : NULL;
	if (!stop)
		stop = end;
	*name = (struct ep_text){ list->at, (size_t)(equals - list->at) };
	while (name->size > 0 && (*name->at == ' ' || *name->at == ','))
		*name = (struct ep_text){ name->at + 1, name->size - 1 };
	*value = (struct ep_text){ at, (size_t)(stop - at) };
	const char *comma = stop < end ? memchr(stop, ',', (size_t)(end - stop)) : NULL;
	const char *next = comma ? comma + 1 : end;
	*list = (struct ep_text){ next, (size_t)(end - next) };
	return true;
}

/* The value of an attribute; empty where it is not there. */
static struct ep_text
attribute(struct ep_text list, const char *wanted)
{
	struct ep_text name;
	struct ep_text value;
	while (take_attribute(&name, &value, &list))
		if (ep_text_equal(name, ep_text_of(wanted)))
			return value;
	return (struct ep_text){ NULL, 0 };
}

static bool
is(struct ep_text text, const char *word)
{
	return ep_text_equal(text, ep_text_of(word));
}

/* "SIZE" or "SIZE@FROM": without FROM, behind the part before. */
static void
read_range(struct ep_hls_part *part, struct ep_text text, uint64_t behind)
{
	part->size = take_number(&text);
	part->from = behind;
	if (text.size > 0 && *text.at == '@') {
		text = (struct ep_text){ text.at + 1, text.size - 1 };
		part->from = take_number(&text);
	}
}

/* ---- master playlists ---- */

/* Whether a list of codecs has one of sound; one that is not there may have any. */
static bool
has_sound(struct ep_text codecs)
{
	static const char *const names[] = { "mp4a", "mp3",  "ac-3",   "ec-3",
		                             "opus", "flac", "vorbis", NULL };
	for (size_t i = 0; names[i]; i++) {
		size_t size = strlen(names[i]);
		for (size_t at = 0; at + size <= codecs.size; at++)
			if (strncasecmp(codecs.at + at, names[i], size) == 0)
				return true;
	}
	return codecs.size == 0;
}

static void
read_variant(struct state *state, struct ep_text list)
{
	struct ep_text bandwidth = attribute(list, "BANDWIDTH");
	state->is_variant = true;
	state->bandwidth = take_number(&bandwidth);
	state->group = attribute(list, "AUDIO");
	state->has_sound = has_sound(attribute(list, "CODECS")) || state->group.size > 0;
}

static void
take_variant(struct state *state, struct ep_text url)
{
	state->is_variant = false;
	state->hls->variant = state->best.size ? state->best : url;
	if (!state->has_sound || (state->best.size && state->bandwidth >= state->best_bandwidth))
		return;
	state->best = state->hls->variant = url;
	state->best_bandwidth = state->bandwidth;
	state->best_group = state->group;
}

/* The sound of the chosen variant, where it is apart: the default of its group, else the first. */
static void
find_rendition(struct state *state, struct ep_text text)
{
	struct ep_text line;
	struct ep_text list;
	bool found = false;
	while (state->best_group.size > 0 && ep_playlist_line(&line, &text)) {
		if (!ep_playlist_begins_with(line, "#EXT-X-MEDIA:", &list) ||
		    !is(attribute(list, "TYPE"), "AUDIO") ||
		    !ep_text_equal(attribute(list, "GROUP-ID"), state->best_group))
			continue;
		struct ep_text url = attribute(list, "URI");
		bool normal = is(attribute(list, "DEFAULT"), "YES");
		if (url.size > 0 && (!found || normal))
			state->hls->variant = url;
		found = true;
		if (normal)
			return;
	}
}

/* ---- media playlists ---- */

static enum ep_status
add_segment(struct state *state, struct ep_text url, struct ep_error *err)
{
	struct ep_hls *hls = state->hls;
	if (hls->count == state->capacity) {
		size_t capacity = state->capacity ? 2 * state->capacity : 16;
		struct ep_hls_segment *more =
			realloc(hls->segments, capacity * sizeof *hls->segments);
		if (!more)
			return ep_fail(err, EP_NO_MEMORY, "out of memory");
		hls->segments = more;
		state->capacity = capacity;
	}
	state->next.part.url = url;
	hls->segments[hls->count++] = state->next;
	state->part_end = state->next.part.size ? state->next.part.from + state->next.part.size : 0;
	state->next.discontinuity = false;
	state->next.part = (struct ep_hls_part){ { NULL, 0 }, 0, 0 };
	state->is_segment = false;
	return EP_OK;
}

static void
read_map(struct state *state, struct ep_text list)
{
	struct ep_text range = attribute(list, "BYTERANGE");
	state->next.map = (struct ep_hls_part){ attribute(list, "URI"), 0, 0 };
	if (range.size > 0)
		read_range(&state->next.map, range, 0);
}

static enum ep_status
read_key(struct ep_text list, struct ep_error *err)
{
	struct ep_text method = attribute(list, "METHOD");
	if (method.size == 0 || is(method, "NONE"))
		return EP_OK;
	return ep_fail(err, EP_BAD_INPUT,
	               "the HLS stream is encrypted (%.*s), which cannot be played: only streams "
	               "without EXT-X-KEY can",
	               ep_text_print_size(method), method.at);
}

static enum ep_status
read_tag(struct state *state, struct ep_text line, struct ep_error *err)
{
	struct ep_hls *hls = state->hls;
	struct ep_text rest;
	if (ep_playlist_begins_with(line, "#EXTINF:", &rest)) {
		state->is_segment = true;
		state->next.duration_s = seconds_of(rest);
	} else if (ep_playlist_begins_with(line, "#EXT-X-TARGETDURATION:", &rest)) {
		double seconds = seconds_of(rest);
		hls->target_s = seconds < 1 ? 1 : seconds;
	} else if (ep_playlist_begins_with(line, "#EXT-X-MEDIA-SEQUENCE:", &rest)) {
		hls->sequence = take_number(&rest);
	} else if (ep_playlist_begins_with(line, "#EXT-X-ENDLIST", NULL)) {
		hls->ended = true;
	} else if (ep_playlist_begins_with(line, "#EXT-X-BYTERANGE:", &rest)) {
		read_range(&state->next.part, rest, state->part_end);
	} else if (ep_playlist_begins_with(line, "#EXT-X-MAP:", &rest)) {
		read_map(state, rest);
	} else if (ep_playlist_begins_with(line, "#EXT-X-STREAM-INF:", &rest)) {
		read_variant(state, rest);
	} else if (ep_playlist_begins_with(line, "#EXT-X-KEY:", &rest) ||
	           ep_playlist_begins_with(line, "#EXT-X-SESSION-KEY:", &rest)) {
		return read_key(rest, err);
	} else if (is(line, "#EXT-X-DISCONTINUITY")) {
		state->next.discontinuity = true;
	}
	return EP_OK;
}

static enum ep_status
read_line(struct state *state, struct ep_text line, struct ep_error *err)
{
	if (line.size == 0)
		return EP_OK;
	if (*line.at == '#')
		return read_tag(state, line, err);
	if (state->is_variant)
		take_variant(state, line);
	else if (state->is_segment)
		return add_segment(state, line, err);
	return EP_OK;
}

enum ep_status
ep_hls_read(struct ep_hls *hls, struct ep_text text, struct ep_error *err)
{
	struct state state = { .hls = hls };
	struct ep_text line;
	ep_hls_free(hls);
	hls->target_s = 1;
	for (struct ep_text rest = text; ep_playlist_line(&line, &rest);)
		EP_TRY(read_line(&state, line, err));
	if (hls->variant.size > 0 && state.best.size == 0)
		return ep_fail(err, EP_BAD_INPUT, "no variant of the HLS stream has audio");
	find_rendition(&state, text);
	/* A live playlist may have no segments yet. */
	if (hls->variant.size == 0 && hls->count == 0 && hls->ended)
		return ep_fail(err, EP_BAD_INPUT, "the HLS playlist has no segments");
	return EP_OK;
}

void
ep_hls_free(struct ep_hls *hls)
{
	free(hls->segments);
	*hls = (struct ep_hls){ .segments = NULL };
}

uint64_t
ep_hls_begin(const struct ep_hls *hls)
{
	double rest = 0;
	size_t first = hls->count;
	if (hls->ended)
		return hls->sequence;
	while (first > 0 && rest < 3 * hls->target_s)
		rest += hls->segments[--first].duration_s;
	return hls->sequence + first;
}
