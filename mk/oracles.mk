# The oracles: firn's answers beside those of the frameworks, all cases.
.PHONY: oracles
oracles: $(BIN) ## compare with scikit-learn, the ONNX node tests and ONNX Runtime, all cases
	@scripts/run-oracles --all
