"""One filter a module: its options and its decision."""
