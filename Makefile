# Build, check, show and install libdtlsv1_listen. `make help` lists the targets.

PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR     ?= $(PREFIX)/share/man
BINDIR     ?= $(PREFIX)/bin
DESTDIR    ?=
CARGO      ?= cargo
INSTALL    ?= install
# As make has them, but with -R.
CC         ?= cc
CXX        ?= c++

# Where cargo puts things, which its own variables may move. In the checkout it has a relative name:
# to make a space in the path of that is a space between two files.
TARGET     := $(or $(abspath $(or $(CARGO_TARGET_DIR),$(CARGO_BUILD_TARGET_DIR))),target)
ifneq ($(words $(TARGET)),1)
$(error make takes no space in the path of cargo's target folder: CARGO_TARGET_DIR is '$(CARGO_TARGET_DIR)')
endif
TARGET_DIR := $(TARGET)$(patsubst %,/%,$(notdir $(CARGO_BUILD_TARGET:.json=)))/release
LIB_SO     := $(TARGET_DIR)/libdtlsv1_listen.so
LIB_A      := $(TARGET_DIR)/libdtlsv1_listen.a
LIB_SONAME := libdtlsv1_listen.so.1
BUILD      := $(TARGET)/ctests
VERSION    := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

# The build of openssl-sys looks from a folder of its own, and so does whoever reads the .pc file.
ifneq ($(OPENSSL_DIR),)
override OPENSSL_DIR := $(abspath $(OPENSSL_DIR))
export OPENSSL_DIR
endif

# Set for other projects these would have openssl-sys put libssl.a into our archive.
unexport $(filter %OPENSSL_STATIC,$(.VARIABLES)) PKG_CONFIG_ALL_STATIC

.DELETE_ON_ERROR:
.DEFAULT_GOAL := lib
.PHONY: lib all check rust-check headers clean help setup-build

# --target-dir: a config.toml of the user's may name another.
lib: setup-build ## Build the library (the default)
	$(CARGO) build --release --locked --target-dir '$(TARGET)'
	@[ -r '$(LIB_A)' ] || { echo "make: cargo has not put the library into $(TARGET_DIR): if a config.toml of cargo's" \
	    "sets build.target, set CARGO_BUILD_TARGET to the same" >&2; exit 1; }
	@$(MAKE) --no-print-directory link

all: lib

setup-build:
	@tools/setup.sh build

include $(wildcard tools/mk/*.mk)

headers: ## Write include/dtlsv1_listen.h anew from src/abi
	DTLSV1_LISTEN_BLESS=1 $(CARGO) test --locked --test header

rust-check: setup-build ## Rust tests
	. tools/plain-env.sh; $(CARGO) test --locked

clean: ## Remove everything that was built here
	$(CARGO) clean --target-dir '$(TARGET)'

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | \
	    awk -F '\t' '{ printf "%-21s %s\n", $$1, $$2 }'
