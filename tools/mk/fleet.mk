# Many servers with one secret behind a balancer, clocks apart, secrets rolled.

.PHONY: fleet
fleet: ## 2,000 handshakes with 16 servers that share their secrets (3 minutes)
	@tools/setup.sh build fleet
	@$(MAKE) --no-print-directory examples
	@. tools/plain-env.sh; python3 e2e/fleet/fleet.py $(DEMO)/echo_server
