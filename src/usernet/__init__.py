"""usernet: the network half of an operating system, as a Python library."""
