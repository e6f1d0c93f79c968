"""Look inside a trained model in the browser: questions about it, a server that answers them, and the page."""
