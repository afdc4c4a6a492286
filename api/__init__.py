"""The outermost layer: command line, HTTP API, pages, and the configuration that wires them."""
