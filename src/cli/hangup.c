#include "cli/hangup.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static atomic_bool hung_up;

static void
on_hangup(int number)
{
	(void)number;
	atomic_store(&hung_up, true);
}

void
ep_hangup_catch(void)
{
	struct sigaction action = { .sa_handler = on_hangup };
	sigemptyset(&action.sa_mask);
	sigaction(SIGHUP, &action, NULL);
}

bool
ep_hangup_came(void)
{
	return atomic_exchange(&hung_up, false);
}
