#include "base/file.h"
#include "base/hash.h"
#include "cli/options.h"
#include "store/guard.h"

#include <grp.h>
#include <linux/capability.h>
#include <malloc.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct ep_command *const commands[] = {
	&ep_cmd_init,         &ep_cmd_ingest,
	&ep_cmd_slave_ingest, &ep_cmd_master_ingest,
	&ep_cmd_master_dump,  &ep_cmd_slave_dump,
	&ep_cmd_show,         &ep_cmd_edit,
	&ep_cmd_tracks,       &ep_cmd_delete,
	&ep_cmd_status,       &ep_cmd_verify,
	&ep_cmd_digest,       &ep_cmd_query,
	&ep_cmd_duplicates,   &ep_cmd_conflicts,
	&ep_cmd_codegen,      &ep_cmd_monitor,
	&ep_cmd_plays,        &ep_cmd_publish,
	&ep_cmd_source,       &ep_cmd_join,
	&ep_cmd_promote,      &ep_cmd_sync,
	&ep_cmd_serve,        &ep_cmd_backup,
	&ep_cmd_restore,      &ep_cmd_compact,
	&ep_cmd_token,        &ep_cmd_solr,
	&ep_cmd_legacy,       &ep_cmd_completion,
	&ep_cmd_config,       NULL,
};

static atomic_bool stop;

static void
on_signal(int number)
{
	(void)number;
	atomic_store(&stop, true);
}

/* The first Ctrl-C or SIGTERM asks for an orderly end, a second one ends at once. */
static void
catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	/* A reader that goes away is an error of the write, not a silent death. */
	signal(SIGPIPE, SIG_IGN);
	/* The same for a file system's limit on the size of files. */
	signal(SIGXFSZ, SIG_IGN);
}

static void
write_words(const char *words)
{
	(void)!write(STDERR_FILENO, words, strlen(words));
}

/* In a signal handler. */
static void
die_of_damage(const char *folder)
{
	write_words("echoprint: ");
	write_words(folder);
	write_words("/data.mdb is damaged: LMDB crashed on one of its pages; restore the data "
	            "folder from a copy (`verify` shows what can still be read)\n");
	_exit(EP_EXIT_DAMAGED);
}

/* Of what root may do, leaves that it reads everything: the music may be anybody's. */
static bool
keep_reading(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{ .effective = 1U << CAP_DAC_READ_SEARCH, .permitted = 1U << CAP_DAC_READ_SEARCH }
	};
	return syscall(SYS_capset, &header, data) == 0;
}

/* What root does to the data folder of another, a service's, it does as the owner: files that it
 * made as root the owner could not write, and where the owner's links lead it must not write. False
 * where that cannot be arranged. */
static bool
act_for_owner(struct ep_call *call)
{
	struct stat info;
	if (geteuid() != 0 || stat(call->folder, &info) != 0 || info.st_uid == 0)
		return true;
	const struct passwd *owner = getpwuid(info.st_uid);
	call->acts_as = owner ? owner->pw_name : "who has no name";
	return prctl(PR_SET_KEEPCAPS, 1) == 0 && setgroups(1, &info.st_gid) == 0 &&
	       setresgid(info.st_gid, info.st_gid, info.st_gid) == 0 &&
	       setresuid(info.st_uid, info.st_uid, info.st_uid) == 0 && keep_reading();
}

/* The mode of a file in a folder; 0 where there is none. */
static mode_t
mode_of(const char *folder, const char *name)
{
	struct stat info;
	EP_FREE char *path = ep_path_join(folder, name);
	return path && stat(path, &info) == 0 ? info.st_mode & 07777 : 0;
}

/* Warns of a data folder that others may change, or in which they may read the log or the key. What
 * this program makes there is for its owner alone; the folder may have been made by somebody else,
 * and hold other things, so its mode is left as it is. */
static void
warn_of_others(const char *folder)
{
	mode_t mode = mode_of(folder, ".");
	mode_t log = mode_of(folder, "data.mdb");
	bool readable = mode & 0011 && (log | mode_of(folder, "key")) & 0077;
	if (log && (mode & 0022 || readable))
		ep_say("other users can %s the data folder %s: run `chmod -R go= %s` to prevent "
		       "this",
		       mode & 0022 ? "change" : "read", folder, folder);
}

/* Runs the command, and says where a new node has its data. */
static enum ep_exit
run_command(const struct ep_call *call)
{
	bool was_there = mode_of(call->folder, "data.mdb") != 0;
	enum ep_exit exit = call->command->run(call);
	if (!was_there && !call->quiet && call->command != &ep_cmd_init &&
	    call->command != &ep_cmd_restore && mode_of(call->folder, "data.mdb"))
		ep_say("a new node was made: its data folder is %s", call->folder);
	return exit;
}

int
main(int argc, char **argv)
{
	struct ep_error err;
	if (ep_hash_start(&err) != EP_OK) {
		ep_say("%s", err.text);
		return EP_EXIT_FAILED;
	}
	const char **storage = calloc((size_t)argc + 1, sizeof *storage);
	if (!storage) {
		ep_say("out of memory");
		return EP_EXIT_FAILED;
	}
	/* So that a buffer which was large once is the system's again when it is freed. */
	(void)mallopt(M_MMAP_THRESHOLD, 8 << 20);
	catch_signals();
	ep_guard_start(die_of_damage);
	struct ep_call call = { .stop = &stop };
	struct ep_settings *settings = NULL;
	enum ep_exit exit = EP_EXIT_DONE;
	if (ep_read_command_line(&call, &settings, &exit, storage, argc, argv, commands)) {
		if (call.command->without_folder) {
			exit = call.command->run(&call);
		} else if (act_for_owner(&call)) {
			warn_of_others(call.folder);
			exit = run_command(&call);
		} else {
			ep_say("cannot act as the owner of %s, and root does not write there: run "
			       "the command as the owner",
			       call.folder);
			exit = EP_EXIT_FAILED;
		}
	}
	ep_settings_free(settings);
	free(storage);
	return (int)ep_finish(exit);
}
