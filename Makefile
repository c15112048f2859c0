# firn: GNU make. `make help` lists the targets.
#
# B is the build folder, V the variant: release (default), asan, tsan, fuzz, standalone. Files register themselves by
# their name (scripts/list-plugins); nothing here names a source file.

B ?= build
V ?= release
CC ?= gcc
ARCH := $(shell uname -m)
O := $(B)/$(V)
ifeq ($(V),release)
BIN := $(B)/firn
else
BIN := $(O)/firn
endif
ifeq ($(V),standalone)
BIN := $(B)/firn-standalone
endif

PACKAGES := libnghttp2 sqlite3 openssl yaml-0.1 libseccomp zlib libzstd liblz4 liblzma libjpeg libpng libwebp libopenjp2 libcurl
ifeq ($(V),standalone)
PACKAGES := $(filter-out libcurl,$(PACKAGES))
endif
CPPFLAGS += -D_GNU_SOURCE -Isrc -I$(O) $(shell pkg-config --cflags $(PACKAGES))
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla -Werror \
    -Wno-missing-field-initializers
CFLAGS_release := -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2
CFLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_tsan := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
CFLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
# The static server of standalone images: see mk/standalone.mk.
CFLAGS_standalone := -Os -ffunction-sections -fdata-sections -fstack-protector-strong -D_FORTIFY_SOURCE=2 \
    -DFIRN_STANDALONE
LDFLAGS_release := -Wl,-z,relro,-z,now
LDFLAGS_standalone := -static -Wl,--no-warnings -Wl,--gc-sections -Wl,-s -Wl,-z,relro,-z,now
LDFLAGS_asan := -fsanitize=address,undefined
LDFLAGS_tsan := -fsanitize=thread
LDFLAGS_fuzz := -fsanitize=fuzzer,address,undefined
ifeq ($(V),fuzz)
override CC := $(if $(findstring ccache,$(CC)),ccache clang-14,clang-14)
endif
BASE_CFLAGS := -std=gnu11 $(WARNINGS) $(CFLAGS_$(V)) $(CFLAGS)
LDLIBS := $(shell pkg-config $(if $(filter standalone,$(V)),--static) --libs $(PACKAGES)) -lbz2 -lpthread -lm
# Loops over elements are worth vectorising.
OPS_release := -O3 -Wno-maybe-uninitialized
OPS_standalone := -O2 -Wno-maybe-uninitialized
OPS_tsan := -Wno-maybe-uninitialized
OPS_fuzz := -Wno-unknown-pragmas -Wno-array-bounds
# Conversions are the point of element-wise templates; everywhere else they are checked.
STRICT := -Wconversion -Wsign-conversion
ifeq ($(ARCH),x86_64)
BASE_CFLAGS += -march=x86-64-v2
ISA_avx2 := -mavx2 -mfma -mf16c -mtune=znver3
ISA_avx512 := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c -mtune=znver3
endif

SOURCES := $(filter-out src/cli/main.c,$(shell find src -name '*.c' | LC_ALL=C sort))
# The registry client (libcurl) is in every variant but the standalone one.
REGISTRY_CLIENT := $(addprefix src/images/,authorize.c http.c remote.c remote_upload.c)
SOURCES := $(filter-out $(if $(filter standalone,$(V)),$(REGISTRY_CLIENT),src/images/remote_none.c),$(SOURCES))
ifneq ($(ARCH),x86_64)
SOURCES := $(filter-out %_avx2.c %_avx512.c,$(SOURCES))
endif
OBJECTS := $(SOURCES:src/%.c=$(O)/obj/%.o)
LIBRARY := $(O)/libfirn.a

.DEFAULT_GOAL := all
.PHONY: all
all: $(BIN) ## build the program (build/firn)

# --- plugins: a table per folder, replaced only when its text changes ---
GEN := $(O)/gen
define plugin_table
$(GEN)/$(1).h: FORCE
	@mkdir -p $$(@D)
	@scripts/list-plugins $(2) $(3) $(4) $$(wildcard $$(addsuffix /*.c,$(5))) | scripts/replace $$@
PLUGIN_TABLES += $(GEN)/$(1).h
endef
$(eval $(call plugin_table,ops_onnx,op_set,ops_onnx,OPS_ONNX,src/ops/onnx src/ops/onnx/*))
$(eval $(call plugin_table,ops_ml,op_set,ops_ml,OPS_ML,src/ops/ml))
$(eval $(call plugin_table,ops_training,op_set,ops_training,OPS_TRAINING,src/ops/training))
$(eval $(call plugin_table,ops_firn,op_set,ops_firn,OPS_FIRN,src/ops/firn src/ops/firn/* src/ops/firn/tensorflow/*))
$(eval $(call plugin_table,passes,pass,pass,PASSES,src/graph/passes))
$(eval $(call plugin_table,importers,importer,importer,IMPORTERS,src/importers))
$(eval $(call plugin_table,estimators,estimator_set,estimators,ESTIMATORS,src/importers/sklearn src/importers/sklearn/packages))
$(eval $(call plugin_table,caffe2_ops,caffe2_op_set,caffe2_ops,CAFFE2_OPS,src/importers/caffe2))
$(eval $(call plugin_table,layers,layer_set,layers,LAYERS,src/importers/keras))
TF_OPS_FOLDERS := $(addprefix src/importers/tensorflow/,. control image quantised random sparse text)
$(eval $(call plugin_table,tf_ops,tf_op_set,tf_ops,TF_OPS,$(TF_OPS_FOLDERS)))
$(eval $(call plugin_table,kinds,manifest_kind,kind,KINDS,src/contract/kinds))
$(eval $(call plugin_table,job_kinds,job_kind,job_kind,JOB_KINDS,src/jobs/kinds))
$(eval $(call plugin_table,filters,filter,filter,FILTERS,src/filters/kinds))
$(eval $(call plugin_table,commands,command,command,COMMANDS,src/cli/commands))
$(eval $(call plugin_table,routes,route_set,routes,ROUTES,src/server/routes))
.PHONY: FORCE
FORCE:

$(O)/obj/%.o: src/%.c | $(PLUGIN_TABLES)
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(BASE_CFLAGS) $(if $(filter src/ops/%,$<),$(OPS_$(V)),$(STRICT)) \
	    $(if $(filter %_avx512.c,$<),$(ISA_avx512),$(if $(filter %_avx2.c,$<),$(ISA_avx2))) \
	    $(CPPFLAGS) -MMD -MP -c $< -o $@

$(LIBRARY): $(OBJECTS)
	@rm -f $@
	@ar rcs $@ $(OBJECTS)

$(BIN): $(O)/obj/cli/main.o $(LIBRARY)
	@echo "  LD $@"
	@$(CC) $(LDFLAGS_$(V)) $(LDFLAGS) $(O)/obj/cli/main.o $(LIBRARY) $(LDLIBS) -o $@

# --- unit tests: one program per file in tests/unit, cmocka, sanitizers on ---
TESTS := $(shell find tests/unit -name '*_test.c' 2>/dev/null | LC_ALL=C sort)
TEST_PROGRAMS := $(TESTS:tests/unit/%.c=$(O)/unit/%)
ifdef NAME
TEST_PROGRAMS := $(foreach t,$(TEST_PROGRAMS),$(if $(findstring $(NAME),$(t)),$(t)))
endif
$(O)/unit/%: tests/unit/%.c $(LIBRARY)
	@mkdir -p $(@D)
	@{ echo '/* made from TEST(...) lines; do not edit */'; \
	   sed -n 's/^TEST(\([a-z0-9_]*\)).*/void test_\1(void **state);/p' $<; \
	   echo 'static const struct CMUnitTest TESTS[] = {'; \
	   sed -n 's/^TEST(\([a-z0-9_]*\)).*/    cmocka_unit_test(test_\1),/p' $<; \
	   echo '};'; } > $@.tests.h
	@echo "  TEST $<"
	@$(CC) $(BASE_CFLAGS) -Wno-missing-prototypes $(CPPFLAGS) -Itests -DTEST_LIST='"$(abspath $@.tests.h)"' \
	    -MMD -MP -MF $@.d -MT $@ $< $(LIBRARY) $(LDFLAGS_$(V)) $(LDLIBS) -lcmocka -o $@

.PHONY: unit run-unit
unit: ## build and run the unit tests under ASan and UBSan (NAME=pickle for some)
	@$(MAKE) --no-print-directory V=asan run-unit
run-unit: $(TEST_PROGRAMS)
	@scripts/run-tests $(TEST_PROGRAMS)

# --- fuzz targets: tests/fuzz/NAME.c, corpus in tests/fuzz/corpus/NAME ---
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
SECONDS ?= 600
$(O)/fuzz/%: tests/fuzz/%.c $(LIBRARY)
	@mkdir -p $(@D)
	@echo "  FUZZ $<"
	@$(CC) $(BASE_CFLAGS) -Wno-missing-prototypes $(CPPFLAGS) -Itests $< $(LIBRARY) $(LDFLAGS_$(V)) $(LDLIBS) -o $@
.PHONY: fuzz build-fuzz
build-fuzz: $(patsubst %,$(O)/fuzz/%,$(if $(NAME),$(NAME),$(FUZZERS)))
fuzz: ## fuzz every format, SECONDS each (600); NAME=pickle for one
	@$(MAKE) --no-print-directory V=fuzz build-fuzz
	@scripts/fuzz $(SECONDS) $(if $(NAME),$(NAME),$(FUZZERS))

# --- their corpora alone, on the library of the unit tests: one program for all targets ---
$(O)/replay/%.o: tests/fuzz/%.c | $(PLUGIN_TABLES)
	@mkdir -p $(@D)
	@echo "  REPLAY $<"
	@$(CC) $(BASE_CFLAGS) -Wno-missing-prototypes -DLLVMFuzzerTestOneInput=replay_$* \
	    -DLLVMFuzzerCustomMutator=mutate_$* $(CPPFLAGS) -Itests -MMD -MP -c $< -o $@
$(GEN)/replay.h: FORCE
	@mkdir -p $(@D)
	@for name in $(FUZZERS); do echo "TARGET($$name)"; done | scripts/replace $@
$(O)/replay/replay: tests/replay.c $(GEN)/replay.h $(FUZZERS:%=$(O)/replay/%.o) $(LIBRARY)
	@echo "  LD $@"
	@$(CC) $(BASE_CFLAGS) $(CPPFLAGS) $< $(FUZZERS:%=$(O)/replay/%.o) $(LIBRARY) $(LDFLAGS_$(V)) $(LDLIBS) -o $@
.PHONY: replay build-replay
build-replay: $(O)/replay/replay
replay: ## run every fuzz target once over its corpus and over what once crashed it
	@$(MAKE) --no-print-directory V=asan build-replay
	@scripts/fuzz-regression $(FUZZERS)

.PHONY: lint clang format clean help
clang: $(PLUGIN_TABLES) ## warnings of the other compiler
	@echo $(SOURCES) src/cli/main.c | tr ' ' '\n' | grep -v -e _avx -e images/remote_none | xargs -P2 -n16 clang-14 \
	    -fsyntax-only -std=gnu11 $(WARNINGS) -Wno-unknown-pragmas -Wno-array-bounds -march=x86-64-v2 $(CPPFLAGS)
lint: ## layers, formatting, headers that stand alone
	@scripts/check-layers
	@scripts/check-headers
	@clang-format-14 --dry-run -Werror $$(git ls-files '*.c' '*.h')
format: ## reformat what git tracks
	@clang-format-14 -i $$(git ls-files '*.c' '*.h')
clean: ## remove the build folder
	rm -rf $(B)
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | LC_ALL=C sort | expand -t 12

-include mk/*.mk
-include $(shell find $(O)/obj $(O)/unit $(O)/replay -name '*.d' 2>/dev/null)
