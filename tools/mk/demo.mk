# The example server, and the demo that runs it.

PKG_CONFIG ?= pkg-config
DEMO := $(TARGET)/demo
EXAMPLE_CFLAGS := -std=c11 -Wall -Wextra -Wpedantic
SSL_FLAGS = $(if $(OPENSSL_DIR),-I$(OPENSSL_DIR)/include -L$(OPENSSL_DIR)/lib \
    -Wl$(comma)-rpath$(comma)$(OPENSSL_DIR)/lib -lssl -lcrypto,$(shell $(PKG_CONFIG) --cflags --libs openssl))
comma := ,
CLIENTS_SOURCES := $(foreach part,clients path options,e2e/load/$(part).c) \
    e2e/load/path.h e2e/load/options.h

.PHONY: demo examples
demo: ## Handshakes through the library, datagram by datagram
	@tools/setup.sh build
	@$(MAKE) --no-print-directory examples
	@examples/demo.sh $(LIB_SO) $(DEMO)/echo_server $(DEMO)/udp_watch \
	    $(DEMO)/listener_server $(DEMO)/clients

examples: lib $(DEMO)/echo_server $(DEMO)/listener_server $(DEMO)/clients \
    $(DEMO)/udp_watch ## Build the examples

$(DEMO)/echo_server $(DEMO)/listener_server: $(DEMO)/%: examples/%.c include/dtlsv1_listen.h | lib
	@mkdir -p $(@D)
	$(CC) $(EXAMPLE_CFLAGS) $(CPPFLAGS) $(CFLAGS) -U_GNU_SOURCE -Iinclude -o $@ $< \
	    -L$(TARGET_DIR) -Wl,-rpath,'$(abspath $(TARGET_DIR))' -ldtlsv1_listen \
	    $(SSL_FLAGS) $(LDFLAGS)

$(DEMO)/udp_watch: examples/udp_watch.c
	@mkdir -p $(@D)
	$(CC) $(EXAMPLE_CFLAGS) $(CPPFLAGS) $(CFLAGS) -U_GNU_SOURCE -o $@ $< $(LDFLAGS)

$(DEMO)/clients: $(CLIENTS_SOURCES)
	@mkdir -p $(@D)
	$(CC) $(EXAMPLE_CFLAGS) -O2 $(CPPFLAGS) $(CFLAGS) -U_GNU_SOURCE -o $@ $(filter %.c,$^) $(SSL_FLAGS) $(LDFLAGS)
