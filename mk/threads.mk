# The server, the engine's sessions and the registry under ThreadSanitizer.
.PHONY: threads
threads: ## tests of what runs in several threads, under TSan
	@$(MAKE) --no-print-directory V=tsan run-threads
.PHONY: run-threads
THREAD_PROGRAMS := $(filter $(O)/unit/base/team_test $(O)/unit/server/% $(O)/unit/engine/% $(O)/unit/monitoring/% $(O)/unit/applications/% $(O)/unit/workers/worker_test $(O)/unit/jobs/% $(O)/unit/loading/sharing_test,$(TESTS:tests/unit/%.c=$(O)/unit/%))
run-threads: $(THREAD_PROGRAMS)
	@TSAN_OPTIONS=halt_on_error=1 setarch -R scripts/run-tests $(THREAD_PROGRAMS)
