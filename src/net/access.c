#include "net/access.h"

#include "base/time.h"
#include "peer/peer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- this machine ---- */

bool
ep_host_is_loopback(struct ep_text host)
{
	char text[64];
	struct in_addr in;
	struct in6_addr in6;
	if (host.size > 1 && host.at[0] == '[' && host.at[host.size - 1] == ']')
		host = (struct ep_text){ host.at + 1, host.size - 2 };
	if (host.size == 0 || host.size >= sizeof text)
		return false;
	memcpy(text, host.at, host.size);
	text[host.size] = '\0';
	if (inet_pton(AF_INET, text, &in) == 1)
		return ntohl(in.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, text, &in6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&in6);
	return strcasecmp(text, "localhost") == 0;
}

struct ep_text
ep_host_of(const char *text)
{
	const char *scheme = strstr(text, "://");
	const char *host = scheme ? scheme + 3 : text;
	size_t size = strcspn(host, "/?#");
	const char *bracket = memrchr(host, ']', size);
	const char *colon = memrchr(host, ':', size);
	if (colon && (!bracket || colon > bracket))
		size = (size_t)(colon - host);
	return (struct ep_text){ host, size };
}

/* Whether a browser sends a request for a page that this node did not hand out. A page of a proxied
 * name has that in Host. */
static bool
is_of_other_page(const struct ep_http_request *request, const char *host)
{
	const char *origin = ep_http_header(request, "Origin");
	const char *site = ep_http_header(request, "Sec-Fetch-Site");
	const char *scheme = origin ? strstr(origin, "://") : NULL;
	if (origin && (!scheme || strcasecmp(scheme + 3, host) != 0))
		return true;
	return site && strcasecmp(site, "none") != 0 && strcasecmp(site, "same-origin") != 0;
}

/* Whether a request comes from a program of this machine for its user. A page in a browser asks by
 * its own host's name, or as a page of another origin, and a proxy says for whom it asks. */
static bool
is_local(const struct ep_access *access, const struct ep_http_request *request)
{
	static const char *const of_proxies[] = { "Forwarded",         "Via",
		                                  "X-Forwarded-For",   "X-Forwarded-Host",
		                                  "X-Forwarded-Proto", "X-Real-IP" };
	const char *host = ep_http_header(request, "Host");
	for (size_t i = 0; i < sizeof of_proxies / sizeof *of_proxies; i++) {
		if (ep_http_header(request, of_proxies[i]))
			return false;
	}
	return access->local && host && !is_of_other_page(request, host) &&
	       ep_host_is_loopback(ep_host_of(host)) &&
	       ep_host_is_loopback(ep_text_of(ep_http_client(request)));
}

/* ---- who asks ---- */

static enum ep_role
role_of_token(const struct ep_access *access, const char *text)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_token token;
	size_t size = access->token ? strlen(access->token) : 0;
	if (size && strlen(text) == size && sodium_memcmp(text, access->token, size) == 0)
		return EP_ROLE_INGEST;
	if (!access->log || ep_log_read_begin(&read, access->log, NULL) != EP_OK ||
	    ep_token_find(&token, read, ep_text_of(text), NULL) != EP_OK)
		return EP_ROLE_NONE;
	return token.role;
}

/* Who asks. why: what is wrong with the pass that was shown; NULL: nothing, or there is none. */
struct asker {
	enum ep_role role;
	const char *why;
	bool ordinary; /* a refusal is a step of what a slave does, and gives it a challenge */
};

static void
read_pass(struct asker *asker, const struct ep_access *access,
          const struct ep_http_request *request, const char *value)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_pass_request asked = { .method = ep_http_method(request),
		                         .place = ep_http_path(request),
		                         .master = &access->master };
	struct ep_key key;
	struct ep_peer peer;
	enum ep_pass pass =
		ep_pass_check(&key, value, &asked, access->secret, (uint64_t)ep_clock_s());
	if (pass == EP_PASS_WRONG || !access->log ||
	    ep_log_read_begin(&read, access->log, NULL) != EP_OK)
		asker->why = "the request is not signed as it must be";
	else if (ep_peer_of_key(&peer, read, &key, NULL) != EP_OK)
		asker->why = "this key is not a source here: it was removed, or never admitted "
			     "(`echoprint source add NAME`)";
	else if (pass == EP_PASS_GOOD)
		asker->role = EP_ROLE_QUERY;
	else {
		asker->why = "the challenge has expired: sign the one of this answer";
		asker->ordinary = true;
	}
}

static struct asker
find_asker(const struct ep_access *access, const struct ep_http_request *request)
{
	static const char bearer[] = "Bearer ";
	struct asker asker = { .role = EP_ROLE_NONE };
	const char *given = ep_http_header(request, "Authorization");
	if (given && strncasecmp(given, bearer, strlen(bearer)) == 0)
		asker.role = role_of_token(access, given + strlen(bearer));
	else if (given && strncasecmp(given, EP_PASS_SCHEME, strlen(EP_PASS_SCHEME)) == 0)
		read_pass(&asker, access, request, given);
	else if (!given && !access->closed && is_local(access, request))
		asker.role = EP_ROLE_QUERY;
	asker.ordinary |= !given;
	return asker;
}

/* ---- who may ---- */

static enum ep_role
needed(const struct ep_access *access, const struct ep_http_route *route)
{
	/* An outsider at a private node learns not even what is there. */
	enum ep_need need = route ? (enum ep_need)route->need : EP_NEED_OPEN;
	switch (need) {
	case EP_NEED_NOTHING:
	case EP_NEED_PROOF:
		return EP_ROLE_NONE;
	case EP_NEED_OPEN:
	case EP_NEED_FEED:
		return access->closed ? EP_ROLE_QUERY : EP_ROLE_NONE;
	case EP_NEED_QUERY:
		return EP_ROLE_QUERY;
	case EP_NEED_INGEST:
		return EP_ROLE_INGEST;
	case EP_NEED_ADMIN:
		break;
	}
	return EP_ROLE_ADMIN;
}

static void
ask_for_token(struct ep_http_answer *answer, enum ep_role needs)
{
	ep_http_say(answer, 401,
	            "a token is required: send Authorization: Bearer TOKEN, with a token of "
	            "`token add NAME --role %s`%s",
	            ep_role_name(needs),
	            needs == EP_ROLE_INGEST
	                    ? ", or that from ingest.token in the data folder or --token-file"
	                    : "");
}

static void
refuse(struct ep_http_answer *answer, const struct ep_access *access,
       const struct ep_http_request *request, const struct asker *asker, enum ep_role needs)
{
	char challenge[EP_CHALLENGE_TEXT];
	/* A program on this machine may have shown nothing yet. */
	if (asker->role != EP_ROLE_NONE && ep_http_header(request, "Authorization")) {
		ep_http_say(answer, 403, "this needs a token of the role %s; yours may only %s",
		            ep_role_name(needs), ep_role_name(asker->role));
		return;
	}
	if (asker->why)
		ep_http_say(answer, 401, "%s", asker->why);
	else
		ask_for_token(answer, needs);
	ep_challenge_make(challenge, access->secret, (uint64_t)ep_clock_s());
	snprintf(answer->demand, sizeof answer->demand, "Bearer%s%s%s",
	         access->closed ? ", " EP_PASS_SCHEME "challenge=\"" : "",
	         access->closed ? challenge : "", access->closed ? "\"" : "");
}

bool
ep_access_admit(const struct ep_access *access, struct ep_http_request *request,
                const struct ep_http_route *route, struct ep_http_answer *answer)
{
	struct asker asker = find_asker(access, request);
	enum ep_role needs = needed(access, route);
	ep_http_set_role(request, (unsigned)asker.role);
	if (asker.role >= needs)
		return true;
	refuse(answer, access, request, &asker, needs);
	answer->ordinary = asker.ordinary && route && route->need == EP_NEED_FEED;
	return false;
}

void
ep_access_begin(struct ep_access *access, const char *listen)
{
	randombytes_buf(access->secret, sizeof access->secret);
	access->local = ep_host_is_loopback(ep_host_of(listen));
}
