#!/usr/bin/env python3
"""oracle.py - what take() and follow() must answer, for another program that decides the same.

    oracle.py ask    [take|follow|handed] [every N]       questions: all pairs of states within a small scope, one a line
                                                     (handed only where it is named)
    oracle.py random COUNT SEED                      questions about longer chains, at random
    oracle.py answer < QUESTIONS                     this model's answers, one a line
    oracle.py compare QUESTIONS ANSWERS              exit 1, with the first ten differences, if ANSWERS are not the model's
    oracle.py check|quick PROGRAM [ARGUMENT...]      asks PROGRAM (questions on stdin, answers on stdout) all of it, and
                                                     200,000 at random; or every 101st, and 5,000 at random

Text format. Tokens are separated by single spaces; every question and every answer is one line.
Words in lower case stand as they are; NUMBERs are decimal.

    take NUMBER KIND sender KEY epoch E untouched 0|1 copyowner KEY kept K x STATE y STATE-OR-NONE
    follow NUMBER KIND me KEY confirmed 0|1 f STATE x STATE-OR-NONE
    handed NUMBER KIND me KEY feed 0|1 f STATE x STATE-OR-NONE

    KIND            track or link. The id is "T" for a track; for a link it is that of the link of the copy "T".
    KEY             1 to 9: a key of 32 bytes that all have this value. The master's is 9. copyowner 0: the master has
                    no such track
    epoch, kept     the number of the master's epoch; how many steps below the head a chain keeps (K)
    STATE           steps TOTAL CUT STEP... seal INDEX TRUTH KEY BORN also COUNT CHAIN...
      TOTAL CUT     there follow TOTAL steps from the root on, of which the first CUT were cut off: the state has
                    TOTAL - CUT steps, the revision before them, and TOTAL as its generation. CUT < TOTAL
      STEP          AKEY:CONTENTS, such as k1:2. A: k, a step by that key, or c, by a CSV of that key's owner.
                    CONTENTS: 0, a tombstone (16 zero bytes); else a contents hash of 16 bytes with this value. 5 and
                    6 have fields: without these, their rows have the contents 1 and 2
      INDEX         which of the steps that are left the seal is for, from 0; -1: no seal, then follow "none 0 0"
      TRUTH         valid or forged (the bytes of a valid one, the first of them xor 1)
      KEY BORN      what the seal says of owner and born. It covers: id, the revision at INDEX, owner, born, the
                    generation there (CUT + INDEX + 1), all of also, the starts of tenures up to there, and floor
      CHAIN         LENGTH STEP...: a revision, given by its whole chain from the root, of the same id
    STATE-OR-NONE   STATE, or the token - for none

The starts of tenures are not written: they are the revisions of the root and of each step directly
upon a tombstone, over all TOTAL steps. In a question to follow all seals are valid; the slave
cannot check them and does not try.

    take NUMBER: OUTCOME aside -|x|y has HELD
    follow NUMBER: OUTCOME aside -|x sent 0|1 proof 0|1 confirmed 0|1 has HELD
    handed NUMBER: OUTCOME aside -|x|f proof 0|1 has HELD             (proof: f is kept as one)

    OUTCOME         take: bad same old none conflict refused accepted overruled replaced; follow: new same overtaken
                    kept replaced;
                    handed: same old proof new overtaken replaced conflict
    has HELD        what the node has then: - for nothing, or
                    GENERATION KEPT STEP... seal INDEX KEY BORN also COUNT starts COUNT
                    (KEPT steps; INDEX -1 0 0 if there is no seal; the revisions of also and starts are counted only)
    confirmed       follow: the state that the slave then has is confirmed (its tag is this era)
"""
import itertools
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import revisions as rules                                                        # noqa: E402

MASTER, SECRET = 9, 'secret'
rules.WITHOUT_FIELDS.update({5: 1, 6: 2})
IDS = {'track': 'T', 'link': ('L', 'T')}


# ---------------------------------------------------------------- text
def text_of_step(step):
    (kind, key), contents = step
    return '%s%d:%d' % (kind, key, contents or 0)


def text_of_state(state):
    if state is None:
        return '-'
    steps, cut, seal, also = state
    words = ['steps %d %d' % (len(steps), cut)] + [text_of_step(s) for s in steps]
    words.append('seal %d %s %d %d' % seal if seal else 'seal -1 none 0 0')
    words.append('also %d' % len(also))
    for chain in also:
        words.append('%d' % len(chain))
        words += [text_of_step(s) for s in chain]
    return ' '.join(words)


class Words:
    def __init__(self, line):
        self.words = line.split()
        self.next = 0

    def word(self, *must_be):
        w = self.words[self.next]
        self.next += 1
        if must_be and w not in must_be:
            raise ValueError('word %d is %r, expected %s' % (self.next, w, ' or '.join(must_be)))
        return w

    def number(self):
        return int(self.word())

    def named(self, name):
        self.word(name)
        return self.number()

    def step(self):
        author, contents = self.word().split(':')
        return (author[0], int(author[1:])), int(contents) or None

    def state(self, id):
        if self.words[self.next] == '-':
            self.next += 1
            return None
        self.word('steps')
        total, dropped = self.number(), self.number()
        steps = [self.step() for _ in range(total)]
        self.word('seal')
        index, truth, owner, born = self.number(), self.word('valid', 'forged', 'none'), self.number(), self.number()
        also = []
        for _ in range(self.named('also')):
            also.append(rules.extend(None, id, [self.step() for _ in range(self.number())]).rev)
        return build(id, steps, dropped, (index, truth, owner, born) if index >= 0 else None, also)


def build(id, steps, dropped, seal, also):
    x = rules.extend(None, id, steps)
    x.also = frozenset(also)
    if seal:
        index, truth, owner, born = seal
        base = rules.up_to(x, dropped + index)
        mac = rules.mac(SECRET, id, base.rev, owner, born, base.gen, base.also, base.starts, base.floor)
        x.seal = rules.Seal(index, owner, born, mac if truth == 'valid' else -mac)
    if dropped:
        x.parent = x.revs[dropped - 1]
        x.steps, x.revs = x.steps[dropped:], x.revs[dropped:]
    return x


def text_of_held(x):
    if x is None:
        return '-'
    seal = 'seal %d %d %d' % (x.seal.index, x.seal.owner, x.seal.born) if x.seal else 'seal -1 0 0'
    return '%d %d %s %s also %d starts %d' % (x.gen, len(x.steps), ' '.join(map(text_of_step, x.steps)), seal, len(x.also),
                                              len(x.starts))


def answer(line):
    w = Words(line)
    what, number, kind = w.word('take', 'follow', 'handed'), w.number(), w.word('track', 'link')
    id = IDS[kind]
    if what == 'take':
        sender, epoch, untouched, copy_owner, kept = (w.named(n) for n in ('sender', 'epoch', 'untouched', 'copyowner', 'kept'))
        w.word('x')
        x = w.state(id)
        w.word('y')
        y = w.state(id)
        outcome, new, aside = rules.take(sender, x, y, secret=SECRET, master=MASTER, epoch=epoch, untouched=bool(untouched),
                                         copy_owner=copy_owner or None, kept=kept)
        name = '-' if aside is None else 'y' if aside is y else 'x'
        return 'take %d: %s aside %s has %s' % (number, outcome, name, text_of_held(new or y))
    me = w.named('me')
    fact = w.named('confirmed' if what == 'follow' else 'feed')
    w.word('f')
    f = w.state(id)
    w.word('x')
    x = w.state(id)
    if what == 'handed':
        outcome, held, proof, aside = rules.handed(f, x, me=me, master=MASTER, feed=bool(fact))
        return 'handed %d: %s aside %s proof %d has %s' % (number, outcome, '-' if aside is None else 'f' if aside is f else 'x', proof,
                                                          text_of_held(held or x))
    outcome, held, confirmed, sent, proof, aside = rules.follow(f, x, me=me, master=MASTER, confirmed=bool(fact))
    return 'follow %d: %s aside %s sent %d proof %d confirmed %d has %s' % (
        number, outcome, '-' if aside is None else 'x', sent, proof, confirmed, text_of_held(held))


# ---------------------------------------------------------------- questions
def chains(authors, contents, longest):
    """All chains of up to `longest` steps in which no step says what the one before it said."""
    steps = [(a, c) for a in authors for c in contents if a[0] == 'k' or c]
    last = [(s,) for s in steps if s[1] is not None]
    out = list(last)
    for _ in range(longest - 1):
        last = [chain + (s,) for chain in last for s in steps if s[1] != chain[-1][1]]
        out += last
    return out


K1, K2, K9, C1, C9 = ('k', 1), ('k', 2), ('k', 9), ('c', 1), ('c', 9)
ALSO = ((), (((K2, 1),),))  # nothing, or the root k2:1, which other chains have


def sealed(chain, owners, borns, also=ALSO, cuts=(0, 1)):
    """Chain as one that the master has published, in all ways."""
    for owner, born, more, dropped in itertools.product(owners, borns, also, cuts):
        if dropped < len(chain):
            yield chain, dropped, (len(chain) - 1 - dropped, 'valid', owner, born), more


def sent(chain):
    """Chain as a slave sends it: sealed nowhere, or at some step, truly or not."""
    yield chain, 0, None, ()
    for dropped, more in itertools.product((0, 1), ALSO):
        for index in range(len(chain) - dropped):
            for owner, born in ((1, 1), (2, 1), (2, 2)):
                yield chain, dropped, (index, 'valid', owner, born), more
    for dropped in (0, 1):
        if dropped < len(chain):
            yield chain, dropped, (len(chain) - dropped - 1, 'forged', 1, 1), ALSO[1]
            if dropped:
                yield chain, dropped, None, ()                  # of a master whose key is lost


def pairs_to_take():
    """The sender is 1. Chains of up to three steps, few authors; then more authors, chains of up to
    two."""
    few, many = chains((K1, K2), (1, None), 3), chains((K1, K2, K9, C1), (1, 2, None), 2)
    fields = chains((K1, K9, C1, C9), (1, 5, None), 2)
    for kind, group in (('track', few), ('track', many), ('track', fields), ('link', few)):
        ys = [None] + [s for c in group for s in sealed(c, (1, 2), (1, 2) if group is few else (2,))]
        xs = [s for c in group for s in sent(c)]
        for x, y in itertools.product(xs, ys):
            for untouched in (0, 1) if y else (0,):
                if untouched and not (x[1] or y[1]) and group in (many, fields):
                    continue                                    # only what is cut makes it count
                for copy_owner in ((0, 1, 2) if kind == 'link' and not untouched else (1,)):
                    yield kind, untouched, copy_owner, 8, x, y


def pairs_to_follow():
    """The slave is 1."""
    group = chains((K1, K2, C1), (1, 2, None), 2) + chains((K1, K2), (1, None), 3)
    group += chains((K1, C1, C9), (1, 5, None), 2)
    group = sorted(set(group), key=lambda c: (len(c), str(c)))
    fs = [s for c in group for s in sealed(c, (1, 2), (1,), cuts=(0,) if len(c) == 2 else (0, 1))]
    xs = [None] + [s for c in group for s in sealed(c, (1, 2), (1,), cuts=(0,))]
    for c in group + [((C9, 1),), ((C9, 1), (C9, 2))]:
        xs.append((c, 0, None, ()))
        xs += [(c, 0, (i, 'valid', o, 1), ()) for i in range(len(c) - 1) for o in (1, 2)]
    for f, x in itertools.product(fs, xs):
        for confirmed in (0, 1) if x else (0,):
            yield 'track', confirmed, f, x


def text_of_take(number, kind, untouched, copy_owner, kept, x, y, epoch=3):
    return 'take %d %s sender 1 epoch %d untouched %d copyowner %d kept %d x %s y %s' % (
        number, kind, epoch, untouched, copy_owner, kept, text_of_state(x), text_of_state(y))


def text_of_follow(number, kind, confirmed, f, x):
    return 'follow %d %s me 1 confirmed %d f %s x %s' % (number, kind, confirmed, text_of_state(f), text_of_state(x))


def pairs_to_be_handed():
    return pairs_to_follow()


def text_of_handed(number, kind, feed, f, x):
    return 'handed %d %s me 1 feed %d f %s x %s' % (number, kind, feed, text_of_state(f), text_of_state(x))


def questions(which=('take', 'follow'), every=1):
    number = 0
    for what, pairs, text in (('take', pairs_to_take, text_of_take), ('follow', pairs_to_follow, text_of_follow),
                              ('handed', pairs_to_be_handed, text_of_handed)):
        if what in which:
            for pair in pairs():
                number += 1
                if number % every == 0:
                    yield text(number, *pair)


# ---------------------------------------------------------------- questions at random
def random_questions(count, seed):
    """Both chains grow out of one, so that they have something in common."""
    rng = random.Random(seed)
    authors = (K1, K1, K1, K2, K2, ('k', 3), K9, C1, ('c', 2))

    def grow(chain, most, own=False):
        for _ in range(rng.randrange(most + 1)):
            author = K1 if own and rng.randrange(5) else rng.choice(authors)
            choice = [c for c in (1, 2, 3, None) if (not chain or c != chain[-1][1]) and (author[0] == 'k' or c)]
            chain += ((author, rng.choice(choice)),)
        return chain

    def revs():
        return tuple(grow((), 2) or ((K2, 1),) for _ in range(rng.choice((0, 0, 0, 1, 2))))

    def state(chain, wholly, kept):
        chain = chain or grow((), 1) or ((K1, 1),)
        owner, born = rng.choice((1, 1, 2, 3)), rng.randrange(1, 4)
        if not wholly and rng.randrange(3) == 0:
            return chain, rng.randrange(len(chain)) if rng.randrange(4) == 0 else 0, None, ()
        index = len(chain) - 1 if wholly else rng.randrange(len(chain))
        dropped = max(0, min(index, len(chain) - 1 - kept)) if wholly or rng.randrange(2) else 0
        truth = 'forged' if not wholly and rng.randrange(12) == 0 else 'valid'
        return chain, dropped, (index - dropped, truth, owner, born), revs()

    for number in range(1, count + 1):
        kept = rng.choice((1, 2, 8))
        common, relation = grow((), 5), rng.randrange(8)
        a = grow(common, 3, own=True) if relation < 6 else common
        b = common if relation < 3 else a + grow((), 1) if relation == 3 else grow(common, 2)
        kind = rng.choice(('track', 'track', 'link'))
        other = None if rng.randrange(12) == 0 else b
        if rng.randrange(2):
            yield text_of_take(number, kind, rng.randrange(2), rng.randrange(3), kept, state(a, False, kept),
                               None if other is None else state(other, True, kept), rng.randrange(1, 5))
        else:
            seen = None if other is None else state(other, rng.randrange(2), kept)
            if seen and seen[2] and seen[2][1] == 'forged':
                seen = seen[:2] + (None, ())
            yield text_of_follow(number, kind, rng.randrange(2), state(a, True, kept), seen)


# ---------------------------------------------------------------- comparing
def compare(asked, answered):
    """-> how many answers differ; the first ten are shown."""
    count = wrong = 0
    for line, theirs in itertools.zip_longest(asked, answered):
        if line is None or theirs is None:
            print('there are %s answers than questions' % ('more' if line is None else 'fewer'))
            return wrong + 1
        count += 1
        ours = answer(line)
        if count % 20000 == 0:
            rules.forget_hashes()
        if theirs.rstrip('\n') != ours:
            wrong += 1
            if wrong <= 10:
                print('asked    %s\n  model  %s\n  other  %s' % (line.rstrip('\n'), ours, theirs.rstrip('\n')))
    print('%d questions, %d answers differ' % (count, wrong))
    return wrong


def check(program, questions):
    """-> how many answers differ. A program is asked 100,000 questions at once."""
    wrong = 0
    while lines := list(itertools.islice(questions, 100000)):
        done = subprocess.run(program, input='\n'.join(lines) + '\n', stdout=subprocess.PIPE, text=True)
        if done.returncode:
            print('%s: exit status %d' % (program[0], done.returncode))
            return wrong + 1
        wrong += compare(lines, done.stdout.splitlines())
    return wrong


def main(args):
    if args[:1] == ['ask']:
        every = int(args[args.index('every') + 1]) if 'every' in args else 1
        which = [a for a in args[1:] if a in ('take', 'follow', 'handed')] or ('take', 'follow')
        sys.stdout.writelines(line + '\n' for line in questions(which, every))
    elif args[:1] == ['random'] and len(args) == 3:
        sys.stdout.writelines(line + '\n' for line in random_questions(int(args[1]), int(args[2])))
    elif args == ['answer']:
        for number, line in enumerate(sys.stdin):
            print(answer(line))
            if number % 20000 == 0:
                rules.forget_hashes()
    elif args[:1] == ['compare'] and len(args) == 3:
        with open(args[1]) as asked, open(args[2]) as answered:
            return 1 if compare(asked, answered) else 0
    elif args[:1] in (['check'], ['quick']) and len(args) > 1:
        every, at_random = (1, 200000) if args[0] == 'check' else (101, 5000)
        wrong = check(args[1:], questions(('take', 'follow', 'handed'), every))
        wrong += check(args[1:], random_questions(at_random, 1))
        return 1 if wrong else 0
    else:
        print(__doc__.split('\n\n')[1], file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main(sys.argv[1:]))
    except BrokenPipeError:
        sys.exit(1)
