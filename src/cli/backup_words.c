#include "cli/backup_words.h"

void
ep_on_copied(void *context, uint64_t done, uint64_t all)
{
	struct ep_progress *progress = context;
	if (!ep_shows_progress(progress->call))
		return;
	if (all)
		ep_show_progress(&progress->shown, "%s of %s %s", ep_bytes_text(done),
		                 ep_bytes_text(all), progress->verb);
	else
		ep_show_progress(&progress->shown, "%s %s", ep_bytes_text(done), progress->verb);
}
