"""Ranvier inside scikit-learn: a pipeline and a grid search."""

from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import ranvier as rv

X, y = load_wine(return_X_y=True)
pipeline = make_pipeline(StandardScaler(), rv.Classifier(effort="fast", random_state=0))
search = GridSearchCV(pipeline, {"classifier__dropout": [0.0, 0.2], "classifier__hidden": [(32,), (64, 32)]}, cv=3)
search.fit(X, y)
print("best:", search.best_params_, f"accuracy {search.best_score_:.3f}")
