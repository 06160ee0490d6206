#include "cli/serve_live.h"

#include "base/file.h"
#include "cli/logging.h"
#include "cli/reload.h"
#include "format/json_text.h"
#include "node/token.h"

#include <sodium.h>

#define PEM_MAX ((size_t)1 << 20)

const char *
ep_serve_live_certificate(const struct ep_serve_live *live)
{
	return ep_live_value(live->now, live->started, "certificate");
}

const char *
ep_serve_live_key(const struct ep_serve_live *live)
{
	return ep_live_value(live->now, live->started, "key");
}

static void
forget(struct ep_buffer *secret)
{
	if (secret->data)
		sodium_memzero(secret->data, secret->capacity);
	ep_buffer_free(secret);
}

void
ep_serve_live_done(struct ep_serve_live *live)
{
	ep_settings_free(live->now);
	forget(&live->pem);
	forget(&live->token);
}

enum ep_status
ep_serve_live_read(struct ep_serve_live *live, struct ep_error *err)
{
	const char *certificate = ep_serve_live_certificate(live);
	const char *key = ep_serve_live_key(live);
	if (certificate && key) {
		EP_TRY(ep_read_file(&live->pem, certificate, PEM_MAX, err));
		EP_TRY(ep_read_file(&live->pem, key, PEM_MAX, err));
	}
	return live->node
	               ? ep_node_token(&live->token, live->node,
	                               ep_live_value(live->now, live->started, "token-file"), err)
	               : EP_OK;
}

/* Whether the files can be used, before anything is stopped for them. */
static enum ep_status
check_files(struct ep_serve_live *next, struct ep_error *err)
{
	const char *certificate = ep_serve_live_certificate(next);
	EP_TRY(ep_serve_live_read(next, err));
	return certificate ? ep_http_check_tls(certificate, ep_serve_live_key(next), err) : EP_OK;
}

static bool
same(const struct ep_buffer *one, const struct ep_buffer *other)
{
	return ep_bytes_equal(ep_buffer_bytes(one), ep_buffer_bytes(other));
}

bool
ep_serve_live_again(struct ep_serve_live *next, const struct ep_serve_live *live)
{
	struct ep_serve_live read = { .started = live->started, .node = live->node };
	struct ep_error err;
	if (!ep_reload(&read.now, live->started))
		return false;
	bool good = check_files(&read, &err) == EP_OK;
	bool certified = !same(&read.pem, &live->pem);
	bool admits = !same(&read.token, &live->token);
	if (good) {
		ep_tell(EP_LEVEL_INFO, "read the settings again%s%s",
		        certified ? "; there is another certificate" : "",
		        admits ? "; there is another token" : "");
	} else {
		ep_tell(EP_LEVEL_ERROR, "%s", err.text);
		ep_tell(EP_LEVEL_ERROR, "certificate and token stay as they were");
	}
	if (!good || (!certified && !admits)) {
		ep_serve_live_done(&read);
		return false;
	}
	*next = read;
	return true;
}

void
ep_serve_tell_answer(void *context, const struct ep_http_told *told)
{
	enum ep_level level = told->status < 400   ? EP_LEVEL_DEBUG
	                      : told->status < 500 ? EP_LEVEL_INFO
	                                           : EP_LEVEL_WARNING;
	(void)context;
	if (!ep_logging_has(level))
		return;
	ep_tell_fields(level,
	               json_pack("{s:o, s:o, s:o, s:i, s:I, s:f}", "client",
	                         ep_json_text(ep_text_of(told->client)), "method",
	                         ep_json_text(ep_text_of(told->method)), "path",
	                         ep_json_text(ep_text_of(told->path)), "status", (int)told->status,
	                         "bytes", (json_int_t)told->size, "seconds", told->seconds),
	               "%s", told->line);
}
