#include "cli/open_db.h"

#include "cli/open_node.h"

#include <string.h>

enum echoprint_status
ep_open_db(struct echoprint_db **db, const struct ep_call *call, enum echoprint_mode mode,
           struct echoprint_error *err)
{
	struct echoprint_open_options options = { .size = sizeof options, .mode = (int)mode };
	struct ep_error why;
	size_t map_size;
	if (ep_map_size(&map_size, &why) != EP_OK) {
		err->status = (int)why.status;
		memcpy(err->text, why.text, sizeof why.text);
		return ECHOPRINT_USAGE;
	}
	options.map_size = map_size;
	return echoprint_open(db, call->folder, &options, err);
}

enum ep_exit
ep_give_up_db(const struct ep_call *call, const struct echoprint_error *err)
{
	struct ep_error why;
	(void)ep_fail(&why, (enum ep_status)err->status, "%s", err->text);
	return ep_give_up(call, &why);
}
