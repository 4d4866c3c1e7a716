"""One small module a contender, each as its own documentation advises."""
