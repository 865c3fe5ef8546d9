"""weft.backends: switches that are attributes of modules."""

import pytest

import weft
import weft.backends.cudnn as cudnn


def test_benchmark_is_a_switch_of_the_library():
    assert cudnn is weft.backends.cudnn
    assert cudnn.benchmark is False
    cudnn.benchmark = True
    assert cudnn.benchmark is True
    cudnn.benchmark = False
    assert cudnn.benchmark is False


def test_tf32_is_one_switch_with_the_precision_of_products():
    assert not cudnn.allow_tf32 and not weft.backends.cuda.matmul.allow_tf32
    weft.backends.cuda.matmul.allow_tf32 = True
    assert weft.get_float32_matmul_precision() == "high" and cudnn.allow_tf32
    weft.set_float32_matmul_precision("medium")
    cudnn.allow_tf32 = True
    assert weft.get_float32_matmul_precision() == "medium"
    cudnn.allow_tf32 = False
    assert weft.get_float32_matmul_precision() == "highest"


def test_results_are_always_deterministic():
    cudnn.deterministic = False
    assert cudnn.deterministic is True


@pytest.mark.parametrize("module", [cudnn, weft.backends.cuda.matmul])
def test_what_is_no_switch_cannot_be_set_in_vain(module):
    with pytest.raises(AttributeError, match="no switch 'benchmark_limit'"):
        module.benchmark_limit = 3
