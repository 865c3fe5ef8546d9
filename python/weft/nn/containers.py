"""Modules that hold other modules by number or name."""

from __future__ import annotations

from weft._weft import Parameter
from weft._weft.nn import Module, Sequential

TYPE_CHECKING = False  # typing's costs an import
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import overload

    from typing_extensions import Self

    from weft._weft import Tensor

    Modules = Mapping[str, Module] | Iterable[tuple[str, Module]]

_empty = Sequential.__init__


def _init_sequential(self: Sequential, *modules: Module | dict[str, Module]) -> None:
    _empty(self)
    self._append_all(*modules)


Sequential.__init__ = _init_sequential  # type: ignore[method-assign]


class ModuleList(Module):
    """A list of modules that are parts of the module it belongs to; it has no forward().

    >>> from weft import nn
    >>> layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
    >>> len(layers), layers[-1].in_features
    (3, 4)
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        self.extend(modules)

    def _all(self) -> list[Module]:
        return [part for _, part in self._items()]

    def _items(self) -> list[tuple[str, Module]]:
        return [(str(i), self.get_submodule(str(i))) for i in range(len(self))]

    def _set_all(self, modules: Iterable[Module]) -> None:
        for name, _ in self._items():
            delattr(self, name)
        self._size = 0
        self.extend(modules)

    def _name(self, index: int) -> str:
        size = len(self)
        if not -size <= index < size:
            raise IndexError(f"got index {index}, expected one of {size} modules")
        return str(index % size)

    def __len__(self) -> int:
        size: int = self.__dict__.get("_size", 0)
        return size

    def __iter__(self) -> Iterator[Module]:
        return iter(self._all())

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, index: int) -> Module: ...
        @overload
        def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: int | slice) -> Module | Self:
        if isinstance(index, slice):
            return type(self)(self._all()[index])
        return self.get_submodule(self._name(index))

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._name(index), module)

    def __delitem__(self, index: int | slice) -> None:
        modules = self._all()
        del modules[index]
        self._set_all(modules)

    def append(self, module: Module) -> Self:
        """Adds a module at the end."""
        self.add_module(str(len(self)), module)
        self._size = len(self) + 1
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Adds modules at the end."""
        for module in modules:
            self.append(module)
        return self

    def __iadd__(self, modules: Iterable[Module]) -> Self:
        return self.extend(modules)

    def insert(self, index: int, module: Module) -> None:
        """Puts a module before that of an index."""
        modules = self._all()
        modules.insert(index, module)
        self._set_all(modules)


class ModuleDict(Module):
    """Modules by name that are parts of the module it belongs to; it has no forward().

    >>> from weft import nn
    >>> heads = nn.ModuleDict({"classes": nn.Linear(8, 10), "box": nn.Linear(8, 4)})
    >>> heads["box"].out_features, heads.keys()
    (4, ['classes', 'box'])
    """

    def __init__(self, modules: Modules | None = None) -> None:
        super().__init__()
        self.update(modules or {})

    def __len__(self) -> int:
        return len(self.keys())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def __getitem__(self, name: str) -> Module:
        if name not in self.keys():
            raise KeyError(name)
        return self.get_submodule(name)

    def __setitem__(self, name: str, module: Module) -> None:
        self.add_module(name, module)

    def __delitem__(self, name: str) -> None:
        if name not in self.keys():
            raise KeyError(name)
        delattr(self, name)

    def keys(self) -> list[str]:
        """The names, in the order of registration."""
        return [name for name, _ in self.named_children()]

    def values(self) -> list[Module]:
        """The modules."""
        return [self[name] for name in self.keys()]

    def items(self) -> list[tuple[str, Module]]:
        """Pairs of name and module."""
        return [(name, self[name]) for name in self.keys()]

    def update(self, modules: Modules) -> None:
        """Adds the modules of a mapping or of pairs."""
        for name, module in dict(modules).items():
            self[name] = module

    def pop(self, name: str) -> Module:
        """Takes a module out and returns it."""
        module = self[name]
        del self[name]
        return module


def _as_parameter(value: Tensor) -> Parameter:
    return value if isinstance(value, Parameter) else Parameter(value)


class ParameterList(Module):
    """A list of parameters that are those of the module it belongs to; it has no forward(). Tensors
    become parameters.

    >>> from weft import nn
    >>> scales = nn.ParameterList([nn.Parameter(weft.ones(3)) for _ in range(2)])
    >>> len(scales), scales[1].shape
    (2, weft.Size([3]))
    """

    def __init__(self, parameters: Iterable[Tensor] = ()) -> None:
        super().__init__()
        self._size = 0
        self.extend(parameters)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: int) -> Parameter:
        if not -self._size <= index < self._size:
            raise IndexError(f"got index {index}, expected one of {self._size} parameters")
        return self.get_parameter(str(index % self._size))

    def __setitem__(self, index: int, parameter: Tensor) -> None:
        if not -self._size <= index < self._size:
            raise IndexError(f"got index {index}, expected one of {self._size} parameters")
        setattr(self, str(index % self._size), _as_parameter(parameter))

    def __iadd__(self, parameters: Iterable[Tensor]) -> Self:
        return self.extend(parameters)

    def __iter__(self) -> Iterator[Parameter]:
        return (self[i] for i in range(self._size))

    def extra_repr(self) -> str:
        """What repr() shows: dtype and sizes of each parameter."""
        lines = []
        for i, p in enumerate(self):
            where = f" ({p.device})" if p.is_cuda else ""
            sizes = "x".join(map(str, p.shape))
            lines.append(f"  ({i}): Parameter containing: [{p.dtype} of size {sizes}{where}]")
        return "\n".join(lines)

    def append(self, parameter: Tensor) -> Self:
        """Adds a parameter at the end."""
        self.register_parameter(str(self._size), _as_parameter(parameter))
        self._size += 1
        return self

    def extend(self, parameters: Iterable[Tensor]) -> Self:
        """Adds parameters at the end."""
        for parameter in parameters:
            self.append(parameter)
        return self
