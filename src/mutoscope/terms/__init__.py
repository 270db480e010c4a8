"""Terms: opinions about a look at the canvas, each a callable from a `Look` to a scalar."""
