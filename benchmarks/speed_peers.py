"""The sides of speed.py that train one model: ours, skorch's, by hand, bare products.

All train the same networks on the same rows for as many epochs, with Adam(1e-3,
betas=(0.5, 0.999)), a Gaussian prior, squared error and the cross-entropy game. Each
side's run returns a function that reconstructs the scaled rows, so that a side that
is fast because it learns nothing shows.
"""

import math
from itertools import chain

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNet
from skorch.dataset import unpack_data
from skorch.utils import to_tensor
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from sklearn_aae import AAETransformer

LEARNING_RATE = 1e-3
BETAS = (0.5, 0.999)


# --- ours ---------------------------------------------------------------------


def our_model(size, epochs, device="cpu", **options):
    """Return our estimator of a size."""
    return AAETransformer(
        n_components=size.code,
        hidden_layer_sizes=(size.hidden, size.hidden),
        activation="relu",
        batch_size=size.batch_size,
        max_iter=epochs,
        random_state=0,
        device=device,
        **options,
    )


def train_ours(problem):
    """Fit our estimator, scaling and calibration included."""
    model = our_model(problem.size, problem.epochs, problem.device).fit(problem.X)

    def reconstruct():
        scaler = StandardScaler().fit(problem.X)
        return scaler.transform(model.reconstruct(problem.X))

    return reconstruct


# --- the paper's step, as one writes it ---------------------------------------


class Networks(nn.Module):
    """Encoder, decoder and critic: the layers of `AAETransformer`."""

    def __init__(self, n_features, hidden, code):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(n_features, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, code),
            nn.BatchNorm1d(code),
        )
        self.decoder = perceptron(code, hidden, n_features)
        self.critic = perceptron(code, hidden, 1)

    def forward(self, x):
        """Reconstruct x."""
        return self.decoder(self.encoder(x))


def perceptron(n_in, hidden, n_out):
    """Return two plain hidden layers and a linear head."""
    return nn.Sequential(
        nn.Linear(n_in, hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Linear(hidden, n_out),
    )


def make_networks(size):
    """Return the untrained networks of a size."""
    return Networks(size.n_features, size.hidden, size.code)


def make_optimizers(networks, learning_rate=LEARNING_RATE, strength=1.0):
    """Return one Adam for each phase; the strength acts on the generator's rate."""
    encoder, decoder = networks.encoder.parameters(), networks.decoder.parameters()
    return (
        torch.optim.Adam(chain(encoder, decoder), learning_rate, BETAS),
        torch.optim.Adam(networks.critic.parameters(), learning_rate, BETAS),
        torch.optim.Adam(
            networks.encoder.parameters(), learning_rate * strength, BETAS
        ),
    )


def alternate(networks, optimizers, x):
    """Reconstruct, train the critic, fool it; return reconstruction and its loss."""
    encoder, critic = networks.encoder, networks.critic
    autoencoder_step, critic_step, generator_step = optimizers

    autoencoder_step.zero_grad()
    x_hat = networks(x)
    loss = nn.functional.mse_loss(x_hat, x)
    loss.backward()
    autoencoder_step.step()

    with torch.no_grad():
        code = encoder(x)
    real, fake = critic(torch.randn_like(code)), critic(code)
    critic_step.zero_grad()
    real_loss = binary_cross_entropy_with_logits(real, torch.ones_like(real))
    fake_loss = binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    (real_loss + fake_loss).backward()
    critic_step.step()

    generator_step.zero_grad()
    fake = critic(encoder(x))
    binary_cross_entropy_with_logits(fake, torch.ones_like(fake)).backward()
    generator_step.step()
    return x_hat, loss


def train_by_hand(problem):
    """Train in a plain PyTorch loop: rows in memory, no DataLoader."""
    size, device = problem.size, problem.device
    torch.manual_seed(0)
    networks = make_networks(size).to(device)
    optimizers = make_optimizers(networks)
    X = torch.from_numpy(problem.scaled).to(device)
    for _ in range(problem.epochs):
        order = torch.randperm(len(X), device=device)
        for rows in order.split(size.batch_size):
            alternate(networks, optimizers, X[rows])

    @torch.no_grad()
    def reconstruct():
        return networks.eval()(X).cpu().numpy()

    return reconstruct


# --- skorch -------------------------------------------------------------------


class AlternatingNet(NeuralNet):
    """The paper's step in skorch's loop."""

    def __init__(self, *args, strength=1.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.strength = strength

    def initialize_optimizer(self, triggered_directly=None):
        """Create an optimiser for each phase."""
        (
            self.optimizer_,
            self.critic_optimizer_,
            self.generator_optimizer_,
        ) = make_optimizers(self.module_, self.lr, self.strength)
        return self

    def train_step(self, batch, **fit_params):
        """Let each phase take its step.

        `train_step_single` would not do: skorch steps all optimisers after it.
        """
        self._set_training(True)
        x = to_tensor(unpack_data(batch)[0], device=self.device)
        optimizers = self.optimizer_, self.critic_optimizer_, self.generator_optimizer_
        x_hat, loss = alternate(self.module_, optimizers, x)
        return {"loss": loss.detach(), "y_pred": x_hat.detach()}


class SkorchAAE(TransformerMixin, BaseEstimator):
    """A skorch net as a scikit-learn transformer, ready for a grid search."""

    def __init__(
        self,
        n_components=2,
        *,
        hidden=64,
        batch_size=128,
        max_iter=100,
        learning_rate=LEARNING_RATE,
        regularization_strength=1.0,
        device="cpu",
        random_state=0,
    ):
        self.n_components = n_components
        self.hidden = hidden
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.regularization_strength = regularization_strength
        self.device = device
        self.random_state = random_state

    def fit(self, X, y=None):
        """Scale the columns and train, on all rows."""
        torch.manual_seed(self.random_state)
        self.scaler_ = StandardScaler().fit(X)
        self.net_ = AlternatingNet(
            Networks,
            nn.MSELoss,
            module__n_features=X.shape[1],
            module__hidden=self.hidden,
            module__code=self.n_components,
            lr=self.learning_rate,
            strength=self.regularization_strength,
            batch_size=self.batch_size,
            max_epochs=self.max_iter,
            iterator_train__shuffle=True,
            train_split=None,
            device=self.device,
            verbose=0,
        ).fit(self._scaled(X), None)
        return self

    def _scaled(self, X):
        return self.scaler_.transform(X).astype(np.float32)

    def transform(self, X):
        """Encode rows."""
        encoder = self.net_.module_.encoder.eval()
        with torch.no_grad():
            x = torch.from_numpy(self._scaled(X)).to(self.device)
            return encoder(x).cpu().numpy()

    def reconstruct_scaled(self, X):
        """Encode and decode rows, in scaled columns."""
        return self.net_.predict(self._scaled(X))

    def score(self, X, y=None):
        """Return what `AAETransformer.score` does: mean log N(x; x_hat, I)."""
        rows = self._scaled(X).astype(np.float64)
        squares = np.square(rows - self.reconstruct_scaled(X)).sum(1)
        return float(-0.5 * (squares + rows.shape[1] * math.log(2 * math.pi)).mean())


def skorch_model(size, epochs, device="cpu"):
    """Return the skorch transformer of a size."""
    return SkorchAAE(
        size.code,
        hidden=size.hidden,
        batch_size=size.batch_size,
        max_iter=epochs,
        device=device,
    )


def train_skorch(problem):
    """Fit the skorch transformer, scaling included."""
    model = skorch_model(problem.size, problem.epochs, problem.device).fit(problem.X)
    return lambda: model.reconstruct_scaled(problem.X)


# --- the floor ----------------------------------------------------------------


def step_products(networks, batch_size, device):
    """Return operands and output of each matrix product that one joint step needs."""
    encoder, decoder, critic = (
        [layer.weight.detach() for layer in network if isinstance(layer, nn.Linear)]
        for network in (networks.encoder, networks.decoder, networks.critic)
    )
    pairs = []

    def random(*shape):
        return torch.randn(shape, device=device)

    def forward(weights, rows):
        pairs.extend((random(rows, w.shape[1]), w.T) for w in weights)

    def weight_gradients(weights, rows):
        pairs.extend(
            (random(rows, len(w)).T, random(rows, w.shape[1])) for w in weights
        )

    def input_gradients(weights, rows):
        pairs.extend((random(rows, len(w)), w) for w in weights)

    forward(encoder, batch_size)
    # The critic: prior samples and codes in one pass; neither needs a gradient.
    forward(critic, 2 * batch_size)
    weight_gradients(critic, 2 * batch_size)
    input_gradients(critic[1:], 2 * batch_size)
    # The generator passes through the critic as it is.
    forward(critic, batch_size)
    input_gradients(critic, batch_size)
    forward(decoder, batch_size)
    weight_gradients(decoder, batch_size)
    input_gradients(decoder, batch_size)
    # One backward pass of the encoder serves reconstruction and generator.
    weight_gradients(encoder, batch_size)
    input_gradients(encoder[1:], batch_size)
    return [(a, b, random(len(a), b.shape[1])) for a, b in pairs]


def prepare_products(problem):
    """Return the products of a step, and an optimiser with gradients in place."""
    networks = make_networks(problem.size).to(problem.device)
    parameters = list(networks.parameters())
    for parameter in parameters:
        parameter.grad = 1e-3 * torch.randn_like(parameter)
    optimizer = torch.optim.Adam(parameters, LEARNING_RATE, BETAS, fused=True)
    return step_products(networks, problem.size.batch_size, problem.device), optimizer


def run_products(problem, prepared):
    """Do the products and the update of all steps of a training."""
    products, optimizer = prepared
    n_steps = math.ceil(len(problem.X) / problem.size.batch_size)
    with torch.no_grad():
        for _ in range(problem.epochs * n_steps):
            for a, b, out in products:
                torch.mm(a, b, out=out)
            optimizer.step()
