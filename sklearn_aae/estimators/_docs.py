"""What the parameters and attributes that estimators share are, for their docstrings.

A class documents what it adds; `_signature.document` fills in the rest from here.
"""

# Name -> (type, description); the default is that of the class.
PARAMETERS: dict[str, tuple[str, str]] = {
    "n_components": (
        "int",
        """Number of columns of the code.""",
    ),
    "hidden_layer_sizes": (
        'int, sequence of int or "auto"',
        """
        Units of the encoder's hidden layers; the decoder has them in reverse. "auto" is
        two layers of 2 d units, rounded up to a power of two, within 64 and 256, for d
        columns, of which one of m categories counts log2(m): `hidden_layer_sizes_`.
        """,
    ),
    "image_shape": (
        "tuple of int or None",
        """
        (height, width) or (height, width, channels) of pictures, which rows then are:
        flat, in C order, or arrays of shape (n_samples, height, width[, channels]),
        which come back as such. Pixels are `uint8`, and come back so, or numbers in [0,
        1]; they are scaled to [0, 1], all alike, whatever `scale` says. Encoder and
        decoder are convolutional (`hidden_channels`). Height and width are 8 at least.
        """,
    ),
    "hidden_channels": (
        'int, sequence of int or "auto"',
        """
        With `image_shape`: channels of the encoder's convolutions, of which each halves
        height and width; the decoder has them in reverse. "auto" begins with 16 and
        doubles them, up to 128, while maps keep 3 pixels in height and width, two
        layers at least: `hidden_channels_`. `hidden_layer_sizes` are then those of
        critics alone, and `dropout` is of the units next to the code.
        """,
    ),
    "activation": (
        '{"relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "identity"}',
        """Activation of the hidden layers.""",
    ),
    "normalization": (
        '{"batch", "layer"} or None',
        """
        Normalisation in the encoder and its heads. Never in the decoder and critic; a
        network that spots replaced cells has its own.
        """,
    ),
    "dropout": (
        "float",
        """
        Share of the hidden units of encoder and decoder that are dropped in training.
        """,
    ),
    "posterior": (
        '{"deterministic", "gaussian", "universal"}',
        """
        Kind of q(z|x) ([1]_, section 2): a point; N(μ(x), diag σ(x)²); or f(x, η)
        with Gaussian noise η beside the input.
        """,
    ),
    "prior": (
        '{"gaussian", "uniform", "laplace", "gamma", "gaussian_mixture", '
        '"swiss_roll", "categorical"}, Prior, torch Distribution or callable',
        """
        What the codes are made to look like. A callable is
        ``draw(n_samples, random_state) -> array of shape (n_samples, n_components)``.
        See `sklearn_aae.priors` for shapes and scales.
        """,
    ),
    "regularizer": (
        '{"adversarial", "kl", "mmd", "sliced_wasserstein"} or None',
        """
        What pulls the codes to the prior: a critic (AAE), KL(q(z|x) ‖ p(z)) (VAE, whose
        posterior is Gaussian if `posterior` is "deterministic"), the maximum mean
        discrepancy (WAE-MMD), the sliced Wasserstein distance (SWAE), or nothing (plain
        autoencoder).
        """,
    ),
    "adversarial_loss": (
        '{"bce", "least_squares", "hinge", "wasserstein", "relativistic"}',
        """Objective of the game.""",
    ),
    "gradient_penalty": (
        "float",
        """
        Weight of the critic's gradient penalty. "wasserstein" needs one (10 is usual).
        """,
    ),
    "gradient_penalty_type": (
        '{"auto", "r1", "r2", "r1_r2", "wgan_gp"}',
        """
        Where the penalty is taken: at prior samples, at codes, at both, or between them
        towards norm 1. "auto" is "wgan_gp" for "wasserstein" and "r1_r2" otherwise.
        """,
    ),
    "regularization_strength": (
        "float",
        """
        Weight of the regularizer against the reconstruction. With
        ``update="alternating"`` it multiplies the learning rate of the regularizer's
        step instead: Adam forgets the scale of a loss.
        """,
    ),
    "critic_hidden_layer_sizes": (
        "int or sequence of int",
        """Units of the critic's hidden layers; None for `hidden_layer_sizes`.""",
    ),
    "reconstruction": (
        '{"auto", "gaussian", "laplace", "bernoulli", "logistic"}',
        """
        Kind of p(x|z) of numbers: squared error, absolute error, or cross-entropy for
        columns in [0, 1] (with ``scale="minmax"``). "auto" is "gaussian". Categories
        have the cross-entropy, weighted to pull like a column of variance 1. With
        `image_shape`, "gaussian" learns one standard deviation for all pixels, and
        "logistic", a logistic distribution rounded to 256 levels, one scale.
        """,
    ),
    "linear_skip": (
        "bool",
        """
        Whether encoder and decoder add a linear map of what enters to what their hidden
        layers answer (a skip connection). It begins at the principal components of the
        training rows (numbers scaled, categories one-hot), and the hidden layers at 0:
        they learn what a plane cannot hold. Networks of your own, and codes on a
        simplex, have none.
        """,
    ),
    "input_noise": (
        "float",
        """
        How much noise there is on the scaled input in training (denoising): see
        `noise_type`.
        """,
    ),
    "noise_type": (
        '{"gaussian", "mask", "salt_and_pepper"}',
        """
        Kind of the noise: Gaussian, of standard deviation `input_noise`; a share
        `input_noise` of the cells set to 0 or 1; or, of pictures, a rectangle of that
        share of the area, anywhere, covered by a grey level.
        """,
    ),
    "n_examples": (
        "int",
        """
        Training rows that the fitted model keeps, drawn at random if there are more, of
        each class some: `sample` draws new rows around them, and they are in pickles
        and files of the model. At most as many as have 8 MiB (20 of the widest tables):
        a cell has one byte if all are whole, from 0 to 255, four if 32-bit floats have
        them exactly, and else eight. 0 keeps none: then `sample` decodes draws from the
        prior.
        """,
    ),
    "input_dropout": (
        'float or "auto"',
        """
        Share of the input's cells that are hidden in training (denoising): they are
        missing, and a column beside each says so; to an encoder of your own they are 0.
        "auto" hides a quarter of the cells of those columns that have missing ones in
        the training rows, so that reconstructions fill these; `input_dropout_` has it.
        In the last third of the epochs of an AAETransformer, a
        ConditionalAAETransformer or an AAEOutlierDetector the decoder then learns
        alone, and `history_` has the reconstruction only.
        """,
    ),
    "scale": (
        '{"standard", "quantile", "minmax", "range", "limited_range", "common"} '
        "or None",
        """
        Scaling of the columns, by scikit-learn's scaler of that name. "common" centres
        them and divides all by one number, for columns of one unit, such as pixels;
        "range" divides each by its range before, "limited_range" by its range or by six
        standard deviations, whichever is less: a few far cells count less.
        """,
    ),
    "categorical_features": (
        '"from_dtype", array-like of shape (n_categorical_features,) or '
        "(n_features,), dict or None",
        """
        Columns that hold categories: by name, number or mask. "from_dtype" takes text,
        categories and booleans of a frame; so does a dict, which says the categories of
        some columns: for `partial_fit`, whose first chunk may lack some. None takes
        numbers only.
        """,
    ),
    "count_features": (
        "array-like of shape (n_count_features,) or (n_features,), or None",
        """
        Columns that hold counts, by name, number or mask: whole numbers from 0 on.
        Their logarithms enter, and what comes out is a zero-inflated negative binomial
        distribution (Greene 1994), whatever `scale` and `reconstruction` say; rows that
        are drawn or reconstructed hold whole numbers.
        """,
    ),
    "clip": (
        "bool",
        """
        Whether rows that come out stay within the range of the training rows. Columns
        of integers always do.
        """,
    ),
    "learning_rate": (
        "float",
        """Adam's step size.""",
    ),
    "critic_learning_rate": (
        "float",
        """Step size of the critic; None for `learning_rate`.""",
    ),
    "learning_rate_schedule": (
        '{"constant", "cosine", "one_cycle"}',
        """Course of the step sizes over the training.""",
    ),
    "update": (
        '{"joint", "alternating"}',
        """
        Whether one encoder pass serves a whole step, or each phase makes its own pass
        and step as in [1]_. In steps of their own strengths multiply learning rates,
        as Adam forgets the scale of a loss; where there is a `reconstruction_strength`,
        they count against it.
        """,
    ),
    "batch_size": (
        "int",
        """
        Rows of a step, and samples of the prior. Fewer rows than this make one batch,
        with no more samples than rows if that is more than 1,024.
        """,
    ),
    "max_iter": (
        'int or "auto"',
        """
        Number of epochs. "auto" is as many as make 1,000 steps, within 10 and 100: see
        `n_iter_`.
        """,
    ),
    "time_limit": (
        "float or None",
        """
        Seconds that the training may take, of all restarts together; after that it ends
        where it is, with a warning, but not before its first step. Reading the table,
        and what follows the training, comes on top. Fits of a stacked search share its
        time: each pays its part.
        """,
    ),
    "early_stopping": (
        "bool",
        """
        Stop when the criterion (see `loss_`) of held-out rows has not improved, and
        return to the best epoch.
        """,
    ),
    "validation_fraction": (
        "float",
        """Share of the rows that early stopping holds out, without `X_val`.""",
    ),
    "n_iter_no_change": (
        "int",
        """Epochs without improvement before early stopping.""",
    ),
    "tol": (
        "float",
        """What counts as improvement.""",
    ),
    "n_init": (
        "int",
        """
        Number of trainings from different random weights (your own modules start as
        they are), as one stack; the one of the lowest `loss_` is kept.
        """,
    ),
    "halving": (
        "bool",
        """
        Whether the worse half of the restarts leave after a quarter of the epochs, and
        again after half of them (successive halving), by what decides which one is
        kept. Each is trained as without it: one that leaves is missed only if it would
        have overtaken the others. Where somebody may look into the training or remember
        it (`early_stopping`, `callbacks`, modules of your own), all stay to the end.
        """,
    ),
    "step_back": (
        "bool",
        """
        Whether a training that diverged (its loss is no number, or far above that of
        the untrained model) returns to its last good epoch, and goes on at a tenth of
        the learning rates, with a warning; then from half as many epochs on at a
        hundredth, at last from the beginning at a thousandth. False raises, or warns,
        at once. Without effect where there are `callbacks`, or some of scikit-learn
        (`set_callbacks`).
        """,
    ),
    "warm_start": (
        "bool",
        """
        Whether `fit` trains the fitted networks on. Its rows are taken for the same
        ones as before: categories are not counted again, as `partial_fit` does. Pickles
        and files then keep what the optimisers remember: `fit` and `partial_fit` go on
        as if never stored.
        """,
    ),
    "encoder": (
        "nn.Module",
        """
        Your own network from (scaled) rows to codes (to 2 n_components columns for a
        Gaussian posterior). It also gets a column for each one with missing cells, 1
        where one is missing, and the noise of a universal posterior. It is copied,
        never changed.
        """,
    ),
    "decoder": (
        "nn.Module",
        """Your own network from codes to (scaled) rows. It is copied, too.""",
    ),
    "callbacks": (
        "list of skorch callbacks",
        """
        Called at the beginning and end of training, epochs and batches, and with the
        gradients. Restarts share them. Models with callbacks train one by one. The user
        guide lists those of skorch; what a training cannot serve is refused by `fit`.
        A scheduler of learning rates needs ``learning_rate_schedule="constant"``.
        """,
    ),
    "compile": (
        "bool",
        """
        Whether a long training (200 steps and more), or the latest of several shorter
        ones, records its first step as a list of tensor operations and replays it: the
        same numbers, in about half the time for small networks. Trainings with your own
        modules or callbacks are never recorded. ``net_.recorded_`` tells whether the
        latest training was.
        """,
    ),
    "checkpoint": (
        "str, path-like or None",
        """
        A folder where each training keeps what it has reached. A fit of the same data,
        parameters and `random_state` that was killed then goes on where it was, and
        ends with the same bits; one that was finished is taken over, so that a search
        skips what it has trained. Files stay until you delete them. Needs a
        `random_state`; not with `callbacks`.
        """,
    ),
    "checkpoint_interval": (
        "float",
        """
        Seconds from one checkpoint of a training to the next, at least; each is written
        after an epoch. 0 writes one after every epoch.
        """,
    ),
    "device": (
        "str or torch.device",
        """"auto" takes a GPU where there is one.""",
    ),
    "random_state": (
        "int, RandomState or None",
        """
        Of weights, batches and noise. An int gives the same bits again on this
        machine, with as many threads of torch. The global random states are never
        touched.
        """,
    ),
    "verbose": (
        "int",
        """
        1 shows one line that changes: epochs, time left, losses; 2 prints a line for
        each epoch. Neither slows a stack.
        """,
    ),
}

# Of models whose code is a label and a style.
LABEL_LATENT_PARAMETERS: dict[str, tuple[str, str]] = {
    "class_heads": (
        "bool",
        """
        Whether the decoder sees W_Cᵀ y + z, n_components columns in all, with a learned
        head for each label ([1]_, section 7), or y and z side by side.
        """,
    ),
    "head_distance": (
        "float",
        """η: heads nearer to each other than this are pushed apart.""",
    ),
    "agreement_strength": (
        "float",
        """
        Weight of the agreement of neighbours on their label; 0 for the paper's recipe.
        """,
    ),
    "agreement_duration": (
        "float or None",
        """
        Share of the epochs in which neighbours agree, in (0, 1): a first stage of the
        training without smoothness, before one without agreement, each with a whole
        learning rate schedule. None for both at once, as in `partial_fit`.
        """,
    ),
    "n_neighbors": ("int", """Neighbours of a row in the graph."""),
    "neighbor_noise_rate": (
        "float",
        """
        Share of the neighbours that are taken to say nothing of a row's label, in
        [0, 1): a row that is sure of another label is not drawn to them.
        """,
    ),
    "smoothness_strength": (
        "float",
        """
        Weight of the change of q(y|x) at the worst point near a row (virtual
        adversarial training [2]_); 0 for the paper's recipe.
        """,
    ),
    "smoothness_radius": (
        "float",
        """How near: in mean distances of a row to its tenth neighbour.""",
    ),
    "augmentation": (
        "str, sequence of str or None",
        """
        With `image_shape`: how the encoder sees pictures in training. "shift" moves
        them by up to a tenth of height and width, "crop" takes 80 to 100 % of both and
        stretches them, "flip" mirrors every second one, left for right, "rotate" turns
        them by up to 15 degrees, "shear" slants them by up to 0.3 of a column for each
        row, and "zoom" makes them up to 15 % larger or smaller. The pictures to give
        back stay as they are: labels and styles forget such changes.
        """,
    ),
    "label_strength": (
        "float",
        """Weight of the loss against the critic of the labels.""",
    ),
    "reconstruction_strength": (
        "float",
        """Weight of the reconstruction, -log p(x|z) in nats a column.""",
    ),
    "critic_noise": (
        "float",
        """Standard deviation of the noise on what the critic of the labels sees.""",
    ),
}

ATTRIBUTES: dict[str, tuple[str, str]] = {
    "n_features_in_": (
        "int",
        """Number of columns.""",
    ),
    "feature_names_in_": (
        "ndarray of shape (`n_features_in_`,)",
        """Names of the columns, if they are strings.""",
    ),
    "hidden_channels_": (
        "tuple of int",
        """Channels of the encoder's convolutions, of pictures only.""",
    ),
    "hidden_layer_sizes_": (
        "tuple of int",
        """Units of the encoder's hidden layers.""",
    ),
    "n_iter_": (
        "int",
        """Number of epochs trained.""",
    ),
    "loss_": (
        "float",
        """
        The criterion, on held-out rows where there are any, else on training rows: the
        share of variance that the reconstruction misses, plus the normalised energy
        distance of codes and prior. 0 is best.
        """,
    ),
    "history_": (
        "list of dict",
        """
        For each epoch: mean "reconstruction" (nats a column), "critic" and "generator"
        (or the divergence's name); of its last batch "critic_accuracy" (share of pairs
        of prior sample and code told apart rightly, 0.5 is a draw), of that and, in
        epochs of 32 steps or more, of several "prior_match" (0 is best) and
        "prior_match_noise" (what codes that are the prior's would read one standard
        deviation above their mean of 0), in epochs of fewer than ten steps from up to
        ten steps before; with validation rows "valid_loss" and "valid_loss_best"; "dur"
        in seconds (of a model trained in a stack, its share).
        """,
    ),
    "health_": (
        "dict",
        """
        How the training went, of at most 1,000 rows: those held out ("held_out" is
        True), else training rows. "prior_match" and "prior_match_pvalue": the test of
        codes and draws from the prior, or of drawn rows and rows
        (`metrics.prior_match`); "critic_accuracy" over the last 10 epochs;
        "explained_variance" of the reconstruction and "dead_columns" of the code, which
        vary by less than 1 % of the prior's variance, or "sample_variance" in that of
        the rows; "n_labels", how many are the most likely one of some row; "n_steps";
        "step_back", None or the "epoch" that a training which diverged returned to and
        the "factor" of its learning rates. What is ill is warned of.
        """,
    ),
    "net_": (
        "AAENet",
        """The skorch net that trained.""",
    ),
    "prior_": (
        "Prior",
        """The prior.""",
    ),
    "columns_": (
        "TableColumns",
        """What each column is: its categories, or its range.""",
    ),
    "preprocessor_": (
        "TablePreprocessor",
        """The scaling.""",
    ),
}

# Of models that encode and decode.
AUTOENCODER_ATTRIBUTES: dict[str, tuple[str, str]] = {
    "encoder_": (
        "nn.Module",
        """The network that encodes: q(z|x).""",
    ),
    "decoder_": (
        "nn.Module",
        """The network that decodes: p(x|z).""",
    ),
    "input_dropout_": (
        "ndarray of shape (`n_features_in_`,)",
        """
        Share of the cells of each column that were hidden from the encoder in training.
        """,
    ),
    "pixels_": (
        "bool",
        """
        Whether the columns look like pixels: at least 16, all numbers, half of them of
        one range and of ten values or more. `sample` then returns means.
        """,
    ),
    "residuals_": (
        "ndarray of shape (`n_features_in_`,)",
        """
        Root mean square of what the reconstruction misses of each numeric column, in
        units of `scale`; 0 for columns of categories and counts.
        """,
    ),
}
