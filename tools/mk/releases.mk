# Other OpenSSL releases (releases/releases.sh says where they are kept).
#   make hosts HOSTS=openssl-4.0          one of them
#   make check-hosts HOSTS="system openssl-3.5" STEPS=s_server N=100000 SEED=7

HOSTS ?=
STEPS ?=

.PHONY: hosts check-hosts
hosts: ## Build the other OpenSSL releases to check against (about 10 minutes, once)
	@tools/setup.sh hosts
	@releases/releases.sh build $(HOSTS)
	@releases/releases.sh table

check-hosts: lib hosts ## Test the library, one file, on every OpenSSL release
	@tools/setup.sh build check
	@LIB_SO='$(LIB_SO)' STEPS='$(STEPS)' releases/check.sh $(HOSTS)
