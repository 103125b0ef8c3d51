"""Devices: what "auto" takes, what is refused, threads given back."""

import pytest
import torch

from sklearn_aae.utils import _device
from sklearn_aae.utils._device import Device, available, resolve_device, torch_threads


def pretend(monkeypatch, *names):
    """Make this machine have the devices `names`."""
    monkeypatch.setattr(_device, "available", lambda name: name in names)


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        (("cpu",), "cpu"),
        (("cpu", "mps"), "mps"),
        (("cpu", "mps", "xpu"), "xpu"),
        (("cpu", "mps", "xpu", "cuda"), "cuda"),
        (("cpu", "cuda"), "cuda"),
    ],
)
def test_auto_takes_the_first_that_is_there(monkeypatch, there, taken):
    pretend(monkeypatch, *there)
    assert resolve_device("auto").torch_device == torch.device(taken)


@pytest.mark.parametrize("name", ["cpu", torch.device("cpu")])
def test_a_named_device_is_taken(name):
    assert resolve_device(name).torch_device == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "", "CPU", None, 1.5])
def test_a_name_torch_does_not_know_is_refused(name):
    with pytest.raises(ValueError, match="'device' parameter must be 'auto' or"):
        resolve_device(name)


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps", "xpu", torch.device("cuda")])
def test_a_device_that_is_absent_is_refused(monkeypatch, name):
    pretend(monkeypatch, "cpu")
    with pytest.raises(ValueError, match="not available on this machine") as error:
        resolve_device(name)
    assert repr(str(name)) in str(error.value)
    assert "device='auto'" in str(error.value)


def test_a_device_that_torch_has_but_we_do_not_is_refused():
    with pytest.raises(ValueError, match="'meta' is not available"):
        resolve_device("meta")


@pytest.mark.parametrize(("name", "fits"), [("cuda:1", True), ("cuda:2", False)])
def test_the_number_of_a_device_must_exist(monkeypatch, name, fits):
    pretend(monkeypatch, "cpu", "cuda")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    if fits:
        assert resolve_device(name).torch_device == torch.device(name)
    else:
        with pytest.raises(ValueError, match="'cuda:2' is not available"):
            resolve_device(name)


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("cuda", torch.cuda),
        ("mps", torch.backends.mps),
        ("xpu", torch.xpu),
    ],
)
@pytest.mark.parametrize("there", [True, False])
def test_available_asks_torch(monkeypatch, name, owner, there):
    monkeypatch.setattr(owner, "is_available", lambda: there)
    assert available(name) is there


def test_the_cpu_is_always_available():
    assert available("cpu")
    assert not available("abacus")


@pytest.mark.parametrize(
    ("name", "small_batch", "training", "inference"),
    [
        ("cpu", True, torch.float64, torch.float64),
        ("cpu", False, torch.float32, torch.float64),
        ("cuda", True, torch.float32, torch.float32),
        ("mps", False, torch.float32, torch.float32),
    ],
)
def test_dtypes(name, small_batch, training, inference):
    device = Device(torch.device(name))
    assert device.training_dtype(small_batch) == training
    assert device.inference_dtype == inference


@pytest.fixture
def threads(monkeypatch):
    """Pretend to have four threads; return the list of what was set."""
    now = [4]
    monkeypatch.setattr(torch, "get_num_threads", lambda: now[-1])
    monkeypatch.setattr(torch, "set_num_threads", now.append)
    return now


def test_small_work_takes_one_thread_and_gives_the_count_back(threads):
    with torch_threads(1e3):
        assert torch.get_num_threads() == 1
    assert threads == [4, 1, 4]


def test_threads_come_back_when_the_work_fails(threads):
    with pytest.raises(KeyboardInterrupt), torch_threads(1e3):
        raise KeyboardInterrupt
    assert threads[-1] == 4


def test_large_work_keeps_the_threads(threads):
    with torch_threads(1e12):
        assert torch.get_num_threads() == 4
    assert threads == [4]
