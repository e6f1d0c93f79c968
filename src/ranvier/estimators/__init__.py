"""scikit-learn estimators over raw tables: `Classifier` and `Regressor`."""
