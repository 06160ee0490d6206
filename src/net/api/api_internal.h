/* api_internal.h - what the files of the interface share; of no use elsewhere */
#ifndef EP_NET_API_API_INTERNAL_H
#define EP_NET_API_API_INTERNAL_H

#include "net/access.h"
#include "net/api/api.h"
#include "net/http_parts.h"
#include "sound/audio.h"
#include "store/track_fields.h"

#include <jansson.h>
#include <pthread.h>

/* The largest body with sound, and with JSON. */
#define EP_API_SOUND_MAX ((uint64_t)64 << 20)
#define EP_API_JSON_MAX ((size_t)16 << 20)

/* Items of a page: by default, and at most. */
#define EP_API_PAGE 50
#define EP_API_PAGE_MAX 1000

#define EP_API_AUDIOS_MAX 16

struct ep_api {
	struct ep_api_options options;
	struct ep_log *log; /* of the node */
	struct ep_catalogue *catalogue;
	struct ep_histogram identify_time;
	atomic_uint_fast64_t identify_count;
	pthread_mutex_t writing; /* one changes the node at a time */
	pthread_mutex_t plays; /* who holds it has the log of plays open, which LMDB allows once */
	pthread_mutex_t mutex; /* of the decoders that nobody uses */
	struct ep_audio *audios[EP_API_AUDIOS_MAX];
	size_t audio_count;
};

/* openapi.json; from the build. */
extern const char ep_api_document[];
extern const size_t ep_api_document_size;

/* ---- answers ---- */

/* A refusal with a code of its own, which openapi.json lists. */
void ep_api_refuse(struct ep_http_answer *answer, unsigned status, const char *code,
                   const char *fmt, ...) EP_PRINTF(4, 5);

/* A failure of what was done: 404, 409 for what is not allowed by the node's state, 500, 503. */
void ep_api_fail(struct ep_http_answer *answer, const struct ep_error *err);

/* Answers with JSON, which is released; NULL: there was no memory. */
void ep_api_answer(struct ep_http_answer *answer, unsigned status, json_t *json);

/* ---- requests ---- */

/* A parameter of the URL that is a number from min to max; *value stays where it is not given.
 * False: it is refused, and the answer says so. */
bool ep_api_number(uint64_t *value, const struct ep_http_request *request, const char *name,
                   uint64_t min, uint64_t max, struct ep_http_answer *answer);

/* The same for "true" and "false". */
bool ep_api_flag(bool *value, const struct ep_http_request *request, const char *name,
                 struct ep_http_answer *answer);

/* The same for a text of UTF-8, at most max bytes; *text is NULL where it is not given. */
bool ep_api_text(const char **text, const struct ep_http_request *request, const char *name,
                 size_t max, struct ep_http_answer *answer);

/* The same for a moment in UTC, in milliseconds since 1970: a day, or a second of one. */
bool ep_api_moment(int64_t *moment_ms, const struct ep_http_request *request, const char *name,
                   struct ep_http_answer *answer);

/* Whether a text has the size of an id; false: the answer says that there is no such thing. */
bool ep_api_is_id(const char *text, struct ep_http_answer *answer);

/* What is behind the front of the path: an id, ended by NUL. */
bool ep_api_id(struct ep_text *id, const struct ep_http_request *request, const char *front,
               struct ep_http_answer *answer);

/* Whether the Content-Type is this one ("application/json"), or begins so where it ends in "/". */
bool ep_api_is_type(const struct ep_http_request *request, const char *type);

/* The body as JSON, to be released. NULL: it is refused, and the answer says so. */
json_t *ep_api_json(const struct ep_http_request *request, struct ep_http_answer *answer);

/* Checks an object by a pattern of jansson, such as "{s:s, s?s}", with where its values go; other
 * keys are refused. False: the answer says what is wrong. */
bool ep_api_unpack(json_t *object, struct ep_http_answer *answer, const char *fmt, ...);

/* The fields of a track in JSON, {"isrc": "..."}: borrowed from it. Each is checked. False: they
 * are refused, and the answer says so. */
bool ep_api_fields(struct ep_field fields[EP_FIELDS_MAX], size_t *count, json_t *given,
                   struct ep_http_answer *answer);

/* ---- sound ---- */

/* What became of a file of sound. */
struct ep_api_sound {
	struct ep_pairs pairs;
	double ms; /* what it took */
};

/* Lends a decoder, or makes one; and takes it back. */
EP_MUST_USE enum ep_status ep_api_take_audio(struct ep_audio **audio, struct ep_api *api,
                                             struct ep_error *err);
void ep_api_give_audio(struct ep_api *api, struct ep_audio *audio);

/* Whether a body of this type is sound: audio/..., video/..., application/octet-stream. */
bool ep_api_is_sound(const struct ep_http_request *request);

/* Gives the path of a file with the body's sound: the body itself or, of samples without a header
 * (audio/L16; rate=R; channels=C, RFC 2586), a copy with one, which is to be removed: *made.
 * EP_BAD_INPUT  such parameters are wrong. EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_api_sound_file(char **path, bool *made,
                                             const struct ep_http_request *request,
                                             struct ep_error *err);

/* Whether a part of a form is a file named "file": with a file name of its own. */
bool ep_api_is_file(const struct ep_http_part *part);

/* ---- the routes ---- */

#define EP_API_HANDLER(name) \
	void name(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
EP_API_HANDLER(ep_api_identify);
EP_API_HANDLER(ep_api_list_tracks);
EP_API_HANDLER(ep_api_put_track);
EP_API_HANDLER(ep_api_get_track);
EP_API_HANDLER(ep_api_edit_track);
EP_API_HANDLER(ep_api_delete_track);
EP_API_HANDLER(ep_api_get_onsets);
EP_API_HANDLER(ep_api_list_changes);
EP_API_HANDLER(ep_api_list_sources);
EP_API_HANDLER(ep_api_invite);
EP_API_HANDLER(ep_api_remove_source);
EP_API_HANDLER(ep_api_list_copies);
EP_API_HANDLER(ep_api_link);
EP_API_HANDLER(ep_api_release);
EP_API_HANDLER(ep_api_list_conflicts);
EP_API_HANDLER(ep_api_settle);
EP_API_HANDLER(ep_api_list_pending);
EP_API_HANDLER(ep_api_list_plays);
#undef EP_API_HANDLER

enum ep_http_next ep_api_check_sound(void *context, struct ep_http_request *request,
                                     struct ep_http_answer *answer);
enum ep_http_next ep_api_wait_for_changes(void *context, struct ep_http_request *request,
                                          struct ep_http_answer *answer);

#endif
