# The oracles: firn's answers beside those of the frameworks, all cases.
.PHONY: oracles
oracles: $(BIN) ## compare with scikit-learn, ONNX Runtime, Keras and TensorFlow, all cases
	@scripts/run-oracles --all
