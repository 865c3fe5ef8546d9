"""What autocast makes of dtypes, as PyTorch's does on the CPU."""

import pytest
from autocast_table import cases, expected, result

import weft
import weft.nn.functional as F


@pytest.mark.parametrize("expression, dtypes", list(cases()))
def test_dtypes(expression, dtypes):
    assert result(weft, F, expression, dtypes) == expected(expression, dtypes)


@pytest.mark.parametrize("loss", [F.mse_loss, F.l1_loss, F.binary_cross_entropy_with_logits])
def test_losses_are_those_of_wide_operands(loss):
    x = weft.randn(64, generator=weft.Generator(1)).bfloat16().requires_grad_()
    y = weft.rand(64, generator=weft.Generator(2)).bfloat16()
    with weft.autocast():
        found = loss(x, y)
    wide = x.detach().float().requires_grad_()
    assert found.item() == loss(wide, y.float()).item()
    found.backward()
    loss(wide, y.float()).backward()
    assert x.grad.dtype is weft.bfloat16 and (x.grad == wide.grad.bfloat16()).all()


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}, {"weight": True}])
def test_cross_entropy(options):
    x = weft.randn(8, 5, generator=weft.Generator(3)).bfloat16().requires_grad_()
    y = weft.tensor([0, 1, 2, 3, 4, 0, 1, 2])
    weight = weft.rand(5, generator=weft.Generator(4)).bfloat16()
    given = {**options, "weight": weight} if "weight" in options else options
    with weft.autocast():
        found = F.cross_entropy(x, y, **given)
        assert weft.is_autocast_enabled()
    if "weight" in given:
        given["weight"] = weight.float()
    assert found.dtype is weft.float32
    assert found.item() == F.cross_entropy(x.float(), y, **given).item()
    found.backward()
    assert x.grad.dtype is weft.bfloat16


def test_an_error_leaves_it_on():
    with weft.autocast():
        with pytest.raises(weft.Error):
            F.nll_loss(weft.ones(2, 3), weft.tensor([0, 7]))
        with pytest.raises(weft.Error):
            F.pad(weft.ones(2, 3), (9, 9), mode="reflect")
        assert (weft.ones(2, 2) @ weft.ones(2, 2)).dtype is weft.bfloat16
