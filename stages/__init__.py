"""One module per pipeline step: read parameters, call the library, write the declared outputs."""
