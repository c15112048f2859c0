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

# The same for jobs: workers and the server are killed while jobs train and put models.
.PHONY: jobs-crash
jobs-crash: ROUNDS = 500
jobs-crash: $(BIN) ## kill workers and the server at random instants while jobs run, ROUNDS times (500)
	@scripts/python tests/crash/jobs.py $(ROUNDS)
