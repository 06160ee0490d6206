/* A slave becomes the master, as its own is lost. */
#include "store/log_internal.h"

#include <stdlib.h>

/* Empties a database. */
static enum ep_status
empty(struct ep_log_write *write, MDB_dbi dbi, struct ep_error *err)
{
	int rc = mdb_drop(write->inside.txn, dbi, 0);
	return rc ? ep_log_fail_write(write, rc, err) : EP_OK;
}

/* Whose a state is from now on. */
static uint32_t
new_owner(const struct ep_log_write *write, const struct ep_history *history, uint32_t lost)
{
	struct ep_parties parties = ep_log_parties_inside(write);
	uint32_t owner = ep_history_owner(history);
	return ep_party_same(&parties, owner, lost) ? write->self : owner;
}

/* Seals a state as the master that this node is now. */
static enum ep_status
seal_again(struct ep_log_write *write, const struct ep_entry *entry, uint32_t lost,
           uint64_t first_era, struct ep_error *err)
{
	struct ep_register reg;
	struct ep_state state;
	EP_TRY(ep_log_load_entry(&reg, &state, write, entry, err));
	if (reg.entry.era < first_era)
		EP_TRY(ep_history_unseal(&state.history, &write->arena, err));
	bool sealed = ep_history_is_sealed(&state.history);
	uint64_t born = sealed ? state.history.born : write->epoch.number;
	state.history.owner = new_owner(write, &state.history, lost);
	state.history.born = born;
	state.history.sealed = state.history.count;
	state.era = 0;
	return ep_log_store(write, &reg, &state, err);
}

enum ep_status
ep_log_promote(struct ep_epoch *epoch, struct ep_log_write *write, struct ep_error *err)
{
	struct ep_log *log = write->inside.log;
	const struct ep_follows was = write->follows;
	uint32_t lost = write->master;
	uint64_t last = write->inside.state.position;
	if (!was.any)
		return ep_fail(err, EP_NOT_FOUND,
		               "this node does not follow a master: it is a master itself");
	EP_TRY(ep_log_set_proofs_aside(write, err));
	write->follows = (struct ep_follows){ 0 };
	write->master = write->self;
	EP_TRY(ep_log_remove_value(write, EP_FOLLOWS_VALUE, err));
	EP_TRY(ep_log_new_epoch(epoch, write, was.epoch, last, err));
	EP_TRY(empty(write, log->unconfirmed, err));
	EP_TRY(empty(write, log->bases, err));
	for (uint64_t at = 1; at <= last; at++) {
		struct ep_entry entry;
		enum ep_status status = ep_log_entry_at(&entry, &write->inside, at, err);
		if (status == EP_NOT_FOUND)
			continue;
		EP_TRY(status);
		EP_TRY(seal_again(write, &entry, lost, was.first_era, err));
	}
	/* All of it is as this copy was opened with. */
	write->known = write->inside.state.position;
	return ep_log_set_number(write, EP_KNOWN_VALUE, write->known, err);
}
