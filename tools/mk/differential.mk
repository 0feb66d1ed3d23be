# DTLSv1_listen against libssl's own, in one process: ctests/differential/.
#   make differential N=5000000 SEED=fresh     many cases, from a seed that is printed
#   make differential ARGS="--replay 7:1234"   one of them, both sides printed
# Another library or OpenSSL: see ctests/differential/run.sh.

N    ?=
SEED ?=
ARGS ?=

.PHONY: differential differential-selftest
differential: lib ## Our DTLSv1_listen against libssl's: N=cases SEED=number|fresh ARGS=...
	@LIB_SO='$(abspath $(LIB_SO))' BUILD='$(BUILD)' N='$(N)' SEED='$(SEED)' ctests/differential/run.sh $(ARGS)

differential-selftest: lib ## The differential harness notices differences made on purpose
	@LIB_SO='$(abspath $(LIB_SO))' BUILD='$(BUILD)' ctests/differential/run.sh selftest
