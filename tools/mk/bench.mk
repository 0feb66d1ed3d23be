# Measure: ours against libssl's own, the kernel's floor beside them (bench/).
#   make bench              about 8 minutes, writes docs/bench/
#   make bench QUICK=1      a look in less than one, writes target/bench/quick/
#   make bench ONLY=cpu     some of the parts: cpu,flood,growth,clients,peers
#   make bench ONLY=listener  many clients on one port; writes docs/bench/listener.md
#   make bench ONLY=xdp     what dtlsv1-listen-xdp costs, as root; writes docs/bench/xdp.md
#   make bench-render       docs/bench/ anew from the figures in its bench.json

QUICK ?=
ONLY  ?=

.PHONY: bench bench-render
ifeq ($(ONLY),xdp)
bench: lib examples xdp
	@tools/setup.sh xdp
	XDP='$(CURDIR)/$(XDP_RELEASE)' LIB='$(abspath $(LIB_SO))' ECHO='$(abspath $(DEMO)/echo_server)' \
	    xdp/bench/run.py $(if $(QUICK),--quick) $(if $(QUICK),,docs/bench/xdp.md)
else ifeq ($(ONLY),listener)
bench: lib
	@tools/setup.sh build bench
	@LIB_SO='$(abspath $(LIB_SO))' CARGO='$(CARGO)' CC='$(CC)' bench/listener.py $(if $(QUICK),--quick target/bench/quick,docs/bench)
else
bench: lib ## Measure against libssl on every built release: QUICK=1
	@tools/setup.sh build bench
	@LIB_SO='$(abspath $(LIB_SO))' CARGO='$(CARGO)' CC='$(CC)' bench/run.py $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY))
endif

bench-render: ## Write docs/bench/ anew from its bench.json
	@bench/run.py --render
