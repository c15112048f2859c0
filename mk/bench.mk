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
bench: $(BENCHES) ## build and run the benchmarks in bench/ (NAME=plan for some)
	@for b in $(BENCHES); do echo "== $${b##*/}"; $$b || exit 1; done

-include $(wildcard $(O)/bench/*.d)
