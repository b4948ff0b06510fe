# The words of this house; CI speaks the same ones.
.PHONY: run test check unit ui interop fuzz bench bench-signal bench-instructions clean

# Development mode. Without optimisation: a server with a handful of callers does not need it, and a
# newcomer would wait half as long again. `make run ARGS=--lan` passes arguments on.
run:
	cargo run --bin kopru -- $(ARGS)

# Everything: installs what the tests need, runs all of them, ends with one line of totals.
test:
	@cargo run --quiet --package xtask -- test

# What is quick to ask between two edits: format, lints, house rules.
check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo run --quiet --package xtask -- tidy

# The tests of the crates alone.
unit:
	cargo test --workspace

# Rebuilds the pages that the binary carries; their output is committed.
ui:
	cd sdk/js && npm ci
	cd ui && npm ci && npm run build

# Real clients against the real binary, and more of them than `make test` has; interop/README.md
# says how to run one row.
interop:
	@cargo run --quiet --package xtask -- test build interop interop-more

# Fuzzers on every target of fuzz/, FUZZ_SECONDS each (60). What they have found before, `make unit` replays.
fuzz:
	cargo run --quiet --package xtask -- fuzz $(TARGETS)

# kopru's relay beside coturn's, turn-rs's and a bare floor, on two cores that should have nothing
# else to do; less than twelve minutes. COTURN=path measures another coturn than the installed one,
# SERVER="NAME=COMMAND" one server more. docs/performance.md says how to read what it writes to
# bench/results/. (Signaling: `make bench-signal`.)
bench: bench/.turn-rs/bin/turn-server
	cargo build --release --locked --bin kopru --bin kopru-bench
	cargo run --release --locked --bin kopru-bench -- relay all $(if $(COTURN),--coturn "$(COTURN)") $(if $(SERVER),--server "$(SERVER)")

# Needs protoc and its standard definitions; without them `make bench` goes on without turn-rs.
bench/.turn-rs/bin/turn-server:
	-cargo install turn-server@4.1.5 --locked --root bench/.turn-rs || echo "turn-rs IS LEFT OUT: apt-get install protobuf-compiler libprotobuf-dev, then try again"

# kopru's signaling beside PeerServer's, on two cores that should have nothing else to do; ten
# minutes. docs/performance.md says how to read what it writes to bench/results/.
bench-signal:
	cargo build --release --locked --bin kopru --bin kopru-bench
	cd bench && npm ci --no-audit --no-fund
	cargo run --release --locked --bin kopru-bench -- signal all

# Instructions of the hot functions beside those in bench/instructions.txt; needs valgrind.
bench-instructions:
	cargo run --release --locked --bin kopru-bench -- instructions

clean:
	cargo clean
	rm -rf bench/.turn-rs bench/node_modules interop/out interop/.venv interop/node_modules interop/more/out interop/more/node_modules ui/node_modules sdk/js/node_modules
