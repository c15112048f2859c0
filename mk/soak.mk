# A server under load for MINUTES, with uploads and alias moves beside it: nothing may grow.
MINUTES ?= 10
.PHONY: soak
soak: $(BIN) ## serve under load for MINUTES (10), with uploads beside it
	@scripts/soak $(MINUTES)
