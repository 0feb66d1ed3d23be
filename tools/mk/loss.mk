# Handshake completion time under loss, libssl's DTLSv1_listen and ours (e2e/loss/loss.py has the rest).
#   make loss QUICK=1                   a few of each kind; nothing goes to docs/
#   make loss TABLE=fragments           hellos in 2 to 12 fragments, in place of the usual rows
#   make loss RELEASES=openssl-4.0 N=200 SEED=7 CLIENTS=s_client JOBS=12

# LibreSSL's s_server has no -listen to measure.
LOSS_RELEASES = $(or $(RELEASES),$(filter-out libressl-%,$(shell releases/releases.sh names)))

.PHONY: loss loss-selftest
loss: lib releases loss-selftest ## How long handshakes take when datagrams get lost (QUICK=1 for a look)
	@tools/setup.sh build loss
	@. tools/plain-env.sh; LIB_SO='$(abspath $(LIB_SO))' QUICK='$(QUICK)' N='$(N)' TABLE='$(TABLE)' SEED='$(SEED)' CLIENTS='$(CLIENTS)' JOBS='$(JOBS)' e2e/loss/loss.py $(LOSS_RELEASES)

loss-selftest: ## The proxy of make loss loses what it is told to lose
	@tools/setup.sh loss
	@e2e/loss/selftest.py
