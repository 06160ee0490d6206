/* serve_live.h - what `serve` reads again at SIGHUP: settings, the files of TLS, and the token */
#ifndef EP_CLI_SERVE_LIVE_H
#define EP_CLI_SERVE_LIVE_H

#include "cli/settings.h"
#include "net/http.h"
#include "node/node.h"

/* Zeroed, with `started` and `node` set: nothing is read yet. */
struct ep_serve_live {
	const struct ep_settings *started; /* what the program was started with */
	const struct ep_node *node; /* NULL: a front end, which has no token */
	struct ep_settings *now; /* read again; NULL: as started */
	struct ep_buffer pem; /* certificate and key */
	struct ep_buffer token; /* ended by NUL */
};
void ep_serve_live_done(struct ep_serve_live *live);

/* Reads the files, whose names are those of the settings. EP_NOT_FOUND, EP_IO, EP_BAD_INPUT  they
 * cannot be used. EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_serve_live_read(struct ep_serve_live *live, struct ep_error *err);

/* Reads settings and files again, and tells what came of it. True: certificate, key or token are
 * others now; the server must be started again with *next, and *live is released when nothing uses
 * it any more. False: *next is untouched. */
bool ep_serve_live_again(struct ep_serve_live *next, const struct ep_serve_live *live);

/* Tells of an answer, for ep_serve_options.on_answer and that of a front end: what was refused is
 * of the level info, what failed here a warning, all else of the level debug. */
void ep_serve_tell_answer(void *context, const struct ep_http_told *told);

/* Names of the files of TLS; NULL: none. */
const char *ep_serve_live_certificate(const struct ep_serve_live *live);
const char *ep_serve_live_key(const struct ep_serve_live *live);

#endif
