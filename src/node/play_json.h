/* play_json.h - a play as JSON: as it is printed, told by the webhook, and listed */
#ifndef EP_NODE_PLAY_JSON_H
#define EP_NODE_PLAY_JSON_H

#include "base/time.h"
#include "plays/plays.h"

#include <jansson.h>

/* How much of a play is told. */
enum ep_play_told {
	EP_PLAY_TOLD_BEGUN, /* as when it began: it has no end, whatever came since */
	EP_PLAY_TOLD_NOW /* it has an end where it has ended */
};

/* A moment as text, in whole seconds, rounded down. */
void ep_play_moment(char text[EP_TIME_TEXT], int64_t moment_ms);

/* Reads a moment in UTC: "2026-01-31T18:30:00Z", or the same without its end, down to the day;
 * false if it is not one. */
#define EP_PLAY_MOMENT_RULE "a moment in UTC: 2026-01-31 or 2026-01-31T18:30:00Z"
bool ep_play_moment_read(int64_t *moment_ms, const char *text);

/* The fields that the track had, as an object, {"isrc": "..."}; NULL where there is no memory. */
json_t *ep_play_fields(const struct ep_logged_play *play);

/* The value of one of them; "": it is not there. */
const char *ep_play_field(const json_t *fields, const char *key);

/* The object; NULL where there is no memory. */
json_t *ep_play_json(const struct ep_logged_play *play, const struct ep_logged_stream *stream,
                     enum ep_play_told told);
json_t *ep_gap_json(const struct ep_gap *gap, const struct ep_logged_stream *stream);

/* What an event says: {"id": ..., "event": "begun" or "ended", "play": {...}}, as text for free().
 * plays  a snapshot that has it. EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_play_event_text(char **text, const struct ep_plays_read *plays,
                                              const struct ep_play_event *event,
                                              struct ep_error *err);

#endif
