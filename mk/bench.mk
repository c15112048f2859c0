# Benchmarks: one program a question, bench/*.c, built as the product is and run one after another.
BENCHES := $(patsubst bench/%.c,$(O)/bench/%,$(sort $(wildcard bench/*.c)))
ifdef NAME
BENCHES := $(foreach b,$(BENCHES),$(if $(findstring $(NAME),$(b)),$(b)))
endif

$(O)/bench/%: bench/%.c $(LIBRARY)
	@mkdir -p $(@D)
	@echo "  BENCH $<"
	@$(CC) $(BASE_CFLAGS) $(CPPFLAGS) -Itests -MMD -MP -MF $@.d -MT $@ $< $(LIBRARY) $(LDFLAGS_$(V)) \
	    $(LDLIBS) -o $@

.PHONY: bench
# Those beside other programs are scripts; bench/environment.py installs what they need in build/.
BENCH_SCRIPTS := bench/engine.py bench/sklearn.py bench/serve.py bench/grpc.py bench/applications.py bench/tensorflow.py bench/worker.py
ifdef NAME
BENCH_SCRIPTS := $(foreach b,$(BENCH_SCRIPTS),$(if $(findstring $(NAME),$(b)),$(b)))
endif
bench: $(BENCHES) $(BIN) ## build and run the benchmarks in bench/ (NAME=plan for some)
	@for b in $(BENCHES); do echo "== $${b##*/}"; $$b || exit 1; done
	@for b in $(BENCH_SCRIPTS); do echo "== $${b##*/}"; python3 $$b || exit 1; done

-include $(wildcard $(O)/bench/*.d)
