/* cli.h - what the commands of the program share: one row, one file, one options table a command
 *
 * Only this room prints and exits. Results go to stdout, words and progress to stderr.
 */
#ifndef EP_CLI_CLI_H
#define EP_CLI_CLI_H

#include "base/status.h"
#include "store/log.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>

enum ep_exit {
	EP_EXIT_DONE = 0,
	EP_EXIT_FAILED = 1,
	EP_EXIT_USAGE = 2,
	EP_EXIT_PARTLY = 3, /* some input was rejected */
	EP_EXIT_UNREACHABLE = 4,
	EP_EXIT_DIVERGED = 5,
	EP_EXIT_NEWER = 6,
	EP_EXIT_DAMAGED = 7
};

/* An option: what the parser takes and what the help says. A table ends with a row without name. */
struct ep_option {
	const char *name; /* "output", for --output */
	char letter; /* 'o', for -o; 0: none */
	const char *value; /* what the help calls its value; NULL: it takes none */
	const char *help;
};

/* The values that an option of a command may have, where they are few. */
struct ep_choices {
	const char *option; /* its long name; NULL: the end of the list */
	const char *words; /* with single blanks between them */
};
#define EP_OPTIONS_MAX 32

struct ep_command;
struct ep_settings;

/* A command line that has been read. */
struct ep_call {
	const struct ep_command *command;
	const struct ep_command *const *commands; /* all there are, ended by NULL */
	const char *values[EP_OPTIONS_MAX]; /* by row of the command's table; flags have "" */
	const char **repeated; /* all values of the option that may be repeated, in order */
	size_t repeated_count;
	const char **arguments; /* the rest, ended by NULL */
	size_t argument_count;
	const struct ep_settings *settings; /* where values and folder are from (settings.h) */
	const char *folder; /* the data folder */
	bool folder_is_default; /* neither -d nor the environment names it */
	const char *acts_as; /* the user for whom root acts; NULL: for nobody */
	bool quiet;
	bool verbose;
	bool json;
	const atomic_bool *stop; /* set by Ctrl-C and SIGTERM */
};

struct ep_command {
	const char *name;
	const char *old_name; /* the original's script; NULL: none */
	const char *synopsis; /* of arguments and main options */
	const char *summary;
	const char *details; /* paragraphs of the help */
	const struct ep_option *options;
	const char *repeated; /* the option that may be given many times; NULL: none */
	const struct ep_choices *choices; /* of these options; NULL: none */
	/* What the shell offers for the arguments: "FILE", "DIR", or the words of which the first
	 * argument is one, with single blanks between them; NULL: nothing. */
	const char *arguments;
	bool without_folder; /* it needs no data folder */
	bool has_settings; /* options may be given by the environment and a file, too */
	const char *once; /* those that may not: words with single blanks between them */
	const char *live; /* those that are read again at SIGHUP: words, too */
	/* Whether all values of options may be, in a call that is not to run; NULL: it is not known
	 * before. EP_USAGE. */
	enum ep_status (*check)(const struct ep_call *call, struct ep_error *err);
	enum ep_exit (*run)(const struct ep_call *call);
};

extern const struct ep_command ep_cmd_init;
extern const struct ep_command ep_cmd_ingest;
extern const struct ep_command ep_cmd_slave_ingest;
extern const struct ep_command ep_cmd_master_ingest;
extern const struct ep_command ep_cmd_master_dump;
extern const struct ep_command ep_cmd_slave_dump;
extern const struct ep_command ep_cmd_show;
extern const struct ep_command ep_cmd_tracks;
extern const struct ep_command ep_cmd_delete;
extern const struct ep_command ep_cmd_edit;
extern const struct ep_command ep_cmd_status;
extern const struct ep_command ep_cmd_verify;
extern const struct ep_command ep_cmd_digest;
extern const struct ep_command ep_cmd_publish;
extern const struct ep_command ep_cmd_source;
extern const struct ep_command ep_cmd_join;
extern const struct ep_command ep_cmd_promote;
extern const struct ep_command ep_cmd_sync;
extern const struct ep_command ep_cmd_token;
extern const struct ep_command ep_cmd_serve;
extern const struct ep_command ep_cmd_query;
extern const struct ep_command ep_cmd_duplicates;
extern const struct ep_command ep_cmd_conflicts;
extern const struct ep_command ep_cmd_codegen;
extern const struct ep_command ep_cmd_monitor;
extern const struct ep_command ep_cmd_plays;
extern const struct ep_command ep_cmd_backup;
extern const struct ep_command ep_cmd_restore;
extern const struct ep_command ep_cmd_compact;
extern const struct ep_command ep_cmd_solr;
extern const struct ep_command ep_cmd_legacy;
extern const struct ep_command ep_cmd_completion;
extern const struct ep_command ep_cmd_config;

/* ---- words ---- */

/* "echoprint: ..." on stderr, of the level info (logging.h); control characters of what is told are
 * shown as \xNN. */
void ep_say(const char *fmt, ...) EP_PRINTF(1, 2);

/* The same, for a mistake on the command line, with a hint at the help; gives EP_EXIT_USAGE. */
enum ep_exit ep_bad_usage(const struct ep_command *command, const char *fmt, ...) EP_PRINTF(2, 3);

/* Says what failed (with --json also as {"error": ...} on stdout), and gives the exit status. */
enum ep_exit ep_give_up(const struct ep_call *call, const struct ep_error *err);

/* The exit status that a failure stands for. */
enum ep_exit ep_exit_of(enum ep_status status);

/* ---- results ---- */

/* Prints value as one line on stdout and releases it; NULL counts as out of memory. */
enum ep_exit ep_print_json(json_t *value, enum ep_exit exit);

/* Flushes stdout; a failure is reported and makes the exit status EP_EXIT_FAILED. */
enum ep_exit ep_finish(enum ep_exit exit);

/* Prints text on stdout with its control characters as \xNN, so that nobody's data drives a
 * terminal. */
void ep_print_text(struct ep_text text);

/* "1,234,567" for people. Good until the eighth call after it. */
const char *ep_grouped(uint64_t number);

/* "1 document", "1,234 documents", the same way. */
const char *ep_counted(uint64_t number, const char *noun);

/* "12.3 MB", the same way. */
const char *ep_bytes_text(uint64_t bytes);

/* "3:07 left" of work of which done of all is done after seconds, the same way; "" where that is
 * not known. */
const char *ep_time_left(double seconds, uint64_t done, uint64_t all);

/* How documents are stored, by form, as lines of words. */
void ep_print_forms(const struct ep_codes_usage *usage);

/* ---- progress ---- */

/* Whether progress is to be shown: stderr is a terminal, and -q is not given. */
bool ep_shows_progress(const struct ep_call *call);

/* One line on the terminal that replaces the one before, once a second has passed since the first
 * call; started is 0 before the first. An empty text takes the line away. */
void ep_show_progress(double *started, const char *fmt, ...) EP_PRINTF(2, 3);

/* ---- values of options ---- */

/* A whole number from least to most. EP_USAGE with what would be right. */
EP_MUST_USE enum ep_status ep_option_number(uint64_t *number, const char *option, const char *value,
                                            uint64_t least, uint64_t most, struct ep_error *err);

/* Sleeps a moment; false when Ctrl-C or SIGTERM has come. */
bool ep_rest(const struct ep_call *call);

#endif
