#!/bin/sh
# A master and three slaves in a temporary folder: each of two slaves has songs of its own, and in
# the end all four nodes hold the same, and the slave that brought nothing finds a song of another.
#
# usage: demo.sh [PROGRAM [SONGS-OF-A SONGS-OF-B]]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
program=${1:-$here/../build/echoprint}
songs_a=${2:-$here/songs-a.json}
songs_b=${3:-$here/songs-b.json}
program=$(realpath "$program")

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
mkdir "$folder/bin" "$folder/from-slaves" "$folder/from-master"
ln -s "$program" "$folder/bin/echoprint"
PATH=$folder/bin:$PATH
cp "$songs_a" "$folder/songs-a.json"
cp "$songs_b" "$folder/songs-b.json"
cd "$folder"

say() { printf '\n== %s\n' "$*"; }
run() { printf '$ %s\n' "$*"; sh -c "$*"; }

say "Four nodes: a master, and the slaves a, b and c"
for node in master-node slave-a slave-b slave-c; do
	run "echoprint -d $node init --name $node"
done

say "Slaves a and b each ingest the songs that only they have: JSON of the code generator"
run "echoprint -d slave-a ingest songs-a.json"
run "echoprint -d slave-b ingest songs-b.json"

say "Both dump what is new, for the master"
run "echoprint -d slave-a slave-dump -o from-slaves"
run "echoprint -d slave-b slave-dump -o from-slaves"

say "The master ingests both, and dumps everything for all slaves"
run "echoprint -d master-node master-ingest -s slave-a from-slaves/echoprint-slave-slave-a-*.csv"
run "echoprint -d master-node master-ingest -s slave-b from-slaves/echoprint-slave-slave-b-*.csv"
run "echoprint -d master-node master-dump -o from-master --compress bzip2"

say "The slaves ingest it through a pipe: what was their own is known, the rest is new. c had nothing"
for node in slave-a slave-b slave-c; do
	run "cat from-master/*.csv.bz2 | echoprint -d $node slave-ingest -"
done

say "The same again changes nothing, and there is nothing more to send"
run "echoprint -d slave-c slave-ingest from-master/*.csv.bz2"
run "echoprint -d slave-a slave-dump -o from-slaves"
run "echoprint -d master-node master-dump -o from-master"

say "What the nodes hold"
run "echoprint -d slave-a status"
first=
for node in master-node slave-a slave-b slave-c; do
	run "echoprint -d $node verify"
	digest=$(echoprint -d "$node" digest | cut -d' ' -f1)
	rows=$(echoprint -d "$node" master-dump --all -o - | sort | sha256sum | cut -d' ' -f1)
	printf '%s\n' "$digest $rows" > "$node.state"
	first=${first:-$node}
	cmp "$first.state" "$node.state"
done

say "All four have the state digest $(cut -d' ' -f1 slave-c.state)"
printf 'and the same rows (sha256 of them, sorted: %s)\n' "$(cut -d' ' -f2 slave-c.state)"

say "Slave c, which had nothing, is asked what song this is: 30 s of one of b's, from its second minute on"
rows=$(echo from-slaves/echoprint-slave-slave-b-*.csv)
asked=$(awk -F, '$1 ~ /-2$/ { sub(/-2$/, "", $1); print $1; exit }' "$rows")
awk -F, -v id="$asked-2" '$1 == id { print $3; exit }' "$rows" |
	awk '{ for (i = 1; i < NF && $(i + 1) < $2 + 1304; i += 2) printf "%s %d ", $i, $(i + 1) - $2 }' > excerpt.txt
printf '$ cut -c1-72 excerpt.txt\n%s...\n' "$(cut -c1-72 excerpt.txt)"
run "echoprint -d slave-c query excerpt.txt"
answer=$(echoprint -d slave-c query excerpt.txt | cut -f1)
[ "$answer" = "$asked" ] || { echo "it is $asked, but the answer is $answer" >&2; exit 1; }
printf 'It is: track id, score, artist, track, and where in the song, in seconds\n'
