"""Copies and pickles of what a class of C++ makes itself, held by others too."""

import copy

import pytest
import weft
from test_pickle_nn import PICKLED, same, small_alexnet
from weft import nn


@pytest.fixture(params=PICKLED)
def again(request):
    return PICKLED[request.param]


class Watching(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net, self.features, self.list = net, net.features, [net.classifier[-1]]
        net.features.register_forward_hook(self.seen)
        self.calls = 0

    def seen(self, *_):
        self.calls += 1


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 0, 3, 2), (2, 3, 0, 1)])
def test_a_part_of_alexnet_that_others_hold_stays_one(again, order):
    net = small_alexnet()
    net(weft.ones(1, 3, 32, 32))
    holder = nn.Sequential(net.features, nn.Flatten())
    everything = (net, net.features, Watching(net), holder)
    copies = again([everything[i] for i in order])
    net2, features, watching, holder2 = (copies[order.index(i)] for i in range(4))
    same(net, net2), same(everything[2], watching), same(holder, holder2)
    assert net2.features is features is watching.features is holder2[0] and watching.net is net2
    assert watching.list[0] is net2.classifier[-1]
    assert [n for n, _ in watching.named_modules()] == [n for n, _ in everything[2].named_modules()]
    net2(weft.ones(1, 3, 32, 32)), holder2(weft.ones(1, 3, 32, 32))
    assert watching.calls == 2 and everything[2].calls == 0
    net2.eval()
    assert not holder2[0].training and not features[0].training
    features.append(nn.Identity())
    assert len(net2.features) == len(holder2[0]) == len(net.features) + 1


def test_a_shallow_copy_leaves_parts_where_they_are():
    net = small_alexnet()
    net(weft.ones(1, 3, 32, 32))
    features = net.features
    for other in copy.copy(net), copy.copy(copy.deepcopy(net)):
        assert other.features is not features and net.features is features
        assert other(weft.ones(1, 3, 32, 32)).shape == (1, 10)
    other = small_alexnet()
    other.__setstate__(net.__getstate__())
    assert other.features is not features
    assert all(a is b for a, b in zip(net.parameters(), other.parameters()))
