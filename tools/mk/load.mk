# Many clients and floods on one port (e2e/load/load.py has the rest).
#   make load QUICK=1                   a look, on the system's OpenSSL
#   make load RELEASES=openssl-4.0 CLIENTS=1000 ROWS=doubled

.PHONY: load
load: lib ## Thousands of clients and floods on one port (QUICK=1 for a look)
	@tools/setup.sh build load
	@LIB_SO='$(abspath $(LIB_SO))' CC='$(CC)' e2e/load/load.py $(if $(QUICK),--quick) $(if $(CLIENTS),--clients $(CLIENTS)) \
	    $(if $(ROWS),--only '$(ROWS)') $(RELEASES)
