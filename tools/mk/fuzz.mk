# Coverage-guided fuzzing of the parser, the gate, the cookies, and ours against libssl's.
#   make fuzz TIME=600            ten minutes each
#   make fuzz TARGETS=gate

TIME    ?= 60
TARGETS ?=

.PHONY: fuzz
fuzz: ## Fuzz each target: TIME=60 (seconds) TARGETS=gate
	@tools/setup.sh build check
	@tools/cargo-tool.sh cargo-fuzz 0.13.2
	@PATH="$$(tools/cargo-tool.sh --bin):$$PATH" fuzz/run.sh $(TIME) $(TARGETS)
