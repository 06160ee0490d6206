#include "net/stream/playlist.h"

#include <string.h>
#include <strings.h>

static bool
is_blank(char letter)
{
	return letter == ' ' || letter == '\t' || letter == '\r';
}

bool
ep_playlist_line(struct ep_text *line, struct ep_text *text)
{
	if (text->size == 0)
		return false;
	const char *end = memchr(text->at, '\n', text->size);
	size_t size = end ? (size_t)(end - text->at) : text->size;
	size_t used = end ? size + 1 : size;
	const char *at = text->at;
	while (size > 0 && is_blank(at[size - 1]))
		size--;
	while (size > 0 && is_blank(*at)) {
		at++;
		size--;
	}
	*line = (struct ep_text){ at, size };
	text->at += used;
	text->size -= used;
	return true;
}

bool
ep_playlist_begins_with(struct ep_text line, const char *word, struct ep_text *rest)
{
	size_t size = strlen(word);
	if (line.size < size || strncasecmp(line.at, word, size) != 0)
		return false;
	if (rest)
		*rest = (struct ep_text){ line.at + size, line.size - size };
	return true;
}

/* Without the mark of UTF-8 at the front. */
static struct ep_text
skip_mark(struct ep_text text)
{
	bool marked = text.size >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0;
	return marked ? (struct ep_text){ text.at + 3, text.size - 3 } : text;
}

/* Whether a type, of which parameters may follow, is that of a playlist. */
static bool
is_type_of_list(const char *type)
{
	static const char *const types[] = { "audio/x-mpegurl",
		                             "audio/mpegurl",
		                             "application/x-mpegurl",
		                             "application/vnd.apple.mpegurl",
		                             "audio/x-scpls",
		                             "application/pls+xml",
		                             NULL };
	size_t size = strcspn(type, "; \t");
	for (size_t i = 0; types[i]; i++)
		if (strlen(types[i]) == size && strncasecmp(type, types[i], size) == 0)
			return true;
	return false;
}

bool
ep_playlist_begins(struct ep_text head, const char *type)
{
	head = skip_mark(head);
	while (head.size > 0 && (is_blank(*head.at) || *head.at == '\n'))
		head = (struct ep_text){ head.at + 1, head.size - 1 };
	if (ep_playlist_begins_with(head, "#EXTM3U", NULL) ||
	    ep_playlist_begins_with(head, "[playlist]", NULL))
		return true;
	for (size_t i = 0; i < head.size; i++)
		if ((unsigned char)head.at[i] < ' ' && !is_blank(head.at[i]) && head.at[i] != '\n')
			return false;
	return is_type_of_list(type) && !ep_playlist_begins_with(head, "ID3", NULL) &&
	       !ep_playlist_begins_with(head, "OggS", NULL);
}

enum ep_playlist_kind
ep_playlist_kind_of(struct ep_text text)
{
	struct ep_text line;
	text = skip_mark(text);
	while (ep_playlist_line(&line, &text)) {
		if (ep_playlist_begins_with(line, "[playlist]", NULL))
			return EP_PLAYLIST_PLS;
		if (ep_playlist_begins_with(line, "#EXT-X-", NULL))
			return EP_PLAYLIST_HLS;
		if (line.size > 0 && *line.at != '#')
			return EP_PLAYLIST_M3U;
	}
	return EP_PLAYLIST_NONE;
}

/* The entry in a line of a PLS: "File1=URL". */
static bool
pls_entry(struct ep_text *entry, struct ep_text line)
{
	struct ep_text rest;
	const char *equals;
	if (!ep_playlist_begins_with(line, "File", &rest) ||
	    !(equals = rest.size ? memchr(rest.at, '=', rest.size) : NULL))
		return false;
	size_t used = (size_t)(equals + 1 - rest.at);
	*entry = (struct ep_text){ equals + 1, rest.size - used };
	while (entry->size > 0 && is_blank(*entry->at))
		*entry = (struct ep_text){ entry->at + 1, entry->size - 1 };
	return entry->size > 0;
}

/* The next entry of the rest of a list. */
static bool
next_entry(struct ep_text *entry, enum ep_playlist_kind kind, struct ep_text *rest)
{
	struct ep_text line;
	while (ep_playlist_line(&line, rest)) {
		if (kind == EP_PLAYLIST_PLS ? pls_entry(entry, line)
		                            : line.size > 0 && *line.at != '#') {
			if (kind != EP_PLAYLIST_PLS)
				*entry = line;
			return true;
		}
	}
	return false;
}

bool
ep_playlist_entry(struct ep_text *entry, enum ep_playlist_kind kind, struct ep_text text,
                  size_t number)
{
	size_t count = 0;
	text = skip_mark(text);
	for (struct ep_text rest = text; next_entry(entry, kind, &rest);)
		count++;
	if (count == 0)
		return false;
	struct ep_text rest = text;
	for (size_t i = 0; i <= number % count; i++)
		(void)next_entry(entry, kind, &rest);
	return true;
}
