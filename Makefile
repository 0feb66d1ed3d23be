# Build, check, show and install libdtlsv1_listen. `make help` lists the targets.

PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR     ?= $(PREFIX)/share/man
BINDIR     ?= $(PREFIX)/bin
DESTDIR    ?=
CARGO      ?= cargo
INSTALL    ?= install

# Where cargo puts things, which its own variables may move.
TARGET     := $(abspath $(or $(CARGO_TARGET_DIR),$(CARGO_BUILD_TARGET_DIR),target))
TARGET_DIR := $(TARGET)$(patsubst %,/%,$(notdir $(CARGO_BUILD_TARGET:.json=)))/release
LIB_SO     := $(TARGET_DIR)/libdtlsv1_listen.so
LIB_A      := $(TARGET_DIR)/libdtlsv1_listen.a
LIB_SONAME := libdtlsv1_listen.so.1
BUILD      := $(TARGET)/ctests
VERSION    := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

.DELETE_ON_ERROR:
.DEFAULT_GOAL := lib
.PHONY: lib all check rust-check headers clean help setup-build

lib: setup-build ## Build the library (the default)
	$(CARGO) build --release --locked
	@$(MAKE) --no-print-directory link

all: lib

setup-build:
	@tools/setup.sh build

include $(wildcard tools/mk/*.mk)

headers: ## Write include/dtlsv1_listen.h anew from src/abi
	DTLSV1_LISTEN_BLESS=1 $(CARGO) test --locked --test header

rust-check: setup-build ## Rust tests
	$(CARGO) test --locked

clean: ## Remove everything that was built here
	$(CARGO) clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | \
	    awk -F '\t' '{ printf "%-21s %s\n", $$1, $$2 }'
