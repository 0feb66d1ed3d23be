# dtlsv1-listen-xdp: floods answered in the kernel. A program beside the library, with a lock file of
# its own (xdp/): nothing else here needs clang's BPF or aya.
#
#   make xdp-check FRAMES=100000000 SEED=7    more spoilt frames
#   make xdp-check E2E='native_IPv4 vlan'     these with namespaces only
#   make xdp-kernels                          Debian's 6.1 and 6.12, under QEMU

XDP_CARGO    := --locked --manifest-path xdp/Cargo.toml --target-dir xdp/target
XDP_RELEASE  := xdp/target/release/dtlsv1-listen-xdp
XDP_DEBUG    := xdp/target/debug/dtlsv1-listen-xdp
SBINDIR      ?= $(PREFIX)/sbin
FRAMES       ?= 1000000
E2E          ?=

.PHONY: xdp xdp-check xdp-debug xdp-kernels install-xdp uninstall-xdp
xdp: ## Build dtlsv1-listen-xdp (needs clang)
	@tools/setup.sh build xdp
	$(CARGO) build --release $(XDP_CARGO)

xdp-debug:
	@tools/setup.sh build xdp
	@$(CARGO) build $(XDP_CARGO)

# Without bpf(2) there is nothing to be checked, and that is a failure: it says why.
xdp-check: xdp-debug lib examples ## All tests of dtlsv1-listen-xdp, as root: FRAMES=1000000 E2E=names
	$(XDP_DEBUG) --check
	$(CARGO) fmt --check --manifest-path xdp/Cargo.toml
	$(CARGO) clippy $(XDP_CARGO) --all-targets -- -D warnings
	FRAMES=$(FRAMES) $(if $(SEED),SEED=$(SEED)) $(CARGO) test $(XDP_CARGO)
	XDP='$(CURDIR)/$(XDP_DEBUG)' LIB='$(abspath $(LIB_SO))' ECHO='$(abspath $(DEMO)/echo_server)' xdp/e2e/run.py $(E2E)

xdp-kernels: xdp-debug ## Have Debian's kernels verify the program of dtlsv1-listen-xdp, under QEMU
	@tools/setup.sh xdp-kernels
	XDP='$(CURDIR)/$(XDP_DEBUG)' xdp/kernels/run.py

install-xdp: ## Install dtlsv1-listen-xdp and its manual page
	$(check_folders)
	@[ -r $(XDP_RELEASE) ] || $(MAKE) --no-print-directory xdp
	$(INSTALL) -d '$(DESTDIR)$(SBINDIR)' '$(DESTDIR)$(MANDIR)/man8'
	$(INSTALL) -m 755 $(XDP_RELEASE) '$(DESTDIR)$(SBINDIR)'
	$(INSTALL) -m 644 man/dtlsv1-listen-xdp.8 '$(DESTDIR)$(MANDIR)/man8'

uninstall-xdp: ## Remove what install-xdp made
	$(check_folders)
	rm -f '$(DESTDIR)$(SBINDIR)/dtlsv1-listen-xdp' '$(DESTDIR)$(MANDIR)/man8/dtlsv1-listen-xdp.8'
