"""The sides of images.py besides ours, with the same convolutional networks.

pythae: see speed_pythae.py for how it is installed.
"""

import tempfile
from dataclasses import dataclass

import numpy as np
import torch
from speed_peers import BETAS, alternate, make_optimizers, perceptron
from torch import nn

LEARNING_RATE = 2e-3
CHANNELS = (16, 32, 64)
CRITIC = 256


@dataclass(frozen=True, eq=False)
class Problem:
    """Pictures in [0, 1], flat, and how they are trained on."""

    X: np.ndarray
    code: int = 8
    epochs: int = 1
    batch_size: int = 128
    seed: int = 0


class ConvNetworks(nn.Module):
    """Encoder, decoder and critic: the layers of `AAETransformer`, 28 x 28 pixels."""

    def __init__(self, code):
        super().__init__()
        layers, before = [nn.Unflatten(1, (1, 28, 28))], 1
        for n in CHANNELS:
            layers += [nn.Conv2d(before, n, 4, 2, 1), nn.BatchNorm2d(n), nn.GELU()]
            before = n
        layers += [nn.Flatten(), nn.Linear(9 * before, code), nn.BatchNorm1d(code)]
        self.encoder = nn.Sequential(*layers)
        layers = [
            nn.Linear(code, 9 * before),
            nn.GELU(),
            nn.Unflatten(1, (before, 3, 3)),
        ]
        for n, odd in ((32, 1), (16, 0), (1, 0)):
            layers += [nn.ConvTranspose2d(before, n, 4, 2, 1, odd), nn.GELU()]
            before = n
        self.decoder = nn.Sequential(*layers[:-1], nn.Flatten())
        self.critic = perceptron(code, CRITIC, 1)

    def forward(self, x):
        """Reconstruct x."""
        return self.decoder(self.encoder(x))


def train_by_hand(problem):
    """Train in a plain PyTorch loop: pictures in memory, no DataLoader."""
    torch.manual_seed(problem.seed)
    networks = ConvNetworks(problem.code)
    optimizers = make_optimizers(networks, LEARNING_RATE)
    X = torch.from_numpy(problem.X)
    for _ in range(problem.epochs):
        for rows in torch.randperm(len(X)).split(problem.batch_size):
            alternate(networks, optimizers, X[rows])
    return networks.eval()


def train_joint_by_hand(problem):
    """The same with one pass of the encoder for all losses, as ours has it."""
    torch.manual_seed(problem.seed)
    networks = ConvNetworks(problem.code)
    encoder, decoder, critic = networks.encoder, networks.decoder, networks.critic
    ours = [*encoder.parameters(), *decoder.parameters()]
    step = torch.optim.Adam(ours, LEARNING_RATE, BETAS, fused=True)
    critic_step = torch.optim.Adam(
        critic.parameters(), LEARNING_RATE, BETAS, fused=True
    )
    X, loss_of = torch.from_numpy(problem.X), nn.functional.softplus
    for _ in range(problem.epochs):
        for rows in torch.randperm(len(X)).split(problem.batch_size):
            x = X[rows]
            z = encoder(x)
            critic_step.zero_grad()
            real, fake = critic(torch.randn_like(z)), critic(z.detach())
            (loss_of(-real).mean() + loss_of(fake).mean()).backward()
            critic_step.step()
            step.zero_grad()
            missed = (decoder(z) - x).square().mean()
            (1000 * missed + loss_of(-critic(z)).mean()).backward()
            step.step()
    return networks.eval()


def prepare_pythae(problem):
    """Return a trainer of pythae's AAE, and its networks."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import Adversarial_AE, Adversarial_AE_Config
    from pythae.trainers import AdversarialTrainerConfig
    from speed_pythae import Decoder, Discriminator, Encoder, QuietTrainer

    torch.manual_seed(problem.seed)
    networks = ConvNetworks(problem.code)
    rows = torch.from_numpy(problem.X)
    data = BaseDataset(rows, torch.zeros(len(rows)))
    shared = {"input_dim": (784,), "latent_dim": problem.code}
    shared["reconstruction_loss"] = "mse"
    training = {
        "per_device_train_batch_size": problem.batch_size,
        "num_epochs": problem.epochs,
        "no_cuda": True,
    }
    model = Adversarial_AE(
        Adversarial_AE_Config(
            **shared,
            reconstruction_loss_scale=min(2.0 * problem.code**3, 1000.0) / 784,
            adversarial_loss_scale=1.0,
            deterministic_posterior=True,
        ),
        encoder=Encoder(networks.encoder),
        decoder=Decoder(networks.decoder),
        discriminator=Discriminator(networks.critic),
    )
    config = AdversarialTrainerConfig(
        **training,
        autoencoder_learning_rate=LEARNING_RATE,
        autoencoder_optimizer_params={"betas": BETAS},
        discriminator_learning_rate=LEARNING_RATE,
        discriminator_optimizer_params={"betas": BETAS},
    )
    return QuietTrainer(model, data, training_config=config), networks


def train_pythae(problem):
    """Train pythae's AAE; return its networks."""
    trainer, networks = prepare_pythae(problem)
    with tempfile.TemporaryDirectory() as folder:
        trainer.training_config.output_dir = folder
        trainer.train()
    kept = trainer.model.eval()
    networks.encoder, networks.decoder = kept.encoder.layers, kept.decoder.layers
    return networks.eval()
