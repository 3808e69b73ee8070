"""Reference implementations that compiled networks are compared with."""
