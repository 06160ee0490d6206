#include "store/decide.h"

/* ---- order ---- */

bool
ep_step_is_csv_of(const struct ep_step *step, uint32_t owner, uint32_t master,
                  const struct ep_parties *parties)
{
	return step->csv && (ep_party_same(parties, step->party, master) ||
	                     ep_party_same(parties, step->party, owner));
}

/* The last step of a history with contents that a CSV made; -1: none. A CSV says nothing of fields,
 * so the head may have these beside. */
static long
find_contents(const struct ep_history *history, const struct ep_revision *contents)
{
	if (!ep_revision_is_zero(contents) && ep_revision_equal(&history->rows, contents))
		return (long)history->count - 1;
	for (size_t i = history->count; i > 0; i--) {
		if (ep_revision_equal(&history->steps[i - 1].contents, contents))
			return (long)(i - 1);
	}
	return -1;
}

/* Whether the head of a has all that the head of b says: the same contents, or b was made from a
 * CSV and is the rows of a. */
static bool
says_all(const struct ep_history *a, const struct ep_history *b)
{
	const struct ep_step *of_b = ep_history_head(b);
	return ep_revision_equal(&ep_history_head(a)->contents, &of_b->contents) ||
	       (of_b->csv && !ep_revision_is_zero(&of_b->contents) &&
	        ep_revision_equal(&a->rows, &of_b->contents));
}

/* Whether a is b, or was superseded by it. */
static bool
is_known(const struct ep_history *a, const struct ep_history *b, uint32_t master,
         const struct ep_parties *parties)
{
	const struct ep_step *head = ep_history_head(a);
	return ep_history_find(b, &head->id) >= 0 || ep_history_has_also(b, &head->id) ||
	       (ep_step_is_csv_of(head, ep_history_owner(b), master, parties) &&
	        find_contents(b, &head->contents) >= 0);
}

static bool
is_by(const struct ep_step *step, uint32_t party, const struct ep_parties *parties)
{
	return !step->csv && ep_party_same(parties, step->party, party);
}

/* The step of x where y stands: -1 where x does not know it. What `also` names stands at the sealed
 * step. */
static long
find_place(const struct ep_history *y, const struct ep_history *x, uint32_t master,
           const struct ep_parties *parties)
{
	const struct ep_step *head = ep_history_head(y);
	long at = ep_history_find(x, &head->id);
	if (at >= 0)
		return at;
	if (ep_history_has_also(x, &head->id))
		return (long)x->sealed - 1;
	return ep_step_is_csv_of(head, ep_history_owner(x), master, parties)
	               ? find_contents(x, &head->contents)
	               : -1;
}

/* Whether all steps behind `at` are by a party. */
static bool
is_rest_by(const struct ep_history *history, long at, uint32_t party,
           const struct ep_parties *parties)
{
	for (size_t i = (size_t)(at + 1); i < history->count; i++) {
		if (!is_by(&history->steps[i], party, parties))
			return false;
	}
	return true;
}

/* ---- take ---- */

struct taking {
	const struct ep_history *x;
	const struct ep_history *y;
	const struct ep_take *take;
	long proven; /* step of X; -1 */
	long known; /* step of X where Y stands; -1 */
	bool exact; /* Y is there by its revision, not by its contents */
};

/* Where Y stands in X. */
static void
locate(struct taking *taking)
{
	const struct ep_take *take = taking->take;
	taking->known = find_place(taking->y, taking->x, take->master, take->parties);
	taking->exact = ep_history_find(taking->x, &ep_history_head(taking->y)->id) >= 0;
}

/* Whether all steps behind `at` are the sender's. */
static bool
rest_is_senders(const struct taking *taking, long at)
{
	return is_rest_by(taking->x, at, taking->take->sender, taking->take->parties);
}

/* Whether a proven owner of a history that was lost comes before who came since. */
static enum ep_status
comes_back(bool *does, const struct taking *taking, struct ep_arena *arena, struct ep_error *err)
{
	const struct ep_history *x = taking->x;
	const struct ep_history *y = taking->y;
	const struct ep_take *take = taking->take;
	long p = taking->proven;
	struct ep_revision *of_x;
	struct ep_revision *of_y;
	size_t x_count;
	size_t y_count;
	*does = !take->link && p >= 0 && !ep_party_same(take->parties, x->owner, y->owner) &&
	        x->born < y->born && x->generation + (uint64_t)p > y->floor &&
	        !ep_history_has_also(y, &x->steps[p].id) &&
	        (p == (long)x->count - 1 || (rest_is_senders(taking, p) &&
	                                     ep_party_same(take->parties, x->owner, take->sender)));
	if (!*does)
		return EP_OK;
	EP_TRY(ep_history_starts(&of_x, &x_count, x, (size_t)p, arena, err));
	EP_TRY(ep_history_starts(&of_y, &y_count, y, y->count - 1, arena, err));
	for (size_t i = 0; i < y_count; i++)
		*does &= x_count == 0 || !ep_revision_equal(&of_x[x_count - 1], &of_y[i]);
	return EP_OK;
}

/* Whether what was published of Y's own line, whose list was cut, has gone further. */
static bool
goes_further(const struct taking *taking)
{
	const struct ep_history *x = taking->x;
	const struct ep_history *y = taking->y;
	const struct ep_take *take = taking->take;
	return take->untouched && taking->proven == (long)x->count - 1 && x->generation > 1 &&
	       ep_party_same(take->parties, x->owner, y->owner) && x->born == y->born &&
	       ep_history_generation(x) > ep_history_generation(y);
}

/* X, which supersedes all that Y is. */
static enum ep_status
supersede(struct ep_history *out, const struct taking *taking, struct ep_arena *arena,
          struct ep_error *err)
{
	const struct ep_history *y = taking->y;
	*out = *taking->x;
	for (size_t i = 0; i < y->count; i++)
		EP_TRY(ep_history_add_also(out, arena, &y->steps[i].id, 1, err));
	return ep_history_add_also(out, arena, y->also, y->also_count, err);
}

static enum ep_status
decide_concurrent(enum ep_taken *result, struct ep_history *out, const struct taking *taking,
                  struct ep_arena *arena, struct ep_error *err)
{
	bool back;
	EP_TRY(comes_back(&back, taking, arena, err));
	if (back || goes_further(taking)) {
		*result = EP_TAKEN_REPLACED;
		EP_TRY(supersede(out, taking, arena, err));
		out->sealed = out->count;
		return EP_OK;
	}
	*result = ep_revision_equal(&ep_history_head(taking->x)->contents,
	                            &ep_history_head(taking->y)->contents)
	                  ? EP_TAKEN_EQUAL
	                  : EP_TAKEN_CONFLICT;
	return EP_OK;
}

/* Who owns the track, and since which epoch, when X is accepted. */
static void
set_owner(struct ep_history *out, const struct taking *taking)
{
	const struct ep_history *x = taking->x;
	const struct ep_history *y = taking->y;
	const struct ep_take *take = taking->take;
	const struct ep_parties *parties = take->parties;
	bool wholly = taking->proven == (long)x->count - 1;
	uint32_t owner = wholly ? x->owner : take->sender;
	uint64_t born = take->epoch;
	if (y && ep_party_same(parties, y->owner, owner))
		born = wholly && x->born > y->born ? x->born : y->born;
	else if (taking->proven >= 0 && taking->proven >= taking->known &&
	         ep_party_same(parties, x->owner, owner))
		born = x->born;
	out->owner = owner;
	out->born = born;
	out->sealed = out->count;
}

/* Below Y the master keeps its own chain. */
static enum ep_status
accept(struct ep_history *out, const struct taking *taking, struct ep_arena *arena,
       struct ep_error *err)
{
	const struct ep_history *x = taking->x;
	const struct ep_history *y = taking->y;
	size_t above = (size_t)(taking->known + 1);
	*out = *x;
	if (y && taking->exact)
		EP_TRY(ep_history_extend(out, arena, y, x->steps + above, x->count - above, err));
	else if (y)
		EP_TRY(supersede(out, taking, arena, err));
	set_owner(out, taking);
	return EP_OK;
}

/* Whether X, which is accepted, has won a conflict with Y before. */
static bool
overrules(const struct ep_history *x, const struct taking *taking)
{
	const struct ep_history *y = taking->y;
	return y && !taking->exact && !taking->take->link &&
	       ep_history_has_also(x, &ep_history_head(y)->id) &&
	       !ep_revision_equal(&ep_history_head(x)->contents, &ep_history_head(y)->contents);
}

/* Whether the sender may build on where the two part. */
static bool
may_build(const struct taking *taking)
{
	const struct ep_history *x = taking->x;
	const struct ep_take *take = taking->take;
	long base = taking->known > taking->proven ? taking->known : taking->proven;
	if (take->link)
		return take->owns_copy;
	if (base < 0)
		return true;
	uint32_t owner = base == taking->proven ? x->owner : taking->y->owner;
	return ep_party_same(take->parties, owner, take->sender) ||
	       ep_revision_is_zero(&x->steps[base].contents);
}

enum ep_status
ep_decide_take(enum ep_taken *result, struct ep_history *out, const struct ep_history *sent,
               const struct ep_history *y, const struct ep_take *take, struct ep_arena *arena,
               struct ep_error *err)
{
	struct ep_history believed = *sent;
	const struct ep_history *x = &believed;
	if (!take->proven)
		EP_TRY(ep_history_unseal(&believed, arena, err));
	struct taking taking = { .x = x,
		                 .y = y,
		                 .take = take,
		                 .proven = take->proven ? (long)x->sealed - 1 : -1,
		                 .known = -1 };
	const struct ep_step *head = ep_history_head(x);
	bool wholly = taking.proven == (long)x->count - 1;
	if (y && ep_revision_equal(&head->id, &ep_history_head(y)->id)) {
		*result = EP_TAKEN_SAME;
		return EP_OK;
	}
	if (y && is_known(x, y, take->master, take->parties)) {
		*result = EP_TAKEN_OLD;
		return EP_OK;
	}
	if (!take->proven && ep_history_is_sealed(sent)) {
		*result = EP_TAKEN_REFUSED;
		return EP_OK;
	}
	if (!y && taking.proven < 0 && ep_history_is_deleted(x)) {
		*result = EP_TAKEN_NONE;
		return EP_OK;
	}
	if (y)
		locate(&taking);
	if (y && taking.known < 0)
		return decide_concurrent(result, out, &taking, arena, err);
	long base = taking.known > taking.proven ? taking.known : taking.proven;
	bool by_contents = y && !taking.exact;
	if (!rest_is_senders(&taking, by_contents ? taking.proven : base) ||
	    (!wholly && !may_build(&taking))) {
		*result = EP_TAKEN_REFUSED;
		return EP_OK;
	}
	*result = overrules(x, &taking) ? EP_TAKEN_OVERRULED : EP_TAKEN_ACCEPTED;
	return accept(out, &taking, arena, err);
}

/* ---- follow ---- */

/* X's steps above F's, upon F. */
static enum ep_status
rebase(struct ep_history *out, const struct ep_history *f, const struct ep_history *x, size_t above,
       struct ep_arena *arena, struct ep_error *err)
{
	return ep_history_extend(out, arena, f, x->steps + above, x->count - above, err);
}

/* Whether X is to be set aside where F, which knows it, takes its place. What F's also alone knows
 * lost a conflict. The master has set it aside then; but what is old may be so because the master
 * has lost what it had, and then X may be the last copy. */
static bool
is_overtaken(const struct ep_history *f, const struct ep_history *x, const struct ep_follow *follow,
             bool old)
{
	const struct ep_parties *parties = follow->parties;
	const struct ep_step *head = ep_history_head(x);
	bool pending = !ep_history_is_sealed(x) && is_by(head, follow->self, parties);
	bool own = ep_party_same(parties, ep_history_owner(x), follow->self);
	bool beside = ep_history_find(f, &head->id) < 0 &&
	              (own || (old && ep_history_has_also(f, &head->id)));
	return !says_all(f, x) && (pending || beside);
}

enum ep_status
ep_decide_follow(struct ep_followed *result, struct ep_history *out, const struct ep_history *f,
                 const struct ep_history *x, const struct ep_follow *follow, struct ep_arena *arena,
                 struct ep_error *err)
{
	const struct ep_parties *parties = follow->parties;
	*result = (struct ep_followed){ .outcome = EP_FOLLOWING_NEW };
	if (!x)
		return EP_OK;
	const struct ep_step *of_f = ep_history_head(f);
	const struct ep_step *of_x = ep_history_head(x);
	bool sealed = ep_history_is_sealed(x);
	bool pending = !sealed && is_by(of_x, follow->self, parties);
	bool equal = ep_revision_equal(&of_x->contents, &of_f->contents);
	result->outcome = EP_FOLLOWING_SAME;
	if (ep_revision_equal(&of_x->id, &of_f->id))
		return EP_OK;
	result->outcome = EP_FOLLOWING_OVERTAKEN;
	if (is_known(x, f, follow->master, parties)) {
		result->aside = is_overtaken(f, x, follow, follow->old);
		return EP_OK;
	}
	if (is_known(f, x, follow->master, parties) && !(of_f->csv && equal)) {
		long seal = (long)x->sealed - 1;
		long at = ep_history_find(x, &of_f->id);
		long base = at > seal ? at : seal;
		result->outcome = EP_FOLLOWING_KEPT;
		bool keeps = pending && is_rest_by(x, base, follow->self, parties);
		result->rebased = keeps && at >= 0 && seal <= at;
		if (result->rebased)
			return rebase(out, f, x, (size_t)at + 1, arena, err);
		if (keeps || (follow->old && sealed))
			return EP_OK;
	}
	result->outcome = EP_FOLLOWING_REPLACED;
	result->proof = follow->old && x->sealed > 0;
	result->aside = !says_all(f, x) && (pending || follow->old);
	return EP_OK;
}

/* Whether X knows F, and not merely by contents that a CSV made. */
static bool
knows_sealed(const struct ep_history *x, const struct ep_history *f, const struct ep_follow *follow)
{
	const struct ep_step *head = ep_history_head(f);
	if (head->csv)
		return ep_history_find(x, &head->id) >= 0 || ep_history_has_also(x, &head->id);
	return is_known(f, x, follow->master, follow->parties);
}

void
ep_decide_handed(enum ep_handed *result, bool *aside, const struct ep_history *f,
                 const struct ep_history *x, const struct ep_follow *follow, bool feed)
{
	const struct ep_step *of_f = ep_history_head(f);
	*aside = false;
	if (x && ep_revision_equal(&ep_history_head(x)->id, &of_f->id)) {
		*result = EP_HANDED_SAME;
	} else if (x && knows_sealed(x, f, follow)) {
		*result = EP_HANDED_OLD;
	} else if (feed) {
		*result = EP_HANDED_PROOF;
	} else if (!x) {
		*result = EP_HANDED_NEW;
	} else if (is_known(x, f, follow->master, follow->parties)) {
		*result = EP_HANDED_OVERTAKEN;
		*aside = is_overtaken(f, x, follow, true);
	} else {
		bool stays = ep_history_is_sealed(x);
		*result = stays ? EP_HANDED_CONFLICT : EP_HANDED_REPLACED;
		*aside = stays ? !says_all(x, f) : !says_all(f, x);
	}
}
