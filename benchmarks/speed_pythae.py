"""The side of speed.py that trains pythae's Adversarial_AE, by its own trainer.

pythae asks for the package `dataclasses`, which Python has had since 3.7: install it by
`pip install --no-deps pythae`, beside `pip install imageio pydantic`.
"""

import logging
import tempfile

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import Adversarial_AE, Adversarial_AE_Config
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseDiscriminator, BaseEncoder
from pythae.trainers import AdversarialTrainer, AdversarialTrainerConfig
from pythae.trainers.training_callbacks import CallbackHandler, TrainingCallback
from speed_peers import BETAS, LEARNING_RATE, make_networks

# Each module of pythae prints through a logger of its own.
for name in logging.root.manager.loggerDict:
    if name.startswith("pythae"):
        logging.getLogger(name).setLevel(logging.ERROR)


class Encoder(BaseEncoder):
    """Our layers, with the posterior's variance that pythae asks for and ignores."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def forward(self, x):
        """Encode x."""
        z = self.layers(x)
        return ModelOutput(embedding=z, log_covariance=torch.zeros_like(z))


class Decoder(BaseDecoder):
    """Our layers."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def forward(self, z):
        """Decode z."""
        return ModelOutput(reconstruction=self.layers(z))


class Discriminator(BaseDiscriminator):
    """Our layers, with the sigmoid that pythae's cross-entropy asks for."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def forward(self, z):
        """Return the probability that z is a prior sample."""
        return ModelOutput(embedding=self.layers(z).sigmoid())


class QuietTrainer(AdversarialTrainer):
    """Without progress bar, console metrics and the final copy on disk.

    What stays is a copy of the model in memory after each epoch that is the best so
    far: its options do not leave it out.
    """

    def _setup_callbacks(self):
        self.callback_handler = CallbackHandler([TrainingCallback()], self.model)

    def save_model(self, model, dir_path):
        """Do nothing."""


def prepare_pythae(problem):
    """Return a trainer of the problem."""
    size = problem.size
    torch.manual_seed(0)
    networks = make_networks(size)
    model = Adversarial_AE(
        Adversarial_AE_Config(
            input_dim=(size.n_features,),
            latent_dim=size.code,
            reconstruction_loss="mse",
            # As AAETransformer weighs a mean over columns; pythae takes their sum.
            reconstruction_loss_scale=min(2.0 * size.code**3, 1000.0) / size.n_features,
            adversarial_loss_scale=1.0,
            deterministic_posterior=True,
        ),
        encoder=Encoder(networks.encoder),
        decoder=Decoder(networks.decoder),
        discriminator=Discriminator(networks.critic),
    )
    config = AdversarialTrainerConfig(
        per_device_train_batch_size=size.batch_size,
        num_epochs=problem.epochs,
        autoencoder_learning_rate=LEARNING_RATE,
        autoencoder_optimizer_params={"betas": BETAS},
        discriminator_learning_rate=LEARNING_RATE,
        discriminator_optimizer_params={"betas": BETAS},
        no_cuda=problem.device == "cpu",
    )
    rows = torch.from_numpy(problem.scaled)
    dataset = BaseDataset(rows, torch.zeros(len(rows)))
    return QuietTrainer(model, dataset, training_config=config)


def train_pythae(problem, trainer):
    """Train, and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        trainer.training_config.output_dir = folder
        trainer.train()
    model = trainer.model.eval()

    @torch.no_grad()
    def reconstruct():
        x = torch.from_numpy(problem.scaled).to(problem.device)
        return model({"data": x}).recon_x.cpu().numpy()

    return reconstruct
