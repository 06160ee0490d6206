#include "cli/open_node.h"
#include "cli/query_listen.h"
#include "cli/solr_options.h"
#include "cli/stdin_sound.h"
#include "ingest/sounds.h"
#include "net/solr/solr_engine.h"
#include "node/ask.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* So many answers without a match are explained. */
#define EXPLAINED_MAX 10

enum {
	OPTION_RULE,
	OPTION_SPEED,
	OPTION_LISTEN,
	OPTION_SOLR,
	OPTION_COLLECTION,
	OPTION_AUTH,
	OPTION_RETRY
};

/* The limits of node/ask.h as text. */
#define TEXT_OF(number) #number
#define TEXT(macro) TEXT_OF(macro)
#define SPEED_DEFAULT TEXT(EP_ASK_SPEED_DEFAULT)
#define SPEED_MOST TEXT(EP_ASK_SPEED_MOST)

static const struct ep_option options[] = {
	[OPTION_RULE] = { "rule", 0, "RULE",
	                  "how to decide: evidence (default), or original (the system of 2011)" },
	[OPTION_SPEED] = { "speed", 0, "PERCENT",
	                   "how much faster or slower than its track a query may be: 0 "
	                   "to " SPEED_MOST " (default: " SPEED_DEFAULT ")" },
	[OPTION_LISTEN] = { "listen", 0, NULL,
	                    "name the songs in a stream of raw samples on standard input" },
	[OPTION_SOLR] = { "solr", 0, "URL",
	                  "take candidates from SolrCloud (several URLs: with commas)" },
	[OPTION_COLLECTION] = EP_OPTION_COLLECTION,
	[OPTION_AUTH] = EP_OPTION_AUTH,
	[OPTION_RETRY] = EP_OPTION_RETRY,
	{ 0 },
};
static const struct ep_choices choices[] = {
	{ "rule", "evidence original" },
	{ 0 },
};

struct session {
	const struct ep_call *call;
	bool original;
	double speed_percent;
	uint64_t answered;
	uint64_t matched;
	uint64_t explained;
	char *sound; /* what "-" became, where it is audio; NULL: it is none */
};

static const char *
name_of_file(const struct session *session, const struct ep_question *question)
{
	const char *path = (const char *)question->bytes.data;
	return session->sound && strcmp(path, session->sound) == 0 ? "standard input" : path;
}

/* Says why there is no match; what cannot be decoded was named before. */
static void
explain(struct session *session, const struct ep_asked *item)
{
	const struct ep_question *question = &item->question;
	const char *name = question->is_sound         ? name_of_file(session, question)
	                   : question->name[0] == '"' ? "this code string"
	                                              : question->name;
	if (item->undecoded || session->call->quiet || session->explained > EXPLAINED_MAX)
		return;
	if (session->explained++ == EXPLAINED_MAX)
		ep_say("further queries without a match are not explained");
	else if (item->answer.type == 0)
		ep_say("%s: too few codes: the sound is too short, or nearly silent", name);
	else
		ep_say("%s: no track matches", name);
}

static void
print_words(struct session *session, const struct ep_asked *item)
{
	const struct ep_answer *answer = &item->answer;
	if (!answer->match) {
		printf("-\t%d\t\t\t\n", answer->score);
		explain(session, item);
		return;
	}
	ep_print_text(answer->track_id);
	printf("\t%d\t", answer->score);
	ep_print_text(answer->artist);
	printf("\t");
	ep_print_text(answer->track);
	if (session->original)
		printf("\t\n");
	else
		printf("\t%.1f\n", fabs(answer->offset_s) < 0.05 ? 0 : answer->offset_s);
}

static enum ep_status
print_json(const struct session *session, const struct ep_asked *item, struct ep_error *err)
{
	json_t *json = ep_asked_json(item, session->original);
	if (!json)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for an answer");
	return ep_print_json(json, EP_EXIT_DONE) == EP_EXIT_DONE
	               ? EP_OK
	               : ep_fail(err, EP_IO, "cannot print an answer");
}

static void
on_line(void *context, const char *line)
{
	(void)context;
	ep_say("%s", line);
}

static enum ep_status
on_answers(void *context, const struct ep_asked *asked, size_t count, struct ep_error *err)
{
	struct session *session = context;
	for (size_t i = 0; i < count; i++) {
		session->answered++;
		session->matched += asked[i].answer.match;
		if (session->call->json)
			EP_TRY(print_json(session, &asked[i], err));
		else
			print_words(session, &asked[i]);
	}
	if (fflush(stdout) != 0)
		return ep_fail(err, EP_IO, "cannot write to standard output");
	return EP_OK;
}

/* While a node is away, another leads after some 15 s. */
#define SOLR_RETRY_S 30

static enum ep_status
ask_solr(struct ep_ask_options *wanted, const struct ep_call *call, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer user = { 0 };
	struct ep_solr_options solr;
	struct ep_solr_given given = { .urls = call->values[OPTION_SOLR],
		                       .collection = call->values[OPTION_COLLECTION],
		                       .auth_file = call->values[OPTION_AUTH],
		                       .retry = call->values[OPTION_RETRY],
		                       .retry_s = SOLR_RETRY_S };
	EP_TRY(ep_solr_options_of(&solr, &user, call, &given, err));
	struct ep_engines engines = ep_solr_engines(&solr);
	wanted->engines = &engines;
	return ep_ask(NULL, wanted, err);
}

static enum ep_status
ask(struct session *session, struct ep_error *err)
{
	const struct ep_call *call = session->call;
	struct ep_ask_options wanted = { .questions = call->arguments,
		                         .count = call->argument_count,
		                         .original = session->original,
		                         .speed_percent = session->speed_percent,
		                         .stop = call->stop,
		                         .on_line = on_line,
		                         .on_answers = on_answers,
		                         .context = session };
	if (call->values[OPTION_SOLR])
		return ask_solr(&wanted, call, err);
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	EP_TRY(ep_open_node(&node, call, EP_LOG_READ, false, err));
	return ep_ask(node, &wanted, err);
}

/* A name of audio that is not there is no code string. "-" becomes the file that it is, where it is
 * audio: *sound is its name, for free(). */
static enum ep_status
check_arguments(char **sound, const struct ep_call *call, struct ep_error *err)
{
	for (size_t i = 0; i < call->argument_count; i++) {
		const char *argument = call->arguments[i];
		if (ep_sounds_is_called_one(argument) && access(argument, F_OK) != 0)
			return ep_fail(err, EP_NOT_FOUND, "there is no file %s", argument);
		if (strcmp(argument, "-") != 0 || *sound)
			continue;
		EP_TRY(ep_stdin_sound(sound, true, call, err));
		if (*sound)
			call->arguments[i] = *sound;
	}
	return EP_OK;
}

static bool
read_rule(struct session *session)
{
	const char *rule = session->call->values[OPTION_RULE];
	session->original = rule && strcmp(rule, "original") == 0;
	return !rule || session->original || strcmp(rule, "evidence") == 0;
}

static bool
read_speed(struct session *session)
{
	const char *percent = session->call->values[OPTION_SPEED];
	char *end;
	session->speed_percent = EP_ASK_SPEED_DEFAULT;
	if (!percent)
		return true;
	session->speed_percent = strtod(percent, &end);
	return *percent && *end == '\0' && session->speed_percent >= 0 &&
	       session->speed_percent <= EP_ASK_SPEED_MOST;
}

static enum ep_exit
run_listen(const struct ep_call *call)
{
	if (call->argument_count || call->values[OPTION_RULE])
		return ep_bad_usage(call->command, "--listen takes no CODE or FILE, and always "
		                                   "uses --rule evidence");
	if (call->values[OPTION_SPEED])
		return ep_bad_usage(call->command,
		                    "--listen takes no --speed: it follows the speed of the "
		                    "stream, and tries up to " SPEED_DEFAULT " per cent beside it");
	return ep_listen(call);
}

/* What cannot go together; NULL: all is well. */
static const char *
find_conflict(const struct ep_call *call)
{
	bool solr = call->values[OPTION_SOLR] != NULL;
	bool of_solr = call->values[OPTION_COLLECTION] || call->values[OPTION_AUTH] ||
	               call->values[OPTION_RETRY];
	const char *rule = call->values[OPTION_RULE];
	if (of_solr && !solr)
		return "--collection, --auth-file and --retry go with --solr";
	if (solr && call->values[OPTION_LISTEN])
		return "--listen needs a data folder, and takes no --solr";
	if (solr && rule && strcmp(rule, "original") == 0)
		return "--rule original reads the whole log, and takes no --solr";
	return NULL;
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct session session = { .call = call };
	struct ep_error err = { 0 };
	const char *conflict = find_conflict(call);
	if (conflict)
		return ep_bad_usage(call->command, "%s", conflict);
	if (call->values[OPTION_LISTEN])
		return run_listen(call);
	if (call->argument_count == 0)
		return ep_bad_usage(call->command, "give a CODE, a FILE, or - for standard input");
	if (!read_rule(&session))
		return ep_bad_usage(call->command,
		                    "--rule is \"%s\", but must be evidence or original",
		                    call->values[OPTION_RULE]);
	if (session.original && call->values[OPTION_SPEED])
		return ep_bad_usage(call->command,
		                    "--rule original takes no --speed: as in 2011, a query is "
		                    "compared at its own speed alone");
	if (!read_speed(&session))
		return ep_bad_usage(call->command,
		                    "--speed is \"%s\", but must be a number of per cent from 0 "
		                    "to " SPEED_MOST,
		                    call->values[OPTION_SPEED]);
	enum ep_status status = check_arguments(&session.sound, call, &err);
	if (status == EP_OK)
		status = ask(&session, &err);
	free(session.sound);
	if (status != EP_OK)
		return ep_give_up(call, &err);
	return session.matched < session.answered ? EP_EXIT_PARTLY : EP_EXIT_DONE;
}

const struct ep_command ep_cmd_query = {
	.name = "query",
	.synopsis = "[--rule RULE] [--speed PERCENT] [--solr URL] CODE...|FILE...|-|--listen",
	.summary = "Find the track that audio or a code string is from",
	.details = "FILE is audio that ffmpeg can read, or code strings as the code generator "
		   "writes them,\n"
		   "packed or plain, one per line, or its JSON. - is the same on "
		   "standard\n"
		   "input. Only the first minute of a query is used, from its first code on.\n\n"
		   "Each answer is one line, in the order asked, with tabs between the fields: "
		   "track id,\n"
		   "score, artist, track, and the position in the song, in seconds, at which the "
		   "query\n"
		   "begins. The track id is - if nothing matches; the exit status is then 3, as "
		   "for a file\n"
		   "that cannot be decoded. A score of 50 or more is a match; each 10 more make an "
		   "error\n"
		   "about three times less likely. With --json, each answer is an object as the "
		   "server of\n"
		   "2011 gave it, with the song's metadata and evidence.\n\n"
		   "A query that matches nothing is tried at other speeds, in steps of half a "
		   "per cent:\n"
		   "stations and record players run a little faster or slower. The answer's speed "
		   "says how\n"
		   "many times as fast as its track the query is; --speed 0 tries no other.\n\n"
		   "--listen reads a stream of raw samples from standard input, as written by\n"
		   "`ffmpeg -i URL -ac 1 -ar 11025 -f s16le -`, and names each song 25 to 60 s "
		   "after it\n"
		   "begins: the time in the stream at which it began, track id, score, artist, "
		   "track. It\n"
		   "ends with the stream or at Ctrl-C; exit status 3 if it named no song. -v "
		   "prints every\n"
		   "window, and when a song is over.\n",
	.options = options,
	.choices = choices,
	.arguments = "FILE",
	.run = run,
};
