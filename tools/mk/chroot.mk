# In a Debian 13 of its own (tools/chroot.sh), as root: what its rustc 1.85 says, and what other
# systems' standard libraries say. Made once, some minutes; then a minute or two each.

# Compiled, not run: what tools/chroot.sh has no system for. `make arches` runs those of 32 bits.
TYPES ?= x86_64-unknown-linux-musl x86_64-unknown-freebsd x86_64-unknown-netbsd x86_64-unknown-openbsd \
    x86_64-unknown-dragonfly
CHROOT := tools/chroot.sh

# Cross built and run by qemu.
ARCHES ?= arm64 armhf i386 s390x

.PHONY: check-msrv check-types arches
check-msrv: ## Clippy and Rust tests with the oldest rustc that will do, Debian 13's
	@$(CHROOT) rust sh -ec 'cargo clippy --locked --all-targets -- -D warnings; cargo test --locked'

# The standard library is checked too: most of these have none ready-made. openssl-sys looks for
# headers and a compiler for them, whose system does not matter to a type-check.
check-types: ## Type-check for musl and the BSDs: TYPES='x86_64-unknown-freebsd'
	@$(CHROOT) rust sh -ec 'export RUSTC_BOOTSTRAP=1 PKG_CONFIG_ALLOW_CROSS=1 TARGET_CC=cc; for target; do \
	    echo "$$target"; \
	    RUSTFLAGS="-D warnings" cargo check -q --locked --lib -Zbuild-std=std,panic_unwind --target "$$target"; \
	    done' sh $(TYPES)

arches: ## Rust tests and handshakes on other architectures, by qemu, as root: ARCHES='arm64 s390x'
	@$(CHROOT) arches tools/arches.sh $(ARCHES)
