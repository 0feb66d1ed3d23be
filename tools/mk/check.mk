# make check: everything that needs no other OpenSSL and no network. make deny is
# .ci/run's alone: its tool takes a quarter of an hour to build.

# Under valgrind, the longest step, the tests run in one way only: AddressSanitizer
# has them in both.
.PHONY: check-setup deny
check: check-setup ## All tests: style, Rust, C, valgrind, sanitizers, libssl itself, install
	@$(MAKE) --no-print-directory lint rust-check
	@$(MAKE) --no-print-directory ctests
	@$(MAKE) --no-print-directory ctests-valgrind MODES=preloaded
	@$(MAKE) --no-print-directory ctests-asan
	@$(MAKE) --no-print-directory differential-selftest
	@$(MAKE) --no-print-directory differential N=200000 SEED=1
	@$(MAKE) --no-print-directory differential N=200000 SEED=fresh
	@$(MAKE) --no-print-directory differential ARGS='--datagrams --cases 50000 --seed fresh'
	@$(MAKE) --no-print-directory check-install check-wrapper check-man
	@echo "check: everything passed"

check-setup:
	@tools/setup.sh build check

deny: ## Licences, sources and duplicates of what the build uses
	@tools/cargo-tool.sh cargo-deny 0.20.2
	@PATH="$$(tools/cargo-tool.sh --bin):$$PATH" $(CARGO) deny --all-features check licenses bans sources
