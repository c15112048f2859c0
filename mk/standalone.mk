# The static server that `firn push --standalone` puts below a model: no library of the host, no registry
# client, and as small as the kernels allow (docs/decisions/004-images.md).
CFLAGS_standalone := -Os -ffunction-sections -fdata-sections -fstack-protector-strong -D_FORTIFY_SOURCE=2 \
    -DFIRN_STANDALONE
LDFLAGS_standalone := -static -Wl,--gc-sections -Wl,-s -Wl,-z,relro,-z,now
OPS_standalone := -O2 -Wno-maybe-uninitialized

.PHONY: standalone
standalone: ## build the static server of standalone images (build/firn-standalone)
	@$(MAKE) --no-print-directory V=standalone all
