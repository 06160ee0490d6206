/* decide.h - the two functions through which every change of another node enters
 *
 * The master's register of a track has one linear history; slaves propose extensions of it. Both
 * functions are pure: what they decide depends on their arguments alone. docs/revisions.md has
 * their tables in words; tests/model is the second implementation, which they are held against.
 *
 * X <= Y: X's revision is in Y's chain or in Y's `also`; or X was made from a CSV of the master or
 * of Y's owner and has contents that stand in Y's chain, or that Y's head has without its fields.
 */
#ifndef EP_STORE_DECIDE_H
#define EP_STORE_DECIDE_H

#include "store/history.h"

/* The master takes X from the sender S; Y is what it has. The first line that fits decides.
 *
 *     p = the step of X that its seal proves (-1: none);  i = the step where Y stands in X (-1)
 *
 *     X.rev = Y.rev                                             SAME
 *     X <= Y                                                    OLD
 *     X's head has a seal, which is not this master's           REFUSED
 *     no Y, nothing proven, X a deletion                        NONE
 *     Y, i = -1:
 *         a track; p proven with another owner than Y's, born before Y's; X's tenure began where
 *         none of Y's did, and p is not among Y's also; the steps above p are by S, who is that
 *         owner                                                 REPLACED: X, also what Y was
 *         X wholly proven and cut, of Y's owner and born, Y as it was when this copy of the log
 *         was opened, X's generation above Y's                  REPLACED
 *         equal contents                                        EQUAL
 *         else                                                  CONFLICT
 *     a step above max(i, p) is not S's (above p, where Y is not in X by its revision)
 *                                                               REFUSED
 *     X wholly proven                                           ACCEPTED
 *     a link on a copy that is not S's                          REFUSED
 *     the owner at max(i, p) is not S, and no deletion is there REFUSED
 *     else                                                      ACCEPTED
 *     but where only X's also knows Y, a track of other contents OVERRULED
 *
 * OVERRULED: Y lost a conflict to X, and was set aside then. That it stands again says that this
 * master may have lost what it had set aside.
 * ACCEPTED: below Y the master keeps its own chain. The owner is the seal's where X is wholly
 * proven, else S. Born is Y's where the owner stays, else the seal's where it has that owner, else
 * of this epoch.
 */
enum ep_taken {
	EP_TAKEN_SAME,
	EP_TAKEN_OLD,
	EP_TAKEN_NONE,
	EP_TAKEN_EQUAL,
	EP_TAKEN_CONFLICT, /* X is to be set aside */
	EP_TAKEN_REFUSED,
	EP_TAKEN_REPLACED, /* *out stands; Y is to be set aside */
	EP_TAKEN_OVERRULED, /* *out stands, as if accepted; Y is to be set aside */
	EP_TAKEN_ACCEPTED /* *out stands */
};

struct ep_take {
	const struct ep_parties *parties;
	uint32_t sender; /* party that signed X */
	uint32_t master; /* the party of this node */
	uint64_t epoch; /* number of this log's */
	bool link; /* X is a link */
	bool owns_copy; /* the copy that the link is of is the sender's */
	bool proven; /* X's seal is this master's */
	bool untouched; /* Y is as it was when this copy of the log was opened */
};

/* Decides; x and y (NULL: absent) have their ids computed, and y is sealed. Where X is not proven,
 * what only its seal vouches for counts for nothing. Fills *out, in arena, where the result says
 * that it stands: with its owner and born, as sealed up to its last step, but without the seal's
 * bytes. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_decide_take(enum ep_taken *result, struct ep_history *out,
                                          const struct ep_history *x, const struct ep_history *y,
                                          const struct ep_take *take, struct ep_arena *arena,
                                          struct ep_error *err);

/* A slave follows F from the feed; X is what it has.
 *
 *     pending  X's head is not sealed and by this node;  old  X is of an earlier era than the feed
 *
 *     no X, or X.rev = F.rev         F
 *     X <= F                         F; X aside where contents differ and X is pending; or is no
 *                                    step of F, and is this node's own, or old and in F's also
 *     F <= X, X pending, its steps   X stays and is sent. Where F's revision is a step of X at or
 *       above F and above its seal   above its seal, X's steps above it now stand upon F's, and are
 *       are all this node's          of this era
 *     F <= X, X old and sealed       X stays and is sent
 *     else                           F; X aside where contents differ and X is pending or old; an
 *                                    old X with a seal is sent as proof
 *
 * Where F was made from a CSV and has the contents of X, X does not know F.
 */
enum ep_following {
	EP_FOLLOWING_NEW, /* F: nothing was there */
	EP_FOLLOWING_SAME, /* F, which is X's revision */
	EP_FOLLOWING_OVERTAKEN, /* F, which knows X */
	EP_FOLLOWING_KEPT, /* X, which is to be sent */
	EP_FOLLOWING_REPLACED /* F */
};
struct ep_followed {
	enum ep_following outcome;
	bool rebased; /* X stays upon F: *out */
	bool proof; /* X goes, and is to be sent as proof of what was */
	bool aside; /* X goes, and is to be set aside */
};

struct ep_follow {
	const struct ep_parties *parties;
	uint32_t self; /* the party of this node */
	uint32_t master; /* that of its master */
	bool old; /* X is of an earlier era than the feed's */
};

/* Decides; f and x (NULL: absent) have their ids computed. *out is filled, in arena, where X is
 * rebased. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_decide_follow(struct ep_followed *result, struct ep_history *out,
                                            const struct ep_history *f, const struct ep_history *x,
                                            const struct ep_follow *follow, struct ep_arena *arena,
                                            struct ep_error *err);

/* A state F of the master came in a file by hand, in no order with a feed; X is what the slave has.
 *
 *     X.rev = F.rev                                   SAME
 *     X knows F by its revision, or (F not from a CSV) otherwise
 *                                                     OLD
 *     the slave follows a feed, which alone says what stands
 *                                                     PROOF: F is sent, for the master to judge
 *     no X                                            NEW: F
 *     X <= F                                          OVERTAKEN: F; X aside as an old one above
 *     X is not sealed                                 REPLACED: F; X aside where contents differ
 *     else                                            CONFLICT: X stays; F aside, the same
 */
enum ep_handed {
	EP_HANDED_SAME,
	EP_HANDED_OLD,
	EP_HANDED_PROOF,
	EP_HANDED_NEW,
	EP_HANDED_OVERTAKEN,
	EP_HANDED_REPLACED,
	EP_HANDED_CONFLICT
};

/* Decides; f and x (NULL: absent) have their ids computed. *aside says whether the one that does
 * not stand is to be set aside. */
void ep_decide_handed(enum ep_handed *result, bool *aside, const struct ep_history *f,
                      const struct ep_history *x, const struct ep_follow *follow, bool feed);

/* Whether an author's step was made from a CSV of the master or of `owner`. */
bool ep_step_is_csv_of(const struct ep_step *step, uint32_t owner, uint32_t master,
                       const struct ep_parties *parties);

#endif
