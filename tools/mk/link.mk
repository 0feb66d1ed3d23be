# The shared object, from the archive that cargo makes. rustc could link it but for the versions of
# its symbols (src/abi/exports.map): it passes a version script of its own, without any.
#
# The entries for libssl's versions are in the archive as NAME.VERSION (src/abi/entry.rs), so that a
# program that is linked with the archive gets NAME alone. Here they become NAME@VERSION.

OBJCOPY ?= objcopy

EXPORTS := src/abi/exports.map
AUDIT_SO := $(TARGET_DIR)/libdtlsv1_listen_audit.so
LIBSSL_NAMES := DTLSv1_listen SSL_CTX_ctrl SSL_CTX_set_cookie_generate_cb \
    SSL_CTX_set_cookie_verify_cb SSL_CTX_set_msg_callback SSL_ctrl SSL_get_wbio SSL_new \
    SSL_set_accept_state SSL_set_bio SSL_set_msg_callback
LIBSSL_VERSIONS := OPENSSL_1_1_0 OPENSSL_3.0.0 OPENSSL_4.0.0
# NAME.VERSION
VERSIONED := $(foreach v,$(LIBSSL_VERSIONS),$(addsuffix .$(v),$(LIBSSL_NAMES))) \
    SSL_CTX_new.DTLSV1_LISTEN_1

# Looked for behind the archive: what Rust's standard library needs. With src/unwinder.c nothing of
# libgcc_s is left over, and it is not linked to. ARM's 32 bits have an unwinder of other names.
RUST_LIBS := -lgcc_s -lm -lc
UNWINDER = $(if $(filter arm%,$(shell $(CC) -dumpmachine)),,src/unwinder.c)

# What is C in the shared objects. A warning that a later compiler brings is no error here (make lint
# has none). Whose CPPFLAGS define _GNU_SOURCE does so with a value that our files' own has not.
C_FLAGS := -std=c11 -Wall -Wextra -Wpedantic -O2 $(CPPFLAGS) $(CFLAGS) -U_GNU_SOURCE -fPIC

# What a package of debug symbols is made from is left in with STRIP_FLAGS=.
STRIP_FLAGS ?= -Wl,--strip-debug

# -z nodelete: libssl holds pointers to our functions for as long as it has objects.
# -z defs: nothing of libssl's or libcrypto's is linked to; all of it is looked up.
LINK_FLAGS := -shared -Wl,-soname,$(LIB_SONAME) -Wl,--version-script=$(EXPORTS) \
    -Wl,-z,nodelete -Wl,-z,defs -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack \
    -Wl,--gc-sections -Wl,--as-needed -Wl,-O1 $(STRIP_FLAGS)

.PHONY: link
link: $(LIB_SO) $(AUDIT_SO)

# cargo's; a dry run finds none, and goes on.
$(LIB_A):

# Put in place whole: two makes may be at it, and programs run with the one that is there.
$(LIB_SO): $(LIB_A) $(EXPORTS) src/unwinder.c tools/mk/link.mk
	@set -e; tmp=$$(mktemp -d $(TARGET_DIR)/link.XXXXXX); trap 'rm -rf "$$tmp"' EXIT; \
	printf '%s\n' $(VERSIONED) | sed 's/^\([^.]*\)\.\(.*\)/& \1@\2/' >"$$tmp/versions.txt"; \
	set -x; \
	$(OBJCOPY) --redefine-syms="$$tmp/versions.txt" $(LIB_A) "$$tmp/versions.a"; \
	$(CC) $(C_FLAGS) -fexceptions -funwind-tables -fvisibility=hidden $(LINK_FLAGS) $(LDFLAGS) $(addprefix -Wl$(comma)-u$(comma),$(LIBSSL_NAMES)) \
	    -o "$$tmp/$(notdir $@)" "$$tmp/versions.a" $(UNWINDER) $(RUST_LIBS); \
	mv -f "$$tmp/$(notdir $@)" $@
	ln -sf libdtlsv1_listen.so $(TARGET_DIR)/$(LIB_SONAME)

# For programs that look names up: without a library of its own (src/auditor.c), so nothing can be
# called that hardens a stack, nor what instruments functions.
unwatched = $(filter-out -pg --coverage -finstrument-functions -fsanitize=%,$(1))

$(AUDIT_SO): src/auditor.c tools/mk/link.mk
	$(CC) $(call unwatched,$(C_FLAGS)) -fno-stack-protector \
	    -shared -nostdlib -Wl,-soname,$(notdir $@) -Wl,-z,defs -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack \
	    $(call unwatched,$(LDFLAGS)) -o $@.$$$$ $< && mv -f $@.$$$$ $@
