"""nodes.py - a master and its slaves, and what passes between them, over the rules in revisions.py.

Nodes keep what they would keep on disk; World has all of them, the messages, feeds and CSV files
that are on their way, and the copies that somebody made of data folders. Beside that it keeps what
no node knows and a check needs (Witness).

One long file: most of it is World, whose steps all see the same nodes and messages."""
import revisions as rules
from revisions import PARENT


class Bad(Exception):
    """Something that must never happen did."""


def merge(old, rows):
    """Rows of a track are numbers, the tens say which document: a CSV's rows replace those of the
    same document."""
    return tuple(sorted({row // 10: row for row in (old or ()) + rows}.values()))


class Witness:
    """What happened, seen by one who sees all nodes."""

    def __init__(self):
        self.time = 0
        self.acts = []              # what users did and were told is done
        self.made = {}              # revision -> {key: when it said so last}
        self.first = {}             # revision -> when it was first made
        self.supersedes = {}  # revision -> others that an operator or a displacement put under it
        self.told = {}              # (id, contents) -> when they were last what the master had
        self.head = {}              # revision -> when the master first had it
        self.published = set()      # (id, revision, owner, born) of all feeds
        self.absorbed = set()       # revisions that ended as equal contents of another's

    def tick(self):
        self.time += 1

    def note_made(self, rev, key):
        self.made.setdefault(rev, {})[key] = self.time

    def act(self, node, x):
        self.tick()
        self.note_made(x.rev, node.key)
        self.first.setdefault(x.rev, self.time)
        self.acts.append(dict(time=self.time, node=node, key=node.key, life=node.life, id=x.id, rev=x.rev,
                              contents=x.contents, dead=False))

    def over(self, x, y):
        self.supersedes.setdefault(x.rev, set()).add(y.rev)

    def ancestors(self, rev):
        """All that rev descends from or supersedes, whatever was cut off."""
        out, todo = set(), [rev]
        while todo:
            r = todo.pop()
            if r and r not in out:
                out.add(r)
                todo.append(PARENT[r])
                todo.extend(self.supersedes.get(r, ()))
        return out


class Node:
    """What a data folder holds. A slave's, and what a master has of it too."""

    def __init__(self, key):
        self.key = key
        self.states = {}            # id -> State
        self.aside = {}             # (id, revision) -> State: reported to the user
        self.life = 0               # (witness) which copy of the folder this is
        # of a slave
        self.tag = {}               # id -> era in which the feed confirmed the seal of the state
        self.era = 0                # counts restarts
        self.restarting = False
        self.epoch = None           # (number, random) of the feed that is followed
        self.pinned = None          # key of the master
        self.applied = 0            # position up to which the feed is applied
        self.seen = (0, 0)          # position and mark of the newest feed that was begun with
        # (id, revision) -> sealed State that the feed does not have, for the master to judge
        self.proofs = {}
        # ids that were its own under a master whose seals count nothing any more
        self.owned = set()
        self.full = {}  # id -> revision that the master has no room for; tried again now and then
        self.handed = {}  # (id, revision) -> sealed State from a file, not known at the last look
        self.quiet = {}  # id -> revision that need not be sent again until the feed says more

    def copy(self):
        n = self.__class__.__new__(self.__class__)
        for name, value in self.__dict__.items():
            n.__dict__[name] = value.copy() if isinstance(value, (dict, set)) else value
        return n

    def keep_aside(self, x):
        self.aside[x.id, x.rev] = x

    # what a user sees
    def live(self):
        return {id: x.contents for id, x in self.states.items() if not x.link and x.contents is not None}

    def valid_link(self, id):
        """What the link of id names, if both live and are as the link says."""
        l = self.states.get(('L', id))
        if l is None or l.contents is None:
            return None
        original, copy_was, original_was = l.contents
        x, o = self.states.get(id), self.states.get(original)
        if original is None or original == id or x is None or o is None or x.contents is None or o.contents is None:
            return None
        return original if (x.contents, o.contents) == (copy_was, original_was) else None

    def original(self, id):
        """Of what id is a copy, or None: one hop only, what is itself a copy has no copies."""
        original = self.valid_link(id)
        if original is None:
            return None
        return original if self.valid_link(original) is None else None

    def view(self):
        return {id: (contents, self.original(id)) for id, contents in self.live().items()}


class Master(Node):
    def __init__(self, key, secret):
        super().__init__(key)
        self.secret = secret
        self.position = 0
        self.at = {}                # id -> position of its latest change
        self.marks = {0: 0}         # position -> hash of the history up to there
        self.shown = {0: 0}         # those at which something was published
        self.epoch = (1, 0)
        self.opened = 0             # position at which this copy of the folder was opened
        self.restored = False
        # was shown a feed of its own that it does not know: takes nothing until --new-epoch
        self.stale = False
        self.tenure = {}            # id -> position at which its owner's tenure began
        self.sources = set()
        self.limit = {}             # source -> how many live tracks it may have


class World:
    def __init__(self, kept=64, slaves=2, liar=None):
        self.kept, self.liar = kept, liar
        self.witness = Witness()
        self.master = Master('M', 'secret')
        self.epochs = 1
        self.slaves = [Node('S%d' % i) for i in range(slaves)]
        self.keys = {n.key for n in self.slaves}
        self.master.sources = set(self.keys)
        self.masters = {'M'}
        self.messages, self.receipts, self.feeds, self.files, self.copies = [], [], [], [], []
        self.restores = 0
        # another copy of the master that is alive too: feeds and contributions may go to it
        self.twin = None
        self.legacy = {}  # id -> rows of a node that speaks CSV alone, and has no deletions
        self.lost_keys = 0
        self.publish()
        for n in self.slaves:
            n.pinned = 'M'
            self.fetch(n, self.feeds[-1], True)

    removed = property(lambda self: self.keys - self.master.sources)

    def honest(self):
        return [n for n in self.slaves if n.key != self.liar]

    # ------------------------------------------------------------ a user's words
    def put(self, node, id, contents):
        m = self.master
        if node is not m:
            outcome, x = rules.put(node.states.get(id), id, contents, me=node.key)
            if x is not None:
                node.states[id] = x  # its tag stays that of what it is built on
                self.witness.act(node, x)
            return outcome
        if m.stale:
            return 'refused'
        outcome, y = rules.put_at_master(m.states.get(id), id, contents, secret=m.secret, master=m.key, epoch=m.epoch[0],
                                         kept=self.kept)
        if y is not None:
            self.witness.act(m, y)
            self.commit(y)
        return outcome

    def link(self, node, id, original):
        m = self.master
        l, x, o = node.states.get(('L', id)), node.states.get(id), node.states.get(original) if original else None
        if original and o is None or node is m and m.stale:
            return 'nothing'
        if node is not m:
            outcome, new = rules.link(l, x, o, me=node.key)
        else:
            outcome, new = rules.link_at_master(l, x, o, secret=m.secret, master=m.key, epoch=m.epoch[0], kept=self.kept)
        if new is not None:
            self.witness.note_made(new.rev, node.key)
            if node is m:
                self.commit(new)
            else:
                node.states[new.id] = new
        return outcome

    # ------------------------------------------------------------ the master's log and feed
    def commit(self, y):
        m, w = self.master, self.witness
        old = m.states.get(y.id)
        if old is not None:
            w.told[old.id, old.contents] = w.time
        if old is None or old.owner != y.owner:
            m.tenure[y.id] = m.position + 1
        w.tick()
        w.head.setdefault(y.rev, w.time)
        w.told[y.id, y.contents] = w.time
        m.states[y.id] = y
        m.position += 1
        m.at[y.id] = m.position
        m.marks[m.position] = hash((m.marks[m.position - 1], y.id, y.rev))

    def publish(self):
        m = self.master
        last = self.feeds[-1] if self.feeds else None
        if last is not None and last['of'] is m and last['head'] == m.position and last['epoch'] == m.epoch:
            return last
        entries = []
        for id, position in sorted(m.at.items(), key=lambda item: item[1]):
            x = m.states[id]
            self.witness.published.add((id, x.rev, x.owner, x.born))
            entries.append((position, id, x))
        m.shown[m.position] = m.marks[m.position]
        feed = dict(of=m, master=m.key, epoch=m.epoch, head=m.position, marks=dict(m.shown), entries=entries)
        self.feeds.append(feed)
        del self.feeds[:-12]
        return feed

    def new_epoch(self):
        """Said by the operator: the number is above all that slaves can prove."""
        m = self.master
        self.epochs += 1
        number = 1 + max([m.epoch[0]] + [n.epoch[0] for n in self.slaves if n.epoch])
        m.epoch = (number, self.epochs)
        if m.restored:
            for id, position in list(m.tenure.items()):
                if position > m.opened:
                    self.commit(rules.reborn(m.states[id], secret=m.secret, epoch=number, kept=self.kept))
                    m.tenure[id] = position
        m.restored = m.stale = False

    # ------------------------------------------------------------ contributing
    def to_send(self, n):
        """Pending states; sealed ones that the feed has not confirmed; proofs."""
        out = []
        for id, x in n.states.items():
            if n.quiet.get(id) == x.rev or n.full.get(id) == x.rev:
                continue
            if not x.sealed:
                if x.author == ('k', n.key):
                    out.append(x)
            elif n.tag.get(id) != n.era and not n.restarting:
                out.append(x)
        out += list(n.proofs.values())
        out.sort(key=lambda x: x.link)
        return out

    def contribute(self, n):
        states = self.to_send(n)
        message = (n.key, states, (n.pinned, n.epoch) + n.seen)
        if states:
            self.messages.append(message)
            del self.messages[:-8]
        return message

    def deliver(self, message):
        """-> the receipt, or None where the master takes nothing"""
        m = self.master
        sender, states, shown = message
        if sender not in m.sources:
            return None
        if shown and self.unknown(m, *shown):
            m.stale = True
        if m.stale or shown and shown[0] != m.key:
            return None
        answers = [(x.id, x.rev, self.take(sender, x)) for x in states]
        receipt = (sender, m.epoch, m.position, answers)
        self.receipts.append(receipt)
        del self.receipts[:-8]
        return receipt

    def unknown(self, m, key, epoch, position, mark):
        """A signed feed of this master that it does not know: this is an older copy."""
        if key != m.key or epoch is None or epoch[0] < m.epoch[0]:
            return False
        return epoch != m.epoch or m.shown.get(position) != mark

    def take(self, sender, x):
        m, w = self.master, self.witness
        y = m.states.get(x.id)
        copy = m.states.get(x.id[1]) if x.link else None
        outcome, new, aside = rules.take(sender, x, y, secret=m.secret, master=m.key, epoch=m.epoch[0],
                                         untouched=m.at.get(x.id, 0) <= m.opened, copy_owner=copy and copy.owner,
                                         kept=self.kept)
        if new is not None and self.over_limit(sender, x, new, y):
            return 'full'
        if aside is not None:
            if outcome == 'conflict' and y.contents == x.contents:
                raise Bad('conflict of equals: %r, %r' % (x, y))
            m.keep_aside(aside)
        if new is not None:
            if y is not None and y.rev not in new.revs:
                w.over(new, y)
            self.commit(new)
        elif outcome == 'same' and x.rev != y.rev:
            w.absorbed.add(x.rev)
        return outcome

    def over_limit(self, sender, x, new, y):
        """A source that has all the tracks it may have brings no more; what the master knows as
        published is let back."""
        m = self.master
        limit = m.limit.get(sender)
        if limit is None or new.link or new.contents is None or new.owner != sender:
            return False
        if y is not None and y.contents is not None and y.owner == sender or rules.proven(m.secret, x) == len(x.steps) - 1:
            return False
        return sum(1 for x in m.states.values() if not x.link and x.contents is not None and x.owner == sender) >= limit

    def receipt(self, n, receipt):
        """It stops that something is sent again, and drops a link that was refused; it confirms
        nothing."""
        _, epoch, position, answers = receipt
        if epoch != n.epoch or position < n.applied:
            return
        for id, rev, answer in answers:
            x = n.states.get(id)
            if answer == 'none':
                n.quiet[id] = rev
            if answer == 'full':
                n.full[id] = rev
            if answer in ('refused', 'bad') and x is not None and x.rev == rev and x.link and not x.sealed:
                self.unlink(n, x)
            n.proofs.pop((id, rev), None)

    def unlink(self, n, l):
        base = rules.unlinked(l)
        if base is None:
            del n.states[l.id]
            n.tag.pop(l.id, None)
        else:
            n.states[l.id] = base

    # ------------------------------------------------------------ fetching
    def fetch(self, n, feed, may_restart, stop=None):
        """-> ok; rollback or history: refused; crash: killed after `stop` entries"""
        position, mark = n.seen
        if feed['master'] != n.pinned:
            return 'history'
        if feed['epoch'] != n.epoch or feed['head'] < position or feed['marks'].get(position) != mark:
            if feed['epoch'] == n.epoch and feed['head'] < position and feed['head'] in feed['marks'] and not may_restart:
                return 'rollback'
            if not may_restart or n.epoch and feed['epoch'][0] <= n.epoch[0]:
                return 'history'  # the master must say --new-epoch first
            n.epoch, n.applied, n.restarting, n.quiet = feed['epoch'], 0, True, {}
            n.era += 1
        n.seen = (feed['head'], feed['marks'][feed['head']])    # noted before anything is applied
        count = 0
        for position, id, f in feed['entries']:
            if position <= n.applied:
                continue
            if stop is not None and count >= stop:
                return 'crash'
            self.follow(n, id, f)
            count += 1
        for id in list(n.states):
            x = n.states[id]
            if n.restarting and n.tag.get(id) != n.era or x.author[0] == 'c' and not x.sealed:
                stays = rules.absent(x, me=n.key, owned=id in n.owned)
                if stays is None:
                    n.keep_aside(x)
                    del n.states[id]
                    n.tag.pop(id, None)
                else:
                    n.states[id] = stays
                    if stays is not x:
                        self.witness.note_made(stays.rev, n.key)
                        self.witness.over(stays, x)
                        self.witness.first.setdefault(stays.rev, self.witness.time)
        n.restarting, n.owned = False, set()
        for (id, rev), f in n.handed.items():
            x = n.states.get(id)
            if x is None or not rules.knows_sealed(x, f, n.pinned):
                n.proofs[id, rev] = f
        n.handed = {}
        n.applied = feed['head']
        self.compare_digest(n, feed)
        return 'ok'

    def hand_in(self, n, feed):
        """A packet that the master dumped once is put in by hand."""
        if feed['master'] != n.pinned:
            return
        for _, id, f in feed['entries']:
            if not f.sealed:
                continue
            _, _, proof, _ = rules.handed(f, n.states.get(id), me=n.key, master=n.pinned, feed=True)
            if proof:
                n.handed[id, f.rev] = f

    def compare_digest(self, n, feed):
        if feed['entries']:
            there = {id: x for _, id, x in feed['entries']}
            for id, x in n.states.items():
                if x.sealed and n.tag.get(id) == n.era and (id not in there or there[id].rev != x.rev):
                    raise Bad('digest: %s holds %r, the feed %r' % (n.key, x, there.get(id)))

    def follow(self, n, id, f):
        w = self.witness
        x = n.states.get(id)
        outcome, new, confirmed, sent, proof, aside = rules.follow(f, x, me=n.key, master=n.pinned,
                                                                   confirmed=n.tag.get(id) == n.era)
        if aside is not None:
            n.keep_aside(x)
        if proof:
            n.proofs[id, x.rev] = x
        n.states[id] = new
        if confirmed:
            n.tag[id] = n.era
        n.quiet.pop(id, None)
        if new is not f:
            return
        if x is not None and x.contents == f.contents:
            w.told[id, f.contents] = w.time
            if outcome == 'replaced':
                w.absorbed.add(x.rev)
                w.over(f, x)
        l = n.states.get(('L', id))  # an own link on what turns out to be another's
        if l is not None and not l.sealed and f.owner != n.key:
            self.unlink(n, l)

    # ------------------------------------------------------------ CSV, by hand
    def csv_out(self, node, part=None):
        """A dump: of the master all, of a slave its own tracks. part: only documents of that number
        (a file of several)."""
        rows = []
        for id, x in node.states.items():
            if x.link or x.contents is None or node is not self.master and x.owner != node.key:
                continue
            chosen = x.contents if part is None else tuple(r for r in x.contents if r // 10 == part)
            if chosen:
                rows.append((id, chosen, x.rev))
        if rows:
            self.files.append((node.key, rows))
            del self.files[:-4]

    def csv_in(self, node, file):
        source, rows = file
        m = self.master
        if node is m and m.stale:
            return
        for id, contents, dumped in rows:
            before = node.states.get(id)
            if node is m:
                outcome, new, aside = rules.csv_in_at_master(before, id, contents, merge, source=source, secret=m.secret,
                                                             epoch=m.epoch[0], kept=self.kept)
            else:
                outcome, new, aside = rules.csv_in_at_slave(before, id, contents, merge, master=source)
            if aside is not None:
                node.keep_aside(aside)
            if new is None:
                continue
            self.witness.note_made(new.rev, node.key)
            if node is m:
                self.commit(new)
            else:
                node.states[id] = new
                if before is None:
                    node.tag[id] = None
            if before is not None and (dumped in self.witness.ancestors(before.rev)
                                       or any(c == contents for _, c in before.steps)):
                raise Bad('old CSV changed %s: %r to %r' % (node.key, before, new))

    # --------------------------------------------------------- disasters, and what an operator does
    def mark_dead(self):
        """What no disk knows any more is nobody's loss but the one's whose disks they were."""
        w = self.witness
        held, proven = set(), {}
        loyal = [n for n in self.honest() if n.key not in self.removed]
        for n in loyal:
            for x in n.states.values():
                if x.sealed:
                    proven[x.rev] = x.born
        for n in [self.master] + ([self.twin] if self.twin else []) + loyal:
            for group in (n.states, n.aside, n.proofs, n.handed):
                for x in group.values():
                    if group is n.states or group is n.aside or rules.proven(self.master.secret, x) >= 0:
                        held |= w.ancestors(x.rev)  # else a forged file, which says nothing
        for a in w.acts:
            if a['rev'] not in held:
                a['dead'] = True
            if w.first[a['rev']] != a['time'] and a['node'] not in [self.master, self.twin] + self.slaves:
                a['dead'] = True  # said again, and the disk that heard it is gone
            if a['rev'] in proven:
                a['proven'] = min(proven[a['rev']], a.get('proven', 99))
            else:
                a.pop('proven', None)

    def restore(self, which, copy):
        w = self.witness
        n = copy.copy()
        w.tick()
        n.life = w.time
        if which == 'm':
            for x in self.master.states.values():
                w.told[x.id, x.contents] = w.time
            self.restores += 1
            n.restored, n.opened = True, n.position
            self.master = n
        else:
            self.slaves[which] = n
        self.mark_dead()

    def start_twin(self):
        """Somebody starts a copy of the master's folder, and the master goes on as well."""
        if self.twin is None:
            self.twin = self.master.copy()
            self.witness.tick()
            self.twin.life = self.witness.time
            self.twin.restored, self.twin.opened = True, self.twin.position

    def swap_twins(self):
        """From now on slaves and the operator reach the other one."""
        if self.twin is not None:
            self.master, self.twin = self.twin, self.master
            self.restores += 1

    def stop_twin(self):
        if self.twin is not None:
            for x in self.twin.states.values():
                self.witness.told[x.id, x.contents] = self.witness.time
            self.twin = None
            self.mark_dead()

    def new_master(self, i):
        """The master and its key are gone. What slave i knows as published becomes a new master's,
        in the operator's trust."""
        old, n = self.master, self.slaves[i]
        if n.key == self.liar or n.key in self.removed:
            return
        self.stop_twin()
        self.lost_keys += 1
        self.epochs += 1
        m = Master('M%d' % self.lost_keys, 'secret%d' % self.lost_keys)
        m.sources, m.epoch, m.life = set(old.sources), ((n.epoch[0] if n.epoch else 1) + 1, self.epochs), self.witness.time
        self.masters.add(m.key)
        for x in old.states.values():
            self.witness.told[x.id, x.contents] = self.witness.time
        self.master = m
        for id, x in n.states.items():
            y = rules.trusted(x, secret=m.secret, masters=self.masters, master=m.key, kept=self.kept)
            if y is not None:
                self.commit(y)
        self.copies = [(at, c) for at, c in self.copies if at != 'm']
        self.files = [(source, rows) for source, rows in self.files if source not in self.masters]
        self.mark_dead()

    def join(self, n):
        """A slave is told that its master has another key."""
        m = self.master
        if n.pinned == m.key:
            return
        n.owned = {id for id, x in n.states.items() if not x.link and x.contents is not None and x.owner == n.key}
        for x in list(n.proofs.values()) + list(n.handed.values()):
            n.keep_aside(x)
        n.states = {id: rules.unsealed(x) for id, x in n.states.items()}
        n.pinned, n.epoch, n.seen, n.applied = m.key, None, (0, 0), 0
        n.tag, n.proofs, n.handed, n.quiet, n.full = {}, {}, {}, {}, {}

    # ------------------------------------------------------------ a node that speaks CSV alone
    def legacy_put(self, id, contents):
        if contents is not None:
            self.legacy[id] = merge(self.legacy.get(id), contents)

    def legacy_out(self):
        rows = [(id, contents, 0) for id, contents in self.legacy.items()]
        if rows:
            self.files.append(('L', rows))
            del self.files[:-4]

    def legacy_in(self, file):
        for id, contents, _ in file[1]:
            self.legacy[id] = merge(self.legacy.get(id), contents)

    def clone(self, i):
        n = self.slaves[i].copy()
        self.witness.tick()
        n.life = self.witness.time
        self.slaves.append(n)

    def remove(self, key, with_tracks):
        m = self.master
        m.sources.discard(key)
        if with_tracks:
            for id, x in list(m.states.items()):
                if not x.link and x.owner == key and x.contents is not None:
                    self.put(m, id, None)

    def accept_aside(self, k):
        m = self.master
        if not m.aside or m.stale:
            return
        (id, rev), x = sorted(m.aside.items(), key=lambda item: str(item[0]))[k % len(m.aside)]
        y = m.states.get(id)
        if x.link or y is None:
            return
        owner = x.owner if x.owner in m.sources else y.owner
        new = rules.decided(y, x, secret=m.secret, master=m.key, epoch=m.epoch[0], owner=owner, kept=self.kept)
        if new is not None:
            del m.aside[id, rev]
            self.witness.over(new, x)
            self.witness.act(m, new)
            self.commit(new)

    # --------------------------------------------- a member that lies: any state, under its own key
    def lie(self, n, kind, id, contents, number):
        me, y = n.key, self.master.states.get(id)
        others = [k for k in ('S0', 'S1', 'M') if k != me]
        other = others[number % 3 % len(others)]
        victim = next((o.states[id] for o in self.slaves if o is not n and id in o.states and not o.states[id].sealed), None)
        step, forged = ((('k', me), contents),), ((('k', other), contents),)
        if kind == 0 and y is not None:                         # upon what is another's
            x = rules.extend(y, id, step)
        elif kind == 1 and y is not None:                       # in another's name
            x = rules.extend(y, id, forged)
        elif kind == 2:
            x = rules.extend(None, id, forged)
        elif kind == 3 and victim is not None:                  # upon what another has not sent yet
            x = rules.extend(None, id, victim.steps + step)
        elif kind == 4 and y is not None:
            x = rules.extend(y, id, ((('k', me), None),))
        elif kind == 5 and self.feeds:                          # what was published once
            entries = self.feeds[number % len(self.feeds)]['entries']
            if not entries:
                return
            x = entries[number % len(entries)][2]
        elif kind == 6 and y is not None:
            x = rules.extend(None, ('L', id), ((('k', me), ('B' if id == 'A' else 'A', y.contents, contents)),))
        elif kind == 7 and y is not None:                       # a seal of its own making
            x = rules.extend(y, id, step)
            x.seal = rules.Seal(len(y.steps) - 1, me, 0, 0)
        elif kind == 8 and victim is not None:                  # "this supersedes yours"
            x = rules.extend(None, id, step)
            x.also = frozenset(victim.revs)
        elif kind == 9:
            x = rules.extend(None, id, step)
            x.seal = rules.Seal(0, me, 0, 0)
        elif kind == 10 and self.feeds:  # a published state with other starts, or cut by itself
            entries = [f for _, i, f in self.feeds[number % len(self.feeds)]['entries'] if i == id]
            if not entries:
                return
            f = entries[0]
            starts = (rules.revision(id, 0, ('k', me), number % 3), ) if number % 3 else f.starts
            x = rules.State(id, f.steps, f.revs, f.parent, f.gen + number % 2, f.seal, f.also, starts, f.floor)
            if number % 5 == 0:
                x = rules.extend(x, id, step)
        elif kind == 11 and self.feeds:                         # upon what was published once
            entries = [f for _, i, f in self.feeds[number % len(self.feeds)]['entries'] if i == id]
            if not entries:
                return
            x = rules.extend(entries[0], id, step)
        elif kind == 12:  # a file "of the master", for another to put in
            x = rules.extend(y if number % 2 else None, id, forged)
            x.seal = rules.Seal(len(x.steps) - 1, other, number % 3, 0)
            self.hand_in(self.slaves[number % len(self.slaves)], dict(master=self.master.key, entries=[(0, id, x)]))
            return
        else:
            return
        message = (me, [x], None)
        self.messages.append(message)
        self.deliver(message)
