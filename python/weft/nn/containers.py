"""Modules that hold other modules by number or name."""

from weft._weft.nn import Module, Sequential

_empty = Sequential.__init__


def _init_sequential(self, *modules):
    _empty(self)
    self._append_all(*modules)


Sequential.__init__ = _init_sequential


class ModuleList(Module):
    """A list of modules that are parts of the module it belongs to; it has no forward().

    >>> from weft import nn
    >>> layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
    >>> len(layers), layers[-1].in_features
    (3, 4)
    """

    def __init__(self, modules=()):
        super().__init__()
        self.extend(modules)

    def _all(self):
        return [part for _, part in self._items()]

    def _items(self):
        return [(str(i), getattr(self, str(i))) for i in range(len(self))]

    def _set_all(self, modules):
        for name, _ in self._items():
            delattr(self, name)
        self._size = 0
        self.extend(modules)

    def _name(self, index):
        size = len(self)
        if not -size <= index < size:
            raise IndexError(f"got index {index}, expected one of {size} modules")
        return str(index % size)

    def __len__(self):
        return self.__dict__.get("_size", 0)

    def __iter__(self):
        return iter(self._all())

    def __getitem__(self, index):
        if isinstance(index, slice):
            return type(self)(self._all()[index])
        return getattr(self, self._name(index))

    def __setitem__(self, index, module):
        setattr(self, self._name(index), module)

    def __delitem__(self, index):
        modules = self._all()
        del modules[index]
        self._set_all(modules)

    def append(self, module):
        """Adds a module at the end."""
        self.add_module(str(len(self)), module)
        self._size = len(self) + 1
        return self

    def extend(self, modules):
        """Adds modules at the end."""
        for module in modules:
            self.append(module)
        return self

    def insert(self, index, module):
        """Puts a module before that of an index."""
        modules = self._all()
        modules.insert(index, module)
        self._set_all(modules)


class ModuleDict(Module):
    """Modules by name that are parts of the module it belongs to; it has no forward()."""

    def __init__(self, modules=None):
        super().__init__()
        self.update(modules or {})

    def __len__(self):
        return len(self.keys())

    def __iter__(self):
        return iter(self.keys())

    def __contains__(self, name):
        return name in self.keys()

    def __getitem__(self, name):
        if name not in self.keys():
            raise KeyError(name)
        return getattr(self, name)

    def __setitem__(self, name, module):
        self.add_module(name, module)

    def __delitem__(self, name):
        if name not in self.keys():
            raise KeyError(name)
        delattr(self, name)

    def keys(self):
        """The names, in the order of registration."""
        return [name for name, _ in self.named_children()]

    def values(self):
        """The modules."""
        return [self[name] for name in self.keys()]

    def items(self):
        """Pairs of name and module."""
        return [(name, self[name]) for name in self.keys()]

    def update(self, modules):
        """Adds the modules of a mapping or of pairs."""
        for name, module in dict(modules).items():
            self[name] = module

    def pop(self, name):
        """Takes a module out and returns it."""
        module = self[name]
        del self[name]
        return module


class ParameterList(Module):
    """A list of parameters that are those of the module it belongs to; it has no forward()."""

    def __init__(self, parameters=()):
        super().__init__()
        self._size = 0
        self.extend(parameters)

    def __len__(self):
        return self._size

    def __getitem__(self, index):
        if not -self._size <= index < self._size:
            raise IndexError(f"got index {index}, expected one of {self._size} parameters")
        return getattr(self, str(index % self._size))

    def __iter__(self):
        return (self[i] for i in range(self._size))

    def append(self, parameter):
        """Adds a parameter at the end."""
        self.register_parameter(str(self._size), parameter)
        self._size += 1
        return self

    def extend(self, parameters):
        """Adds parameters at the end."""
        for parameter in parameters:
            self.append(parameter)
        return self
