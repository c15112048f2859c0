# The static server that `firn push --standalone` puts below a model: no library of the host, no registry
# client, and as small as the kernels allow.
.PHONY: standalone
standalone: ## build the static server of standalone images (build/firn-standalone)
	@$(MAKE) --no-print-directory V=standalone all
