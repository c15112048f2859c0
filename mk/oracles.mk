# The oracles: firn's answers beside those of the frameworks, all cases. RESUME=yes: but for those that ended well.
.PHONY: oracles
oracles: $(BIN) ## compare with scikit-learn, ONNX Runtime, Keras and TensorFlow, all cases
	@scripts/run-oracles --all $(if $(RESUME),--resume)
