"""AAETransformer: an adversarial autoencoder as a dimensionality reducer."""

from sklearn_aae.estimators._base import BaseAAE
from sklearn_aae.estimators._family import checks_arguments
from sklearn_aae.estimators._inference import CodeMixin


@checks_arguments
class AAETransformer(CodeMixin, BaseAAE):
    """Adversarial autoencoder: a code of few columns that follows a chosen prior.

    An encoder q(z|x) and a decoder p(x|z) learn to reconstruct the rows, while a critic
    D(z) learns to tell codes from samples of the prior p(z) and the encoder learns to
    fool it [1]_. The codes can then be decoded, sampled and compared like draws from
    the prior. The loss of encoder and decoder is

        min(2 k³, 1000) · E[-log p(x|z)] / d + regularization_strength · L,

    a mean over the d columns (constant ones not counted), so that a strength means the
    same for tables of any width, with a weight that grows with the k columns of the
    code; L is the generator's loss or the divergence that `regularizer` names.

    Read more in the user guide.

    Parameters
    ----------
    n_components : int, default=2
        Number of columns of the code.

    hidden_layer_sizes : sequence of int, default=(256, 256)
        Units of the encoder's hidden layers; the decoder has them in reverse.

    activation : {"relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "identity"}, \
            default="gelu"
        Activation of the hidden layers.

    normalization : {"batch", "layer"} or None, default="batch"
        Normalisation in the encoder and its heads. Never in the decoder and critic.

    dropout : float, default=0.0
        Share of the hidden units of encoder and decoder that are dropped in training.

    posterior : {"deterministic", "gaussian", "universal"}, default="deterministic"
        Kind of q(z|x) ([1]_, section 2.1): a point; N(μ(x), diag σ(x)²); or f(x, η)
        with Gaussian noise η beside the input.

    prior : {"gaussian", "uniform", "laplace", "gamma", "gaussian_mixture", \
            "swiss_roll", "categorical"}, Prior, torch Distribution or callable, \
            default="gaussian"
        What the codes are made to look like. A callable is
        ``draw(n_samples, random_state) -> array of shape (n_samples, n_components)``.
        See `sklearn_aae.priors` for shapes and scales.

    regularizer : {"adversarial", "kl", "mmd", "sliced_wasserstein"} or None, \
            default="adversarial"
        What pulls the codes to the prior: a critic (AAE), KL(q(z|x) ‖ p(z)) (VAE, whose
        posterior is Gaussian if `posterior` is "deterministic"), the maximum mean
        discrepancy (WAE-MMD), the sliced Wasserstein distance (SWAE), or nothing (plain
        autoencoder).

    adversarial_loss : {"bce", "least_squares", "hinge", "wasserstein", \
            "relativistic"}, default="bce"
        Objective of the game.

    gradient_penalty : float, default=0.0
        Weight of the critic's gradient penalty. "wasserstein" needs one (10 is usual).

    gradient_penalty_type : {"auto", "r1", "r2", "r1_r2", "wgan_gp"}, default="auto"
        Where the penalty is taken: at prior samples, at codes, at both, or between them
        towards norm 1. "auto" is "wgan_gp" for "wasserstein" and "r1_r2" otherwise.

    regularization_strength : float, default=1.0
        Weight of the regularizer against the reconstruction. With
        ``update="alternating"`` it multiplies the learning rate of the regularizer's
        step instead: Adam forgets the scale of a loss.

    critic_hidden_layer_sizes : sequence of int, default=None
        Units of the critic's hidden layers; None for `hidden_layer_sizes`.

    reconstruction : {"auto", "gaussian", "laplace", "bernoulli"}, default="auto"
        Kind of p(x|z) of numbers: squared error, absolute error, or cross-entropy for
        columns in [0, 1] (with ``scale="minmax"``). "auto" is "gaussian". Categories
        have the cross-entropy, weighted to pull like a column of variance 1.

    input_noise : float, default=0.0
        Standard deviation of the noise on the scaled input in training (denoising).

    input_dropout : float, default=0.0
        Share of the input's cells that are hidden in training (denoising): they are
        missing, and a column beside each says so; to an encoder of your own they are 0.

    scale : {"standard", "quantile", "minmax", "range", "common"} or None, \
            default="standard"
        Scaling of the columns, by scikit-learn's scaler of that name. "common" centres
        them and divides all by one number, for columns of one unit, such as pixels;
        "range" divides each by its range before.

    categorical_features : "from_dtype", array-like, dict or None, default="from_dtype"
        Columns that hold categories: by name, number or mask. "from_dtype" takes text,
        categories and booleans of a frame; so does a dict, which says the categories of
        some columns: for `partial_fit`, whose first chunk may lack some. None takes
        numbers only.

    count_features : array-like or None, default=None
        Columns that hold counts, by name, number or mask: whole numbers from 0 on.
        Their logarithms enter, and what comes out is a zero-inflated negative binomial
        distribution (Greene 1994), whatever `scale` and `reconstruction` say; rows that
        are drawn or reconstructed hold whole numbers.

    clip : bool, default=True
        Whether rows that come out stay within the range of the training rows. Columns
        of integers always do.

    learning_rate : float, default=0.001
        Adam's step size.

    critic_learning_rate : float, default=None
        Step size of the critic; None for `learning_rate`.

    learning_rate_schedule : {"constant", "cosine", "one_cycle"}, default="cosine"
        Course of the step sizes over the training.

    update : {"joint", "alternating"}, default="joint"
        Whether one encoder pass serves a whole step, or each phase makes its own pass
        and step as in [1]_. In steps of their own strengths multiply learning rates,
        as Adam forgets the scale of a loss; where there is a `reconstruction_strength`,
        they count against it.

    batch_size : int, default=128
        Rows of a step, and samples of the prior. Fewer rows than this make one batch,
        with no more samples than rows if that is more than 1,024.

    max_iter : int, default=100
        Number of epochs.

    early_stopping : bool, default=False
        Stop when the criterion (see `loss_`) of held-out rows has not improved, and
        return to the best epoch.

    validation_fraction : float, default=0.1
        Share of the rows that early stopping holds out, without `X_val`.

    n_iter_no_change : int, default=10
        Epochs without improvement before early stopping.

    tol : float, default=0.001
        What counts as improvement.

    n_init : int, default=1
        Number of trainings from different random weights (your own modules start as
        they are), as one stack; the one of the lowest `loss_` is kept.

    warm_start : bool, default=False
        Whether `fit` trains the fitted networks on.

    encoder, decoder : nn.Module, default=None
        Your own networks: from (scaled) rows to codes (to 2 n_components columns for a
        Gaussian posterior), and from codes to rows. An encoder also gets a column for
        each one with missing cells, 1 where one is missing, and the noise of a
        universal posterior. They are copied, never changed.

    callbacks : list of skorch callbacks, default=None
        Called at the beginning and end of training, epochs and batches, and with the
        gradients. Restarts share them. Models with callbacks train one by one. The user
        guide lists those of skorch; what a training cannot serve is refused by `fit`.
        A scheduler of learning rates needs ``learning_rate_schedule="constant"``.

    compile : bool, default=True
        Whether a long training (200 steps and more), or the latest of several shorter
        ones, records its first step as a list of tensor operations and replays it: the
        same numbers, in about half the time for small networks. Trainings with your own
        modules or callbacks are never recorded. ``net_.recorded_`` tells whether the
        latest training was.

    device : str or torch.device, default="auto"
        "auto" takes a GPU where there is one.

    random_state : int, RandomState or None, default=None
        Of weights, batches and noise. An int gives the same bits again on this
        machine, with as many threads of torch. The global random states are never
        touched.

    verbose : int, default=0
        Whether to print a line for each epoch.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if they are strings.

    n_iter_ : int
        Number of epochs trained.

    loss_ : float
        The criterion, on held-out rows where there are any, else on training rows: the
        share of variance that the reconstruction misses, plus the normalised energy
        distance of codes and prior. 0 is best.

    history_ : list of dict
        For each epoch: mean "reconstruction" (nats a column), "critic" and "generator"
        (or the divergence's name); of its last batch "critic_accuracy" (share of pairs
        of prior sample and code told apart rightly, 0.5 is a draw) and "prior_match" (0
        is best); with held-out rows "valid_loss" and "valid_loss_best"; "dur" in
        seconds (of a model trained in a stack, its share).

    net_ : AAENet
        The skorch net that trained.

    encoder_, decoder_ : nn.Module
        The networks that answer.

    prior_ : Prior
        The prior.

    columns_ : TableColumns
        What each column is: its categories, or its range.

    residuals_ : ndarray of shape (`n_features_in_`,)
        Root mean square of what the reconstruction misses of each numeric column, in
        units of `scale`; 0 for columns of categories and counts.

    preprocessor_ : TablePreprocessor
        The scaling.

    classes_ : ndarray of shape (n_classes,)
        The labels, if the prior was conditioned on them.

    See Also
    --------
    sklearn.decomposition.PCA : Linear dimensionality reduction.

    References
    ----------
    .. [1] Makhzani, Shlens, Jaitly, Goodfellow, Frey, "Adversarial Autoencoders", 2016,
       https://arxiv.org/abs/1511.05644

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import AAETransformer
    >>> X, _ = load_iris(return_X_y=True)
    >>> aae = AAETransformer(n_components=2, max_iter=20, random_state=0)
    >>> aae.fit_transform(X).shape
    (150, 2)
    >>> aae.sample(3, random_state=0).shape
    (3, 4)
    """
