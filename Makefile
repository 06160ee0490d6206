# Every target does its own set-up: what it needs is installed once (tools/setup.sh), as root or by sudo.
# meson does the work; this file only gives the names.

PREFIX ?= /usr/local

.PHONY: all demo check bench bench-query eval fuzz lint install clean

all: build/build.ninja
	ninja -C build

build/build.ninja:
	tools/setup.sh build
	meson setup build --prefix=$(PREFIX)

demo: all
	demo/demo.sh build/echoprint

check:
	tools/setup.sh build check
	python3 tools/check.py

lint:
	tools/setup.sh build check
	python3 tools/check.py --only lint

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
	chown -R --reference=Makefile build

clean:
	rm -rf build build-*
