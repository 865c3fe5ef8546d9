"""Functions of functions: gradients as functions of the arguments (torch.func's names)."""

from weft import _weft
from weft._modes import enable_grad
from weft.autograd import grad as _grad

__all__ = ["grad", "value_and_grad", "vjp"]


def _variable(x):
    """x as something to differentiate by, on the tape of an outer differentiation if there is one."""
    return x.view(x.shape) if x.requires_grad else x.detach().requires_grad_()


def _differentiate(func, argnums, has_aux, args, options):
    positions = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    nested = any(isinstance(a, _weft.Tensor) and a.requires_grad for a in args)
    with enable_grad():
        variables = {i: _variable(args[i]) for i in positions}
        result = func(*(variables.get(i, a) for i, a in enumerate(args)), **options)
        value, aux = result if has_aux else (result, None)
        gradients = _grad(value, list(variables.values()), create_graph=nested, allow_unused=True)
    gradients = tuple(
        _weft.zeros_like(args[i]) if g is None else g for i, g in zip(positions, gradients)
    )
    value = value if nested else value.detach()
    return gradients[0] if isinstance(argnums, int) else gradients, value, aux


def grad(func, argnums=0, has_aux=False):
    """A function that returns the gradient of func, which returns a tensor of one element, with
    respect to its argument argnums (an int, or a tuple of them for a tuple of gradients).

    has_aux: func returns (value, aux), and the new function (gradient, aux).

    >>> weft.func.grad(lambda x: (x * x).sum())(weft.tensor([1.0, 2.0]))
    tensor([2., 4.])
    >>> weft.func.grad(weft.func.grad(lambda x: x * x * x))(weft.tensor(2.0))
    tensor(12.)
    """

    def gradient(*args, **options):
        g, _, aux = _differentiate(func, argnums, has_aux, args, options)
        return (g, aux) if has_aux else g

    return gradient


def value_and_grad(func, argnums=0, has_aux=False):
    """As grad(), but the new function returns (value, gradient), or ((value, aux), gradient).

    >>> weft.func.value_and_grad(lambda x: x * x)(weft.tensor(3.0))
    (tensor(9.), tensor(6.))
    """

    def both(*args, **options):
        g, value, aux = _differentiate(func, argnums, has_aux, args, options)
        return ((value, aux) if has_aux else value), g

    return both


def vjp(func, *primals):
    """func(*primals), and a function from a cotangent of its result to those of the primals, a
    tuple.

    >>> value, pull = weft.func.vjp(lambda x: x * x, weft.tensor([1.0, 2.0]))
    >>> pull(weft.tensor([1.0, 10.0]))
    (tensor([ 2., 40.]),)
    """
    nested = any(p.requires_grad for p in primals)
    with enable_grad():
        variables = [_variable(p) for p in primals]
        value = func(*variables)

    def pull(cotangent):
        gradients = _grad(
            value, variables, cotangent, retain_graph=True, create_graph=nested, allow_unused=True
        )
        return tuple(
            _weft.zeros_like(p) if g is None else g for p, g in zip(primals, gradients)
        )

    return value if nested else value.detach(), pull
