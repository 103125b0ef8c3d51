"""Style transfer: rows with another label, or with the style of other rows."""

import numpy as np

from sklearn_aae.estimators._tables import as_output, read_new_rows, said_of
from sklearn_aae.utils._typing import Answer, LabelOrLabels, TableLike


class StyleTransferMixin:
    """`transfer`, of models whose decoder sees a label and a style.

    They have `_class_probabilities`, `_decode_styles` and `_labels_to_get`.
    """

    def transfer(
        self, X: TableLike, y: LabelOrLabels = None, *, like: TableLike | None = None
    ) -> Answer:
        """Give rows another label and keep their style, or the style of other rows.

        A style that still tells the label is moved, too: from the Gaussian that styles
        of its label have among the training rows to that of the other label (optimal
        transport), a little nearer to its middle.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        y : label or array-like of shape (n_samples,), default=None
            The labels that they are to get. None keeps the most likely labels of the
            rows, and needs `like`.

        like : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features) \
or (1, n_features), default=None
            Rows whose style they are to get, one for each or one for all. None keeps
            their own.

        Returns
        -------
        X : {ndarray, DataFrame} of shape (n_samples, n_features)
            Rows of those labels and styles.

        Raises
        ------
        ValueError
            If `y` holds a label that the model does not know, `like` has another number
            of rows, or both are None.
        """
        if y is None and like is None:
            raise ValueError(
                "transfer needs y, the labels that the rows are to get, or like, rows "
                "whose style they are to get."
            )
        rows = read_new_rows(self, X)
        with said_of("like"):
            styled = rows if like is None else read_new_rows(self, like)
        if len(styled) not in (1, len(rows)):
            raise ValueError(
                f"like has {len(styled)} rows, and X has {len(rows)}. Pass one row for "
                "each row of X, or one for all."
            )
        if y is None:
            codes = self._model.encode(rows)
            labels = self._class_probabilities(rows, codes).argmax(1)
        else:
            labels = self._labels_to_get(y, len(rows))
        each = np.arange(len(rows)) % len(styled)
        codes = self._model.encode(styled)
        styles = codes[each, self._n_label_columns :]
        if self._data.examples is not None:
            p = self._class_probabilities(styled, codes)[each]
            styles = self._sampler().transport.move(styles, p, labels)
        return as_output(self, self._decode_styles(styles, labels), rows.dtype, X)
