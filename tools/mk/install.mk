# make install / uninstall: library, audit module, header, pkg-config file, wrapper, manual
# pages, documents, examples, licences.
#
# The library's file is named by its soname and the package's minor and patch
# numbers: 0.1.0 becomes libdtlsv1_listen.so.1.1.0. The first number belongs to
# the ABI and changes only with the soname.

DOCDIR   ?= $(PREFIX)/share/doc/libdtlsv1_listen
PCDIR    ?= $(LIBDIR)/pkgconfig
LIB_FILE := $(LIB_SONAME)$(patsubst $(firstword $(subst ., ,$(VERSION)))%,%,$(VERSION))
LICENCES := LICENSE-MIT LICENSE-APACHE
# In their folders: the README's links lead there.
DOCUMENTS := README.md CHANGELOG.md SECURITY.md $(wildcard docs/*.* docs/bench/*.*)
EXAMPLES := $(addprefix examples/,echo_server.c poll_server.c batch_server.c sans_io.c asyncio_server.py \
    listener_server.c listener_threads.c listener_uv.c)
OBJCOPY  ?= objcopy

# A folder's path gets into the wrapper and the pkg-config file by sed, and into LD_PRELOAD, which
# takes no space and no colon. uninstall would remove what bears half the name.
FOLDERS := PREFIX LIBDIR INCLUDEDIR MANDIR BINDIR SBINDIR DOCDIR PCDIR
refuse = $(error $(1) is '$($(1))': $(2))
check_folder = $(if $($(1)),$(if $(word 2,[$($(1))]),$(call refuse,$(1),no space can be in it)))\
    $(if $(filter-out /%,$($(1))),$(call refuse,$(1),it has to begin with / ($$HOME, where a shell leaves ~ as it is)))\
    $(foreach c,: ' " & | \ ;,$(if $(findstring $(c),$($(1))),$(call refuse,$(1),no $(c) can be in it)))
check_folders = $(foreach v,$(FOLDERS),$(call check_folder,$(v)))$(if $(filter ~%,$(DESTDIR)),$(call \
    refuse,DESTDIR,the shell left ~ as it is; $$HOME))

# Everything install makes.
INSTALLED = $(LIBDIR)/$(LIB_FILE) $(LIBDIR)/$(LIB_SONAME) \
    $(LIBDIR)/libdtlsv1_listen.so $(LIBDIR)/libdtlsv1_listen.a \
    $(LIBDIR)/$(notdir $(AUDIT_SO)) \
    $(PCDIR)/dtlsv1_listen.pc $(INCLUDEDIR)/dtlsv1_listen.h \
    $(BINDIR)/dtlsv1-listen $(MANDIR)/man1/dtlsv1-listen.1 \
    $(MANDIR)/man3/dtlsv1_listen.3 $(MANDIR)/man3/dtlsv1_listener.3 \
    $(addprefix $(DOCDIR)/,$(LICENCES) $(DOCUMENTS) $(EXAMPLES))

# What pkg-config says of libssl: its own file's, or where OPENSSL_DIR has it.
PC_REQUIRES := libssl libcrypto
ifneq ($(OPENSSL_DIR),)
PC_REQUIRES :=
PC_CFLAGS   := -I$(OPENSSL_DIR)/include
PC_LIBS     := -L$(patsubst %/,%,$(dir $(firstword $(wildcard \
    $(OPENSSL_DIR)/lib64/libssl.* $(OPENSSL_DIR)/lib/libssl.*)))) -lssl -lcrypto
endif

# $(call fill,IN,MODE,OUT): the template with this installation's values.
fill = sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@LIBDIR@|$(LIBDIR)|g' \
    -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|g' -e 's|@VERSION@|$(VERSION)|g' \
    -e 's|@REQUIRES@|$(PC_REQUIRES)|g' -e 's|@SSL_CFLAGS@|$(PC_CFLAGS)|g' \
    -e 's|@SSL_LIBS@|$(PC_LIBS)|g' -e 's/ *$$//' $(1) \
    >'$(DESTDIR)$(3)' && chmod $(2) '$(DESTDIR)$(3)'

.PHONY: install uninstall check-install check-wrapper check-man
install: ## Install under PREFIX (and DESTDIR); LIBDIR, BINDIR and so on
	$(check_folders)
	@[ -r $(LIB_SO) ] && [ -r $(LIB_A) ] && [ -r $(AUDIT_SO) ] || $(MAKE) --no-print-directory lib
	$(INSTALL) -d '$(DESTDIR)$(LIBDIR)' '$(DESTDIR)$(PCDIR)' \
	    '$(DESTDIR)$(INCLUDEDIR)' '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(MANDIR)/man1' \
	    '$(DESTDIR)$(MANDIR)/man3' '$(DESTDIR)$(DOCDIR)/examples' '$(DESTDIR)$(DOCDIR)/docs/bench'
	$(INSTALL) -m 755 $(LIB_SO) '$(DESTDIR)$(LIBDIR)/$(LIB_FILE)'
	@# Another version's: ldconfig would have the link lead to the one with the highest number.
	@for other in '$(DESTDIR)$(LIBDIR)/$(LIB_SONAME).'[0-9]*; do \
	    case "$$other" in */'$(LIB_FILE)') ;; *) rm -f "$$other" ;; esac; done
	$(INSTALL) -m 755 $(AUDIT_SO) '$(DESTDIR)$(LIBDIR)'
	ln -sf $(LIB_FILE) '$(DESTDIR)$(LIBDIR)/$(LIB_SONAME)'
	ln -sf $(LIB_SONAME) '$(DESTDIR)$(LIBDIR)/libdtlsv1_listen.so'
	$(OBJCOPY) --strip-debug -R .llvmbc -R .llvmcmd $(LIB_A) \
	    '$(DESTDIR)$(LIBDIR)/libdtlsv1_listen.a'
	chmod 644 '$(DESTDIR)$(LIBDIR)/libdtlsv1_listen.a'
	$(INSTALL) -m 644 include/dtlsv1_listen.h '$(DESTDIR)$(INCLUDEDIR)'
	$(call fill,dist/dtlsv1_listen.pc.in,644,$(PCDIR)/dtlsv1_listen.pc)
	$(call fill,dist/dtlsv1-listen.in,755,$(BINDIR)/dtlsv1-listen)
	$(INSTALL) -m 644 man/dtlsv1-listen.1 '$(DESTDIR)$(MANDIR)/man1'
	$(INSTALL) -m 644 man/dtlsv1_listen.3 man/dtlsv1_listener.3 \
	    '$(DESTDIR)$(MANDIR)/man3'
	$(INSTALL) -m 644 $(LICENCES) $(filter-out docs/%,$(DOCUMENTS)) '$(DESTDIR)$(DOCDIR)'
	$(INSTALL) -m 644 $(filter docs/%,$(filter-out docs/bench/%,$(DOCUMENTS))) '$(DESTDIR)$(DOCDIR)/docs'
	$(INSTALL) -m 644 $(filter docs/bench/%,$(DOCUMENTS)) '$(DESTDIR)$(DOCDIR)/docs/bench'
	$(INSTALL) -m 644 $(EXAMPLES) '$(DESTDIR)$(DOCDIR)/examples'
	@[ -n '$(DESTDIR)' ] || LIBDIR='$(LIBDIR)' dist/after-install.sh

uninstall: ## Remove what install made
	$(check_folders)
	rm -f $(foreach f,$(INSTALLED),'$(DESTDIR)$(f)')
	@# Those that have nobody else's file in them.
	@rmdir $(foreach d,/examples /docs/bench /docs /,'$(DESTDIR)$(DOCDIR)$(d)') 2>/dev/null || true

# Apart: a line that names make is run by 'make -n', too.
INSTALL_TESTS = MAKE='$(MAKE)' CC='$(CC)'

check-install: lib ## Install and uninstall in a scratch directory
	@tools/setup.sh build check
	@$(INSTALL_TESTS) dist/test-install.sh
	@$(INSTALL_TESTS) dist/test-recipes.sh

check-wrapper: lib ## Options, refusals and warnings of the dtlsv1-listen wrapper
	@tools/setup.sh build check
	@LIB='$(abspath $(LIB_SO))' CC='$(CC)' dist/test-wrapper.sh

check-man: ## Check the manual pages
	@tools/setup.sh check
	mandoc -T lint -W warning man/*.[138]
