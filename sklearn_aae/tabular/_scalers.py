"""Scalers that scikit-learn lacks: of all columns by one number."""

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.preprocessing import MinMaxScaler, StandardScaler


class CommonScaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Centres columns and divides all by one number: their root mean variance.

    What columns are to each other stays: a pixel that is nearly always dark does not
    become as loud as the others.

    Parameters
    ----------
    by_range : bool, default=False
        Whether each column is divided by its range before.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (n_features,)
        What is subtracted from a column, and what it is divided by.
    """

    def __init__(self, by_range: bool = False):
        self.by_range = by_range

    def fit(self, X, y=None, sample_weight=None):
        """Learn from rows alone.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows.

        y : None
            Ignored.

        sample_weight : ndarray of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : object
        """
        vars(self).pop("moments_", None)
        return self.partial_fit(X, y, sample_weight)

    def partial_fit(self, X, y=None, sample_weight=None):
        """Learn from further rows.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows.

        y : None
            Ignored.

        sample_weight : ndarray of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : object
        """
        if not hasattr(self, "moments_"):
            self.moments_, self.extent_ = StandardScaler(), MinMaxScaler()
        self.moments_.partial_fit(X, sample_weight=sample_weight)
        self.extent_.partial_fit(X)
        extent = self.extent_.data_range_
        unit = np.where(extent > 0, extent, 1.0) if self.by_range else 1.0
        shares = (self.moments_.var_ / unit**2)[extent > 0]
        common = np.sqrt(shares.mean()) if shares.any() else 1.0
        self.mean_, self.n_features_in_ = self.moments_.mean_, len(extent)
        self.scale_ = np.broadcast_to(unit * common, self.mean_.shape)
        return self

    def transform(self, X):
        """Scale rows.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
        """
        return (X - self.mean_) / self.scale_

    def inverse_transform(self, X):
        """Undo the scaling.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Scaled rows.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
        """
        return X * self.scale_ + self.mean_
