"""Gives what is compiled the module name under which users find it."""


def adopt(compiled, name):
    """Sets __module__ of the public classes and functions of a compiled module to `name`."""
    for key, value in vars(compiled).items():
        if not key.startswith("_") and hasattr(value, "__module__") and hasattr(value, "__doc__"):
            try:
                value.__module__ = name
            except (AttributeError, TypeError):
                pass
