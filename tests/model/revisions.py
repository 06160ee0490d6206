"""revisions.py - the rules of replication as pure functions: what a node does with a state that
comes to it.

docs/revisions.md says the same in words; src/store has the same functions in C. Nothing here knows
a log, a file or a network, and nothing here changes an argument. What a function must know beside
the states is given to it by name.

    State       a track's (or link's) chain of steps, the last of which is its head
      steps     ((author, contents), ...), oldest first; an author is ('k', key) or ('c', key), the latter for a
                CSV of that key's owner; contents are anything that can be compared, None for a tombstone
      revs      one revision for each step, computed from the chain by whoever receives it, never believed
      parent    the revision before steps[0]; 0: steps[0] is the root, nothing was cut off
      gen       how many steps the chain has, with those that were cut off
      seal      Seal, or None: the newest step by which the master knows that it has published this
      also      further revisions that the sealed state supersedes
      starts    revisions at which a tenure began, last first: the root, and each step upon a tombstone. A cut leaves
                them; where there are more than STARTS, the first ones are dropped when the master seals the state
      floor     the generation at which that was last done, or 0

    Seal        index     which of the steps it is for
                owner, born   whose track it is, and the number of the epoch in which that one's tenure began
                mac       a keyed hash over id, rev, owner, born, and gen, also, starts and floor as they are at that step

A state is *sealed* if its head is; else it is *pending*, and belongs to the author of its head.

One long file: it is one specification, to be read beside docs/revisions.md from top to bottom."""

STARTS = 16       # how many starts of tenures a state keeps
KEPT = 8          # how many steps below the head a chain keeps at least (a parameter of tests, K)

# ---------------------------------------------- revisions: hashes, here numbers given out once each
_revs, PARENT, MADE_OF = {}, {}, {}
_macs = {}


def forget_hashes():
    for table in (_revs, PARENT, MADE_OF, _macs):
        table.clear()


def revision(id, parent, author, contents):
    """The hash over id, parent revision, author and contents; as a number, since a model needs no
    hash."""
    key = (parent, author, contents, id)
    rev = _revs.get(key)
    if rev is None:
        rev = _revs[key] = len(_revs) + 1
        PARENT[rev] = parent
        MADE_OF[rev] = (author, contents)
    return rev


class Seal:
    __slots__ = ('index', 'owner', 'born', 'mac')

    def __init__(self, index, owner, born, mac):
        self.index, self.owner, self.born, self.mac = index, owner, born, mac


class State:
    __slots__ = ('id', 'steps', 'revs', 'parent', 'gen', 'seal', 'also', 'starts', 'floor')

    def __init__(self, id, steps, revs, parent, gen, seal, also, starts, floor):
        self.id, self.steps, self.revs, self.parent = id, steps, revs, parent
        self.gen, self.seal, self.also, self.starts, self.floor = gen, seal, also, starts, floor

    rev = property(lambda self: self.revs[-1])
    author = property(lambda self: self.steps[-1][0])
    contents = property(lambda self: self.steps[-1][1])
    # a link's id is ('L', id of the copy)
    link = property(lambda self: not isinstance(self.id, str))

    @property
    def sealed(self):
        return self.seal is not None and self.seal.index == len(self.revs) - 1

    @property
    def owner(self):
        """Of a sealed state the seal says it; what is pending is its author's."""
        return self.seal.owner if self.sealed else self.steps[-1][0][1]

    @property
    def born(self):
        return self.seal.born if self.sealed else None

    def __repr__(self):
        chain = '>'.join('%s%s.%s#%d' % (a[0] if a[0] == 'c' else '', a[1], 'x' if c is None else c, r)
                         for (a, c), r in zip(self.steps, self.revs))
        if self.parent:
            chain = '(%d cut)>' % (self.gen - len(self.steps)) + chain
        if self.seal:
            chain += ' sealed@%d own=%s born=%s' % (self.seal.index, self.seal.owner, self.seal.born)
        return '%s:%s%s' % (self.id, chain, ' also=%s' % sorted(self.also) if self.also else '')


NOTHING = frozenset()


def extend(base, id, steps):
    """base (None: nothing) with further steps upon it, pending. A step upon a tombstone begins a
    tenure."""
    if base is None:
        out, revs, rev, gen, seal, also, starts, last = (), (), 0, 0, None, NOTHING, (), None
        parent = floor = 0
    else:
        out, revs, rev, gen, seal, also, starts = (base.steps, base.revs, base.rev, base.gen, base.seal, base.also,
                                                   base.starts)
        parent, floor, last = base.parent, base.floor, base.contents
    for author, contents in steps:
        rev = revision(id, rev, author, contents)
        revs += (rev,)
        if last is None:
            starts = (rev,) + starts
        last = contents
    return State(id, out + tuple(steps), revs, parent, gen + len(steps), seal, also, starts, floor)


def cut(x, kept):
    """Takes the oldest steps off, but never above the newest sealed one: what the master has not
    seen stays whole."""
    drop = min(len(x.steps) - 1 - kept, x.seal.index if x.seal else 0)
    if drop <= 0:
        return x
    s = x.seal
    return State(x.id, x.steps[drop:], x.revs[drop:], x.revs[drop - 1], x.gen, Seal(s.index - drop, s.owner, s.born, s.mac),
                 x.also, x.starts, x.floor)


def mac(secret, id, rev, owner, born, gen, also, starts, floor):
    """The keyed hash, as a number; who has not the secret cannot make one."""
    return _macs.setdefault((secret, id, rev, owner, born, gen, also, starts, floor), len(_macs) + 1)


def seal(secret, x, owner, born, kept=KEPT):
    """What the master commits: the state with its head sealed, cut."""
    starts, floor = (x.starts, x.floor) if len(x.starts) <= STARTS else (x.starts[:STARTS], x.gen)
    m = mac(secret, x.id, x.rev, owner, born, x.gen, x.also, starts, floor)
    return cut(State(x.id, x.steps, x.revs, x.parent, x.gen, Seal(len(x.steps) - 1, owner, born, m), x.also, starts, floor), kept)


def up_to(x, i):
    """x as it was at step i."""
    above = x.revs[i + 1:]
    return State(x.id, x.steps[:i + 1], x.revs[:i + 1], x.parent, x.gen - len(above),
                 x.seal if x.seal is not None and x.seal.index <= i else None, x.also,
                 tuple(s for s in x.starts if s not in above), x.floor)


def proven(secret, x):
    """Which step of x the master has published for certain: the one of its seal if that is its own,
    else -1."""
    if x.seal is None or not 0 <= x.seal.index < len(x.steps):
        return -1
    at_seal = up_to(x, x.seal.index)
    m = _macs.get((secret, x.id, at_seal.rev, x.seal.owner, x.seal.born, at_seal.gen, x.also, at_seal.starts,
                   x.floor))
    return x.seal.index if m is not None and m == x.seal.mac else -1


def believed(secret, x):
    """(x without what is not proven: seal, also and starts; the proven step or -1)"""
    p = proven(secret, x)
    if p < 0:
        starts = ()
        last = None
        for (_, contents), rev in zip(x.steps, x.revs):
            if last is None:
                starts = (rev,) + starts
            last = contents
        x = State(x.id, x.steps, x.revs, x.parent, x.gen, None, NOTHING, starts, 0)
    return x, p


# Contents with fields, and those that their rows have alone. A CSV says nothing of fields.
WITHOUT_FIELDS = {}


def rows_of(x):
    """The contents of x without its fields."""
    return WITHOUT_FIELDS.get(x.contents, x.contents)


def says_all(a, b):
    """a has all that b says: the same contents, or b was made from a CSV and is the rows of a."""
    return a.contents == b.contents or b.author[0] == 'c' and b.contents is not None and b.contents == rows_of(a)


def le(a, b, master):
    """b knows a: a is b, or an ancestor of it, or superseded by it. A revision that was made from a
    CSV is not known by its number, as a CSV has none: it is compared by contents, and only within
    what one source says. Of b's head, its rows will do."""
    if a.rev in b.revs or a.rev in b.also:
        return True
    kind, key = a.author
    return kind == 'c' and key in (master, b.owner) and (a.contents == rows_of(b) or
                                                         any(a.contents == c for _, c in b.steps))


def at(y, x, master):
    """Where y stands in x: the index of the step, or -1. What `also` names stands at the sealed
    step."""
    if y.rev in x.revs:
        return x.revs.index(y.rev)
    if y.rev in x.also:
        return x.seal.index
    kind, key = y.author
    if kind == 'c' and key in (master, x.owner):
        if y.contents is not None and y.contents == rows_of(x):
            return len(x.steps) - 1
        for i in range(len(x.steps) - 1, -1, -1):
            if x.steps[i][1] == y.contents:
                return i
    return -1


# ------------------------------------------------- the master takes x from sender; y is what it has
def take(sender, x, y, *, secret, master, epoch, untouched, copy_owner=None, kept=KEPT):
    """-> (outcome, the new sealed state or None where nothing changes, the state that is put aside
    or None)

    sender      the key that signed what x came in
    secret      by which the master makes and knows its seals;  master: its key
    epoch       the number of its epoch
    untouched   y has not changed since this copy of the master's data was opened
    copy_owner  of a link: who owns the track that it says is a copy; None: the master has no such track

    The first line that fits decides. p: the step that x's seal proves, or -1. i: where y stands in
    x, or -1.

        x has no step, or a seal behind its head                     bad
        x is y                                                       same
        y knows x                                                    old
        x's head has a seal, which is not the master's               refused: the sender does not vouch for it
        y absent, nothing proven, x a tombstone                      none: nothing is kept of it
        y there, i = -1 (neither knows the other):
            a track; p proven with another owner than y's, born
            before y's; x's tenure began at no step where one
            of y's did, y.also has not x's proven step, whose
            generation is above y's floor; steps
            above p are the sender's, who is that owner              replaced: x, and also what y was; y aside
            x wholly proven and cut, owner and born as y's,
            y untouched, x of the higher generation                  replaced: the same
            equal contents                                           same
            else                                                     conflict: x aside
        a step above max(i, p) is not the sender's
        (above p, where y is not in x by its revision)               refused
        x wholly proven                                              accepted
        a link: copy_owner is not the sender                         refused
        the owner at max(i, p) is not the sender, and there is
        no tombstone there                                           refused
        else                                                         accepted
    but where x.also alone knows y, a track of other contents        overruled: as accepted; y aside

    overruled: y lost a conflict to x, and was put aside then. That it stands again says that this
    master may have lost what it had put aside.

    accepted: below y the master keeps its own chain. Owner: the seal's where x is wholly proven,
    else the sender. Born: y's where the owner stays, else the seal's where it has that owner, else
    this epoch."""
    if not x.steps or x.seal is not None and not 0 <= x.seal.index < len(x.steps):
        return 'bad', None, None
    claimed = x.sealed
    x, p = believed(secret, x)
    n = len(x.steps)
    if y is not None and x.rev == y.rev:
        return 'same', None, None
    if y is not None and le(x, y, master):
        return 'old', None, None
    if claimed and p < 0:
        return 'refused', None, None
    if y is None and p < 0 and x.contents is None:
        return 'none', None, None
    i = -1
    if y is not None:
        i = at(y, x, master)
        if i < 0:
            return concurrent(sender, x, y, p, secret, untouched, kept)
    base = max(i, p)
    inside = y is not None and y.rev in x.revs
    known = base if y is None or inside else p
    if not by(sender, x.steps[known + 1:]):
        return 'refused', None, None
    if p < n - 1:
        if x.link:
            if copy_owner != sender:
                return 'refused', None, None
        elif base >= 0:
            owner = x.seal.owner if base == p else y.owner
            if owner != sender and x.steps[base][1] is not None:
                return 'refused', None, None
    owner = x.seal.owner if p == n - 1 else sender
    if y is not None and y.owner == owner:
        born = max(y.born, x.seal.born) if p == n - 1 else y.born
    elif p >= i and p >= 0 and x.seal.owner == owner:
        born = x.seal.born
    else:
        born = epoch
    if inside:
        new = extend(y, x.id, x.steps[i + 1:])
    elif y is not None:
        new = superseding(x, y)
    else:
        new = x
    new = seal(secret, new, owner, born, kept)
    if y is not None and not inside and not x.link and y.rev in x.also and y.contents != x.contents:
        return 'overruled', new, y
    return 'accepted', new, None


def by(key, steps):
    author = ('k', key)
    for a, _ in steps:
        if a != author:
            return False
    return True


def superseding(x, y):
    """x, which also knows all that y is."""
    return State(x.id, x.steps, x.revs, x.parent, x.gen, None, x.also | y.also | set(y.revs), x.starts, x.floor)


def concurrent(sender, x, y, p, secret, untouched, kept):
    n = len(x.steps)
    if p >= 0:
        owner, born = x.seal.owner, x.seal.born
        wholly = p == n - 1
        proven_x = up_to(x, p)
        if (not x.link and owner != y.owner and born < y.born and proven_x.starts[0] not in y.starts
                and proven_x.gen > y.floor and x.revs[p] not in y.also
                and (wholly or owner == sender and by(sender, x.steps[p + 1:]))):
            return 'replaced', seal(secret, superseding(x, y), owner, born, kept), y
        if wholly and x.parent and (owner, born) == (y.owner, y.born) and untouched and x.gen > y.gen:
            return 'replaced', seal(secret, superseding(x, y), owner, born, kept), y
    if x.contents == y.contents:
        return 'same', None, None
    return 'conflict', None, x


# ----------------------------------------------- a slave follows f, from the feed; x is what it has
def follow(f, x, *, me, master, confirmed):
    """-> (outcome, the state that the slave then has, it is confirmed, x is sent, x is sent as
    proof, x or None aside)

    me          the slave's key
    confirmed   the feed that is followed has shown the seal of x since the last restart (its tag is this era)

        x absent                                        new         f
        x is f                                          same        f
        f knows x                                       overtaken   f; x aside if contents differ, and x is pending; or is
                                                                    no step of f, and the slave's own, or in f.also and not
                                                                    confirmed
        x knows f; x is pending, and its steps above its
        seal, and above f if f is one of them, are the
        slave's own:
            f is a step of x at or above its seal       kept        f and the steps of x above it; sent
            else                                        kept        x; sent
        x knows f; x is sealed, not confirmed           kept        x; sent
        else                                            replaced    f; x aside if contents differ, and x is pending or
                                                                    not confirmed; x is sent as proof if it has a seal
                                                                    and is not confirmed

    Pending here means a pending head by the slave's own key. Where f was made from a CSV and has
    the contents of x, x does not know f: f takes its place. f is confirmed; so is what is kept upon
    a step that f's seal confirms."""
    if x is None:
        return 'new', f, True, False, False, None
    if x.rev == f.rev:
        return 'same', f, True, False, False, None
    pending = not x.sealed and x.author == ('k', me)
    differs = x.contents != f.contents
    if le(x, f, master):
        return 'overtaken', f, True, False, False, x if is_overtaken(x, f, me, confirmed) else None
    if le(f, x, master) and (differs or f.author[0] != 'c'):
        i = x.revs.index(f.rev) if f.rev in x.revs else -1
        s = x.seal.index if x.seal is not None else -1
        if pending and by(me, x.steps[max(i, s) + 1:]):
            if i >= 0 and s <= i:
                return 'kept', extend(f, x.id, x.steps[i + 1:]), True, True, False, None
            return 'kept', x, confirmed, True, False, None
        if not confirmed and x.sealed:
            return 'kept', x, confirmed, True, False, None
    lost = not says_all(f, x) and (pending or not confirmed)
    return 'replaced', f, True, False, not confirmed and x.seal is not None, x if lost else None


def handed(f, x, *, me, master, feed):
    """A sealed state that came in a file by hand, in no order with a feed. -> (outcome, what the
    slave then has or None where nothing changes, f is kept as a proof, x or f or None aside)

    feed        the slave follows a feed, which alone says what stands

        x is f                          same        nothing changes
        x knows f                       old         nothing changes
        with a feed                     proof       nothing changes; if the slave does not know f after its next complete
                                                    fetch, it is sent as a proof, for the master to judge
        x absent                        new         f
        f knows x                       overtaken   f; x aside as follow() says of what is not confirmed
        x is not sealed                 replaced    f; x aside if contents differ
        else                            conflict    nothing changes; f aside if contents differ"""
    if x is not None:
        if x.rev == f.rev:
            return 'same', None, False, None
        if knows_sealed(x, f, master):
            return 'old', None, False, None
    if feed:
        return 'proof', None, True, None
    if x is None:
        return 'new', f, False, None
    if le(x, f, master):
        return 'overtaken', f, False, x if is_overtaken(x, f, me, False) else None
    if not x.sealed:
        return 'replaced', f, False, None if says_all(f, x) else x
    return 'conflict', None, False, None if says_all(x, f) else f


def is_overtaken(x, f, me, confirmed):
    """x, which f knows, is to be set aside when f takes its place. What f.also alone knows lost a
    conflict. The master has set it aside then; but a restart follows when a master has lost what it
    had, and then x may be the last copy."""
    pending = not x.sealed and x.author == ('k', me)
    beside = x.rev not in f.revs and (x.owner == me or not confirmed and x.rev in f.also)
    return not says_all(f, x) and (pending or beside)


def knows_sealed(x, f, master):
    """x knows f, but not merely because a CSV made f and a step of x has its contents."""
    return le(f, x, master) and (f.author[0] != 'c' or f.rev in x.revs or f.rev in x.also)


def absent(x, *, me, owned=False):
    """After a restart, for a state that the feed did not show. -> the state that stays and is told
    to the master, or None: x goes, and is put aside.

    owned       the track was the slave's under a master whose seals count nothing any more, see unsealed()

        x is sealed                                                   x: the master knows its seal again
        by the slave alone, from the root                             x
        the slave's, and lives                                        its contents said anew, as a root by the slave
        else                                                          None"""
    if x.sealed:
        return x
    mine = x.author == ('k', me)
    if x.seal is not None or not x.parent and by(me, x.steps):
        return x if mine else None
    if x.contents is not None and not x.link and (mine or owned):
        return extend(None, x.id, ((('k', me), x.contents),))
    return None


# ---------------------------------------------------------------- a master whose key is lost
def unsealed(x):
    """What a slave that joins a master with another key keeps: the chain, of which nothing is
    proven."""
    return believed(None, State(x.id, x.steps, x.revs, x.parent, x.gen, None, NOTHING, x.starts, 0))[0]


def trusted(x, *, secret, masters, master, kept=KEPT):
    """What the new master makes of a state of the slave that its operator trusts, up to what was
    published; or None."""
    if x.seal is None:
        return None
    owner = master if x.seal.owner in masters else x.seal.owner
    return seal(secret, up_to(x, x.seal.index), owner, x.seal.born, kept)


# ---------------------------------------------------------------- what a user says at a node
def put(x, id, contents, *, me):
    """On a slave. -> (outcome, new pending state or None): unchanged, nothing (no such track),
    refused, done"""
    if x is not None and x.contents == contents:
        return 'unchanged', None
    if contents is None and (x is None or x.contents is None):
        return 'nothing', None
    if x is not None and x.contents is not None and x.owner != me:
        return 'refused', None
    return 'done', extend(x, id, ((('k', me), contents),))


def put_at_master(y, id, contents, *, secret, master, epoch, kept=KEPT):
    """The operator may change anything; a track that lives stays its owner's."""
    if y is not None and y.contents == contents:
        return 'unchanged', None
    if contents is None and (y is None or y.contents is None):
        return 'nothing', None
    lives = y is not None and y.contents is not None
    new = extend(y, id, ((('k', master), contents),))
    return 'done', seal(secret, new, y.owner if lives else master, y.born if lives else epoch, kept)


def link(l, copy, original, *, me):
    """-> (outcome, new pending state or None). l: the link's state; copy, original: states of the
    tracks (original None: the copy is released). A link names the contents of both."""
    if copy is None or copy.contents is None or original is not None and (original.contents is None or original is copy):
        return 'nothing', None
    if copy.owner != me:
        return 'refused', None
    return set_link(l, copy, original, me)


def set_link(l, copy, original, key):
    named = (original.id, copy.contents, original.contents) if original is not None else (None, copy.contents, None)
    if l is not None and l.contents == named:
        return 'unchanged', None
    return 'done', extend(l, ('L', copy.id), ((('k', key), named),))


def link_at_master(l, copy, original, *, secret, master, epoch, kept=KEPT):
    if copy is None or copy.contents is None or original is not None and (original.contents is None or original is copy):
        return 'nothing', None
    outcome, new = set_link(l, copy, original, master)
    return outcome, new and seal(secret, new, master, epoch, kept)


def unlinked(l):
    """A pending link that does not stand (refused, or on what is another's): the sealed one that it
    was built on, or None."""
    return up_to(l, l.seal.index) if l.seal is not None else None


def decided(y, x, *, secret, master, epoch, owner, kept=KEPT):
    """The operator takes what was put aside: its contents, upon y, by the master; x is superseded.
    None: y has them already."""
    if y is None or y.contents == x.contents:
        return None
    new = extend(y, y.id, ((('k', master), x.contents),))
    new.also = new.also | {x.rev}
    return seal(secret, new, owner, epoch, kept)


def reborn(y, *, secret, epoch, kept=KEPT):
    """At --new-epoch, a track whose tenure began since this copy of the master's data was opened:
    born now."""
    return seal(secret, y, y.owner, epoch, kept)


# ---------------------------------------------------------------- CSV
def csv_in_at_master(y, id, rows, merge, *, source, secret, epoch, kept=KEPT):
    """-> (outcome, new state or None, aside or None). rows: what the file says of the track;
    merge(old, rows): what would come of them.

        y absent                                                      accepted: the source's
        rows, or what would come of them, equal contents of y or      same (of y), old (of a step)
        of one of its steps
        y is made from a CSV of this source and owned by it           accepted: merged
        else                                                          conflict: the rows aside"""
    author = ('c', source)
    if y is None:
        return 'accepted', seal(secret, extend(None, id, ((author, rows),)), source, epoch, kept), None
    merged, outcome = csv_known(y, rows, merge)
    if outcome:
        return outcome, None, None
    if y.author == author and y.owner == source:
        return 'accepted', seal(secret, extend(y, id, ((author, merged),)), source, y.born, kept), None
    return 'conflict', None, extend(None, id, ((author, rows),))


def csv_in_at_slave(x, id, rows, merge, *, master):
    """The same of a file of the master on a slave; only what such a file made, and no feed has
    shown, is changed."""
    author = ('c', master)
    if x is None:
        return 'accepted', extend(None, id, ((author, rows),)), None
    merged, outcome = csv_known(x, rows, merge)
    if outcome:
        return outcome, None, None
    if x.author == author:
        return 'accepted', extend(x, id, ((author, merged),)), None
    return 'conflict', None, extend(None, id, ((author, rows),))


def csv_known(x, rows, merge):
    merged = merge(x.contents, rows)
    if rows == x.contents or merged == x.contents:
        return merged, 'same'
    for _, contents in x.steps:
        if rows == contents or merged == contents:
            return merged, 'old'
    return merged, None
