# Crash test of the registry: `make crash` kills writers ROUNDS times and looks at what is left.
ROUNDS ?= 200
$(O)/crash/crash: tests/crash/crash.c $(LIBRARY)
	@mkdir -p $(@D)
	@echo "  CRASH $<"
	@$(CC) $(BASE_CFLAGS) $(CPPFLAGS) $< $(LIBRARY) $(LDFLAGS_$(V)) $(LDLIBS) -o $@
.PHONY: crash
crash: $(O)/crash/crash ## kill uploads and alias moves at random instants, ROUNDS times (200)
	@$(O)/crash/crash $(ROUNDS)

# The same for workers: their processes are killed while threads ask them.
$(O)/crash/workers: tests/crash/workers.c $(LIBRARY)
	@mkdir -p $(@D)
	@echo "  CRASH $<"
	@$(CC) $(BASE_CFLAGS) $(CPPFLAGS) $< $(LIBRARY) $(LDFLAGS_$(V)) $(LDLIBS) -o $@
.PHONY: workers-crash
workers-crash: ROUNDS = 1000
workers-crash: $(O)/crash/workers ## kill workers at random instants under load, ROUNDS times (1000)
	@$(O)/crash/workers tests/workers $(ROUNDS)
