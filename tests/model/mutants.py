"""mutants.py - the rules with one of them taken out: a check that finds nothing wrong with these
would be worth nothing.

A mutant is a piece of text of revisions.py or nodes.py, and what stands there instead."""
import contextlib
import inspect
import textwrap

import nodes
import revisions


class Mutant:
    def __init__(self, where, old, new, words, plan='all'):
        self.where, self.old, self.new, self.words, self.plan = where, old, new, words, plan


R, W = revisions, nodes.World
MUTANTS = {
    'seal': Mutant((R, 'proven'), 'return x.seal.index if m is not None and m == x.seal.mac else -1', 'return -1',
                   'a state that comes back needs no seal: what is not the sender\'s is refused'),
    'trust': Mutant((R, 'proven'), 'm is not None and m == x.seal.mac', 'True', 'seals are believed'),
    'starts': Mutant((R, 'proven'), 'x.floor))', 'x.floor))\n    m = x.seal.mac if x.seal.mac > 0 else None',
                     'the seal does not cover gen, also and starts'),
    'vouch': Mutant((R, 'take'), 'if claimed and p < 0:', 'if False:', 'what a slave hands on with a false seal counts as its own word'),
    'authors': Mutant((R, 'by'), 'a != author', 'False', 'steps need not be the sender\'s'),
    'hashorder': Mutant((R, 'concurrent'), "return 'conflict', None, x",
        "return ('conflict', None, x) if x.rev < y.rev or not by(sender, x.steps[p + 1:]) else "
                        "('replaced', seal(secret, superseding(x, y), sender, 1, kept), y)", 'the higher hash wins, not the first at the master'),
    'born': Mutant((R, 'concurrent'), 'born < y.born', 'False',
        'a proven owner of the lost history does not come before a newcomer'),
    'floor': Mutant((R, 'concurrent'), 'and proven_x.gen > y.floor ', '',
        'what stands before starts that were dropped is as if it were unknown'),
    'gen': Mutant((R, 'concurrent'), 'x.gen > y.gen', 'False', 'what the cut hides is not ordered by generation'),
    'equal': Mutant((R, 'concurrent'), "if x.contents == y.contents", 'if False', 'equal contents are a conflict'),
    'report': Mutant((R, 'is_overtaken'), 'not says_all(f, x)', 'False',
        'what a newer state has overtaken is not reported'),
    'beside': Mutant((R, 'is_overtaken'), ' or not confirmed and x.rev in f.also', '',
        'after a restart what lost a conflict is not reported where it was followed'),
    'overruled': Mutant((R, 'take'), "return 'overruled', new, y", "return 'accepted', new, None",
        'what lost a conflict before is not put aside again'),
    'lastword': Mutant((R, 'follow'), 'lost = not says_all(f, x) and (pending or not confirmed)',
        'lost = not says_all(f, x) and (pending or not confirmed and x.owner == me)',
                       'of what the feed has lost only own heads are reported'),
    'onehop': Mutant((nodes.Node, 'original'), 'return original if self.valid_link(original) is None else None', 'return original',
        'a copy of a copy is hidden'),
    'boot': Mutant((W, 'new_epoch'), 'position > m.opened', 'False',
        'what came first since the copy was opened is as old as what was lost'),
    'depth': Mutant((W, 'new_epoch'), '[m.epoch[0]] + [n.epoch[0] for n in self.slaves if n.epoch]', '[m.epoch[0]]',
        'a new epoch: own number + 1'),
    'rcptpos': Mutant((W, 'receipt'), 'if epoch != n.epoch or position < n.applied:', 'if False:', 'a late receipt counts'),
    'seen': Mutant((W, 'fetch'), 'n.seen = (feed', 'seen = (feed', 'the mark of a feed is noted when all is applied'),
    'marks': Mutant((W, 'fetch'), "feed['marks'].get(position) != mark", "feed['marks'].get(position, mark) != mark",
        'a feed without the mark is the same history'),
    'sameepoch': Mutant((W, 'fetch'), "or n.epoch and feed['epoch'][0] <= n.epoch[0]:", 'or False:',
        'slaves restart to the same epoch'),
    'stale': Mutant((W, 'deliver'), 'm.stale = True', 'pass', 'an older copy of the master goes on'),
    'tombs': Mutant((W, 'publish'), 'x = m.states[id]', 'x = m.states[id]\n        if x.contents is None: continue',
        'tombstones are collected'),
    'absent': Mutant((R, 'absent'), 'if x.sealed:', 'if False:', 'what the new epoch lacks is put aside'),
    'csvrows': Mutant((R, 'csv_known'), 'rows == contents or merged == contents', 'merged == contents',
        'rows as given are not compared'),
    'csvpending': Mutant((R, 'csv_in_at_slave'), 'x.author == author', 'True', 'a CSV of the master changes what a key made'),
    'csvkeyed': Mutant((R, 'csv_in_at_master'), 'y.author == author and', '', 'a CSV of a source changes what its key made'),
    'linkrefused': Mutant((W, 'receipt'), 'self.unlink(n, x)', 'n.quiet[id] = rev', 'a refused link is only not sent again'),
    'rebase': Mutant((R, 'follow'), 'if i >= 0 and s <= i:', 'if False:', 'what is kept stands on its own old seal'),
}


@contextlib.contextmanager
def mutated(name):
    """With the mutant in the place of the function."""
    m = MUTANTS[name]
    owner, function = m.where
    was = getattr(owner, function)
    text = textwrap.dedent(inspect.getsource(was))
    if m.old not in text:
        raise AssertionError('mutant %s: %s has not the text %r' % (name, function, m.old))
    space = dict(was.__globals__)
    exec(compile(text.replace(m.old, m.new), '<mutant %s>' % name, 'exec'), space)
    new = space[function]
    replaced = type(was)(new.__code__, was.__globals__, function, was.__defaults__, was.__closure__)
    replaced.__kwdefaults__ = was.__kwdefaults__
    setattr(owner, function, replaced)
    try:
        yield
    finally:
        setattr(owner, function, was)
