/* The command line, read by tables made for it: every form of an option, and every mistake. */
#include "cli/options.h"

#include "tests/must.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { OUTPUT, ALL, VERSION };

static const struct ep_option options[] = {
	[OUTPUT] = { "output", 'o', "DIR", "where to" },
	[ALL] = { "all", 'a', NULL, "everything" },
	[VERSION] = { "version", 0, "N", "of a track" }, /* has the name of one that all have */
	{ 0 },
};
static const struct ep_command dump = { .name = "dump",
	                                .old_name = "old_dump",
	                                .synopsis = "",
	                                .summary = "Dump",
	                                .options = options };
static const struct ep_command plain = { .name = "plain", .synopsis = "", .summary = "Plain" };
static const struct ep_command *const commands[] = { &dump, &plain, NULL };

#define WORDS_MAX 12

static struct ep_call call;
static struct ep_settings *settings; /* of call */
static const char *storage[WORDS_MAX + 1];
static char said[1024]; /* on stderr */
static char printed[8192]; /* on stdout */

/* Ends a redirection, and reads what came. */
static void
read_back(char *text, size_t size, FILE *stream, FILE *file, int kept)
{
	fflush(stream);
	must(dup2(kept, fileno(stream)) >= 0);
	close(kept);
	rewind(file);
	text[fread(text, 1, size - 1, file)] = '\0';
	fclose(file);
}

/* Reads a command line of words with single blanks between; the program is "echoprint". The exit
 * status; -1 where a command is to be run. */
static int
read_line(const char *words)
{
	static char line[256];
	char *argv[WORDS_MAX + 1] = { NULL };
	int argc = 0;
	enum ep_exit exit = EP_EXIT_FAILED;
	snprintf(line, sizeof line, "%s", words);
	for (char *rest = line; rest;) {
		must(argc < WORDS_MAX);
		argv[argc++] = strsep(&rest, " ");
	}
	FILE *words_file = tmpfile();
	FILE *data_file = tmpfile();
	must(words_file && data_file);
	int kept_words = dup(STDERR_FILENO);
	fflush(stdout);
	int kept_data = dup(STDOUT_FILENO);
	must(dup2(fileno(words_file), STDERR_FILENO) >= 0);
	must(dup2(fileno(data_file), STDOUT_FILENO) >= 0);
	call = (struct ep_call){ 0 };
	ep_settings_free(settings);
	settings = NULL;
	bool runs = ep_read_command_line(&call, &settings, &exit, storage, argc, argv, commands);
	read_back(said, sizeof said, stderr, words_file, kept_words);
	read_back(printed, sizeof printed, stdout, data_file, kept_data);
	return runs ? -1 : (int)exit;
}

static int
set_folder(void **state)
{
	(void)state;
	return setenv("ECHOPRINT_DATA", "/data", 1);
}

/* ---- what is read ---- */

static void
an_option_may_be_written_in_any_form(void **state)
{
	static const char *const lines[] = {
		"echoprint dump --output there --all x",
		"echoprint dump --output=there -a x",
		"echoprint dump -o there -a x",
		"echoprint dump -othere x --all",
		"echoprint dump -aothere x",
		"echoprint dump x -ao there",
	};
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		assert_int_equal(read_line(lines[i]), -1);
		assert_ptr_equal(call.command, &dump);
		assert_string_equal(call.values[OUTPUT], "there");
		assert_string_equal(call.values[ALL], "");
		assert_null(call.values[VERSION]);
		assert_int_equal(call.argument_count, 1);
		assert_string_equal(call.arguments[0], "x");
		assert_null(call.arguments[1]);
		assert_string_equal(said, "");
	}
}

static void
the_last_of_a_value_counts_and_it_may_look_like_an_option(void **state)
{
	(void)state;
	assert_int_equal(read_line("echoprint dump -o one --output= --output=a=b"), -1);
	assert_string_equal(call.values[OUTPUT], "a=b");
	assert_int_equal(read_line("echoprint dump -o --all"), -1);
	assert_string_equal(call.values[OUTPUT], "--all");
	assert_null(call.values[ALL]);
	assert_int_equal(read_line("echoprint dump --output="), -1);
	assert_string_equal(call.values[OUTPUT], "");
}

static void
arguments_are_what_is_no_option(void **state)
{
	(void)state;
	assert_int_equal(read_line("echoprint dump - x -- -a --all --"), -1);
	assert_int_equal(call.argument_count, 5);
	assert_string_equal(call.arguments[0], "-");
	assert_string_equal(call.arguments[2], "-a");
	assert_string_equal(call.arguments[4], "--");
	assert_null(call.values[ALL]);
	assert_int_equal(read_line("echoprint dump"), -1);
	assert_int_equal(call.argument_count, 0);
	assert_null(call.arguments[0]);
}

static void
what_all_commands_have_stands_on_either_side(void **state)
{
	(void)state;
	assert_int_equal(read_line("echoprint -q -d /one plain --json"), -1);
	assert_true(call.quiet && call.json && !call.verbose);
	assert_string_equal(call.folder, "/one");
	assert_int_equal(read_line("echoprint plain -vd/two"), -1);
	assert_true(call.verbose && !call.quiet && !call.json);
	assert_string_equal(call.folder, "/two");
	assert_int_equal(read_line("echoprint plain"), -1);
	assert_string_equal(call.folder, "/data");
}

static void
an_own_option_comes_before_one_that_all_have(void **state)
{
	(void)state;
	assert_int_equal(read_line("echoprint dump --version 7"), -1);
	assert_string_equal(call.values[VERSION], "7");
	assert_int_equal(read_line("echoprint --version dump"), EP_EXIT_DONE);
	assert_string_equal(printed, "echoprint " EP_VERSION "\n");
	assert_int_equal(read_line("echoprint plain --version"), EP_EXIT_DONE);
	assert_string_equal(printed, "echoprint " EP_VERSION "\n");
	assert_string_equal(said, "");
}

static void
a_link_stands_for_its_command(void **state)
{
	(void)state;
	assert_int_equal(read_line("/usr/bin/old_dump -a plain"), -1);
	assert_ptr_equal(call.command, &dump);
	assert_string_equal(call.arguments[0], "plain");
	assert_int_equal(read_line("dump -a"), EP_EXIT_USAGE);
}

/* ---- help ---- */

static void
help_has_each_row_of_the_table_once(void **state)
{
	(void)state;
	assert_int_equal(read_line("echoprint help dump"), EP_EXIT_DONE);
	assert_int_equal(read_line("echoprint dump --help"), EP_EXIT_DONE);
	assert_non_null(strstr(printed, "  -o, --output DIR         where to\n"));
	assert_non_null(strstr(printed, "  -a, --all                everything\n"));
	assert_non_null(strstr(printed, "      --version N          of a track\n"));
	assert_null(strstr(printed, "print the version"));
	assert_string_equal(said, "");
	assert_int_equal(read_line("echoprint plain -h"), EP_EXIT_DONE);
	assert_non_null(strstr(printed, "print the version"));
	assert_null(strstr(printed, "\nOptions:\n"));
	assert_int_equal(read_line("echoprint -h"), EP_EXIT_DONE);
	assert_non_null(strstr(printed, "  dump           Dump\n  plain          Plain\n"));
}

/* ---- mistakes ---- */

static void
a_mistake_gives_exit_2_and_says_where_the_help_is(void **state)
{
	static const struct {
		const char *line;
		const char *said;
	} cases[] = {
		{ "echoprint", "echoprint: a command is missing\ntry: echoprint --help\n" },
		{ "echoprint damp", "echoprint: there is no command damp; did you mean dump?\ntry: "
		                    "echoprint --help\n" },
		{ "echoprint pmlain", "echoprint: there is no command pmlain; did you mean plain?\n"
		                      "try: echoprint --help\n" },
		{ "echoprint help damp", "echoprint: there is no command damp; did you mean "
		                         "dump?\ntry: echoprint --help\n" },
		/* Three letters are too many, and of a short name two. */
		{ "echoprint dumpste",
		  "echoprint: there is no command dumpste\ntry: echoprint --help\n" },
		{ "echoprint dxxp",
		  "echoprint: there is no command dxxp\ntry: echoprint --help\n" },
		{ "echoprint --vreison",
		  "echoprint: there is no option --vreison; did you mean --version?\n"
		  "try: echoprint --help\n" },
		{ "echoprint --all dump",
		  "echoprint: there is no option --all before the command; options of a command "
		  "follow it\ntry: echoprint --help\n" },
		{ "echoprint plain --all",
		  "echoprint: there is no option --all\ntry: echoprint plain --help\n" },
		/* Neither a beginning of a name nor more than it. */
		{ "echoprint dump --outpu x", "echoprint: there is no option --outpu; did you mean "
		                              "--output?\ntry: echoprint dump --help\n" },
		{ "echoprint dump --outputs=x", "echoprint: there is no option --outputs; did you "
		                                "mean --output?\ntry: echoprint dump --help\n" },
		{ "echoprint dump -axo y",
		  "echoprint: there is no option -x\ntry: echoprint dump --help\n" },
		{ "echoprint dump --output",
		  "echoprint: --output needs a value: DIR\ntry: echoprint dump --help\n" },
		{ "echoprint dump -ao",
		  "echoprint: -o needs a value: DIR\ntry: echoprint dump --help\n" },
		{ "echoprint dump --all=",
		  "echoprint: --all takes no value\ntry: echoprint dump --help\n" },
		{ "echoprint dump --quiet=1",
		  "echoprint: --quiet takes no value\ntry: echoprint dump --help\n" },
		/* A control character is shown, not sent to the terminal. */
		{ "echoprint \x1b[2J",
		  "echoprint: there is no command \\x1b[2J\ntry: echoprint --help\n" },
		{ "echoprint plain --data=",
		  "echoprint: cannot determine the data folder: give -d DIR\n"
		  "try: echoprint plain --help\n" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(read_line(cases[i].line), EP_EXIT_USAGE);
		assert_string_equal(said, cases[i].said);
		assert_string_equal(printed, "");
	}
	/* A mistake comes before help that is asked for behind it. */
	assert_int_equal(read_line("echoprint dump --none --help"), EP_EXIT_USAGE);
}

static void
the_folder_is_found_where_nobody_names_it(void **state)
{
	(void)state;
	unsetenv("ECHOPRINT_DATA");
	setenv("HOME", "/home/me", 1);
	setenv("XDG_DATA_HOME", "/xdg", 1);
	assert_int_equal(read_line("echoprint plain"), -1);
	assert_string_equal(call.folder, "/xdg/echoprint");
	/* One that is not absolute is to be ignored. */
	setenv("XDG_DATA_HOME", "xdg", 1);
	assert_int_equal(read_line("echoprint plain"), -1);
	assert_string_equal(call.folder, "/home/me/.local/share/echoprint");
	setenv("ECHOPRINT_DATA", "", 1);
	assert_int_equal(read_line("echoprint plain"), -1);
	assert_string_equal(call.folder, "/home/me/.local/share/echoprint");
	unsetenv("HOME");
	assert_int_equal(read_line("echoprint plain"), EP_EXIT_USAGE);
	setenv("ECHOPRINT_DATA", "/mine", 1);
	assert_int_equal(read_line("echoprint plain"), -1);
	assert_string_equal(call.folder, "/mine");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_option_may_be_written_in_any_form),
		cmocka_unit_test(the_last_of_a_value_counts_and_it_may_look_like_an_option),
		cmocka_unit_test(arguments_are_what_is_no_option),
		cmocka_unit_test(what_all_commands_have_stands_on_either_side),
		cmocka_unit_test(an_own_option_comes_before_one_that_all_have),
		cmocka_unit_test(a_link_stands_for_its_command),
		cmocka_unit_test(help_has_each_row_of_the_table_once),
		cmocka_unit_test(a_mistake_gives_exit_2_and_says_where_the_help_is),
		cmocka_unit_test(the_folder_is_found_where_nobody_names_it),
	};
	return cmocka_run_group_tests(tests, set_folder, NULL);
}
