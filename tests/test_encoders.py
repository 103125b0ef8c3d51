"""Every encoder by the same tests; a new one is covered by its row in `ENCODERS`."""

import itertools

import pytest
import torch
from torch import nn
from torch.distributions import Distribution

from sklearn_aae import encoders
from sklearn_aae.distributions import Posterior
from sklearn_aae.encoders import ENCODERS
from sklearn_aae.nn import NORMALIZATIONS, ImageLayers
from sklearn_aae.objectives import row_mean
from sklearn_aae.utils._random import Streams

B, C, D, K = 8, 3, 5, 2  # rows, models in a stack, columns, code size
IMAGES = ImageLayers((8, 9, 1), (3, 4))

of_tables_and_pictures = pytest.mark.parametrize(
    "images", [None, IMAGES], ids=["table", "pictures"]
)

ENCODER_CASES = list(itertools.product(ENCODERS, [None, *NORMALIZATIONS]))


# A Gaussian posterior leaves the simplex, and is refused there.
SUPPORT_CASES = [
    (*case, support)
    for case in ENCODER_CASES
    for support in ("real", "simplex")
    if (case[0], support) != ("gaussian", "simplex")
]


@of_tables_and_pictures
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("name", "normalization"), ENCODER_CASES)
def test_encoder_returns_a_distribution(
    name, normalization, training, make_encoder, n_features, randn
):
    x = randn(B, n_features)
    q = make_encoder(name, normalization=normalization).train(training)(x)
    assert isinstance(q, Distribution)
    assert (q.batch_shape, q.event_shape) == ((B,), (K,))
    assert q.has_rsample
    for z in (q.rsample(), q.mean):
        assert z.shape == (B, K)
        assert z.dtype == x.dtype
        assert z.isfinite().all()


@pytest.mark.parametrize(
    ("images", "sizes", "n_classes"),
    [(None, (), 0), (None, (7, 6), 3), (IMAGES, (), 0), (IMAGES, (), 3)],
)
@pytest.mark.parametrize(("name", "normalization", "support"), SUPPORT_CASES)
def test_encoder_gradient_reaches_every_parameter(
    name, normalization, sizes, support, n_classes, make_encoder, n_features, randn
):
    options = {"hidden_layer_sizes": sizes, "support": support, "k": 3}
    options |= {"normalization": normalization, "n_classes": n_classes}
    encoder = make_encoder(name, **options)
    z = encoder(randn(B, n_features)).rsample()
    (z * randn(B, n_classes + 3)).sum().backward()
    for key, parameter in encoder.named_parameters():
        assert parameter.grad is not None, key
        # Batch normalisation takes away what the bias before it adds.
        cancelled = normalization == "batch" and key.endswith("linear.bias")
        if not cancelled or "scale_head" in key:
            assert parameter.grad.abs().max() > 1e-6, key


@of_tables_and_pictures
@pytest.mark.parametrize(("name", "normalization"), ENCODER_CASES)
def test_encoder_answers_without_randomness(
    name, normalization, make_encoder, n_features, randn, close, rng_untouched
):
    options = {"input_noise": 0.5, "input_dropout": 0.3, "dropout": 0.2}
    encoder = make_encoder(name, normalization=normalization, **options).eval()
    x = randn(B, n_features)
    with rng_untouched():
        z = encoder(x).mean
        assert torch.equal(encoder(x).mean, z)
    close(encoder(x[2:5]).mean, z[2:5])  # a row's code is its own


@pytest.mark.parametrize("k", [1, 2, 4])
@pytest.mark.parametrize(("name", "normalization"), ENCODER_CASES)
def test_encoder_codes_can_fill_their_space(
    name, normalization, k, make_encoder, randn
):
    encoder = make_encoder(name, normalization=normalization, k=k)
    z = encoder.eval()(randn(50, D)).mean.detach().double().cpu()
    assert torch.linalg.matrix_rank(z - z.mean(0), rtol=1e-3) == k
    # More than the corners of a cube: no column takes a few values only.
    assert all(len(column.mul(1e3).round().unique()) > 10 for column in z.T)


@of_tables_and_pictures
@pytest.mark.parametrize(("name", "normalization", "support"), SUPPORT_CASES)
def test_encoder_row_weights_are_repetition(
    name,
    normalization,
    support,
    make_encoder,
    n_features,
    randn,
    close,
    repetition,
    monkeypatch,
):
    # The rows' own noise would tell copies of a row apart.
    monkeypatch.setattr(encoders, "standard_normal", torch.zeros_like)
    options = {"normalization": normalization, "support": support}
    weighted, plain = make_encoder(name, **options), make_encoder(name, **options)
    x, g = randn(B, n_features), randn(B, K)
    w = repetition.weights(x)
    q, q_plain = weighted(x, w), plain(repetition.copies(x))
    close(repetition.copies(q.mean), q_plain.mean)
    close(repetition.copies(q.rsample()), q_plain.rsample())

    row_mean((q.mean * g).sum(-1), w).backward()
    row_mean((q_plain.mean * repetition.copies(g)).sum(-1)).backward()
    other = dict(plain.named_parameters())
    for key, parameter in weighted.named_parameters():
        if parameter.grad is not None:
            close(parameter.grad, other[key].grad)


@of_tables_and_pictures
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("name", "normalization"), ENCODER_CASES)
def test_encoder_stack_equals_one_by_one(
    name,
    normalization,
    training,
    images,
    make_encoder,
    n_features,
    randn,
    close,
    stack,
    device,
):
    options = {"input_noise": 0.3, "input_dropout": 0.2, "dropout": 0.1}
    options["linear_skip"] = images is not None
    members = [
        make_encoder(name, seed, normalization=normalization, **options).train(training)
        for seed in range(C)
    ]
    together, x, seeds = stack(members), randn(C, B, n_features), [5, 6, 7]
    with Streams(seeds, device).active():
        q = together(x)
        z, mean = q.rsample(), q.mean
    assert (q.batch_shape, q.event_shape) == ((C, B), (K,))
    for c, member in enumerate(members):
        with Streams(seeds[c], device).active():
            alone = member(x[c])
            close(z[c], alone.rsample())
            close(mean[c], alone.mean)


@pytest.mark.parametrize("name", ENCODERS)
def test_encoder_noise_is_the_members_own_stream(
    name, make_encoder, randn, stack, device
):
    member = make_encoder(name, input_noise=0.3)
    together, x = stack([member] * 2), randn(B, D).expand(2, B, D)
    with Streams([5, 5], device).active():
        z = together(x).rsample()
        assert torch.equal(z[0], z[1])
    with Streams([5, 6], device).active():
        z = together(x).rsample()
        assert not torch.equal(z[0], z[1])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("draw", ["mean", "rsample"])
@pytest.mark.parametrize("name", [name for name in ENCODERS if name != "gaussian"])
def test_encoder_on_the_simplex(name, draw, training, make_encoder, randn, close):
    encoder = make_encoder(name, support="simplex", k=4).train(training)
    q = encoder(randn(B, D))
    z = q.mean if draw == "mean" else q.rsample()
    assert (z >= 0).all()
    close(z.sum(-1), torch.ones_like(z[:, 0]))


def test_gaussian_encoder_refuses_the_simplex(make_encoder):
    with pytest.raises(ValueError, match="posterior='gaussian' would leave it"):
        make_encoder("gaussian", support="simplex")


@pytest.mark.parametrize("option", ["input_noise", "input_dropout", "dropout"])
@pytest.mark.parametrize("name", ENCODERS)
def test_encoder_noise_acts_in_training_only(name, option, make_encoder, randn, close):
    noisy, clean = make_encoder(name, **{option: 0.5}), make_encoder(name)
    clean.load_state_dict(noisy.state_dict())
    x = randn(B, D)
    close(noisy.eval()(x).mean, clean.eval()(x).mean)
    with Streams(0, x.device).active():
        one, two = noisy.train()(x).mean, noisy(x).mean
    assert (one - two).abs().max() > 1e-3


def test_encoder_corruption_has_the_size_it_names(make_encoder, device, dtype):
    x = torch.zeros(400, D, device=device, dtype=dtype)
    noise = make_encoder("deterministic", input_noise=0.5).corrupt(x)
    assert float(noise.std()) == pytest.approx(0.5, rel=0.1)
    dropped = make_encoder("deterministic", input_dropout=0.25).corrupt(x + 1)
    assert float((dropped == 0).double().mean()) == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("name", ENCODERS)
def test_encoder_of_the_user(name, make_encoder, randn):
    shapes = make_encoder(name)
    module = nn.Linear(shapes.n_inputs, shapes.n_outputs)
    encoder = make_encoder(name, module=module)
    assert {p.shape for p in encoder.parameters()} == {
        p.shape for p in module.parameters()
    }
    q = encoder(randn(B, D))
    assert q.rsample().shape == (B, K)
    q.rsample().sum().backward()
    assert all(p.grad is not None for p in encoder.parameters())


@of_tables_and_pictures
def test_universal_posterior_depends_on_its_noise(make_encoder, n_features, randn):
    encoder, x = make_encoder("universal"), randn(1, n_features).expand(B, n_features)
    assert encoder(x).rsample().std(0).min() > 1e-3
    assert encoder.eval()(x).mean.std(0).max() < 1e-6


def test_gaussian_posterior_draws_with_its_scale(make_encoder, randn, device):
    q = make_encoder("gaussian")(randn(B, D))
    with Streams(0, device).active():
        z = q.rsample(torch.Size([5000]))
    torch.testing.assert_close(z.std(0), q.stddev, rtol=0.06, atol=0)
    torch.testing.assert_close(z.mean(0), q.mean, rtol=0, atol=0.01)


@pytest.mark.parametrize("n_classes", [0, 3])
@pytest.mark.parametrize("name", ENCODERS)
def test_posteriors_have_one_interface(name, n_classes, make_encoder, randn, close):
    encoder, x = make_encoder(name, n_classes=n_classes).eval(), randn(B, D)
    q = encoder(x)
    assert isinstance(q, Posterior)
    with Streams(0, x.device).active():
        code = q.rsample()
    assert code.shape == (B, n_classes + K)
    close(q.first(3).mean, q.mean[:3])
    assert isinstance(q.style, Posterior)
    if not n_classes:
        assert q.style is q
        with pytest.raises(NotImplementedError, match="infers no label"):
            q.label_logits(lambda: code)
        with pytest.raises(NotImplementedError, match="infers no label"):
            q.seen
        return
    close(q.label_logits(lambda: code).softmax(-1), code[:, :n_classes])
    close(q.seen, x)
    close(q.first(3).seen, x[:3])
    first = q.first(3).label_logits(lambda: code[:3])
    close(first.softmax(-1), code[:3, :n_classes])
