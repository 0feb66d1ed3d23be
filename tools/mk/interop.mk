# Stock clients and servers, the servers with our library preloaded.
#   make interop PLAIN=1       the same with libssl alone
#   make interop PAIRS=ncat    one pair (see e2e/interop/pairs/)

PAIRS ?=
PLAIN ?=

.PHONY: interop
interop: ## Stock clients and servers against the preloaded library: PAIRS='ncat gnutls'
	@tools/setup.sh build interop
	@$(MAKE) --no-print-directory lib
	@. tools/plain-env.sh; PLAIN='$(PLAIN)' LIB='$(abspath $(LIB_SO))' e2e/interop/run.sh $(PAIRS)
