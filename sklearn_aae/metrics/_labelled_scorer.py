"""A scorer of labelled rows: scikit-learn's scorers where labels are missing."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer
from sklearn.utils import check_consistent_length

from sklearn_aae.tabular import column_values, is_labelled, warn_about_minus_one
from sklearn_aae.utils._compat import safe_indexing
from sklearn_aae.utils._typing import LabelsLike, TableLike


def labelled_scorer(
    scoring: str | Callable[..., Any], *, classes: LabelsLike | None = None
) -> "LabelledScorer":
    """Make a scorer of labelled rows only, of any scorer of scikit-learn.

    scikit-learn's own scorers take -1 for a class, which no prediction ever is.

    Parameters
    ----------
    scoring : str or callable
        Name of one of scikit-learn's scorers, such as "accuracy" or "roc_auc_ovr", or
        ``scorer(estimator, X, y)``.

    classes : array-like of shape (n_classes,), default=None
        The classes, where -1 is one: it is a label if it is named here.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y, **params)``: the score of the rows whose label is not
        -1, None or NaN. Of `params`, what has one value a row is cut to those rows.

    Raises
    ------
    ValueError
        If there is no such scorer.

    See Also
    --------
    aae_scorer : The metrics of this library as scorers; they leave out such rows, too.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn_aae import SemiSupervisedAAEClassifier
    >>> from sklearn_aae.metrics import labelled_scorer
    >>> X, y = load_iris(return_X_y=True)
    >>> few = np.where(np.arange(150) % 4 == 0, y, -1)
    >>> model = SemiSupervisedAAEClassifier(max_iter=2, random_state=0)
    >>> scoring = labelled_scorer("balanced_accuracy")
    >>> cross_val_score(model, X, few, scoring=scoring, cv=2).shape
    (2,)
    """
    return LabelledScorer(scoring, classes=classes)


class LabelledScorer:
    """What `labelled_scorer` returns: a callable that pickles.

    Parameters
    ----------
    scoring : str or callable
        Of `sklearn.metrics.get_scorer`, or a scorer.

    classes : array-like of shape (n_classes,), default=None
        The classes, where -1 is one.
    """

    def __init__(
        self, scoring: str | Callable[..., Any], *, classes: LabelsLike | None = None
    ):
        get_scorer(scoring)  # an unknown name is an error here, not in a search
        self.scoring, self.classes = scoring, classes

    def __call__(
        self, estimator: Any, X: TableLike, y: LabelsLike, **params: Any
    ) -> Any:
        """Return the score of a fitted estimator on the labelled rows."""
        labels = column_values(y)
        # Rows are selected by y: scikit-learn would not see that X has others.
        check_consistent_length(X, labels)
        named = None if self.classes is None else column_values(self.classes, "classes")
        labelled = is_labelled(labels, named)
        if not labelled.any():
            raise ValueError(
                "A scorer of labelled rows needs some, and y holds no label: -1, None "
                "and NaN are unlabelled. Stratify the folds by y, or use fewer."
            )
        warn_about_minus_one(labels, named)
        rows = np.flatnonzero(labelled)
        kept = {
            name: safe_indexing(value, rows)
            if np.shape(value)[:1] == labels.shape
            else value
            for name, value in params.items()
        }
        truth = np.asarray(labels[rows].tolist())
        scorer = get_scorer(self.scoring)
        return scorer(estimator, safe_indexing(X, rows), truth, **kept)

    def __repr__(self):
        more = "" if self.classes is None else f", classes={self.classes!r}"
        return f"labelled_scorer({self.scoring!r}{more})"
