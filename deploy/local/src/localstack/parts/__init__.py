"""The parts of the stack, one module each; every module offers functions that make `Part` values."""
