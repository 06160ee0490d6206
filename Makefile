# Every target does its own set-up: what it needs is installed once (tools/setup.sh), as root or by
# sudo. meson does the work; this file only gives the names.

PREFIX ?= /usr/local

# How long each part of check-long takes, and with what chance it begins.
SECONDS ?= 600
SEED ?= $(shell date +%s)

# The environment of check-api.
SCHEMATHESIS ?= /var/tmp/echoprint-schemathesis

.PHONY: all demo check check-long check-api check-crash check-model check-world check-mutants \
	check-kills check-monitor check-histories check-solr check-distributions check-packages \
	tests-built wheel deb tarball image dist bench bench-query bench-streams bench-solr eval fuzz lint install clean

all: build/build.ninja
	ninja -C build

build/build.ninja:
	tools/setup.sh build
	meson setup build --prefix=$(PREFIX)

demo: all
	demo/demo.sh build/echoprint

check:
	tools/setup.sh build check
	tools/setup_console.sh
	python3 tools/check.py

# What takes longer than `make check` may; each part is a target of its own.
check-long: lint check-crash check-model check-world check-mutants check-kills check-monitor \
	check-histories check-solr check-distributions check-packages check-api fuzz

# The model of replication: random histories, all short ones, rules taken out; then every decision
# of the log in a small scope against the model's.
check-model: tests-built
	python3 tests/model/world.py $(SECONDS) $(SEED)
	python3 tests/model/world.py exhaust 5 all
	python3 tests/model/world.py mutants 60
	python3 tests/model/oracle.py check build/tests/decide

# Many nodes in one process, and what they must find when a check is taken out.
check-world: tests-built
	build/tests/world/world --seconds $(SECONDS) --seed $(SEED) --processes $$(nproc)

check-mutants: tests-built
	python3 tests/world/mutants.py
	python3 tests/e2e/legacy_mutants.py

# Real processes that are killed at any moment, and histories of restores, faults and conflicts.
check-kills: tests-built
	python3 tests/e2e/serve_test.py --program build/echoprint --only killed --seconds $(SECONDS)

# What a crash leaves at every operation: also of a feed, the log of plays, backups and compaction.
check-crash: tests-built
	meson test -C build --suite crash

# The monitor and its decoders, killed at any moment while stations play.
check-monitor: tests-built
	python3 tests/e2e/monitor_test.py --program build/echoprint --only killed --seconds $(SECONDS) --seed $(SEED)

# A SolrCloud of two nodes that are killed while the log goes into it; needs Java and Maven.
check-solr: tests-built
	python3 tests/solr/kill_test.py --program build/echoprint --seconds $(SECONDS) --seed $(SEED)
	python3 tests/solr/kill_test.py --program build/echoprint --mutant

# Requests of all kinds to /v1, by Schemathesis of PyPI in an environment of its own.
check-api: tests-built
	[ -x $(SCHEMATHESIS)/bin/schemathesis ] || (python3 -m venv $(SCHEMATHESIS) && \
	    $(SCHEMATHESIS)/bin/pip -q install schemathesis)
	ECHOPRINT_SCHEMATHESIS=$(SCHEMATHESIS) python3 tests/api/schemathesis_run.py --program build/echoprint \
	    --seconds $(SECONDS) --seed $(SEED) --examples 50

# The last commit in fresh roots of Debian 12, 13 and testing, and on arm64 in qemu; needs root.
check-distributions:
	tools/distributions.sh $(DISTRIBUTIONS)

check-histories: tests-built
	python3 tests/e2e/histories_test.py --program build/echoprint --seconds $(SECONDS) --seed $(SEED)

tests-built:
	tools/setup.sh build check
	[ -f build/build.ninja ] || meson setup build --prefix=$(PREFIX)
	meson configure build -Dtests=enabled
	ninja -C build

lint:
	tools/setup.sh build check
	python3 tools/check.py --only lint --deep

fuzz:
	tools/setup.sh build check
	tools/fuzz.sh $(FUZZ)

bench: all
	tools/setup.sh bench
	ninja -C build
	python3 bench/bench.py --build build $(BENCH)
	python3 bench/sizes.py --build build --speed

# How the index and the query grow up to a million documents; an hour.
bench-query: all
	tools/setup.sh eval
	ninja -C build
	python3 bench/query.py --build build --svg docs/query-growth.svg $(BENCH)

# What listening to up to 200 streams costs, in processor time and memory a stream.
bench-streams: all
	tools/setup.sh bench
	ninja -C build
	python3 bench/streams.py --build build $(BENCH)

# A SolrCloud on this machine beside the embedded index; needs Java, Maven and real fingerprints.
bench-solr: all
	tools/setup.sh check
	ninja -C build
	python3 bench/solr.py --program build/echoprint $(BENCH)

# Right and false answers on real excerpts, and copies; EVAL=--fit fits the rule's weights anew.
eval: all
	tools/setup.sh eval
	ninja -C build
	python3 bench/eval.py --build build --svg docs/eval-threshold.svg $(EVAL)
	python3 bench/copies.py --build build

install: all
	meson setup --reconfigure build --prefix=$(PREFIX)
	ninja -C build
	meson install -C build --no-rebuild
	[ "$$(id -u)" != 0 ] || ldconfig
	chown -R --reference=Makefile build

# The Python package with the library and the decoder, in build/.
wheel: all
	python3 -m pip wheel --no-deps --no-build-isolation --wheel-dir build python/

# The Debian packages, in build/deb.
deb:
	tools/setup.sh build package
	tools/deb.sh build/deb

# An archive that runs where it is unpacked, in build/tarball.
tarball:
	tools/setup.sh build package archive
	tools/small_ffmpeg.sh build/ffmpeg
	tools/tarball.sh build/tarball build/ffmpeg

# An image for containers, of that archive, in build/image.
image: tarball
	tools/setup.sh image
	tools/image.sh build/tarball/echoprint-*.tar.xz build/image

# The source release of HEAD, in build/dist; MINISIGN_KEY=FILE signs it.
dist:
	tools/setup.sh build package
	tools/dist.sh build/dist

# What is delivered: releases, packages and images, in fresh roots of Debian; needs root.
check-packages: image
	tools/setup.sh build check package roots
	python3 tests/packages/dist_test.py
	python3 tests/packages/packages_test.py
	python3 tests/packages/tarball_test.py build/tarball/echoprint-*.tar.xz
	python3 tests/packages/image_test.py build/image/echoprint-*.tar

clean:
	rm -rf build build-*
