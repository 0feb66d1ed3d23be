# Other OpenSSL releases (releases/releases.sh says where they are kept).
#   make releases RELEASES=openssl-4.0          one of them
#   make check-releases RELEASES="system openssl-3.5" STEPS=s_server N=100000 SEED=7

RELEASES ?= $(HOSTS)
STEPS ?=

.PHONY: releases check-releases hosts check-hosts
releases: ## Build the other OpenSSL releases to check against (about 10 minutes, once)
	@tools/setup.sh releases
	@releases/releases.sh build $(RELEASES)
	@releases/releases.sh table

check-releases: lib releases ## Test the library, one file, on every OpenSSL release: RELEASES=openssl-3.2 STEPS=ctests
	@tools/setup.sh build check
	@LIB_SO='$(abspath $(LIB_SO))' STEPS='$(STEPS)' releases/check.sh $(RELEASES)

# What they were called.
hosts: releases
check-hosts: check-releases
