# Whether time tells a forger anything. This gates: what is judged is no length
# of time but whether two kinds of forgery can be told apart by it, which a slow
# or busy machine changes nothing about (bench/timing.rs says why).

.PHONY: timing
timing: setup-build ## The time of a check does not tell where a cookie is wrong
	$(CARGO) bench --locked --bench timing
