# One style for each language, what its checkers know of, and the shape of the project.
#   make format      sets Rust, C and Python right

.PHONY: lint format
lint: setup-build ## rustfmt, clippy, clang-format, shellcheck, ruff; length of files, order of modules
	@tools/setup.sh check
	$(CARGO) fmt --check
	$(CARGO) fmt --check --manifest-path fuzz/Cargo.toml
	$(CARGO) clippy --release --locked --all-targets -- -D warnings
	@tools/lint.sh

format: ## Set the style of Rust, C and Python right
	$(CARGO) fmt
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml
	@tools/lint.sh format
