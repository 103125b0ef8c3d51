"""
Tables in and out
=================

Frames go in as they are: numbers, text, categories, booleans and missing cells. What
comes back is a frame of the same kind.
"""

# %%
# A table of wines, with a text column and holes.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine

from sklearn_aae import AAETransformer
from sklearn_aae.inspection import LatentSpaceDisplay

data = load_wine(as_frame=True)
wines = data.data.iloc[:, :6].copy()
wines["strength"] = np.where(wines["alcohol"] > 13, "strong", "light")
wines.loc[::9, "ash"] = np.nan
aae = AAETransformer(2, random_state=0).set_output(transform="pandas").fit(wines)
print(aae.transform(wines).head(3).round(2))

# %%
# Drawn rows are rows of such a table.

print(aae.sample(5, random_state=0).round(2).to_string())

# %%
# Rows under a condition: strong wines.

print(aae.sample(3, given={"strength": "strong"}, random_state=0).round(2).to_string())

# %%
# The codes, coloured by the grower, which was not told.

LatentSpaceDisplay.from_estimator(aae, wines, data.target)
plt.show()
