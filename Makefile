# Everything a person or a machine does with this tree. See CONTRIBUTING.md.
.PHONY: help build lab test test-long bench deps clean

help:
	@echo "make lab        two organisations, their CAs, DNS and mailboxes on loopback; mail flows; faults on request"
	@echo "make build      the program, optimised: build/bin/valija"
	@echo "make test       everything that CI runs"
	@echo "make test-long  the same with full counts (hours)"
	@echo "make bench      the measurements"
	@echo "make deps       the Debian packages that the above need"
	@echo "make clean      remove what was built"

deps:
	@tools/install-deps

build/build.ninja: | deps
	cmake --preset release

build: deps build/build.ninja
	ninja -C build valija

lab: build
	build/bin/valija lab

test: deps
	tools/test

test-long: deps
	VALIJA_TIER=long tools/test

bench: deps
	tests/bench/run

clean:
	rm -rf build build-sanitize build-tsan build-bench
