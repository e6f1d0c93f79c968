"""Pictures: one loader for training and prediction, patch features, distortions."""
