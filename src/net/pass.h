/* pass.h - how a slave shows a private master or mirror that it is a source: a signed header
 *
 *     WWW-Authenticate: Bearer, Echoprint challenge="CHALLENGE"      with a refusal
 *     Authorization: Echoprint KEY CHALLENGE SIGNATURE               of the request that follows
 *
 * A challenge is the server's moment, and a hash of that with a secret that the server makes when
 * it starts: 8 and 16 bytes in hex. It is good for some minutes, by the clock of the server alone.
 * What is signed (purpose "echoprint request 1") is the method, the place below the master's URL,
 * the key of the master whose feed it is, and the challenge, each behind its size
 * (docs/formats/feed.md).
 */
#ifndef EP_NET_PASS_H
#define EP_NET_PASS_H

#include "base/sign.h"

#define EP_CHALLENGE_TEXT 49 /* with its NUL */
#define EP_CHALLENGE_SECRET 32
#define EP_CHALLENGE_S 300 /* how long it is good, in seconds */

/* Makes a challenge at a moment, in seconds of a clock that only goes forward. */
void ep_challenge_make(char text[EP_CHALLENGE_TEXT], const uint8_t secret[EP_CHALLENGE_SECRET],
                       uint64_t now);

/* Finds the challenge in a header line's value; false: there is none. */
bool ep_challenge_find(char text[EP_CHALLENGE_TEXT], const char *value);

/* What a request is for. */
struct ep_pass_request {
	const char *method; /* "GET" */
	const char *place; /* "/feed.json" */
	const struct ep_key *master;
};

/* The value of the header, with its NUL. */
#define EP_PASS_SCHEME "Echoprint "
#define EP_PASS_TEXT \
	(sizeof EP_PASS_SCHEME - 1 + EP_KEY_TEXT + EP_CHALLENGE_TEXT + 2 * EP_SIGNATURE_SIZE + 1)
void ep_pass_write(char text[EP_PASS_TEXT], const struct ep_pass_request *request,
                   const struct ep_keys *keys, const char challenge[EP_CHALLENGE_TEXT]);

enum ep_pass {
	EP_PASS_WRONG, /* it is no pass, or one for another request */
	EP_PASS_EXPIRED, /* its challenge is too old, or of another server, or of before a restart
	                  */
	EP_PASS_GOOD,
};

/* What a header's value is as a pass for this request with a challenge of this server; key is whose
 * it is, where it is not wrong. */
enum ep_pass ep_pass_check(struct ep_key *key, const char *value,
                           const struct ep_pass_request *request,
                           const uint8_t secret[EP_CHALLENGE_SECRET], uint64_t now);

#endif
