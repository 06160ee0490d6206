#!/usr/bin/env python3
"""world.py - histories of a master and its slaves, and whether anything was lost, stolen, or
different in the end.

    world.py SECONDS SEED [kept=N] [plan=NAME] [ids=ABC] [longest=N]
                                                     random histories (kept: how many steps a chain keeps; plan: see PLANS;
                                                     ids: the tracks; longest: steps of a history)
    world.py exhaust DEPTH MENU|all                  all sequences of the steps of a menu (see MENUS)
    world.py scripts                                 known histories: each passes; its mutant fails on it
    world.py mutants SECONDS [NAME...]               each mutant (mutants.py) is looked for by random histories
    world.py quick                                   what the tests run: scripts, some random histories, some mutants

A history is a list of steps, such as ('put', 0, 'A', 1): slave 0 puts contents 1 of CONTENTS under
A. Slaves are numbered from 0, a number beyond the last begins anew; 'm' is the master. A history
that fails is shrunk and printed.

One long file: a new kind of step comes with what must hold behind it and the histories that have
it."""
import itertools
import random
import sys
import time

import nodes
import revisions as rules
from mutants import MUTANTS, mutated

CONTENTS = [(11,), (12,), (11, 21), (12, 22), None]


# ---------------------------------------------------------------- steps
def put(w, at, id, contents):
    w.put(node(w, at), id, CONTENTS[contents])


def link(w, at, id, original):
    w.link(node(w, at), id, original)


def sync(w, i, *_):
    """Contribute, get the receipt, fetch what was published."""
    n = slave(w, i)
    receipt = w.deliver(w.contribute(n))
    if receipt:
        w.receipt(n, receipt)
    w.fetch(n, w.publish(), False)


def send(w, i, *_):
    """A contribution is on its way."""
    w.contribute(slave(w, i))


def push(w, i, *_):
    """A contribution arrives; its receipt is on its way."""
    w.deliver(w.contribute(slave(w, i)))


def late(w, i, *_):
    """Some contribution arrives, perhaps again."""
    if w.messages:
        w.deliver(w.messages[i % len(w.messages)])


def receipt(w, _, i, *__):
    if w.receipts:
        r = w.receipts[i % len(w.receipts)]
        for n in w.slaves:
            if n.key == r[0]:
                w.receipt(n, r)


def publish(w, *_):
    w.publish()


def fetch(w, i, new=1, *_):
    w.fetch(slave(w, i), w.publish() if not w.master.restored or new % 2 else w.feeds[-1], False)


def old(w, i, which, *_):
    """Fetch an older feed, as from a mirror."""
    w.fetch(slave(w, i), w.feeds[which % len(w.feeds)], False)


def restart(w, i, which=0, new=1, stop=9):
    feed = w.publish() if new else w.feeds[which % len(w.feeds)]
    w.fetch(slave(w, i), feed, True, stop if stop < 3 else None)


def crash(w, i, stop, *_):
    w.fetch(slave(w, i), w.publish(), False, stop % 3)


def csvout(w, at, part=0):
    """part 1, 2: a file of several, with these documents only."""
    w.csv_out(node(w, at), part or None)


def csvin(w, i, which, *_):
    if w.files:
        file = w.files[which % len(w.files)]
        if file[0] == w.master.key:
            w.csv_in(slave(w, i), file)
        elif file[0] not in w.masters:
            w.csv_in(w.master, file)


def copy(w, at, *_):
    w.copies.append((at, node(w, at).copy()))
    del w.copies[:-4]


def restore(w, i, *_):
    if w.copies:
        at, n = w.copies[i % len(w.copies)]
        if at == 'm':
            if n.key == w.master.key:
                w.restore('m', n)
        elif slave(w, at).key == n.key:
            w.restore(at % len(w.slaves), n)


def newepoch(w, *_):
    w.new_epoch()


def clone(w, i, *_):
    if len(w.slaves) < 4:
        w.clone(i % len(w.slaves))


def remove(w, i, with_tracks, *_):
    w.remove(slave(w, i).key, with_tracks)


def rejoin(w, *_):
    w.master.sources |= w.keys


def accept(w, i, *_):
    w.accept_aside(i)


def lie(w, kind, id, contents, number):
    if w.liar:
        w.lie(next(n for n in w.slaves if n.key == w.liar), kind, id, CONTENTS[contents], number)


def twin(w, *_):
    w.start_twin()


def swap(w, *_):
    w.swap_twins()


def newmaster(w, i, *_):
    if w.lost_keys < 2:
        w.new_master(i % len(w.slaves))


def join(w, i, *_):
    w.join(slave(w, i))


def limit(w, i, most, *_):
    w.master.limit[slave(w, i).key] = most % 4


def retry(w, i, *_):
    """Some time later: what the master had no room for is tried again."""
    slave(w, i).full = {}


def handin(w, i, which, *_):
    """A packet of the master, perhaps an old one, is put in by hand."""
    w.hand_in(slave(w, i), w.feeds[which % len(w.feeds)])


def legacyput(w, _, id, contents):
    w.legacy_put(id, CONTENTS[contents])


def legacyout(w, *_):
    w.legacy_out()


def legacyin(w, _, which, *__):
    files = [f for f in w.files if f[0] == w.master.key]
    if files:
        w.legacy_in(files[which % len(files)])


STEPS = {f.__name__: f for f in (put, link, sync, send, push, late, receipt, publish, fetch, old, restart, crash, csvout, csvin,
                                 copy, restore, newepoch, clone, remove, rejoin, accept, lie, twin, swap, newmaster, join, limit,
                                 retry, handin, legacyput, legacyout, legacyin)}


def slave(w, i):
    return w.slaves[i % len(w.slaves)]


def node(w, at):
    return w.master if at == 'm' else slave(w, at)


def do(w, step):
    m, position, before, time_before = w.master, w.master.position, dict(w.master.states), w.witness.time
    STEPS[step[0]](w, *step[1:])
    if w.master is m and m.position > position:
        check_rights(w, before, time_before)


# ---------------------------------------------------------------- what must hold
def check_rights(w, before, time_before):
    """After a step: nobody is said to have made what he did not, and the liar changed nothing of
    others'."""
    wit, liar = w.witness, w.liar
    made, published = wit.made, wit.published
    for id, x in w.master.states.items():
        b = before.get(id)
        if x is b or x.link:
            continue
        for ((kind, key), _), rev in zip(x.steps, x.revs):
            if kind == 'k' and key != liar and key not in made.get(rev, ()):
                raise nodes.Bad('forged: %s is said to have made %r' % (key, x))
        if b is None or b.contents is None or b.owner == liar or x.author != ('k', liar) or x.contents == b.contents:
            continue
        before_it = w.witness.ancestors(b.rev)
        returned = any((id, r, liar, x.born) in published and x.born < b.born and r not in before_it for r in x.revs)
        upon_tombstone = b.rev in x.revs and any(c is None and a != ('k', liar)
                                                 for a, c in x.steps[x.revs.index(b.rev) + 1:])
        above = x.revs[x.revs.index(b.rev) + 1:] if b.rev in x.revs else ()
        # Whether an operator gave it, in a history that the master has lost.
        given = any(wit.head.get(r, 1e9) <= time_before and any((id, r, liar, born) in published for born in range(9))
                    for r in above)
        if not returned and not upon_tombstone and not given:
            raise nodes.Bad('rights: %s changed %r to %r' % (liar, b, x))


def settle(w):
    """Everybody contributes and fetches until nothing moves. An operator says --new-epoch where he
    is asked to."""
    idle = 0
    w.master.limit = {}
    for _ in range(16):
        position, sent = w.master.position, 0
        for n in w.honest():
            w.join(n)
            n.full = {}
            if n.key in w.master.sources:
                message = w.contribute(n)
                sent += len(message[1])
                r = w.deliver(message)
                if r:
                    w.receipt(n, r)
            outcome = w.fetch(n, w.publish(), True)
            if outcome in ('history', 'rollback'):
                w.new_epoch()
                sent += 1
                outcome = w.fetch(n, w.publish(), True)
            if outcome != 'ok':
                raise nodes.Bad('stuck: %s %s' % (n.key, outcome))
        if w.master.stale:
            w.new_epoch()
            sent += 1
        idle = idle + 1 if w.master.position == position and not sent else 0
        if idle == 2:
            return
    raise nodes.Bad('no end: still %d sent' % sent)


def finish(w):
    """All is quiet in the end: everybody has the same, nothing is hidden, nothing lost, nothing
    taken over."""
    w.stop_twin()
    if w.removed:
        w.mark_dead()
    if w.legacy:
        w.legacy_out()
        csvin(w, 0, len(w.files) - 1)
    settle(w)
    m = w.master
    view = m.view()
    for n in w.honest():
        if n.key in w.removed and any(not x.sealed or n.tag.get(i) != n.era for i, x in n.states.items()):
            continue                                            # what it has to say nobody hears
        if n.view() != view:
            raise nodes.Bad('differ: %s %r %r / master %r %r' % (n.key, n.view(), n.states, view, m.states))
    for id, (_, original) in view.items():
        if original is not None and (original not in view or m.original(original) is not None):
            raise nodes.Bad('hidden: %s behind %s' % (id, original))
    if w.legacy:
        check_legacy(w)
    check_acts(w)
    check_takeovers(w)


def check_legacy(w):
    """A node that has only CSV has in the end every row that the master has; it keeps what was
    deleted or shortened."""
    w.csv_out(w.master)
    if w.files and w.files[-1][0] == w.master.key:
        w.legacy_in(w.files[-1])
    for id, contents in w.master.live().items():
        if not set(contents) <= set(w.legacy.get(id, ())):
            raise nodes.Bad('legacy: %s is %r, at the master %r' % (id, w.legacy.get(id), contents))


def check_acts(w):
    wit, good, held = w.witness, [], set()
    for n in [w.master] + w.honest():
        for x in n.states.values():
            held |= wit.ancestors(x.rev)
    for a in reversed(wit.acts):
        if a['dead']:
            if a['rev'] in held:                                # came back with a newer copy
                good.append(a)
            continue
        if a['key'] == w.liar or a['key'] in w.removed:
            continue
        if not kept(w, a) and not any(g['id'] == a['id'] and a['rev'] in wit.ancestors(g['rev']) for g in good):
            raise nodes.Bad('lost: %r; the master has %r' % (said(a), w.master.states.get(a['id'])))
        good.append(a)


def said(a):
    return {name: a[name] for name in ('time', 'key', 'id', 'rev', 'contents')}


def kept(w, a):
    """What was said is there, or superseded by a later word, or reported where it was said."""
    wit = w.witness
    x = w.master.states.get(a['id'])
    contents = x.contents if x is not None else None
    if contents == a['contents']:
        return True
    absorbed = a['rev'] in wit.absorbed
    if x is not None and a['rev'] in wit.ancestors(x.rev):
        if wit.first[a['rev']] == a['time'] or absorbed or wit.told.get((a['id'], a['contents']), -1) >= a['time']:
            return True
        todo, seen = [x.rev], set()  # a word said again must not drown in what was said before
        while todo:
            r = todo.pop()
            if not r or r in seen or r == a['rev']:
                continue
            seen.add(r)
            if a['rev'] in wit.ancestors(r) and max(wit.made.get(r, {0: 0}).values()) > a['time']:
                return True
            todo.append(nodes.PARENT[r])
            todo.extend(wit.supersedes.get(r, ()))
    if absorbed and x is not None and any(c == a['contents'] for _, c in x.steps):
        return True
    n = a['node']
    alive = n.life == a['life'] and (n is w.master or n in w.slaves)
    where = [n] if alive else [w.master] + w.slaves
    if absorbed:
        where = where + [w.master]
    return any(a['rev'] in wit.ancestors(x.rev) for n in where for x in n.aside.values())


def check_takeovers(w):
    """The liar has nothing that was another's in a history that the master lost."""
    wit, liar = w.witness, w.liar
    if liar is None or w.lost_keys:
        return  # of what no slave in trust has, nothing can be proven
    for a in wit.acts:
        if a['dead'] or a['key'] == liar or a['key'] in w.removed or 'proven' not in a:
            continue
        x = w.master.states.get(a['id'])
        if x is None or x.owner != liar or x.author != ('k', liar) or a['rev'] in wit.ancestors(x.rev):
            continue
        first = next(r for r, (author, _) in zip(x.revs, x.steps) if author == ('k', liar))
        below = nodes.PARENT[first]
        if below and rules.MADE_OF[below] == (('k', 'M'), None):
            continue  # the operator deleted it: anybody may put it then
        earlier = (a['proven'] < x.born if w.restores > 1
                   else wit.head.get(a['rev'], 1e9) < wit.head.get(first, 1e9))
        if earlier and any(n.key == a['key'] for n in w.honest()):
            raise nodes.Bad('hijack: %r now %r' % (said(a), x))


# ---------------------------------------------------------------- histories
PLANS = {
    'all': dict(put=30, sync=18, push=6, send=3, late=4, receipt=3, publish=2, fetch=7, old=4, restart=2, crash=3, csvout=3,
                csvin=4, copy=7, restore=6, newepoch=3, clone=1, remove=0.4, rejoin=0.4, accept=2, link=6, lie=12),
    # two masters alive, of one folder
    'twins': dict(put=30, sync=18, push=6, late=3, receipt=3, fetch=7, old=4, restart=3, crash=2, copy=4, restore=3, newepoch=3,
                  accept=2, link=4, lie=8, twin=5, swap=10),
    # a master whose key is lost
    'newmaster': dict(put=30, sync=18, push=6, late=3, receipt=3, fetch=7, old=2, restart=2, crash=2, copy=5, restore=4,
                      newepoch=2, accept=2, link=5, clone=1, csvout=2, csvin=3, newmaster=5, join=6, lie=8),
    # CSV: whole, in parts, and with a node that has nothing else
    'csv': dict(put=24, sync=12, push=4, fetch=5, csvout=18, csvin=22, copy=3, restore=2, newepoch=1, accept=2, link=2,
                legacyput=10, legacyout=8, legacyin=6),
    # files of the master, put in by hand
    'packets': dict(put=30, sync=14, push=6, late=3, receipt=3, publish=6, fetch=7, restart=2, crash=3, csvout=3, csvin=4, copy=7,
                    restore=6, newepoch=3, clone=1, accept=2, link=6, lie=8, handin=16),
    'quota': dict(put=30, sync=18, push=6, late=4, receipt=4, fetch=5, restart=2, crash=2, copy=5, restore=4, newepoch=2,
                  accept=2, link=5, limit=10, retry=5, lie=6),
}
PLANS['wide'] = {name: sum(plan.get(name, 0) for plan in PLANS.values()) for plan in PLANS.values() for name in plan}


def random_history(rng, length, liar, plan, ids):
    names = [name for name in plan if liar or name != 'lie']
    few = ids[:2]
    history = []
    real = rng.random

    def r(n):
        return int(real() * n)

    for name in rng.choices(names, [plan[n] for n in names], k=length):
        at, id = 'm' if r(5) == 0 else r(4), ids[r(len(ids))] if r(4) == 0 else few[r(len(few))]
        if name == 'put':
            step = name, at, id, r(5)
        elif name == 'link':
            step = name, at, id, [None, 'A', 'B', 'C'][r(4)]
        elif name == 'csvout':
            step = name, 'm' if r(2) else r(4), max(0, r(5) - 2)
        elif name == 'copy':
            step = name, 'm' if r(2) else r(4)
        elif name == 'lie':
            step = name, r(13), id, r(5), r(1000)
        elif name == 'legacyput':
            step = name, 0, id, r(5)
        elif name == 'restart':
            step = name, r(4), r(12), r(4), r(8)
        else:
            step = name, r(4), r(12), r(4)
        history.append(step)
    return history


def run(history, kept=64, slaves=2, liar=None, ends=None, aside=()):
    """-> None, or what went wrong. ends: tracks and their contents that the master must have in the
    end; aside: (track, contents) that somebody must have set aside then"""
    if len(nodes.PARENT) > 100000:
        rules.forget_hashes()
    w = nodes.World(kept, slaves, liar)
    try:
        for step in history:
            do(w, step)
        finish(w)
    except nodes.Bad as bad:
        return str(bad)
    if ends is not None and w.master.live() != ends:
        return 'ends: %r, not %r' % (w.master.live(), ends)
    reported = {(x.id, x.contents) for n in [w.master] + w.slaves for x in n.aside.values()}
    if not reported.issuperset(aside):
        return 'aside: %r, not %r' % (reported, aside)
    return None


def shrink(history, fails):
    """Leaves steps out as long as it fails in the same way."""
    i = 0
    while i < len(history):
        shorter = history[:i] + history[i + 1:]
        if fails(shorter):
            history, i = shorter, 0
        else:
            i += 1
    return history


def find(seconds, seed, kept=64, plan='all', ids='ABC', longest=35):
    """-> (how many histories, steps, the shrunk one that fails or None, what went wrong, slaves,
    liar)"""
    end = time.process_time() + seconds
    count = steps = 0
    while time.process_time() < end:
        rng = random.Random(seed * 1000003 + count)
        liar = 'S1' if rng.randrange(3) == 0 else None
        slaves = 2 if rng.randrange(3) else 3
        history = random_history(rng, rng.randrange(4, longest + 1), liar, PLANS[plan], ids)
        count += 1
        steps += len(history)
        wrong = run(history, kept, slaves, liar)
        if wrong:
            kind = wrong.split(':')[0]
            history = shrink(history, lambda h: (run(h, kept, slaves, liar) or '').startswith(kind + ':'))
            return count, steps, history, run(history, kept, slaves, liar), slaves, liar
    return count, steps, None, None, None, None


# all sequences of a few steps
MENUS = {
    'core': [('put', 0, 'A', 0), ('put', 0, 'A', 4), ('put', 1, 'A', 1), ('push', 0), ('sync', 0), ('sync', 1), ('copy', 'm'),
             ('restore', 0), ('put', 'm', 'A', 4)],
    'slave': [('put', 0, 'A', 0), ('put', 0, 'A', 1), ('put', 0, 'A', 4), ('push', 0), ('sync', 0), ('copy', 0), ('restore', 0),
              ('put', 'm', 'A', 1), ('late', 0)],
    'clone': [('put', 0, 'A', 0), ('put', 2, 'A', 1), ('put', 2, 'A', 4), ('clone', 0), ('sync', 0), ('sync', 2), ('copy', 'm'),
              ('restore', 0), ('newepoch',)],
    'csv': [('put', 0, 'A', 0), ('put', 0, 'A', 2), ('put', 'm', 'A', 1), ('put', 0, 'A', 4), ('csvout', 0), ('csvout', 'm'),
            ('csvin', 0, 0), ('csvin', 0, 1), ('sync', 0)],
    'link': [('put', 0, 'A', 0), ('put', 1, 'B', 0), ('link', 0, 'A', 'B'), ('link', 1, 'B', 'A'), ('link', 'm', 'A', None),
             ('sync', 0), ('sync', 1), ('put', 1, 'B', 1)],
    'mirror': [('put', 'm', 'A', 0), ('put', 0, 'A', 1), ('publish',), ('old', 0, 0), ('old', 0, 1), ('crash', 0, 1), ('sync', 0),
               ('copy', 'm'), ('restore', 0)],
    'twins': [('put', 0, 'A', 0), ('put', 0, 'A', 1), ('put', 1, 'A', 4), ('put', 'm', 'A', 2), ('sync', 0), ('sync', 1), ('twin',),
              ('swap',), ('newepoch',)],
    'lost': [('put', 0, 'A', 0), ('put', 0, 'A', 4), ('put', 1, 'A', 1), ('put', 'm', 'A', 2), ('sync', 0), ('sync', 1),
             ('newmaster', 0), ('newmaster', 1), ('join', 0)],
}


def exhaust(depth, name, kept=64):
    start, count = time.process_time(), 0
    for length in range(1, depth + 1):
        for history in itertools.product(MENUS[name], repeat=length):
            count += 1
            wrong = run(history, kept)
            if wrong:
                print('%s: %s' % (name, wrong))
                show(history)
                return 1
    print('%s: all %d histories of up to %d steps hold, %.0f s of CPU' % (name, count, depth, time.process_time() - start), flush=True)
    return 0


def show(history):
    for step in history:
        print('    %r,' % (step,))


def campaign(seconds, seed, kept, plan, ids='ABC', longest=35):
    start = time.process_time()
    count, steps, history, wrong, slaves, liar = find(seconds, seed, kept, plan, ids, longest)
    if history is None:
        used = time.process_time() - start
        print('seed %d kept %d plan %s ids %s: %d histories, %d steps hold; %.0f a second of CPU'
              % (seed, kept, plan, ids, count, steps, count / used))
        return 0
    print('seed %d kept %d plan %s, history %d, slaves=%d liar=%s: %s' % (seed, kept, plan, count - 1, slaves, liar, wrong))
    show(history)
    return 1


def main(args):
    options = dict(a.split('=') for a in args if '=' in a)
    args = [a for a in args if '=' not in a]
    kept, plan = int(options.get('kept', 64)), options.get('plan', 'all')
    if args[:1] == ['exhaust'] and len(args) == 3:
        return max(exhaust(int(args[1]), name, kept) for name in (MENUS if args[2] == 'all' else args[2:]))
    if args == ['scripts']:
        import scripts
        return scripts.main()
    if args[:1] == ['mutants'] and len(args) > 1:
        return look_for_mutants(float(args[1]), args[2:] or MUTANTS)
    if args == ['quick']:
        import scripts
        return (scripts.main() or campaign(3, 1, 64, 'all') or campaign(3, 1, 2, 'wide')
                or look_for_mutants(3, ['seal', 'authors', 'hashorder'], 1))
    if len(args) == 2:
        return campaign(float(args[0]), int(args[1]), kept, plan, options.get('ids', 'ABC'), int(options.get('longest', 35)))
    print(__doc__.split('\n\n')[1], file=sys.stderr)
    return 2


def look_for_mutants(seconds, names, seeds=3):
    """Each mutant must be found; the shortest of a few histories is shown."""
    missed = 0
    for name in names:
        best, first = None, None
        for seed in range(1, seeds + 1):
            for kept in (64, 2):
                with mutated(name):
                    count, _, history, wrong, slaves, liar = find(seconds / seeds / 2, seed, kept, MUTANTS[name].plan)
                if history is not None:
                    first = first or count
                    if best is None or len(history) < len(best[0]):
                        best = history, wrong, slaves, liar, kept
        print('%-12s %s' % (name, MUTANTS[name].words))
        if best is None:
            print('    NOT FOUND')
            missed += 1
            continue
        print('    found after %d; shortest: slaves=%d liar=%s kept=%d: %s' % ((first,) + best[2:] + (best[1][:120],)))
        print('    ' + '  '.join(' '.join(map(str, step)) for step in best[0]), flush=True)
    return 1 if missed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
