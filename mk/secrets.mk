# Whether time tells a forger anything.

.PHONY: timing
timing: setup-build ## t between the times of checks of cookies wrong here and there
	$(CARGO) bench --locked --bench timing
