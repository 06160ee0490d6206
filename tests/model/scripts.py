"""scripts.py - histories that once went wrong, shrunk. Each holds; with the mutant that it names,
it fails.

A script: name, mutants on which it fails, kept, slaves, liar, history, and where it matters what
the master has in the end, and what somebody has set aside then. Where no mutant is named the history is one that went wrong while the
rules were being found, kept so that it stays right."""
import revisions as rules
import world
from mutants import MUTANTS, mutated

SCRIPTS = [
    ('what another took while the master was an older copy', ['boot'], 64, 2, 'S1', [
        ('copy', 'm'), ('put', 0, 'A', 1), ('sync', 0), ('restore', 0), ('put', 1, 'A', 2), ('push', 1), ('fetch', 1, 0)]),
    ('a master that is restored twice', ['depth'], 64, 2, 'S1', [
        ('put', 1, 'A', 2), ('put', 0, 'A', 3), ('copy', 'm'), ('newepoch',), ('sync', 0), ('restart', 0, 0, 1, 9), ('sync', 0),
        ('restore', 0), ('push', 1)]),
    ('a slave that restarts to the same epoch', ['sameepoch'], 64, 2, 'S1', [
        ('put', 0, 'A', 1), ('copy', 'm'), ('sync', 0), ('restore', 0), ('put', 1, 'A', 3), ('push', 1), ('restart', 0, 0, 1, 9),
        ('sync', 0)]),
    ('a feed that went on from an older copy', ['marks'], 64, 2, None, [
        ('copy', 'm'), ('put', 'm', 'A', 0), ('put', 'm', 'B', 0), ('put', 'm', 'A', 1), ('fetch', 0, 1), ('restore', 0),
        ('put', 'm', 'A', 2), ('publish',), ('put', 'm', 'C', 0), ('put', 'm', 'C', 1), ('put', 'm', 'C', 2), ('sync', 0)]),
    ('a receipt that comes after the feed', ['rcptpos'], 64, 2, None, [
        ('put', 0, 'A', 0), ('send', 0), ('put', 0, 'A', 4), ('push', 0), ('late', 0), ('fetch', 0, 0), ('receipt', 0, 0)]),
    ('acknowledged by a receipt, and the master restored', [], 64, 2, None, [
        ('copy', 'm'), ('put', 0, 'A', 0), ('push', 0), ('receipt', 0, 0), ('restore', 0)]),
    ('an old CSV again', ['csvrows'], 64, 2, None, [
        ('put', 0, 'A', 0), ('csvout', 0), ('put', 0, 'A', 3), ('csvout', 0), ('csvin', 0, 0), ('csvin', 0, 1), ('csvin', 0, 0)]),
    ('the same from two sides', ['equal'], 64, 2, None, [
        ('put', 0, 'A', 0), ('put', 1, 'A', 0), ('sync', 0), ('sync', 1)]),
    ('two epochs of one number', [], 64, 2, None, [
        ('copy', 'm'), ('put', 'm', 'A', 0), ('fetch', 0, 1), ('restore', 0), ('newepoch',), ('put', 'm', 'A', 1), ('fetch', 1, 1),
        ('restart', 1, 0, 1, 9), ('restore', 0), ('newepoch',), ('put', 'm', 'A', 2)]),
    ('a link that was refused', ['linkrefused'], 64, 2, None, [
        ('put', 0, 'A', 2), ('put', 0, 'B', 1), ('link', 0, 'A', 'B'), ('put', 0, 'A', 4), ('sync', 0), ('put', 0, 'A', 2)]),
    ('a deletion under the head of another, and a word of the restored master', ['lastword'], 2, 3, 'S1', [
        ('put', 0, 'A', 1), ('sync', 0), ('copy', 'm'), ('put', 0, 'A', 4), ('sync', 0), ('lie', 0, 'A', 2, 760), ('sync', 0),
        ('restore', 0), ('put', 'm', 'A', 3)]),
    ('said again upon what the master has lost: the seal stays', [], 64, 3, None, [
        ('put', 0, 'B', 0), ('sync', 0), ('copy', 'm'), ('put', 'm', 'B', 4), ('crash', 0, 10), ('restore', 0), ('put', 0, 'B', 0)]),
    ('the operator deletes on a restored master, and another takes it', [], 2, 3, 'S1', [
        ('put', 0, 'A', 2), ('sync', 0), ('put', 0, 'A', 3), ('copy', 'm'), ('sync', 0), ('restore', 0), ('put', 'm', 'A', 4),
        ('lie', 4, 'A', 0, 896)]),
    ('a state of a former owner, with another start than it has', ['starts'], 2, 2, 'S1', [
        ('put', 1, 'A', 0), ('sync', 1), ('put', 1, 'A', 4), ('sync', 1), ('newepoch',), ('restart', 0), ('restart', 1),
        ('put', 0, 'A', 1), ('sync', 0), ('put', 0, 'A', 0), ('sync', 0), ('put', 0, 'A', 1), ('sync', 0), ('put', 0, 'A', 3),
        ('sync', 0)] + [('lie', 10, 'A', 0, number) for number in range(2, 80, 2)]),
    ('a state of a former owner, who has deleted and put it until its start was dropped', ['floor'], 2, 2, 'S1', [
        ('put', 1, 'A', 0), ('sync', 1)] + 17 * [('put', 1, 'A', 4), ('put', 1, 'A', 0)] + [
        ('put', 1, 'A', 4), ('sync', 1), ('newepoch',), ('restart', 0), ('restart', 1), ('put', 0, 'A', 1), ('sync', 0)]
        + [('lie', 5, 'A', 0, number) for number in range(12)], {'A': (12,)}),
    ('the master is lost, and the slave that is trusted lacks the operator\'s last word', [], 64, 2, None, [
        ('put', 0, 'B', 2), ('sync', 0), ('sync', 1), ('put', 'm', 'B', 3), ('sync', 0), ('newmaster', 1), ('put', 0, 'B', 2)]),
    ('more changes than a chain keeps, and the master restored', ['gen'], 2, 2, None, [
        ('put', 0, 'A', 0), ('sync', 0), ('copy', 'm')] + [step for c in (1, 2, 1, 0, 1, 3) for step in (('put', 0, 'A', c), ('sync', 0))] + [
        ('sync', 1), ('restore', 0)], {'A': (12, 22)}),
    ('what the restored master has forgotten comes back', ['seal', 'absent'], 64, 2, None, [
        ('copy', 'm'), ('put', 'm', 'A', 1), ('sync', 0), ('restore', 0)], {'A': (12,)}),
    ('a seal of one\'s own making', ['trust'], 64, 3, 'S1', [('put', 0, 'B', 0), ('push', 0), ('lie', 9, 'B', 4, 518)]),
    ('in another\'s name', ['authors'], 64, 2, 'S1', [('lie', 2, 'B', 1, 135)]),
    ('the first at the master stays', ['hashorder'], 64, 2, 'S1', [
        ('put', 'm', 'A', 2), ('put', 1, 'A', 1), ('sync', 1)], {'A': (11, 21)}),
    ('the owner of the lost history comes before who took the id since', ['born'], 64, 2, 'S1', [
        ('copy', 'm'), ('put', 0, 'A', 2), ('put', 1, 'A', 1), ('sync', 0), ('restore', 0), ('sync', 1)], {'A': (11, 21)}),
    ('a clone says again what was said before', ['report'], 64, 2, None, [
        ('put', 1, 'B', 2), ('clone', 1), ('put', 1, 'B', 1), ('send', 2), ('put', 1, 'B', 4), ('late', 0), ('put', 2, 'B', 1)]),
    ('two tracks that are each other\'s copy', ['onehop'], 64, 2, None, [
        ('put', 0, 'A', 0), ('put', 1, 'B', 0), ('sync', 0), ('sync', 1), ('sync', 0), ('link', 0, 'A', 'B'), ('link', 1, 'B', 'A')],
     {'A': (11,), 'B': (11,)}),
    ('killed while a feed is applied, and the master restored', ['seen'], 64, 2, None, [
        ('copy', 'm'), ('put', 'm', 'A', 1), ('put', 0, 'B', 1), ('crash', 0, 1), ('restore', 0), ('sync', 1), ('put', 'm', 'C', 0)]),
    ('a deletion that a slave has not seen', ['tombs'], 64, 2, None, [
        ('put', 0, 'A', 0), ('sync', 0), ('sync', 1), ('put', 0, 'A', 4)], {}),
    ('a CSV of the master over an unsent change', ['csvpending'], 64, 2, None, [
        ('put', 0, 'A', 0), ('sync', 0), ('put', 'm', 'A', 2), ('csvout', 'm'), ('put', 0, 'A', 1), ('csvin', 0, 0)]),
    ('a CSV of a source over what its key has said', ['csvkeyed'], 2, 2, None, [
        ('put', 0, 'A', 0), ('csvout', 0)] + [step for c in (1, 2, 3, 1) for step in (('put', 0, 'A', c), ('sync', 0))] + [('csvin', 0, 0)]),
    ('an own link on what turns out to be another\'s', [], 64, 2, None, [
        ('put', 0, 'A', 0), ('put', 0, 'B', 1), ('link', 0, 'A', 'B'), ('put', 1, 'A', 0), ('sync', 1), ('fetch', 0)]),
    ('said upon what the feed has shown, and the master restored', ['rebase'], 64, 2, 'S1', [
        ('copy', 'm'), ('put', 0, 'A', 0), ('push', 0), ('put', 0, 'A', 1), ('fetch', 0), ('restore', 0), ('put', 1, 'A', 2), ('push', 1)],
     {'A': (12,)}),
    ('an older copy of the master says nothing more', ['stale'], 64, 2, None, [
        ('put', 0, 'A', 0), ('sync', 0), ('copy', 'm'), ('put', 0, 'A', 1), ('sync', 0), ('restore', 0), ('push', 0), ('put', 'm', 'A', 2)],
     {'A': (12,)}),
    ('a proof from a file, and another from a restart, of one track', [], 64, 2, None, [
        ('copy', 0), ('put', 'm', 'C', 0), ('fetch', 1, 6, 1), ('copy', 'm'), ('put', 0, 'B', 0), ('push', 0), ('put', 1, 'B', 1),
        ('fetch', 0, 8, 3), ('put', 0, 'A', 3), ('sync', 0), ('restore', 1), ('sync', 1), ('handin', 1, 3, 1), ('restore', 1),
        ('restore', 0), ('put', 'm', 'B', 0)]),
    ('the slave that is trusted knows the lost master\'s word only as a proof', [], 2, 3, None, [
        ('newepoch', 1, 7, 1), ('put', 'm', 'B', 0), ('put', 0, 'B', 3), ('sync', 2, 2, 1), ('handin', 0, 11, 1), ('newmaster', 0)]),
    ('another slave knows it only as a proof', [], 3, 2, None, [
        ('copy', 1), ('put', 1, 'B', 1), ('sync', 1), ('put', 0, 'B', 3), ('handin', 0, 5, 0), ('restore', 1), ('newmaster', 1)]),
    ('a forged file of the master, which a slave hands on', ['vouch'], 64, 2, 'S1', [
        ('lie', 12, 'B', 0, 978), ('fetch', 0, 7, 1), ('push', 0)]),
    ('an operator gave a track away, and the master was restored', [], 2, 2, 'S1', [
        ('put', 0, 'A', 3), ('push', 0), ('copy', 'm'), ('put', 1, 'A', 2), ('sync', 1), ('accept', 1), ('sync', 1), ('restore', 1),
        ('newepoch',), ('put', 1, 'A', 1), ('sync', 1)]),
    ('put upon a tombstone of the lost master, brought by a CSV, and deleted', [], 2, 2, None, [
        ('put', 'm', 'B', 2), ('put', 'm', 'B', 4), ('fetch', 1), ('newmaster', 0), ('put', 1, 'B', 0), ('csvout', 1, 0),
        ('csvin', 0, 0), ('put', 1, 'B', 4)]),
    ('what lost a conflict comes back first to a master that has lost it', ['overruled'], 64, 2, None, [
        ('copy', 'm'), ('put', 1, 'A', 0), ('sync', 1), ('restore', 0), ('newepoch',), ('put', 'm', 'A', 2), ('restart', 0),
        ('restart', 1), ('sync', 1), ('restart', 1), ('sync', 1), ('restore', 0)], {'A': (11,)}, [('A', (11, 21))]),
    ('what lost a conflict is known to a slave alone', ['beside'], 64, 2, None, [
        ('copy', 'm'), ('put', 0, 'A', 0), ('sync', 0), ('restore', 0), ('newepoch',), ('put', 'm', 'A', 2), ('restart', 1),
        ('restart', 0), ('sync', 0), ('restart', 0), ('sync', 0), ('restore', 0)], {'A': (11,)}, [('A', (11, 21))]),
    ('a CSV brought what was put here and not sent', [], 64, 2, None, [
        ('put', 0, 'A', 0), ('csvout', 0), ('csvin', 0, 0), ('put', 0, 'A', 3), ('fetch', 0)]),
]


def main():
    wrong = 0
    rules.forget_hashes()
    for name, mutants, kept, slaves, liar, history, *more in SCRIPTS:
        ends, aside = (more + [None, ()][len(more):])[:2]
        failed = world.run(history, kept, slaves, liar, ends, aside)
        if failed:
            print('%s: %s' % (name, failed))
            wrong += 1
        for mutant in mutants:
            with mutated(mutant):
                if not world.run(history, kept, slaves, liar, ends, aside):
                    print('%s: holds without the rule that mutant %s takes out' % (name, mutant))
                    wrong += 1
    for name in sorted(set(MUTANTS) - {m for script in SCRIPTS for m in script[1]}):
        print('no script fails on mutant %s' % name)
        wrong += 1
    print('%d scripts, %d wrong' % (len(SCRIPTS), wrong))
    return 1 if wrong else 0
